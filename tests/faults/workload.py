"""People at work: customers and agents of several stores, whatever happens to the service meanwhile."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any
from urllib.parse import quote

import aiohttp
import jwt

from tests.faults import checker
from tests.faults.device import Device, Frame
from tests.faults.drills import DRILLS, Drills
from tests.faults.people import RETRIED, Errand, Person, text
from tests.faults.recording import Recording

TOKEN_S = 6 * 3600


@dataclass(frozen=True, slots=True)
class Plan:
    """Who takes part, and how much they do: all that happens at random follows from `seed`.

    `actions_s` are random actions a second in all, `patience_s` the seconds after which an answer is no longer
    awaited, `grace_s` how long a claim outlives its agent in the first store; with the `drills`, situations that must
    occur, the first `run` begins.
    """

    seed: int
    stores: int = 2
    customers: int = 5
    agents: int = 5
    actions_s: float = 40.0
    patience_s: float = 5.0
    grace_s: int = 3
    drills: Collection[str] = tuple(DRILLS)


class Workload:
    """A run: `prepare`, then `run` as often as wanted, `settle`, and `close`."""

    def __init__(self, url: str, secret: str, plan: Plan) -> None:
        self.plan, self.recording = plan, Recording(plan.seed)
        self.latencies: list[tuple[float, float]] = []
        self.states: dict[str, Frame] = {}  # the newest object of each conversation that anybody saw
        self.tag = secrets.token_hex(3)  # names are new in each run, since its Redis may have seen others
        self._url, self._secret = url, secret
        self._counts: Counter[str] = Counter()
        self._errands: list[Errand] = []
        self._carrying: set[asyncio.Task[None]] = set()
        self._staying: list[asyncio.Task[None]] = []
        self._begun: dict[tuple[str, str, str], float] = {}
        self._numbers = 0
        self._http: aiohttp.ClientSession | None = None
        self._drilled = False
        self.stores = [f"s{i}-{self.tag}" for i in range(plan.stores)]
        self.agents = [self._person(f"a{i}") for i in range(plan.agents)]
        self.customers = [self._person(f"c{i}", devices=2 if i < 2 else 1) for i in range(plan.customers)]
        for i, customer in enumerate(self.customers):
            customer.shops = self.stores if i % 2 == 0 else [self.stores[i % plan.stores]]
            customer.acknowledges = ("at once", "late", "never")[i % 3]
        for i, agent in enumerate(self.agents):
            agent.serves = {self.stores[i % plan.stores]}
            agent.supervises = set(agent.serves) if i < plan.stores else set()
            agent.acknowledges = ("late", "at once", "at once", "never")[i % 4]
        # Some agents shop: elsewhere, and in the store that they serve.
        for agent in self.agents[plan.stores : plan.stores + 2]:
            agent.shops = list(self.stores)
        # One is there to be removed and appointed again; nobody else ever is.
        self.passing = self._person("p0")
        self.passing.serves = {self.stores[0]}
        self.agents.append(self.passing)
        self.people = [*self.customers, *self.agents]
        self._random = Random(f"{plan.seed} marketplace")

    @property
    def counts(self) -> Mapping[str, int]:
        """Progress in figures: sent, replied, received, connects, and each error's code."""
        connects = sum(device.connects for person in self.people for device in person.devices)
        return {**self._counts, "connects": connects}

    # --- the stages of a run ----------------------------------------------------------------------------------------

    async def prepare(self) -> None:
        """Stores and their agents, however long it takes until the service makes them."""
        self._http = aiohttp.ClientSession()
        for i, store in enumerate(self.stores):
            grace = self.plan.grace_s if i == 0 else 300
            await self.insist("PUT", f"/stores/{store}", {"name": f"Store {i} 店", "claim_grace_s": grace})
        for agent in self.agents:
            for store in sorted(agent.serves):
                await self.appoint(agent, store)

    async def run(self, seconds: float) -> None:
        """Everybody at work for so long; the first time, the drills come before."""
        self.recording.phase("working")
        for person in self.people:
            self.stay(person)
        working: list[asyncio.Task[None]] = []
        try:
            if not self._drilled:
                self._drilled = True
                await Drills(self).play(self.plan.drills)
            working = [asyncio.create_task(self._work(person)) for person in self.people]
            working.append(asyncio.create_task(self._rule()))
            for errand in self._errands:
                if errand.open:
                    self._start(errand)
            await asyncio.sleep(seconds)
        finally:
            await _cancelled([*working, *self._staying, *self._carrying])
            self._staying.clear()

    async def settle(self, within: float = 60.0) -> None:
        """Everybody comes back, is told everything, and reads everything again.

        Returns when nothing is missing, or when `within` seconds have not brought it. Raises TimeoutError where
        somebody cannot connect or read in that time.
        """
        self.recording.phase("settling")
        deadline = time.monotonic() + within
        await self._leave()
        await self._return(deadline)
        pings = [asyncio.create_task(self._ping(person)) for person in self.people]
        try:
            await asyncio.gather(*(errand.carry(self.plan.patience_s) for errand in self._errands if errand.open))
            pause = 0.1
            while True:
                await self._read_all(deadline)
                began = time.monotonic()
                if not checker.undelivered(self.recording) or began > deadline:
                    break
                await asyncio.sleep(max(pause, 3 * (time.monotonic() - began)))
                pause = min(2 * pause, 1.0)
        finally:
            await _cancelled(pings)
        # Once more from the start: what a replay holds now is what was never acknowledged.
        await self._leave()
        deadline = max(deadline, time.monotonic() + 2 * self.plan.patience_s)
        await self._return(deadline)
        await self._read_all(deadline)
        self.recording.phase("settled")
        await self._leave()

    async def close(self) -> None:
        """Hang up."""
        await self._leave()
        if self._http:
            await self._http.close()

    # --- what the people, and their drills, are made of -------------------------------------------------------------

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def send(self, person: Person, conversation: str, words: str | None = None, **how: Any) -> asyncio.Task[None]:
        """Somebody says something, in a task of its own: it ends with an answer, or is given up."""
        number = self.number()
        errand = Errand(person, conversation, f"m{number}", words or text(person.random, number), **how)
        self._errands.append(errand)
        self._begun[conversation, person.user, errand.id] = time.monotonic()
        self._counts["sent"] += 1
        return self._start(errand)

    async def ask(self, device: Device, person: Person, action: str, **parameters: Any) -> Frame | None:
        """One request; None where it got no answer."""
        return await device.request(action, self.plan.patience_s, **parameters, **person.ack())

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """One HTTP request of the marketplace's back end; status 0 where no answer came."""
        assert self._http is not None
        content = "" if body is None else json.dumps(body, ensure_ascii=False)
        number = self.recording.asked(method, path, content)
        status, answer = 0, ""
        try:
            async with self._http.request(
                method,
                self._url + path,
                data=content.encode() or None,
                headers={"Authorization": f"Bearer {self._token('back-end', scope='admin')}"},
                timeout=aiohttp.ClientTimeout(total=15),
            ) as response:
                answer = await response.text()
                status = response.status
        except (aiohttp.ClientError, TimeoutError) as error:
            self._counts[f"http {type(error).__name__}"] += 1
        finally:
            self.recording.answered(number, status, answer)
        return status, json.loads(answer) if status == 200 else None

    async def insist(self, method: str, path: str, body: Any = None) -> Any:
        """The same, until it is answered with 200."""
        while True:
            status, answer = await self.call(method, path, body)
            if status == 200:
                return answer
            assert status in {0, 404, 429} or status >= 500, (status, method, path)
            await asyncio.sleep(0.2)

    async def appoint(self, agent: Person, store: str) -> None:
        role = "supervisor" if store in agent.supervises else "agent"
        await self.insist("PUT", f"/stores/{store}/agents/{agent.user}", {"role": role})
        agent.serves.add(store)

    async def remove(self, agent: Person, store: str) -> None:
        agent.serves.discard(store)
        await self.insist("DELETE", f"/stores/{store}/agents/{agent.user}")

    async def announce(self, conversation: str, words: str) -> None:
        """The marketplace says something, twice if the first time brought no answer."""
        body = {"id": f"y{self.number()}", "body": {"type": "text", "text": words}}
        for _ in range(2):
            status, _answer = await self.call("POST", f"/conversations/{quote(conversation, safe=':')}/messages", body)
            if status in {200, 404}:
                return

    # --- everybody's own life ---------------------------------------------------------------------------------------

    def stay(self, person: Person) -> None:
        """Until the end of this `run`, all devices of the person connect whenever they are not."""
        self._staying += [asyncio.create_task(self._stay(person, device)) for device in person.devices]

    async def _stay(self, person: Person, device: Device) -> None:
        while True:
            if device.online:
                await device.until(lambda: False, person.random.uniform(0.7, 1.1))
                if device.online:
                    await self.ask(device, person, "ping")
            elif not await device.connect(self.plan.patience_s):
                await asyncio.sleep(person.random.uniform(0.1, 0.5))

    async def _ping(self, person: Person) -> None:
        while True:
            await asyncio.sleep(1)
            if person.online:
                await person.online[0].request("ping", self.plan.patience_s)

    async def _work(self, person: Person) -> None:
        from tests.faults.deeds import do  # what people do knows the workload

        pace = self.plan.actions_s / len(self.people)
        while True:
            await asyncio.sleep(person.random.expovariate(pace))
            if person.online:
                await do(self, person, person.random.choice(person.online))

    async def _rule(self) -> None:
        """What the marketplace does meanwhile: it speaks, removes an agent, and appoints the agent again."""
        store = self.stores[0]
        while True:
            await asyncio.sleep(self._random.expovariate(1.0))
            match self._random.choice(["announce", "announce", "membership"]):
                case "announce" if self.states:
                    conversation = self._random.choice(sorted(self.states))
                    await self.announce(conversation, text(self._random, self.number()))
                case "membership" if store in self.passing.serves:
                    await self.remove(self.passing, store)
                case "membership":
                    await self.appoint(self.passing, store)

    # --- coming to rest ---------------------------------------------------------------------------------------------

    async def _leave(self) -> None:
        await asyncio.gather(*(device.drop() for person in self.people for device in person.devices))

    async def _return(self, deadline: float) -> None:
        await asyncio.gather(*(self._caught_up(person.devices[0], deadline) for person in self.people))

    async def _caught_up(self, device: Device, deadline: float) -> None:
        attempts = 0
        while True:
            if await device.connect(self.plan.patience_s):
                attempts += 1
                # An entry may leave the list during its replay, and then fewer come than were announced. What does
                # not come the second time either, the checker will name.
                if await self._replayed(device) or attempts > 1:
                    return
            if time.monotonic() > deadline:
                raise TimeoutError(f"{device.user} cannot come back")
            await asyncio.sleep(0.1)

    async def _replayed(self, device: Device) -> bool:
        """Wait for a replay to be complete, as long as anything of it comes."""
        while not device.caught_up:
            came = len(device.replayed)
            if not await device.until(lambda came=came: len(device.replayed) > came, self.plan.patience_s):  # type: ignore[misc] # a default gives it no type
                return False
        return True

    async def _read_all(self, deadline: float) -> None:
        known = sorted(set(self.states) | {errand.conversation for errand in self._errands})
        for person in self.people:
            mine = [each for each in known if person.user == each.partition(":")[2]]
            served = [each for each in known if each.partition(":")[0] in person.serves and each not in mine]
            for conversation in [*mine, *served]:
                await self._history(person, conversation, deadline)
            for store in [None, *sorted(person.serves)]:
                await self._list(person, {} if store is None else {"store": store}, deadline)

    async def _history(self, person: Person, conversation: str, deadline: float) -> None:
        after = 0
        while True:
            answer = await self._surely(person, deadline, "history", conversation=conversation, after=after, limit=100)
            if answer["type"] == "error":
                return  # nothing was ever said there
            messages = answer["result"]["messages"]
            after = messages[-1]["seq"] if messages else after
            if not answer["result"]["more"]:
                return

    async def _list(self, person: Person, of: dict[str, Any], deadline: float) -> None:
        cursor: dict[str, Any] = {}
        while True:
            answer = await self._surely(person, deadline, "conversations", **of, **cursor)
            if answer["type"] == "error" or not answer["result"]["cursor"]:
                return
            cursor = {"cursor": answer["result"]["cursor"]}

    async def _surely(self, person: Person, deadline: float, action: str, **parameters: Any) -> Frame:
        device = person.devices[0]
        while True:
            answer = await device.request(action, self.plan.patience_s, **parameters)
            if answer is not None and not (answer["type"] == "error" and answer["code"] in RETRIED | {"unauthorized"}):
                return answer
            if time.monotonic() > deadline:
                raise TimeoutError(f"{person.user} gets no {action}: {answer}")
            if not device.online:
                await device.connect()
            await asyncio.sleep(0.05)

    # --- inside -----------------------------------------------------------------------------------------------------

    def person(self, label: str, devices: int = 1) -> Person:
        """Somebody new, for the time of this run."""
        person = self._person(label, devices=devices)
        self.people.append(person)
        return person

    def _person(self, label: str, devices: int = 1) -> Person:
        user = f"{label}-{self.tag}"
        person = Person(user, Random(f"{self.plan.seed} {label}"))
        socket = f"{self._url.replace('http', 'ws', 1)}/ws"
        for i in range(devices):
            name = f"{label}.{i}"
            token = lambda: self._token(user)  # noqa: E731 - a new one at each connect
            person.devices.append(Device(user, name, person.inbox, socket, token, self.recording, self._heard))
        return person

    def _token(self, user: str, **claims: str) -> str:
        return jwt.encode({"sub": user, "exp": int(time.time()) + TOKEN_S, **claims}, self._secret, "HS256")

    def _start(self, errand: Errand) -> asyncio.Task[None]:
        task = asyncio.create_task(errand.carry(self.plan.patience_s))
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)
        return task

    def _heard(self, device: Device, frame: Frame) -> None:
        self._counts["received"] += 1
        match frame["type"]:
            case "error":
                self._counts[frame["code"]] += 1
            case "message":
                speaker = frame["from"]
                key = frame["conversation"], speaker["user"], frame["id"]
                if "replay" not in frame and device.user != speaker["user"] and key in self._begun:
                    begun = self._begun.pop(key)
                    self.latencies.append((begun, time.monotonic() - begun))
            case "conversation":
                self._saw(frame["conversation"])
            case "reply":
                result = frame["result"]
                self._counts["replied"] += frame["action"] == "send"
                for found in [result.get("conversation"), *result.get("conversations", ())]:
                    if isinstance(found, dict):
                        self._saw(found)

    def _saw(self, found: Frame) -> None:
        known = self.states.get(found["conversation"])
        if known is None or (known["version"], known["last_seq"]) <= (found["version"], found["last_seq"]):
            self.states[found["conversation"]] = found


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(outcome, BaseException) and not isinstance(outcome, asyncio.CancelledError):
            raise outcome
