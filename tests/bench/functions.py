"""What the functions and Redis do for each thing that people do: CPU time, as `infra/aws/work.py` reckons with it.

The functions run in this process, their posts go over TLS to a stand-in of the management API in another one, and Redis
is a cluster of three.
"""

from __future__ import annotations

import importlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import jwt

from chalicelib import bootstrap
from chalicelib.gateway import PUSH_WITHIN_S, Gateway, Post, Posted
from infra.local import events
from tests import servers
from tests.artifact import certificates
from tests.bench import cpu, shop
from tests.bench.figures import Figure, figure
from tests.bench.management import HOST
from tests.bench.pushes import ENVIRONMENT, Conversation

SHOP, CUSTOMER, FEW, MANY = "tea-house", "ming", 1, 11
WARM, CALLS = 20, 100

Call = Callable[[], object]


class _Strict(Gateway):
    """What is refused costs little, and is not what is to be measured."""

    def push(
        self, posts: Sequence[Post], meanwhile: Callable[[], None] | None = None, within_s: float = PUSH_WITHIN_S
    ) -> list[Posted]:
        posted = super().push(posts, meanwhile, within_s)
        for post, became in zip(posts, posted, strict=True):
            if became is not Posted.SENT or post.frame.startswith(b'{"type":"error"'):
                raise RuntimeError(f"{became}: {post.frame!r}")
        return posted


class _Stage:
    """The application, its people, and what is measured of both sides."""

    def __init__(self, nodes: list[int]) -> None:
        self._app, self._nodes, self._calls = importlib.import_module("app"), nodes, 0
        self._token = jwt.encode({"sub": CUSTOMER, "exp": 2**40}, shop.SECRET, "HS256")
        self._store = bootstrap.services().store
        self.agents = {
            number: [self._online(agent) for agent in shop.open_shop(self._store, f"{SHOP}-{number}", number)]
            for number in (FEW, MANY)
        }
        self.customer = self._online(CUSTOMER)

    def frame(self, client: events.Client, action: str, store: int = FEW, **fields: Any) -> None:
        """A frame of a client, about the customer's conversation with the store of so many agents."""
        self._calls += 1
        where = {} if action == "ping" else {"conversation": f"{SHOP}-{store}:{CUSTOMER}"}
        text = json.dumps({"action": action, "id": f"m{self._calls}", **where, **fields})
        self._app.message(events.message(client, text), None)

    def stay(self) -> None:
        """A connection from the handshake to its end."""
        client = events.Client(HOST, "", HOST)
        self._app.connect(events.connect(client, [("Authorization", f"Bearer {self._token}")], []), None)
        self._app.flush({"connection": client.connection_id}, None)
        self._app.disconnect(events.disconnect(client, 1000, ""), None)

    def measured(self, call: Call) -> tuple[float, float]:
        """µs of the function and of Redis for a call, once it is warm."""
        for _ in range(WARM):
            call()
        ours, redis = time.process_time(), self._redis_s()
        for _ in range(CALLS):
            call()
        return 1e6 * (time.process_time() - ours) / CALLS, 1e6 * (self._redis_s() - redis) / CALLS

    def _redis_s(self) -> float:
        return sum(map(cpu.used_s, self._nodes))

    def _online(self, user: str) -> events.Client:
        return events.Client(HOST, "", HOST, shop.come_online(self._store, user).connection)


@contextmanager
def _stage() -> Iterator[_Stage]:
    with tempfile.TemporaryDirectory() as name, servers.cluster(Path(name) / "redis") as seeds:
        certificates.made(Path(name), [])
        with Conversation("management", "--tls", name, environ={}) as platform:
            endpoint = f"https://{HOST}:{int(platform.said())}"
            os.environ |= ENVIRONMENT | {
                "SSL_CERT_FILE": str(Path(name) / "authority.pem"),
                "REDIS_URL": seeds,
                "REDIS_CLUSTER": "1",
                "JWT_SECRET": shop.SECRET,
                "RATE_LIMIT": "1000000",  # requests are counted, and none is too many
                "CONNECTIONS_ENDPOINT": f"{endpoint}/prod",
                "LAMBDA_ENDPOINT": endpoint,
            }
            bootstrap.gateway_of = _Strict
            nodes = []
            for seed in seeds.split(","):
                with servers.connect(int(seed.rpartition(":")[2])) as client:
                    nodes.append(int(client.info("server")["process_id"]))
            yield _Stage(nodes)
            bootstrap.services().store.close()


def measure(quick: bool) -> list[Figure]:
    """A message, each further person who is told of it, and whatever else is a call."""
    found: dict[str, list[tuple[float, float]]] = {}
    with _stage() as stage:
        body = {"type": "text", "text": shop.TEXT}
        offset, seq = count(1), count(1)  # no faster than the messages are sent
        things: dict[str, Call] = {
            "send": lambda: stage.frame(stage.customer, "send", body=body),
            "send to more": lambda: stage.frame(stage.customer, "send", MANY, body=body),
            "ping": lambda: stage.frame(stage.agents[FEW][0], "ping"),
            "ping, ack": lambda: stage.frame(stage.agents[FEW][0], "ping", ack=next(offset)),
            "read": lambda: stage.frame(stage.agents[FEW][0], "read", seq=next(seq)),
            "typing": lambda: stage.frame(stage.customer, "typing", on=True),
            "stay": stage.stay,
        }
        for _ in range(1 if quick else 7):
            for name, call in things.items():
                found.setdefault(name, []).append(stage.measured(call))
    more, one = found.pop("send to more"), found["send"]
    found["told"] = [
        ((much[0] - little[0]) / (MANY - FEW), (much[1] - little[1]) / (MANY - FEW))
        for much, little in zip(more, one, strict=True)
    ]
    return [
        figure(f"functions, {name}{of}", "µs", [each[side] for each in rounds])
        for name, rounds in found.items()
        for side, of in enumerate(("", ", Redis"))
    ]
