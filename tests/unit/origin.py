"""An HTTP server that does to each request, byte by byte, what a test says; over TLS, where it has a certificate."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from tests.artifact.certificates import Certificate

# Does something to the client; whether it is listened to afterwards.
Reaction = Callable[[socket.socket], bool]
BUSY_S = 10.0


def says(*pieces: bytes, stays: bool = True) -> Reaction:
    """Answers these bytes, piece by piece; hangs up, unless it `stays`."""

    def react(client: socket.socket) -> bool:
        for piece in pieces:
            client.sendall(piece)
        return stays

    return react


def answers(status: int, *, stays: bool = True) -> Reaction:
    """An answer without a body; where it does not stay, it does not say so either."""
    return says(b"HTTP/1.1 %d Some Words\r\nContent-Length: 0\r\n\r\n" % status, stays=stays)


HANGS_UP = says(stays=False)


def after(event: threading.Event, reaction: Reaction) -> Reaction:
    """The same, not before something has happened."""

    def react(client: socket.socket) -> bool:
        assert event.wait(BUSY_S), "it did not happen"
        return reaction(client)

    return react


@dataclass
class Origin:
    """What it does to a request is said for the end of the path; the last thing said for a path stays."""

    url: str = ""
    reactions: dict[str, list[Reaction]] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    bodies: dict[str, bytes] = field(default_factory=dict)
    accepted: int = 0
    resumed: int = 0
    under_way: int = 0
    most_under_way: int = 0
    news: threading.Condition = field(default_factory=threading.Condition)

    def until(self, met: Callable[[], bool]) -> None:
        """Waits until it is so, looking whenever a request has come."""
        with self.news:
            assert self.news.wait_for(met, BUSY_S)

    def serve(self, client: socket.socket) -> None:
        """One connection, to its end."""
        with suppress(OSError), _hung_up_at_the_end(client):
            stays = True
            while stays and (request := _request(client)):
                name, body = request
                with self.news:
                    self.seen[name] += 1
                    self.bodies[name] = body
                    self.under_way += 1
                    self.most_under_way = max(self.under_way, self.most_under_way)
                    said = self.reactions.get(name, [answers(200)])
                    reaction = said.pop(0) if len(said) > 1 else said[0]
                    self.news.notify_all()
                try:
                    stays = reaction(client)
                finally:
                    with self.news:
                        self.under_way -= 1
                        self.news.notify_all()


@contextmanager
def _hung_up_at_the_end(client: socket.socket) -> Iterator[None]:
    # The client learns of it by a shutdown alone: the socket has a second descriptor.
    try:
        yield
    finally:
        with suppress(OSError), client:
            client.shutdown(socket.SHUT_RDWR)


def _request(client: socket.socket) -> tuple[str, bytes] | None:
    """The end of the path, and the body; None where the client has hung up."""
    received = b""
    while b"\r\n\r\n" not in received:
        piece = client.recv(65536)
        if not piece:
            return None
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    sizes = [value for name, _, value in (field.partition(": ") for field in fields) if name == "content-length"]
    while len(body) < int(sizes[0]):
        body += client.recv(65536)
    return line.split(" ")[1].rpartition("/")[2], body


@contextmanager
def running(certificate: Certificate | None = None) -> Iterator[Origin]:
    """An origin on a free port of 127.0.0.1."""
    origin, threads, clients = Origin(), [], []
    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)

    def serve(client: socket.socket) -> None:
        with suppress(OSError):  # a client that does not trust us
            if context:
                secured = context.wrap_socket(client, server_side=True)
                origin.resumed += bool(secured.session_reused)
                client = secured
            origin.serve(client)

    with socket.create_server(("127.0.0.1", 0), backlog=256) as server:

        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = server.accept()
                    clients.append(client.dup())
                    origin.accepted += 1
                    threads.append(threading.Thread(target=serve, args=(client,)))
                    threads[-1].start()

        origin.url = f"{'https' if certificate else 'http'}://127.0.0.1:{server.getsockname()[1]}"
        accepting = threading.Thread(target=accept)
        accepting.start()
        try:
            yield origin
        finally:
            server.shutdown(socket.SHUT_RDWR)
            accepting.join()
            for client in clients:
                with suppress(OSError), client:
                    client.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join()
