"""A client that has done the handshake and never reads: the others do not notice, and it misses nothing in the end."""

from __future__ import annotations

import base64
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.client import DEADLINE, Client, Frame, fresh, message_of, of_type
from tests.e2e.conftest import Marketplace, Shop
from tests.e2e.server import Server

# So much waits in the platform and in the sockets' own buffers before a client that does not read is given up.
MOST_BYTES = 16 * 1024 * 1024
TEXT = "x" * 3_900
IN_FLIGHT = 8


@pytest.fixture
def market(tmp_path: Path) -> Iterator[Marketplace]:
    with Server.start(tmp_path / "home", env={"RATE_LIMIT": "0", "SWEEP_S": "1"}) as server:
        marketplace = Marketplace(server)
        yield marketplace
        marketplace.close()


def silent(market: Marketplace, user: str) -> socket.socket:
    """A socket of that user, opened, with hardly any room for what comes, and nobody who reads."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(DEADLINE)
    raw.connect(("127.0.0.1", market.server.port))
    lines = [
        "GET /ws HTTP/1.1",
        f"Host: 127.0.0.1:{market.server.port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: kefu.v1",
        f"Authorization: Bearer {market.token(user)}",
    ]
    raw.sendall("\r\n".join([*lines, "", ""]).encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += raw.recv(1)
    assert head.startswith(b"HTTP/1.1 101 "), head
    return raw


def is_online(market: Marketplace, shop: Shop, user: str) -> bool:
    agents = market.admin("GET", f"/stores/{shop.store}/agents")["agents"]
    return next(bool(agent["online"]) for agent in agents if agent["user"] == user)


def log_of(reader: Client, conversation: str) -> list[Frame]:
    found: list[Frame] = []
    while page := reader.history(conversation, after=len(found), limit=100):
        found += page
    return found


def test_who_reads_nothing_is_taken_for_gone_and_gets_everything_at_the_next_connect(market: Marketplace) -> None:
    shop = market.open_store()
    reader, customer = shop.agent(), shop.customer()
    conversation = shop.conversation(customer)
    deaf = shop.appoint(fresh("deaf"))
    sent = 0
    with silent(market, deaf):
        while not is_online(market, shop, deaf):
            customer.ping()  # a poll, as the replay of the silent one begins by itself
        # The others have every message while the silent one's pile up, and the sender every reply.
        while is_online(market, shop, deaf):
            assert sent * len(TEXT) < MOST_BYTES, "it is never given up"
            body = {"type": "text", "text": TEXT}
            asked = [customer.post("send", conversation=conversation, body=body) for _ in range(IN_FLIGHT)]
            replies = [customer.answer(id_) for id_ in asked]
            assert all(reply["type"] == "reply" for reply in replies)
            assert {reader.expect("message")["seq"] for _ in asked} == {reply["result"]["seq"] for reply in replies}
            sent += IN_FLIGHT
            reader.acknowledge(sent)
    log = log_of(reader, conversation)
    assert [message["seq"] for message in log] == list(range(1, sent + 1))

    back = market.connect(deaf)
    kept = min(sent, 1_000)
    assert back.welcome["offline"] == kept
    assert [entry["offset"] for entry in back.replayed] == list(range(sent - kept + 1, sent + 1))
    missed = {entry["seq"]: message_of(entry) for entry in back.replayed}
    assert missed == {message["seq"]: message_of(message) for message in log if message["seq"] in missed}
    assert len(missed) == kept
    customer.say(conversation, "are you back?")
    live = back.expect("message")
    assert (live["offset"], live["seq"], "replay" in live) == (sent + 1, sent + 1, False)
    assert of_type(back.fence(), "message") == []
