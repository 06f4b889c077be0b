"""kefu and its peers as running servers, all on one Redis, and how the client reaches each."""

from __future__ import annotations

import http.client
import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Protocol

import jwt

from tests.bench.peers.environment import Environment, Missing
from tests.bench.peers.plan import Address, Plan, Speech
from tests.e2e.server import Server
from tests.servers import free_port, until

SERVERS = Path(__file__).parent / "peers" / "servers"
CUSTOMERS = 8
# The peers keep no accounts, kefu's come from the marketplace: this stands for both.
SECRET = "a secret of the bench's marketplace, long enough for HS256"
TOKEN_TTL_S = 3600
numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Shared:
    """What all systems have in common."""

    environment: Environment
    redis_url: str
    redis: int
    folder: Path


@dataclass(frozen=True, slots=True)
class Times:
    """How long each phase is measured, and how long it runs before that."""

    seconds: float
    warm_s: float


class System(Protocol):
    """A running server."""

    @property
    def root(self) -> int:
        """The process that all others of it descend from."""

    def plan(self, agents: int, times: Times) -> Plan:
        """Make accounts and a room that nobody has used, and say what the client is to do there."""


class Kefu:
    """`make run`, on the bench's Redis and without a rate limit."""

    def __init__(self, server: Server, redis: int, claimed: bool = False) -> None:
        self._server, self._redis, self._claimed = server, redis, claimed
        self.root = server.process.pid

    def plan(self, agents: int, times: Times) -> Plan:
        store = f"store-{next(numbers)}"
        admin = http.client.HTTPConnection("127.0.0.1", self._server.port, timeout=30)
        _put(admin, f"/stores/{store}", '{"name":"Bench"}')
        serving = [f"{store}-agent-{number}" for number in range(agents)]
        for agent in serving:
            _put(admin, f"/stores/{store}/agents/{agent}", '{"role":"agent"}')
        admin.close()
        buying = [f"{store}-customer-{number}" for number in range(CUSTOMERS)]
        return Plan(
            speech="kefu",
            agents=[self._address(agent) for agent in serving],
            customers=[self._address(customer) for customer in buying],
            seconds=times.seconds,
            warm_s=times.warm_s,
            servers=[self.root],
            redis=self._redis,
            conversations=[f"{store}:{customer}" for customer in buying],
            claimed=self._claimed,
        )

    def claiming(self) -> Kefu:
        """The same server; one agent has claimed every conversation."""
        return Kefu(self._server, self._redis, claimed=True)

    def _address(self, user: str) -> Address:
        return self._server.ws, {"Authorization": f"Bearer {_token(user)}"}


@contextmanager
def kefu(shared: Shared, name: str, settings: Mapping[str, str]) -> Iterator[Kefu]:
    """kefu, listening, as long as the context lasts."""
    environ = {"REDIS_URL": shared.redis_url, "RATE_LIMIT": "0", "JWT_SECRET": SECRET, **settings}
    with Server.start(shared.folder / name, env=environ) as server:
        yield Kefu(server, shared.redis)


@dataclass(frozen=True, slots=True)
class Peer:
    """Another chat: one room, no accounts."""

    root: int
    redis: int
    port: int
    speech: Speech

    def plan(self, agents: int, times: Times) -> Plan:
        room = f"room-{next(numbers)}"
        return Plan(
            speech=self.speech,
            agents=[self._address(room, "agent", number) for number in range(agents)],
            customers=[self._address(room, "customer", number) for number in range(CUSTOMERS)],
            seconds=times.seconds,
            warm_s=times.warm_s,
            servers=[self.root],
            redis=self.redis,
        )

    def _address(self, room: str, role: str, number: int) -> Address:
        path = "socket.io/?EIO=4&transport=websocket&" if self.speech == "socket.io" else "ws?"
        return f"ws://127.0.0.1:{self.port}/{path}room={room}&role={role}&user={role}-{number}", {}


@contextmanager
def peer(shared: Shared, name: str, command: Sequence[str], speech: Speech) -> Iterator[Peer]:
    """A peer's server, listening, as long as the context lasts; {port} in its command is its port. Raises Missing."""
    port = free_port()
    environ = {"REDIS_URL": shared.redis_url, "NODE_PATH": str(shared.environment.node_modules)}
    log = shared.folder / f"{name}.log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            [word.format(port=port) for word in command],
            cwd=SERVERS,
            env={**os.environ, **environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=written,
            stderr=written,
            start_new_session=True,
        )
    try:
        until(lambda: process.poll() is not None or _listens(port))
        if process.poll() is not None:
            said = log.read_text(errors="replace").strip().splitlines() or [f"exit status {process.returncode}"]
            raise Missing(f"it does not start: {said[-1]}")
        yield Peer(process.pid, shared.redis, port, speech)
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # It has nothing to lose.
        process.wait()


def _token(user: str, scope: str | None = None) -> str:
    claims = {"sub": user, "scope": scope, "exp": int(time.time()) + TOKEN_TTL_S}
    return jwt.encode({claim: value for claim, value in claims.items() if value is not None}, SECRET, "HS256")


def _put(service: http.client.HTTPConnection, path: str, body: str) -> None:
    headers = {"Authorization": f"Bearer {_token('marketplace', 'admin')}", "Content-Type": "application/json"}
    service.request("PUT", path, body, headers)
    answer = service.getresponse()
    said = answer.read()
    if answer.status != HTTPStatus.OK:
        raise Missing(f"PUT {path} was answered by {answer.status}: {said.decode()}")


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
    except OSError:
        return False
    return True
