"""What an acknowledged message survives, by how Redis is set up: `python -m tests.faults.durability` measures it.

Writers store messages as fast as they are answered, the storage dies by SIGKILL under them, comes back by itself or by
its replica, and the history is compared with what was acknowledged.
"""

from __future__ import annotations

import asyncio
import json
import math
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import cast

from chalicelib.errors import KefuError, Unavailable
from chalicelib.model import Identity
from chalicelib.settings import Settings
from chalicelib.store import Store
from tests.faults.faulty import SECRET
from tests.faults.storage import Cluster, OneNode, Storage

RUNS = 5
WRITERS = 8
WORKING_S = 1.0
RECOVER_WITHIN_S = 3.0
CUT_OFF_S = 0.3
WITHIN_S = 30.0


@dataclass
class Writer:
    """A customer of a store of its own, who says one thing after the other, each until it is acknowledged."""

    store: Store
    number: int
    acknowledged: dict[int, str] = field(default_factory=dict)
    latest: float = 0.0

    @property
    def conversation(self) -> str:
        return f"shop-{self.number}:customer-{self.number}"

    def open(self) -> None:
        self.store.stores.put(f"shop-{self.number}", "Tea House", 300)

    def write(self, stopped: Event) -> None:
        said = 0
        while not stopped.is_set():
            said += 1
            while not stopped.is_set():
                try:
                    stored = self.store.conversations.append(self.conversation, self._customer, f"k{said}", b'{"n":0}')
                except Unavailable:
                    time.sleep(0.02)  # nothing announces that it is back
                else:
                    self.acknowledged[stored.seq], self.latest = f"k{said}", time.monotonic()
                    break

    def lost(self) -> int:
        """How many acknowledged messages are not where they were said to be."""
        history: dict[int, str] = {}
        while True:
            messages, more = self.store.conversations.history(
                self.conversation, self._customer.user, "after", max(history, default=0), 100
            )
            history |= {message["seq"]: message["id"] for message in map(json.loads, messages)}
            if not more:
                return sum(history.get(seq) != said for seq, said in self.acknowledged.items())

    @property
    def _customer(self) -> Identity:
        user = f"customer-{self.number}"
        return Identity(user, user, 2**40)


@dataclass(frozen=True)
class SetUp:
    """One way to set Redis up, and how it dies."""

    title: str
    storage: Callable[[Path], Storage]
    dies: Callable[[Storage], Awaitable[None]]


async def restarted(storage: Storage) -> None:
    """The only node is killed, and started again on what it kept."""
    node = cast(OneNode, storage)
    node.kill()
    await node.restart()


async def replaced(storage: Storage) -> None:
    """A primary is killed, and its replica takes over."""
    cluster = cast(Cluster, storage)
    await cluster.kill_primary(0)
    await cluster.taken_over()


async def replaced_by_one_that_was_cut_off(storage: Storage) -> None:
    """A primary is killed whose replica has not heard of the last writes."""
    cluster = cast(Cluster, storage)
    await cluster.kill_primary(0, behind_s=CUT_OFF_S)
    await cluster.taken_over()


SET_UPS = (
    SetUp("one node, `appendfsync always`, killed", lambda folder: OneNode(folder, "always"), restarted),
    SetUp("one node, `appendfsync everysec`, killed", lambda folder: OneNode(folder, "everysec"), restarted),
    SetUp("one node, `appendfsync no`, killed", lambda folder: OneNode(folder, "no"), restarted),
    SetUp("replica takes over, no `WAIT`", lambda folder: Cluster(folder, wait_replicas=0), replaced),
    SetUp("replica takes over, `WAIT 1`", lambda folder: Cluster(folder, wait_replicas=1), replaced),
    SetUp(
        "replica cut off for 0.3 s takes over, no `WAIT`",
        lambda folder: Cluster(folder, wait_replicas=0),
        replaced_by_one_that_was_cut_off,
    ),
    SetUp(
        "replica cut off for 0.3 s takes over, `WAIT 1`",
        lambda folder: Cluster(folder, wait_replicas=1),
        replaced_by_one_that_was_cut_off,
    ),
)


@dataclass(frozen=True)
class Count:
    """What came of some runs."""

    acknowledged: int = 0
    lost: int = 0
    recovery_s: tuple[float, ...] = ()  # of each run; infinite where some store was not served again

    def __add__(self, other: Count) -> Count:
        recovery_s = self.recovery_s + other.recovery_s
        return Count(self.acknowledged + other.acknowledged, self.lost + other.lost, recovery_s)


async def measured(set_up: SetUp, folder: Path) -> Count:
    """One run."""
    async with set_up.storage(folder) as storage:
        store = Store(_settings(storage.env))
        writers = [Writer(store, number) for number in range(WRITERS)]
        stopped = Event()
        await asyncio.gather(*(asyncio.to_thread(writer.open) for writer in writers))
        writing = [asyncio.create_task(asyncio.to_thread(writer.write, stopped)) for writer in writers]
        try:
            await asyncio.sleep(WORKING_S)
            await set_up.dies(storage)
            back = time.monotonic()
            while min(writer.latest for writer in writers) < back < time.monotonic() < back + RECOVER_WITHIN_S:
                await asyncio.sleep(0.01)
            served = [writer.latest - back for writer in writers]
        finally:
            stopped.set()
            await asyncio.gather(*writing)
        lost = [await asyncio.to_thread(_once_served, writer.lost) for writer in writers]
        store.close()
    return Count(sum(len(writer.acknowledged) for writer in writers), sum(lost), (_recovery(served),))


def _recovery(served: Sequence[float]) -> float:
    return max(served) if min(served) > 0 else math.inf


def _settings(env: Mapping[str, str]) -> Settings:
    return Settings.load({**env, "JWT_SECRET": SECRET, "RATE_LIMIT": "0"})


def _once_served(ask: Callable[[], int]) -> int:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            return ask()
        except KefuError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


async def main() -> None:
    """A row for each way to set Redis up."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(WRITERS))
    print("| Redis | runs | acknowledged | of these lost | all stores served again, worst |", flush=True)
    print("|---|---|---|---|---|", flush=True)
    for set_up in SET_UPS:
        total = Count()
        for _ in range(RUNS):
            with tempfile.TemporaryDirectory() as folder:
                total += await measured(set_up, Path(folder))
        worst = max(total.recovery_s)
        again = f"{worst:.2f} s" if worst < math.inf else "when the shard has a replica again"
        print(f"| {set_up.title} | {RUNS} | {total.acknowledged:,} | {total.lost:,} | {again} |", flush=True)


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
