"""A stand-in for the management API and Lambda's that costs little itself: all is taken, after a while if so wanted.

`python -m tests.bench.management --delay-ms 8 --tls FOLDER` prints its port, and ends when its input does.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

HOST = "127.0.0.1"
HEADERS = b"Content-Type: application/json\r\nContent-Length: 0\r\nx-amzn-RequestId: 0\r\n\r\n"
TAKEN, INVOKED = b"HTTP/1.1 200 OK\r\n" + HEADERS, b"HTTP/1.1 202 Accepted\r\n" + HEADERS
INVOCATION = b"POST /2015-03-31/functions/"


class Management(asyncio.Protocol):
    """One connection of a client. `heard` is told of each post as it comes: the connection's id and the frame."""

    def __init__(self, delay_s: float = 0.0, heard: Callable[[str, bytes], None] | None = None) -> None:
        self._delay_s, self._heard = delay_s, heard
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._rest += data
        while (end := self._rest.find(b"\r\n\r\n")) >= 0:
            head = self._rest[:end]
            size = _body_size(head)
            if len(self._rest) < end + 4 + size:
                return
            body, self._rest = self._rest[end + 4 : end + 4 + size], self._rest[end + 4 + size :]
            if self._heard:
                self._heard(unquote(head.split(b" ", 2)[1].rpartition(b"/")[2].decode()), body)
            answer = INVOKED if head.startswith(INVOCATION) else TAKEN
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._transport.write, answer)
            else:
                self._transport.write(answer)


def _body_size(head: bytes) -> int:
    _, _, behind = head.lower().partition(b"\r\ncontent-length:")
    return int(behind.partition(b"\r\n")[0] or 0)


async def _serve(delay_s: float, folder: Path | None) -> None:
    context = None
    if folder:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Management(delay_s), HOST, 0, ssl=context)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser("python -m tests.bench.management")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--tls", type=Path, help="a folder with certificate.pem and key.pem")
    options = parser.parse_args()
    asyncio.run(_serve(options.delay_ms / 1000, options.tls))


if __name__ == "__main__":
    main()
