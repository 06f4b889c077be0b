"""The open connections: what `@connections` posts to, and what closes a connection that is idle or too old."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import cast

from aiohttp import WSCloseCode, web

from infra.local import events
from infra.local.frames import FrameLimit

MAX_BACKLOG = 1024 * 1024
CLOSE_WITHIN_S = 2.0
NO_STATUS = 1005
# What the platform says in $disconnect for each close code.
REASONS = {
    1000: "Connection Closed Normally",
    1001: "Going away",
    1003: "Binary frames are not supported",
    1005: "Client-side close frame status not set",
    1006: "Connection closed abnormally",
    1007: "Invalid UTF-8",
    1009: "Message too long",
}


class Gone(Exception):
    """There is no such connection: not any more, or not yet."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a connection may live."""

    idle_s: float = 600
    max_s: float = 7200


class Connection:
    """One client's WebSocket, from the end of `$connect` on."""

    def __init__(self, client: events.Client, socket: web.WebSocketResponse, transport: asyncio.Transport) -> None:
        self.client = client
        self.last_active_at = events.now_ms()
        self._socket, self._transport = socket, transport
        self._opened = self._active = time.monotonic()
        self._closed_with: int | None = None
        self._closing: asyncio.Task[None] | None = None

    @property
    def close_code(self) -> int:
        """With which code it was closed, by whoever did so first; 1005 for none, 1006 for a lost connection."""
        return self._closed_with or self._socket.close_code or NO_STATUS

    @property
    def close_reason(self) -> str:
        """The platform's words for the close code."""
        return REASONS.get(self.close_code, "")

    def frame_limit(self) -> FrameLimit:
        """Put the platform's limits on frames between the socket and its reader."""
        reader = cast(asyncio.Protocol, self._transport.get_protocol())
        return FrameLimit(reader, lambda: self.close_soon(WSCloseCode.MESSAGE_TOO_BIG))

    def touch(self) -> None:
        """Something was sent or received: the idle time begins again."""
        self._active, self.last_active_at = time.monotonic(), events.now_ms()

    async def post(self, text: bytes) -> None:
        """Send a text frame; frames leave in the order of the calls. Raises Gone.

        It does not wait for the client: one that does not read is cut off when more than 1 MiB waits for it.
        """
        if self._transport.get_write_buffer_size() > MAX_BACKLOG:
            self._closed_with = self._closed_with or WSCloseCode.ABNORMAL_CLOSURE
            self._transport.abort()
            raise Gone
        try:
            await self._socket.send_frame(text, web.WSMsgType.TEXT)
        except (ConnectionError, RuntimeError):
            raise Gone from None
        self.touch()

    async def close(self, code: int) -> None:
        """Close it, and wait a little for the client to agree."""
        self._closed_with = self._closed_with or code
        with contextlib.suppress(ConnectionError):
            await self._socket.close(code=code, message=REASONS[code].encode())

    def close_soon(self, code: int) -> None:
        """Close it, without waiting."""
        self._closing = asyncio.create_task(self.close(code))

    async def close_when_due(self, limits: Limits) -> None:
        """Wait until it has been idle for too long, or open for too long, and close it."""
        while (due := min(self._active + limits.idle_s, self._opened + limits.max_s)) > time.monotonic():
            await asyncio.sleep(due - time.monotonic())
        await self.close(WSCloseCode.GOING_AWAY)
