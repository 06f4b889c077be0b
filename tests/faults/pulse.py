"""Whether messages come live, several times a second: in some stores somebody speaks to an agent all the time."""

from __future__ import annotations

import asyncio
import itertools
import time

from tests.faults.device import Device, Frame
from tests.faults.workload import Plan, Workload

STORES = 3  # on a cluster they are on several nodes, as a rule
EVERY_S = 0.25
PATIENCE_S = 2.0  # the people of the workload wait longer for an answer, which would hide when the service is back


class Pulse:
    """Pairs who do nothing else; their beats are the moments, on the monotonic clock, when an agent had a message."""

    def __init__(self, url: str, secret: str, seed: int) -> None:
        self._town = Workload(url, secret, Plan(seed, stores=STORES, customers=STORES, agents=STORES))
        self._beats: dict[Device, list[float]] = {}

    async def run(self) -> None:
        """Beat until cancelled."""
        try:
            await self._town.prepare()
            async with asyncio.TaskGroup() as group:
                for store, customer, agent in zip(
                    self._town.stores, self._town.customers, self._town.agents, strict=False
                ):
                    speaker, listener = customer.devices[0], agent.devices[0]
                    listener._heard = self._hear
                    self._beats[listener] = []
                    for device in (speaker, listener):
                        group.create_task(self._stay(device))
                    group.create_task(self._speak(group, speaker, f"{store}:{customer.user}"))
        finally:
            await self._town.close()

    @property
    def beats(self) -> list[list[float]]:
        """Each pair's, in order."""
        return list(self._beats.values())

    async def _stay(self, device: Device) -> None:
        while True:
            if device.online or not await device.connect(PATIENCE_S):
                await asyncio.sleep(0.05)

    async def _speak(self, group: asyncio.TaskGroup, device: Device, conversation: str) -> None:
        for number in itertools.count(1):
            body = {"type": "text", "text": f"beat {number}"}
            group.create_task(self._once(device, f"b{number}", conversation, body))
            await asyncio.sleep(EVERY_S)

    async def _once(self, device: Device, id_: str, conversation: str, body: Frame) -> None:
        await device.request("send", PATIENCE_S, id=id_, conversation=conversation, body=body)

    def _hear(self, device: Device, frame: Frame) -> None:
        if frame["type"] == "message" and "replay" not in frame:
            self._beats[device].append(time.monotonic())


def recovery(beats: list[list[float]], ended: float) -> float | None:
    """Seconds from `ended` until every pair had a beat again; None while one has none."""
    firsts = [next((beat - ended for beat in pair if beat >= ended), None) for pair in beats]
    found = [first for first in firsts if first is not None]
    return max(found) if found and len(found) == len(firsts) else None
