"""The deployed gateway's interface over the pipe of the lane that a function runs in: one batch, nothing signed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from operator import attrgetter

from chalicelib.gateway import Gateway, Post, Posted
from chalicelib.model import ConnectionId
from chalicelib.settings import Settings
from infra.local import wire
from infra.local.lane import Lane

frame_of = attrgetter("frame")
connection_of = attrgetter("connection")


class PipeGateway(Gateway):
    """Posts to sockets and calls functions. The gateway never lets a post wait, so nothing is ever tried again."""

    def __init__(self, _: Settings) -> None:
        # Of the way over HTTP nothing is needed.
        pass

    def push(
        self, posts: Sequence[Post], meanwhile: Callable[[], None] | None = None, _within_s: float = 0.0
    ) -> list[Posted]:
        """Sends the frames, in parallel to `meanwhile`; what became of each, in their order."""
        lane = Lane.current()
        # Neighbours share a text as long as they get the same; in another order one would get its frames in another.
        texts = [(text, list(map(connection_of, same))) for text, same in groupby(posts, frame_of)]
        asked = lane.ask(wire.Push(texts))
        if meanwhile:
            meanwhile()
        answer = lane.answer(asked, wire.Pushed)
        posted = [Posted.SENT] * len(posts)
        for number in answer.gone:
            posted[number] = Posted.GONE
        for number in answer.too_long:
            posted[number] = Posted.FAILED
        return posted

    def post(self, post: Post) -> Posted:
        """Sends one frame."""
        return self.push([post])[0]

    def heard(self, connection: ConnectionId) -> None:
        """The client has spoken; no post of its own waits."""

    def close(self, connection: ConnectionId) -> None:
        """Closes a connection from the server's side; one that is gone already is closed."""
        lane = Lane.current()
        lane.answer(lane.ask(wire.Close(connection)), wire.Done)

    def invoke(self, function: str, payload: bytes) -> None:
        """Calls a function asynchronously. Raises OSError where the call was not taken."""
        lane = Lane.current()
        answer = lane.answer(lane.ask(wire.Later(function, payload)), wire.Done)
        if answer.refusal:
            raise OSError(f"the function {function} cannot be called: {answer.refusal}")

    def hang_up(self) -> None:
        """The pipe is the lane's, and ends with it."""
