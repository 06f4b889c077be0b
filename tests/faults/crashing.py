"""A function dies at a step of one's choice, and nothing of it runs afterwards.

The steps are every single command to Redis (each one of a pipeline, too), every post to a connection and every call of
another function; a function dies before or after one of them, by SIGKILL, in a process of its own. `Zygote` is the
process that those are forked from: one thread, with the service imported, so that a fork costs milliseconds.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import random
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self
from unittest import mock
from urllib.parse import unquote

import msgspec

from chalicelib import bootstrap, delivery, http
from chalicelib.answers import Answer
from chalicelib.store import keys, scripts, users
from chalicelib.store.scripts import Call, Command, Reply

ROOT = Path(__file__).resolve().parents[2]
When = Literal["before", "after"]
Frame = dict[str, Any]
# Smaller than in earnest: a walk over all shards has few steps, a replay has several batches, a lease ends at once.
SHARDS = 2
REPLAY_ENTRIES = 2
LEASE_MS = 1


class Order(msgspec.Struct, frozen=True):
    """What a child is to run, and where it is to die: at the step of a number (from 1), or at the first of a name."""

    function: str
    event: Frame
    step: int
    name: str
    when: When
    settles_first: bool
    gone: list[str]


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a child did, in its order; `end` is its exit status, said by the zygote."""

    step: str = ""
    post: tuple[str, str] | None = None
    closed: str = ""
    call: tuple[str, Frame] | None = None
    answer: Any = None
    failure: str = ""
    end: int | None = None


class Request(NamedTuple):
    """What the gateway asks of the platform: something of a connection, or a call of a function."""

    kind: Literal["connection", "function"]
    name: str
    method: str
    body: bytes

    @classmethod
    def read(cls, request: bytes) -> Request:
        """From how it would go over the wire."""
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.decode().split(" ", 2)
        if "/@connections/" in path:
            return cls("connection", unquote(path.rpartition("/")[2]), method, body)
        return cls("function", unquote(path.split("/")[3]), method, body)


class Zygote:
    """Runs functions, each in a child of its own, and says what each did until it ended or died."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.crashing"],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def run(self, order: Order) -> list[Record]:
        """The records of a child, the last with its `end`."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._process.stdin.flush()
        records: list[Record] = []
        while not records or records[-1].end is None:
            line = self._process.stdout.readline()
            assert line, "the zygote has ended"
            records.append(msgspec.json.decode(line, type=Record))
        return records

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._process:  # without orders it ends
            pass


# --- in the child ---------------------------------------------------------------------------------------------------


class Steps:
    """Counts the steps of a function, and kills it at one of them."""

    def __init__(self, order: Order) -> None:
        self._order, self._count = order, 0

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        self._count += 1
        say(Record(step=name))
        at_it = self._count == self._order.step or name == self._order.name
        if at_it and self._order.when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        yield
        if at_it:
            os.kill(os.getpid(), signal.SIGKILL)


def say(record: Record) -> None:
    """One line on the zygote's standard output, there before anything else happens."""
    os.write(1, msgspec.json.encode(record) + b"\n")


def count_steps(order: Order) -> None:
    """Puts the steps into the service, and makes their order the same every time."""
    steps, pipelined = Steps(order), scripts._pipelined

    def one_by_one(client: Any, calls: Sequence[Call | Command], *rest: Any) -> list[Reply]:
        replies = []
        for call in calls:
            with steps.step(call.script if isinstance(call, Call) else call.name):
                replies += pipelined(client, [call], *rest)
        return replies

    def respond(request: Request) -> int:
        kind, name, method, body = request
        if kind == "function":
            with steps.step(f"call {name}"):
                say(Record(call=(name, msgspec.json.decode(body))))
            return 202
        with steps.step("close" if method == "DELETE" else "post"):
            if name in order.gone:
                return 410
            say(Record(closed=name) if method == "DELETE" else Record(post=(name, body.decode())))
        return 200

    def ask(
        _host: object, requests: Sequence[bytes], *, meanwhile: Callable[[], None] | None = None, **_: object
    ) -> list[Answer]:
        if meanwhile and order.settles_first:
            meanwhile()
        answers = [Answer(respond(Request.read(request))) for request in requests]
        if meanwhile and not order.settles_first:
            meanwhile()
        return answers

    for target, name, replacement in (
        (scripts, "_pipelined", one_by_one),
        (http.Host, "ask", ask),
        (random, "sample", lambda population, _size: list(population)),
        (users, "REPLAY_ENTRIES", REPLAY_ENTRIES),
        (users, "LEASE_MS", LEASE_MS),
    ):
        mock.patch.object(target, name, replacement).start()


def made_small() -> list[Any]:
    """Few shards, and nobody waits for a socket that does not open; the patches, to be started."""
    return [
        mock.patch.object(keys, "SHARDS", SHARDS),
        mock.patch.object(delivery, "SHARDS", SHARDS),
        mock.patch.object(delivery, "OPEN_WAIT_S", 0.0),
    ]


def run(order: Order) -> None:
    """The whole life of a child."""
    status = 1
    try:
        count_steps(order)
        answer = getattr(importlib.import_module("app"), order.function)(order.event, None)
        say(Record(answer=answer))
        status = 0
    except BaseException:
        say(Record(failure=traceback.format_exc()))
    finally:
        os._exit(status)


def serve() -> None:
    """The zygote: a child for each order on the standard input."""
    importlib.import_module("app")
    importlib.import_module("jwt")  # as a function does that has run before
    for patch in made_small():
        patch.start()
    # A function that has run before knows its cluster, and that takes longer than all the rest.
    store = bootstrap.services().store
    store.users.online()
    store.scripts.close()  # children must not share its lines
    gc.disable()  # a child that collects copies every page that it shares with its parent
    gc.freeze()
    for line in sys.stdin.buffer:
        order = msgspec.json.decode(line, type=Order)
        child = os.fork()
        if child == 0:
            run(order)
        _, status = os.waitpid(child, 0)
        say(Record(end=os.waitstatus_to_exitcode(status)))


if __name__ == "__main__":
    serve()
