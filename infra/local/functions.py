"""The worker processes: Lambda's part, with its retries of asynchronous invocations and its schedule."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from uuid import uuid4

from infra.local import wire
from infra.local.workers import LANES, STOP_WITHIN_S, Call, ImportFailed, InvocationError, Kind, Worker

__all__ = ["STOP_WITHIN_S", "Functions", "ImportFailed", "InvocationError", "scheduled_event"]

INVOCATION_TIMEOUT_S = 29.0
LOOK_EVERY_S = 0.5
RETRY_DELAYS_S = (0.1, 1.0)
RESTART_DELAY_S = 1.0

load_of = attrgetter("load")
log = logging.getLogger("kefu.functions")


class Functions:
    """The application's functions and routes, run in `workers` processes; a worker that dies is replaced."""

    def __init__(self, workers: int, environ: Mapping[str, str]) -> None:
        self._count, self._environ = workers, dict(environ)
        self._workers: set[Worker] = set()
        self._waiting: dict[Kind, deque[Call]] = {kind: deque() for kind in LANES}
        self._calls: dict[Call, float] = {}  # and when each began
        self._expiry: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._platform: Callable[[wire.Ask], wire.Answer] = _nobody
        self.names: frozenset[str] = frozenset()

    def ask(self, platform: Callable[[wire.Ask], wire.Answer]) -> None:
        """From now on `platform` answers what functions ask for while they run."""
        self._platform = platform

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
        invocation = wire.Invoke(function, event, INVOCATION_TIMEOUT_S)
        match await self._call(invocation, "background" if background else "frame"):
            case wire.Returned(value=value):
                return value
            case wire.Raised(error=error):
                raise InvocationError(error)
            case answer:
                raise TypeError(f"an invocation was answered by {answer}")

    async def respond(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> wire.Responded:
        """The answer of the application's HTTP routes. Raises InvocationError."""
        request = wire.Request(method, path, dict(headers), body, INVOCATION_TIMEOUT_S)
        match await self._call(request, "request"):
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

    async def _call(self, message: wire.Call, kind: Kind) -> wire.Outcome:
        call = Call(message, kind)
        self._calls[call] = time.monotonic()
        if self._expiry is None:
            self._expire()
        waiting = self._waiting[kind]
        try:
            if waiting or not self._run(call):
                waiting.append(call)
            return await call.outcome
        finally:
            del self._calls[call]

    def _expire(self) -> None:
        """Give up what takes too long: one timer for all calls, which are in the order in which they began."""
        now, self._expiry = time.monotonic(), None
        for call, begun in self._calls.items():
            if begun + INVOCATION_TIMEOUT_S > now:
                break
            call.fail(f"it took longer than {INVOCATION_TIMEOUT_S:g} seconds")
        if self._calls:
            self._expiry = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._expire)

    def _run(self, call: Call) -> bool:
        """Give a call to a lane of the worker that has the least to do; False when none is free."""
        for worker in sorted(self._workers, key=load_of):
            if lane := worker.lane(call.kind):
                lane.run(call)
                return True
        return False

    def _answer(self, ask: wire.Ask) -> wire.Answer:
        return self._platform(ask)

    def _next(self, kind: Kind) -> None:
        """Run what has waited longest, as far as there are free lanes."""
        waiting = self._waiting[kind]
        while waiting and (waiting[0].outcome.done() or self._run(waiting[0])):
            waiting.popleft()

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

    async def _start_one(self) -> Worker:
        worker = await Worker.start(self._environ, self._answer, self._next)
        try:
            self.names = frozenset((await worker.hello()).functions)
        except asyncio.CancelledError:
            await worker.stop()
            raise
        self._workers.add(worker)
        for kind in LANES:
            self._next(kind)
        return worker

    async def _keep(self, worker: Worker) -> None:
        while True:
            started = time.monotonic()
            await worker.gone()
            self._workers.discard(worker)
            status = await worker.ended()
            log.warning("worker %d ended with status %d and is replaced", worker.pid, status)
            if time.monotonic() - started < RESTART_DELAY_S:
                await asyncio.sleep(RESTART_DELAY_S)
            worker = await self._replacement()

    async def _replacement(self) -> Worker:
        while True:
            try:
                return await self._start_one()
            except ImportFailed:
                log.error("a new worker could not import the application; trying again")
                await asyncio.sleep(RESTART_DELAY_S)

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _nobody(ask: wire.Ask) -> wire.Answer:
    raise RuntimeError(f"nobody is there who could answer {ask}")


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
