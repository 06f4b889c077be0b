"""Scenes in which a function dies: what was before, what it was asked, and what clients see of it afterwards."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal, NamedTuple

from tests.faults.crash_stage import Died, Stage, seen_by
from tests.faults.crashing import Frame
from tests.flow.conftest import Person
from tests.flow.platform import Functions

# What became of the request by itself, with nobody to repeat it; `sweep` and `again`: only after a sweep, or a repeat.
Fate = Literal["not done", "done", "sweep", "again"]
TEXT = "the message"


class View(NamedTuple):
    """A conversation as it stands: the same for all, whoever looks."""

    status: str
    agent: str | None
    version: int


class Scene(ABC):
    """Making one sets the stage; `act` asks the doomed function; `fate` looks, asserts, and says what became of it."""

    title: ClassVar[str]
    settles_first: ClassVar[bool] = False

    @abstractmethod
    def __init__(self, stage: Stage) -> None: ...

    @abstractmethod
    def act(self, functions: Functions) -> None: ...

    @abstractmethod
    def fate(self) -> Fate: ...


class Sending(Scene):
    """A message of `asker` for all of `recipients`, and for nobody's list else."""

    stage: Stage
    asker: Person
    conversation: str
    recipients: set[str]
    others: set[str]
    reader: Person

    def act(self, functions: Functions) -> None:
        self.asker.functions = functions
        try:
            self.asker.say(self.conversation, TEXT, id="k")
        finally:
            self.asker.functions = self.stage.healthy

    def was_told(self) -> bool:
        self.asker.received()
        return any(frame["type"] == "reply" and frame["id"] == "k" for frame in self.asker.seen)

    def repeat(self) -> int:
        """The seq that the sender is told, coming back with the same id after all."""
        answer = self.asker.say(self.conversation, TEXT, id="k")
        assert answer["type"] == "reply", answer
        return int(answer["result"]["seq"])

    def stored(self) -> list[Frame]:
        log = self.stage.history(self.reader, self.conversation)
        return [message for message in log if message["body"]["text"] == TEXT]

    def fate(self) -> Fate:
        told, stored = self.was_told(), self.stored()
        assert len(stored) <= 1
        if not stored:
            assert not told
            assert not self.seen_live()
        listed = all(self.stage.is_listed(user, TEXT) for user in self.recipients)
        self.stage.sweep()
        lists = self.lists(stored)
        assert [user for user, texts in lists.items() if TEXT in texts] == (sorted(self.recipients) if stored else [])

        seq = self.repeat()
        (found,) = self.stored()
        assert not stored or found == stored[0]
        assert found["seq"] == seq
        self.stage.sweep()
        again = self.lists([found])
        assert [user for user, texts in again.items() if TEXT in texts] == sorted(self.recipients)
        assert not stored or again == lists, "what is settled is not delivered again"
        return "not done" if not stored else "done" if listed else "sweep"

    def seen_live(self) -> bool:
        for person in self.stage.people:
            person.received()
        return any(
            frame["type"] == "message" and frame["body"]["text"] == TEXT
            for person in self.stage.people
            for frame in person.seen
        )

    def lists(self, stored: list[Frame]) -> dict[str, list[str]]:
        """The texts in everybody's offline list; what is stored is there as it is in the history."""
        lists = {user: self.stage.replay(user) for user in sorted(self.recipients | self.others)}
        entries = [seen_by(entry) for entries in lists.values() for entry in entries if entry["body"]["text"] == TEXT]
        assert all(entry == seen_by(message) for message in stored for entry in entries)
        return {user: [entry["body"]["text"] for entry in entries] for user, entries in lists.items()}


class FirstMessage(Sending):
    title = "send, the first of a conversation"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        away = stage.agent()
        self.reader = stage.online(stage.agent())
        self.asker = stage.online()
        stage.online(self.asker.user)
        self.conversation = stage.conversation(self.asker)
        self.recipients, self.others = {away, self.reader.user}, {self.asker.user}


class FirstMessageSettledFirst(FirstMessage):
    title = "the same, settled before it is pushed"
    settles_first = True


class ToClaimer(Sending):
    title = "send to the claimer, with a watcher"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        claimer, watcher = stage.online(stage.agent()), stage.online(stage.agent())
        self.asker = stage.online()
        self.conversation = stage.conversation(self.asker)
        self.asker.say(self.conversation, "hello")
        claimer.ask("claim", conversation=self.conversation)
        watcher.ask("watch", conversation=self.conversation)
        self.reader = claimer
        self.recipients, self.others = {claimer.user}, {self.asker.user, watcher.user}


class FromClaimer(Sending):
    title = "send of the claimer to a customer with two devices"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.asker = self.reader = stage.online(stage.agent())
        other, customer = stage.agent(), stage.online()
        stage.online(customer.user)
        self.conversation = stage.conversation(customer)
        customer.say(self.conversation, "hello")
        self.asker.ask("claim", conversation=self.conversation)
        self.recipients, self.others = {customer.user}, {self.asker.user, other}


class Retry(FirstMessage):
    """The first function stored the message and died; so does the one that the sender's retry runs."""

    title = "retry of a send that died when it had stored"

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        stage.mortal.dies("after", name="message_append")
        try:
            self.act(stage.doomed)
        except Died:
            return
        raise AssertionError("it did not die")


class SystemMessage(Sending):
    title = "a system message"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        claimer, other, customer = stage.online(stage.agent()), stage.agent(), stage.online()
        self.conversation = stage.conversation(customer)
        customer.say(self.conversation, "hello")
        claimer.ask("claim", conversation=self.conversation)
        self.reader = claimer
        self.recipients, self.others = {claimer.user, customer.user}, {other}

    def act(self, functions: Functions) -> None:
        status, _ = self._post(functions)
        assert status == 200

    def was_told(self) -> bool:
        return False

    def repeat(self) -> int:
        status, body = self._post(self.stage.healthy)
        assert status == 200
        return int(body["seq"])

    def _post(self, functions: Functions) -> tuple[int, Frame]:
        path, body = "/conversations/{conversation}/messages", {"id": "k", "body": {"type": "text", "text": TEXT}}
        return functions.http("POST", path, self.stage.shop.admin, body, conversation=self.conversation)


class AbsentClaimer(Sending):
    title = "send that finds the claimer away past the grace"

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        claimer, self.reader = stage.online(stage.agent()), stage.online(stage.agent())
        self.asker = stage.online()
        self.conversation = stage.conversation(self.asker)
        self.asker.say(self.conversation, "hello")
        claimer.ask("claim", conversation=self.conversation)
        stage.leave_long_ago(claimer, self.conversation)
        self.recipients, self.others = {claimer.user, self.reader.user}, {self.asker.user}

    def fate(self) -> Fate:
        fate = super().fate()
        # Whoever else serves the store finds the conversation waiting, with the message unread.
        (waiting,) = self.reader.ask("conversations", store=self.stage.shop.store, status="waiting")["result"][
            "conversations"
        ]
        assert (waiting["agent"], waiting["last"]["body"]["text"]) == (None, TEXT)
        return fate


class Changing(Scene):
    """A request that changes who serves a conversation: it is as before and nobody was told, or as it should be."""

    action: ClassVar[str]
    agents_after: tuple[str, str | None]

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.ann, self.bob = stage.online(stage.agent()), stage.online(stage.agent())
        self.customer = stage.online()
        self.conversation = stage.conversation(self.customer)
        self.customer.say(self.conversation, "hello")
        self.parameters: dict[str, str] = {}
        self.wanted: tuple[str, str | None] = ("waiting", None)
        self.claim_first()
        self.before = self.view()
        for person in stage.people:
            person.received()
            person.seen.clear()

    def claim_first(self) -> None:
        assert self.ann.ask("claim", conversation=self.conversation)["type"] == "reply"

    def ask(self) -> Frame:
        return self.ann.ask(self.action, conversation=self.conversation, **self.parameters)

    def act(self, functions: Functions) -> None:
        self.ann.functions = functions
        try:
            assert self.ask()["type"] == "reply"
        finally:
            self.ann.functions = self.stage.healthy

    def view(self) -> View:
        """How the conversation stands: the customer and both agents see the same."""
        mine = self.customer.ask("conversations")
        views = [mine, *(each.ask("conversations", store=self.stage.shop.store) for each in (self.ann, self.bob))]
        found = set()
        for answer in views:
            (conversation,) = answer["result"]["conversations"]
            found.add(view_of(conversation))
        (view,) = found
        return view

    def told(self) -> set[View]:
        for person in self.stage.people:
            person.received()
        seen = [frame for person in self.stage.people for frame in person.seen]
        told = {view_of(frame["conversation"]) for frame in seen if frame["type"] == "conversation"}
        replies = [frame for frame in seen if frame["type"] == "reply" and frame["action"] == self.action]
        return told | {view_of(frame["result"]["conversation"]) for frame in replies}

    def fate(self) -> Fate:
        told, view = self.told(), self.view()
        done = view != self.before
        assert told <= ({view} if done else set())
        assert not done or (view.status, view.agent) == self.wanted
        self.stage.sweep()
        assert self.view() == view, "what was decided stays, whoever died"
        self.enforced(view.agent)
        self.repeated()
        after = self.view()
        assert (after.status, after.agent) == self.wanted
        self.enforced(after.agent)
        self.heard_by(after)
        return "done" if done else "not done"

    def repeated(self) -> None:
        assert self.ask()["type"] == "reply"

    def enforced(self, claimer: str | None) -> None:
        """The claimer alone may send."""
        for agent in (self.ann, self.bob):
            answer = agent.say(self.conversation, "may I?")
            if agent.user == claimer:
                assert answer["type"] == "reply", answer
            else:
                assert (answer["code"], answer["details"]) == ("not_claimer", {"agent": claimer})

    def heard_by(self, view: View) -> None:
        """What the customer says next is for the claimer, or for every agent."""
        self.customer.say(self.conversation, "next")
        found = {
            user for user in (self.ann.user, self.bob.user) if self.stage.replay(user)[-1]["body"]["text"] == "next"
        }
        assert found == ({view.agent} if view.agent else {self.ann.user, self.bob.user})


def view_of(conversation: Frame) -> View:
    agent = conversation["agent"]
    return View(conversation["status"], agent and agent["user"], conversation["version"])


class Claim(Changing):
    title, action = "claim", "claim"

    def claim_first(self) -> None:
        self.wanted = ("claimed", self.ann.user)

    def enforced(self, claimer: str | None) -> None:
        super().enforced(claimer)
        if claimer:
            refusal = self.bob.ask("claim", conversation=self.conversation)
            assert (refusal["code"], refusal["details"]) == ("already_claimed", {"agent": claimer})


class Release(Changing):
    title, action = "release", "release"


class Close(Changing):
    title, action = "close", "close"

    def claim_first(self) -> None:
        super().claim_first()
        self.wanted = ("closed", None)


class Transfer(Changing):
    title, action = "transfer", "transfer"

    def claim_first(self) -> None:
        super().claim_first()
        self.parameters, self.wanted = {"to": self.bob.user}, ("claimed", self.bob.user)

    def repeated(self) -> None:
        if self.view().agent == self.bob.user:
            refusal = self.ask()
            assert (refusal["code"], refusal["details"]) == ("not_claimer", {"agent": self.bob.user})
        else:
            assert self.ask()["type"] == "reply"
