"""Who takes part in a run, what they know, and how a message gets sent by somebody who does not give up easily."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults.device import Device, Frame, Inbox

RETRIED = {"unavailable", "internal", "rate_limited"}
TEXTS = (
    "hello",
    "  a blank before, two behind  ",
    "line\nline\r\nline\rend\n",
    "<b>bold</b> & \"quoted\" \\ 'so' <script>alert(1)</script>",
    "e\u0301 and \u00e9, \u0915\u094d\u0937, \ufb01 and fi, \u212b",
    "\u0301",
    "\u202eright to left\u202c \u200b\u2060\ufeff",
    "客服 👩‍👩‍👧 \U0001f600",
    "\t",
    "\x01\x1f\x7f",
    '{"type":"message","seq":1}',
    "0",
)
LONG = 4_000


def text(random: Random, number: int) -> str:
    """A text that no other message of the run has, mostly an awkward one."""
    if random.random() < 0.01:
        return f"{number} ".ljust(LONG, "长")
    # The number in the middle: what is at the ends must stay there.
    odd, other = random.choice(TEXTS), random.choice(TEXTS)
    return f"{odd} {number} {other}"


@dataclass(eq=False)
class Person:
    """A user with devices; `serves` are the stores where the user is an agent, `shops` those where a customer."""

    user: str
    random: Random
    inbox: Inbox = field(default_factory=Inbox)
    devices: list[Device] = field(default_factory=list)
    serves: set[str] = field(default_factory=set)
    supervises: set[str] = field(default_factory=set)
    shops: list[str] = field(default_factory=list)
    acknowledges: str = "at once"  # or late, or never

    @property
    def online(self) -> list[Device]:
        return [device for device in self.devices if device.online]

    def ack(self) -> dict[str, Any]:
        """What may ride on the next frame."""
        held = self.inbox.held
        match self.acknowledges:
            case "at once" if held:
                return {"ack": held}
            case "late" if held and self.random.random() < 0.1:
                return {"ack": self.random.randint(max(1, held - 20), held)}
        return {}


@dataclass(eq=False)
class Errand:
    """One message on its way: the same id each time, until it is answered or given up."""

    person: Person
    conversation: str
    id: str
    text: str
    gives_up: bool = False
    twice: bool = False
    changed: str | None = None
    answer: Frame | None = None

    @property
    def open(self) -> bool:
        return self.answer is None and not self.gives_up

    async def carry(self, patience_s: float) -> None:
        """Send, and send again, until there is an answer for good."""
        while self.answer is None:
            devices = self.person.online
            if not devices:
                await asyncio.sleep(0.05)
                continue
            # From a second device, or twice from the same one.
            chosen = [devices[0], devices[-1]] if self.twice else [self.person.random.choice(devices)]
            answers = await asyncio.gather(*(self._once(device, self.text, patience_s) for device in chosen))
            self.answer = next((answer for answer in answers if final(answer)), None)
            if self.changed and (other := self._unheard(devices)):
                changed = await self._once(other, self.changed, patience_s)
                self.changed = None if final(changed) else self.changed
            if self.answer is None:
                if self.gives_up:
                    return
                await asyncio.sleep(self.person.random.uniform(0.05, 0.3))

    def _unheard(self, devices: list[Device]) -> Device | None:
        """A device that waits for no answer with this id: answers to two texts could not be told apart."""
        return next((device for device in devices if device.online and not device.outstanding(self.id)), None)

    async def _once(self, device: Device, words: str, patience_s: float) -> Frame | None:
        return await device.request(
            "send",
            patience_s,
            id=self.id,
            conversation=self.conversation,
            body={"type": "text", "text": words},
            **self.person.ack(),
        )


def final(answer: Frame | None) -> bool:
    """Whether an answer ends the matter."""
    return answer is not None and (answer["type"] != "error" or answer["code"] not in RETRIED | {"unauthorized"})
