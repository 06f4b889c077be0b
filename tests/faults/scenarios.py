"""What breaks: each scenario by itself, for a test of its own, and for the soak, which plays them in rotation."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random

from tests.faults.control import Faults
from tests.faults.faulty import Service
from tests.faults.storage import Cluster, OneNode, Storage
from tests.faults.workload import Workload

DOWN_S = 1.0
WORKER_EVERY_S = 1.5


@dataclass(frozen=True, slots=True)
class Ground:
    """What a scenario has to break, and who is at work there."""

    service: Service
    storage: Storage
    people: Workload
    random: Random


Happening = Callable[[Ground, float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A fault that begins and ends.

    `happen` breaks something for about so many seconds, and returns when nothing is broken any more: from then on all
    may be expected to be well. `kind` is the storage that it takes, if it must be one.
    """

    name: str
    what: str
    happen: Happening
    seconds: float = 6.0
    kind: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """When a scenario was played, on the monotonic clock, and how many sends were replied to meanwhile."""

    scenario: str
    kind: str
    began: float
    ended: float
    replied: int


async def play(scenario: Scenario, ground: Ground, seconds: float) -> Window:
    """Let it happen."""
    before, began = ground.people.counts.get("replied", 0), time.monotonic()
    try:
        await scenario.happen(ground, seconds)
    finally:
        ground.service.set()
    ended, replied = time.monotonic(), ground.people.counts.get("replied", 0) - before
    return Window(scenario.name, ground.storage.kind, began, ended, replied)


def broken(faults: Faults) -> Happening:
    """The platform or its functions have these faults all the time."""

    async def happen(ground: Ground, seconds: float) -> None:
        ground.service.set(faults)
        await asyncio.sleep(seconds)
        ground.service.set()

    return happen


async def workers_die(ground: Ground, seconds: float) -> None:
    """Every now and then a worker is killed, with all the functions that it runs."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        ground.service.kill_worker(ground.random)
        await asyncio.sleep(min(WORKER_EVERY_S, max(0.0, deadline - time.monotonic())))


async def redis_dies(ground: Ground, seconds: float) -> None:
    """Redis is killed in full work, is away for a while, and starts on what it kept."""
    assert isinstance(ground.storage, OneNode)
    ground.storage.kill()
    await asyncio.sleep(min(DOWN_S, seconds))
    await ground.storage.restart()


async def primary_dies(ground: Ground, _: float) -> None:
    """A primary is killed in full work; its replica takes over, and the killed one comes back as a replica.

    Until then a service that waits for a replica stores nothing there: there is none.
    """
    assert isinstance(ground.storage, Cluster)
    await ground.storage.kill_primary(ground.random.randrange(3))
    await ground.storage.taken_over()
    await ground.storage.bring_back()


async def slots_move(ground: Ground, seconds: float) -> None:
    """Slots of stores and of people go from one primary to another, key by key, while they are in use."""
    assert isinstance(ground.storage, Cluster)
    tags = [f"s:{store}" for store in ground.people.stores] + [f"u:{person.user}" for person in ground.people.people]
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        await ground.storage.move_slot(ground.random.choice(tags))


async def service_dies(ground: Ground, seconds: float) -> None:
    """The whole platform is killed, and started again: every socket is cut, and no `$disconnect` is told."""
    ground.service.kill()
    await asyncio.sleep(min(DOWN_S, seconds))
    await ground.service.start()


async def nobody_reads(ground: Ground, seconds: float) -> None:
    """One device in four holds its connection, but takes nothing off it."""
    devices = [device for person in ground.people.people for device in person.devices if device.online]
    chosen = ground.random.sample(devices, (len(devices) + 3) // 4)
    transports = [device._socket.transport for device in chosen if device._socket is not None]
    for transport in transports:
        transport.pause_reading()
    await asyncio.sleep(seconds)
    for transport in transports:
        if not transport.is_closing():
            transport.resume_reading()


def _posts(fault: str, what: str) -> list[Scenario]:
    return [
        Scenario(f"{fault} for one in four", f"{what}, on every fourth connection", broken(_post_fault(fault, 0.25))),
        Scenario(f"{fault} for all", f"{what}, on every connection", broken(_post_fault(fault, 1.0)), seconds=3.0),
    ]


def _post_fault(fault: str, share: float) -> Faults:
    return Faults(posts={fault: 1.0}, share=share)


SCENARIOS = (
    Scenario(
        "Redis killed", "SIGKILL, a second without Redis, and a start on what it kept", redis_dies, kind="one-node"
    ),
    Scenario(
        "primary killed",
        "SIGKILL; its replica takes over, and it comes back as a replica",
        primary_dies,
        5.0,
        "cluster",
    ),
    Scenario("slots moving", "slots in use move between primaries, key by key", slots_move, 6.0, "cluster"),
    Scenario("functions dying", "2 % before and after each round trip and post", broken(Faults(death=0.02))),
    Scenario("workers killed", "SIGKILL for a worker process every 1.5 s", workers_die),
    Scenario("service killed", "SIGKILL for the gateway and so for all workers; a second later a start", service_dies),
    Scenario("lost $disconnect", "no $disconnect is ever told", broken(Faults(lost_disconnects=True))),
    Scenario("pushes out of order", "each push waits up to 0.3 s", broken(Faults(shuffle_s=0.3))),
    Scenario("short connections", "2 s idle, 3 s in all", broken(Faults(idle_s=2.0, max_s=3.0))),
    Scenario("clocks apart", "every second worker is a minute ahead", broken(Faults(skew_s=60.0))),
    Scenario("nothing read", "one device in four reads nothing", nobody_reads),
    *_posts("410", "the connection is lost when something is posted to it"),
    *_posts("429", "too many requests"),
    *_posts("500", "an internal error"),
    *_posts("timeout", "delivered, but no answer for 30 s"),
    *_posts("slow", "delivered, and answered after 10 s"),
)


def fitting(kind: str) -> list[Scenario]:
    """The scenarios that can be played on that kind of storage; those that need it come first."""
    return [scenario for scenario in SCENARIOS if scenario.kind in {None, kind}]
