"""`python -m tests.bench.scripts`: what scripts cost a server of their own, in a store at work."""

import itertools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from redis import Redis

from chalicelib import protocol
from chalicelib.model import ConnectionId, ConversationId, Identity, Person, Recipient, Role, Text, UserId
from chalicelib.settings import Settings
from chalicelib.store import Store, keys
from chalicelib.store.conversations import Start
from chalicelib.store.users import Push
from tests import servers

MESSAGES, CUSTOMERS, AGENTS = 1_000, 400, 5
ROUNDS, CALLS, WARM = 9, 40, 20  # together less than the customers are: each conversation is claimed once
SHOP = "tea-house"
BODY = protocol.encode(Text("text", "x" * 100))


@dataclass(frozen=True, slots=True)
class Case:
    """One way to run a script: the deed runs it `scripts` times, and sends nothing else."""

    script: str
    name: str
    deed: Callable[[int], object]
    scripts: int = 1


def identity(user: UserId) -> Identity:
    """Somebody with a connection."""
    return Identity(user, f"{user}!", 2**40, connection=ConnectionId(f"connection-of-{user}"))


class Market:
    """A store of five agents and 400 conversations, two of them of a thousand messages; everybody is online."""

    def __init__(self, port: int) -> None:
        settings = {"REDIS_URL": f"redis://127.0.0.1:{port}", "JWT_SECRET": "x" * 32, "RATE_LIMIT": "100000"}
        self.store = Store(Settings.load(settings))
        self._ids = itertools.count()
        self.store.stores.put(SHOP, "Tea House", 300)
        self.agents = [self._agent(f"agent-{n}", "agent" if n else "supervisor") for n in range(AGENTS)]
        self.customers = [f"customer-{n}" for n in range(CUSTOMERS)]
        self.waiting, self.claimed = (f"{SHOP}:{customer}" for customer in self.customers[:2])
        for customer in self.customers:
            self.connect(customer)
            self.say(f"{SHOP}:{customer}", customer)
        self.store.conversations.claim(self.claimed, identity(self.agents[1].user), "no")
        for customer in self.customers[:2]:
            for _ in range(MESSAGES - 1):
                self.say(f"{SHOP}:{customer}", customer)
        self.settle()

    def _agent(self, user: UserId, role: Role) -> Recipient:
        joined = self.store.stores.put_agent(SHOP, user, role, f"{user}!", None)
        self.store.users.note_membership(user, SHOP, joined)
        self.connect(user)
        return Recipient(user, SHOP, joined)

    def connect(self, user: UserId) -> None:
        """A connection of the user, live."""
        who = identity(user)
        self.store.users.connect(who.connection, who)
        replay = self.store.users.begin_replay(user, who.connection, again=False)
        self.store.users.next_entries(user, who.connection, replay.lessee, 0)

    def say(self, conversation: ConversationId, by: UserId, id: str = "") -> None:
        """A message of 100 characters."""
        self.store.conversations.append(conversation, identity(by), id or f"{next(self._ids):022}", BODY)

    def settle_outbox(self) -> None:
        """Everything has been delivered."""
        self.store.scripts.command("DEL", keys.outbox(SHOP))

    def settle(self) -> None:
        """Everything has been delivered and acknowledged."""
        self.settle_outbox()
        for user in (*self.customers, *(agent.user for agent in self.agents)):
            self.store.scripts.command("DEL", keys.user(user)[2])

    def cases(self) -> list[Case]:
        """The scripts that run while people talk, in an order in which each finds its state."""
        conversations, users = self.store.conversations, self.store.users
        customer, (boss, agent) = self.customers[1], [each.user for each in self.agents[:2]]
        message = b'{"type":"message",' + b"x" * 300 + b"}"
        everybody = [Push(recipient, message) for recipient in self.agents]
        to_agent = Push(self.agents[1], message)

        def other(n: int) -> ConversationId:
            return f"{SHOP}:{self.customers[2 + n]}"

        def replay(n: int) -> None:
            connection = identity(customer).connection
            lessee = users.begin_replay(customer, connection, again=True).lessee
            users.next_entries(customer, connection, lessee, n)
            users.end_replay(customer, connection, lessee)

        def history(start: Start, seq: int) -> Callable[[int], object]:
            return lambda n: conversations.history(self.claimed, customer, start, seq, 50)

        return [
            Case("message_append", "customer, claimed", lambda n: self.say(self.claimed, customer)),
            Case("message_append", "agent", lambda n: self.say(self.claimed, agent)),
            Case("message_append", "customer, waiting", lambda n: self.say(self.waiting, self.customers[0])),
            Case("message_append", "retry", lambda n: self.say(self.claimed, customer, "the same")),
            Case(
                "offline_append",
                "customer",
                lambda n: users.reach([Push(Recipient(customer), message, store=SHOP, active_at=n)]),
            ),
            Case("offline_append", "agent", lambda n: users.reach([to_agent])),
            Case("offline_append", "five agents at once", lambda n: users.reach(everybody)),
            Case("offline_append", "nothing durable", lambda n: users.reach([Push(Recipient(customer))])),
            Case("replay_begin, _next, _end", "25 entries", replay, 3),
            Case("request_admit", "acknowledging", lambda n: users.admit(identity(customer), n)),
            Case("request_admit", "ping", lambda n: users.admit(identity(customer), None, wonders=True)),
            Case("conversation_history", "newest 50", history("newest", 0)),
            Case("conversation_history", "50 in the middle", history("after", MESSAGES // 2)),
            Case("conversations_page", "50 rows", lambda n: conversations.page(SHOP, boss, "all", "", 50)),
            Case("conversation_view", "one", lambda n: conversations.view([self.claimed])),
            Case("conversation_view", "fifty", lambda n: conversations.view([other(each) for each in range(50)])),
            Case("conversation_read", "", lambda n: conversations.read(self.claimed, customer, n)),
            Case("conversation_typing", "", lambda n: conversations.typing(self.claimed, identity(customer))),
            Case("conversation_claim", "", lambda n: conversations.claim(other(n), identity(agent), "no")),
            Case("conversation_transfer", "", lambda n: conversations.transfer(other(n), agent, Person(boss, boss))),
            Case("conversation_release", "", lambda n: conversations.release(other(n), boss)),
            Case("conversation_close", "", lambda n: conversations.close(other(n), boss)),
            Case("presence_read", "", lambda n: users.presence([agent])),
            Case("outbox_read", "", lambda n: conversations.debts(SHOP, [f"5:{customer}:*"])),
            Case("outbox_take", "nothing", lambda n: conversations.overdue(SHOP)),
            Case("store_read", "", lambda n: self.store.stores.read(SHOP, None)),
        ]


def profile() -> list[dict[str, Any]]:
    """Per case and run of its script: `commands` inside, `bytes_in` and `bytes_out`, and the server's time.

    `server_us` is the script by itself, `cpu_us` all that the server's process uses for it, reading and answering
    included. It starts a server of its own and ends it.
    """
    with tempfile.TemporaryDirectory() as folder, servers.node(Path(folder)) as port, Redis(port=port) as client:
        market = Market(port)
        try:
            return [_measured(client, market, case) for case in market.cases()]
        finally:
            market.store.close()


def _measured(client: "Redis", market: Market, case: Case) -> dict[str, Any]:
    for n in range(WARM):
        case.deed(n)
    # What the counting itself counts as: once between two looks.
    idle = _medians([_used(client, list) for _ in range(ROUNDS)])
    rounds = [_used(client, partial(_do, case, first)) for first in range(WARM, WARM + ROUNDS * CALLS, CALLS)]
    runs = CALLS * case.scripts
    if any(each["scripts"] != runs for each in rounds):
        raise RuntimeError(f"{case.script} ({case.name}) ran other than {runs} scripts a round: {rounds}")
    market.settle_outbox()
    used = _medians(rounds)
    each = {key: round((used[key] - idle[key]) / runs, 1) for key in used if key != "scripts"}
    return {"script": case.script, "case": case.name, **each}


def _do(case: Case, first: int) -> None:
    for n in range(first, first + CALLS):
        case.deed(n)


def _used(client: "Redis", deeds: Callable[[], object]) -> dict[str, float]:
    before = _counters(client)
    deeds()
    after = _counters(client)
    return {key: after[key] - before[key] for key in after}


def _medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: median(each[key] for each in rounds) for key in rounds[0]}


def _counters(client: "Redis") -> dict[str, float]:
    stats, info = client.info("commandstats"), client.info("stats")
    cpu = client.info("cpu")
    scripts = stats.get("cmdstat_evalsha", {"calls": 0, "usec": 0})
    calls = sum(row["calls"] for row in stats.values())
    return {
        "scripts": scripts["calls"],
        "commands": calls - scripts["calls"],
        "bytes_in": info["total_net_input_bytes"],
        "bytes_out": info["total_net_output_bytes"],
        "server_us": scripts["usec"],
        "cpu_us": 1e6 * (cpu["used_cpu_user"] + cpu["used_cpu_sys"]),
    }


def main() -> None:
    """Prints the table."""
    print(f"{'script':<26}{'case':<20}{'commands':>9}{'bytes in':>9}{'out':>7}{'script us':>11}{'all us':>8}")
    for row in profile():
        numbers = f"{row['commands']:>9.1f}{row['bytes_in']:>9.0f}{row['bytes_out']:>7.0f}"
        print(f"{row['script']:<26}{row['case']:<20}{numbers}{row['server_us']:>11.1f}{row['cpu_us']:>8.1f}")


if __name__ == "__main__":
    main()
