"""The two ends of a lane: a thread that runs calls, and the gateway's calls that wait for one."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local import functions, wire
from infra.local.functions import Functions, InvocationError
from infra.local.lane import Lane

FromLane = msgspec.msgpack.Decoder(wire.Outcome | wire.Ask)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=6), st.lists(st.integers(0, 2000), max_size=8))
def test_messages_come_out_whole_wherever_the_stream_is_cut(texts: list[bytes], places: list[int]) -> None:
    data = b"".join(wire.frame(wire.Later("f", text)) for text in texts)
    cuts = sorted({0, len(data), *(place for place in places if place < len(data))})
    frames = wire.Frames()
    bodies = [body for begin, end in pairwise(cuts) for body in frames.cut(data[begin:end])]
    assert [msgspec.msgpack.decode(body, type=wire.Later).event for body in bodies] == texts


class Other:
    """The gateway's end of a lane's pipe, by hand."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._frames, self._bodies = wire.Frames(), list[bytes]()

    def say(self, *messages: wire.Message) -> None:
        self._connection.sendall(b"".join(map(wire.frame, messages)))

    def hear(self) -> wire.Outcome | wire.Ask:
        while not self._bodies:
            piece = self._connection.recv(1000)
            assert piece, "the lane has ended"
            self._bodies += self._frames.cut(piece)
        message: wire.Outcome | wire.Ask = FromLane.decode(self._bodies.pop(0))
        return message


@contextmanager
def lane(run: Callable[[wire.Call], wire.Outcome]) -> Iterator[Other]:
    """A lane in a thread of its own; it ends when its pipe does."""
    ours, theirs = socket.socketpair()
    ours.settimeout(10)
    thread = threading.Thread(target=Lane(theirs, run).serve)
    thread.start()
    with ours:
        yield Other(ours)
    thread.join(10)
    assert not thread.is_alive()


CALL = wire.Invoke("f", {}, 29.0)


def test_answers_are_told_apart_by_the_order_of_asking() -> None:
    def run(_: wire.Call) -> wire.Outcome:
        own = Lane.current()
        first, second = own.ask(wire.Push([])), own.ask(wire.Later("g", b""))
        later = own.answer(second, wire.Done)
        return wire.Returned([own.answer(first, wire.Pushed).gone, later.refusal])

    with lane(run) as other:
        other.say(CALL)
        assert other.hear() == wire.Push([])
        assert other.hear() == wire.Later("g", b"")
        other.say(wire.Pushed([7], []), wire.Done("no"))
        assert other.hear() == wire.Returned([[7], "no"])


def test_an_answer_that_nobody_waited_for_is_not_the_next_calls() -> None:
    fail = iter([True, False])

    def run(_: wire.Call) -> wire.Outcome:
        own = Lane.current()
        asked = own.ask(wire.Push([]))
        if next(fail):
            raise ValueError("in between")
        return wire.Returned(own.answer(asked, wire.Pushed).gone)

    with lane(run) as other:
        other.say(CALL)
        assert isinstance(other.hear(), wire.Push)
        assert other.hear() == wire.Raised("ValueError: in between")
        other.say(wire.Pushed([1], []), CALL)
        assert isinstance(other.hear(), wire.Push)
        other.say(wire.Pushed([2], []))
        assert other.hear() == wire.Returned([2])


def test_what_is_no_json_is_the_functions_error_and_the_lane_goes_on() -> None:
    results: Iterator[object] = iter([object(), "fine"])
    with lane(lambda _: wire.Returned(next(results))) as other:
        other.say(CALL)
        raised = other.hear()
        assert isinstance(raised, wire.Raised)
        assert raised.error.startswith("TypeError")
        other.say(CALL)
        assert other.hear() == wire.Returned("fine")


def test_a_lane_without_a_gateway_ends_in_the_middle_of_a_call() -> None:
    ended = threading.Event()

    def run(_: wire.Call) -> wire.Outcome:
        own = Lane.current()
        with suppress(EOFError):
            own.answer(own.ask(wire.Push([])), wire.Pushed)
        ended.set()
        return wire.Returned(None)

    with lane(run) as other:
        other.say(CALL)
        assert isinstance(other.hear(), wire.Push)
    assert ended.wait(10)


def test_only_a_functions_own_thread_has_a_pipe() -> None:
    with pytest.raises(LookupError):
        Lane.current()


def test_a_call_that_takes_too_long_is_given_up_even_while_none_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "INVOCATION_TIMEOUT_S", 0.05)
    monkeypatch.setattr(functions, "LOOK_EVERY_S", 0.01)

    async def calls() -> list[object]:
        nobody = Functions(0, {})
        async with asyncio.timeout(10):
            return await asyncio.gather(*(nobody.invoke("f", {}) for _ in range(3)), return_exceptions=True)

    outcomes = asyncio.run(calls())
    assert [type(outcome) for outcome in outcomes] == [InvocationError] * 3
    assert "longer than 0.05 seconds" in str(outcomes[0])
