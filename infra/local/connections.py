"""The open connections: what `@connections` posts to, and what closes a connection that is idle or too old."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from infra.local import events, frames

# More waits for a client than this, and it is cut off.
MAX_BACKLOG = 1024 * 1024
FRAMES_AT_ONCE = 100
CLOSE_WITHIN_S = 2.0
NORMAL, GOING_AWAY, UNSUPPORTED, NO_STATUS, ABNORMAL, INVALID_TEXT = 1000, 1001, 1003, 1005, 1006, 1007
# What the platform says in $disconnect for each close code.
REASONS = {
    NORMAL: "Connection Closed Normally",
    GOING_AWAY: "Going away",
    frames.PROTOCOL_ERROR: "Protocol error",
    UNSUPPORTED: "Binary frames are not supported",
    NO_STATUS: "Client-side close frame status not set",
    ABNORMAL: "Connection closed abnormally",
    INVALID_TEXT: "Invalid UTF-8",
    frames.TOO_BIG: "Message too long",
}


class Gone(Exception):
    """There is no such connection: not any more, or not yet."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a connection may live."""

    idle_s: float = 600
    max_s: float = 7200


class Connection(asyncio.Protocol):
    """One client's WebSocket, from the end of `$connect` on: it takes the place of the protocol that shook hands.

    Each text that comes is given to `received`, which calls `finished` when it is done with it. So texts run side by
    side; only a client that sends faster than they end is slowed down.
    """

    def __init__(
        self,
        client: events.Client,
        transport: asyncio.Transport,
        received: Callable[[Connection, str], None],
    ) -> None:
        self.client = client
        self._transport, self._received = transport, received
        # The server's own protocol keeps the connection in its books, and must hear of the end.
        self._server = transport.get_protocol()
        self._reader = frames.Reader()
        self._texts: deque[str] = deque()
        self._running = 0
        self._opened = self._active = time.monotonic()
        self._open = True
        self._closed_with: int | None = None
        self._lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def close_code(self) -> int:
        """With which code it was closed, by whoever did so first; 1005 for none, 1006 for a lost connection."""
        return self._closed_with or ABNORMAL

    @property
    def close_reason(self) -> str:
        """The platform's words for the close code."""
        return REASONS.get(self.close_code, "")

    @property
    def last_active_at(self) -> int:
        """When something was sent or received last, in milliseconds since the Unix epoch."""
        return events.now_ms() - int((time.monotonic() - self._active) * 1000)

    def send(self, frame: bytes) -> bool:
        """Send a frame, if it is still open; frames leave in the order of the calls.

        It does not wait for the client: one that does not read is cut off when more than 1 MiB waits for it.
        """
        sent = self._write(frame)
        if sent:
            self._active = time.monotonic()
        return sent

    def finished(self) -> None:
        """One of the texts is done with."""
        self._running -= 1
        self._run()

    async def lost(self) -> None:
        """Wait until the connection is no more."""
        await asyncio.wait([self._lost])

    async def close(self, code: int) -> None:
        """Close it, and wait a little for the client to agree."""
        self.close_soon(code)
        await self.lost()

    def close_soon(self, code: int) -> None:
        """Close it, without waiting."""
        if not self._open or self._transport.is_closing():
            return
        self._end_with(code)
        self._transport.write(frames.server_frame(frames.CLOSE, code.to_bytes(2) + REASONS[code].encode()))
        if code == frames.PROTOCOL_ERROR:  # whatever comes now, it could not be read
            self._transport.close()
        else:
            self._transport.resume_reading()  # for the client's answer
        self._end_soon()

    async def close_when_due(self, limits: Limits) -> None:
        """Wait until it has been idle for too long, or open for too long, and close it."""
        while (due := min(self._active + limits.idle_s, self._opened + limits.max_s)) > time.monotonic():
            await asyncio.sleep(due - time.monotonic())
        self.close_soon(GOING_AWAY)

    def data_received(self, data: bytes) -> None:
        for opcode, payload in self._reader.read(data):
            match opcode:
                case frames.TEXT if self._open:
                    self._take(payload)
                case frames.BINARY:
                    self.close_soon(UNSUPPORTED)
                case frames.PING:
                    self._write(frames.server_frame(frames.PONG, payload))
                case frames.CLOSE:
                    self._agree(payload)
        if self._reader.violation:
            self.close_soon(self._reader.violation)

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_with(ABNORMAL)
        # What came before the end is not lost with it.
        for text in self._texts:
            self._running += 1
            self._received(self, text)
        self._texts.clear()
        self._lost.set_result(None)
        self._server.connection_lost(exc)

    def _write(self, frame: bytes) -> bool:
        transport = self._transport
        if not self._open or transport.is_closing():
            return False
        if transport.get_write_buffer_size() > MAX_BACKLOG:
            self._end_with(ABNORMAL)
            transport.abort()
            return False
        transport.write(frame)
        return True

    def _take(self, payload: bytes) -> None:
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self.close_soon(INVALID_TEXT)
            return
        self._active = time.monotonic()
        self._texts.append(text)
        self._run()

    def _run(self) -> None:
        while self._texts and self._running < FRAMES_AT_ONCE:
            self._running += 1
            self._received(self, self._texts.popleft())
        if self._open and not self._transport.is_closing():
            if self._texts:
                self._transport.pause_reading()
            elif not self._transport.is_reading():
                self._transport.resume_reading()

    def _agree(self, payload: bytes) -> None:
        """The client closes, or agrees to be closed."""
        code = int.from_bytes(payload[:2]) if payload else NO_STATUS
        if payload and not frames.is_close_code(code):
            self.close_soon(frames.PROTOCOL_ERROR)
        elif self._open:
            self._end_with(code)
            self._transport.write(frames.server_frame(frames.CLOSE, payload[:2]))
        self._transport.close()
        self._end_soon()

    def _end_soon(self) -> None:
        # Whoever does not read keeps what is written from leaving, and so the connection from ending.
        asyncio.get_running_loop().call_later(CLOSE_WITHIN_S, self._transport.abort)

    def _end_with(self, code: int) -> None:
        """It is closed from now on; who says so first, says why."""
        self._open = False
        self._closed_with = self._closed_with or code
