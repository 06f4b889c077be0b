"""What counts as an answer, however it is cut into pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.answers import BODY_BYTES, HEAD_BYTES, Answer, Garbled, read

EMPTY = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (EMPTY, Answer(200, b"", True)),
        (b"HTTP/1.1 410 Gone\r\nx: y\r\ncontent-length:4 \r\n\r\ngone", Answer(410, b"gone", True)),
        (b"HTTP/1.1 204 No Content\r\n\r\n", Answer(204, b"", True)),
        (b"HTTP/1.1 304\r\nContent-Length: 9\r\n\r\n", Answer(304, b"", True)),
        (b"HTTP/1.1 200 OK\r\nConnection: Close\r\nContent-Length: 0\r\n\r\n", Answer(200, b"", False)),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", Answer(200, b"ok", False)),
        (EMPTY + b"more", Answer(200, b"", False)),
        (b"HTTP/1.1 204 No Content\r\n\r\nmore", Answer(204, b"", False)),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + EMPTY, Answer(200, b"", True)),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 3 + EMPTY, Answer(200, b"", True)),
        (CHUNKED + b"0\r\n\r\n", Answer(200, b"", True)),
        (b"HTTP/1.1 102 Processing\r\n\r\n" * 2_000 + EMPTY, Answer(200, b"", True)),
        (CHUNKED + b"4\r\nwiki\r\n6;name=value\r\npedia \r\n0\r\n\r\n", Answer(200, b"wikipedia ", True)),
        (CHUNKED + b"4 \r\nwiki\r\n0\r\nDigest: x\r\nOther: y\r\n\r\n", Answer(200, b"wiki", True)),
        (CHUNKED + b"2\r\nok\r\n0\r\n\r\nmore", Answer(200, b"ok", False)),
    ],
    ids=lambda part: repr(part[:60]) if isinstance(part, bytes) else str(part.status),
)
def test_an_answer_has_a_status_a_body_and_perhaps_a_connection_for_the_next(text: bytes, answer: Answer) -> None:
    assert read(text) == answer


ANSWERS = [
    *(EMPTY, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 Large\r\nContent-Length: 5\r\n\r\nlarge"),
    *(CHUNKED + b"4\r\nwiki\r\n5\r\npedia\r\n0\r\nDigest: x\r\n\r\n", b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n"),
]


@pytest.mark.parametrize("text", ANSWERS)
def test_a_part_of_an_answer_is_none_yet_and_never_another_one(text: bytes) -> None:
    for end in range(len(text)):
        assert read(text[:end]) is None, text[:end]
    assert read(text) is not None


@pytest.mark.parametrize("text", ANSWERS)
def test_an_answer_that_ends_too_early_is_a_broken_line(text: bytes) -> None:
    for end in range(len(text)):
        with pytest.raises(ConnectionError):
            read(text[:end], ended=True)
    assert read(text, ended=True) == read(text)


def test_an_answer_without_a_size_ends_with_its_connection() -> None:
    text = b"HTTP/1.1 200 OK\r\n\r\nall of it"
    assert read(text) is None
    assert read(text, ended=True) == Answer(200, b"all of it", False)


@pytest.mark.parametrize(
    "text",
    [
        *(b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x16", b"HTTP/2 200 OK\r\n\r\n", b"<html>"),
        *(b"HTTP/1.1 OK\r\n\r\n", b"HTTP/1.1 2000 OK\r\n\r\n", b"HTTP/1.1 20\r\n\r\n", b"\r\n\r\n"),
        *(b"HTTP/1.1 200 OK\r\nContent-Length: " + size + b"\r\n\r\nbody" for size in (b"-1", b"+4", b"1_0", b"4, 4")),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        *(CHUNKED + piece for piece in (b"\r\n", b"x\r\n", b"-1\r\n", b"0x4\r\nwiki\r\n", b"2\r\nwiki\r\n0\r\n\r\n")),
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (BODY_BYTES + 1),
        b"HTTP/1.1 200 OK\r\n\r\n" + bytes(BODY_BYTES + 1),
        CHUNKED + b"%x\r\n" % (BODY_BYTES + 1),
        CHUNKED + b"1" * (BODY_BYTES + 1),
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * HEAD_BYTES,
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * HEAD_BYTES + b"\r\n\r\n",
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_is_no_answer_is_said_at_once(text: bytes) -> None:
    with pytest.raises(Garbled):
        read(text)


@given(
    status=st.integers(200, 599).filter(lambda status: status not in {204, 304}),
    pieces=st.lists(st.binary(min_size=1, max_size=50), max_size=5),
    chunked=st.booleans(),
)
def test_the_body_is_the_same_in_whatever_pieces_it_comes(status: int, pieces: list[bytes], chunked: bool) -> None:
    body = b"".join(pieces)
    if chunked:
        head = b"Transfer-Encoding: chunked"
        sent = b"".join(b"%X\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        head, sent = b"Content-Length: %d" % len(body), body
    text = b"HTTP/1.1 %d Some Words\r\n%s\r\n\r\n%s" % (status, head, sent)
    assert read(text) == Answer(status, body, True)
    assert all(read(text[:end]) is None for end in range(len(text)))


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_lead_to_anything_else(noise: bytes, ended: bool) -> None:
    for text in (noise, EMPTY[:20] + noise, CHUNKED + noise):
        try:
            answer = read(text, ended=ended)
        except ConnectionError:
            continue
        assert answer is None or 200 <= answer.status <= 999
