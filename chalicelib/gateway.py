"""The platform's two HTTP interfaces, signed: posts to connections, and asynchronous calls of functions."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from enum import Enum

from msgspec import Struct

from chalicelib.answers import Answer
from chalicelib.http import Host, Outcome, passes
from chalicelib.model import ConnectionId
from chalicelib.settings import Settings
from chalicelib.signing import now_signer, quoted

log = logging.getLogger(__name__)

# What passes by itself is tried again after about these many seconds.
PAUSES_S = (0.05, 0.2, 0.5)
# Whatever happens, these many seconds after it was asked a push has its outcomes, and a single request its own: well
# within a function's 29 seconds, and a call of another one within the ten of $connect.
PUSH_WITHIN_S = 8.0
SINGLE_WITHIN_S = 14.0
INVOKE_WITHIN_S = 6.0
# How long a connection is left alone that has let a push time out.
LEFT_ALONE_S = 2.0


class Posted(Enum):
    """What became of a post."""

    SENT = "sent"
    GONE = "gone"
    FAILED = "failed"


class Post(Struct, frozen=True):
    """A frame for a connection."""

    connection: ConnectionId
    frame: bytes


class Patience:
    """Which connections are not worth the wait for a while. Who speaks is, for the thread that answers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left_alone: dict[ConnectionId, float] = {}
        self._thread = threading.local()

    def lose(self, connection: ConnectionId) -> None:
        """A push has timed out."""
        now = time.monotonic()
        with self._lock:
            self._left_alone = {each: until for each, until in self._left_alone.items() if until > now}
            self._left_alone[connection] = now + LEFT_ALONE_S

    def regain(self, connection: ConnectionId) -> None:
        """There is a sign of life; whatever happens to others' pushes meanwhile, this thread's answer is sent."""
        self._thread.answers = connection
        with self._lock:
            self._left_alone.pop(connection, None)

    def has_for(self, connection: ConnectionId) -> bool:
        """Whether a push to a connection is worth its while."""
        until = self._left_alone.get(connection)
        return until is None or until <= time.monotonic() or connection == getattr(self._thread, "answers", None)


class Gateway:
    """Posts to sockets and calls functions. One recipient's trouble costs the others nothing."""

    def __init__(self, settings: Settings) -> None:
        self._connections_endpoint, self._lambda_endpoint = settings.connections_endpoint, settings.lambda_endpoint
        self._connections, self._functions = Host(settings.connections_endpoint), Host(settings.lambda_endpoint)
        self._patience = Patience()

    def push(
        self,
        posts: Sequence[Post],
        meanwhile: Callable[[], None] | None = None,
        within_s: float = PUSH_WITHIN_S,
    ) -> list[Posted]:
        """Sends the frames, in parallel and to `meanwhile`; what became of each, in their order.

        A connection that lets a post time out is left alone for a while: what is for it waits in its offline list.
        """
        worth = [self._patience.has_for(post.connection) for post in posts]
        asked = [post for post, is_worth in zip(posts, worth, strict=True) if is_worth]
        outcomes = iter(self._ask_for(asked, within_s, passes, meanwhile))
        return [
            self._pushed(post, next(outcomes)) if is_worth else _left_out(post)
            for post, is_worth in zip(posts, worth, strict=True)
        ]

    def post(self, post: Post) -> Posted:
        """Sends one frame, and takes the time that it needs: 429, 5xx, silence and a broken line are tried again."""
        (outcome,) = self._ask_for([post], SINGLE_WITHIN_S, _passes_or_silent)
        return _posted(post, outcome)

    def heard(self, connection: ConnectionId) -> None:
        """The client has spoken to this thread: whatever it let hang before, it gets its answer."""
        self._patience.regain(connection)

    def close(self, connection: ConnectionId) -> None:
        """Closes a connection from the server's side; one that is gone already is closed."""
        request = now_signer("execute-api", "DELETE", _posts_url(self._connections_endpoint)).request(
            quoted(connection), b""
        )
        (outcome,) = self._connections.ask([request], within_s=SINGLE_WITHIN_S)
        if not (isinstance(outcome, Answer) and (outcome.status < 400 or outcome.status in {400, 410})):
            log.warning("closing connection %s failed: %s", connection, _words(outcome))

    def invoke(self, function: str, payload: bytes) -> None:
        """Calls a function asynchronously. Raises OSError where the call was not taken."""
        url = f"{self._lambda_endpoint}/2015-03-31/functions/"
        headers = {"X-Amz-Invocation-Type": "Event", "Content-Type": "application/json"}
        request = now_signer("lambda", "POST", url, headers).request(f"{quoted(function)}/invocations", payload)
        # What is silent may have taken the call, and is not asked again.
        (outcome,) = self._functions.ask([request], within_s=INVOKE_WITHIN_S, pauses_s=PAUSES_S)
        if not (isinstance(outcome, Answer) and outcome.status == 202):
            raise OSError(f"the function {function} cannot be called: {_words(outcome)}")

    def hang_up(self) -> None:
        """Closes the sockets that are kept for what comes next."""
        self._connections.hang_up()
        self._functions.hang_up()

    def _ask_for(
        self,
        posts: Sequence[Post],
        within_s: float,
        again: Callable[[Outcome], bool],
        meanwhile: Callable[[], None] | None = None,
    ) -> list[Outcome]:
        requests = post_requests(self._connections_endpoint, [(post.connection, post.frame) for post in posts])
        return self._connections.ask(requests, within_s=within_s, pauses_s=PAUSES_S, again=again, meanwhile=meanwhile)

    def _pushed(self, post: Post, outcome: Outcome) -> Posted:
        if isinstance(outcome, TimeoutError):
            self._patience.lose(post.connection)
        return _posted(post, outcome)


def post_requests(endpoint: str, posts: Sequence[tuple[str, bytes]]) -> list[bytes]:
    """The signed requests that post frames to connections."""
    signer = now_signer("execute-api", "POST", _posts_url(endpoint))
    return [signer.request(quoted(connection), frame) for connection, frame in posts]


def _posts_url(endpoint: str) -> str:
    return f"{endpoint}/@connections/"


def _passes_or_silent(outcome: Outcome) -> bool:
    return passes(outcome) or isinstance(outcome, TimeoutError)


def _posted(post: Post, outcome: Outcome) -> Posted:
    if isinstance(outcome, Answer):
        if 200 <= outcome.status < 300:
            return Posted.SENT
        # 410 is gone, 400 an id that never was one.
        if outcome.status in {400, 410}:
            return Posted.GONE
    log.warning("a post to connection %s failed: %s", post.connection, _words(outcome))
    return Posted.FAILED


def _left_out(post: Post) -> Posted:
    log.warning("no post to connection %s, which has let another one hang", post.connection)
    return Posted.FAILED


def _words(outcome: Outcome) -> str:
    return f"status {outcome.status}" if isinstance(outcome, Answer) else str(outcome)
