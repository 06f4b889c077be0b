"""The worker processes: Lambda's part, with its retries of asynchronous invocations and its schedule."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import socket
import sys
import time
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from uuid import uuid4

import msgspec

from infra.local import wire

INVOCATION_TIMEOUT_S = 29.0
RETRY_DELAYS_S = (0.1, 1.0)
RESTART_DELAY_S = 1.0
STOP_WITHIN_S = 2.0

log = logging.getLogger("kefu.functions")


class InvocationError(Exception):
    """A function raised, took too long, or its worker died; `str()` says which."""


class ImportFailed(Exception):
    """A worker ended before it had imported the application; why is in its own output."""


class WorkerProcess:
    """One worker, with the calls that it has not answered yet."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self._pending: dict[int, asyncio.Future[wire.FromWorker]] = {}
        self._decoder = msgspec.msgpack.Decoder(wire.FromWorker)

    @classmethod
    async def start(cls, environ: Mapping[str, str]) -> WorkerProcess:
        """Start a worker in this process's own folder; what it prints goes to our stderr."""
        ours, theirs = socket.socketpair()
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
                process_group=0,  # Ctrl-C in the terminal is for the gateway, which then stops its workers in order.
            )
        return cls(process, *await asyncio.open_connection(sock=ours))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def load(self) -> int:
        """How many calls it has not answered."""
        return len(self._pending)

    async def hello(self) -> wire.Hello:
        """Its first message. Raises ImportFailed when it ends before."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            message = await self._receive()
            if isinstance(message, wire.Hello):
                return message
        await self._process.wait()
        raise ImportFailed

    async def call(self, message: wire.ToWorker) -> wire.FromWorker:
        """Its answer to `message`. Raises InvocationError when it dies first."""
        answer: asyncio.Future[wire.FromWorker] = asyncio.get_running_loop().create_future()
        self._pending[message.id] = answer
        try:
            self._writer.write(wire.frame(message))
            return await answer
        finally:
            del self._pending[message.id]

    async def listen(self) -> None:
        """Pass its answers on until it closes the socket; what it has not answered by then fails."""
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await self._receive()
                # Who called may have given up meanwhile.
                if not isinstance(message, wire.Hello) and (answer := self._pending.get(message.id)):
                    _settle(answer, message)
        for answer in self._pending.values():
            _settle(answer, InvocationError("its worker died"))

    async def ended(self) -> int:
        """Its exit status, once it has ended."""
        self._writer.close()
        return await self._process.wait()

    async def stop(self) -> None:
        """Close the socket, which ends it, and see to it that it has ended."""
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self.ended()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _receive(self) -> wire.FromWorker:
        length = int.from_bytes(await self._reader.readexactly(wire.LENGTH_BYTES))
        message: wire.FromWorker = self._decoder.decode(await self._reader.readexactly(length))
        return message


def _settle(answer: asyncio.Future[wire.FromWorker], outcome: wire.FromWorker | InvocationError) -> None:
    if answer.done():  # cancelled: the call was given up
        return
    if isinstance(outcome, InvocationError):
        answer.set_exception(outcome)
    else:
        answer.set_result(outcome)


class Functions:
    """The application's functions and routes, run in `workers` processes; a worker that dies is replaced."""

    def __init__(self, workers: int, environ: Mapping[str, str]) -> None:
        self._count, self._environ = workers, dict(environ)
        self._workers: set[WorkerProcess] = set()
        self._available = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ids = itertools.count()
        self.names: frozenset[str] = frozenset()

    async def start(self) -> None:
        """Start the workers and wait until all of them can be called. Raises ImportFailed."""
        started = await asyncio.gather(*(self._start_one() for _ in range(self._count)), return_exceptions=True)
        for worker in started:
            if isinstance(worker, BaseException):
                raise worker
            self._spawn(self._keep(worker))

    async def stop(self) -> None:
        """End every worker, and whatever was still to be retried or scheduled."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.stop() for worker in self._workers))

    async def invoke(self, function: str, event: wire.Json, *, background: bool = False) -> wire.Json:
        """What `function` returns for `event`. Raises InvocationError."""
        invocation = wire.Invoke(next(self._ids), function, event, INVOCATION_TIMEOUT_S, background)
        match await self._call(invocation):
            case wire.Returned(value=value):
                return value
            case wire.Raised(error=error):
                raise InvocationError(error)
            case answer:
                raise TypeError(f"an invocation was answered by {answer}")

    async def respond(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> wire.Responded:
        """The answer of the application's HTTP routes. Raises InvocationError."""
        request = wire.Request(next(self._ids), method, path, dict(headers), body, INVOCATION_TIMEOUT_S)
        match await self._call(request):
            case wire.Responded() as response:
                return response
            case wire.Raised(error=error):
                raise InvocationError(error)
            case answer:
                raise TypeError(f"a request was answered by {answer}")

    def invoke_later(self, function: str, event: wire.Json) -> None:
        """Invoke `function` in the background; on an error twice again, as Lambda does."""
        self._spawn(self._invoke_until_done(function, event))

    def schedule(self, function: str, every_s: float) -> None:
        """Invoke `function` every `every_s` seconds, never twice at the same time."""
        self._spawn(self._invoke_on_schedule(function, every_s))

    async def _call(self, message: wire.ToWorker) -> wire.FromWorker:
        try:
            async with asyncio.timeout(INVOCATION_TIMEOUT_S):
                await self._available.wait()
                return await min(self._workers, key=lambda worker: worker.load).call(message)
        except TimeoutError:
            raise InvocationError(f"it took longer than {INVOCATION_TIMEOUT_S:g} seconds") from None

    async def _invoke_until_done(self, function: str, event: wire.Json) -> None:
        for delay_s in (0.0, *RETRY_DELAYS_S):
            await asyncio.sleep(delay_s)
            try:
                await self.invoke(function, event, background=True)
            except InvocationError as error:
                reason = str(error)
            else:
                return
        attempts = 1 + len(RETRY_DELAYS_S)
        log.error("dead letter: %s failed %d times (%s); its event was %s", function, attempts, reason, event)

    async def _invoke_on_schedule(self, function: str, every_s: float) -> None:
        while True:
            await asyncio.sleep(every_s)
            await self._invoke_until_done(function, scheduled_event(function))

    async def _start_one(self) -> WorkerProcess:
        worker = await WorkerProcess.start(self._environ)
        try:
            self.names = frozenset((await worker.hello()).functions)
        except asyncio.CancelledError:
            await worker.stop()
            raise
        self._add(worker)
        return worker

    async def _keep(self, worker: WorkerProcess) -> None:
        while True:
            started = time.monotonic()
            await worker.listen()
            self._remove(worker)
            status = await worker.ended()
            log.warning("worker %d ended with status %d and is replaced", worker.pid, status)
            if time.monotonic() - started < RESTART_DELAY_S:
                await asyncio.sleep(RESTART_DELAY_S)
            worker = await self._replacement()

    async def _replacement(self) -> WorkerProcess:
        while True:
            try:
                return await self._start_one()
            except ImportFailed:
                log.error("a new worker could not import the application; trying again")
                await asyncio.sleep(RESTART_DELAY_S)

    def _add(self, worker: WorkerProcess) -> None:
        self._workers.add(worker)
        self._available.set()

    def _remove(self, worker: WorkerProcess) -> None:
        self._workers.discard(worker)
        if not self._workers:
            self._available.clear()

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def scheduled_event(function: str) -> wire.Json:
    """The event that EventBridge sends for a schedule."""
    return {
        "version": "0",
        "id": str(uuid4()),
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": "local",
        "resources": [f"arn:aws:events:local:000000000000:rule/{function}"],
        "detail": {},
    }
