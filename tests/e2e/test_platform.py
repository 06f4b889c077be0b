"""What `infra.local` does in API Gateway's and Lambda's place, seen with an application that has no chat in it."""

from __future__ import annotations

import base64
import contextlib
import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.server import Server

FOLDER = Path(__file__).parent / "platform_app"
KIB = 1024


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the application leaves notes for the test."""
    return tmp_path_factory.mktemp("notes")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, notes: Path) -> Iterator[Server]:
    env = {"PLATFORM_NOTES": str(notes), "SWEEP_S": "0.2"}
    with Server.start(tmp_path_factory.mktemp("home"), env=env, cwd=FOLDER) as server:
        yield server


@pytest.fixture
def client(server: Server) -> Iterator[ClientConnection]:
    with connect(server.ws, compression=None) as client:
        yield client


def ask(client: ClientConnection, do: str, **parameters: Any) -> Any:
    """Have the function do something, and answer what it says."""
    client.send(json.dumps({"do": do, **parameters}))
    return json.loads(client.recv(10))


def closed_with(client: ClientConnection) -> int:
    """The code of the close frame that the server sends next."""
    with pytest.raises(ConnectionClosed) as closed:
        client.recv(10)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code


def eventually(seen: Callable[[], bool], within_s: float = 10.0) -> None:
    """Wait for what shows in a file only."""
    deadline = time.monotonic() + within_s
    while not seen():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def http(method: str, url: str, body: bytes | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, body, names, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, dict(refusal.headers), refusal.read()


# $connect


def test_the_status_that_connect_answers_is_the_status_of_a_refused_handshake(server: Server) -> None:
    for status in (401, 403, 429, 503):
        with pytest.raises(InvalidStatus) as refused, connect(f"{server.ws}?status={status}"):
            pass
        assert refused.value.response.status_code == status


def test_an_exception_in_connect_is_a_502_that_shows_nothing_of_it(server: Server) -> None:
    with pytest.raises(InvalidStatus) as refused, connect(f"{server.ws}?fail=1"):
        pass
    assert refused.value.response.status_code == 502
    assert b"asked" not in (refused.value.response.body or b"")


def test_a_post_inside_connect_gets_410_with_its_error_type(server: Server) -> None:
    with connect(f"{server.ws}?post=1") as client:
        told = json.loads(client.recv(10))
    assert (told["status"], told["kind"]) == (410, "GoneException")


def test_only_the_subprotocol_that_connect_names_is_selected(server: Server) -> None:
    with connect(f"{server.ws}?subprotocol=b", subprotocols=["a", "b"]) as client:  # type: ignore[list-item]
        assert client.subprotocol == "b"
    with connect(server.ws, subprotocols=["a", "b"]) as client:  # type: ignore[list-item]
        assert client.subprotocol is None


def test_a_token_among_the_subprotocols_is_not_logged(server: Server) -> None:
    with connect(server.ws, subprotocols=["kefu.v1", "bearer.secret"]) as client:  # type: ignore[list-item]
        ask(client, "echo")
    assert "bearer" not in server.stderr.text


def test_the_connect_event_has_what_amazon_documents(server: Server) -> None:
    headers = [("X-Twice", "1"), ("X-Twice", "2")]
    with connect(f"{server.ws}?show=1&a=1&a=2", additional_headers=headers, user_agent_header="a client") as client:
        event = json.loads(client.recv(10))["event"]
    context = event["requestContext"]
    assert context == {
        "routeKey": "$connect",
        "eventType": "CONNECT",
        "extendedRequestId": context["requestId"],
        "requestTime": context["requestTime"],
        "messageDirection": "IN",
        "stage": "ws",
        "connectedAt": context["connectedAt"],
        "requestTimeEpoch": context["requestTimeEpoch"],
        "identity": {"sourceIp": "127.0.0.1", "userAgent": "a client"},
        "requestId": context["requestId"],
        "domainName": f"127.0.0.1:{server.port}",
        "connectionId": context["connectionId"],
        "apiId": "local",
    }
    assert len(base64.urlsafe_b64decode(context["connectionId"])) == 11
    assert 0 <= context["requestTimeEpoch"] - context["connectedAt"] < 1000
    moment = time.gmtime(context["requestTimeEpoch"] / 1000)
    assert time.strptime(context["requestTime"], "%d/%b/%Y:%H:%M:%S +0000")[:6] == moment[:6]
    assert event["headers"]["Host"] == f"127.0.0.1:{server.port}"
    assert {"Connection", "Upgrade"}.isdisjoint(event["headers"])
    assert event["headers"]["X-Twice"] == "2"
    assert event["multiValueHeaders"]["X-Twice"] == ["1", "2"]
    assert event["queryStringParameters"] == {"show": "1", "a": "2"}
    assert event["multiValueQueryStringParameters"] == {"show": ["1"], "a": ["1", "2"]}
    assert event["isBase64Encoded"] is False


def test_a_handshake_with_bytes_that_are_no_text_is_served(server: Server) -> None:
    request = (
        f"GET /ws?a=%ff HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        "User-Agent: \xff\r\nX-Odd: \xff\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(request.encode("latin-1"))
        assert client.recv(1000).startswith(b"HTTP/1.1 101 ")


def test_a_plain_request_for_the_websocket_is_told_to_upgrade(server: Server) -> None:
    assert http("GET", f"{server.url}/ws")[0] == 426


# Frames


def test_the_event_of_a_frame_has_what_amazon_documents(client: ClientConnection) -> None:
    event = ask(client, "show")
    context = event["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$default", "MESSAGE")
    assert len(base64.urlsafe_b64decode(context["messageId"])) == 11
    assert event["body"] == '{"do": "show"}'
    assert event["isBase64Encoded"] is False
    assert set(event) == {"requestContext", "body", "isBase64Encoded"}


def test_frames_of_one_connection_run_at_the_same_time(client: ClientConnection) -> None:
    began = time.monotonic()
    for seconds in (1.5, 1.5, 0.1):
        client.send(json.dumps({"do": "sleep", "s": seconds}))
    assert [json.loads(client.recv(5))["slept"] for _ in range(3)] == [0.1, 1.5, 1.5]
    assert time.monotonic() - began < 2.8


def test_a_frame_whose_function_fails_is_answered_by_the_platform_and_the_connection_stays(
    client: ClientConnection,
) -> None:
    told = ask(client, "fail")
    assert told["message"] == "Internal server error"
    assert set(told) == {"message", "connectionId", "requestId"}
    assert ask(client, "echo")["length"] > 0


def test_a_worker_that_dies_is_replaced_and_its_frames_are_answered(server: Server, client: ClientConnection) -> None:
    assert ask(client, "die")["message"] == "Internal server error"
    server.stderr.wait_for("is replaced", 10)
    eventually(lambda: len({ask(client, "echo")["pid"] for _ in range(8)}) == 2)


def test_a_binary_frame_closes_with_1003(client: ClientConnection) -> None:
    client.send(b"{}")
    assert closed_with(client) == 1003


def test_invalid_utf_8_closes_with_1007(client: ClientConnection) -> None:
    client.send(b'{"do": "\xff"}', text=True)
    assert closed_with(client) == 1007


def echo_of(size: int) -> str:
    frame = json.dumps({"do": "echo", "padding": ""})
    return json.dumps({"do": "echo", "padding": "x" * (size - len(frame))})


def test_a_frame_of_32_kib_is_taken_and_one_byte_more_closes_with_1009(client: ClientConnection) -> None:
    client.send(echo_of(32 * KIB))
    assert json.loads(client.recv(10))["length"] == 32 * KIB
    client.send(echo_of(32 * KIB + 1))
    assert closed_with(client) == 1009


def test_a_message_in_several_frames_arrives_whole_up_to_128_kib(client: ClientConnection) -> None:
    text = echo_of(128 * KIB)
    client.send(text[start : start + 30 * KIB] for start in range(0, len(text), 30 * KIB))
    assert json.loads(client.recv(10))["length"] == 128 * KIB
    text = echo_of(128 * KIB + 1)
    with contextlib.suppress(ConnectionClosed):  # while it still sends
        client.send(text[start : start + 30 * KIB] for start in range(0, len(text), 30 * KIB))
    assert closed_with(client) == 1009


def test_a_client_cannot_have_its_frames_compressed(server: Server) -> None:
    with connect(server.ws, compression="deflate") as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers


# The ends of connections


def end_of(notes: Path, connection_id: str, code: int) -> Any:
    """The `$disconnect` event of a connection that ended with `code`."""
    noted = notes / f"{connection_id}{code}"
    eventually(noted.exists)
    return json.loads(noted.read_text())


def id_of(client: ClientConnection) -> str:
    connection_id = ask(client, "show")["requestContext"]["connectionId"]
    assert isinstance(connection_id, str)
    return connection_id


def test_disconnect_is_told_the_client_s_close_code(server: Server, notes: Path) -> None:
    with connect(server.ws) as client:
        connection_id = id_of(client)
        client.close(1000)
    event = end_of(notes, connection_id, 1000)
    assert event["requestContext"]["eventType"] == "DISCONNECT"
    assert event["requestContext"]["routeKey"] == "$disconnect"
    assert event["requestContext"]["disconnectReason"] == "Connection Closed Normally"
    assert event["headers"] == {
        "Host": f"127.0.0.1:{server.port}",
        "x-api-key": "",
        "X-Forwarded-For": "",
        "x-restapi": "",
    }


def test_disconnect_is_told_of_a_lost_connection_with_1006(server: Server, notes: Path) -> None:
    with connect(server.ws) as client:
        connection_id = id_of(client)
        client.socket.shutdown(2)
    assert end_of(notes, connection_id, 1006)["requestContext"]["disconnectStatusCode"] == 1006


def test_an_idle_connection_and_an_old_one_are_closed_with_1001(tmp_path: Path) -> None:
    env = {"PLATFORM_NOTES": str(tmp_path)}
    with Server.start(tmp_path / "home", env=env, args=["--idle-s", "0.4", "--max-s", "1.5"], cwd=FOLDER) as server:
        began = time.monotonic()
        with connect(server.ws) as idle:
            assert closed_with(idle) == 1001
        assert 0.3 < time.monotonic() - began < 5
        began = time.monotonic()
        with connect(server.ws) as busy:
            with contextlib.suppress(ConnectionClosed):
                while time.monotonic() - began < 10:
                    ask(busy, "sleep", s=0.1)
            assert 1.2 < time.monotonic() - began < 5
            assert closed_with(busy) == 1001


def test_the_clients_of_a_server_that_stops_are_closed_with_1001_and_disconnect_is_told(tmp_path: Path) -> None:
    server = Server.start(tmp_path / "home", env={"PLATFORM_NOTES": str(tmp_path)}, cwd=FOLDER)
    with server, connect(server.ws) as client:
        connection_id = id_of(client)
        assert server.stop() == 0
        assert closed_with(client) == 1001
        assert (tmp_path / f"{connection_id}1001").exists()


# @connections


def test_the_management_api_refuses_unknown_malformed_and_unsigned_requests(client: ClientConnection) -> None:
    for method in ("POST", "GET", "DELETE"):
        gone = ask(client, "request", method=method, id="AAAAAAAAAAAAAAA=")
        assert (gone["status"], gone["kind"]) == (410, "GoneException")
        assert "message" in json.loads(gone["body"])
        assert ask(client, "request", method=method, id="not/an id")["status"] == 400
        unsigned = ask(client, "request", method=method, authorization="")
        assert unsigned["status"] == 403
        forged = ask(
            client,
            "request",
            method=method,
            authorization="AWS4-HMAC-SHA256 Credential=kefu-local/20261123/local/execute-api/aws4_request, "
            f"SignedHeaders=host;x-amz-date, Signature={'0' * 64}",
        )
        assert forged["status"] == 403


def test_a_post_of_128_kib_arrives_and_a_longer_one_gets_413(client: ClientConnection) -> None:
    client.send(json.dumps({"do": "request", "method": "POST", "size": 128 * KIB}))
    assert client.recv(10) == "x" * 128 * KIB
    assert json.loads(client.recv(10))["status"] == 200
    refused = ask(client, "request", method="POST", size=128 * KIB + 1)
    assert (refused["status"], refused["kind"]) == (413, "PayloadTooLargeException")


def test_a_connection_can_be_described(client: ClientConnection) -> None:
    told = ask(client, "request", method="GET")
    described = json.loads(told["body"])
    assert told["status"] == 200
    assert set(described) == {"connectedAt", "lastActiveAt", "identity"}
    assert described["connectedAt"] <= described["lastActiveAt"]
    assert described["identity"]["sourceIp"] == "127.0.0.1"


def test_a_deleted_connection_is_closed_and_then_gone(server: Server, client: ClientConnection) -> None:
    with connect(server.ws) as other:
        other_id = id_of(other)
        assert ask(client, "request", method="DELETE", id=other_id)["status"] == 204
        assert ask(client, "request", method="POST", id=other_id)["status"] == 410
        assert closed_with(other) == 1000


def test_a_client_that_does_not_read_is_cut_off_and_blocks_nobody(server: Server, client: ClientConnection) -> None:
    with connect(server.ws, max_queue=1, compression=None, close_timeout=0.1) as deaf:
        deaf_id = id_of(deaf)
        with ThreadPoolExecutor(1) as pool:
            flood = pool.submit(ask, client, "flood", id=deaf_id, times=200)
            with connect(server.ws) as third:
                began = time.monotonic()
                assert ask(third, "echo")["length"] > 0
                assert time.monotonic() - began < 2
            statuses = flood.result(60)["statuses"]
        assert statuses[0] == 200
        assert statuses[-1] == 410


# The same over the pipe of the function's own lane


def test_a_push_inside_connect_finds_nobody(server: Server) -> None:
    with connect(f"{server.ws}?push=1") as client:
        assert json.loads(client.recv(10))["posted"] == "gone"


def test_a_batch_says_of_each_post_what_became_of_it_and_keeps_the_order(server: Server) -> None:
    with connect(server.ws) as client, connect(server.ws) as other:
        other_id, nobody = id_of(other), "AAAAAAAAAAAAAAA="
        posts = [
            *(("", "a", 1), (other_id, "a", 1), (nobody, "a", 1), ("", "b", 1), ("", "a", 1)),
            *((other_id, "x", 128 * KIB + 1), (other_id, "x", 128 * KIB), ("not an id", "b", 1), (other_id, "b", 1)),
        ]
        client.send(json.dumps({"do": "push", "posts": posts}))
        assert [client.recv(10) for _ in range(4)] == ["a", "b", "a", "meanwhile"]
        assert json.loads(client.recv(10)) == {
            "posted": ["sent", "sent", "gone", "sent", "sent", "failed", "sent", "gone", "sent"],
            "meanwhile": ["sent"],
        }
        assert [other.recv(10) for _ in range(3)] == ["a", "x" * 128 * KIB, "b"]


def test_a_function_that_fails_beside_its_push_leaves_the_next_one_nothing(client: ClientConnection) -> None:
    for _ in range(40):  # so that every lane has had one
        client.send(json.dumps({"do": "push and fail", "text": "pushed"}))
        assert client.recv(10) == "pushed"
        assert json.loads(client.recv(10))["message"] == "Internal server error"
    client.send(json.dumps({"do": "push", "posts": [["AAAAAAAAAAAAAAA=", "a", 1], ["", "b", 1]]}))
    assert [client.recv(10), client.recv(10)] == ["b", "meanwhile"]
    assert json.loads(client.recv(10))["posted"] == ["gone", "sent"]


def test_a_connection_closed_over_the_pipe_is_gone(server: Server, client: ClientConnection) -> None:
    with connect(server.ws) as other:
        other_id = id_of(other)
        for _ in range(2):  # one that is gone already is closed
            assert ask(client, "close", id=other_id) == {"closed": other_id}
        client.send(json.dumps({"do": "push", "posts": [[other_id, "a", 1]]}))
        assert client.recv(10) == "meanwhile"
        assert json.loads(client.recv(10))["posted"] == ["gone"]
        assert closed_with(other) == 1000


def test_a_function_called_over_the_pipe_runs_and_an_unknown_one_does_not(client: ClientConnection) -> None:
    assert ask(client, "invoke", function="flush", failures=1, case="over the pipe")["attempts"] == 2
    assert "nobody" in ask(client, "invoke", function="nobody")["error"]


# Asynchronous invocations, and the schedule


def test_an_asynchronous_invocation_is_accepted_at_once_and_tried_three_times(client: ClientConnection) -> None:
    client.send(json.dumps({"do": "later", "failures": 2, "case": "comes through"}))
    told = [json.loads(client.recv(10)) for _ in range(2)]
    assert {"status": 202} in told
    (done,) = [answer for answer in told if "attempts" in answer]
    assert done["attempts"] == 3
    assert 20_000 < done["remaining"] <= 29_000


def test_what_fails_three_times_is_a_dead_letter(server: Server, client: ClientConnection) -> None:
    assert ask(client, "later", failures=3, case="never comes through") == {"status": 202}
    assert "flush failed 3 times" in server.stderr.wait_for("dead letter", 10)


def test_an_unknown_function_is_not_found(client: ClientConnection) -> None:
    assert ask(client, "later", function="nobody") == {"status": 404}


def test_the_schedule_calls_sweep_again_and_again(server: Server, notes: Path) -> None:
    sweeps = notes / "sweeps"
    before = len(sweeps.read_text()) if sweeps.exists() else 0
    eventually(lambda: sweeps.exists() and len(sweeps.read_text()) > before + len("Scheduled Event\n"))
    assert set(sweeps.read_text().splitlines()) == {"Scheduled Event"}


# HTTP


def test_the_routes_get_path_query_and_body_as_api_gateway_hands_them_over(server: Server) -> None:
    status, _, body = http(
        "POST", f"{server.url}/show/a%3Ab?q=%E8%8C%B6&q=2", "tea 茶".encode(), Content_Type="text/plain"
    )
    assert status == 200
    shown = json.loads(body)
    assert shown["item"] == "a%3Ab"
    assert shown["query"]["q"] == "2"
    assert shown["body"] == "tea 茶"


def test_a_body_that_is_no_utf_8_is_refused(server: Server) -> None:
    status, _, body = http("POST", f"{server.url}/show/a", b"tea \xff", Content_Type="text/plain")
    assert (status, json.loads(body)["code"]) == (400, "bad_request")


@pytest.mark.parametrize("path", ["/nobody", "//", "/show", "/show/a/b", "/%00", "/[", "/ws/@connections/", "/dev"])
def test_an_unknown_route_is_refused_without_an_echo_of_the_credentials(server: Server, path: str) -> None:
    status, _, body = http("GET", f"{server.url}{path}", Authorization="Bearer tr\u00e8s-secret")
    assert status == 403
    assert json.loads(body) == {"message": "Missing Authentication Token"}


def test_a_worker_that_dies_in_a_request_is_a_502(server: Server) -> None:
    assert http("GET", f"{server.url}/fail")[0] == 502
    assert http("GET", f"{server.url}/show/on")[0] == 200


# Tokens


def test_tokens_are_minted_for_this_machine_s_own_programs_only(server: Server) -> None:
    url = f"{server.url}/dev/tokens"
    wanted = b'{"sub": "ming"}'
    assert http("POST", url, wanted)[0] == 200
    assert http("POST", url, wanted, Origin=server.url)[0] == 200
    assert http("POST", url, wanted, Origin="http://evil.example")[0] == 403
    assert http("POST", url, wanted, Origin="null")[0] == 403
    assert http("POST", url, wanted, Host=f"evil.example:{server.port}")[0] == 403
    assert http("POST", url, wanted, Host="[")[0] == 403


def test_a_wish_for_a_token_that_makes_no_sense_is_a_bad_request(server: Server) -> None:
    for wish in (
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"sub": 1}',
        b'{"sub": "a", "ttl_s": "x"}',
        b'{"sub": "a", "more": 1}',
        b"\xff",
    ):
        status, _, body = http("POST", f"{server.url}/dev/tokens", wish)
        assert (status, json.loads(body)["code"]) == (400, "bad_request")
        assert json.loads(body)["message"]


def test_the_front_page_says_how_to_chat(server: Server) -> None:
    status, headers, body = http("GET", f"{server.url}/")
    assert status == 200
    assert headers["Content-Type"].startswith("text/plain")
    assert b"python -m infra.local chat" in body


def test_amazon_credentials_of_the_shell_do_not_reach_the_functions(client: ClientConnection) -> None:
    environ = ask(client, "environ", names=["AWS_ACCESS_KEY_ID", "AWS_SESSION_TOKEN", "AWS_PROFILE"])
    assert environ == {"AWS_ACCESS_KEY_ID": "kefu-local", "AWS_SESSION_TOKEN": None, "AWS_PROFILE": None}
