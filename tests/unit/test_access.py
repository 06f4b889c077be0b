"""Tokens and handshakes: who comes in, under which name, and who does not."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from chalicelib import access
from chalicelib.errors import Forbidden, Unauthorized
from chalicelib.settings import Settings, SettingsError
from tests.unit.conftest import SECRET, key_pair, load

SOON = int(time.time()) + 600


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def hand_made(header: object, claims: object, secret: bytes = SECRET.encode()) -> str:
    """A token by hand, where a library would refuse to make it; its HS256 signature is right."""
    signed = f"{part(header)}.{part(claims)}"
    signature = hmac.digest(secret, signed.encode(), hashlib.sha256)
    return f"{signed}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def token(claims: Mapping[str, Any] | None = None, **more: Any) -> str:
    return hand_made({"alg": "HS256", "typ": "JWT"}, {"sub": "u1", "exp": SOON, **(claims or {}), **more})


def refused(settings: Settings, text: str) -> str:
    with pytest.raises(Unauthorized) as refusal:
        access.from_token(settings, text)
    return refusal.value.message


def test_a_good_token_is_an_identity(settings: Settings) -> None:
    identity = access.from_token(settings, jwt.encode({"sub": "u-1_A", "exp": SOON, "name": "Ann"}, SECRET, "HS256"))
    assert (identity.user, identity.name, identity.expires_at, identity.admin) == ("u-1_A", "Ann", SOON, False)
    assert identity.connection == ""


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_a_token_signed_with_the_private_key_comes_in(algorithm: str) -> None:
    pair = key_pair(algorithm)
    settings = Settings.load({"JWT_PUBLIC_KEY": pair.public})
    good = jwt.encode({"sub": "u1", "exp": SOON}, pair.private, algorithm)
    assert access.from_token(settings, good).user == "u1"
    refused(settings, jwt.encode({"sub": "u1", "exp": SOON}, key_pair(f"other {algorithm}").private, algorithm))
    refused(settings, token())


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_with_both_keys_each_checks_its_own_algorithm(algorithm: str) -> None:
    pair = key_pair(algorithm)
    settings = load(JWT_PUBLIC_KEY=pair.public)
    assert access.from_token(settings, token()).user == "u1"
    assert access.from_token(settings, jwt.encode({"sub": "u2", "exp": SOON}, pair.private, algorithm)).user == "u2"


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_the_public_key_is_no_secret(algorithm: str) -> None:
    # The public key is known to everybody: as a secret of HS256 it would let everybody sign.
    pem = key_pair(algorithm).public
    for settings in (Settings.load({"JWT_PUBLIC_KEY": pem}), load(JWT_PUBLIC_KEY=pem)):
        for secret in (pem.encode(), pem.strip().encode()):
            refused(settings, hand_made({"alg": "HS256"}, {"sub": "u1", "exp": SOON}, secret))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_while_the_public_key_changes_both_count(algorithm: str) -> None:
    new, previous, other = key_pair(algorithm), key_pair(f"other {algorithm}"), key_pair("ES256")
    settings = Settings.load({"JWT_PUBLIC_KEY": new.public, "JWT_PREVIOUS_PUBLIC_KEY": previous.public})
    for pair in (new, previous):
        good = jwt.encode({"sub": "u1", "exp": SOON}, pair.private, algorithm)
        assert access.from_token(settings, good).user == "u1"
        expired = jwt.encode({"sub": "u1", "exp": SOON - 1_000}, pair.private, algorithm)
        refused(settings, expired)
    if algorithm != "ES256":
        refused(settings, jwt.encode({"sub": "u1", "exp": SOON}, other.private, "ES256"))


def test_while_the_secret_changes_both_count() -> None:
    previous = "the previous secret, which is long enough, too"
    settings = load(JWT_PREVIOUS_SECRET=previous)
    for secret in (SECRET, previous):
        good = jwt.encode({"sub": "u1", "exp": SOON}, secret, "HS256")
        assert access.from_token(settings, good).user == "u1"
        refused(settings, jwt.encode({"sub": "u1", "exp": SOON - 1_000}, secret, "HS256"))
    refused(settings, jwt.encode({"sub": "u1", "exp": SOON}, f"{previous}!", "HS256"))


def test_who_signs_anew_may_change_the_algorithm() -> None:
    pair = key_pair("ES256")
    settings = Settings.load({"JWT_PUBLIC_KEY": pair.public, "JWT_PREVIOUS_PUBLIC_KEY": key_pair("RS256").public})
    for key, algorithm in ((pair.private, "ES256"), (key_pair("RS256").private, "RS256")):
        assert access.from_token(settings, jwt.encode({"sub": "u1", "exp": SOON}, key, algorithm)).user == "u1"


def test_without_any_key_no_token_is_read() -> None:
    with pytest.raises(SettingsError, match=r"JWT_SECRET .* or JWT_PUBLIC_KEY"):
        access.from_token(Settings.load({}), token())


def test_a_public_key_whose_lines_are_escaped_is_the_same_key() -> None:
    pair = key_pair("RS256")
    settings = Settings.load({"JWT_PUBLIC_KEY": pair.public.replace("\n", "\\n")})
    assert access.from_token(settings, jwt.encode({"sub": "u1", "exp": SOON}, pair.private, "RS256")).user == "u1"


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", "hs256", "HS384", "HS512", "PS256", "EdDSA", "RS256"]
)
def test_an_algorithm_that_is_not_configured_is_refused(settings: Settings, algorithm: str) -> None:
    right = hand_made({"alg": algorithm}, {"sub": "u1", "exp": SOON})
    refused(settings, right)
    refused(settings, right.rpartition(".")[0] + ".")


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_a_key_checks_one_algorithm_only(algorithm: str) -> None:
    pair = key_pair("RS256")
    settings = Settings.load({"JWT_PUBLIC_KEY": pair.public})
    refused(settings, jwt.encode({"sub": "u1", "exp": SOON}, pair.private, algorithm))


@pytest.mark.parametrize("header", [{}, {"alg": None}, {"alg": 1}, {"alg": ["HS256"]}, {"alg": {}}, [], "HS256", None])
def test_a_malformed_header_is_refused(settings: Settings, header: object) -> None:
    refused(settings, hand_made(header, {"sub": "u1", "exp": SOON}))


def test_a_wrong_signature_is_refused(settings: Settings) -> None:
    refused(settings, hand_made({"alg": "HS256"}, {"sub": "u1", "exp": SOON}, b"another secret, long enough as well"))
    head, claims, signature = token().split(".")
    refused(settings, f"{head}.{part({'sub': 'admin', 'exp': SOON})}.{signature}")
    refused(settings, f"{head}.{claims}.")
    refused(settings, f"{head}.{claims}")


@pytest.mark.parametrize("missing", ["sub", "exp"])
def test_sub_and_exp_are_required(settings: Settings, missing: str) -> None:
    claims = {"sub": "u1", "exp": SOON}
    del claims[missing]
    refused(settings, hand_made({"alg": "HS256"}, claims))


@pytest.mark.parametrize(
    "expiry",
    [
        *(None, True, False, "", "soon", [], {}, [10**9], float("nan"), float("inf"), float("-inf"), 0, -1, 1.5),
        *("9999999999", " 9999999999 ", "9e9", 10**9),
    ],
    ids=repr,
)
def test_an_expiry_that_is_past_or_no_number_is_refused(settings: Settings, expiry: object) -> None:
    refused(settings, token(exp=expiry))


def test_a_token_ends_with_its_second(settings: Settings) -> None:
    refused(settings, token(exp=int(time.time())))


@pytest.mark.parametrize(
    "expiry", [9e9 + 0.75, 9e9, 2**53, 2**63, 2**64, 1e300, 10**400], ids=lambda n: f"{len(str(n))} digits"
)
def test_an_expiry_is_any_number_that_lies_ahead(settings: Settings, expiry: float) -> None:
    assert access.from_token(settings, token(exp=expiry)).expires_at == int(expiry)


def test_an_expiry_too_long_to_be_a_number_is_refused(settings: Settings) -> None:
    signed = part({"alg": "HS256"}) + "." + base64.urlsafe_b64encode(b'{"sub":"u1","exp":%s}' % (b"9" * 5_000)).decode()
    signature = base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), signed.encode(), "sha256")).decode()
    refused(settings, f"{signed}.{signature}")


@pytest.mark.parametrize("sub", [None, 1, True, "", "x" * 65, "a b", "a:b", "a\n", "\na", "é", "客", "{a}", ["a"], {}])
def test_a_sub_that_is_no_user_id_is_refused(settings: Settings, sub: object) -> None:
    refused(settings, token(sub=sub))


def test_a_sub_has_up_to_64_characters(settings: Settings) -> None:
    assert access.from_token(settings, token(sub="A-_9" * 16)).user == "A-_9" * 16


@pytest.mark.parametrize("name", ["A", "客服小美", "x" * 64, "🙂" * 64, " ", 'a"b\\c', "<b>", "\n"])
def test_a_name_is_taken_as_it_is(settings: Settings, name: str) -> None:
    assert access.from_token(settings, token(name=name)).name == name


@pytest.mark.parametrize("name", ["", "x" * 65, None, 1, True, ["A"], {}, "\ud800", "a\udfffb"], ids=repr)
def test_a_name_that_is_none_is_ignored(settings: Settings, name: object) -> None:
    assert access.from_token(settings, token(name=name)).name == "u1"


@pytest.mark.parametrize("scope", ["admin", "read admin", " admin  write ", "admin\tread"])
def test_the_scope_admin_is_the_marketplace(settings: Settings, scope: str) -> None:
    assert access.from_token(settings, token(scope=scope)).admin


@pytest.mark.parametrize(
    "scope", ["", "administrator", "Admin", "no-admin", "admin,read", ["admin"], {"admin": 1}, True, 1]
)
def test_any_other_scope_is_not(settings: Settings, scope: object) -> None:
    assert not access.from_token(settings, token(scope=scope)).admin


@pytest.mark.parametrize(
    "claims",
    [{"aud": "x"}, {"aud": ["x"]}, {"aud": 1}, {"iss": "x"}, {"iss": 1}, {"iat": 9**10}, {"iat": "x"}],
    ids=repr,
)
def test_what_concerns_the_marketplace_alone_is_not_looked_at(settings: Settings, claims: dict[str, Any]) -> None:
    assert access.from_token(settings, token(claims)).user == "u1"


def test_a_token_counts_from_its_nbf(settings: Settings) -> None:
    refused(settings, token(nbf=SOON))
    refused(settings, token(nbf="soon"))
    assert access.from_token(settings, token(nbf=int(time.time()) - 1)).user == "u1"


DEEP = base64.urlsafe_b64encode(b"[" * 100_000).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d", "null", " ", "\x00", "é.é.é", "客", "\ud800", "\n"),
        *("x" * 100_000, ("x" * 1_000 + ".") * 3, f"{part({'alg': 'HS256'})}.{DEEP}.x", f"{DEEP}.{DEEP}.x"),
        *(part({"alg": "HS256"}) + "..", f"{part([])}.{part([])}.", "." * 10_000, "eyJ9.e30.", '{"alg":"HS256"}'),
    ],
    ids=lambda text: repr(text)[:20],
)
def test_garbage_is_refused(settings: Settings, text: str) -> None:
    assert refused(settings, text) == refused(settings, "another")  # nothing of the token is repeated


@pytest.mark.parametrize("claims", [[], "u1", None, 1, [["sub", "u1"]]])
def test_claims_that_are_no_object_are_refused(settings: Settings, claims: object) -> None:
    refused(settings, hand_made({"alg": "HS256"}, claims))


def test_claims_nested_without_end_are_refused(settings: Settings) -> None:
    signed = f"{part({'alg': 'HS256'})}.{DEEP}"
    signature = base64.urlsafe_b64encode(hmac.digest(SECRET.encode(), signed.encode(), "sha256")).rstrip(b"=").decode()
    refused(settings, f"{signed}.{signature}")


# --- handshakes -----------------------------------------------------------------------------------------------------

GOOD = {"authorization": f"Bearer {token()}"}


def offer(*items: str) -> dict[str, str]:
    return {"sec-websocket-protocol": ", ".join(items)}


def test_a_token_in_the_header_comes_in(settings: Settings) -> None:
    assert access.from_handshake(settings, GOOD)[1] is None
    identity, subprotocol = access.from_handshake(settings, {**GOOD, **offer("kefu.v1")})
    assert (identity.user, subprotocol) == ("u1", "kefu.v1")


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "Bearer  "])
def test_the_scheme_is_written_in_any_case(settings: Settings, scheme: str) -> None:
    assert access.from_headers(settings, {"authorization": f"{scheme} {token()} "}).user == "u1"


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer ", token(), f"Basic {token()}", f"Bearer{token()}", "Bearer a b"]
)
def test_any_other_authorization_is_refused(settings: Settings, header: str) -> None:
    with pytest.raises(Unauthorized):
        access.from_headers(settings, {"authorization": header})
    with pytest.raises(Unauthorized):
        access.from_handshake(settings, {"authorization": header, **offer("kefu.v1")})


@pytest.mark.parametrize(
    "items",
    [
        ("kefu.v1", f"bearer.{token()}"),
        (f"bearer.{token()}", "kefu.v1"),
        ("chat", "kefu.v1", f"bearer.{token()}", "other"),
    ],
    ids=["first", "last", "among others"],
)
def test_a_token_beside_the_subprotocol_comes_in(settings: Settings, items: tuple[str, ...]) -> None:
    identity, subprotocol = access.from_handshake(settings, offer(*items))
    assert (identity.user, subprotocol) == ("u1", "kefu.v1")


def test_items_are_parted_by_comma_alone(settings: Settings) -> None:
    headers = {"sec-websocket-protocol": f"kefu.v1,bearer.{token()}"}
    assert access.from_handshake(settings, headers)[0].user == "u1"


@pytest.mark.parametrize(
    "items",
    [
        (),
        ("kefu.v1",),
        (f"bearer.{token()}",),
        ("kefu.v2", f"bearer.{token()}"),
        ("KEFU.V1", f"bearer.{token()}"),
        ("kefu.v1", token()),
        ("kefu.v1", "bearer."),
        ("kefu.v1", f"Bearer.{token()}"),
        ("kefu.v1", f"bearer {token()}"),
        ("kefu.v1", "bearer.bad", f"bearer.{token()}"),
    ],
    ids=lambda items: " ".join(items)[:30],
)
def test_no_token_beside_the_subprotocol_is_refused(settings: Settings, items: tuple[str, ...]) -> None:
    with pytest.raises(Unauthorized):
        access.from_handshake(settings, offer(*items))


def test_with_both_the_header_counts(settings: Settings) -> None:
    both = {**GOOD, **offer("kefu.v1", f"bearer.{token(sub='u2')}")}
    assert access.from_handshake(settings, both)[0].user == "u1"
    with pytest.raises(Unauthorized):
        access.from_handshake(settings, {**both, "authorization": "Bearer bad"})


OWN = {"host": "chat.example:8000"}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://shop.example"},
        {"origin": "HTTPS://Shop.Example"},
        {"origin": "https://admin.example:8443"},
        {"origin": "https://chat.example:8000", **OWN},
        {"origin": "http://chat.example:8000", **OWN},
        {"origin": "http://CHAT.example:8000", "host": "chat.EXAMPLE:8000"},
    ],
    ids=str,
)
def test_allowed_pages_their_own_and_clients_without_origin_come_in(
    settings: Settings, headers: dict[str, str]
) -> None:
    assert access.from_handshake(settings, {**GOOD, **headers})[0].user == "u1"


@pytest.mark.parametrize(
    "origin",
    [
        *("", "null", "https://evil.example", "http://shop.example", "https://shop.example:444", "shop.example"),
        *("https://shop.example.evil.example", "https://evil-shop.example", "https://shop.example/", "file://"),
        *("http://chat.example", "http://chat.example:8001", "https://shop.example https://evil.example", "*"),
    ],
)
def test_other_pages_are_turned_away_before_their_token_is_read(settings: Settings, origin: str) -> None:
    for credential in (GOOD, {}):
        with pytest.raises(Forbidden) as refusal:
            access.from_handshake(settings, {**credential, **OWN, "origin": origin})
        assert refusal.value.status == 403


def test_without_an_allow_list_only_the_own_pages_come_in() -> None:
    settings = load()
    assert access.from_handshake(settings, {**GOOD, **OWN, "origin": "http://chat.example:8000"})
    with pytest.raises(Forbidden):
        access.from_handshake(settings, {**GOOD, **OWN, "origin": "https://shop.example"})


SAME = {**OWN, "sec-fetch-site": "same-origin"}
ELSEWHERE = "wss://socket.example/ws"


@pytest.mark.parametrize(
    ("socket", "headers"),
    [
        ("/ws", {}),
        ("/ws", SAME),
        ("/ws", {**OWN, "origin": "http://chat.example:8000"}),
        ("/ws", {**OWN, "origin": "https://shop.example"}),
        (ELSEWHERE, OWN),
        (ELSEWHERE, {**OWN, "origin": "https://shop.example"}),
        # A deployment whose socket has another host tells the socket where the service's own pages come from.
        (ELSEWHERE, SAME),
        (ELSEWHERE, {**OWN, "origin": "http://chat.example:8000"}),
    ],
)
def test_a_page_whose_socket_would_open_may_connect(socket: str, headers: dict[str, str]) -> None:
    access.check_page(load(ALLOWED_ORIGINS="https://shop.example", SOCKET_URL=socket), headers)


@pytest.mark.parametrize(
    ("socket", "headers"),
    [
        ("/ws", {**OWN, "origin": "https://evil.example"}),
        ("/ws", {**OWN, "origin": "null"}),
        (ELSEWHERE, {**OWN, "origin": "https://socket.example"}),
    ],
)
def test_a_page_whose_socket_would_be_refused_is_told(socket: str, headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden, match="ALLOWED_ORIGINS"):
        access.check_page(load(ALLOWED_ORIGINS="https://shop.example", SOCKET_URL=socket), headers)
