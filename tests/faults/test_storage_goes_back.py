"""A Redis that comes back without what it acknowledged last: every client can tell, and finds the way back.

Redis saves only when it is told to here, and is killed: what was written after the last save is gone, as it may be
with `appendfsync everysec`, or where a replica takes over that had not heard of it yet.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis

from tests import servers
from tests.e2e.client import Client, Frame, fresh
from tests.e2e.conftest import Marketplace
from tests.e2e.server import Server


@dataclass
class Forgetful:
    """A Redis that forgets, when it is killed, what came after the last `remember()`."""

    folder: Path
    port: int = field(default_factory=servers.free_port)

    def start(self) -> None:
        options = ["--bind", "127.0.0.1", "--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        self._process = subprocess.Popen([servers.binary(), *options], stdout=subprocess.DEVNULL)
        servers.wait_until_up(self.port)

    def remember(self) -> None:
        with Redis(port=self.port) as client:
            client.save()

    def go_back(self) -> None:
        self.stop()
        self.start()

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Forgetful]:
    server = Forgetful(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def market(redis: Forgetful, tmp_path: Path) -> Iterator[Marketplace]:
    settings = {"REDIS_URL": f"redis://127.0.0.1:{redis.port}", "RATE_LIMIT": "0", "SWEEP_S": "1"}
    with Server.start(tmp_path / "home", env=settings) as server:
        marketplace = Marketplace(server)
        yield marketplace
        marketplace.close()


@dataclass
class Follower:
    """A device that keeps one conversation as docs/protocol.md says: what it holds is what storage holds."""

    conversation: str
    client: Client
    held: dict[int, Frame] = field(default_factory=dict)
    epoch: str = ""
    lost: list[str] = field(default_factory=list)

    def take(self, message: Frame) -> None:
        """A message that came, by whichever way."""
        seq, before = message["seq"], self.held.get(message["seq"] - 1)
        if same(self.held.get(seq), message):
            return
        if seq in self.held or (seq > 1 and (before is None or before["epoch"] != message["epoch"])):
            self.compare()
        else:
            self.held[seq] = message

    def catch_up(self) -> None:
        """After a `welcome`, or a `pong` with another epoch: compare if the history is another one, and read on."""
        (found,) = [
            each
            for each in self.client.ask("conversations")["conversations"]
            if each["conversation"] == self.conversation
        ]
        if found["epoch"] != self.epoch or found["last_seq"] < max(self.held, default=0):
            self.compare()
            self.epoch = found["epoch"]

    def compare(self) -> None:
        """Read from the newest message backwards to one that is held just so; what is held behind that is lost."""
        place: Frame = {}
        found: dict[int, Frame] = {}
        while True:
            page = self.client.ask("history", conversation=self.conversation, limit=2, **place)
            found |= {message["seq"]: message for message in page["messages"]}
            place = {"before": min(found)}
            if same(self.held.get(min(found)), found[min(found)]) or not page["more"]:
                break
        for seq in [seq for seq in self.held if seq >= min(found) and not same(found.get(seq), self.held[seq])]:
            self.lost.append(self.held.pop(seq)["body"]["text"])
        self.held |= found

    def texts(self) -> list[str]:
        return [self.held[seq]["body"]["text"] for seq in sorted(self.held)]


def same(one: Frame | None, other: Frame | None) -> bool:
    """Whether two frames with one seq are one message."""
    return bool(one and other and (one["id"], one["at"], one["epoch"]) == (other["id"], other["at"], other["epoch"]))


def test_an_unharmed_restart_loses_nothing_and_is_told_all_the_same(market: Marketplace, redis: Forgetful) -> None:
    shop = market.open_store()
    agent = shop.agent()
    customer, conversation = shop.waiting("one")
    agent.expect("message", seq=1)
    before = agent.ping()
    redis.remember()
    redis.go_back()
    after = agent.ping()
    assert (after["newest"], before["newest"]) == (1, 1)
    assert after["epoch"] != before["epoch"]
    assert agent.ping()["epoch"] == after["epoch"]
    assert customer.say(conversation, "two")["seq"] == 2
    assert agent.expect("message", seq=2)["offset"] == 2


def test_a_connected_client_is_told_that_storage_is_behind_it(market: Marketplace, redis: Forgetful) -> None:
    shop = market.open_store()
    agent = shop.agent()
    customer, conversation = shop.waiting("one")
    redis.remember()
    customer.say(conversation, "lost")
    lost = agent.expect("message", seq=2)
    assert agent.ping()["newest"] == lost["offset"] == 2
    redis.go_back()
    pong = agent.ping()
    assert (pong["newest"], pong["epoch"] == lost["epoch"]) == (1, False)
    # Whoever asks for more than storage has is refused, as ever; nothing is dropped.
    assert agent.refused("bad_request", "ping", ack=2)["field"] == "ack"
    customer.say(conversation, "another")
    another = agent.expect("message", seq=2)
    assert (another["offset"], another["epoch"]) == (2, pong["epoch"])
    assert another["body"]["text"] == "another"


def test_a_device_that_was_away_is_told_although_storage_has_caught_up_with_it(
    market: Marketplace, redis: Forgetful
) -> None:
    shop = market.open_store()
    agent = shop.agent()
    customer, conversation = shop.claimed(agent, "one")
    device = Follower(conversation, customer, epoch=customer.ask("conversations")["conversations"][0]["epoch"])
    device.compare()
    redis.remember()
    for text in ("two is lost", "three is lost"):
        agent.say(conversation, text)
        device.take(customer.expect("message", body={"text": text}))
    assert device.texts() == ["one", "two is lost", "three is lost"]
    customer.close()
    redis.go_back()
    for text in ("two", "three", "four"):  # as many as the device holds, and one more
        agent.say(conversation, text)

    device.client = market.connect(customer.user)
    assert device.client.welcome["epoch"] != device.epoch
    device.catch_up()
    assert device.texts() == ["one", "two", "three", "four"]
    assert device.lost == ["two is lost", "three is lost"]


def test_a_live_message_behind_lost_ones_shows_that_they_are_lost(market: Marketplace, redis: Forgetful) -> None:
    shop = market.open_store()
    agent = shop.agent()
    customer, conversation = shop.claimed(agent, "one")
    device = Follower(conversation, customer)
    device.compare()
    redis.remember()
    for text in ("two is lost", "three is lost"):
        agent.say(conversation, text)
        device.take(customer.expect("message", body={"text": text}))
    redis.go_back()
    for text in ("two", "three", "four"):
        agent.say(conversation, text)
    # The pushes of two and three never came; what the device sees fits what it holds, but for the epoch.
    device.take(customer.expect("message", body={"text": "four"}))
    assert device.texts() == ["one", "two", "three", "four"]
    assert device.lost == ["two is lost", "three is lost"]


def test_a_conversation_starts_its_versions_anew_in_another_epoch(market: Marketplace, redis: Forgetful) -> None:
    shop = market.open_store()
    agent, rival = shop.agent(), shop.agent("rob")
    _, conversation = shop.waiting()
    redis.remember()
    lost = agent.ask("claim", conversation=conversation)["conversation"]
    redis.go_back()
    won = rival.ask("claim", conversation=conversation)["conversation"]
    assert (won["version"], won["agent"]["user"]) == (lost["version"], rival.user)
    assert won["epoch"] != lost["epoch"]
    body = {"type": "text", "text": "still mine?"}
    assert (
        agent.refused("not_claimer", "send", conversation=conversation, id=fresh("k"), body=body)["agent"] == rival.user
    )


def test_a_message_that_was_lost_is_stored_when_its_sender_tries_again(market: Marketplace, redis: Forgetful) -> None:
    shop = market.open_store()
    customer, conversation = shop.waiting()
    redis.remember()
    first = customer.say(conversation, "again", id="k1")
    redis.go_back()
    again = customer.say(conversation, "again", id="k1")
    assert (again["seq"], again["at"] > first["at"]) == (2, True)
    assert customer.texts(conversation) == ["hello", "again"]
