"""Stores and their agents, in the store's slot."""

from collections.abc import Sequence

from msgspec import Struct

from chalicelib.errors import Forbidden, NotFound
from chalicelib.model import Recipient, Role, StoreId, UserId
from chalicelib.store import keys
from chalicelib.store.scripts import Command, Reply, Scripts


class Agent(Struct, frozen=True):
    """A row of a store's agents; `name` is '' where the table has none."""

    user: UserId
    role: Role
    joined: int
    name: str


class StoreView(Struct, frozen=True):
    """A store with its counts and agents."""

    store: StoreId
    name: str
    claim_grace_s: int
    waiting: int
    claimed: int
    agents: tuple[Agent, ...]

    def recipients(self) -> tuple[Recipient, ...]:
        """The agents as those who are to hear of something."""
        return tuple(Recipient(agent.user, self.store, agent.joined) for agent in self.agents)


class Service(Struct, frozen=True):
    """A store that somebody serves, with its name and the role there."""

    store: StoreId
    name: str
    role: Role


class Removal(Struct, frozen=True):
    """What became of a removal: whether there was an agent, its number, the customers whose claims are left over."""

    was_agent: bool
    number: int
    customers: list[UserId]


class Stores:
    """What may be done to stores. Every method raises Unavailable when Redis is out of reach."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def put(self, store: StoreId, name: str, claim_grace_s: int) -> None:
        """Make a store, or change it."""
        settings = ("name", name, "claim_grace_s", claim_grace_s)
        self._scripts.all([Command("HSET", (keys.store(store), *settings))], keep=True)

    def read(self, store: StoreId, user: UserId | None) -> StoreView:
        """A store as one of its agents sees it, or anyone (None). Raises Forbidden, NotFound."""
        reply = self._scripts.run(
            "store_read",
            [keys.store(store), keys.agents(store), keys.index(store), keys.claims(store)],
            user or "",
        )
        match reply:
            case [b"store", name, grace, waiting, claimed, entries]:
                rows = zip(entries[::2], entries[1::2], strict=True)
                agents = tuple(sorted((_agent(who, entry) for who, entry in rows), key=lambda agent: agent.user))
                return StoreView(store, name.decode(), int(grace), waiting, claimed, agents)
        raise _refusal(reply)

    def put_agent(self, store: StoreId, user: UserId, role: Role, name: str, actor: UserId | None) -> int:
        """Write an agent into the table for `actor` (None: the marketplace); answers the number of the membership.

        Raises Forbidden, NotFound.
        """
        table = [keys.store(store), keys.agents(store)]
        reply = self._scripts.run("agent_put", table, user, role, name, actor or "", keep=True)
        match reply:
            case [b"stored", joined]:
                return int(joined)
        raise _refusal(reply)

    def remove_agent(self, store: StoreId, user: UserId, actor: UserId | None) -> Removal:
        """Take an agent out of the table.

        Raises Forbidden, NotFound.
        """
        reply = self._scripts.run(
            "agent_remove", [keys.store(store), keys.agents(store), keys.index(store)], user, actor or "", keep=True
        )
        match reply:
            case [(b"removed" | b"no_agent") as word, number, customers]:
                return Removal(word == b"removed", int(number), [customer.decode() for customer in customers])
        raise _refusal(reply)

    def agents(self, store: StoreId) -> dict[UserId, Agent]:
        """The agents by user; none where there is no such store."""
        rows = self._scripts.command("HGETALL", keys.agents(store))
        return {user.decode(): _agent(user, entry) for user, entry in rows.items()}

    def agent(self, store: StoreId, user: UserId) -> Agent | None:
        """An agent's row, None for somebody who is no agent."""
        entry = self._scripts.command("HGET", keys.agents(store), user)
        return _agent(user.encode(), entry) if entry else None

    def served(self, user: UserId, stores: Sequence[StoreId]) -> list[Service]:
        """Those of the stores whose agents' table has the user, in one round trip."""
        names = [Command("HGET", (keys.store(store), "name")) for store in stores]
        rows = [Command("HGET", (keys.agents(store), user)) for store in stores]
        replies: list[Reply] = self._scripts.all([*names, *rows])
        return [
            Service(store, name.decode(), _agent(user.encode(), row).role)
            for store, name, row in zip(stores, replies[: len(stores)], replies[len(stores) :], strict=True)
            if name and row
        ]


def _agent(user: bytes, entry: bytes) -> Agent:
    role, joined, name = entry.decode().split(":", 2)
    return Agent(user.decode(), "supervisor" if role == "supervisor" else "agent", int(joined), name)


def _refusal(reply: Reply) -> Exception:
    match reply:
        case [b"stranger"]:
            return Forbidden()
        case [b"unknown_store"]:
            return NotFound("There is no such store.")
    return TypeError(f"a script answered {reply!r}")
