"""A connection of the local gateway: who may speak how fast, and what becomes of what was said."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from functools import wraps

import pytest
from websockets.frames import Frame, Opcode

from infra.local import connections
from infra.local.connections import ABNORMAL, FRAMES_AT_ONCE, MAX_BACKLOG, NORMAL, Connection
from infra.local.events import Client
from infra.local.frames import PROTOCOL_ERROR, TEXT, server_frame


class Wire(asyncio.Transport):
    """A transport that keeps what is written, and whether anything is read."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self.reads, self.ended, self.backlog = True, False, 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def get_protocol(self) -> asyncio.BaseProtocol:
        return asyncio.Protocol()

    def get_write_buffer_size(self) -> int:
        return self.backlog

    def is_closing(self) -> bool:
        return self.ended

    def close(self) -> None:
        self.ended = True

    abort = close

    def is_reading(self) -> bool:
        return self.reads

    def pause_reading(self) -> None:
        self.reads = False

    def resume_reading(self) -> None:
        self.reads = True


class Scene:
    """A connection, its transport, and the texts that are being worked on."""

    def __init__(self) -> None:
        self.wire, self.texts = Wire(), list[str]()
        client = Client("127.0.0.1", "a test", "localhost")
        self.connection = Connection(client, self.wire, lambda _, text: self.texts.append(text))

    def hear(self, *texts: str) -> None:
        frames = (Frame(Opcode.TEXT, text.encode()).serialize(mask=True) for text in texts)
        self.connection.data_received(b"".join(frames))


def on_a_loop(test: Callable[[], None]) -> Callable[[], None]:
    """Run a test where there is a running loop."""

    async def within() -> None:
        test()

    @wraps(test)
    def run() -> None:
        asyncio.run(within())

    return run


@on_a_loop
def test_a_client_that_sends_faster_than_its_frames_end_is_slowed_down() -> None:
    scene = Scene()
    said = [f"text {number}" for number in range(FRAMES_AT_ONCE + 2)]
    scene.hear(*said)
    assert scene.texts == said[:FRAMES_AT_ONCE]
    assert not scene.wire.reads
    scene.connection.finished()
    assert (scene.texts, scene.wire.reads) == (said[:-1], False)
    scene.connection.finished()
    assert (scene.texts, scene.wire.reads) == (said, True)


@on_a_loop
def test_what_was_said_before_the_end_is_not_lost_with_it() -> None:
    scene = Scene()
    said = [f"text {number}" for number in range(FRAMES_AT_ONCE + 2)]
    scene.hear(*said)
    scene.connection.connection_lost(None)
    assert scene.texts == said
    assert scene.connection.close_code == ABNORMAL


@on_a_loop
def test_a_client_that_only_pings_and_never_reads_is_cut_off_too() -> None:
    scene = Scene()
    scene.wire.backlog = MAX_BACKLOG + 1
    scene.connection.data_received(Frame(Opcode.PING, b"").serialize(mask=True))
    assert scene.wire.ended
    assert scene.connection.close_code == ABNORMAL
    assert not scene.connection.send(server_frame(TEXT, b"hello"))


def test_a_client_that_closes_and_does_not_read_is_cut_off_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "CLOSE_WITHIN_S", 0.05)

    async def closed() -> int:
        ours, theirs = socket.socketpair()
        with theirs:
            transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=ours)
            connection = Connection(Client("127.0.0.1", "a test", "localhost"), transport, lambda *_: None)
            transport.set_protocol(connection)
            while not transport.get_write_buffer_size():
                connection.send(server_frame(TEXT, b"x" * 10_000))
            theirs.sendall(Frame(Opcode.CLOSE, NORMAL.to_bytes(2)).serialize(mask=True))
            async with asyncio.timeout(10):
                await connection.lost()
        return connection.close_code

    assert asyncio.run(closed()) == NORMAL


@on_a_loop
def test_what_is_no_frame_closes_with_1002_at_once() -> None:
    scene = Scene()
    scene.connection.data_received(server_frame(TEXT, b"not masked"))
    assert scene.wire.written[0][2:4] == PROTOCOL_ERROR.to_bytes(2)
    assert scene.wire.ended
    assert scene.texts == []


@on_a_loop
def test_a_close_code_that_is_nobodys_to_give_is_a_protocol_error() -> None:
    for payload in (b"\x03", (1006).to_bytes(2), (2000).to_bytes(2)):
        scene = Scene()
        scene.connection.data_received(Frame(Opcode.CLOSE, payload).serialize(mask=True))
        assert scene.connection.close_code == PROTOCOL_ERROR
        assert scene.wire.ended


@on_a_loop
def test_every_code_that_it_closes_with_has_the_platforms_words() -> None:
    for code in connections.REASONS:
        scene = Scene()
        scene.connection.close_soon(code)
        assert scene.wire.written == [server_frame(8, code.to_bytes(2) + connections.REASONS[code].encode())]
