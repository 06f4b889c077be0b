"""Storages to be killed: one node, and a cluster of three primaries with a replica each. None outlives its starter."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from redis.asyncio import Redis
from redis.exceptions import RedisError

from tests.faults.faulty import ROOT
from tests.servers import binary, free_port

Fsync = Literal["always", "everysec", "no"]
HOST = "127.0.0.1"
WITHIN_S = 20.0
NODE_TIMEOUT_MS = 1_500
PRIMARIES = 3
SLOTS = 16_384
KEYS_AT_ONCE = 20
# The kernel ends it with the thread that starts it; exec keeps that, and the process id.
MORTAL = (
    "import os, signal, sys; from infra.local.orphans import die_with_parent; "
    "die_with_parent(signal.SIGKILL); os.execv(sys.argv[1], sys.argv[1:])"
)


class Node:
    """One Redis on a port of its own, which keeps what it has in its folder."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self.port, self.bus = folder, free_port(), free_port()
        self.url = f"redis://{HOST}:{self.port}"
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start it, and wait until it has read what it kept, and serves. TimeoutError when it does not."""
        self.folder.mkdir(parents=True, exist_ok=True)
        options: tuple[str, ...] = ("--port", str(self.port), "--bind", HOST, "--save", "", "--dir", str(self.folder))
        options = (*options, "--cluster-port", str(self.bus))
        self._process = subprocess.Popen(
            [sys.executable, "-c", MORTAL, binary(), *options, "--logfile", "redis.log", *self._options],
            cwd=self.folder,
            env={"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
        )
        await until(self._serves, f"Redis on port {self.port} does not start: see {self.folder}/redis.log")

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stand_still(self) -> None:
        """SIGSTOP, until it is to `go_on`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    async def ask(self, *words: str | int) -> Any:
        """The answer to a command. Raises RedisError."""
        async with connected(self.port) as client:
            return await client.execute_command(*words)  # type: ignore[no-untyped-call] # redis-py leaves it so

    async def _serves(self) -> bool:
        return bool(await self.ask("PING"))


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Redis]:
    """A client of one node."""
    client = Redis(host=HOST, port=port, socket_timeout=2, socket_connect_timeout=2, decode_responses=True)
    try:
        yield client
    finally:
        await client.aclose()


async def until(condition: Callable[[], Awaitable[bool]], otherwise: str, within_s: float = WITHIN_S) -> None:
    """Wait until `condition` holds; a node that does not answer is one that is not there yet. Raises TimeoutError."""
    deadline = time.monotonic() + within_s
    while True:
        try:
            if await condition():
                return
        except (RedisError, OSError) as error:
            last: object = error
        else:
            last = "no"
        if time.monotonic() > deadline:
            raise TimeoutError(f"{otherwise} ({last})")
        await asyncio.sleep(0.02)


class Storage(ABC):
    """What a service keeps everything in."""

    kind: str

    @property
    @abstractmethod
    def env(self) -> Mapping[str, str]:
        """The settings of a service that uses it."""

    @abstractmethod
    async def start(self) -> None:
        """Start it, and wait until it serves."""

    @abstractmethod
    def stop(self) -> None:
        """End every process of it."""

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()


class OneNode(Storage):
    """One Redis with an append-only file."""

    kind = "one-node"

    def __init__(self, folder: Path, fsync: Fsync = "always") -> None:
        self._node = Node(folder, "--appendonly", "yes", "--appendfsync", fsync)
        self.url = self._node.url

    @property
    def env(self) -> Mapping[str, str]:
        return {"REDIS_URL": self.url}

    async def start(self) -> None:
        await self._node.start()

    def kill(self) -> None:
        """SIGKILL: what it has not written by now, it has not."""
        self._node.kill()

    async def restart(self) -> None:
        """Start it on what it kept, and wait until it serves."""
        await self._node.start()

    def stop(self) -> None:
        if self._node._process is not None:
            self._node.kill()


class Cluster(Storage):
    """Three primaries that share the slots, and a replica of each."""

    kind = "cluster"

    def __init__(self, folder: Path, *, wait_replicas: int = 1) -> None:
        options = (
            *("--cluster-enabled", "yes", "--cluster-node-timeout", str(NODE_TIMEOUT_MS)),
            *("--cluster-replica-validity-factor", "0", "--cluster-allow-replica-migration", "no"),
            *("--appendonly", "yes", "--appendfsync", "everysec"),
            *("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"),
        )
        self.nodes = [Node(folder / str(number), *options) for number in range(2 * PRIMARIES)]
        self._wait_replicas = wait_replicas
        self._down: Node | None = None

    @property
    def env(self) -> Mapping[str, str]:
        seeds = ",".join(node.url for node in self.nodes)
        return {"REDIS_URL": seeds, "REDIS_CLUSTER": "1", "REDIS_WAIT_REPLICAS": str(self._wait_replicas)}

    async def start(self) -> None:
        await asyncio.gather(*(node.start() for node in self.nodes))
        bounds = [SLOTS * number // PRIMARIES for number in range(PRIMARIES + 1)]
        for number, node in enumerate(self.nodes):
            if number < PRIMARIES:
                await node.ask("CLUSTER", "ADDSLOTSRANGE", bounds[number], bounds[number + 1] - 1)
            await node.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            await node.ask("CLUSTER", "MEET", HOST, self.nodes[0].port, self.nodes[0].bus)
        await until(self._all_know_all, "the nodes do not find each other")
        for number, node in enumerate(self.nodes[PRIMARIES:]):
            await node.ask("CLUSTER", "REPLICATE", await self.nodes[number].ask("CLUSTER", "MYID"))
        await until(self.settled, "the cluster does not come up")

    def stop(self) -> None:
        for node in self.nodes:
            if node._process is not None and node is not self._down:
                node.kill()

    async def kill_primary(self, number: int, *, behind_s: float = 0.0) -> Node:
        """SIGKILL for one of the primaries, and which it was: the lowest port, the next one, … as `number` goes up.

        Its replica has been cut off for `behind_s` seconds then, and has not heard of what was written meanwhile.
        """
        primaries = await self._primaries()
        self._down = primaries[number % len(primaries)]
        if behind_s:
            replicas = [node for node in self.nodes if node not in primaries]
            for replica in replicas:
                replica.stand_still()
            # Else what stands in the buffers of its socket would be read after all.
            await self._down.ask("CLIENT", "KILL", "TYPE", "replica")
            await asyncio.sleep(behind_s)
            self._down.kill()
            for replica in replicas:
                replica.go_on()
        else:
            self._down.kill()
        return self._down

    async def taken_over(self) -> None:
        """Wait until the killed primary's replica has its place, and every node says so."""

        async def agreed() -> bool:
            return len(await self._primaries()) == PRIMARIES and all(
                [self._is_fine(await node.ask("CLUSTER", "INFO")) for node in self._alive()]
            )

        await until(agreed, "no replica takes over")

    async def bring_back(self) -> None:
        """Start the killed one again, and wait until it is a replica that has everything, and all nodes agree."""
        assert self._down is not None
        await self._down.start()
        self._down = None
        await until(self.settled, "the cluster is not whole again")

    async def settled(self) -> bool:
        """Whether every node is there, the replicas are in step, and all say that all is well."""
        primaries = 0
        for node in self.nodes:
            if not self._is_fine(await node.ask("CLUSTER", "INFO")):
                return False
            role = await node.ask("ROLE")
            if role[0] == "master":
                primaries += 1
                if len(role[2]) != 1:
                    return False
            elif role[3] != "connected":
                return False
        return primaries == PRIMARIES

    async def move_slot(self, tag: str) -> None:
        """Move the slot of a hash tag (`s:STORE`, `u:USER`) to another primary, key by key, while it is in use."""
        slot = await self.nodes[0].ask("CLUSTER", "KEYSLOT", f"{{{tag}}}")
        primaries = await self._primaries()
        owner = await self._owner(primaries, slot)
        source = primaries.pop(owner)
        target = primaries[owner % len(primaries)]
        source_id, target_id = await source.ask("CLUSTER", "MYID"), await target.ask("CLUSTER", "MYID")
        await target.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        await source.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", target_id)
        while keys := await source.ask("CLUSTER", "GETKEYSINSLOT", slot, KEYS_AT_ONCE):
            await source.ask("MIGRATE", HOST, target.port, "", 0, 5_000, "KEYS", *keys)
        for node in (target, source, *primaries):
            await node.ask("CLUSTER", "SETSLOT", slot, "NODE", target_id)

    async def _owner(self, primaries: list[Node], slot: int) -> int:
        for begin, end, (_, port, *_), *_ in await primaries[0].ask("CLUSTER", "SLOTS"):
            if begin <= slot <= end:
                return [node.port for node in primaries].index(port)
        raise LookupError(f"nobody has slot {slot}")

    async def _primaries(self) -> list[Node]:
        return [node for node in self._alive() if (await node.ask("ROLE"))[0] == "master"]

    def _alive(self) -> list[Node]:
        return [node for node in self.nodes if node is not self._down]

    async def _all_know_all(self) -> bool:
        return all([self._is_fine(await node.ask("CLUSTER", "INFO")) for node in self.nodes])

    def _is_fine(self, info: Any) -> bool:
        fields = info if isinstance(info, dict) else dict(line.split(":", 1) for line in info.split())
        return fields["cluster_state"] == "ok" and int(fields["cluster_known_nodes"]) == len(self.nodes)
