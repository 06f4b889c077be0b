"""Every situation once, on purpose: what happens at random may leave one out, and then its fault would go unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from tests.faults import deeds
from tests.faults.people import TEXTS, Person

if TYPE_CHECKING:
    from tests.faults.workload import Workload

BACKLOG = 40
ABANDONED = 100


class Drills:
    """Customers of their own meet the agents of the run. Nothing here fails: the checker decides."""

    def __init__(self, work: Workload) -> None:
        self._work = work
        self._step_s = work.plan.patience_s  # what has not come by then is left out: there may be any trouble
        self._store = work.stores[0]
        self._supervisor = next(agent for agent in work.agents if self._store in agent.supervises)
        self._crowd = [agent for agent in work.agents if self._store in agent.serves and agent is not work.passing]

    async def play(self, names: Collection[str]) -> None:
        """Those drills, side by side: they do not meet."""
        await self._online(self._work.passing, *self._crowd)
        await asyncio.gather(*(DRILLS[name](self, f"d-{name}") for name in names))

    # --- claims -----------------------------------------------------------------------------------------------------

    async def _stormed(self, label: str) -> None:
        """All claim at once, and then all speak; the winner shows that it still holds the claim."""
        for i in range(2):
            conversation = await self._begun(f"{label}{i}")
            await deeds.storm(self._work, conversation)
            await asyncio.gather(*(self._say(agent, conversation) for agent in self._crowd))
            await deeds.storm(self._work, conversation)

    async def _handed_on(self, label: str) -> None:
        """Claimed, released, claimed again, transferred there and back, taken over by force; a word in every state."""
        customer = await self._newcomer(label)
        conversation = self._of(customer)
        first, second = self._crowd[-1], self._supervisor
        await self._say(customer, conversation)
        steps: list[tuple[Person, str, dict[str, Any]]] = [
            (first, "claim", {}),
            (first, "release", {}),
            (first, "claim", {}),
            (first, "transfer", {"to": second.user}),
            (second, "transfer", {"to": first.user}),
            (second, "claim", {"force": True}),
            (first, "claim", {"force": True}),
            (second, "release", {}),
        ]
        for agent, action, extra in steps:
            await self._ask(agent, action, conversation=conversation, **extra)
            await self._say(customer, conversation)
            await asyncio.gather(*(self._say(each, conversation) for each in self._crowd))
            await self._ask(agent, "history", conversation=conversation)
        await self._ask(customer, "conversations")

    async def _reopened(self, label: str) -> None:
        """Closed by the customer and by its agent, and each time opened again by a word of the customer's."""
        customer = await self._newcomer(label)
        conversation = self._of(customer)
        await self._say(customer, conversation)
        for closer in (customer, self._crowd[-1]):
            await self._ask(self._crowd[-1], "claim", conversation=conversation)
            await self._ask(closer, "close", conversation=conversation)
            await self._say(customer, conversation)
            await self._ask(customer, "conversations")
            await self._say(customer, conversation)
        await self._ask(self._supervisor, "conversations", store=self._store)

    # --- sending ----------------------------------------------------------------------------------------------------

    async def _repeated(self, label: str) -> None:
        """The same id again: afterwards, from both devices at once, and with another body."""
        customer = await self._newcomer(label, devices=2)
        conversation = self._of(customer)
        await self._say(customer, conversation, twice=True)
        await self._say(customer, conversation, changed="quite another text")
        task = self._work.send(customer, conversation)
        again = {"id": f"m{self._work.number()}", "body": {"type": "text", "text": "once more"}}
        for _ in range(3):
            await self._ask(customer, "send", conversation=conversation, **again)
        await self._ask(
            customer, "send", conversation=conversation, id=again["id"], body={"type": "text", "text": "no"}
        )
        await self._done(task)

    async def _odd_texts(self, label: str) -> None:
        """Every awkward text, alone: what is at the ends of a text counts, too."""
        customer = await self._newcomer(label)
        for words in (*TEXTS, "长" * 4_000):
            await self._say(customer, self._of(customer), words)

    async def _announced(self, label: str) -> None:
        """The marketplace speaks into a conversation that waits, and into one that is claimed."""
        customer = await self._newcomer(label)
        conversation = self._of(customer)
        await self._say(customer, conversation)
        await self._work.announce(conversation, "  we all hear this  ")
        await self._ask(self._crowd[-1], "claim", conversation=conversation)
        await self._work.announce(conversation, "so do we")
        await self._ask(self._crowd[-1], "claim", conversation=conversation)

    async def _pried(self, label: str) -> None:
        """A stranger, an agent of another store, tries all that there is, in a conversation and in none."""
        conversation = await self._begun(label)
        strangers = [agent for agent in self._work.agents if self._store not in agent.serves][:1]
        newcomer = await self._newcomer(f"{label}-stranger")
        for person in [*strangers, newcomer]:
            for action in deeds.FORBIDDEN:
                for target in (conversation, f"{self._store}:nobody"):
                    await deeds.stranger(self._work, person, person.devices[0], target, action)

    async def _abandoned(self, label: str) -> None:
        """Many messages whose senders never ask again, whatever became of them."""
        customers = await asyncio.gather(*(self._newcomer(f"{label}{i}") for i in range(4)))
        await asyncio.gather(
            *(self._say(customers[i % 4], self._of(customers[i % 4]), gives_up=True) for i in range(ABANDONED))
        )

    # --- reading and replays ----------------------------------------------------------------------------------------

    async def _read(self, label: str) -> None:
        """Marks go forward, are asked to go back, and are not moved by what is said."""
        customer = await self._newcomer(label)
        conversation = self._of(customer)
        agent = self._crowd[-1]
        await self._say(customer, conversation)
        await self._ask(agent, "claim", conversation=conversation)
        for seq in (1, 3, 2, 0, 99):
            await self._say(customer, conversation)
            await self._say(agent, conversation)
            for reader in (customer, agent):
                await self._ask(reader, "read", conversation=conversation, seq=seq)
            await self._ask(customer, "conversations")
            await self._ask(agent, "conversations", store=self._store)
        await self._say(agent, conversation)
        await self._say(customer, conversation)
        await self._ask(customer, "conversations")
        await self._ask(agent, "conversations", store=self._store)

    async def _caught_up(self, label: str) -> None:
        """Many entries that nobody has acknowledged; the customer comes back while more are coming, and once more."""
        customer = await self._newcomer(label)
        customer.acknowledges = "never"
        conversation = self._of(customer)
        agent = self._crowd[-1]
        await self._say(customer, conversation)
        await self._ask(agent, "claim", conversation=conversation)
        await asyncio.gather(*(self._say(agent, conversation) for _ in range(BACKLOG)))
        device = customer.devices[0]
        for _ in range(2):
            await device.drop()
            returned = asyncio.Event()
            coming = [asyncio.create_task(self._talking(agent, conversation, returned)) for _ in range(3)]
            if await device.until_opened(self._step_s):
                await device.until(lambda: device.caught_up, self._step_s)
            returned.set()
            await asyncio.gather(*coming)
            await self._ask(customer, "sync")

    async def _talking(self, agent: Person, conversation: str, until: asyncio.Event) -> None:
        while not until.is_set():
            await self._say(agent, conversation)

    async def _acknowledged(self, label: str) -> None:
        """Some entries acknowledged, some not: the rest comes again, and the others do not."""
        customer = await self._newcomer(label)
        customer.acknowledges = "never"
        conversation = self._of(customer)
        agent = self._crowd[-1]
        await self._say(customer, conversation)
        await self._ask(agent, "claim", conversation=conversation)
        for _ in range(2):
            goal = customer.inbox.held + 6
            await asyncio.gather(*(self._say(agent, conversation) for _ in range(6)))
            device = customer.devices[0]
            await device.until(lambda goal=goal: customer.inbox.held >= goal, self._step_s)  # type: ignore[misc] # a default gives it no type
            if customer.inbox.held > 3:
                await device.request("ping", self._step_s, ack=customer.inbox.held - 3)
            await device.drop()
            await device.until_opened(self._step_s)

    async def _left(self, label: str) -> None:
        """An agent with entries in the list is removed, comes back as a stranger, and is appointed again."""
        work, agent = self._work, self._work.passing
        customer = await self._newcomer(label)
        conversation = self._of(customer)
        agent.acknowledges = "never"
        for _ in range(3):
            await self._say(customer, conversation)
        await self._ask(agent, "watch", conversation=conversation)
        await work.remove(agent, self._store)
        for _ in range(2):
            await self._say(customer, conversation)
        await self._ask(agent, "history", conversation=conversation)
        await agent.devices[0].drop()
        if await agent.devices[0].until_opened(self._step_s):
            await self._ask(agent, "ping")
            await self._ask(agent, "claim", conversation=conversation)
            await self._say(customer, conversation)
            await self._ask(agent, "conversations", store=self._store)
        await work.appoint(agent, self._store)
        await self._say(customer, conversation)
        await self._ask(agent, "claim", conversation=conversation)
        await self._say(customer, conversation)

    # --- steps ------------------------------------------------------------------------------------------------------

    async def _begun(self, label: str) -> str:
        customer = await self._newcomer(label)
        await self._say(customer, self._of(customer))
        return self._of(customer)

    def _of(self, customer: Person) -> str:
        return f"{self._store}:{customer.user}"

    async def _newcomer(self, label: str, devices: int = 1) -> Person:
        person = self._work.person(label, devices)
        person.shops = [self._store]
        self._work.stay(person)
        await self._online(person)
        return person

    async def _online(self, *people: Person) -> None:
        # Whoever has no connection by then takes part all the same, and is heard when there is one.
        opened = (device.until_opened(self._step_s) for person in people for device in person.devices)
        await asyncio.gather(*opened)

    async def _say(self, person: Person, conversation: str, words: str | None = None, **how: Any) -> None:
        await self._done(self._work.send(person, conversation, words, **how))

    async def _done(self, task: asyncio.Task[None]) -> None:
        # What takes longer goes on by itself.
        await asyncio.wait([task], timeout=self._step_s)

    async def _ask(self, person: Person, action: str, **parameters: Any) -> None:
        if person.online:
            await self._work.ask(person.online[0], person, action, **parameters)


DRILLS: Mapping[str, Callable[[Drills, str], Awaitable[None]]] = {
    "storm": Drills._stormed,
    "hand": Drills._handed_on,
    "open": Drills._reopened,
    "repeat": Drills._repeated,
    "text": Drills._odd_texts,
    "told": Drills._announced,
    "pry": Drills._pried,
    "abandon": Drills._abandoned,
    "read": Drills._read,
    "late": Drills._caught_up,
    "ack": Drills._acknowledged,
    "left": Drills._left,
}
