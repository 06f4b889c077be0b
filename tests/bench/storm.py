"""A hundred sockets connect at once, and a hundred entries wait for each: how long until all of them are live.

A socket is live when it has its hundred entries and a ping is answered. Redis says what its slowest call took.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path

import jwt
from aiohttp import ClientSession, ClientWebSocketResponse, TCPConnector
from redis import Redis

from chalicelib.store import Store
from chalicelib.store.scripts import LUA, sha
from chalicelib.store.users import Push
from tests import servers
from tests.bench import shop
from tests.bench.figures import Figure, figure
from tests.e2e.server import Server

SOCKETS = ENTRIES = 100
SHOP, CUSTOMER = "lantern-house", "a-shopper"
SCRIPTS = [file.stem for file in Path(LUA).glob("*.lua")]
WITHIN_S = 120.0
LOGGED_FROM_US = 200


def _leave_waiting(store: Store) -> list[str]:
    """A customer has written a hundred messages while all hundred agents were away; the agents."""
    agents = shop.open_shop(store, SHOP, SOCKETS)
    customer = shop.come_online(store, CUSTOMER)
    conversation, body = shop.conversation_of(SHOP, CUSTOMER), shop.body()
    for n in range(ENTRIES):
        debt = store.conversations.append(conversation, customer, f"m{n}", body).debt
        assert debt
        everybody = [Push(recipient, debt.message.json) for recipient in debt.recipients]
        if [reach and reach.offset for reach in store.users.reach(everybody)] != [n + 1] * SOCKETS:
            raise RuntimeError(f"message {n} is not in every list")
        store.conversations.paid(SHOP, [debt.entry])
    store.users.forget(customer.connection)
    return agents


async def _come(session: ClientSession, url: str, user: str) -> ClientWebSocketResponse:
    token = jwt.encode({"sub": user, "exp": time.time() + 3600}, shop.SECRET, "HS256")
    socket = await session.ws_connect(url, headers={"Authorization": f"Bearer {token}"}, protocols=["kefu.v1"])
    waiting = set(range(1, ENTRIES + 1))
    while waiting:
        frame = await socket.receive_json()
        if frame["type"] == "message":
            waiting.discard(frame["offset"])
    await socket.send_json({"action": "ping", "id": "live"})
    while (await socket.receive_json()).get("type") != "pong":
        pass
    return socket


async def _storm(url: str, users: list[str]) -> float:
    """Seconds from the first handshake until all are live. All of them leave again."""
    async with ClientSession(connector=TCPConnector(limit=0)) as session, asyncio.timeout(WITHIN_S):
        began = time.perf_counter()
        sockets = await asyncio.gather(*(_come(session, url, user) for user in users))
        took = time.perf_counter() - began
        await asyncio.gather(*(socket.close() for socket in sockets))
    return took


def _slowest(client: Redis) -> tuple[float, str]:
    """Milliseconds of the slowest call since the last look, and which one it was; 0.2 where none took longer."""
    calls = [
        (int(call["duration"]) / 1000, call["command"].decode(errors="replace")) for call in client.slowlog_get(10_000)
    ]
    client.slowlog_reset()
    return max(calls, default=(LOGGED_FROM_US / 1000, ""))


def _named(command: str) -> str:
    """A script by its name, another call by its own."""
    names = {sha(script): script for script in SCRIPTS}
    word, *arguments = command.split()
    return names.get(arguments[0], word) if arguments else word


def measure(quick: bool) -> list[Figure]:
    """Seconds until all are live, and milliseconds of the slowest call of Redis meanwhile."""
    seconds: list[float] = []
    slowest: list[tuple[float, str]] = []
    with tempfile.TemporaryDirectory() as name, servers.node(Path(name) / "redis") as port, Redis(port=port) as client:
        client.config_set("slowlog-log-slower-than", LOGGED_FROM_US)
        client.config_set("slowlog-max-len", 10_000)
        environ = {"REDIS_URL": f"redis://127.0.0.1:{port}", "JWT_SECRET": shop.SECRET, "PUSHES": "pipe"}
        with shop.opened(port) as store, Server.start(Path(name) / "kefu", env=environ) as server:
            server.stdout.wait_for("administrator", 30)  # its demo stores are there
            users = _leave_waiting(store)
            for _ in range(1 if quick else 5):
                _slowest(client)
                seconds.append(asyncio.run(_storm(server.ws, users)))
                slowest.append(_slowest(client))
                servers.until(lambda: store.users.online() == 0)
    which = ", ".join(dict.fromkeys(_named(command) for _, command in slowest if command))
    return [
        figure("storm, all live", "s", seconds),
        figure("storm, slowest call", "ms", [ms for ms, _ in slowest], which),
    ]
