"""Connections that do not block, and one request with its answer on the way over one of them."""

import os
import select
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chalicelib.answers import Answer, read

if TYPE_CHECKING:
    from ssl import SSLSession, SSLSocket

CONNECT_S = 1.0
ANSWER_S = 3.0
PIECE = 64 * 1024
READABLE, WRITABLE = select.POLLIN, select.POLLOUT

Address = tuple[socket.AddressFamily, tuple[object, ...]]


class Line:
    """A connection to a host, which is being made at first. `address` is where it leads, `others` what else to try."""

    __slots__ = ("_name", "_secured", "_session", "address", "not_yet", "others", "ready", "since", "sock", "used")

    def __init__(
        self,
        address: Address,
        others: Sequence[Address],
        secured_name: str | None,
        session: "SSLSession | None" = None,
    ) -> None:
        """`secured_name` is whose certificate is asked for; None is for a line without TLS. Raises OSError."""
        self.address, self.others, self._name, self._session = address, others, secured_name, session
        self.ready = self.used = False
        self.since = 0.0
        self._secured: SSLSocket | None = None
        self.not_yet: tuple[type[OSError], ...] = (BlockingIOError,)
        family, where = address
        self.sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            self.sock.setblocking(False)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.sock.connect(where)
        except BlockingIOError:
            pass
        except OSError:
            self.sock.close()
            raise

    def go_on(self) -> int:
        """Goes on with being made: the event of `select.poll` to wait for, 0 when it is `ready`. Raises OSError."""
        if self._secured is None and (fault := self.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)):
            raise OSError(fault, os.strerror(fault))
        if self._name is None:
            self.ready = True
            return 0
        from chalicelib import tls  # imports ssl, and what is not secured does without

        if self._secured is None:
            self.sock = self._secured = tls.over(self.sock, self._name, self._session)
            self.not_yet = tls.NOT_YET
        awaits = tls.shake(self._secured)
        self.ready = awaits == 0
        return awaits

    def session(self) -> "SSLSession | None":
        """What a later line may go on with; it is there when something has been read."""
        return self._secured.session if self._secured else None


class Trip:
    """A request on its way. Whoever has sent it off waits for `awaits`, until `until` at most, and lets it go on."""

    __slots__ = ("_fault", "awaits", "line", "number", "received", "rest", "until")

    def __init__(self, number: int, request: bytes, line: Line) -> None:
        self.number, self.line, self.rest = number, line, memoryview(request)
        self.received = b""
        self.awaits = WRITABLE
        self.until = time.monotonic() + (ANSWER_S if line.ready else CONNECT_S)
        self._fault: OSError | None = None

    def go_on(self) -> Answer | None:
        """Does what can be done without waiting; the answer, once it is complete. Raises OSError."""
        if not self.line.ready:
            self.awaits = self.line.go_on()
            if self.awaits:
                return None
            self.until = time.monotonic() + ANSWER_S
            self.write()
            return None
        if self.rest:
            self.write()
        answer = self._read()
        if answer is None and self._fault:
            raise self._fault
        return answer

    def write(self) -> None:
        """Writes what the socket takes."""
        line = self.line
        try:
            while self.rest:
                self.rest = self.rest[line.sock.send(self.rest) :]
        except line.not_yet:
            self.awaits = READABLE | WRITABLE  # some answer before they have heard everything
        except OSError as error:
            # Whoever does not listen any more may have said why.
            self._fault, self.awaits = error, READABLE
        else:
            self.awaits = READABLE

    def _read(self) -> Answer | None:
        while True:
            try:
                piece = self.line.sock.recv(PIECE)
            except self.line.not_yet:
                return None
            self.received += piece
            answer = read(self.received, ended=not piece)
            if answer is not None:
                return answer
