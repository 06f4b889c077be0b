"""A lane: one thread of a worker with a pipe of its own. It runs call after call, as an instance of a function does."""

from __future__ import annotations

import contextlib
import socket
import threading
import traceback
from collections import deque
from collections.abc import Callable
from typing import TypeVar

import msgspec

from infra.local import wire

PIECE = 64 * 1024
_threads = threading.local()
_decoder = msgspec.msgpack.Decoder(wire.Call | wire.Answer)

AnyAnswer = TypeVar("AnyAnswer", wire.Pushed, wire.Done)


class Lane:
    """Takes a call off its pipe, runs it, and answers it, until the gateway is gone."""

    def __init__(self, connection: socket.socket, run: Callable[[wire.Call], wire.Outcome]) -> None:
        self._connection, self._run = connection, run
        self._frames, self._bodies = wire.Frames(), deque[bytes]()
        self._asked = self._answered = 0
        self._answers: dict[int, wire.Answer] = {}

    @staticmethod
    def current() -> Lane:
        """The lane whose thread this is. Raises LookupError in a thread that is none."""
        lane: Lane | None = getattr(_threads, "lane", None)
        if lane is None:
            raise LookupError("Only a function's own thread has a pipe.")
        return lane

    def serve(self) -> None:
        """Run calls in this thread until the other side closes the pipe."""
        _threads.lane = self
        with self._connection, contextlib.suppress(EOFError, OSError):
            while True:
                message = self._receive()
                # What a call has asked and not waited for is answered now, and nobody cares.
                if isinstance(message, wire.Call):
                    self._answers.clear()
                    self._send(self._outcome(message))

    def ask(self, message: wire.Ask) -> int:
        """Ask the platform for something; the number under which its answer can be had."""
        self._send(wire.frame(message))
        self._asked += 1
        return self._asked

    def answer(self, number: int, kind: type[AnyAnswer]) -> AnyAnswer:
        """The answer to what was asked under `number`, as soon as it is there. Raises EOFError without a gateway."""
        while number not in self._answers:
            self._receive()
        answer = self._answers.pop(number)
        if not isinstance(answer, kind):
            raise TypeError(f"the gateway answers by {answer}")
        return answer

    def _outcome(self, call: wire.Call) -> bytes:
        try:
            return wire.frame(self._run(call))
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            return wire.frame(wire.Raised(f"{type(error).__name__}: {error}"))

    def _send(self, frame: bytes) -> None:
        self._connection.sendall(frame)

    def _receive(self) -> wire.Call | wire.Answer:
        while not self._bodies:
            piece = self._connection.recv(PIECE)
            if not piece:
                raise EOFError
            self._bodies += self._frames.cut(piece)
        message: wire.Call | wire.Answer = _decoder.decode(self._bodies.popleft())
        if isinstance(message, wire.Answer):
            # Answers come in the order of asking.
            self._answered += 1
            self._answers[self._answered] = message
        return message
