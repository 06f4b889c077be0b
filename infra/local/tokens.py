"""Tokens for trying kefu out. On AWS the marketplace mints them; this endpoint exists on one machine only."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Annotated

import jwt
import msgspec
from msgspec import Meta

TEN_YEARS_S = 10 * 365 * 86_400


class TokenRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /dev/tokens. `ttl_s` may be negative: an expired token, to see it refused."""

    sub: str
    name: str | None = None
    scope: str | None = None
    ttl_s: Annotated[int, Meta(ge=-TEN_YEARS_S, le=TEN_YEARS_S)] = 3600


def mint(secret: str, wanted: TokenRequest) -> str:
    """A JWT (HS256) with the claims of `wanted`."""
    claims: dict[str, str | int] = {"sub": wanted.sub, "exp": int(time.time()) + wanted.ttl_s}
    if wanted.name is not None:
        claims["name"] = wanted.name
    if wanted.scope is not None:
        claims["scope"] = wanted.scope
    return jwt.encode(claims, secret, "HS256")


def kept_secret(home: Path) -> str:
    """The secret in `home`/jwt-secret, made at the first start: tokens stay good when kefu is started again."""
    path = home / "jwt-secret"
    if not path.exists():
        fresh = path.with_suffix(f".{secrets.token_hex(4)}")
        fresh.touch(mode=0o600)
        fresh.write_text(secrets.token_urlsafe(48))
        # A link, not a rename: of two that start at the same time, the second keeps what the first has made.
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    return path.read_text().strip()
