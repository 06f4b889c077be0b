"""What becomes of a post, a close and a call, whatever the other side does."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import quote

import pytest

from chalicelib import gateway, lines
from chalicelib.gateway import Gateway, Post, Posted
from chalicelib.model import ConnectionId
from chalicelib.signing import Credentials
from tests.unit.conftest import load
from tests.unit.signatures import boto_headers

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
    opened.hang_up()


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
    assert record.getMessage() == "a post to connection c1 failed: status 413"


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


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Posts time out soon. Set at the end, for those that hang until then."""
    monkeypatch.setattr(lines, "ANSWER_S", 0.05)
    event = threading.Event()
    yield event
    event.set()


def hanging(until: threading.Event) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        assert until.wait(10)
        handler.close_connection = True

    return answer


def test_a_connection_whose_post_has_timed_out_is_left_alone_for_a_while(
    posting: Gateway,
    platform: Platform,
    released: threading.Event,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    platform.answers["c1"] = [hanging(released)]
    assert posting.push([post("c1"), post("c2")]) == [Posted.FAILED, Posted.SENT]
    assert "a post to connection c1 failed: no answer in time" in caplog.text
    assert posting.push([post("c1"), post("c2")]) == [Posted.FAILED, Posted.SENT]
    assert "no post to connection c1, which has let another one hang" in caplog.text
    assert platform.times("c1") == 1, "neither tried again nor asked again"
    platform.answers["c1"] = [status(200)]
    monkeypatch.setattr(gateway, "LEFT_ALONE_S", 0.0)
    posting._patience.lose(ConnectionId("c1"))  # as long as it is left alone: not at all
    assert posting.push([post("c1")]) == [Posted.SENT]


def test_what_is_replayed_takes_the_time_that_it_needs(
    posting: Gateway, platform: Platform, released: threading.Event
) -> None:
    platform.answers["c1"] = [hanging(released)]
    assert posting.push([post("c1")]) == [Posted.FAILED]
    platform.answers["c1"] = [hanging(released), hanging(released), status(200)]
    assert posting.post(post("c1")) is Posted.SENT
    assert platform.times("c1") == 4


def test_who_has_spoken_gets_an_answer_though_another_post_to_it_has_just_timed_out(
    posting: Gateway, platform: Platform, released: threading.Event
) -> None:
    platform.answers["asker"] = [hanging(released), status(200)]
    asker = ConnectionId("asker")
    posting.heard(asker)
    # Somebody else's messages are pushed to it while its own request is worked on; the first hangs.
    with ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(posting.push, [post("asker")]).result() == [Posted.FAILED]
        assert elsewhere.submit(posting.push, [post("asker")]).result() == [Posted.FAILED]
    assert platform.times("asker") == 1
    assert posting.push([post("asker"), post("c1")]) == [Posted.SENT, Posted.SENT]
    assert platform.times("asker") == 2


def test_who_speaks_again_is_worth_the_wait_for_everybody(
    posting: Gateway, platform: Platform, released: threading.Event
) -> None:
    platform.answers["c1"] = [hanging(released), status(200)]
    assert posting.push([post("c1")]) == [Posted.FAILED]
    with ThreadPoolExecutor(1) as elsewhere:
        elsewhere.submit(posting.heard, ConnectionId("c1")).result()
    assert posting.push([post("c1")]) == [Posted.SENT]


def test_a_hanging_post_holds_up_no_other_one_to_the_same_connection(posting: Gateway, platform: Platform) -> None:
    asked, answered = threading.Event(), threading.Event()

    def slow(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        assert answered.wait(10)
        status(200)(handler)

    def others() -> None:
        assert asked.wait(10)
        assert posting.push([post("slow"), post("c1")]) == [Posted.SENT, Posted.SENT]
        answered.set()

    platform.answers["slow"] = [slow, status(200)]
    assert posting.push([post("slow")], meanwhile=others) == [Posted.SENT]


def test_a_push_has_its_outcomes_in_time_even_where_nobody_answers(posting: Gateway, platform: Platform) -> None:
    ended = threading.Event()
    for n in range(70):
        platform.answers[f"c{n}"] = [hanging(ended)]
    began = time.monotonic()
    assert posting.push([post(f"c{n}") for n in range(70)], within_s=0.3) == [Posted.FAILED] * 70
    assert time.monotonic() - began < lines.ANSWER_S
    ended.set()


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
