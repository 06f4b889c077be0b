"""One Redis server, and the lines to it: redis-py's connections, used without its clients (decision 0022)."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from hiredis import pack_command
from redis.backoff import NoBackoff
from redis.connection import Connection, SSLConnection
from redis.exceptions import ClusterCrossSlotError, RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

TIMEOUT_S = 3.0
# A line that nobody has used for so long is not trusted any more: a function may have been frozen meanwhile.
KEPT_S = 50.0
PORT = 6379
OUT_OF_REACH = (RedisError, OSError)

# What a script or a command answers: words and numbers, nested.
Reply = Any
Word = str | bytes | int
Address = tuple[str, int]

# A command as it goes over the line; hiredis' own annotation knows commands of one word only.
pack: Callable[[tuple[Word, ...]], bytes] = cast(Any, pack_command)


@dataclass(frozen=True, slots=True)
class Way:
    """How every server is entered."""

    tls: bool
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    database: int = 0


def parsed(url: str, username: str | None, password: str | None) -> tuple[list[Address], Way]:
    """The servers that a REDIS_URL names, and how they are entered; what it says itself counts before the others."""
    seeds = [urlsplit(seed.strip()) for seed in url.split(",")]
    first = seeds[0]
    way = Way(
        tls=first.scheme == "rediss",
        username=unquote(first.username) if first.username else username,
        password=unquote(first.password) if first.password else password,
        database=int(first.path.strip("/") or 0),
    )
    return [(seed.hostname or "", seed.port or PORT) for seed in seeds], way


class Encrypted(SSLConnection):
    """A connection over TLS. redis-py would load the authorities' certificates anew for each: 16 to 50 ms of CPU."""

    def _wrap_socket_with_ssl(self, sock: socket.socket) -> socket.socket:
        from chalicelib import tls

        return tls.context().wrap_socket(sock, server_hostname=self.host)


class Line:
    """A connection to a server. Whoever gets OUT_OF_REACH from it closes it: what was under way may have been done."""

    def __init__(self, address: Address, way: Way) -> None:
        host, port = address
        kind: Any = Encrypted if way.tls else Connection  # redis-py leaves most of its methods without types
        self._connection = kind(
            host=host,
            port=port,
            db=way.database,
            username=way.username,
            password=way.password,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            # A command whose answer was lost may have been carried out; what may be sent again is the callers' to know.
            retry=Retry(NoBackoff(), 0),
            protocol=3,
            # Neither is told its name nor sends news: those would be two more round trips.
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
        self._connection.connect()
        self.since = time.monotonic()

    @property
    def is_idle(self) -> bool:
        """Whether nothing has come that nobody asked for, the end of the line above all."""
        try:
            return not self._connection.can_read()
        except OUT_OF_REACH:
            return False

    def send(self, commands: bytes) -> None:
        """Send packed commands, one after the other. Raises OUT_OF_REACH."""
        self._connection.send_packed_command([commands], check_health=False)

    def receive(self, count: int, until: float, replies: list[Reply]) -> None:
        """Add the answers to so many commands, refusals (ResponseError) among them. Raises OUT_OF_REACH at `until`."""
        for _ in range(count):
            try:
                replies.append(self._connection.read_response(timeout=max(until - time.monotonic(), 0.001)))
            except ResponseError as refusal:
                replies.append(refusal)

    def close(self) -> None:
        """Hang up."""
        self._connection.disconnect()


class Server:
    """A server, and the lines to it that nobody uses just now. Not to be shared with a process that is forked."""

    def __init__(self, address: Address, way: Way) -> None:
        self.address, self._way = address, way
        self._idle: list[Line] = []
        self._closed = False

    def take(self) -> Line:
        """A line for the caller alone, until it is given back or closed. Raises OUT_OF_REACH."""
        while self._idle:
            try:
                line = self._idle.pop()  # the one that was used last, so that the others may end
            except IndexError:  # another thread has taken it meanwhile
                break
            if time.monotonic() - line.since < KEPT_S and line.is_idle:
                return line
            line.close()
        return Line(self.address, self._way)

    def give_back(self, line: Line) -> None:
        """A line on which every answer has come."""
        line.since = time.monotonic()
        self._idle.append(line)
        if self._closed:
            self.close()

    def hang_up(self) -> None:
        """Close the lines that nobody uses just now."""
        with suppress(IndexError):  # another thread takes them, too
            while True:
                self._idle.pop().close()

    def close(self) -> None:
        """Close every line, those in use when they are given back."""
        self._closed = True
        self.hang_up()


def is_fault(error: Exception) -> bool:
    """Whether Redis has refused something that we should not have asked; else it is out of reach, starting or full."""
    # redis-py has a class for most states of a server; what it leaves is the server's ERR, and these words.
    if isinstance(error, ClusterCrossSlotError):
        return True
    return type(error) is ResponseError and not str(error).startswith(("MISCONF", "NOREPLICAS", "BUSY", "OOM"))
