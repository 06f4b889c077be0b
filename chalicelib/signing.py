"""AWS Signature Version 4, for the few requests that functions make. It costs no import of an SDK (decision 0009)."""

import hashlib
import hmac
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, slots=True)
class Credentials:
    """What requests are signed with, as the environment of a function has it."""

    key_id: str
    secret: str
    token: str | None
    region: str

    @classmethod
    def from_environment(cls) -> "Credentials":
        environ = os.environ
        return cls(
            environ.get("AWS_ACCESS_KEY_ID", ""),
            environ.get("AWS_SECRET_ACCESS_KEY", ""),
            environ.get("AWS_SESSION_TOKEN"),
            environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        )


@lru_cache(maxsize=4)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


def signed(
    credentials: Credentials, service: str, method: str, url: str, body: bytes, headers: Mapping[str, str], stamp: str
) -> dict[str, str]:
    """The headers of a request with its AWS Signature Version 4; `url` is quoted as it goes over the wire.

    `stamp` is the time as 20260209T181143Z.
    """
    parts = urlsplit(url)
    named = {name.lower(): value for name, value in headers.items()}
    named |= {"host": parts.netloc, "x-amz-date": stamp}
    if credentials.token:
        named["x-amz-security-token"] = credentials.token
    names = ";".join(sorted(named))
    canonical = "\n".join(
        [
            method,
            quote(parts.path, safe="/~"),
            parts.query,
            *(f"{name}:{named[name]}" for name in sorted(named)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    day = stamp[:8]
    scope = f"{day}/{credentials.region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = _signing_key(credentials.secret, day, credentials.region, service)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    named["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return named


def now_signed(service: str, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request that is made now, by this function."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    # Credentials change while a function lives, so they are read from the environment each time.
    return signed(Credentials.from_environment(), service, method, url, body, headers, stamp)
