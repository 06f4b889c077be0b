"""A recording, read with the protocol page in hand: requests with their answers, messages, objects, memberships."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any
from urllib.parse import unquote

from tests.e2e.client import checked
from tests.faults.recording import Answered, Asked, Dialed, Ended, Opened, Phase, Received, Recording, Refused, Sent

Frame = dict[str, Any]
Place = tuple[str, int]  # conversation and seq

FIELDS = ("conversation", "seq", "id", "from", "body", "at")
NEVER = 2**62  # behind every record


@dataclass(slots=True)
class Request:
    """A frame of a client, and what answered it. `sent` and `answered` are places in the recording.

    `alone` says that no other request of the same id was under way on the connection: the answer is surely its own.
    """

    sent: int
    connection: int
    user: str
    frame: Frame
    answered: int = NEVER
    answer: Frame | None = None
    alone: bool = True

    @property
    def action(self) -> str:
        return str(self.frame["action"])

    @property
    def result(self) -> Frame | None:
        """What the reply holds, if it was a reply."""
        return self.answer["result"] if self.answer and self.answer["type"] == "reply" else None

    @property
    def error(self) -> str | None:
        """The code of the error, if it was one."""
        return str(self.answer["code"]) if self.answer and self.answer["type"] == "error" else None

    @property
    def conversation(self) -> str:
        return str(self.frame.get("conversation", ""))


@dataclass(slots=True)
class Call:
    """An HTTP request, and the status of its answer (0: none came)."""

    asked: int
    method: str
    path: list[str]
    body: Any
    answered: int = NEVER
    status: int = 0
    answer: Any = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A message as somebody got it. `request` is what it answers, where it came in a page or as somebody's `last`."""

    index: int
    user: str
    connection: int
    message: Frame
    offset: int | None = None
    replay: bool = False
    request: Request | None = None

    @property
    def place(self) -> Place:
        return self.message["conversation"], self.message["seq"]


@dataclass(frozen=True, slots=True)
class Look:
    """A conversation object as somebody got it; `event` where it came at the change itself."""

    index: int
    user: str
    connection: int
    conversation: Frame
    event: bool
    request: Request | None

    @property
    def side(self) -> str:
        return "customer" if self.user == customer_of(self.conversation["conversation"]) else "store"


@dataclass(slots=True)
class Connection:
    """One socket, from the handshake to its end."""

    number: int
    user: str
    dialed: int
    opened: int = NEVER
    ended: int = NEVER
    welcomes: list[tuple[int, Frame]] = field(default_factory=list)
    first: Frame | None = None
    durable: list[Seen] = field(default_factory=list)
    syncs: list[Request] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Membership:
    """From when to when, in places of the recording, somebody may be an agent of a store."""

    begins: int
    ends: int


class Rising:
    """A number that never falls: how high it surely was before a place in the recording."""

    def __init__(self, points: Iterable[tuple[int, int]]) -> None:
        ordered = sorted(points)
        self._places = [place for place, _ in ordered]
        self._highest = list(accumulate((value for _, value in ordered), max))

    def before(self, place: int) -> int:
        """The highest of the values before `place`, 0 where there is none."""
        count = bisect_left(self._places, place)
        return self._highest[count - 1] if count else 0


class Evidence:
    """Everything that a recording says, in the protocol's words."""

    def __init__(self, recording: Recording) -> None:
        self.size = len(recording.records)
        self.connections: dict[int, Connection] = {}
        self.requests: list[Request] = []
        self.calls: list[Call] = []
        self.seen: list[Seen] = []
        self.looks: list[Look] = []
        self.named: list[tuple[int, Connection, str]] = []  # frames that name a conversation
        self.misshapen: list[tuple[int, str]] = []
        self.settling = self.settled = NEVER
        self._pending: dict[tuple[int, str], list[Request]] = defaultdict(list)
        calls: dict[int, Call] = {}
        for index, record in enumerate(recording.records):
            match record:
                case Dialed(connection=number, user=user):
                    self.connections[number] = Connection(number, user, index)
                case Opened(connection=number):
                    self.connections[number].opened = index
                case Refused(connection=number) | Ended(connection=number):
                    self.connections[number].ended = index
                case Sent(connection=number, text=text):
                    self._sent(index, self.connections[number], json.loads(text))
                case Received(connection=number, text=text):
                    self._received(index, self.connections[number], json.loads(text))
                case Asked(call=number, method=method, path=path, body=body):
                    parts = [unquote(part) for part in path.split("/")[1:]]
                    calls[number] = Call(index, method, parts, json.loads(body) if body else None)
                    self.calls.append(calls[number])
                case Answered(call=number, status=status, body=body):
                    call = calls[number]
                    call.answered, call.status = index, status
                    call.answer = json.loads(body) if status == 200 else None
                case Phase(name="settling"):
                    self.settling = index
                case Phase(name="settled"):
                    self.settled = index

    def _sent(self, index: int, connection: Connection, frame: Frame) -> None:
        request = Request(index, connection.number, connection.user, frame)
        self.requests.append(request)
        if "id" in frame:
            under_way = self._pending[connection.number, frame["id"]]
            under_way.append(request)
            if len(under_way) > 1:
                for each in under_way:
                    each.alone = False
        if frame["action"] == "sync":
            connection.syncs.append(request)

    def _received(self, index: int, connection: Connection, frame: Frame) -> None:
        if "type" not in frame and "requestId" in frame:
            return  # the platform itself says that a function failed
        try:
            checked(frame)
        except AssertionError as misfit:
            self.misshapen.append((index, str(misfit)))
            return
        if connection.first is None:
            connection.first = frame
        request = None
        if frame["type"] in {"reply", "error", "pong"}:
            pending = self._pending.get((connection.number, frame.get("id") or ""), [])
            if pending:
                request = pending.pop(0)
                request.answered, request.answer = index, frame
        self._note(index, connection, frame, request)

    def _note(self, index: int, connection: Connection, frame: Frame, request: Request | None) -> None:
        user, number = connection.user, connection.number
        match frame["type"]:
            case "welcome":
                connection.welcomes.append((index, frame))
            case "message":
                message = {name: frame[name] for name in FIELDS}
                seen = Seen(index, user, number, message, frame.get("offset"), "replay" in frame)
                self.seen.append(seen)
                if seen.offset is not None:
                    connection.durable.append(seen)
                self.named.append((index, connection, frame["conversation"]))
            case "conversation":
                self._look(index, connection, frame["conversation"], None, event=True)
            case "read" | "typing":
                self.named.append((index, connection, frame["conversation"]))
            case "reply":
                result = frame["result"]
                for message in result.get("messages", ()):
                    kept = {name: message[name] for name in FIELDS}
                    self.seen.append(Seen(index, user, number, kept, request=request))
                    self.named.append((index, connection, message["conversation"]))
                found = result.get("conversation")
                for each in [*result.get("conversations", ()), *([found] if isinstance(found, dict) else [])]:
                    self._look(index, connection, each, request)

    def _look(
        self, index: int, connection: Connection, found: Frame, request: Request | None, *, event: bool = False
    ) -> None:
        # A second reply to one request (its function died after the first) has no request, and is no event either.
        look = Look(index, connection.user, connection.number, found, event, request)
        self.looks.append(look)
        self.named.append((index, connection, found["conversation"]))
        if found["last"]:
            last = {name: found["last"][name] for name in FIELDS}
            self.seen.append(Seen(index, connection.user, connection.number, last, request=request))

    @cached_property
    def log(self) -> dict[str, dict[int, Frame]]:
        """Every conversation's messages by seq, each as it was seen first."""
        log: dict[str, dict[int, Frame]] = defaultdict(dict)
        for seen in self.seen:
            log[seen.message["conversation"]].setdefault(seen.message["seq"], seen.message)
        return log

    @cached_property
    def memberships(self) -> dict[tuple[str, str], list[Membership]]:
        """By store and user: when that user may have been an agent there."""
        found: dict[tuple[str, str], list[Membership]] = defaultdict(list)
        for call in self.calls:
            if call.path[0::2][:2] != ["stores", "agents"] or len(call.path) != 4:
                continue
            periods = found[call.path[1], call.path[3]]
            if call.method == "PUT" and not (400 <= call.status < 500):
                if not periods or periods[-1].ends < NEVER:
                    periods.append(Membership(call.asked, NEVER))
            elif call.method == "DELETE" and call.status == 200 and periods:
                periods[-1] = Membership(periods[-1].begins, min(periods[-1].ends, call.answered))
        return found

    def may_serve(self, store: str, user: str, begin: int, end: int) -> bool:
        """Whether somebody may have been an agent of a store at some moment from `begin` to `end`."""
        return any(each.begins <= end and begin <= each.ends for each in self.memberships.get((store, user), ()))

    def agents(self, store: str) -> set[str]:
        """Everybody who ever was an agent of a store."""
        return {user for shop, user in self.memberships if shop == store}

    @cached_property
    def unsteady(self) -> set[tuple[str, str]]:
        """Store and user of each agent whom somebody tried to remove."""
        return {
            (call.path[1], call.path[3])
            for call in self.calls
            if call.method == "DELETE" and len(call.path) == 4 and call.path[2] == "agents"
        }

    def sends(self) -> Iterator[Request]:
        """The requests `send`."""
        return (request for request in self.requests if request.action == "send")

    def posts(self) -> Iterator[Call]:
        """The messages of the system."""
        return (call for call in self.calls if call.method == "POST" and call.path[0] == "conversations")

    @cached_property
    def acks(self) -> dict[str, list[Request]]:
        """By user: the requests that carry an acknowledgement."""
        found: dict[str, list[Request]] = defaultdict(list)
        for request in self.requests:
            if "ack" in request.frame:
                found[request.user].append(request)
        return found


def store_of(conversation: str) -> str:
    return conversation.partition(":")[0]


def customer_of(conversation: str) -> str:
    return conversation.partition(":")[2]
