"""API Gateway's limits for what a client sends: for each frame, and for a message of several frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

MAX_FRAME = 32 * 1024
MAX_MESSAGE = 128 * 1024
CONTINUATION = 0
CONTROL = 8  # this opcode and those above it are close, ping and pong


class FrameLimit(asyncio.Protocol):
    """Stands between a socket and the protocol that reads WebSocket frames from it, and follows the frames' headers.

    aiohttp limits whole messages only. At the first frame over a limit `too_big` is called, once; from then on only
    control frames reach the reader, so that the connection can still be closed in order. It must see the stream from
    its first frame on.
    """

    def __init__(self, reader: asyncio.Protocol, too_big: Callable[[], None]) -> None:
        self._reader, self._too_big = reader, too_big
        self._header = bytearray()
        self._left = 0  # bytes of the current frame, after its header, that are still to come
        self._message = 0  # bytes of the current message in the frames seen so far
        self._refused = False
        self._passing = True

    def data_received(self, data: bytes) -> None:
        passed = bytearray()
        position = 0
        while position < len(data):
            if self._left:
                part = data[position : position + self._left]
                position += len(part)
                self._left -= len(part)
                if self._passing:
                    passed += part
                continue
            self._header.append(data[position])
            position += 1
            length = payload_length(self._header)
            if length is not None:
                self._begin(length)
                if self._passing:
                    passed += self._header
                self._header.clear()
        if passed:
            self._reader.data_received(bytes(passed))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._reader.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._reader.connection_lost(exc)

    def eof_received(self) -> bool | None:
        return self._reader.eof_received()

    def pause_writing(self) -> None:
        self._reader.pause_writing()

    def resume_writing(self) -> None:
        self._reader.resume_writing()

    def _begin(self, length: int) -> None:
        opcode = self._header[0] & 0x0F
        mask_bytes = 4 if self._header[1] & 0x80 else 0
        self._left = length + mask_bytes
        if opcode >= CONTROL:
            self._passing = True
            return
        self._message = length if opcode != CONTINUATION else self._message + length
        if not self._refused and (length > MAX_FRAME or self._message > MAX_MESSAGE):
            self._refused = True
            self._too_big()
        self._passing = not self._refused


def payload_length(header: bytes | bytearray) -> int | None:
    """How many bytes of payload a frame's header announces; None while the header is not complete (RFC 6455, 5.2)."""
    if len(header) < 2:
        return None
    short = header[1] & 0x7F
    extended = {126: 2, 127: 8}.get(short, 0)
    if len(header) < 2 + extended:
        return None
    return int.from_bytes(header[2:]) if extended else short
