"""What an HTTP/1.1 server answers, read from the bytes that have come so far."""

import re

from msgspec import Struct

HEAD_BYTES = 64 * 1024
BODY_BYTES = 1024 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |$)")
_SIZE = re.compile(rb"[0-9]{1,9}")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;|$)")


class Garbled(ConnectionError):
    """What has come is no answer."""


class Answer(Struct, frozen=True):
    """An answer, and whether its connection can carry another request."""

    status: int
    body: bytes = b""
    keeps: bool = False


def read(received: bytes, *, ended: bool = False) -> Answer | None:
    """The answer to one request; None as long as it is incomplete. `ended` says that nothing more will come.

    Raises Garbled, and ConnectionError for an answer that has ended too early.
    """
    status = 100
    while 100 <= status < 200:  # what is said before the answer
        head, found, rest = received.partition(b"\r\n\r\n")
        if len(head) > HEAD_BYTES or not b"HTTP/1.".startswith(head[:7]):
            raise Garbled("the answer is not HTTP/1.1")
        if not found:
            return _incomplete(ended)
        line, _, fields = head.partition(b"\r\n")
        said = _STATUS_LINE.match(line)
        if not said:
            raise Garbled("the answer is not HTTP/1.1")
        status, received = int(said[1]), rest
    fields = b"\r\n" + fields.lower()
    keeps = line.startswith(b"HTTP/1.1") and b"close" not in _field(fields, b"connection")
    if status in {204, 304}:
        return Answer(status, b"", keeps and not received)
    if coding := _field(fields, b"transfer-encoding"):
        if coding != b"chunked":
            raise Garbled("the answer is coded as nobody asked for")
        return _chunked(status, received, keeps, ended)
    size = _field(fields, b"content-length")
    if not size:  # it ends with the connection
        _check_size(len(received))
        return Answer(status, received) if ended else None
    if not _SIZE.fullmatch(size):
        raise Garbled("the answer has no size")
    end = _check_size(int(size))
    if len(received) < end:
        return _incomplete(ended)
    # Whatever comes behind it belongs to no request.
    return Answer(status, received[:end], keeps and len(received) == end)


def _incomplete(ended: bool) -> Answer | None:
    if ended:
        raise ConnectionResetError("the connection was closed before the answer was complete")
    return None


def _field(fields: bytes, name: bytes) -> bytes:
    """The value of a header, in lower case; nothing where it is not there."""
    _, found, rest = fields.partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def _check_size(size: int) -> int:
    if size > BODY_BYTES:
        raise Garbled("the answer is too long")
    return size


def _chunked(status: int, received: bytes, keeps: bool, ended: bool) -> Answer | None:
    body, at = bytearray(), 0
    while (end := received.find(b"\r\n", at)) >= 0:
        found = _CHUNK_SIZE.match(received[at:end])
        if not found:
            raise Garbled("the answer has a piece without a size")
        size, at = int(found[1], 16), end + 2
        if size == 0:
            return _trailed(status, bytes(body), received, at, keeps, ended)
        _check_size(len(body) + size)
        if len(received) < at + size + 2:
            return _incomplete(ended)
        if received[at + size : at + size + 2] != b"\r\n":
            raise Garbled("the answer has a piece of another size than it says")
        body += received[at : at + size]
        at += size + 2
    _check_size(len(received) - at)
    return _incomplete(ended)


def _trailed(status: int, body: bytes, received: bytes, at: int, keeps: bool, ended: bool) -> Answer | None:
    """The answer once the trailer that ends it, usually an empty line, has come."""
    end = at if received.startswith(b"\r\n", at) else received.find(b"\r\n\r\n", at) + 2
    if end < at:
        return _incomplete(ended)
    return Answer(status, body, keeps and len(received) == end + 2)
