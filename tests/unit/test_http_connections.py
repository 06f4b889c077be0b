"""Where a host is found, which of its connections are kept, and who is trusted over TLS."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from chalicelib import http, lines, tls
from chalicelib.answers import Answer
from chalicelib.http import AT_ONCE, Host
from tests.artifact import certificates
from tests.artifact.certificates import Certificate
from tests.unit import asking
from tests.unit.asking import WITHIN_S, ask, kind, request
from tests.unit.origin import HANGS_UP, Origin, answers, running, says

origin = asking.origin
host = asking.host

# --- addresses -------------------------------------------------------------------------------------------------------


def test_where_nobody_listens_there_is_no_connection() -> None:
    assert ask(Host("http://127.0.0.1:1"), "a", "b") == [ConnectionError, ConnectionError]


def test_a_name_that_leads_nowhere_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up = []

    def unknown(name: str, *_: object, **__: object) -> None:
        looked_up.append(name)
        raise socket.gaierror(socket.EAI_NONAME, "nobody knows it")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert ask(Host("http://chat.example"), *"abc") == [ConnectionError] * 3
    assert looked_up == ["chat.example"]


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """An address that takes no connection, and does not refuse it either."""
    monkeypatch.setattr(lines, "CONNECT_S", 0.3)
    with ExitStack() as stack:
        full = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):  # nobody accepts them, and there is no room for more
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        yield full.getsockname()


def test_a_host_that_has_lost_its_name_is_looked_for_where_it_was(
    origin: Origin, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "ADDRESSES_S", 0.0)
    assert ask(host, "a") == [200]
    host.hang_up()

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "nobody knows it just now")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert ask(host, "b") == [200]
    assert origin.accepted == 2


def test_who_does_not_take_the_connection_is_given_up(deaf: tuple[str, int]) -> None:
    assert ask(Host(f"http://127.0.0.1:{deaf[1]}"), "a") == [ConnectionError]


@pytest.mark.parametrize("dead", [("127.0.0.1", 1), ("::1", 1), None], ids=str)
def test_of_several_addresses_one_that_answers_is_enough(
    origin: Origin, monkeypatch: pytest.MonkeyPatch, deaf: tuple[str, int], dead: tuple[str, int] | None
) -> None:
    real, port = socket.getaddrinfo, int(origin.url.rpartition(":")[2])

    def both(_name: str, _port: int, **_: object) -> list[object]:
        return [each for where in (dead or deaf, ("127.0.0.1", port)) for each in real(*where, type=socket.SOCK_STREAM)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    host = Host("http://chat.example")
    assert ask(host, "a") == [200]
    assert host._addresses[0][1][1] == port, "the one that answers comes first from now on"
    host.hang_up()


# --- connections that are kept ---------------------------------------------------------------------------------------


def test_a_connection_carries_one_request_after_the_other(origin: Origin, host: Host) -> None:
    assert [ask(host, name) for name in "abc"] == [[200]] * 3
    assert origin.accepted == 1


def test_a_connection_that_was_given_up_meanwhile_costs_no_request(origin: Origin, host: Host) -> None:
    for n in range(3):
        origin.reactions[f"c{n}"] = [answers(200, stays=False)]
    assert ask(host, "c0", "c1", "c2") == [200] * 3
    origin.until(lambda: origin.under_way == 0)
    # Without a pause, and without a try less: nothing of an answer had come.
    assert ask(host, "c0", "c1", "c2", pauses_s=(5.0,)) == [200] * 3
    assert origin.accepted == 6


def test_a_connection_that_is_new_is_not_tried_again_beyond_the_pauses(origin: Origin, host: Host) -> None:
    origin.reactions["a"] = [HANGS_UP]
    assert ask(host, "b", pauses_s=(0.001,)) == [200]
    assert ask(host, "a", pauses_s=(0.001,)) == [ConnectionError]
    assert origin.seen["a"] == 3, "over the kept one, over a new one, and after the pause"


def test_a_connection_that_nobody_has_used_for_long_is_not_trusted(
    origin: Origin, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ask(host, "a", "b") == [200] * 2
    monkeypatch.setattr(http, "KEPT_S", 0.0)
    assert ask(host, "c") == [200]
    assert origin.accepted == 3


def test_what_comes_unasked_is_nobodys_answer(origin: Origin, host: Host) -> None:
    origin.reactions["a"] = [says(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 No\r\n\r\n")]
    assert ask(host, "a") == [200]
    assert ask(host, "b") == [200]
    assert origin.accepted == 2


def test_a_connection_whose_end_is_announced_carries_no_other_request(origin: Origin, host: Host) -> None:
    origin.reactions["a"] = [says(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")]
    assert ask(host, "a") == [200]
    assert ask(host, "b") == [200]
    assert origin.accepted == 2


def test_threads_ask_at_the_same_time_and_share_the_connections(origin: Origin, host: Host) -> None:
    def many(thread: int) -> bool:
        return all(ask(host, *(f"{thread}-{n}" for n in range(5))) == [200] * 5 for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(many, range(8)))
    assert set(origin.seen.values()) == {20}
    assert origin.accepted <= 40


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return certificates.made(tmp_path_factory.mktemp("tls"), ["chat.example"])


@pytest.fixture
def trusted(certificate: Certificate, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.authority))
    monkeypatch.setenv("SSL_CERT_DIR", str(certificate.authority.parent / "nothing"))
    tls.context.cache_clear()
    yield
    tls.context.cache_clear()


@pytest.fixture
def secure(certificate: Certificate) -> Iterator[Origin]:
    with running(certificate) as origin:
        yield origin


def test_everything_goes_over_tls_as_well(secure: Origin, trusted: None) -> None:
    host, long = Host(secure.url), bytes(4_000_000)
    secure.reactions["drips"] = [says(*(b"HTTP/1.1 201 OK\r\nContent-Length: 0\r\n\r\n"[n : n + 1] for n in range(38)))]
    secure.reactions["big"] = [says(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n" + bytes(200_000))]
    secure.reactions["gone"] = [answers(410, stays=False)]
    for _ in range(2):
        outcomes = host.ask(
            [request("drips"), request("long", long), request("big"), request("gone"), *map(request, "abc")],
            within_s=WITHIN_S,
        )
        assert list(map(kind, outcomes)) == [201, 200, 200, 410, 200, 200, 200]
        assert isinstance(outcomes[2], Answer)
        assert len(outcomes[2].body) == 200_000
    assert secure.bodies["long"] == long
    assert ask(host, *(f"c{n}" for n in range(100))) == [200] * 100
    assert secure.accepted <= AT_ONCE + 2
    host.hang_up()


def test_a_new_connection_goes_on_with_the_session_of_an_earlier_one(secure: Origin, trusted: None) -> None:
    host = Host(secure.url)
    assert ask(host, "a") == [200]
    host.hang_up()
    assert ask(host, "b") == [200]
    assert secure.resumed == 1
    host.hang_up()


def test_who_is_not_trusted_gets_no_request(secure: Origin, monkeypatch: pytest.MonkeyPatch) -> None:
    tls.context.cache_clear()
    (outcome,) = Host(secure.url).ask([request("a")], within_s=WITHIN_S)
    assert "certificate verify failed" in str(outcome)
    assert kind(outcome) is ConnectionError
    assert not secure.seen


@pytest.mark.parametrize(("name", "taken"), [("chat.example", True), ("other.example", False)])
def test_the_certificate_has_to_be_for_the_name(
    secure: Origin, trusted: None, monkeypatch: pytest.MonkeyPatch, name: str, taken: bool
) -> None:
    real, port = socket.getaddrinfo, secure.url.rpartition(":")[2]
    monkeypatch.setattr(socket, "getaddrinfo", lambda _name, *where, **named: real("127.0.0.1", *where, **named))
    host = Host(f"https://{name}:{port}")
    (outcome,) = host.ask([request("a")], within_s=WITHIN_S)
    assert kind(outcome) == (200 if taken else ConnectionError)
    assert secure.seen["a"] == taken
    host.hang_up()


def test_who_speaks_no_tls_is_no_host_to_ask() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def babble() -> None:
            client, _ = server.accept()
            with client:
                assert client.recv(1000)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        babbling = pool.submit(babble)
        assert ask(Host(f"https://127.0.0.1:{server.getsockname()[1]}"), "a") == [ConnectionError]
        babbling.result()


def test_a_handshake_that_nobody_answers_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CONNECT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert ask(Host(f"https://127.0.0.1:{server.getsockname()[1]}"), "a") == [ConnectionError]
