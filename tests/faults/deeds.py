"""What people do of their own accord, one deed at a time, all drawn from the person's own random numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.faults.device import Device
from tests.faults.people import Person, text

if TYPE_CHECKING:
    from tests.faults.workload import Workload

CUSTOMER = {"say": 12, "read": 3, "typing": 1, "close": 1, "history": 2, "list": 1, "sync": 1, "leave": 2, "pry": 2}
OFTEN = {"claim": 6, "storm": 1, "answer": 8, "interfere": 2, "release": 2, "transfer": 2, "close": 1, "read": 3}
AGENT = OFTEN | {"typing": 1, "watch": 1, "history": 1, "list": 1, "sync": 1, "leave": 2, "pry": 2}


async def do(work: Workload, person: Person, device: Device) -> None:
    """One deed of a person, on one device."""
    serves = bool(person.serves) and (not person.shops or person.random.random() < 0.7)
    chances = AGENT if serves else CUSTOMER
    (deed,) = person.random.choices(list(chances), list(chances.values()))
    conversation = _served(work, person) if serves else _own(work, person)
    if deed == "pry":
        await pry(work, person, device)
    elif deed == "leave":
        await _leave(person, device)
    elif deed == "sync":
        await work.ask(device, person, "sync")
    elif deed == "list":
        await _list(work, person, device, serves)
    elif conversation is None:
        return
    elif serves:
        await _serve(work, person, device, deed, conversation)
    elif deed == "say":
        _say(work, person, conversation)
    else:
        await _look(work, person, device, deed, conversation)


async def pry(work: Workload, person: Person, device: Device) -> None:
    """Something that is none of the person's business."""
    store = person.random.choice(work.stores)
    other = person.random.choice(work.people)
    conversation = person.random.choice([f"{store}:{other.user}", f"{store}:nobody", f"no-store:{other.user}"])
    if person.user == other.user or store in person.serves:
        return
    await stranger(work, person, device, conversation, person.random.choice(FORBIDDEN))


FORBIDDEN = ("send", "history", "claim", "release", "close", "transfer", "read", "typing", "watch", "unwatch", "list")


async def stranger(work: Workload, person: Person, device: Device, conversation: str, action: str) -> None:
    """A request of somebody whom the conversation does not concern."""
    store = conversation.partition(":")[0]
    extra: dict[str, dict[str, Any]] = {
        "send": {"id": f"x{work.number()}", "body": {"type": "text", "text": "let me in"}},
        "transfer": {"to": person.user},
        "read": {"seq": 1},
    }
    if action == "list":
        await work.ask(device, person, "conversations", store=store)
    else:
        await work.ask(device, person, action, conversation=conversation, **extra.get(action, {}))


def _own(work: Workload, person: Person) -> str | None:
    return f"{person.random.choice(person.shops)}:{person.user}" if person.shops else None


def _served(work: Workload, person: Person) -> str | None:
    known = [each for each in sorted(work.states) if _concerns(person, each)]
    return person.random.choice(known) if known else None


def _concerns(person: Person, conversation: str) -> bool:
    store, _, customer = conversation.partition(":")
    return store in person.serves and customer != person.user


def _held(work: Workload, person: Person) -> list[str]:
    """The conversations that the person believes to have claimed."""
    return [
        name
        for name, found in sorted(work.states.items())
        if _concerns(person, name) and found["agent"] and found["agent"]["user"] == person.user
    ]


def _say(work: Workload, person: Person, conversation: str) -> None:
    drawn = person.random.random()
    changed = text(person.random, work.number()) if 0.1 < drawn < 0.2 else None
    work.send(person, conversation, gives_up=drawn > 0.6, twice=drawn < 0.15, changed=changed)


async def _serve(work: Workload, person: Person, device: Device, deed: str, conversation: str) -> None:
    held = _held(work, person)
    mine = person.random.choice(held) if held else conversation
    match deed:
        case "claim":
            force = {"force": True} if person.random.random() < 0.1 else {}
            await work.ask(device, person, "claim", conversation=conversation, **force)
        case "storm":
            await storm(work, conversation)
        case "answer":
            _say(work, person, mine)
        case "interfere":
            _say(work, person, conversation)
        case "release":
            await work.ask(device, person, "release", conversation=mine)
        case "transfer":
            others = [agent.user for agent in work.agents if conversation.partition(":")[0] in agent.serves]
            to = person.random.choice([*others, person.user])
            await work.ask(device, person, "transfer", conversation=mine, to=to)
        case "watch":
            await work.ask(device, person, person.random.choice(["watch", "unwatch"]), conversation=conversation)
        case "close":
            await work.ask(device, person, "close", conversation=mine)
        case _:
            await _look(work, person, device, deed, person.random.choice([mine, conversation]))


async def storm(work: Workload, conversation: str) -> None:
    """All agents of the store claim at once."""
    crowd = [agent for agent in work.agents if agent.online and _concerns(agent, conversation)]
    await asyncio.gather(*(work.ask(agent.online[0], agent, "claim", conversation=conversation) for agent in crowd))


async def _look(work: Workload, person: Person, device: Device, deed: str, conversation: str) -> None:
    known = work.states.get(conversation)
    last = known["last_seq"] if known else 1
    match deed:
        case "close":
            await work.ask(device, person, "close", conversation=conversation)
        case "read":
            seq = person.random.randint(0, last + 2)
            await work.ask(device, person, "read", conversation=conversation, seq=seq)
        case "typing":
            await work.ask(device, person, "typing", conversation=conversation, on=person.random.random() < 0.5)
        case "history":
            where: Sequence[dict[str, int]] = ({}, {"after": last // 2}, {"before": last})
            limit = person.random.choice([1, 3, 100])
            await work.ask(
                device, person, "history", conversation=conversation, limit=limit, **person.random.choice(where)
            )


async def _list(work: Workload, person: Person, device: Device, serves: bool) -> None:
    if not serves:
        await work.ask(device, person, "conversations")
        return
    which: dict[str, Any] = person.random.choice(
        [{}, {"status": "waiting"}, {"status": "claimed"}, {"status": "closed"}, {"mine": True}]
    )
    store = person.random.choice(sorted(person.serves))
    await work.ask(device, person, "conversations", store=store, limit=person.random.choice([2, 50]), **which)


async def _leave(person: Person, device: Device) -> None:
    # The device comes back by itself.
    if person.random.random() < 0.7:
        await device.drop()
    else:
        await device.close()
