"""What the gateway and a worker say to each other: MessagePack behind a length of four bytes, over a socket pair."""

from __future__ import annotations

import socket
from typing import Any

import msgspec

Json = Any  # An event or an answer as Lambda has it: JSON, whatever the handler made of it.


class Hello(msgspec.Struct, frozen=True, tag=True):
    """From a worker: the application is imported, and these are its functions by name."""

    functions: list[str]


class Invoke(msgspec.Struct, frozen=True, tag=True):
    """Call `function` with `event`; the context counts down from `timeout_s`. In the background nobody waits for it."""

    id: int
    function: str
    event: Json
    timeout_s: float
    background: bool = False


class Request(msgspec.Struct, frozen=True, tag=True):
    """An HTTP request for the application's routes; `path` is as it came, with the query."""

    id: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    timeout_s: float


class Returned(msgspec.Struct, frozen=True, tag=True):
    """From a worker: what the function returned."""

    id: int
    value: Json


class Raised(msgspec.Struct, frozen=True, tag=True):
    """From a worker: the function ended with an exception, in words; the traceback is in the worker's log."""

    id: int
    error: str


class Responded(msgspec.Struct, frozen=True, tag=True):
    """From a worker: the answer to a Request; a header can be there several times."""

    id: int
    status: int
    headers: list[tuple[str, str]]
    body: bytes


ToWorker = Invoke | Request
FromWorker = Hello | Returned | Raised | Responded

LENGTH_BYTES = 4
_encoder = msgspec.msgpack.Encoder()


def frame(message: ToWorker | FromWorker) -> bytes:
    """`message` as it goes over the socket. Raises TypeError when it holds what is no JSON."""
    body = _encoder.encode(message)
    return len(body).to_bytes(LENGTH_BYTES) + body


def receive_exactly(connection: socket.socket, size: int) -> bytes:
    """The next `size` bytes. Raises EOFError when the other side is gone before."""
    received = bytearray()
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise EOFError
        received += piece
    return bytes(received)
