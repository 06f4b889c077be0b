"""The platform's two HTTP interfaces, signed: posts to connections, and asynchronous calls of functions."""

import logging
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from threading import Lock
from urllib.parse import quote

import urllib3
from urllib3.exceptions import HTTPError, ReadTimeoutError

from chalicelib.model import ConnectionId
from chalicelib.settings import Settings
from chalicelib.signing import now_signed

log = logging.getLogger(__name__)

AT_ONCE = 64
TIMEOUT = urllib3.Timeout(connect=1.0, read=3.0)
# A connection whose post hangs for so long gets no other one meanwhile, and none for a while once a post has timed out.
HANGING_S = 0.25
LEFT_ALONE_S = 2.0
# What passes by itself is tried again after about these many seconds.
PAUSES_S = (0.05, 0.2, 0.5)


class Posted(Enum):
    """What became of a post."""

    SENT = "sent"
    GONE = "gone"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Post:
    """A frame for a connection."""

    connection: ConnectionId
    frame: bytes


class Patience:
    """Which connections let posts hang, so that no more than a few posts are ever held up by one of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._under_way: dict[ConnectionId, list[float]] = defaultdict(list)
        self._left_alone: dict[ConnectionId, float] = {}

    @contextmanager
    def asking(self, connection: ConnectionId) -> Iterator[bool]:
        """A post is about to be made; whether it is worth the wait."""
        started = time.monotonic()
        with self._lock:
            self._left_alone = {each: until for each, until in self._left_alone.items() if until > started}
            worth = connection not in self._left_alone and not any(
                started - earlier > HANGING_S for earlier in self._under_way.get(connection, ())
            )
            self._under_way[connection].append(started)
        try:
            yield worth
        finally:
            with self._lock:
                self._under_way[connection].remove(started)
                if not self._under_way[connection]:
                    del self._under_way[connection]

    def lose(self, connection: ConnectionId) -> None:
        """A post has timed out."""
        with self._lock:
            self._left_alone[connection] = time.monotonic() + LEFT_ALONE_S

    def regain(self, connection: ConnectionId) -> None:
        """There is a sign of life."""
        with self._lock:
            self._left_alone.pop(connection, None)


def _wait(about_s: float) -> None:
    time.sleep(about_s * random.uniform(0.5, 1.5))  # noqa: S311 - jitter needs no secrecy


class Gateway:
    """Posts to sockets and calls functions. One recipient's trouble costs the others nothing."""

    def __init__(self, settings: Settings) -> None:
        self._connections_endpoint = settings.connections_endpoint
        self._lambda_endpoint = settings.lambda_endpoint
        self._http = urllib3.PoolManager(maxsize=AT_ONCE, block=False, retries=False, timeout=TIMEOUT)
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="push")
        self._patience = Patience()

    def push(self, posts: Sequence[Post], meanwhile: Callable[[], None] | None = None) -> list[Posted]:
        """Sends the frames, in parallel and to `meanwhile`; what became of each, in their order.

        A connection that lets a post time out is left alone for a while: what is for it waits in its offline list.
        """
        if meanwhile is None and len(posts) == 1:
            return [self._push(posts[0])]
        under_way = [self._pool.submit(self._push, post) for post in posts]
        if meanwhile:
            meanwhile()
        return [each.result() for each in under_way]

    def post(self, post: Post) -> Posted:
        """Sends one frame, and takes the time that it needs: 429, 5xx, silence and a broken line are tried again."""
        return self._tried(post, after_silence=True)

    def _push(self, post: Post) -> Posted:
        with self._patience.asking(post.connection) as worth:
            if not worth:
                log.warning("no post to connection %s, which has let others hang", post.connection)
                return Posted.FAILED
            return self._tried(post, after_silence=False)

    def _tried(self, post: Post, *, after_silence: bool) -> Posted:
        for pause in (*PAUSES_S, None):
            silence = False
            try:
                status = self._call("execute-api", "POST", self._url(post.connection), post.frame)
                what = str(status)
            except HTTPError as error:
                status, what, silence = 0, type(error).__name__, isinstance(error, ReadTimeoutError)
            if 200 <= status < 300:
                return Posted.SENT
            # 410 is gone, 400 an id that never was one.
            if status in {400, 410}:
                return Posted.GONE
            if silence and not after_silence:
                self._patience.lose(post.connection)
            if pause is None or (0 < status < 500 and status != 429) or (silence and not after_silence):
                log.warning("a post to connection %s failed: %s", post.connection, what)
                return Posted.FAILED
            _wait(pause)
        raise AssertionError("the last pause is None")

    def heard(self, connection: ConnectionId) -> None:
        """The client has spoken: whatever it let hang before, it gets its answer."""
        self._patience.regain(connection)

    def close(self, connection: ConnectionId) -> None:
        """Closes a connection from the server's side; one that is gone already is closed."""
        try:
            status = self._call("execute-api", "DELETE", self._url(connection), b"")
        except HTTPError as error:
            log.warning("closing connection %s failed: %s", connection, type(error).__name__)
            return
        if status >= 400 and status not in {400, 410}:
            log.warning("closing connection %s failed: %s", connection, status)

    def invoke(self, function: str, payload: bytes) -> None:
        """Calls a function asynchronously. Raises OSError where the call was not taken."""
        url = f"{self._lambda_endpoint}/2015-03-31/functions/{quote(function, safe='')}/invocations"
        headers = {"X-Amz-Invocation-Type": "Event", "Content-Type": "application/json"}
        for pause in (*PAUSES_S, None):
            try:
                status = self._call("lambda", "POST", url, payload, headers)
                what, again = f"status {status}", status == 429 or status >= 500
            except HTTPError as error:
                # A connection that idled behind a NAT breaks when it is used. What is silent may have taken the call.
                status, what, again = 0, type(error).__name__, not isinstance(error, ReadTimeoutError)
            if status == 202:
                return
            if pause is None or not again:
                raise OSError(f"the function {function} cannot be called: {what}")
            _wait(pause)

    def _url(self, connection: ConnectionId) -> str:
        return f"{self._connections_endpoint}/@connections/{quote(connection, safe='')}"

    def _call(self, service: str, method: str, url: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        request = now_signed(service, method, url, body, headers or {})
        return self._http.request(method, url, body=body, headers=request).status
