"""A device of a user: one WebSocket at a time, everything recorded, nothing taken for granted."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from tests.faults.recording import Recording

Frame = dict[str, Any]

OPEN_WITHIN_S = 12.0


class Inbox:
    """The offsets that a user's devices have received, and up to which one may honestly say: I hold them all."""

    def __init__(self) -> None:
        self.held = 0
        self._ahead: set[int] = set()

    def add(self, offset: int) -> None:
        if offset > self.held:
            self._ahead.add(offset)
        self._advance()

    def complete(self, offset: int) -> None:
        """A replay has ended with `offset`: what it did not hold before that is never to come."""
        self.held = max(self.held, offset)
        self._ahead = {each for each in self._ahead if each > self.held}
        self._advance()

    def _advance(self) -> None:
        while self.held + 1 in self._ahead:
            self.held += 1
            self._ahead.discard(self.held)


class Device:
    """One device. It is connected, or it is not; every request may go unanswered."""

    def __init__(
        self,
        user: str,
        label: str,
        inbox: Inbox,
        url: str,
        token: Callable[[], str],
        recording: Recording,
        heard: Callable[[Device, Frame], None],
    ) -> None:
        """`url` is the socket's; `token` mints a JWT; `heard` is called with every frame that has a type."""
        self.user, self.label, self.inbox = user, label, inbox
        self.connection = 0
        self.offline: int | None = None  # entries that the welcome announced
        self.replayed: set[int] = set()
        self.connects = 0
        self._url, self._token, self._recording, self._heard = url, token, recording, heard
        self._socket: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[str, list[asyncio.Future[Frame | None]]] = defaultdict(list)
        self._ids = itertools.count(1)
        self._news = asyncio.Event()

    @property
    def online(self) -> bool:
        """Whether the socket is open and the welcome has come."""
        return self._socket is not None and self.offline is not None

    @property
    def caught_up(self) -> bool:
        """Whether everything that the welcome announced has come."""
        return self.online and len(self.replayed) >= (self.offline or 0)

    async def connect(self, within: float = OPEN_WITHIN_S) -> bool:
        """Open a socket and wait for the welcome; False where either does not come in time (seconds)."""
        await self.drop()
        self.connection = self._recording.dialed(self.user, self.label)
        self.offline, self.replayed = None, set()
        try:
            socket = await connect(
                self._url,
                additional_headers={"Authorization": f"Bearer {self._token()}"},
                subprotocols=[Subprotocol("kefu.v1")],
                compression=None,
                proxy=None,
                ping_interval=None,
                max_queue=None,
                open_timeout=within,
                close_timeout=1,
            )
        except (InvalidHandshake, OSError, TimeoutError) as error:
            status = error.response.status_code if isinstance(error, InvalidStatus) else 0
            self._recording.refused(self.connection, status)
            return False
        self._recording.opened(self.connection)
        self.connects += 1
        self._socket = socket
        self._reading = asyncio.create_task(self._read(socket, self.connection))
        return await self.until(lambda: self.online, within)

    async def until(self, wanted: Callable[[], bool], within: float) -> bool:
        """Wait until `wanted` holds, which each frame may bring about; False after `within` seconds, or offline."""
        deadline = asyncio.get_running_loop().time() + within
        while not wanted():
            if self._socket is None:
                return False
            self._news.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._news.wait()
            except TimeoutError:
                return False
        return True

    async def until_opened(self, within: float) -> bool:
        """Wait until it is online, whoever connects it; False after `within` seconds."""
        deadline = asyncio.get_running_loop().time() + within
        while not self.online:
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.005)
        return True

    async def drop(self) -> None:
        """Cut the connection without a close, as a phone in a tunnel does."""
        if self._socket is not None:
            self._socket.transport.abort()
        await self._over()

    async def close(self) -> None:
        """Close the connection in order."""
        if self._socket is not None:
            await self._socket.close()
        await self._over()

    def outstanding(self, id_: str) -> int:
        """How many requests with that id this connection still waits for."""
        return len(self._answers.get(id_, ()))

    async def request(self, action: str, within: float, **parameters: Any) -> Frame | None:
        """The reply, error or pong that answers a request; None where none comes in `within` seconds."""
        if self._socket is None:
            return None
        id_ = str(parameters.pop("id", None) or f"{self.label}-{next(self._ids)}")
        frame = {"action": action, "id": id_, **parameters}
        answer: asyncio.Future[Frame | None] = asyncio.get_running_loop().create_future()
        self._answers[id_].append(answer)
        text = json.dumps(frame, ensure_ascii=False)
        self._recording.sent(self.connection, text)
        try:
            await self._socket.send(text)
            async with asyncio.timeout(within):
                # Shielded: an answer that comes too late still belongs to this request, not to the next.
                return await asyncio.shield(answer)
        except (ConnectionClosed, TimeoutError):
            return None

    async def _read(self, socket: ClientConnection, connection: int) -> None:
        try:
            async for text in socket:
                assert isinstance(text, str)
                self._recording.received(connection, text)
                self._take(json.loads(text))
                self._news.set()
        except ConnectionClosed:
            pass  # how it ended stands in the close code
        finally:
            self._recording.ended(connection, socket.close_code)
            if self._socket is socket:
                self._socket = None
            for answers in self._answers.values():
                for answer in answers:
                    if not answer.done():
                        answer.set_result(None)
            self._answers.clear()
            self._news.set()

    def _take(self, frame: Frame) -> None:
        kind = frame.get("type")
        if kind is None:
            return  # the platform itself says that a function failed
        if kind == "welcome":
            self.offline = frame["offline"]
        elif kind == "message" and "offset" in frame:
            self.inbox.add(frame["offset"])
            if frame.get("replay"):
                self.replayed.add(frame["offset"])
                if self.offline is not None and len(self.replayed) == self.offline:
                    self.inbox.complete(max(self.replayed))
        elif kind in {"reply", "error", "pong"} and self._answers.get(frame.get("id") or ""):
            answer = self._answers[frame["id"]].pop(0)
            if not answer.done():
                answer.set_result(frame)
        self._heard(self, frame)

    async def _over(self) -> None:
        reading = self._reading
        if reading is not None:
            await asyncio.wait([reading])
            reading.result()
            if self._reading is reading:  # it may have been opened again meanwhile
                self._reading = self._socket = self.offline = None
