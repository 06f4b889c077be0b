"""How the tests of the HTTP client ask an origin, and what came of it in short."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from chalicelib import lines
from chalicelib.answers import Answer
from chalicelib.http import Host, Outcome
from tests.unit.origin import Origin, running

WITHIN_S = 10.0


def request(name: str, body: bytes = b"") -> bytes:
    return b"POST /%s HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%s" % (name.encode(), len(body), body)


def kind(outcome: Outcome) -> int | type[OSError]:
    """The status, or what kind of trouble else."""
    if isinstance(outcome, Answer):
        return outcome.status
    return TimeoutError if isinstance(outcome, TimeoutError) else ConnectionError


def ask(
    host: Host,
    *names: str,
    within_s: float = WITHIN_S,
    pauses_s: Sequence[float] = (),
    meanwhile: Callable[[], None] | None = None,
) -> list[int | type[OSError]]:
    requests = [request(name) for name in names]
    return list(map(kind, host.ask(requests, within_s=within_s, pauses_s=pauses_s, meanwhile=meanwhile)))


@pytest.fixture
def origin() -> Iterator[Origin]:
    with running() as origin:
        yield origin


@pytest.fixture
def host(origin: Origin) -> Iterator[Host]:
    host = Host(origin.url)
    yield host
    host.hang_up()


@pytest.fixture
def ended() -> Iterator[threading.Event]:
    """Set when the test has ended: what hangs until then ends, too."""
    event = threading.Event()
    yield event
    event.set()


@pytest.fixture
def soon_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A request that is not answered times out soon."""
    monkeypatch.setattr(lines, "ANSWER_S", 0.2)
