"""WebSocket frames as the local gateway reads and writes them; another implementation is the judge."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.protocol import CLIENT, Protocol

from infra.local.frames import (
    CLOSE,
    MAX_FRAME,
    MAX_MESSAGE,
    PING,
    PROTOCOL_ERROR,
    TEXT,
    TOO_BIG,
    Reader,
    is_close_code,
    server_frame,
    unmask,
)

payloads = st.binary(max_size=300)
messages = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY]), st.lists(payloads, min_size=1, max_size=3)),
        st.tuples(
            st.sampled_from([Opcode.PING, Opcode.PONG]), st.lists(st.binary(max_size=125), min_size=1, max_size=1)
        ),
    ),
    max_size=6,
)


def sent(opcode: int, payload: bytes, *, fin: bool = True) -> bytes:
    """A client's frame."""
    return Frame(Opcode(opcode), payload, fin).serialize(mask=True)


def stream(opcode: Opcode, parts: list[bytes]) -> bytes:
    """A client's message in so many frames."""
    opcodes = [opcode, *[Opcode.CONT] * (len(parts) - 1)]
    return b"".join(
        sent(each, part, fin=number == len(parts))
        for number, (each, part) in enumerate(zip(opcodes, parts, strict=True), 1)
    )


def read(reader: Reader, *pieces: bytes) -> list[tuple[int, bytes]]:
    return [message for piece in pieces for message in reader.read(piece)]


@given(messages, st.lists(st.integers(0, 4000), max_size=12))
def test_messages_arrive_whole_wherever_the_stream_is_cut(
    said: list[tuple[Opcode, list[bytes]]], places: list[int]
) -> None:
    data = b"".join(stream(opcode, parts) for opcode, parts in said)
    cuts = sorted({0, len(data), *(place for place in places if place < len(data))})
    reader = Reader()
    heard = read(reader, *(data[begin:end] for begin, end in pairwise(cuts)))
    assert heard == [(opcode, b"".join(parts)) for opcode, parts in said]
    assert reader.violation is None


def test_messages_arrive_whole_byte_by_byte() -> None:
    data = stream(Opcode.TEXT, [b"a", b"b" * 200]) + sent(PING, b"?") + sent(TEXT, b"")
    assert read(Reader(), *(bytes([byte]) for byte in data)) == [(TEXT, b"a" + b"b" * 200), (PING, b"?"), (TEXT, b"")]


def test_a_control_frame_may_come_within_a_message() -> None:
    pieces = [sent(TEXT, b"a", fin=False), sent(PING, b"?"), sent(0, b"b")]
    assert read(Reader(), b"".join(pieces)) == [(PING, b"?"), (TEXT, b"ab")]


@pytest.mark.parametrize(
    "pieces",
    [
        [sent(TEXT, b"x" * (MAX_FRAME + 1))],
        [sent(TEXT, b"x" * MAX_FRAME, fin=False), *[sent(0, b"x" * MAX_FRAME, fin=False)] * 3, sent(0, b"x")],
    ],
    ids=["a frame", "a message"],
)
def test_what_is_too_big_is_known_by_its_header_and_after_it_only_control_frames_are_read(pieces: list[bytes]) -> None:
    *before, last = pieces
    reader = Reader()
    assert read(reader, *before) == []
    early = reader.violation
    assert early is None
    assert read(reader, last[:14]) == []
    assert reader.violation == TOO_BIG
    rest = last[14:] + sent(TEXT, b"never") + sent(0, b"never") + sent(CLOSE, b"")
    assert read(reader, rest[:5], rest[5:]) == [(CLOSE, b"")]


def test_a_frame_and_a_message_may_be_as_long_as_the_limits() -> None:
    parts = [b"x" * MAX_FRAME] * (MAX_MESSAGE // MAX_FRAME)
    reader = Reader()
    assert read(reader, stream(Opcode.TEXT, parts)) == [(TEXT, b"".join(parts))]
    assert reader.violation is None


@pytest.mark.parametrize(
    "malformed",
    [
        server_frame(TEXT, b"not masked"),
        sent(0, b"continues nothing"),
        sent(TEXT, b"one", fin=False) + sent(TEXT, b"another within it"),
        b"\xc1" + sent(TEXT, b"compressed")[1:],
        b"\x83" + sent(TEXT, b"no such opcode")[1:],
        b"\x8b" + sent(TEXT, b"no such control frame")[1:],
        b"\x09" + sent(TEXT, b"a part of a ping")[1:],
        b"\x89" + sent(TEXT, b"x" * 126)[1:],
    ],
    ids=[  # their bytes differ from run to run, by their masks
        *("not masked", "continues nothing", "another message within one", "compressed", "no such opcode"),
        *("no such control frame", "a part of a ping", "too long a ping"),
    ],
)
def test_what_is_no_frame_of_a_client_ends_the_reading(malformed: bytes) -> None:
    reader = Reader()
    assert read(reader, sent(TEXT, b"before") + malformed + sent(TEXT, b"after"), sent(TEXT, b"later")) == [
        (TEXT, b"before")
    ]
    assert reader.violation == PROTOCOL_ERROR


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, MAX_MESSAGE])
def test_a_client_reads_what_the_server_writes(size: int) -> None:
    client = Protocol(CLIENT, max_size=None)
    client.receive_data(server_frame(TEXT, b"x" * size))
    (frame,) = client.events_received()
    assert isinstance(frame, Frame)
    assert (frame.opcode, frame.fin, frame.data) == (Opcode.TEXT, True, b"x" * size)


@given(payloads, st.binary(min_size=4, max_size=4))
def test_masking_twice_changes_nothing(payload: bytes, mask: bytes) -> None:
    assert unmask(unmask(payload, mask), mask) == payload


def test_a_client_closes_with_a_code_that_is_its_to_give() -> None:
    assert all(map(is_close_code, [1000, 1001, 1003, 1007, 1014, 3000, 4999]))
    assert not any(map(is_close_code, [0, 999, 1004, 1005, 1006, 1015, 2999, 5000]))
