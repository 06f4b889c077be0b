"""What every client saw and did, in one order: all that the checker knows of a run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec


class Dialed(msgspec.Struct, tag="dialed", frozen=True):
    """A device asks for a socket. `at` is in seconds on a monotonic clock, here and below."""

    at: float
    connection: int
    user: str
    device: str


class Opened(msgspec.Struct, tag="opened", frozen=True):
    """The socket is open."""

    at: float
    connection: int


class Refused(msgspec.Struct, tag="refused", frozen=True):
    """The handshake failed; `status` is the HTTP status, 0 where there was none."""

    at: float
    connection: int
    status: int


class Sent(msgspec.Struct, tag="sent", frozen=True):
    """A frame of the client."""

    at: float
    connection: int
    text: str


class Received(msgspec.Struct, tag="received", frozen=True):
    """A frame for the client, as it came."""

    at: float
    connection: int
    text: str


class Ended(msgspec.Struct, tag="ended", frozen=True):
    """The connection is over; `code` is the close code, None for one that was cut."""

    at: float
    connection: int
    code: int | None


class Asked(msgspec.Struct, tag="asked", frozen=True):
    """An HTTP request."""

    at: float
    call: int
    method: str
    path: str
    body: str


class Answered(msgspec.Struct, tag="answered", frozen=True):
    """What became of an HTTP request; status 0 where no answer came."""

    at: float
    call: int
    status: int
    body: str


class Phase(msgspec.Struct, tag="phase", frozen=True):
    """From here on: `working`, `settling` (nobody acts, everybody comes back) or `settled` (all has been read)."""

    at: float
    name: str


Record = Dialed | Opened | Refused | Sent | Received | Ended | Asked | Answered | Phase

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Record)


class Recording:
    """The records of one run. Their order is the order in which one process saw them."""

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.records: list[Record] = []
        self._connections = 0
        self._calls = 0

    def dialed(self, user: str, device: str) -> int:
        """A new connection's number."""
        self._connections += 1
        self.records.append(Dialed(_now(), self._connections, user, device))
        return self._connections

    def opened(self, connection: int) -> None:
        self.records.append(Opened(_now(), connection))

    def refused(self, connection: int, status: int) -> None:
        self.records.append(Refused(_now(), connection, status))

    def sent(self, connection: int, text: str) -> None:
        self.records.append(Sent(_now(), connection, text))

    def received(self, connection: int, text: str) -> None:
        self.records.append(Received(_now(), connection, text))

    def ended(self, connection: int, code: int | None) -> None:
        self.records.append(Ended(_now(), connection, code))

    def asked(self, method: str, path: str, body: str) -> int:
        """A new HTTP request's number."""
        self._calls += 1
        self.records.append(Asked(_now(), self._calls, method, path, body))
        return self._calls

    def answered(self, call: int, status: int, body: str) -> None:
        self.records.append(Answered(_now(), call, status, body))

    def phase(self, name: str) -> None:
        self.records.append(Phase(_now(), name))

    def save(self, path: Path) -> None:
        """One record a line, after a line with the seed."""
        with path.open("wb") as file:
            file.write(b'{"seed":%d}\n' % self.seed)
            file.writelines(_encoder.encode(record) + b"\n" for record in self.records)

    @classmethod
    def load(cls, path: Path) -> Recording:
        """What `save` wrote."""
        with path.open("rb") as file:
            lines: Iterator[bytes] = iter(file)
            recording = cls(msgspec.json.decode(next(lines))["seed"])
            recording.records = [_decoder.decode(line) for line in lines]
        return recording


def _now() -> float:
    return time.monotonic()
