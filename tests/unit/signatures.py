"""Requests as they go over the wire, and the headers that botocore would send with them."""

from __future__ import annotations

import datetime
from unittest.mock import patch

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials

from chalicelib.signing import Credentials


def parsed(request: bytes) -> tuple[str, str, dict[str, str], bytes]:
    """Method, path, headers by lower-case name, and body of a request."""
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    method, path, version = line.split(" ")
    assert version == "HTTP/1.1"
    return method, path, dict(field.split(": ", 1) for field in fields), body


def boto_headers(
    credentials: Credentials, service: str, method: str, url: str, body: bytes, headers: dict[str, str], stamp: str
) -> dict[str, str]:
    """The headers with which botocore would send a request at a moment."""
    keys = BotoCredentials(credentials.key_id, credentials.secret, credentials.token)
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    moment = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    with patch("botocore.auth.get_current_datetime", lambda **_: moment):
        SigV4Auth(keys, service, credentials.region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}
