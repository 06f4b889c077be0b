"""A network that breaks: a TCP proxy before the service that cuts connections whenever it likes."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field


@dataclass
class Network:
    """The way to the service at `target`: each connection lasts a random time within `lasts_s`, or until `cut()`."""

    target: int
    lasts_s: tuple[float, float] | None = None
    port: int = 0
    cuts: int = 0
    _lines: set[asyncio.StreamWriter] = field(default_factory=set)
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    def cut(self) -> None:
        """Cut every connection, as a network does: without a word."""
        self._loop.call_soon_threadsafe(self._cut_all)

    def _cut_all(self) -> None:
        for writer in self._lines:
            writer.transport.abort()
        self.cuts += 1

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.transport.abort()
            return
        self._lines |= {writer, back}
        if self.lasts_s is not None:
            # Seeded by nothing: the next run finds something else.
            self._loop.call_later(random.uniform(*self.lasts_s), self._cut, writer, back)
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            for each in (writer, back):
                each.transport.abort()
            self._lines -= {writer, back}
            self._tasks.discard(task)

    def _cut(self, *writers: asyncio.StreamWriter) -> None:
        self.cuts += any(not writer.transport.is_closing() for writer in writers)
        for writer in writers:
            writer.transport.abort()

    async def _serve(self, ready: Future[int], over: asyncio.Event) -> None:
        server = await asyncio.start_server(self._carry, "127.0.0.1", 0)
        ready.set_result(server.sockets[0].getsockname()[1])
        await over.wait()
        server.close()
        self._cut_all()
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while block := await reader.read(65_536):
            writer.write(block)
            await writer.drain()
    writer.transport.abort()


@contextlib.contextmanager
def unreliable(target: int, lasts_s: tuple[float, float] | None = None) -> Iterator[Network]:
    """A network to the service on port `target`, in a thread of its own."""
    network = Network(target, lasts_s)
    ready: Future[int] = Future()
    over = asyncio.Event()

    def run() -> None:
        try:
            network._loop.run_until_complete(network._serve(ready, over))
        finally:
            network._loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    network.port = ready.result(10)
    try:
        yield network
    finally:
        network._loop.call_soon_threadsafe(over.set)
        thread.join()
