"""Who is asking: from a token to an identity, from a connection to an identity."""

import re
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from chalicelib.errors import Forbidden, Unauthorized
from chalicelib.model import NAME_LENGTH, NAME_PATTERN, ConnectionId, Identity
from chalicelib.settings import Algorithm, Settings, SettingsError
from chalicelib.store import Store

if TYPE_CHECKING:
    from jwt.types import Options

PROTOCOL = "kefu.v1"
WELCOME_WAIT_S = 5.0
WELCOME_POLL_S = 0.01


def from_token(settings: Settings, token: str) -> Identity:
    """The identity that a JWT claims. Raises Unauthorized for one that cannot be trusted."""
    import jwt  # only two of the functions see tokens

    if not settings.jwt_keys:  # the functions that see no tokens are not given any
        raise SettingsError(
            "Set JWT_SECRET (at least 32 bytes) or JWT_PUBLIC_KEY (PEM), so that tokens can be checked."
        )
    try:
        algorithm = jwt.get_unverified_header(token)["alg"]
        claims = _claims(token, algorithm, settings.jwt_keys[algorithm])
        user, expires_at = claims["sub"], claims["exp"]
        if isinstance(expires_at, str):  # PyJWT would read it
            raise ValueError("exp is no number")
        expires_at = int(expires_at)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError, OverflowError, RecursionError):
        raise Unauthorized("The token is missing, malformed or expired. Get a new one and connect again.") from None
    if not isinstance(user, str) or not re.fullmatch(NAME_PATTERN, user):
        raise Unauthorized("The token's `sub` is no user id: 1 to 64 letters, digits, - and _.")
    scope = claims.get("scope")
    admin = isinstance(scope, str) and "admin" in scope.split()
    return Identity(user, _display_name(claims.get("name")) or user, expires_at, admin)


def _claims(token: str, algorithm: Algorithm, keys: Sequence[str]) -> Mapping[str, Any]:
    """What a token says that one of the keys has signed. Raises jwt's errors."""
    import jwt

    *others, last = keys
    # What the marketplace says of audience, issuer and issue time is its own affair.
    options: Options = {"require": ["sub", "exp"], "verify_aud": False, "verify_iss": False, "verify_iat": False}
    for key in others:
        with suppress(jwt.InvalidSignatureError):
            return jwt.decode(token, key, algorithms=[algorithm], options=options)
    return jwt.decode(token, last, algorithms=[algorithm], options=options)


def from_handshake(settings: Settings, headers: Mapping[str, str]) -> tuple[Identity, str | None]:
    """The identity behind a WebSocket's handshake (header names in lower case), and the subprotocol to select.

    Raises Unauthorized without a credential that counts, Forbidden for an origin that is not allowed.
    """
    check_origin(settings, headers)
    offered = [item.strip() for item in headers.get("sec-websocket-protocol", "").split(",")]
    selected = PROTOCOL if PROTOCOL in offered else None
    if selected and "authorization" not in headers:
        token = next((item.removeprefix("bearer.") for item in offered if item.startswith("bearer.")), "")
        return from_token(settings, token), selected
    return from_headers(settings, headers), selected


def from_headers(settings: Settings, headers: Mapping[str, str]) -> Identity:
    """The identity behind `Authorization: Bearer …`. Raises Unauthorized."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return from_token(settings, token.strip() if scheme.lower() == "bearer" else "")


def caller(store: Store, connection: ConnectionId) -> Identity:
    """Who is behind a connection. Raises Unauthorized when that is not known any more, or the token has expired."""
    deadline = time.monotonic() + WELCOME_WAIT_S
    while True:
        identity, welcomed = store.users.identity(connection)
        if identity is None:
            raise Unauthorized("This connection is over. Connect again.")
        if identity.expires_at <= time.time():
            raise Unauthorized("The token has expired. Connect again with a new one.")
        # The server speaks first: a frame that came before the welcome waits for it.
        if welcomed or time.monotonic() >= deadline:
            return identity
        time.sleep(WELCOME_POLL_S)


def check_origin(settings: Settings, headers: Mapping[str, str]) -> None:
    """Raises Forbidden for a page of an origin that may not connect (header names in lower case)."""
    origin = headers.get("origin")
    if origin is None:
        return
    own = {f"{scheme}://{headers.get('host', '').lower()}" for scheme in ("http", "https")}
    if origin.lower() not in settings.allowed_origins | own:
        raise Forbidden("Pages of this origin may not connect; ALLOWED_ORIGINS names those that may.")


def check_page(settings: Settings, headers: Mapping[str, str]) -> None:
    """Raises Forbidden for a page whose socket would be refused (header names in lower case).

    A socket with a host of its own is told by ALLOWED_ORIGINS where the service's own pages come from.
    """
    if headers.get("sec-fetch-site") != "same-origin":
        check_origin(settings, headers)


def _display_name(claimed: object) -> str | None:
    if not isinstance(claimed, str) or not 1 <= len(claimed) <= NAME_LENGTH:
        return None
    try:
        claimed.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return None
    return claimed
