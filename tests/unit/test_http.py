"""Many requests at once: what comes of each, whatever the host does to some of them."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chalicelib import lines
from chalicelib.answers import Answer
from chalicelib.http import AT_ONCE, Host
from chalicelib.lines import Line, Trip
from tests.unit import asking
from tests.unit.asking import WITHIN_S, ask, kind, request
from tests.unit.origin import HANGS_UP, Origin, Reaction, after, answers, says

origin = asking.origin
host = asking.host
ended = asking.ended
soon_silent = asking.soon_silent

# --- one request -----------------------------------------------------------------------------------------------------

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("reaction", "answer"),
    [
        (says(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"), Answer(200, b"body", True)),
        (
            says(*(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody"[n : n + 1] for n in range(43))),
            Answer(200, b"body", True),
        ),
        (says(CHUNKED, b"4\r\nwi", b"ki\r\n0\r\n", b"\r\n"), Answer(200, b"wiki", True)),
        (says(b"HTTP/1.1 410 Gone\r\nConnection: close\r\n\r\n", b"gone", stays=False), Answer(410, b"gone", False)),
        (says(b"HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n", stays=False), Answer(413, b"", True)),
        (says(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 204 No\r\n\r\n"), Answer(204, b"", True)),
    ],
    ids=["whole", "in drips", "in chunks", "closed after", "hangs up", "after a 100"],
)
def test_an_answer_is_read_however_it_comes(origin: Origin, host: Host, reaction: Reaction, answer: Answer) -> None:
    origin.reactions["a"] = [reaction]
    assert host.ask([request("a")], within_s=WITHIN_S) == [answer]
    assert ask(host, "b") == [200]


@pytest.mark.parametrize(
    "reaction",
    [
        says(b"SSH-2.0-OpenSSH_9.2\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        says(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", stays=False),
        says(CHUNKED + b"4\r\nwiki", stays=False),
        says(b"HTTP/1.1 200 OK\r\n", stays=False),
        HANGS_UP,
    ],
    ids=["another protocol", "no size", "half", "half a chunk", "half a head", "nothing"],
)
def test_what_is_no_answer_is_trouble_with_the_connection_which_is_not_kept(
    origin: Origin, host: Host, reaction: Reaction
) -> None:
    origin.reactions["a"] = [reaction]
    assert ask(host, "a") == [ConnectionError]
    assert origin.seen["a"] == 1
    assert ask(host, "b") == [200]
    assert origin.accepted == 2


def test_silence_is_a_time_out(origin: Origin, host: Host, ended: threading.Event, soon_silent: None) -> None:
    origin.reactions["silent"] = [after(ended, HANGS_UP)]
    origin.reactions["half"] = [lambda client: says(b"HTTP/1.1 200 OK\r\n")(client) and after(ended, HANGS_UP)(client)]
    assert ask(host, "silent", "half", "c") == [TimeoutError, TimeoutError, 200]
    assert origin.seen == {"silent": 1, "half": 1, "c": 1}


# --- many requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, AT_ONCE + 1, 3 * AT_ONCE])
def test_the_outcomes_are_in_the_order_of_the_requests(origin: Origin, host: Host, count: int) -> None:
    for n in range(count):
        origin.reactions[f"c{n}"] = [answers(200 + n % 97)]
    assert ask(host, *(f"c{n}" for n in range(count))) == [200 + n % 97 for n in range(count)]
    assert set(origin.seen.values()) <= {1}


def test_no_more_than_so_many_are_under_way_and_the_rest_follows(
    origin: Origin, host: Host, ended: threading.Event
) -> None:
    full = threading.Event()
    for n in range(AT_ONCE + 5):
        origin.reactions[f"c{n}"] = [after(full, answers(200))]

    def watch() -> None:
        origin.until(lambda: origin.under_way == AT_ONCE)
        full.set()

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        assert ask(host, *(f"c{n}" for n in range(AT_ONCE + 5))) == [200] * (AT_ONCE + 5)
        watching.result()
    assert origin.most_under_way == origin.accepted == AT_ONCE


def test_one_that_is_slow_or_tried_again_delays_nobody(origin: Origin, host: Host) -> None:
    served = threading.Event()
    origin.reactions["slow"] = [after(served, answers(200))]
    origin.reactions["busy"] = [answers(429), after(served, answers(200))]
    others = [f"c{n}" for n in range(2 * AT_ONCE)]

    def watch() -> None:
        origin.until(lambda: sum(origin.seen[name] for name in others) == len(others) and origin.seen["busy"] == 2)
        served.set()

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        # The slow ones are answered only when all the others have been: in turn, this would never end well.
        assert ask(host, "slow", "busy", *others, pauses_s=(0.001,)) == [200] * (len(others) + 2)
        watching.result()


@pytest.mark.parametrize(
    ("said", "outcome", "tries"),
    [
        ([answers(429), answers(200)], 200, 2),
        ([answers(500), HANGS_UP, answers(200)], 200, 3),
        ([says(b"nonsense\r\n"), answers(410)], 410, 2),
        ([answers(503)], 503, 3),
        ([HANGS_UP], ConnectionError, 3),
        ([answers(403), answers(200)], 403, 1),
    ],
)
def test_what_passes_by_itself_is_tried_again_after_each_pause(
    origin: Origin, host: Host, said: list[Reaction], outcome: int | type[OSError], tries: int
) -> None:
    origin.reactions["a"] = said
    assert ask(host, "a", pauses_s=(0.001, 0.001)) == [outcome]
    assert origin.seen["a"] == tries


def test_a_long_request_goes_out_in_pieces_while_others_are_answered(origin: Origin, host: Host) -> None:
    long = bytes(8_000_000)
    outcomes = host.ask([request("long", long), *(request(f"c{n}") for n in range(5))], within_s=WITHIN_S)
    assert list(map(kind, outcomes)) == [200] * 6
    assert origin.bodies["long"] == long


def test_who_answers_before_it_has_heard_everything_is_understood() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def refuse() -> None:
            client, _ = server.accept()
            with client:
                client.recv(1000)
                client.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
                assert client.recv(1)  # there is more, which nobody reads

        refusing = pool.submit(refuse)
        host = Host(f"http://127.0.0.1:{server.getsockname()[1]}")
        assert list(map(kind, host.ask([request("a", bytes(20_000_000))], within_s=WITHIN_S))) == [413]
        refusing.result()


def test_who_takes_nothing_more_and_says_nothing_is_lost() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        family, where = socket.AF_INET, server.getsockname()
        line = Line((family, where), (), None)
        line.go_on()
        line.sock.shutdown(socket.SHUT_WR)
        trip = Trip(0, request("a"), line)
        with pytest.raises(BrokenPipeError):
            trip.go_on()
        line.sock.close()


# --- time ------------------------------------------------------------------------------------------------------------


def test_everything_has_an_outcome_within_its_time(
    origin: Origin, host: Host, ended: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(AT_ONCE):
        origin.reactions[f"c{n}"] = [after(ended, HANGS_UP)]
    began = time.monotonic()
    outcomes = host.ask([request(f"c{n}") for n in range(AT_ONCE + 1)], within_s=0.3)
    assert time.monotonic() - began < lines.ANSWER_S
    assert list(map(kind, outcomes)) == [TimeoutError] * AT_ONCE + [ConnectionError]
    assert "no time was left" in str(outcomes[-1])
    assert origin.seen[f"c{AT_ONCE}"] == 0


def test_what_would_be_tried_again_later_than_there_is_time_keeps_its_last_outcome(origin: Origin, host: Host) -> None:
    origin.reactions["a"] = [answers(429)]
    assert ask(host, "a", within_s=0.2, pauses_s=(60.0,)) == [429]
    assert origin.seen["a"] == 1


def test_what_was_silent_when_it_was_tried_again_keeps_its_last_outcome(
    origin: Origin, host: Host, ended: threading.Event
) -> None:
    origin.reactions["a"] = [answers(500), after(ended, HANGS_UP)]
    assert ask(host, "a", within_s=0.3, pauses_s=(0.001,)) == [500]
    assert origin.seen["a"] == 2


@pytest.mark.parametrize("kept", [False, True])
def test_something_else_is_done_meanwhile_once_everything_is_written(origin: Origin, host: Host, kept: bool) -> None:
    done, names = threading.Event(), [f"c{n}" for n in range(10)]
    if kept:
        ask(host, *names)
    origin.seen.clear()
    for name in names:
        origin.reactions[name] = [after(done, answers(200))]

    def meanwhile() -> None:
        origin.until(lambda: origin.seen.total() == 10)
        done.set()

    assert ask(host, *names, meanwhile=meanwhile) == [200] * 10


def test_something_else_is_done_once_even_without_requests_or_connections(host: Host) -> None:
    done: list[int] = []
    assert ask(host, meanwhile=lambda: done.append(1)) == []
    assert ask(Host("http://127.0.0.1:1"), "a", meanwhile=lambda: done.append(2)) == [ConnectionError]
    assert done == [1, 2]


def test_what_is_done_meanwhile_makes_nobody_late(
    origin: Origin, host: Host, soon_silent: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    answered = threading.Event()
    origin.reactions["a"] = [after(answered, answers(200))]

    def meanwhile() -> None:
        origin.until(lambda: origin.seen["a"] == 1)
        assert not answered.wait(2 * lines.ANSWER_S)
        threading.Timer(lines.ANSWER_S / 2, answered.set).start()

    assert ask(host, "a", within_s=0.3, meanwhile=meanwhile) == [200]


def test_what_is_done_meanwhile_may_ask_the_same_host(origin: Origin, host: Host) -> None:
    inner: list[int | type[OSError]] = []
    done = threading.Event()
    origin.reactions["a"] = [after(done, answers(201))]

    def meanwhile() -> None:
        inner.extend(ask(host, "b", "c"))
        done.set()

    assert ask(host, "a", meanwhile=meanwhile) == [201]
    assert inner == [200, 200]


def test_an_error_meanwhile_leaves_no_connection_behind_that_has_an_answer_coming(origin: Origin, host: Host) -> None:
    origin.reactions["a"] = [answers(201), answers(202)]

    def fail() -> None:
        origin.until(lambda: origin.seen["a"] == 1)
        raise SystemExit("as it was asked to")

    with pytest.raises(SystemExit):
        ask(host, "a", meanwhile=fail)
    assert ask(host, "a") == [202]
    assert origin.accepted == 2
