"""An upgrade with sockets open: two versions serve the same people, call by call, and Redis forgets its scripts."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from chalicelib.model import ConversationId
from chalicelib.store import keys
from tests import servers
from tests.artifact.deployed import Deployed
from tests.artifact.storage import Storage
from tests.e2e.client import Client, Frame, fresh, of_type
from tests.e2e.conftest import Marketplace, Shop

FIRST, MORE = 12, 6  # messages of each customer before anybody has claimed, and of each side after that
MARK = "the next version has been imported"

Place = tuple[str, int]  # conversation and seq
Said = dict[str, Place]  # by the id that the sender has chosen


def next_version(package: Path, folder: Path) -> None:
    """Make `folder` the same package, but its scripts have other texts, and so other digests, and importing it logs."""
    shutil.copytree(package, folder)
    for script in (folder / "chalicelib" / "store" / "lua").glob("*.lua"):
        with script.open("a", encoding="utf-8") as text:
            text.write("-- the next version\n")
    with (folder / "app.py").open("a", encoding="utf-8") as app:
        app.write(f'\nimport logging\n\nlogging.getLogger(__name__).info("{MARK}")\n')
    # It would be taken for the source, unread.
    for bytecode in (folder / "__pycache__").glob("app.*"):
        bytecode.unlink()


def digests(package: Path) -> dict[str, str]:
    """By which digest Redis knows each script of a package."""
    program = (
        "import json, pathlib, sys; sys.path.insert(0, '.'); from chalicelib.store import scripts; "
        "print(json.dumps({path.stem: scripts.sha(path.stem) for path in pathlib.Path(scripts.LUA).glob('*.lua')}))"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    run = subprocess.run(command, cwd=package, check=True, capture_output=True, text=True)
    found: dict[str, str] = json.loads(run.stdout)
    return found


def known(storage: Storage, scripts: Mapping[str, str]) -> set[str]:
    """Which of these scripts some node has run since it forgot all that it knew."""
    answers = storage.call("SCRIPT", "EXISTS", *scripts.values())
    return {name for name, *nodes in zip(scripts, *answers, strict=True) if any(nodes)}


@dataclass
class Upgrade:
    """What happened in a store: who said what where, who won which claim, and what came to everybody."""

    deployed: Deployed
    versions: tuple[Mapping[str, str], Mapping[str, str]]  # the digests of the scripts
    shop: Shop
    agents: list[Client]
    customers: dict[str, Client]  # by their conversations
    away: str  # an agent who comes only at the end
    said: dict[str, Said] = field(default_factory=lambda: defaultdict(dict))  # by who said it
    unclaimed: set[Place] = field(default_factory=set)  # said while every agent had to hear it
    won: dict[str, list[str]] = field(default_factory=dict)
    heard: dict[str, list[Frame]] = field(default_factory=dict)
    replayed: dict[str, list[Frame]] = field(default_factory=dict)
    histories: dict[str, dict[str, list[Frame]]] = field(default_factory=dict)
    # By both versions, each time since Redis had forgotten all that it knew.
    ran: list[list[set[str]]] = field(default_factory=list)

    @classmethod
    def begin(cls, deployed: Deployed, market: Marketplace, one: Path, other: Path) -> Upgrade:
        """Open a store with three agents, one who is away, and six customers."""
        deployed.storage.call("SCRIPT", "FLUSH")
        shop = market.open_store("upgraded")
        agents = [shop.agent(name) for name in ("ann", "bob", "cid")]
        customers = {shop.conversation(each): each for each in (shop.customer() for _ in range(6))}
        return cls(deployed, (digests(one), digests(other)), shop, agents, customers, shop.appoint(fresh("away")))

    def play(self) -> None:
        """All of it, with a thread for everybody."""
        with ThreadPoolExecutor(len(self.agents) + len(self.customers)) as everybody:
            talking = [everybody.submit(self._talk, each, where, FIRST) for where, each in self.customers.items()]
            servers.until(lambda: self._count(self.gone) > FIRST // 2 or any(each.done() for each in talking))
            self._note_scripts()
            self.deployed.storage.call("SCRIPT", "FLUSH")
            wait_for(talking)
            self.unclaimed = self.places()
            self.won = dict(everybody.map(self._claim, self.agents))

            self.customers[self.gone].close()
            there = {where: each for where, each in self.customers.items() if where != self.gone}
            talking = [everybody.submit(self._talk, each, where, MORE) for where, each in there.items()]
            talking += [everybody.submit(self._answer, agent) for agent in self.agents]
            self.deployed.sweep()
            wait_for(talking)
            for client in [*self.agents, *there.values()]:
                self.heard[client.user] = hear(client, self.wanted(client.user))
            for client in self.agents:
                self.histories[client.user] = {where: client.history(where) for where in self.customers}
            for user in (self.away, self.customers[self.gone].user):
                client = self.shop.market.connect(user)
                self.replayed[user] = client.replayed
                client.acknowledge(client.replayed[-1]["offset"])
                client.close()
            self._note_scripts()

    @property
    def gone(self) -> str:
        """The conversation of the customer who leaves in between."""
        return next(iter(self.customers))

    def places(self, *users: str) -> set[Place]:
        """Where these have said something; without users, where anybody has."""
        return {place for user in users or self.said for place in self.said[user].values()}

    def wanted(self, user: str) -> set[Place]:
        """What was to come to somebody: of others, and while an agent's claims held, what was said there."""
        if user == self.away:
            return self.unclaimed
        of_agents = self.places(*(agent.user for agent in self.agents))
        own = {where for where, each in self.customers.items() if each.user == user}
        if own:
            return {place for place in of_agents if place[0] in own}
        return self.unclaimed | {place for place in self.places() - of_agents if place[0] in self.won[user]}

    def _talk(self, client: Client, where: str, count: int) -> None:
        """Say so much, one after the other; each third message twice, as after a reply that was lost."""
        for n in range(count):
            id_, text = fresh("m"), f"{client.user} {n}"
            said = [client.say(where, text, id=id_)["seq"] for _ in range(2 if n % 3 == 0 else 1)]
            assert len(set(said)) == 1, said
            self.said[client.user][id_] = (where, said[0])

    def _answer(self, agent: Client) -> None:
        for where in self.won[agent.user]:
            self._talk(agent, where, MORE)

    def _claim(self, agent: Client) -> tuple[str, list[str]]:
        """Try to claim everything at once; what was won."""
        asked = {where: agent.post("claim", conversation=where) for where in self.customers}
        answers = {where: agent.answer(id_) for where, id_ in asked.items()}
        assert all(each["type"] == "reply" or each["code"] == "already_claimed" for each in answers.values()), answers
        return agent.user, [where for where, each in answers.items() if each["type"] == "reply"]

    def _count(self, where: str) -> int:
        messages = keys.conversation(ConversationId(where))[5]
        return int(self.deployed.storage.carried_out("LLEN", messages))

    def _note_scripts(self) -> None:
        self.ran.append([known(self.deployed.storage, version) for version in self.versions])


def hear(client: Client, wanted: Collection[Place]) -> list[Frame]:
    """Every message that has come. A push that did not come in time is asked for, as any client does."""
    heard = of_type(client.fence(), "message")
    if not {(each["conversation"], each["seq"]) for each in heard}.issuperset(wanted):
        client.ask("sync")
        heard += of_type(client.fence(), "message")
    return heard


def wait_for(work: Iterable[Future[None]]) -> None:
    """Raises what any of it has raised."""
    for each in work:
        each.result()
