"""A platform that breaks on request: `python -m tests.faults.faulty` is `python -m infra.local` with faults.

What is broken is read from the file of `control` that KEFU_FAULTS names, at every use.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self

from aiohttp import WSCloseCode, web

from infra.local import __main__ as one_machine
from infra.local import serve
from infra.local.connections import Connection, Gone, Limits
from infra.local.events import Client
from infra.local.functions import Functions
from infra.local.gateway import Gateway, amazon_error
from infra.local.orphans import die_with_parent
from infra.local.sigv4 import Credentials
from tests.faults import control
from tests.faults.control import Faults
from tests.servers import free_port

APP = Path(__file__).resolve().parent / "kefu_app"
ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests, long enough for HS256"
SLOW_S, TIMEOUT_S = 10.0, 30.0
LIMITS_EVERY_S = 0.1
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0
# What would change the service if the shell that runs the tests happened to have it.
OURS = ("KEFU_", "REDIS_", "JWT_", "AWS_", "CONNECTIONS_", "LAMBDA_")
NOTHING: Mapping[str, str] = MappingProxyType({})


class FaultyGateway(Gateway):
    """The stand-in for API Gateway, in trouble."""

    def __init__(
        self,
        functions: Functions,
        limits: Limits,
        credentials: Credentials,
        jwt_secret: str,
        minimum_compression_size: int | None,
    ) -> None:
        super().__init__(functions, limits, credentials, jwt_secret, minimum_compression_size)
        self._faults, self._random = control.path(), control.random("gateway")

    def application(self) -> web.Application:
        application = super().application()
        application.cleanup_ctx.append(self._limiting)
        return application

    async def _post(self, connection: Connection, payload: bytes) -> web.Response:
        faults = control.read(self._faults)
        if faults.shuffle_s:
            await asyncio.sleep(self._random.uniform(0, faults.shuffle_s))
        match faults.of_post(connection.client.connection_id, self._random):
            case "410":
                connection._transport.abort()
                raise Gone
            case "429":
                return amazon_error(HTTPStatus.TOO_MANY_REQUESTS, "LimitExceededException", "Rate exceeded")
            case "500":
                return amazon_error(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalFailure", "Internal server error")
            case "slow":
                return await self._post_late(connection, payload, SLOW_S)
            case "timeout":
                return await self._post_late(connection, payload, TIMEOUT_S)
        return await super()._post(connection, payload)

    async def _post_late(self, connection: Connection, payload: bytes, after_s: float) -> web.Response:
        response = await super()._post(connection, payload)
        await asyncio.sleep(after_s)
        return response

    async def _disconnected(self, client: Client, code: int, reason: str) -> None:
        if not control.read(self._faults).lost_disconnects:
            await super()._disconnected(client, code, reason)

    async def _limiting(self, _: web.Application) -> AsyncIterator[None]:
        limiting = asyncio.create_task(self._keep_limits())
        yield
        limiting.cancel()

    async def _keep_limits(self) -> None:
        # Beside the limits that a connection begins with: these change while it lives.
        while True:
            await asyncio.sleep(LIMITS_EVERY_S)
            faults, now = control.read(self._faults), time.monotonic()
            for connection in list(self._connections.values()):
                if min(connection._active + faults.idle_s, connection._opened + faults.max_s) < now:
                    connection.close_soon(WSCloseCode.GOING_AWAY)


class Service:
    """A faulty service on a port of its own, which stays the same when it is killed and started again.

    It is started and stopped by one thread, and ends with that thread.
    """

    def __init__(
        self, home: Path, env: Mapping[str, str] = NOTHING, *, workers: int = 2, seed: int = 0, sweep_s: float = 1.0
    ) -> None:
        """`env` has the settings of the storage (REDIS_URL, …) and whatever else differs: KEFU_MUTANT, say."""
        self.home, self.port, self.workers = home, free_port(), workers
        self.url, self.secret = f"http://127.0.0.1:{self.port}", SECRET
        self.faults = home / "faults.json"
        self.log = home / "service.log"
        self._process: subprocess.Popen[bytes] | None = None
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self._env = inherited | {
            "PYTHONPATH": str(ROOT),
            "KEFU_HOME": str(home),
            "KEFU_FAULTS": str(self.faults),
            "KEFU_SEED": str(seed),
            "PORT": str(self.port),
            "JWT_SECRET": SECRET,
            "PUSHES": "http",  # that is where the faults are
            "RATE_LIMIT": "0",
            "SWEEP_S": str(sweep_s),
            **env,
        }

    def set(self, faults: Faults = control.NONE) -> None:
        """Break this, and mend everything else."""
        control.write(self.faults, faults)

    async def start(self) -> None:
        """Start it, and wait until it is ready; AssertionError with the end of its log when it does not become so."""
        self.home.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "tests.faults.faulty", "--workers", str(self.workers)]
        with self.log.open("ab") as log:
            begin = log.tell()
            self._process = subprocess.Popen(
                command, cwd=APP, env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while b"kefu is ready: " not in (written := self.log.read_bytes()[begin:]):
            waits = self._process.poll() is None and time.monotonic() < deadline
            assert waits, written[-4000:].decode(errors="replace")
            await asyncio.sleep(0.02)

    async def stop(self) -> int:
        """SIGTERM, and the exit status once it has ended."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOPPED_WITHIN_S
        while (status := self._process.poll()) is None:
            if time.monotonic() > deadline:
                self.kill()
                raise TimeoutError(f"the service does not stop: see {self.log}")
            await asyncio.sleep(0.02)
        return status

    def kill(self) -> None:
        """SIGKILL: every socket is cut, and no function ends in order."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def kill_worker(self, random: random.Random) -> int | None:
        """SIGKILL for one of the workers; its process id, or None while there is none."""
        living = [pid for path in sorted(self.home.glob("faults.worker-*")) if (pid := _holder(path))]
        if not living:
            return None
        victim = random.choice(living)
        os.kill(victim, signal.SIGKILL)
        return victim

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()


def _holder(path: Path) -> int | None:
    """The process that holds the lock on a worker's place, if one does."""
    with path.open("rb") as place:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return int(place.read() or b"0") or None
    return None


def main(arguments: list[str]) -> int:
    """Like infra.local's; the exit status."""
    die_with_parent(signal.SIGKILL)
    setattr(serve, "Gateway", FaultyGateway)  # noqa: B010 - mypy lets no class be assigned
    return one_machine.main(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
