"""What the service is to reach, and where it is out of reach on one machine: why, and what the limit is."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tests.bench.figures import Figure, shown

AGENTS = (1, 10, 100)
RECIPIENTS = (1, 10, 100)


class Goal(msgspec.Struct, frozen=True):
    """A limit that every one of some figures is to keep. `reason` is for those that do not."""

    what: str
    figures: tuple[str, ...]
    limit: float
    at_least: bool = False
    reason: str = ""

    def met(self, found: Mapping[str, Figure]) -> bool | None:
        """Whether the medians keep the limit; None where one was not measured."""
        values = [found[name].median for name in self.figures if name in found]
        if len(values) < len(self.figures):
            return None
        return all(value >= self.limit if self.at_least else value <= self.limit for value in values)

    @property
    def sought(self) -> str:
        """The limit, in words."""
        return f"{'≥' if self.at_least else '≤'} {shown(self.limit)}"


def _each(name: str, numbers: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{name}, {number}" for number in numbers)


# Measured in one thread with nothing around it (`scripts` has Redis' part, script by script).
HANDLER = (
    "what is left is the service itself. A message costs 0.5 ms in its handler, three round trips included, and "
    "0.3 ms in Redis; each further recipient 15 µs there and 25 µs here, for an offline list that none of the others "
    "keeps, and 10 µs of the kernel's for its socket, which all have in common. Two cores, of which the client takes "
    "its share, end at some 1,500 messages a second to one agent and 130 to a hundred."
)

GOALS = (
    Goal(
        "round trips to Redis before the first push of a `send`, to 1 / 10 / 100 recipients",
        _each("trips, first push", RECIPIENTS),
        2,
    ),
    Goal("the same, until the function has ended", _each("trips, in all", RECIPIENTS), 4),
    Goal("CPU for a push over TLS, at 100 recipients, to that of boto3", ("pushes, cpu to boto3",), 0.1),
    Goal("100 pushes to a service that takes 8 ms", ("pushes, slow service",), 60),
    Goal("the same, to boto3 one by one", ("pushes, slow service, to boto3",), 0.08),
    Goal(
        "CPU of `import app` and the first frame, to that of importing chalice, a boto3 client, redis and msgspec",
        ("cold, to plain imports",),
        0.6,
    ),
    Goal("posts for each message of a claimed conversation, in all", ("posts, per message",), 3.2),
    Goal(
        "one machine, 1 / 10 / 100 agents: messages a second, to Django Channels",
        _each("machine, messages/s to Django Channels", AGENTS),
        3,
        at_least=True,
        reason="it lies between 2 and 5 from run to run, as the machine has it: " + HANDLER,
    ),
    Goal(
        "the same, to python-socketio",
        _each("machine, messages/s to python-socketio", AGENTS),
        1,
        at_least=True,
        reason="python-socketio stores nothing, answers nobody, and does its work in one process: " + HANDLER,
    ),
    Goal(
        "median latency at a steady pace, to Django Channels",
        _each("machine, p50 to Django Channels", AGENTS),
        1,
        reason=HANDLER,
    ),
    Goal(
        "the same, to Socket.IO streams",
        _each("machine, p50 to Socket.IO streams", AGENTS),
        2,
        reason="to a hundred agents nothing is pushed before a hundred lists are written, which takes Redis and the "
        "handler 5 ms: an entry that is pushed first could be lost. Otherwise " + HANDLER,
    ),
    Goal(
        "CPU for a delivery, Redis included, to the floor",
        _each("machine, cpu to floor", AGENTS),
        2,
        reason="the floor runs one script for a message, whatever the number of agents, and keeps no list for any of "
        "them: " + HANDLER,
    ),
    Goal(
        "`send` with 1,000,000 stored messages to one with 1,000; with 100,000 conversations to one with 100",
        ("growth, send, messages", "growth, send, conversations"),
        1.2,
        reason="the scripts run the same commands on the same number of keys; what is left is the machine's: two "
        "servers with the same in them differ by a twentieth.",
    ),
    Goal(
        "`history` with 1,000,000 stored messages to one with 1,000: the newest page / one in the middle",
        ("growth, history, newest", "growth, history, deep"),
        1.2,
        reason="Redis walks a list from its nearer end, 8 kB at a step: some 100 µs to the middle of a million "
        "messages with jemalloc, 900 µs with the C library's allocator, which strews the steps over the memory. A "
        "list takes the least room, and of nearly all conversations nothing is read but the last pages.",
    ),
    Goal(
        "`conversations` with 100,000 conversations to one with 100: the newest page / one in the middle",
        ("growth, conversations, newest", "growth, conversations, deep"),
        1.2,
        reason="a hundred conversations fit into the processor's caches, a hundred thousand do not: the script runs "
        "the same commands, and waits for memory, some 10 µs for each of 50 rows.",
    ),
    Goal(
        "bytes of Redis for a message, to its JSON: in conversations of 20 / of 2,000 in a day",
        ("growth, bytes to JSON", "growth, bytes to JSON, busy"),
        1.5,
    ),
    Goal("100 sockets at once, with 100 waiting entries each: until all are live", ("storm, all live",), 5),
    Goal(
        "the slowest call of Redis meanwhile",
        ("storm, slowest call",),
        10,
        reason="Redis' clock goes on while its process waits for a core, and the storm keeps all of them busy: the "
        "slowest script, replay_next, takes less than 0.2 ms by itself, and at a high priority (nice -19) the slowest "
        "call of five storms took 1.6 to 8.8 ms.",
    ),
)
