"""The stage on which functions die: a store, its people, and what each of them can see afterwards."""

from __future__ import annotations

import base64
import importlib
import itertools
import os
import secrets
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, cast
from unittest import mock
from zlib import crc32

import msgspec
from redis import Redis

from chalicelib import bootstrap
from chalicelib.answers import Answer
from chalicelib.bootstrap import Services
from chalicelib.http import Host
from chalicelib.model import ConnectionId, Identity
from chalicelib.store import keys, scripts
from tests.faults.crashing import Frame, Order, Request, When, Zygote, made_small
from tests.flow.conftest import SECRET, Person, Shop, token
from tests.flow.platform import Functions, Platform

# The same for every stage, so that a walk over all of them has the same steps.
SHARD = 1
NAMES = itertools.count(1)
RUN = secrets.token_hex(3)


class Died(Exception):
    """The function was killed at the step that was asked for."""


class Wires(Platform):
    """The platform without a server: what is posted to a connection lies here, whoever posted it."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Frame]] = []
        self.closed: list[str] = []
        self.posts = 0
        self.gone: set[str] = set()
        self.refused: list[str] = []
        self._taken: dict[str, bytes] = defaultdict(bytes)
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Nothing runs that would have to be stopped."""

    def taken(self, connection: str) -> bytes:
        with self._lock:
            return self._taken.pop(connection, b"")

    def post(self, connection: str, frame: bytes) -> None:
        with self._lock:
            self._taken[connection] += frame

    def ask(
        self, requests: Sequence[bytes], *, meanwhile: Callable[[], None] | None = None, **_: object
    ) -> list[Answer]:
        """Takes the place of `Host.ask`: the platform answers everything, and then the rest is done."""
        answers = [Answer(self._respond(Request.read(request))) for request in requests]
        if meanwhile:
            meanwhile()
        return answers

    def _respond(self, request: Request) -> int:
        kind, name, method, body = request
        if kind == "function":
            self.calls.append((name, msgspec.json.decode(body)))
            return 202
        self.posts += 1
        if name in self.gone:
            self.refused.append(name)
            return 410
        if method == "DELETE":
            self.closed.append(name)
        else:
            self.post(name, body)
        return 200


class Mortal:
    """Stands in for app.py: each function runs in a child, and dies where `dies` says."""

    def __init__(self, zygote: Zygote, wires: Wires) -> None:
        self._zygote, self._wires = zygote, wires
        self._step, self._name, self._settles_first = 0, "", False
        self._when: When = "before"
        self.steps: list[str] = []
        self.connection = ""

    def dies(self, when: When, step: int = 0, *, name: str = "", settles_first: bool = False) -> None:
        """Every function called from now on dies before or after the step of this number (from 1) or this name.

        With `settles_first` what is owed is settled before the pushes, which go out beside each other in earnest.
        """
        self._when, self._step, self._name, self._settles_first = when, step, name, settles_first

    def __getattr__(self, function: str) -> Callable[[Frame, None], Any]:
        return lambda event, _context: self._run(function, event)

    def _run(self, function: str, event: Frame) -> Any:
        # What a client knows even when nobody answers.
        self.connection = event.get("requestContext", {}).get("connectionId", "")
        gone = sorted(self._wires.gone)
        order = Order(function, event, self._step, self._name, self._when, self._settles_first, gone)
        records = self._zygote.run(order)
        self.steps = [record.step for record in records if record.step]
        answer = None
        for record in records:
            assert not record.failure, record.failure
            if record.post:
                self._wires.post(record.post[0], record.post[1].encode())
            if record.call:
                self._wires.calls.append(record.call)
            if record.closed:
                self._wires.closed.append(record.closed)
            answer = record.answer or answer
        if records[-1].end == -signal.SIGKILL:
            raise Died
        assert records[-1].end == 0, records[-1]
        return answer


def name_in_shard(kind: str) -> str:
    """A name that nobody else has, and that falls into the shard of all stages."""
    number = next(NAMES)
    return next(
        name for i in itertools.count() if crc32((name := f"{kind}-{RUN}-{number}-{i}").encode()) % keys.SHARDS == SHARD
    )


def seen_by(message: Frame) -> Frame:
    """What a message is for everyone who sees it, whatever its way."""
    return {field: message[field] for field in ("conversation", "seq", "id", "from", "body", "at")}


class Stage:
    """A new store, and whoever a scene calls on. `healthy` functions live, `doomed` ones die where they are told to."""

    def __init__(self, kefu: Services, wires: Wires, mortal: Mortal) -> None:
        self.kefu, self.wires, self.mortal = kefu, wires, mortal
        self.healthy = Functions(importlib.import_module("app"), wires)
        self.doomed = Functions(cast(ModuleType, mortal), wires)
        self.shop = Shop(name_in_shard("shop"), self.healthy, token("marketplace", scope="admin"))
        self.people: list[Person] = []
        self.http("PUT", "/stores/{store}", {"name": "Tea House", "claim_grace_s": 300})

    def close(self) -> None:
        """Whoever sweeps next finds nothing of this stage."""
        self.kefu.store.scripts.command("ZREM", keys.active_of(self.shop.store), self.shop.store)

    def http(self, method: str, resource: str, body: object = None, **path: str) -> Frame:
        """A request of the marketplace's own back end to a living function."""
        status, answer = self.healthy.http(method, resource, self.shop.admin, body, store=self.shop.store, **path)
        assert status == 200, answer
        return answer

    # People

    def online(self, user: str = "") -> Person:
        """A device of a user (or of somebody new), its replay behind it."""
        person = Person(user or name_in_shard("customer"), self.healthy).connect()
        self.people.append(person)
        return person

    def agent(self, role: str = "agent") -> str:
        """A new agent of the store, who has never been online."""
        user = name_in_shard("agent")
        self.shop.appoint(user, role)
        return user

    def conversation(self, customer: Person) -> str:
        return f"{self.shop.store}:{customer.user}"

    def connected_in_shard(self, user: str) -> str:
        """A live connection that is counted in the shard of all stages."""
        while True:
            connection = base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
            if keys.online_of(ConnectionId(connection)) == keys.online(SHARD):
                break
        self.kefu.store.users.connect(ConnectionId(connection), Identity(user, user, 2**40))
        self.wires.calls.append(("flush", {"connection": connection}))
        self.healthy.run_calls()
        return connection

    # What they see

    def replay(self, user: str, *, gaps: bool = False) -> list[Frame]:
        """The messages that a new device of the user has replayed: announced, in order, and without a gap."""
        device = Person(user, self.healthy).connect()
        welcome, *rest = device.received()
        self.healthy.disconnect(device.connection)
        assert welcome["type"] == "welcome", welcome
        replayed = [frame for frame in rest if frame.get("replay")]
        offsets = [frame["offset"] for frame in replayed]
        assert welcome["offline"] == len(replayed)
        assert offsets == sorted(set(offsets))
        assert gaps or not offsets or offsets[-1] - offsets[0] == len(offsets) - 1, offsets
        return replayed

    def history(self, reader: Person, conversation: str) -> list[Frame]:
        """The whole log, its seqs without a gap."""
        answer = reader.ask("history", conversation=conversation, after=0, limit=100)
        if answer["type"] == "error":
            assert answer["code"] == "not_found", answer
            return []
        messages: list[Frame] = answer["result"]["messages"]
        assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))
        return messages

    def online_agents(self) -> set[str]:
        agents = self.http("GET", "/stores/{store}/agents")["agents"]
        return {agent["user"] for agent in agents if agent["online"]}

    def is_owed(self) -> bool:
        """Whether a sweep has still to deliver something."""
        return bool(self.kefu.store.scripts.command("ZCARD", keys.outbox(self.shop.store)))

    def is_listed(self, user: str, text: str) -> bool:
        """Whether a message is in the user's list already; nobody comes online for that, which would be an event."""
        entries = self.kefu.store.scripts.command("LRANGE", keys.user(user)[2], 0, -1)
        return any(text.encode() in entry for entry in entries)

    # Time passes

    def sweep(self) -> None:
        """A sweep after what is owed has become overdue."""
        self.make_overdue()
        self.healthy.sweep()

    def make_overdue(self) -> None:
        outbox, scripts = keys.outbox(self.shop.store), self.kefu.store.scripts
        for entry in scripts.command("ZRANGE", outbox, 0, -1):
            scripts.command("ZADD", outbox, 1, entry)

    def expire(self, user: str, connection: str) -> None:
        """The platform must have closed the user's connection by now: it is over wherever it is counted."""
        command, (connections, *_) = self.kefu.store.scripts.command, keys.user(user)
        command("ZADD", keys.online_of(ConnectionId(connection)), "XX", 1, connection)
        if entry := command("HGET", connections, connection):
            state, _, rest = entry.decode().split(":", 2)
            command("HSET", connections, connection, f"{state}:1:{rest}")

    def leave_long_ago(self, claimer: Person, conversation: str) -> None:
        """The claimer disconnects, and past the grace time of the store has not come back."""
        self.healthy.disconnect(claimer.connection)
        self.kefu.store.scripts.command("HSET", keys.user(claimer.user)[1], "seen", 1)
        self.kefu.store.scripts.command("HSET", keys.conversation(conversation)[4], "claimed_at", 1)


@dataclass(frozen=True, slots=True)
class Theatre:
    """A service in this process whose functions live, and one whose functions die, on the same Redis."""

    kefu: Services
    wires: Wires
    mortal: Mortal

    def stage(self) -> Stage:
        """A new stage; nobody else's things are on it."""
        return Stage(self.kefu, self.wires, self.mortal)


@contextmanager
def theatre(redis_settings: Mapping[str, str]) -> Iterator[Theatre]:
    """A theatre as long as the context lasts, on a Redis that nobody else uses: a sweep looks after every store."""
    environment = {
        **redis_settings,
        "JWT_SECRET": SECRET,
        "RATE_LIMIT": "0",
        "CONNECTIONS_ENDPOINT": "http://127.0.0.1:9",
        "LAMBDA_ENDPOINT": "http://127.0.0.1:9",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    wires = Wires()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(os.environ, environment))
        stack.enter_context(mock.patch.object(Host, "ask", wires.ask))
        for smaller in made_small():
            stack.enter_context(smaller)
        zygote = stack.enter_context(Zygote(environment))
        _teach_scripts(redis_settings["REDIS_URL"])
        bootstrap.services.cache_clear()
        kefu = bootstrap.services()
        yield Theatre(kefu, wires, Mortal(zygote, wires))
        kefu.store.close()
        bootstrap.services.cache_clear()


def _teach_scripts(urls: str) -> None:
    # Every server knows every script, so that a step is the same one in every run.
    names = [file.stem for file in Path(scripts.LUA).glob("*.lua")]
    for url in urls.split(","):
        with Redis.from_url(url) as client:
            for name in names:
                client.script_load(scripts.source(name))
