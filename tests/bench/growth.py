"""Whether it matters how much is stored: 1,000 messages against 1,000,000, 100 conversations against 100,000.

Each request is made at two Redis servers of their own, one with little and one with much in it: a few times at the one,
then at the other, so that each has been at work just before, as a server in use has.
"""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from redis import Redis

from chalicelib import actions, protocol
from chalicelib.model import ConversationId, Identity, Text
from chalicelib.store import Store, keys
from tests import packages, servers
from tests.bench import shop
from tests.bench.figures import Figure, figure, ratio
from tests.bench.loading import Crowd, Talk

SMALL_MESSAGES, SMALL_CONVERSATIONS = 1_000, 100
LARGE_MESSAGES, LARGE_CONVERSATIONS = 1_000_000, 100_000
PAGE = 50
IN_A_ROW = 15
IDS = itertools.count()

# Prepares a request; what it answers makes it, and is timed.
Deed = Callable[[], Callable[[], None]]


@dataclass(frozen=True, slots=True)
class Pair:
    """The same request where little is stored and where much is."""

    name: str
    small: Deed
    large: Deed


def _asks(store: Store, caller: Identity, request: protocol.AnyRequest) -> None:
    actions.perform(store, caller, request)


def _sends(store: Store, caller: Identity, conversation: ConversationId) -> None:
    id = f"sent-{next(IDS)}"
    request = protocol.Send(id=id, conversation=conversation, body=Text("text", shop.TEXT))
    _, outcome = actions.perform(store, caller, request)
    assert outcome.debt
    store.conversations.paid(outcome.store, [outcome.debt.entry])  # or the outbox would grow, not the history


def _talk_deeds(talk: Talk) -> dict[str, Deed]:
    middle = talk.messages // 2
    newest = protocol.History(conversation=talk.conversation, limit=PAGE)
    deep = protocol.History(conversation=talk.conversation, before=middle, limit=PAGE)
    return {
        "send, messages": lambda: lambda: _sends(talk.store, talk.customer, talk.conversation),
        "history, newest": lambda: lambda: _asks(talk.store, talk.customer, newest),
        "history, deep": lambda: lambda: _asks(talk.store, talk.customer, deep),
    }


def _crowd_deeds(crowd: Crowd, client: Redis) -> dict[str, Deed]:
    choice = random.Random(1)
    newest = protocol.Conversations(store=crowd.name, limit=PAGE)
    middle = len(crowd.customers) // 2 - PAGE // 2

    def page_in_the_middle() -> Callable[[], None]:
        # Each `send` moves a conversation up, so what is in the middle is another one each time.
        (row,) = client.zrange(keys.index(crowd.name), middle, middle)
        assert isinstance(row, bytes)
        deep = protocol.Conversations(store=crowd.name, limit=PAGE, cursor=row.decode().removeprefix("all:"))
        return lambda: _asks(crowd.store, crowd.agent, deep)

    def send() -> Callable[[], None]:
        customer = choice.choice(crowd.customers)
        caller, conversation = Identity(customer, customer, 2**40), shop.conversation_of(crowd.name, customer)
        return lambda: _sends(crowd.store, caller, conversation)

    return {
        "send, conversations": send,
        "conversations, newest": lambda: lambda: _asks(crowd.store, crowd.agent, newest),
        "conversations, deep": page_in_the_middle,
    }


def _deeds(store: Store, client: Redis, messages: int, conversations: int) -> dict[str, Deed]:
    talk = Talk.full(store, client, "one-talk", messages)
    crowd = Crowd.full(store, client, "many-talks", conversations)
    return _talk_deeds(talk) | _crowd_deeds(crowd, client)


def _p50s(pair: Pair, rows: int) -> tuple[float, float]:
    """The medians of some rows of calls of each, in ms."""
    small: list[float] = []
    large: list[float] = []
    for n in range(rows):
        both = [(pair.small, small), (pair.large, large)]
        for deed, took in both if n % 2 else reversed(both):
            for _ in range(IN_A_ROW):
                make = deed()
                began = time.perf_counter()
                make()
                took.append(1e3 * (time.perf_counter() - began))
    return median(small), median(large)


def _flatness(pairs: Sequence[Pair], rounds: int, rows: int, note: str) -> list[Figure]:
    for pair in pairs:
        _p50s(pair, rows)  # warm
    found: dict[str, list[tuple[float, float]]] = {pair.name: [] for pair in pairs}
    for _ in range(rounds):
        for pair in pairs:
            found[pair.name].append(_p50s(pair, rows))
    figures = []
    for name, medians in found.items():
        small, large = [each[0] for each in medians], [each[1] for each in medians]
        figures += [
            ratio(f"growth, {name}", large, small, note),
            figure(f"growth, {name}, little", "ms", small),
            figure(f"growth, {name}, much", "ms", large, note),
        ]
    return figures


def _usual(folder: Path) -> tuple[str, str]:
    """A server with jemalloc, as distributions and AWS have it, else the one that there is; and what is to be noted.

    The allocator of the C library strews the nodes of a long list over the memory, and walking it takes several times
    as long.
    """
    for program in packages.redis_servers(folder, []):
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
        if "malloc=jemalloc" in version:
            return program, ""
    return servers.binary(), "a server without jemalloc"


def _bytes(folder: Path, program: str, conversations: int) -> list[Figure]:
    """What a message costs in Redis, its id's record included, when it has been delivered and acknowledged.

    In conversations of 20 messages more, and in one of 2,000 within a day, whose table of ids is another kind of hash.
    """
    with servers.node(folder, program=program) as port, Redis(port=port) as client, shop.opened(port) as store:
        (user,) = shop.open_shop(store, "tea-house", 1)
        agent = Identity(user, user, 2**40)

        def say(number: int, count: int) -> list[int]:
            """So many messages by both in turn; the sizes of their JSON."""
            conversation, sizes = f"tea-house:customer-{number}", []
            customer = Identity(f"customer-{number}", f"customer-{number}", 2**40)
            for n in range(count):
                id = f"9f86d081884c7d{next(IDS):08}"
                debt = store.conversations.append(conversation, agent if n % 2 else customer, id, shop.body()).debt
                assert debt
                sizes.append(len(debt.message.json))
                store.conversations.paid("tea-house", [debt.entry])
            return sizes

        def begin(number: int) -> None:
            say(number, 1)
            store.conversations.claim(f"tea-house:customer-{number}", agent, "no")

        def used() -> int:
            return int(client.info("memory")["used_memory"])

        begin(0)  # so that the server knows its scripts
        empty = used()
        for number in range(1, conversations + 1):
            begin(number)
        begun = used()
        sizes = [size for number in range(1, conversations + 1) for size in say(number, 20)]
        many = (used() - begun) / len(sizes)
        before = used()
        busy_sizes = say(0, 2_000)
        busy = (used() - before) / len(busy_sizes)
        return [
            figure("growth, bytes", "bytes", [many]),
            figure("growth, bytes of its JSON", "bytes", [mean(sizes)]),
            figure("growth, bytes to JSON", "×", [many / mean(sizes)]),
            figure("growth, bytes to JSON, busy", "×", [busy / mean(busy_sizes)]),
            figure("growth, bytes of a conversation", "bytes", [(begun - empty) / conversations - many]),
        ]


def measure(quick: bool) -> list[Figure]:
    """The ratios of medians, much to little; and Redis' bytes for a message. Quick: much is a tenth."""
    # Across two cores a server is woken up in one time or in twice that, for long stretches: of two servers with the
    # same in them one was 0.5 to 2.4 times as fast as the other. On one core they differ by a twentieth.
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    part = 10 if quick else 1
    messages, conversations = LARGE_MESSAGES // part, LARGE_CONVERSATIONS // part
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        program, note = _usual(folder)
        if quick:
            note = "; ".join(filter(None, (f"{messages:,} messages, {conversations:,} conversations", note)))
        figures = _bytes(folder / "bytes", program, 1_000 // part)
        deeds = []
        for number, size in enumerate([(SMALL_MESSAGES, SMALL_CONVERSATIONS), (messages, conversations)]):
            port = stack.enter_context(servers.node(folder / str(number), program=program))
            store, client = stack.enter_context(shop.opened(port)), stack.enter_context(Redis(port=port))
            deeds.append(_deeds(store, client, *size))
        small, large = deeds
        pairs = [Pair(name, small[name], large[name]) for name in small]
        return figures + _flatness(pairs, 3 if quick else 7, 2 if quick else 6, note)
