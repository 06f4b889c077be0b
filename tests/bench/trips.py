"""Round trips to Redis for a `send`, warm: until its first push arrives, and until its function has ended.

They are counted on the wire, by a proxy in front of a real Redis. It holds every answer back for a while, so that what
is still under way when the first push arrives is not taken for a trip that the push had to wait for.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from chalicelib import bootstrap
from chalicelib.store import Store
from tests import servers
from tests.bench import shop
from tests.bench.figures import Figure, figure
from tests.bench.management import HOST, Management

RECIPIENTS = (1, 10, 100)
ANSWER_LATE_S = 0.02
WARM = 3


class Wire:
    """The proxy in front of Redis, and the platform that the posts go to, both on a loop of their own."""

    def __init__(self, redis_port: int) -> None:
        self._redis_port = redis_port
        self._ports: Future[tuple[int, int]] = Future()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))
        self.begun = self.answered = self.posts = 0
        self.before_first: int | None = None

    def __enter__(self) -> Wire:
        self._thread.start()
        self.proxy_port, self.platform_port = self._ports.result()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stopped.set)
        self._thread.join()

    def reset(self) -> None:
        """Nothing has been counted yet."""
        self.begun = self.answered = self.posts = 0
        self.before_first = None

    async def _serve(self) -> None:
        self._loop, self._stopped = asyncio.get_running_loop(), asyncio.Event()
        proxy = await self._loop.create_server(lambda: _Asking(self, self._redis_port), HOST, 0)
        platform = await self._loop.create_server(lambda: Management(heard=self._hear), HOST, 0)
        self._ports.set_result((proxy.sockets[0].getsockname()[1], platform.sockets[0].getsockname()[1]))
        await self._stopped.wait()

    def _hear(self, _connection: str, _frame: bytes) -> None:
        self.posts += 1
        if self.before_first is None:
            self.before_first = self.answered


class _Asking(asyncio.Protocol):
    """A connection of the service to Redis: what is asked goes on at once, the answer late."""

    def __init__(self, wire: Wire, redis_port: int) -> None:
        self._wire = wire
        # Beside the loop, so that nothing that is asked has to wait for it.
        self._redis = socket.create_connection((HOST, redis_port))
        self._asked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._client, self._loop = transport, asyncio.get_running_loop()
        self._loop.add_reader(self._redis, self._answer)

    def data_received(self, data: bytes) -> None:
        if not self._asked:  # what follows before the answer belongs to the same trip
            self._asked = True
            self._wire.begun += 1
        self._redis.sendall(data)

    def connection_lost(self, _error: Exception | None) -> None:
        self._loop.remove_reader(self._redis)
        self._redis.close()

    def _answer(self) -> None:
        words = self._redis.recv(1 << 20)
        if words:
            self._loop.call_later(ANSWER_LATE_S, self._pass_on, words)
        else:
            self._loop.remove_reader(self._redis)
            self._client.close()

    def _pass_on(self, words: bytes) -> None:
        if self._asked:
            self._asked = False
            self._wire.answered += 1
        self._client.write(words)


@contextmanager
def _stage() -> Iterator[tuple[Wire, Store]]:
    with tempfile.TemporaryDirectory() as folder, servers.node(Path(folder)) as port, Wire(port) as wire:
        os.environ |= {
            "REDIS_URL": f"redis://{HOST}:{wire.proxy_port}",
            "JWT_SECRET": shop.SECRET,
            "CONNECTIONS_ENDPOINT": f"http://{HOST}:{wire.platform_port}/prod",
            "LAMBDA_ENDPOINT": f"http://{HOST}:{wire.platform_port}",
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }
        with shop.opened(port) as store:  # past the proxy, for what is not counted
            yield wire, store
        bootstrap.services().store.close()


def _message(connection: str, frame: dict[str, Any]) -> dict[str, Any]:
    """What the function `message` is called with."""
    context = {
        "connectionId": connection,
        "apiId": "abc",
        "domainName": "abc.execute-api.us-east-1.amazonaws.com",
        "stage": "prod",
        "routeKey": "$default",
        "eventType": "MESSAGE",
    }
    return {"requestContext": context, "body": msgspec.json.encode(frame).decode()}


def measure(quick: bool) -> list[Figure]:
    """Until the first push and in all, for each number of recipients. The rate limit is the default one."""
    sends = 3 if quick else 10
    figures = []
    with _stage() as (wire, store):
        app = importlib.import_module("app")
        for number in RECIPIENTS:
            name, customer = f"shop-{number}", f"customer-{number}"
            for agent in shop.open_shop(store, name, number):
                shop.come_online(store, agent)
            caller = shop.come_online(store, customer)
            before, in_all = [], []
            for n in range(WARM + sends):
                wire.reset()
                body = {"type": "text", "text": shop.TEXT}
                frame = {"action": "send", "id": f"m{n}", "conversation": f"{name}:{customer}", "body": body}
                app.message(_message(caller.connection, frame), None)
                if n < WARM:  # the first one opens the conversation, and others hear of that
                    continue
                if wire.posts != number + 1 or wire.before_first is None:
                    raise RuntimeError(f"{wire.posts} posts instead of {number} and the reply")
                before.append(wire.before_first)
                in_all.append(wire.begun)
            figures += [
                figure(f"trips, first push, {number}", "", before),
                figure(f"trips, in all, {number}", "", in_all),
            ]
    return figures
