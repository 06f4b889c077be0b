"""kefu as a process of its own: what the end-to-end tests start, talk to, stop and kill."""

from __future__ import annotations

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import IO, Protocol, Self

ROOT = Path(__file__).resolve().parents[2]
READY_WITHIN_S = 30.0
STOPPED_WITHIN_S = 20.0
# What would change the server's behaviour if the shell that runs the tests happened to have it.
OURS = ("KEFU_", "REDIS_", "JWT_", "AWS_", "CONNECTIONS_", "LAMBDA_")
SETTINGS = {
    *("PORT", "ALLOWED_ORIGINS", "RATE_LIMIT", "CLAIM_GRACE_S", "SWEEP_S"),
    *("FLUSH_FUNCTION", "BROADCAST_FUNCTION", "SOCKET_URL", "DEV_TOKENS_URL", "SECRETS", "PUSHES"),
}
# How functions reach the sockets: over HTTP as on AWS, unless who runs the tests wants the way of `make run`.
PUSHES = os.environ.get("PUSHES") or "http"
NOTHING: Mapping[str, str] = MappingProxyType({})


class Service(Protocol):
    """kefu, wherever it runs: its addresses, and tokens that it takes."""

    @property
    def url(self) -> str:
        """The base of its HTTP routes, with no slash at the end."""

    @property
    def port(self) -> int: ...

    @property
    def ws(self) -> str:
        """Where its socket opens."""

    def token(self, sub: str, *, name: str | None = None, scope: str | None = None, ttl_s: int = 3600) -> str:
        """A JWT for `sub`; a negative `ttl_s` makes one that has expired."""


class StartError(Exception):
    """The server ended, or said nothing, before it was ready; `status` is its exit status."""

    def __init__(self, status: int, stdout: str, stderr: str) -> None:
        super().__init__(f"exit status {status}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
        self.status, self.stdout, self.stderr = status, stdout, stderr


class Output:
    """Everything that a process writes to one of its pipes, read as it comes so that it never blocks."""

    def __init__(self, pipe: IO[str]) -> None:
        self._lines: list[str] = []
        self._news: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._drain, args=(pipe,), daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        """What has been written so far."""
        return "".join(self._lines)

    def wait_for(self, wanted: str, within_s: float) -> str:
        """The next line not yet waited for that contains `wanted`.

        Raises EOFError when the process closes the pipe first, TimeoutError when a line takes longer than `within_s`.
        """
        while True:
            try:
                line = self._news.get(timeout=within_s)
            except queue.Empty:
                raise TimeoutError(f"no line with {wanted!r} in:\n{self.text}") from None
            if line is None:
                raise EOFError(f"ended without a line with {wanted!r}:\n{self.text}")
            if wanted in line:
                return line

    def join(self) -> str:
        """All of it, once the process has ended."""
        self._thread.join(STOPPED_WITHIN_S)
        return self.text

    def _drain(self, pipe: IO[str]) -> None:
        with pipe:
            for line in pipe:
                self._lines.append(line)
                self._news.put(line)
        self._news.put(None)


class Server:
    """A running `python -m infra.local`, with everything that it keeps under `home`."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.close()
        self.process, self.port = process, port
        self.url, self.ws = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/ws"
        self.stdout, self.stderr = Output(process.stdout), Output(process.stderr)

    @classmethod
    def start(
        cls, home: Path, *, env: Mapping[str, str] = NOTHING, args: Sequence[str] = (), cwd: Path = ROOT
    ) -> Server:
        """Start it on a free port (unless `env` names a PORT) and wait until it is ready; StartError when it is not.

        `cwd` is the folder whose `app.py` it runs: kefu's own, unless a test brings another.
        """
        port = int(env["PORT"]) if env.get("PORT", "").isdecimal() else free_port()
        server = cls(
            launch(
                ["-m", "infra.local", *args],
                {"KEFU_HOME": str(home), "PORT": str(port), "PUSHES": PUSHES, **env},
                cwd=cwd,
            ),
            port,
        )
        try:
            server.stdout.wait_for("kefu is ready: ", READY_WITHIN_S)
        except (EOFError, TimeoutError) as error:
            if isinstance(error, TimeoutError):
                server.process.kill()
            status = server.process.wait(STOPPED_WITHIN_S)
            raise StartError(status, server.stdout.join(), server.stderr.join()) from None
        return server

    def token(self, sub: str, *, name: str | None = None, scope: str | None = None, ttl_s: int = 3600) -> str:
        """A JWT for `sub`, minted by POST /dev/tokens; a negative `ttl_s` makes one that has expired."""
        wanted = {"sub": sub, "name": name, "scope": scope, "ttl_s": ttl_s}
        request = urllib.request.Request(
            f"{self.url}/dev/tokens",
            data=json.dumps({claim: value for claim, value in wanted.items() if value is not None}).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=10) as response:
            token = json.load(response)["token"]
        assert isinstance(token, str)
        return token

    def stop(self) -> int:
        """SIGTERM, wait for the end, and answer the exit status (once stopped: the same again)."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(STOPPED_WITHIN_S)
        self.stdout.join()
        self.stderr.join()
        return status

    def kill(self) -> None:
        """SIGKILL: the server gets no chance to clean up."""
        self.process.kill()
        self.process.wait()
        self.stdout.join()
        self.stderr.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


def launch(arguments: Sequence[str], env: Mapping[str, str] = NOTHING, *, cwd: Path = ROOT) -> subprocess.Popen[str]:
    """Start Python with `arguments` in `cwd`, all three streams piped, with no settings of ours but those in `env`."""
    inherited = {
        name: value for name, value in os.environ.items() if name not in SETTINGS and not name.startswith(OURS)
    }
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env={**inherited, "PYTHONPATH": str(ROOT), **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="backslashreplace",
    )


def free_port() -> int:
    """A TCP port that nothing listens on right now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    assert isinstance(port, int)
    return port
