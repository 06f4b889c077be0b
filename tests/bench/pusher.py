"""The service's pusher as other benchmarks call it: the statuses behind the outcomes of a Gateway's posts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from chalicelib.answers import Answer
from chalicelib.gateway import PAUSES_S, PUSH_WITHIN_S, post_requests
from chalicelib.http import Host


@cache
def _host(endpoint: str) -> Host:
    return Host(endpoint)


def push(endpoint: str, posts: Sequence[tuple[str, bytes]]) -> list[int | Exception]:
    """The status of each post of a frame to a connection, in their order; the exception where there was no answer."""
    requests = post_requests(endpoint, posts)
    outcomes = _host(endpoint).ask(requests, within_s=PUSH_WITHIN_S, pauses_s=PAUSES_S)
    return [outcome.status if isinstance(outcome, Answer) else outcome for outcome in outcomes]
