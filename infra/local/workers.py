"""A worker process, and its lanes: the gateway's ends of the pipes to its threads, each with a call at a time."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import Callable, Mapping
from typing import Literal, cast

import msgspec

from infra.local import wire

STOP_WITHIN_S = 2.0
PIECE = 64 * 1024

# Frames wait for what runs in the background, a connection's welcome: so that has lanes of its own.
Kind = Literal["frame", "background", "request"]
# Chalice keeps the current request on the application object: one at a time.
LANES: Mapping[Kind, int] = {"frame": 16, "background": 16, "request": 1}

_decoder = msgspec.msgpack.Decoder(wire.Outcome | wire.Ask)


class InvocationError(Exception):
    """A function raised, took too long, or its worker died; `str()` says which."""


class ImportFailed(Exception):
    """A worker ended before it had imported the application; why is in its own output."""


class Call:
    """What some lane is to run, and what comes of it."""

    def __init__(self, message: wire.Call, kind: Kind) -> None:
        self.frame, self.kind = wire.frame(message), kind
        self.outcome: asyncio.Future[wire.Outcome] = asyncio.get_running_loop().create_future()

    def settle(self, outcome: wire.Outcome) -> None:
        """This is how it ended, for whoever still waits."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def fail(self, why: str) -> None:
        """It did not end; whoever waits gets an InvocationError."""
        if not self.outcome.done():
            self.outcome.set_exception(InvocationError(why))


class Lane(asyncio.Protocol):
    """The way to one thread of a worker. What its call asks for meanwhile is answered at once."""

    def __init__(self, worker: Worker, kind: Kind) -> None:
        self.kind = kind
        self._worker = worker
        self._frames = wire.Frames()
        self._call: Call | None = None
        self._transport: asyncio.Transport | None = None

    def run(self, call: Call) -> None:
        """Have a call run; it is free again when that is over, even when nobody waited so long."""
        self._call = call
        if self._transport:
            self._transport.write(call.frame)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._call:
            self._transport.write(self._call.frame)

    def data_received(self, data: bytes) -> None:
        for body in self._frames.cut(data):
            message: wire.Outcome | wire.Ask = _decoder.decode(body)
            if isinstance(message, wire.Ask):
                if self._transport:
                    self._transport.write(wire.frame(self._worker.answer(message)))
            elif self._call:
                self._call.settle(message)
                self._call = None
                self._worker.release(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        if self._call:
            self._call.fail("its worker died")
        self._worker.lose(self)

    def close(self) -> None:
        """Let the thread end."""
        if self._transport:
            self._transport.close()


class Worker:
    """A process with the application in it. Its lanes are opened when they are needed, and then kept."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        connection: socket.socket,
        answer: Callable[[wire.Ask], wire.Answer],
        released: Callable[[Kind], None],
    ) -> None:
        self.answer = answer
        self.load = 0  # calls that it runs
        self._process, self._connection, self._released = process, connection, released
        self._lanes: set[Lane] = set()
        self._free: dict[Kind, list[Lane]] = {kind: [] for kind in LANES}
        self._room = dict(LANES)
        self._opening: set[asyncio.Task[None]] = set()

    @classmethod
    async def start(
        cls,
        environ: Mapping[str, str],
        answer: Callable[[wire.Ask], wire.Answer],
        released: Callable[[Kind], None],
    ) -> Worker:
        """Start one in this process's own folder; what it prints goes to our stderr."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        with theirs:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "infra.local.worker",
                str(theirs.fileno()),
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sys.stderr.fileno(),
                env=environ,
                # Ctrl-C in the terminal is for the gateway, which then stops its workers in order.
                start_new_session=True,
            )
        return cls(process, ours, answer, released)

    @property
    def pid(self) -> int:
        return self._process.pid

    async def hello(self) -> wire.Hello:
        """Its first message. Raises ImportFailed when it ends before."""
        frames = wire.Frames()
        while piece := await self._receive():
            for body in frames.cut(piece):
                return msgspec.msgpack.decode(body, type=wire.Hello)
        await self._process.wait()
        raise ImportFailed

    async def gone(self) -> None:
        """Wait until it closes its connection, as it does when it ends."""
        while await self._receive():
            pass

    async def ended(self) -> int:
        """Its exit status, once it has ended; none of its lanes is left then."""
        for lane in list(self._lanes):
            lane.close()
        self._connection.close()
        return await self._process.wait()

    async def stop(self) -> None:
        """Close its connection, which ends it, and see to it that it has ended."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._connection.close()

    def lane(self, kind: Kind) -> Lane | None:
        """A lane of that kind that has nothing to do; None when there can be no more of them."""
        if free := self._free[kind]:
            self.load += 1
            return free.pop()
        if not self._room[kind]:
            return None
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._connection, [b"."], [theirs.fileno()])
            except OSError:  # it has died
                ours.close()
                return None
        self._room[kind] -= 1
        self.load += 1
        lane = Lane(self, kind)
        self._lanes.add(lane)
        opening = asyncio.create_task(_open(lane, ours))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)
        return lane

    def release(self, lane: Lane) -> None:
        """The lane has run its call."""
        self.load -= 1
        self._free[lane.kind].append(lane)
        self._released(lane.kind)

    def lose(self, lane: Lane) -> None:
        """The lane is no more; another may take its place."""
        self._room[lane.kind] += 1
        self._lanes.discard(lane)
        if lane in self._free[lane.kind]:
            self._free[lane.kind].remove(lane)
        else:
            self.load -= 1
        self._released(lane.kind)

    async def _receive(self) -> bytes:
        try:
            return await asyncio.get_running_loop().sock_recv(self._connection, PIECE)
        except ConnectionError:
            return b""


async def _open(lane: Lane, ours: socket.socket) -> None:
    ours.setblocking(False)
    await asyncio.get_running_loop().create_connection(lambda: lane, sock=ours)
