"""How each system is spoken to. A message's text begins with #NNNNNNNN#, its number in this run."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bench.peers.plan import Plan

if TYPE_CHECKING:
    from tests.bench.peers.client import Socket

ACKNOWLEDGE_AFTER = 20
ACKNOWLEDGE_WITHIN_S = 0.5


class Plain:
    """A relay: it says hello once the socket is in its room; a customer's frame goes to the agents as it is."""

    def connected(self, socket: Socket) -> None:
        """The socket is open."""

    async def begin(self, agents: Sequence[Socket], customers: Sequence[Socket]) -> None:
        """All sockets are ready; nothing is measured yet."""

    async def accompany(self, agents: Sequence[Socket]) -> None:
        """Runs beside the load until it is cancelled."""

    def frame(self, _customer: int, _number: int, text: str) -> bytes:
        """What a customer sends."""
        return b'{"type":"msg","text":"%s"}' % text.encode()

    def heard(self, socket: Socket, payload: bytes) -> int | None:
        """The number of the message that a frame delivers to an agent, if it does."""
        mark = payload.find(b"#")
        if mark < 0:
            if b"hello" in payload:
                socket.is_ready()
            return None
        return int(payload[mark + 1 : mark + 9]) if socket.agent else None

    def same_order(self, agents: Sequence[Socket]) -> bool:
        """Whether all agents saw one order: here, that in which the frames arrived."""
        common = set.intersection(*(socket.got for socket in agents))
        first, *others = ([number for number in socket.arrived if number in common] for socket in agents)
        return all(order == first for order in others)

    def overtaken(self) -> int:
        """How many deliveries have come behind a later one of the same conversation, where messages are numbered."""
        return 0

    def replayed(self) -> int:
        """How many deliveries have come when an agent asked for what was missing, where the system has that."""
        return 0


class SocketIO(Plain):
    """Engine.IO 4 over a WebSocket: 0 opens, 40 connects, 2 is a ping and 3 its pong, 42["msg",…] an event."""

    def frame(self, _customer: int, _number: int, text: str) -> bytes:
        return b'42["msg",{"type":"msg","text":"%s"}]' % text.encode()

    def heard(self, socket: Socket, payload: bytes) -> int | None:
        if payload == b"2":
            socket.say(b"3")
            return None
        if payload.startswith(b"0"):
            socket.say(b"40")
            return None
        return super().heard(socket, payload)


@dataclass(slots=True)
class Held:
    """What an agent has of its offline list. Pushes overtake one another; an acknowledgement counts for all before."""

    everything_to: int = 0
    newest: int = 0
    acknowledged: int = 0
    looked_at: int = 0
    beyond: set[int] = field(default_factory=set)

    def take(self, offset: int) -> bool:
        """Whether the entry is new to the agent."""
        if offset <= self.everything_to or offset in self.beyond:
            return False
        self.newest = max(offset, self.newest)
        self.beyond.add(offset)
        while self.everything_to + 1 in self.beyond:
            self.everything_to += 1
            self.beyond.remove(self.everything_to)
        return True

    def stuck(self) -> bool:
        """Whether the same entry is missing as at the last look: its push did not come."""
        before, self.looked_at = self.looked_at, self.everything_to
        return self.everything_to == before < self.newest


class Kefu(Plain):
    """kefu.v1: an agent acknowledges after twenty messages or half a second, and asks for what has not come by then."""

    def __init__(self, plan: Plan) -> None:
        self._conversations, self._claimed = plan.conversations, plan.claimed
        self._lists: defaultdict[Socket, Held] = defaultdict(Held)
        self._seqs: dict[Socket, dict[int, int]] = {}
        self._answers: dict[bytes, asyncio.Future[None]] = {}
        self._writers: list[int] = []
        self._latest: dict[tuple[Socket, int], int] = {}
        self._overtaken = self._replayed = 0

    async def begin(self, agents: Sequence[Socket], customers: Sequence[Socket]) -> None:
        if not self._claimed:
            return
        for customer, conversation in zip(customers, self._conversations, strict=True):
            text = b'"body":{"type":"text","text":"Good day"}'
            await self._ask(
                customer, b"begin", b'"action":"send","conversation":"%s",%s' % (conversation.encode(), text)
            )
            await self._ask(agents[0], b"claim", b'"action":"claim","conversation":"%s"' % conversation.encode())

    async def accompany(self, agents: Sequence[Socket]) -> None:
        while True:
            await asyncio.sleep(ACKNOWLEDGE_WITHIN_S)
            for socket in agents:
                self._acknowledge(socket, at_least=1)
                if self._lists[socket].stuck():
                    socket.say(b'{"action":"sync"}')

    def frame(self, customer: int, number: int, text: str) -> bytes:
        self._writers.append(customer)
        conversation = self._conversations[customer].encode()
        body = b'{"type":"text","text":"%s"}' % text.encode()
        return b'{"action":"send","id":"m%d","conversation":"%s","body":%s}' % (number, conversation, body)

    def heard(self, socket: Socket, payload: bytes) -> int | None:
        # Only a durable event has an offset. Nothing else is parsed: the client must not become the limit.
        offset = _value(payload, b'"offset":')
        if offset is None:
            self._other(socket, payload)
            return None
        replayed = b'"replay":true' in payload
        if not self._lists[socket].take(offset) and replayed:
            return None  # A replay begins with what was not acknowledged, not with what is missing.
        self._replayed += replayed
        self._acknowledge(socket, at_least=ACKNOWLEDGE_AFTER)
        mark, seq = payload.find(b"#"), _value(payload, b'"seq":')
        if mark < 0 or seq is None:
            return None
        number = int(payload[mark + 1 : mark + 9])
        self._seqs.setdefault(socket, {})[number] = seq
        place = socket, self._writers[number]
        latest = self._latest.get(place, 0)
        self._overtaken += seq < latest
        self._latest[place] = max(seq, latest)
        return number

    def same_order(self, agents: Sequence[Socket]) -> bool:
        """The numbers give the order, not the arrival: a message has one `seq`, the same for every agent."""
        agreed: dict[int, int] = {}
        one_each = all(
            agreed.setdefault(number, seq) == seq
            for socket in agents
            for number, seq in self._seqs.get(socket, {}).items()
        )
        return one_each and len({(self._writers[number], seq) for number, seq in agreed.items()}) == len(agreed)

    def overtaken(self) -> int:
        return self._overtaken

    def replayed(self) -> int:
        return self._replayed

    def _acknowledge(self, socket: Socket, at_least: int) -> None:
        held = self._lists[socket]
        if held.everything_to - held.acknowledged >= at_least:
            held.acknowledged = held.everything_to
            socket.say(b'{"action":"ping","ack":%d}' % held.everything_to)

    async def _ask(self, socket: Socket, name: bytes, parameters: bytes) -> None:
        answer = self._answers[name] = asyncio.get_running_loop().create_future()
        socket.say(b'{"id":"%s",%s}' % (name, parameters))
        async with asyncio.timeout(5):
            await answer

    def _other(self, socket: Socket, payload: bytes) -> None:
        held = self._lists[socket]
        held.newest = max(_value(payload, b'"newest":') or 0, held.newest)
        if b'"type":"welcome"' in payload:
            socket.is_ready()
        elif b'"type":"error"' in payload:
            socket.failed(payload.decode())
        for name, answer in self._answers.items():
            if b'"type":"reply"' in payload and b'"id":"%s"' % name in payload and not answer.done():
                answer.set_result(None)


def _value(payload: bytes, name: bytes) -> int | None:
    """The number behind a JSON name that occurs once at most."""
    start = payload.find(name)
    if start < 0:
        return None
    start += len(name)
    end = start
    while payload[end : end + 1].isdigit():
        end += 1
    return int(payload[start:end])
