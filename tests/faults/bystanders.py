"""What one dead or slow recipient costs the others: an agent in trouble, and colleagues who get the same messages."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import defaultdict
from collections.abc import Mapping
from zlib import crc32

from tests.faults.control import Faults
from tests.faults.device import Device, Frame
from tests.faults.faulty import Service
from tests.faults.workload import Plan, Workload

AGENTS = 5
EVERY_S = 0.1
TROUBLES = ("410", "429", "500", "timeout", "slow", "nothing read")
CALM = "calm"


async def measure(service: Service, seconds: float) -> Mapping[str, list[float]]:
    """For a calm time and for each trouble of one agent: the seconds after which each of the others had a message.

    Each lasts `seconds`, with ten messages a second for all agents of a store. Nobody else may be at work.
    """
    town = Workload(service.url, service.secret, Plan(secrets.randbits(30), stores=1, customers=1, agents=AGENTS))
    try:
        await town.prepare()
        return await _Street(service, town).measure(seconds)
    finally:
        service.set()
        await town.close()


class _Street:
    """A customer who speaks to everybody, and the agents who listen."""

    def __init__(self, service: Service, town: Workload) -> None:
        self._service, self._town = service, town
        self._customer = town.customers[0]
        self._agents = [agent.devices[0] for agent in town.agents]
        self._conversation = f"{town.stores[0]}:{self._customer.user}"
        self._sent: dict[str, float] = {}
        self._connections: dict[Device, str] = {}
        self._victim = self._agents[0]
        self._bystanders: set[Device] = set()
        self._offsets: dict[Device, int] = defaultdict(int)
        self._took: dict[str, list[float]] = defaultdict(list)
        self._now = CALM
        for device in (self._customer.devices[0], *self._agents):
            device._heard = self._hear

    async def measure(self, seconds: float) -> Mapping[str, list[float]]:
        self._now = "warming up"
        for trouble in ("warming up", CALM, *TROUBLES):
            await self._come()
            self._now = trouble
            await self._with(trouble, seconds)
        del self._took["warming up"]
        return self._took

    async def _come(self) -> None:
        """Everybody is there, on a new connection; the lowest digest of all is an agent's, who is the victim.

        So a share of the connections can be that one alone.
        """
        everybody = [self._customer.devices[0], *self._agents]
        self._connections.clear()
        while not self._connections or min(everybody, key=self._digest) is everybody[0]:
            for device in everybody:
                await self._arrive(device)
        self._victim = min(self._agents, key=self._digest)
        self._bystanders = {*self._agents} - {self._victim}

    async def _arrive(self, device: Device) -> None:
        while not (await device.connect() and await device.until(lambda: device.caught_up, 5.0)):
            await asyncio.sleep(0.05)
        # With nothing left in the list no replay holds up what comes next; after the answer to `sync` it is live.
        await device.request("sync", 5.0, ack=self._offsets[device])

    def _digest(self, device: Device) -> int:
        return crc32(self._connections[device].encode())

    async def _with(self, trouble: str, seconds: float) -> None:
        if trouble == "nothing read":
            assert self._victim._socket is not None
            self._victim._socket.transport.pause_reading()
        elif trouble in TROUBLES:
            self._service.set(Faults(posts={trouble: 1.0}, share=(self._digest(self._victim) + 1) / 2**32))
        asking = [await self._say(number) for number in range(max(1, round(seconds / EVERY_S)))]
        await asyncio.gather(*asking)
        self._service.set()

    async def _say(self, number: int) -> asyncio.Task[Frame | None]:
        id_ = f"{self._now} {number}"
        self._sent[id_] = time.monotonic()
        body = {"type": "text", "text": id_}
        asking = asyncio.create_task(
            self._customer.devices[0].request("send", 5.0, id=id_, conversation=self._conversation, body=body)
        )
        await asyncio.sleep(EVERY_S)
        return asking

    def _hear(self, device: Device, frame: Frame) -> None:
        if frame["type"] == "welcome":
            self._connections[device] = frame["connection"]
        elif frame["type"] == "message" and "offset" in frame:
            self._offsets[device] = max(self._offsets[device], frame["offset"])
        if frame["type"] == "message" and "replay" not in frame and device in self._bystanders:
            self._took[frame["id"].rpartition(" ")[0]].append(time.monotonic() - self._sent[frame["id"]])
