"""What pushing one frame to a hundred connections costs, over TLS, against boto3: CPU time and time.

boto3 and the service's own pusher are processes of their own that push turn about; their sockets stay open.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO

from tests.artifact import certificates
from tests.bench.figures import Figure, figure, ratio

POSTS = 100
SLOW_MS = 8.0
WARM = 2
ENVIRONMENT = {
    "AWS_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "AWS_SESSION_TOKEN": "T" * 600,  # about as long as a function's
    "NO_PROXY": "127.0.0.1",
    "no_proxy": "127.0.0.1",
}


class Conversation:
    """A process of ours that answers each line with a line."""

    def __init__(self, module: str, *arguments: str, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"tests.bench.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **environ},
            text=True,
        )

    def __enter__(self) -> Conversation:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):  # it has ended already
            self._input.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._output.close()

    @property
    def _input(self) -> IO[str]:
        assert self._process.stdin
        return self._process.stdin

    @property
    def _output(self) -> IO[str]:
        assert self._process.stdout
        return self._process.stdout

    def said(self) -> str:
        """Its next line. Raises EOFError when it ends instead; why is in its own error output."""
        line = self._output.readline()
        if not line:
            raise EOFError("the process ended before it answered")
        return line

    def asked(self) -> dict[str, float]:
        """Its answer to one more line."""
        with suppress(BrokenPipeError):  # then it says nothing
            self._input.write("\n")
            self._input.flush()
        answer: dict[str, float] = json.loads(self.said())
        return answer


@contextmanager
def _pushers(folder: Path, delay_ms: float) -> Iterator[dict[str, Conversation]]:
    """boto3 and the service's pusher, both warm, and a platform that takes their posts after a delay."""
    environ = {**ENVIRONMENT, "SSL_CERT_FILE": str(folder / "authority.pem")}
    with ExitStack() as stack:
        options = ("--delay-ms", str(delay_ms), "--tls", str(folder))
        platform = stack.enter_context(Conversation("management", *options, environ=environ))
        endpoint = f"https://127.0.0.1:{int(platform.said())}/prod"
        pushers = {
            kind: stack.enter_context(Conversation("pushing", kind, endpoint, str(POSTS), environ=environ))
            for kind in ("boto3", "kefu")
        }
        for pusher in pushers.values():
            for _ in range(WARM):
                pusher.asked()
        yield pushers


def _rounds(pushers: Mapping[str, Conversation], rounds: int) -> tuple[list[dict[str, float]], list[dict[str, float]]]:
    boto3: list[dict[str, float]] = []
    kefu: list[dict[str, float]] = []
    for n in range(rounds):
        for kind in ("boto3", "kefu") if n % 2 else ("kefu", "boto3"):
            (boto3 if kind == "boto3" else kefu).append(pushers[kind].asked())
    return boto3, kefu


def _each(rounds: Sequence[Mapping[str, float]], what: str) -> list[float]:
    return [one[what] for one in rounds]


def measure(quick: bool) -> list[Figure]:
    """CPU per push at a hundred recipients, and the time of a hundred pushes to a service that takes 8 ms."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        certificates.made(folder, [])
        with _pushers(folder, 0.0) as pushers:
            boto3, kefu = _rounds(pushers, 5 if quick else 15)
            cpu = [
                figure("pushes, cpu", "µs", _each(kefu, "us")),
                figure("pushes, cpu of boto3", "µs", _each(boto3, "us")),
                ratio("pushes, cpu to boto3", _each(kefu, "us"), _each(boto3, "us")),
            ]
        with _pushers(folder, SLOW_MS) as pushers:
            boto3, kefu = _rounds(pushers, 3 if quick else 9)
            return [
                *cpu,
                figure("pushes, slow service", "ms", _each(kefu, "ms")),
                figure("pushes, slow service, boto3", "ms", _each(boto3, "ms")),
                ratio("pushes, slow service, to boto3", _each(kefu, "ms"), _each(boto3, "ms")),
            ]
