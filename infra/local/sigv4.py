"""Amazon's request signatures, version 4: the check that the management API and Lambda make of every request."""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qsl, quote

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW_S = 15 * 60
AUTHORIZATION = re.compile(
    ALGORITHM + r" Credential=([^/,\s]+)/(\d{8})/([\w-]+)/([\w-]+)/aws4_request,\s*"
    r"SignedHeaders=([\w;-]+),\s*Signature=([0-9a-f]{64})"
)


class SignatureError(Exception):
    """A request that is not signed as it must be: `kind` is Amazon's name of the error, `str()` says what is wrong."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Credentials:
    """An access key as IAM gives them out."""

    access_key_id: str
    secret_access_key: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a signature covers. `path` and `query` are as sent, percent-encoded; the headers' names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


def verify(request: SignedRequest, credentials: Credentials, service: str, now: datetime) -> None:
    """Raises SignatureError unless `request` was signed with `credentials` for `service` within 15 minutes of `now`."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        raise SignatureError("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = AUTHORIZATION.fullmatch(authorization)
    date = request.headers.get("x-amz-date", "")
    if match is None or not re.fullmatch(r"\d{8}T\d{6}Z", date):
        raise SignatureError("IncompleteSignatureException", "The Authorization header or X-Amz-Date is malformed.")
    key_id, day, region, signed_for, names, signature = match.groups()
    signed = names.split(";")
    if key_id != credentials.access_key_id:
        raise SignatureError("UnrecognizedClientException", "The security token included in the request is invalid.")
    if signed_for != service or day != date[:8] or not {"host", "x-amz-date"} <= set(signed):
        raise SignatureError(
            "InvalidSignatureException",
            f"Sign host and x-amz-date, for the service {service}, on the day of the request.",
        )
    if abs((_moment(date) - now).total_seconds()) > MAX_SKEW_S:
        raise SignatureError("InvalidSignatureException", "Signature expired: the request is over 15 minutes old.")
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join([ALGORITHM, date, scope, _sha256(_canonical(request, signed).encode())])
    key = _signing_key(credentials.secret_access_key, day, region, service)
    if not hmac.compare_digest(hmac.digest(key, text.encode(), "sha256").hex(), signature):
        raise SignatureError(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided.",
        )


def _moment(date: str) -> datetime:
    try:
        return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise SignatureError("IncompleteSignatureException", f"X-Amz-Date: there is no such time as {date}.") from None


def _canonical(request: SignedRequest, signed: list[str]) -> str:
    pairs = sorted((quote(name, "-_.~"), quote(value, "-_.~")) for name, value in parse_qsl(request.query, True))
    return "\n".join(
        [
            request.method,
            quote(request.path, "/~"),  # encoded twice: every service but S3 does so
            "&".join(f"{name}={value}" for name, value in pairs),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in signed),
            "",
            ";".join(signed),
            _sha256(request.body),
        ]
    )


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@functools.lru_cache(8)
def _signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = b"AWS4" + secret.encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
