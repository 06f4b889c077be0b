"""The events that API Gateway hands to the functions of a WebSocket API, field by field as Amazon documents them."""

from __future__ import annotations

import binascii
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from infra.local.wire import Json

STAGE = "ws"
API_ID = "local"
URL_SAFE = bytes.maketrans(b"+/", b"-_")
# A connection is set up by headers that API Gateway keeps to itself.
HOP_BY_HOP = frozenset({"connection", "upgrade"})


def now_ms() -> int:
    """Milliseconds since the Unix epoch."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """An id in the form of API Gateway's, like L0SM9cOFvHcCIhw=."""
    return binascii.b2a_base64(secrets.token_bytes(11), newline=False).translate(URL_SAFE).decode()


@dataclass(slots=True)
class Client:
    """Who is at the other end of a connection, as the events name it."""

    source_ip: str
    user_agent: str
    host: str
    connection_id: str = field(default_factory=new_id)
    connected_at: int = field(default_factory=now_ms)


def connect(client: Client, headers: Iterable[tuple[str, str]], query: Iterable[tuple[str, str]]) -> Json:
    """The event of `$connect`; names of headers are as the client wrote them."""
    host, _, port = client.host.rpartition(":")
    sent = [(name, value) for name, value in headers if name.lower() not in HOP_BY_HOP]
    added = [
        ("X-Amzn-Trace-Id", f"Root=1-{int(time.time()):08x}-{secrets.token_hex(12)}"),
        ("X-Forwarded-For", client.source_ip),
        ("X-Forwarded-Port", port if host else "80"),
        ("X-Forwarded-Proto", "http"),
    ]
    event = {
        **_single_and_multiple([*sent, *added], "headers", "multiValueHeaders"),
        "requestContext": _context(client, "$connect", "CONNECT"),
        "isBase64Encoded": False,
    }
    if parameters := list(query):
        event |= _single_and_multiple(parameters, "queryStringParameters", "multiValueQueryStringParameters")
    return event


def message(client: Client, text: str) -> Json:
    """The event of a frame, which always goes to `$default`."""
    return {
        "requestContext": {**_context(client, "$default", "MESSAGE"), "messageId": new_id()},
        "body": text,
        "isBase64Encoded": False,
    }


def disconnect(client: Client, code: int, reason: str) -> Json:
    """The event of `$disconnect`, with the close code and the reason of whoever closed."""
    headers = [("Host", client.host), ("x-api-key", ""), ("X-Forwarded-For", ""), ("x-restapi", "")]
    context = _context(client, "$disconnect", "DISCONNECT")
    return {
        **_single_and_multiple(headers, "headers", "multiValueHeaders"),
        "requestContext": {**context, "disconnectStatusCode": code, "disconnectReason": reason},
        "isBase64Encoded": False,
    }


def _context(client: Client, route_key: str, event_type: str) -> dict[str, Json]:
    now = now_ms()
    request_id = new_id()
    return {
        "routeKey": route_key,
        "eventType": event_type,
        "extendedRequestId": request_id,
        "requestTime": _written(now // 1000),
        "messageDirection": "IN",
        "stage": STAGE,
        "connectedAt": client.connected_at,
        "requestTimeEpoch": now,
        "identity": {"sourceIp": client.source_ip, "userAgent": client.user_agent},
        "requestId": request_id,
        "domainName": client.host,
        "connectionId": client.connection_id,
        "apiId": API_ID,
    }


@lru_cache(1)
def _written(second: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(second))


def _single_and_multiple(pairs: Iterable[tuple[str, str]], single: str, multiple: str) -> dict[str, Json]:
    """`pairs` twice, as API Gateway gives them: the last value of each name, and all of them."""
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {single: {name: listed[-1] for name, listed in values.items()}, multiple: values}
