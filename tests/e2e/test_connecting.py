"""Section 2 of the protocol: who gets in, and what a new connection hears first."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from websockets.exceptions import InvalidStatus

from tests.e2e.client import Client, fresh, of_type
from tests.e2e.conftest import SHARED_SECRET, Marketplace, Shop, public_pem
from tests.e2e.server import Server

ANOTHER_SECRET = "not the secret that the service was given"


def claims(**changes: Any) -> dict[str, Any]:
    """A good set of claims; a claim set to None is left out."""
    merged = {"sub": fresh("carl"), "exp": int(time.time()) + 3600} | changes
    return {name: value for name, value in merged.items() if value is not None}


def signed(claims: dict[str, Any], key: Any = SHARED_SECRET, algorithm: str = "HS256") -> str:
    return jwt.encode(claims, key, algorithm)


def unchecked(claims: dict[str, Any]) -> str:
    """Signed like `signed`, for claims that PyJWT would not write (a `sub` that is no string)."""
    encode = jwt.api_jws.encode
    return encode(json.dumps(claims).encode(), SHARED_SECRET, "HS256")


def unsigned(claims: dict[str, Any], algorithm: str = "none") -> str:
    parts = ({"alg": algorithm, "typ": "JWT"}, claims)
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts) + "."


@pytest.fixture
def enter(server: Server, market: Marketplace) -> Callable[..., Client]:
    """Connect with exactly these credentials, and be greeted."""

    def enter(token: str | None = None, **how: Any) -> Client:
        client = Client.open(server.ws, "somebody", token, **how)
        market.clients.append(client)
        return client.greet()

    return enter


def refusal(url: str, token: str | None = None, **how: Any) -> int:
    """The HTTP status of a handshake that must be refused."""
    with pytest.raises(InvalidStatus) as refused:
        Client.open(url, "somebody", token, **how).close()
    return refused.value.response.status_code


# The first frame


def test_the_server_speaks_first_with_a_welcome(market: Marketplace) -> None:
    user = fresh("carl")
    now = time.time_ns() // 1_000_000
    welcome = market.connect(user, name="Carl 卡尔").welcome
    assert welcome["user"] == user
    assert welcome["name"] == "Carl 卡尔"
    assert welcome["protocol"] == "kefu.v1"
    assert welcome["offline"] == 0
    assert abs(welcome["at"] - now) < 60_000, "milliseconds since the epoch"


def test_the_welcome_comes_first_however_early_the_client_speaks(market: Marketplace, shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    agent.say(conversation, "missed")
    for _ in range(10):
        eager = market.connect(customer.user, greet=False)
        ids = [eager.post(action) for action in ("ping", "sync", "conversations")]
        assert [f["type"] for f in eager.until("welcome")] == ["welcome"]
        for id_ in ids:
            assert eager.answer(id_)["type"] in ("pong", "reply")
        replayed = of_type(eager.fence(), "message")
        assert {(m["offset"], m.get("replay")) for m in replayed} == {(1, True)}
        eager.close()


def test_an_agent_of_one_store_is_welcomed_by_the_name_in_its_table(market: Marketplace, shop: Shop) -> None:
    user = shop.appoint(fresh("ann"), name="Ann of the tea house")
    assert market.connect(user, name="Anna").welcome["name"] == "Ann of the tea house"


def test_an_agent_of_two_stores_is_welcomed_by_the_token_s_name(market: Marketplace, shop: Shop) -> None:
    user = shop.appoint(fresh("ann"), name="Ann of the tea house")
    market.open_store().appoint(user, name="Ann of the books")
    assert market.connect(user, name="Anna").welcome["name"] == "Anna"


def test_an_agent_without_a_name_in_the_table_goes_by_the_token(market: Marketplace, shop: Shop) -> None:
    user = shop.appoint(fresh("ann"))
    assert market.connect(user, name="Anna").welcome["name"] == "Anna"


@pytest.mark.parametrize("name", ["N", "中" * 64, "😀" * 64, " "])
def test_a_token_names_its_bearer(enter: Callable[..., Client], name: str) -> None:
    assert enter(signed(claims(name=name))).welcome["name"] == name


@pytest.mark.parametrize("name", ["", "x" * 65])
def test_a_name_that_is_too_short_or_too_long_is_ignored(enter: Callable[..., Client], name: str) -> None:
    welcome = enter(signed(claims(sub="carl-with-no-name", name=name))).welcome
    assert welcome["name"] == "carl-with-no-name"


# Good credentials


def test_a_token_in_the_header_opens_the_socket(enter: Callable[..., Client]) -> None:
    mine = claims()
    client = enter(signed(mine), subprotocols=[])
    assert client.welcome["user"] == mine["sub"]
    assert client.socket.subprotocol is None


@pytest.mark.parametrize("offer", [("kefu.v1",), ("kefu.v2", "kefu.v1")])
def test_whoever_offers_the_subprotocol_gets_it_back(enter: Callable[..., Client], offer: tuple[str, ...]) -> None:
    assert enter(signed(claims()), subprotocols=offer).socket.subprotocol == "kefu.v1"


@pytest.mark.parametrize("token_first", [False, True])
def test_a_browser_brings_its_token_as_a_subprotocol(enter: Callable[..., Client], token_first: bool) -> None:
    mine = claims()
    offer = ["kefu.v1", f"bearer.{signed(mine)}"]
    client = enter(subprotocols=offer[::-1] if token_first else offer)
    assert client.welcome["user"] == mine["sub"]
    assert client.socket.subprotocol == "kefu.v1", "the token is never echoed"


@pytest.mark.parametrize("sub", ["x", "A" * 64, "_-_", "0"])
def test_a_user_id_has_one_to_64_characters(enter: Callable[..., Client], sub: str) -> None:
    assert enter(signed(claims(sub=sub))).welcome["user"] == sub


def test_a_token_of_the_identity_provider_opens_the_socket(
    enter: Callable[..., Client], signing_key: ec.EllipticCurvePrivateKey
) -> None:
    mine = claims()
    assert enter(signed(mine, signing_key, "ES256")).welcome["user"] == mine["sub"]


def test_an_rsa_key_serves_too_and_cannot_be_used_as_a_secret(tmp_path: Path) -> None:
    """On a service that nobody else uses, so that `online` is exact, too."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = public_pem(key)
    with Server.start(tmp_path, env={"JWT_PUBLIC_KEY": public}) as server:
        mine = claims()
        first, second = (Client.open(server.ws, "somebody", signed(mine, key, "RS256")).greet() for _ in range(2))
        assert first.welcome["user"] == second.welcome["user"] == mine["sub"]
        assert (first.welcome["online"], second.welcome["online"]) == (1, 2), "live connections, this one included"
        assert first.welcome["connection"] != second.welcome["connection"]
        first.close()
        second.close()

        header = {"alg": "HS256", "typ": "JWT"}
        parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (header, claims())]
        digest = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
            b".".join(parts), public.encode()
        )
        forged = b".".join([*parts, base64.urlsafe_b64encode(digest).rstrip(b"=")]).decode()
        assert refusal(server.ws, forged) == 401
        assert refusal(server.ws, signed(claims(), key, "RS512")) == 401
        assert refusal(server.ws, signed(claims(), ec.generate_private_key(ec.SECP256R1()), "ES256")) == 401


# Bad credentials

BAD_TOKENS: dict[str, Callable[[], str]] = {
    "not a JWT": lambda: "sesame",
    "an empty one": lambda: "",
    "two dots only": lambda: "..",
    "cut short": lambda: signed(claims())[:-5],
    "another secret": lambda: signed(claims(), ANOTHER_SECRET),
    "no signature": lambda: unsigned(claims()),
    "alg None with a capital": lambda: unsigned(claims(), "None"),
    "HS256 announced but not signed": lambda: unsigned(claims(), "HS256"),
    "HS512, with the right secret": lambda: signed(claims(), SHARED_SECRET, "HS512"),
    "HS384, with the right secret": lambda: signed(claims(), SHARED_SECRET, "HS384"),
    "a key that nobody configured": lambda: signed(claims(), ec.generate_private_key(ec.SECP256R1()), "ES256"),
    "RS256, where the key is another kind": lambda: signed(
        claims(), rsa.generate_private_key(public_exponent=65537, key_size=2048), "RS256"
    ),
    "expired": lambda: signed(claims(exp=int(time.time()) - 60)),
    "expired long ago": lambda: signed(claims(exp=1)),
    "no exp": lambda: signed(claims(exp=None)),
    "exp no number": lambda: unchecked(claims(exp="tomorrow")),
    "exp before any calendar": lambda: signed(claims(exp=-(10**30))),
    "no sub": lambda: signed(claims(sub=None)),
    "an empty sub": lambda: signed(claims(sub="")),
    "sub no string": lambda: unchecked(claims(sub=5)),
    "sub with a colon": lambda: signed(claims(sub="tea:carl")),
    "sub with a space": lambda: signed(claims(sub="carl c")),
    "sub with a line feed at its end": lambda: signed(claims(sub="carl\n")),
    "sub beyond ASCII": lambda: signed(claims(sub="卡尔")),
    "sub with full-width digits": lambda: signed(claims(sub="carl１")),
    "sub too long": lambda: signed(claims(sub="x" * 65)),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_bad_token_never_opens_the_socket(server: Server, kind: str) -> None:
    token = BAD_TOKENS[kind]()
    assert refusal(server.ws, token) == 401
    assert refusal(server.ws, subprotocols=["kefu.v1", f"bearer.{token}"] if token else ["kefu.v1", "bearer."]) == 401


def test_no_token_no_socket(server: Server) -> None:
    assert refusal(server.ws) == 401
    assert refusal(server.ws, subprotocols=[]) == 401


@pytest.mark.parametrize("query", ["token={}", "access_token={}", "Authorization=Bearer%20{}", "jwt={}", "bearer={}"])
def test_a_token_in_the_url_is_not_accepted(server: Server, query: str) -> None:
    assert refusal(f"{server.ws}?{query.format(signed(claims()))}") == 401


def test_a_bearer_item_counts_only_beside_the_subprotocol(server: Server) -> None:
    assert refusal(server.ws, subprotocols=[f"bearer.{signed(claims())}"]) == 401
    assert refusal(server.ws, subprotocols=["kefu.v2", f"bearer.{signed(claims())}"]) == 401


# Origins


@pytest.mark.parametrize("origin", ["https://market.example", "https://shop.example:8443"])
def test_an_origin_on_the_list_comes_in(enter: Callable[..., Client], origin: str) -> None:
    enter(signed(claims()), origin=origin)


def test_the_service_s_own_origin_comes_in(enter: Callable[..., Client], server: Server) -> None:
    enter(signed(claims()), origin=server.url)


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://market.example",
        "https://market.example:444",
        "https://market.example.evil.example",
        "https://evil-market.example",
        "https://shop.example",
        "null",
    ],
)
def test_another_origin_is_refused(server: Server, origin: str) -> None:
    token = signed(claims())
    assert refusal(server.ws, token, origin=origin) == 403
    assert refusal(server.ws, origin=origin, subprotocols=["kefu.v1", f"bearer.{token}"]) == 403


# While it lasts


def test_a_frame_after_the_token_s_expiry_is_refused_and_the_connection_closed(
    market: Marketplace, shop: Shop, enter: Callable[..., Client]
) -> None:
    user, expiry = fresh("carl"), int(time.time()) + 2
    conversation = shop.conversation(user)
    client = enter(signed(claims(sub=user, exp=expiry)))
    client.say(conversation, "in time")
    time.sleep(max(0.0, expiry + 0.1 - time.time()))  # nothing announces an expiry: the clock is the event
    error = client.request("send", conversation=conversation, body={"type": "text", "text": "too late"})
    assert error["type"] == "error", error
    assert error["code"] == "unauthorized"
    client.closed()
    assert market.connect(user).texts(conversation) == ["in time"]


def test_an_admin_s_scope_gives_no_rights_on_the_socket(enter: Callable[..., Client], shop: Shop) -> None:
    _, conversation = shop.waiting()
    back_end = enter(signed(claims(scope="admin")))
    back_end.refused("forbidden", "history", conversation=conversation)
    back_end.refused("forbidden", "claim", conversation=conversation)
    back_end.refused("forbidden", "conversations", store=shop.store)
