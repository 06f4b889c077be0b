"""A client of kefu.v1 that stays connected: it reconnects, acknowledges, shows each message once and loses no send."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import aiohttp
from aiohttp import WSMsgType, hdrs

Frame = dict[str, Any]

SUBPROTOCOL = "kefu.v1"
PING_EVERY_S = 60.0
ACKNOWLEDGE_WITHIN_S = 1.0
FILL_GAP_AFTER_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 30.0
OPEN_WITHIN_S = 10.0
REPLAYED_WITHIN_S = 5.0
ATTEMPTS = 8


class Refusal(Exception):
    """The service refused a request; `code`, `details` and `str()` are the protocol's."""

    def __init__(self, code: str, message: str, details: Frame) -> None:
        super().__init__(message)
        self.code, self.details = code, details


class ConnectionLost(Exception):
    """The connection was lost before the answer, and the request is none that may be sent again unasked."""


class TurnedAway(Exception):
    """The service does not want this client, and trying again would not help."""


@dataclass(slots=True)
class Unanswered:
    """A request that waits for its answer."""

    frame: Frame
    answer: asyncio.Future[Frame] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Client:
    """One user's connection. `heard` gets every event once, `troubled` what a person should know of the connection."""

    def __init__(
        self, url: str, user: str, name: str | None, heard: Callable[[Frame], None], troubled: Callable[[str], None]
    ) -> None:
        self._url, self._user, self._name = url.rstrip("/"), user, name
        self._heard, self._troubled = heard, troubled
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._online, self._settled = asyncio.Event(), asyncio.Event()
        self._unanswered: dict[str, Unanswered] = {}
        self._seen: set[tuple[str, int, int]] = set()
        self._to_replay = 0
        self._held: int | None = None  # everything up to this offset has arrived; None: not known yet
        self._acknowledged = 0
        self._newest, self._epoch = 0, ""  # of the list, as the service says
        self._ahead: set[int] = set()  # offsets that came before their turn
        self._chores: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Stay connected until cancelled. Raises TurnedAway."""
        failures = 0
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(OPEN_WITHIN_S)) as session:
            while True:
                try:
                    async with await self._open(session) as socket:
                        failures = 0
                        await self._listen(socket)
                    trouble = f"the service closed it with {socket.close_code}"
                except aiohttp.WSServerHandshakeError as refusal:
                    trouble = f"{self._url} answers {refusal.status}"
                    if refusal.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
                        raise TurnedAway(f"The service refuses the connection: {trouble}.") from None
                except aiohttp.ClientConnectorError:
                    trouble = f"nothing answers at {self._url}"
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    trouble = str(error) or type(error).__name__
                finally:
                    self._disconnected()
                if failures == 0:
                    self._troubled(f"Not connected ({trouble}). Trying again …")
                longest_s = min(FIRST_PAUSE_S * 2**failures, LONGEST_PAUSE_S)
                failures += 1
                await asyncio.sleep(random.uniform(0, longest_s))  # noqa: S311 - spreads clients, keeps no secret

    async def request(self, action: str, **parameters: Any) -> Frame:
        """The result of a request; one that must be tried again is, with the same id.

        Raises Refusal and, for all but `send`, ConnectionLost.
        """
        frame = {"action": action, "id": uuid4().hex, **parameters}
        pause_s = FIRST_PAUSE_S
        for attempt in range(1, ATTEMPTS + 1):
            answer = await self._exchange(frame)
            if answer["type"] != "error":
                result: Frame = answer.get("result", answer)
                return result
            details = answer["details"]
            if not answer["retry"] or attempt == ATTEMPTS:
                break
            await asyncio.sleep(max(details.get("retry_after_ms", 0) / 1000, random.uniform(0, pause_s)))  # noqa: S311
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        raise Refusal(answer["code"], answer["message"], details)

    async def settled(self) -> None:
        """Wait until the connection is open and the replay has ended."""
        await self._settled.wait()

    async def leave(self) -> None:
        """Acknowledge what has arrived, and close."""
        with suppress(ConnectionLost, Refusal):
            await self.request("ping")
        if self._socket:
            await self._socket.close()

    def seen(self, conversation: str, seq: int, at: int) -> bool:
        """Whether that message was seen before; it counts as seen from now on.

        `at` belongs to it: where storage has lost its newest messages, others take their places.
        """
        key = (conversation, seq, at)
        known = key in self._seen
        self._seen.add(key)
        return known

    async def _open(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        """Connect, with a new token: the last one may have expired."""
        wanted = {"sub": self._user} | ({"name": self._name} if self._name else {})
        async with session.post(f"{self._url}/dev/tokens", json=wanted) as response:
            if response.status != HTTPStatus.OK:
                raise TurnedAway(f"{self._url} gives no token: {(await response.text()).strip()}")
            token = (await response.json())["token"]
        return await session.ws_connect(
            f"{self._url.replace('http', 'ws', 1)}/ws",
            protocols=(SUBPROTOCOL,),
            headers={hdrs.AUTHORIZATION: f"Bearer {token}"},
        )

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._chore("ping", self._ping_regularly())
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await self._take(json.loads(message.data))

    async def _take(self, frame: Frame) -> None:
        match frame.get("type"):
            case "welcome":
                await self._welcomed(frame)
            case "message":
                self._hold(frame)
                if not self.seen(frame["conversation"], frame["seq"], frame["at"]):
                    self._heard(frame)
            case "reply":
                self._answered(frame)
            case "pong":
                self._compare(frame)
                self._answered(frame)
            case "error":
                if frame["code"] in {"bad_request", "too_large"}:
                    self._acknowledged = 0  # An acknowledgement on such a frame was not applied.
                self._answered(frame)
            case _:
                self._heard(frame)

    async def _welcomed(self, frame: Frame) -> None:
        self._held, self._acknowledged = None, 0
        self._ahead.clear()
        self._to_replay, self._newest, self._epoch = frame["offline"], frame["newest"], frame["epoch"]
        if not self._to_replay:
            self._held = self._newest
        self._heard(frame)
        self._online.set()
        self._chore("settle", self._settle())
        for request in list(self._unanswered.values()):
            await self._send(request.frame)

    def _answered(self, frame: Frame) -> None:
        request = self._unanswered.pop(frame.get("id") or "", None)
        if request and not request.answer.done():
            request.answer.set_result(frame)

    def _disconnected(self) -> None:
        self._socket = None
        self._online.clear()
        for chore in self._chores.values():
            chore.cancel()
        for id_, request in list(self._unanswered.items()):
            if request.frame["action"] != "send":
                del self._unanswered[id_]
                request.answer.set_exception(ConnectionLost())

    async def _exchange(self, frame: Frame) -> Frame:
        await self._online.wait()
        request = self._unanswered[frame["id"]] = Unanswered(frame)
        try:
            await self._send(frame)
            return await request.answer
        finally:
            self._unanswered.pop(frame["id"], None)

    async def _send(self, frame: Frame) -> None:
        if self._held is not None and self._held > self._acknowledged:
            frame = {**frame, "ack": self._held}
            self._acknowledged = self._held
        # On a connection that breaks just now it is sent again, or given up, when that is noticed.
        with suppress(ConnectionError):
            if self._socket:
                await self._socket.send_str(json.dumps(frame, ensure_ascii=False))

    def _hold(self, message: Frame) -> None:
        """Take note of an entry of the offline list, so that it can be acknowledged."""
        if (offset := message.get("offset")) is None:
            return
        if message.get("replay"):
            # A replay comes in order and whole: what is missing before this entry does not exist any more.
            self._held = max(self._held or 0, offset)
            self._to_replay -= 1
            if self._to_replay <= 0:
                self._settled.set()
        else:
            self._ahead.add(offset)
        self._advance()

    def _compare(self, pong: Frame) -> None:
        """Whether everything that is in the list has come, and whether it is the list of before."""
        if pong["epoch"] != self._epoch or pong["newest"] < (self._held or 0):
            self._epoch, self._held, self._acknowledged = pong["epoch"], None, 0
            self._troubled("The service's storage was started anew, and may have lost what was said last.")
        self._newest = pong["newest"]
        if self._newest > (self._held or 0):
            self._chore("fill", self._fill_gap())

    def _advance(self) -> None:
        while self._held is not None and self._held + 1 in self._ahead:
            self._held += 1
        self._ahead = {offset for offset in self._ahead if offset > (self._held or 0)}
        if self._ahead:
            self._chore("fill", self._fill_gap())
        if self._held is not None and self._held > self._acknowledged:
            self._chore("acknowledge", self._acknowledge())

    async def _acknowledge(self) -> None:
        await asyncio.sleep(ACKNOWLEDGE_WITHIN_S)
        if self._held is not None and self._held > self._acknowledged:
            await self._send({"action": "ping"})

    async def _fill_gap(self) -> None:
        # Lost after all, or the first of this connection, whose place is not known: a replay shows it.
        with suppress(ConnectionLost, Refusal):
            while self._ahead or self._newest > (self._held or 0):
                await asyncio.sleep(FILL_GAP_AFTER_S)
                if (newest := max(self._ahead, default=self._newest)) > (self._held or 0):
                    await self.request("sync")
                    self._held = max(self._held or 0, newest)
                    self._advance()

    async def _settle(self) -> None:
        if self._to_replay:
            # Not for ever: what another device acknowledges just now is not replayed here.
            await asyncio.sleep(REPLAYED_WITHIN_S)
        self._settled.set()

    async def _ping_regularly(self) -> None:
        while True:
            await asyncio.sleep(PING_EVERY_S)
            await self._send({"action": "ping"})

    def _chore(self, name: str, coroutine: Any) -> None:
        """Run `coroutine` in the background, unless the chore of that name is still running."""
        running = self._chores.get(name)
        if running and not running.done():
            coroutine.close()
        else:
            self._chores[name] = asyncio.create_task(coroutine)
