"""One round trip: commands are sent to every server that they concern, and only then are the replies read."""

import time
from collections.abc import Collection, Sequence

from redis.exceptions import ReadOnlyError

from chalicelib.store import line
from chalicelib.store.line import OUT_OF_REACH, Address, Line, Reply, Server, Way, pack

REPLICAS_WITHIN_MS = 1_000
ASKING = pack(("ASKING",))


class Unsent(Exception):
    """No server could be asked: nothing was carried out."""


class TooFewReplicas(Exception):
    """It was carried out, and is not on as many replicas as it should be."""


class Parcel:
    """What goes to one server in one round trip: commands, by their places among all; and what comes back."""

    def __init__(self, server: Server, places: list[int], *, asking: bool = False) -> None:
        self.server, self.places, self._asking = server, places, asking
        self.replies: list[Reply] = []
        self._line: Line | None = None

    def open(self) -> None:
        """Get a line."""
        try:
            self._line = self.server.take()
        except OUT_OF_REACH as error:
            self.replies = [_unsent(self.server.address, error)] * len(self.places)

    def send(self, packed: Sequence[bytes], last: bytes) -> None:
        """Send the commands, and `last` after them."""
        if self._line is None:
            return
        before = ASKING if self._asking else b""
        try:
            self._line.send(b"".join([*(before + packed[place] for place in self.places), last]))
        except OUT_OF_REACH as error:
            self.replies = [error] * len(self.places)
            self.close()

    def receive(self, replicas: int, until: float) -> None:
        """Read the replies, which are due `until` then."""
        if self._line is None:
            return
        each = 2 if self._asking else 1
        count = each * len(self.places) + (1 if replicas else 0)
        answers: list[Reply] = []
        try:
            self._line.receive(count, until, answers)
        except OUT_OF_REACH as error:
            answers += [error] * (count - len(answers))
        else:
            self.server.give_back(self._line)
            self._line = None
        self.replies = answers[each - 1 : each * len(self.places) : each]
        if replicas and not (isinstance(answers[-1], int) and answers[-1] >= replicas):
            missed = TooFewReplicas(f"{answers[-1]!r} instead of {replicas} replicas have it in time")
            self.replies = [reply if isinstance(reply, Exception) else missed for reply in self.replies]

    def close(self) -> None:
        """Close a line on which something is still under way: the next one would get the answer."""
        if self._line is not None:
            self._line.close()
            self._line = None


def exchange(parcels: Collection[Parcel], packed: Sequence[bytes], replicas: int, replies: list[Reply]) -> None:
    """One round trip, as long as its slowest server takes. Puts each reply, or what went wrong, at its place."""
    last = pack(("WAIT", replicas, REPLICAS_WITHIN_MS)) if replicas else b""
    try:
        for parcel in parcels:
            parcel.open()
        for parcel in parcels:
            parcel.send(packed, last)
        until = time.monotonic() + line.TIMEOUT_S
        for parcel in parcels:
            parcel.receive(replicas, until)
    finally:
        for parcel in parcels:
            parcel.close()
    for parcel in parcels:
        for place, reply in zip(parcel.places, parcel.replies, strict=True):
            replies[place] = reply


class OneNode:
    """Where everything is on one server."""

    def __init__(self, address: Address, way: Way) -> None:
        self._server = Server(address, way)

    def send(self, packed: Sequence[bytes], _keys: Sequence[bytes], replicas: int) -> list[Reply]:
        """Commands in one round trip: each one's reply, or the exception that it met."""
        replies: list[Reply] = [None] * len(packed)
        exchange([Parcel(self._server, list(range(len(packed))))], packed, replicas, replies)
        if any(isinstance(reply, ReadOnlyError) for reply in replies):
            # The other end is a replica by now: the name may lead to the new primary already.
            self._server.hang_up()
        return replies

    def slot(self, _key: str) -> int:
        """Where a key lies: with all the others."""
        return 0

    def close(self) -> None:
        """Close every line; the next round trip opens new ones."""
        self._server.hang_up()


def _unsent(address: Address, error: Exception) -> Unsent:
    unsent = Unsent(f"{address[0]}:{address[1]} is out of reach: {error}")
    unsent.__cause__ = error
    return unsent
