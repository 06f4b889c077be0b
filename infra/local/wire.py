"""What the gateway and its workers say to each other: MessagePack behind a length of four bytes, over socket pairs.

Over a worker's first pair comes its Hello; after that it carries one socket for each lane. On a lane the gateway calls
and the worker answers, and meanwhile the worker may ask: the answers to what it asks come in the order of asking.
"""

from __future__ import annotations

from typing import Any

import msgspec

Json = Any  # An event or an answer as Lambda has it: JSON, whatever the handler made of it.


class Message(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Whatever goes over a pipe."""


class Hello(Message, frozen=True):
    """From a worker: the application is imported, and these are its functions by name."""

    functions: list[str]


class Invoke(Message, frozen=True):
    """Call `function` with `event`; the context counts down from `timeout_s`."""

    function: str
    event: Json
    timeout_s: float


class Request(Message, frozen=True):
    """An HTTP request for the application's routes; `path` is as it came, with the query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    timeout_s: float


class Returned(Message, frozen=True):
    """From a worker: what the function returned."""

    value: Json


class Raised(Message, frozen=True):
    """From a worker: the function ended with an exception, in words; the traceback is in the worker's log."""

    error: str


class Responded(Message, frozen=True):
    """From a worker: the answer to a Request; a header can be there several times."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Push(Message, frozen=True):
    """A worker asks for texts to be sent, each to some connections, in this order."""

    texts: list[tuple[bytes, list[str]]]


class Pushed(Message, frozen=True):
    """Which of the posts of a Push, counted from 0 over all texts, found no connection, and which are too long."""

    gone: list[int]
    too_long: list[int]


class Close(Message, frozen=True):
    """A worker asks for a connection to be closed."""

    connection: str


class Later(Message, frozen=True):
    """A worker asks for an asynchronous call of `function`; the event is its JSON."""

    function: str
    event: bytes


class Done(Message, frozen=True):
    """The answer to a Close or a Later; `refusal` says why it is not done."""

    refusal: str = ""


Call = Invoke | Request
Outcome = Returned | Raised | Responded
Ask = Push | Close | Later
Answer = Pushed | Done

LENGTH_BYTES = 4
_encoder = msgspec.msgpack.Encoder()


def frame(message: Message) -> bytes:
    """`message` as it goes over the socket. Raises TypeError when it holds what is no JSON."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES) + body


class Frames:
    """Cuts what comes over a socket into the messages' bodies."""

    def __init__(self) -> None:
        self._left = b""  # the beginning of a message

    def cut(self, piece: bytes) -> list[bytes]:
        """The bodies of those messages that `piece` completes."""
        data = self._left + piece if self._left else piece
        bodies: list[bytes] = []
        begin, size = LENGTH_BYTES, len(data)
        while begin <= size and (end := begin + int.from_bytes(data[begin - LENGTH_BYTES : begin])) <= size:
            bodies.append(data[begin:end])
            begin = end + LENGTH_BYTES
        self._left = data[begin - LENGTH_BYTES :]
        return bodies
