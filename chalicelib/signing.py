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


@lru_cache(maxsize=4096)
def quoted(name: str) -> str:
    """A name as a segment of a path."""
    return quote(name, safe="")


@lru_cache(maxsize=4)
def _signing_states(secret: str, day: str, region: str, service: str) -> "tuple[hashlib._Hash, hashlib._Hash]":
    """The two hashes that an HMAC with the key of the day begins with; hmac would begin anew for each signature."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    block = key.ljust(hashlib.sha256().block_size, b"\0")
    return hashlib.sha256(bytes(byte ^ 0x36 for byte in block)), hashlib.sha256(bytes(byte ^ 0x5C for byte in block))


class Signer:
    """Makes requests that differ in the end of the path and the body alone, and are signed at one moment.

    What they share is worked out once.
    """

    def __init__(
        self, credentials: Credentials, service: str, method: str, url: str, headers: Mapping[str, str], stamp: str
    ) -> None:
        """`url` is what all paths begin with; `stamp` is the time as 20260209T181143Z."""
        parts = urlsplit(url)
        signed = {name.lower(): value for name, value in headers.items()}
        signed |= {"host": parts.netloc, "x-amz-date": stamp}
        if credentials.token:
            signed["x-amz-security-token"] = credentials.token
        lines = sorted(signed.items())
        names = ";".join(name for name, _ in lines)
        day = stamp[:8]
        scope = f"{day}/{credentials.region}/{service}/aws4_request"
        self._inner, self._outer = _signing_states(credentials.secret, day, credentials.region, service)
        # What is hashed: around the path's end and the body's digest; what is signed: before the digest of that.
        self._canonical_start = f"{method}\n{quote(parts.path, safe='/~')}"
        self._canonical_middle = "\n\n" + "".join(f"{name}:{value}\n" for name, value in lines) + f"\n{names}\n"
        self._text_start = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n"
        # What goes over the wire, around the path's end, the signature and the body's length.
        self._start = f"{method} {parts.path}"
        self._middle = (
            " HTTP/1.1\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in lines)
            + f"authorization: AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, "
            + f"SignedHeaders={names}, Signature="
        )

    def request(self, path: str, body: bytes) -> bytes:
        """A request as it goes over the wire; in the end of its path are slashes, and what `quoted` leaves, alone."""
        # The service hashes the path quoted once more, and of what is in it that changes the percent signs alone.
        quoted_again = path.replace("%", "%25")
        digest = hashlib.sha256(body).hexdigest()
        canonical = f"{self._canonical_start}{quoted_again}{self._canonical_middle}{digest}"
        text = self._text_start + hashlib.sha256(canonical.encode()).hexdigest()
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(text.encode())
        outer.update(inner.digest())
        signature = outer.hexdigest()
        return f"{self._start}{path}{self._middle}{signature}\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body


def now_signer(service: str, method: str, url: str, headers: Mapping[str, str] | None = None) -> Signer:
    """Signs requests that are made now, by this function."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    # Credentials change while a function lives, so they are read from the environment each time.
    return Signer(Credentials.from_environment(), service, method, url, headers or {}, stamp)
