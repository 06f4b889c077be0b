"""Signatures as botocore makes them, and what becomes of a post whatever the other side does."""

import datetime
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from unittest.mock import patch
from urllib.parse import quote

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import gateway
from chalicelib.gateway import Gateway, Post, Posted
from chalicelib.model import ConnectionId
from chalicelib.signing import Credentials, signed
from tests.unit.conftest import load

# --- signatures -----------------------------------------------------------------------------------------------------

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
# A segment of dots alone is a direction in a path, and no id.
IDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).filter(lambda text: text.strip("."))
HOSTS = st.sampled_from(
    [
        *("http://127.0.0.1:8000/ws", "https://abc123.execute-api.eu-west-1.amazonaws.com/prod"),
        *("https://abc.execute-api.cn-north-1.amazonaws.com.cn/prod", "http://localhost:1234", "https://chat.example"),
    ]
)
REGIONS = st.sampled_from(["us-east-1", "eu-west-1", "cn-north-1", "cn-northwest-1"])
MOMENTS = st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2099, 1, 1))


def boto_headers(
    credentials: Credentials, service: str, method: str, url: str, body: bytes, headers: dict[str, str], stamp: str
) -> dict[str, str]:
    """The headers with which botocore would send a request at a moment."""
    keys = BotoCredentials(credentials.key_id, credentials.secret, credentials.token)
    request = AWSRequest(method, url, headers=dict(headers), data=body)
    moment = datetime.datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    with patch("botocore.auth.get_current_datetime", lambda **_: moment):
        SigV4Auth(keys, service, credentials.region).add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


@settings(max_examples=300)
@given(
    credentials=st.builds(Credentials, WORDS, WORDS, st.none() | WORDS, REGIONS),
    service=st.sampled_from(["execute-api", "lambda"]),
    method=st.sampled_from(["POST", "DELETE"]),
    host=HOSTS,
    name=IDS,
    body=st.binary(max_size=200),
    moment=MOMENTS,
)
def test_a_signature_is_the_one_that_botocore_makes(
    credentials: Credentials,
    service: Literal["execute-api", "lambda"],
    method: str,
    host: str,
    name: str,
    body: bytes,
    moment: datetime.datetime,
) -> None:
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    path = "@connections/{}" if service == "execute-api" else "2015-03-31/functions/{}/invocations"
    url = f"{host}/{path.format(quote(name, safe=''))}"
    headers = {"X-Amz-Invocation-Type": "Event", "Content-Type": "application/json"} if service == "lambda" else {}
    ours = signed(credentials, service, method, url, body, headers, stamp)
    theirs = boto_headers(credentials, service, method, url, body, headers, stamp)
    assert ours.pop("host") in url
    assert ours == theirs


def test_credentials_are_those_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "two")
    assert Credentials.from_environment() == Credentials("one", "two", None, "us-east-1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "three")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Credentials.from_environment() == Credentials("one", "two", "three", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    assert Credentials.from_environment().region == "cn-north-1"


# --- a server that can say anything -----------------------------------------------------------------------------------

Answer = Callable[[BaseHTTPRequestHandler], None]


def status(code: int) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def half(handler: BaseHTTPRequestHandler) -> None:
    """Promises more than it sends, and hangs up."""
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"half")
    handler.close_connection = True


def nothing(handler: BaseHTTPRequestHandler) -> None:
    """Hangs up without a word."""
    handler.close_connection = True


@dataclass(frozen=True)
class Seen:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Platform:
    """A real HTTP server: each path has its answers, the last of which stays."""

    url: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        with self.lock:
            self.seen.append(Seen(handler.command, handler.path, headers, body))
            answers = self.answers.get(handler.path.rpartition("/")[2], [status(200)])
            answer = answers.pop(0) if len(answers) > 1 else answers[0]
        answer(handler)

    def times(self, name: str) -> int:
        """How often a connection was posted to."""
        return sum(request.path.endswith(f"/{name}") for request in self.seen)


@pytest.fixture
def platform() -> Iterator[Platform]:
    platform = Platform()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            platform.answer(self)

        do_DELETE = do_POST  # noqa: N815 - as above

        def log_message(self, format: str, *args: object) -> None:
            """Keeps the tests' output to themselves."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 64

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    platform.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield platform
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def posting(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret")
    monkeypatch.setattr(gateway, "PAUSES_S", (0.001, 0.001, 0.001))
    opened = Gateway(load(CONNECTIONS_ENDPOINT=f"{platform.url}/ws", LAMBDA_ENDPOINT=platform.url))
    yield opened
    opened._pool.shutdown()
    opened._http.clear()


def post(name: str, frame: bytes = b"{}") -> Post:
    return Post(ConnectionId(name), frame)


TRIES = 4


@pytest.mark.parametrize(
    ("answers", "outcome", "tries"),
    [
        ([status(200)], Posted.SENT, 1),
        ([status(204)], Posted.SENT, 1),
        ([status(410)], Posted.GONE, 1),
        ([status(400)], Posted.GONE, 1),
        # What is forbidden is forbidden to the service: the client may well be there.
        ([status(403)], Posted.FAILED, 1),
        ([status(404)], Posted.FAILED, 1),
        ([status(413)], Posted.FAILED, 1),
        ([status(302)], Posted.FAILED, 1),
        ([status(429), status(200)], Posted.SENT, 2),
        ([status(500), status(503), status(429), status(200)], Posted.SENT, 4),
        ([status(429), status(410)], Posted.GONE, 2),
        ([status(500)], Posted.FAILED, TRIES),
        ([status(429)], Posted.FAILED, TRIES),
        ([half], Posted.FAILED, TRIES),
        ([half, status(200)], Posted.SENT, 2),
        ([nothing], Posted.FAILED, TRIES),
        ([nothing, status(200)], Posted.SENT, 2),
        ([nothing, status(410)], Posted.GONE, 2),
    ],
    ids=[
        *("200", "204", "410", "400", "403", "404", "413", "302", "429 once", "three times", "429 410", "500", "429"),
        *("half", "half once", "nothing", "nothing once", "nothing 410"),
    ],
)
def test_what_becomes_of_a_post(
    posting: Gateway, platform: Platform, answers: list[Answer], outcome: Posted, tries: int
) -> None:
    platform.answers["c1"] = answers
    assert posting.post(post("c1")) is outcome
    assert platform.times("c1") == tries


def test_a_post_that_failed_is_told_once(
    posting: Gateway, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.answers["c1"] = [status(413)]
    posting.post(post("c1", b'{"secret":"of a customer"}'))
    (record,) = caplog.records
    assert record.getMessage() == "a post to connection c1 failed: 413"


def test_a_post_is_signed_and_carries_its_frame(posting: Gateway, platform: Platform) -> None:
    assert posting.post(post("L0SM9cOFvHcCIhw=", "客服".encode())) is Posted.SENT
    (seen,) = platform.seen
    assert (seen.method, seen.path, seen.body) == ("POST", "/ws/@connections/L0SM9cOFvHcCIhw%3D", "客服".encode())
    assert seen.headers["host"] in platform.url
    assert seen.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=test-key/")
    assert "/execute-api/aws4_request" in seen.headers["authorization"]
    theirs = boto_headers(
        Credentials.from_environment(),
        "execute-api",
        "POST",
        platform.url + seen.path,
        seen.body,
        {},
        seen.headers["x-amz-date"],
    )
    assert seen.headers["authorization"] == theirs["authorization"]


@pytest.mark.parametrize("name", ["a/b", "a?b=c", "a#b", "a b", "a%2Fb", "客", "a;b&c", "@connections"])
def test_an_id_never_leaves_its_place_in_the_path(posting: Gateway, platform: Platform, name: str) -> None:
    posting.post(post(name))
    (seen,) = platform.seen
    assert seen.path == "/ws/@connections/" + quote(name, safe="")
    theirs = boto_headers(
        Credentials.from_environment(),
        "execute-api",
        "POST",
        platform.url + seen.path,
        b"{}",
        {},
        seen.headers["x-amz-date"],
    )
    assert seen.headers["authorization"] == theirs["authorization"]


@pytest.mark.parametrize("count", [0, 1, 2, 40])
def test_the_outcomes_are_in_the_order_of_the_posts(posting: Gateway, platform: Platform, count: int) -> None:
    kinds = [(200, Posted.SENT), (410, Posted.GONE), (413, Posted.FAILED)]
    for n in range(count):
        platform.answers[f"c{n}"] = [status(kinds[n % 3][0])]
    posted = posting.push([post(f"c{n}", b"%d" % n) for n in range(count)])
    assert posted == [kinds[n % 3][1] for n in range(count)]
    assert {(request.path, request.body) for request in platform.seen} == {
        (f"/ws/@connections/c{n}", b"%d" % n) for n in range(count)
    }


def test_a_slow_recipient_delays_nobody(posting: Gateway, platform: Platform) -> None:
    others_served, slow_asked, remaining = threading.Event(), threading.Event(), [20]

    def slow(handler: BaseHTTPRequestHandler) -> None:
        slow_asked.set()
        assert others_served.wait(10)
        status(200)(handler)

    def counted(handler: BaseHTTPRequestHandler) -> None:
        assert slow_asked.wait(10)
        with platform.lock:
            remaining[0] -= 1
            if remaining[0] == 0:
                others_served.set()
        status(200)(handler)

    platform.answers["slow"] = [slow]
    for n in range(20):
        platform.answers[f"c{n}"] = [counted]
    # The slow one is answered only when all others have been: in turn, this would never end well.
    posted = posting.push([post("slow"), *(post(f"c{n}") for n in range(20))])
    assert posted == [Posted.SENT] * 21
    assert remaining == [0]


def test_a_connection_that_lets_a_post_hang_gets_no_other_one_meanwhile(
    posting: Gateway, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "HANGING_S", 0.0)
    asked, answered = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        assert answered.wait(10)
        status(200)(handler)

    def others() -> None:
        assert asked.wait(10)
        assert posting.push([post("slow"), post("c1")]) == [Posted.FAILED, Posted.SENT]
        answered.set()

    platform.answers["slow"] = [slow]
    assert posting.push([post("slow")], meanwhile=others) == [Posted.SENT]
    assert platform.times("slow") == 1
    assert posting.push([post("slow")]) == [Posted.SENT]


def test_a_connection_whose_post_has_timed_out_is_left_alone_for_a_while(
    platform: Platform, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(gateway, "TIMEOUT", urllib3.Timeout(connect=1.0, read=0.05))
    posting = Gateway(load(CONNECTIONS_ENDPOINT=f"{platform.url}/ws"))
    released = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        assert released.wait(10)
        handler.close_connection = True

    platform.answers["c1"] = [silent]
    assert posting.push([post("c1")]) == [Posted.FAILED]
    assert posting.push([post("c1"), post("c2")]) == [Posted.FAILED, Posted.SENT]
    assert platform.times("c1") == 1, "neither tried again nor asked again"
    # What is replayed takes the time that it needs.
    monkeypatch.setattr(gateway, "PAUSES_S", ())
    assert posting.post(post("c1")) is Posted.FAILED
    assert platform.times("c1") == 2
    released.set()
    monkeypatch.setattr(gateway, "LEFT_ALONE_S", 0.0)
    platform.answers["c1"] = [status(200)]
    posting._patience.lose(ConnectionId("c1"))  # as long as it is left alone: not at all
    assert posting.push([post("c1")]) == [Posted.SENT]
    posting._pool.shutdown()
    posting._http.clear()


def test_a_gateway_that_is_not_there_fails_the_post(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "PAUSES_S", (0.001,))
    assert Gateway(load(CONNECTIONS_ENDPOINT="http://127.0.0.1:1")).post(post("c1")) is Posted.FAILED


# --- closing and calling ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "warned"), [(204, 0), (410, 0), (400, 0), (403, 1), (500, 1)])
def test_closing_tells_only_what_went_wrong(
    posting: Gateway, platform: Platform, caplog: pytest.LogCaptureFixture, code: int, warned: int
) -> None:
    platform.answers["c1"] = [status(code)]
    posting.close(ConnectionId("c1"))
    (seen,) = platform.seen
    assert (seen.method, seen.path, seen.body) == ("DELETE", "/ws/@connections/c1", b"")
    assert len(caplog.records) == warned


def test_closing_where_nobody_answers_is_told(
    posting: Gateway, platform: Platform, caplog: pytest.LogCaptureFixture
) -> None:
    platform.answers["c1"] = [nothing]
    posting.close(ConnectionId("c1"))
    assert "closing connection c1 failed" in caplog.text


def test_a_function_is_called_without_waiting_for_it(posting: Gateway, platform: Platform) -> None:
    platform.answers["invocations"] = [status(202)]
    posting.invoke("arn:aws:lambda:eu-west-1:1:function:kefu-flush", b'{"connection":"c1"}')
    (seen,) = platform.seen
    assert seen.path == "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A1%3Afunction%3Akefu-flush/invocations"
    assert seen.headers["x-amz-invocation-type"] == "Event"
    assert seen.headers["content-type"] == "application/json"
    assert "/lambda/aws4_request" in seen.headers["authorization"]
    assert json.loads(seen.body) == {"connection": "c1"}


@pytest.mark.parametrize("answer", [status(200), status(403), status(404), status(429), status(500), half, nothing])
def test_a_call_that_was_not_taken_is_an_error(posting: Gateway, platform: Platform, answer: Answer) -> None:
    platform.answers["invocations"] = [answer]
    with pytest.raises(OSError, match="the function flush cannot be called"):
        posting.invoke("flush", b"{}")


@pytest.mark.parametrize("answer", [status(429), status(500), status(503), half, nothing])
def test_a_call_is_made_again_when_what_kept_it_passes_by_itself(
    posting: Gateway, platform: Platform, answer: Answer
) -> None:
    platform.answers["invocations"] = [answer, status(202)]
    posting.invoke("flush", b"{}")
    assert platform.times("invocations") == 2


@pytest.mark.parametrize("answer", [status(403), status(404)])
def test_a_call_that_is_refused_is_not_made_again(posting: Gateway, platform: Platform, answer: Answer) -> None:
    platform.answers["invocations"] = [answer, status(202)]
    with pytest.raises(OSError, match="cannot be called"):
        posting.invoke("broadcast", b"{}")
    assert platform.times("invocations") == 1
