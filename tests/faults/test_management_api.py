"""Recipients whose pushes fail, hang or come late: nobody else waits for them, and nothing of theirs is lost."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote

import pytest

from chalicelib import lines
from chalicelib.bootstrap import Services
from chalicelib.store import keys
from tests.flow import conftest as flow
from tests.flow.conftest import Person, Shop
from tests.flow.platform import Frame, Platform

NewPerson = Callable[[str], Person]
DEADLINE_S = 20.0
# More often than a post is tried.
EVERY_TIME = 20

environment = flow.environment
functions = flow.functions
kefu = flow.kefu
person = flow.person
shop = flow.shop


class Post:
    """A connection's posts are taken, and not answered before `answer` is called."""

    def __init__(self) -> None:
        self.come = threading.Event()
        self._answered = threading.Event()

    def answer(self) -> None:
        self._answered.set()

    def hang(self) -> None:
        self.come.set()
        assert self._answered.wait(DEADLINE_S), "the test has forgotten to answer"


class SlowPlatform(Platform):
    """The management API, whose posts may hang: what a connection was sent arrives, the answer does not."""

    def __init__(self) -> None:
        super().__init__()
        self._news = threading.Condition()
        self._taken: dict[str, bytes] = {}
        self._hanging: dict[str, Post] = {}
        self.asked: Counter[str] = Counter()

    def hold(self, connection: str) -> Post:
        """From now on the posts to a connection hang."""
        self._hanging[connection] = Post()
        return self._hanging[connection]

    def recover(self) -> None:
        """Whatever hangs is answered, and nothing hangs or fails any more."""
        for post in self._hanging.values():
            post.answer()
        self._hanging.clear()
        self._answers.clear()

    def fail(self, connection: str, status: int) -> None:
        """Every post to a connection gets this status."""
        self.answer(connection, *[status] * EVERY_TIME)

    def until(self, met: Callable[[], bool]) -> None:
        """Waits until it is so, looking whenever a post has come."""
        with self._news:
            assert self._news.wait_for(met, DEADLINE_S)

    def taken(self, connection: str) -> bytes:
        with self._news:
            return self._taken.pop(connection, b"")

    def _answer(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        path, method = str(environ["PATH_INFO"]), environ["REQUEST_METHOD"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if path.startswith("/2015-03-31/functions/"):
            self.calls.append((path.split("/")[3], json.loads(body)))
            start_response("202 Accepted", [])
            return [b""]
        connection = unquote(path.rpartition("/")[2])
        with self._news:
            self.asked[connection] += method == "POST"
            status = self._answers[connection].popleft() if self._answers[connection] else 200
            hanging = self._hanging.get(connection)
            if status == 200 and method == "POST":
                self._taken[connection] = self._taken.get(connection, b"") + body
            self._news.notify_all()
        if hanging:
            hanging.hang()
        start_response(f"{status} as asked", [])
        return [b""]


@pytest.fixture(scope="module")
def platform() -> Iterator[SlowPlatform]:
    server = SlowPlatform()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def recovering(platform: SlowPlatform, environment: None) -> Iterator[None]:
    yield
    platform.recover()


@pytest.fixture
def aside(recovering: None) -> Iterator[ThreadPoolExecutor]:
    """Runs functions while the test looks on."""
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def soon_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A post that is not answered times out soon."""
    monkeypatch.setattr(lines, "ANSWER_S", 0.3)


@pytest.fixture
def customer(person: NewPerson) -> Person:
    return person("customer").connect()


@pytest.fixture
def conversation(shop: Shop, customer: Person) -> str:
    return f"{shop.store}:{customer.user}"


@pytest.fixture
def agents(shop: Shop, person: NewPerson) -> list[Person]:
    return joined(shop, person, 3)


def joined(shop: Shop, person: NewPerson, number: int) -> list[Person]:
    """Agents who are online and have read all there is to read."""
    found = [person("agent") for _ in range(number)]
    for agent in found:
        shop.appoint(agent.user)
        agent.connect().received()
    return found


def sends(customer: Person, conversation: str, text: str) -> None:
    """Runs the function of a send, to its end; its id is its text."""
    frame = {"action": "send", "id": text, "conversation": conversation, "body": {"type": "text", "text": text}}
    customer.functions.message(customer.connection, frame)


def texts(reader: Person) -> list[str]:
    """The texts of all messages that a device has seen."""
    reader.received()
    return [frame["body"]["text"] for frame in reader.seen if frame["type"] == "message"]


def replies(asker: Person, request_id: str) -> list[Frame]:
    asker.received()
    return [frame for frame in asker.seen if frame["type"] == "reply" and frame["id"] == request_id]


def replayed(shop: Shop, reader: Person) -> list[str]:
    """The texts that a new device of somebody gets."""
    return Person(reader.user, shop.functions).connect().texts()


def has_no_debts(kefu: Services, shop: Shop) -> bool:
    return int(kefu.store.scripts.command("ZCARD", keys.outbox(shop.store))) == 0


@pytest.mark.parametrize("status", [410, 429, 500])
def test_one_whose_posts_fail_costs_the_others_nothing(
    platform: SlowPlatform, shop: Shop, customer: Person, conversation: str, agents: list[Person], status: int
) -> None:
    platform.fail(agents[0].connection, status)
    sends(customer, conversation, "hello")
    assert len(replies(customer, "hello")) == 1
    assert [texts(agent) for agent in agents] == [[], ["hello"], ["hello"]]
    platform.recover()
    assert replayed(shop, agents[0]) == ["hello"]


@pytest.mark.parametrize("status", [410, 429, 500])
def test_nothing_is_lost_when_every_post_fails(
    platform: SlowPlatform,
    kefu: Services,
    shop: Shop,
    customer: Person,
    conversation: str,
    agents: list[Person],
    status: int,
) -> None:
    for someone in (customer, *agents):
        platform.fail(someone.connection, status)
    sends(customer, conversation, "hello")
    assert [texts(someone) for someone in agents] == [[], [], []]
    assert replies(customer, "hello") == []
    assert has_no_debts(kefu, shop)
    platform.recover()
    assert [replayed(shop, agent) for agent in agents] == [["hello"]] * 3
    again = customer if status != 410 else Person(customer.user, customer.functions).connect()
    sends(again, conversation, "hello")
    (reply,) = replies(again, "hello")
    assert reply["result"]["seq"] == 1
    assert [replayed(shop, agent) for agent in agents] == [["hello"]] * 3


def test_nobody_waits_for_a_post_that_is_not_answered(
    platform: SlowPlatform,
    kefu: Services,
    shop: Shop,
    customer: Person,
    conversation: str,
    agents: list[Person],
    aside: ThreadPoolExecutor,
) -> None:
    slow = platform.hold(agents[0].connection)
    sending = aside.submit(sends, customer, conversation, "hello")
    assert slow.come.wait(DEADLINE_S)
    platform.until(lambda: bool(replies(customer, "hello")))
    platform.until(lambda: all(texts(agent) == ["hello"] for agent in agents[1:]))
    settled(kefu, shop, sending)
    slow.answer()
    sending.result(DEADLINE_S)
    assert texts(agents[0]) == ["hello"]


def settled(kefu: Services, shop: Shop, sending: Future[None]) -> None:
    """The message is in every list, while the function still waits for an answer."""
    while not has_no_debts(kefu, shop):
        assert not sending.done(), "it was settled too late"
    assert not sending.done()


def test_one_among_a_hundred_holds_up_nobody(
    platform: SlowPlatform,
    kefu: Services,
    shop: Shop,
    customer: Person,
    conversation: str,
    person: NewPerson,
    aside: ThreadPoolExecutor,
) -> None:
    agents = joined(shop, person, 100)
    slow = platform.hold(agents[0].connection)
    sending = aside.submit(sends, customer, conversation, "1")
    assert slow.come.wait(DEADLINE_S)
    platform.until(lambda: bool(replies(customer, "1")))
    platform.until(lambda: all(texts(agent) == ["1"] for agent in agents[1:]))
    settled(kefu, shop, sending)
    following = [aside.submit(sends, customer, conversation, str(number)) for number in range(2, 6)]
    platform.until(lambda: all(len(texts(agent)) == 5 for agent in agents[1:]))
    slow.answer()
    for function in (sending, *following):
        function.result(DEADLINE_S)
    platform.recover()
    assert sorted(replayed(shop, agents[0])) == ["1", "2", "3", "4", "5"]


def test_nothing_is_lost_when_no_post_is_answered(
    platform: SlowPlatform,
    kefu: Services,
    shop: Shop,
    customer: Person,
    conversation: str,
    agents: list[Person],
    aside: ThreadPoolExecutor,
) -> None:
    held = [platform.hold(someone.connection) for someone in (customer, *agents)]
    sending = aside.submit(sends, customer, conversation, "hello")
    for post in held:
        assert post.come.wait(DEADLINE_S), "one's silence keeps nobody else's post back"
    settled(kefu, shop, sending)
    for post in held:
        post.answer()
    sending.result(DEADLINE_S)
    assert len(replies(customer, "hello")) == 1
    assert [texts(agent) for agent in agents] == [["hello"]] * 3


def test_a_post_that_timed_out_is_not_made_again_and_the_next_ones_wait_in_the_list(
    soon_silent: None,
    platform: SlowPlatform,
    customer: Person,
    conversation: str,
    agents: list[Person],
) -> None:
    sends(customer, conversation, "0")
    platform.hold(agents[0].connection)
    before = platform.asked[agents[0].connection]
    sends(customer, conversation, "1")
    assert platform.asked[agents[0].connection] == before + 1, "not once more"
    for text in ("2", "3"):
        sends(customer, conversation, text)
        assert len(replies(customer, text)) == 1
    assert platform.asked[agents[0].connection] == before + 1, "it is left alone for a while"
    assert [texts(agent) for agent in agents[1:]] == [["0", "1", "2", "3"]] * 2
    platform.recover()
    agents[0].received()
    assert agents[0].ask("sync")["type"] == "reply", "who speaks is answered"
    assert [frame["body"]["text"] for frame in agents[0].seen if frame.get("replay")] == ["0", "1", "2", "3"]


def test_a_sender_whose_reply_timed_out_finds_the_message_stored(
    soon_silent: None, platform: SlowPlatform, shop: Shop, customer: Person, conversation: str, agents: list[Person]
) -> None:
    for someone in (customer, *agents):
        platform.hold(someone.connection)
    sends(customer, conversation, "hello")
    platform.recover()
    again = Person(customer.user, customer.functions).connect()
    sends(again, conversation, "hello")
    (reply,) = replies(again, "hello")
    assert reply["result"]["seq"] == 1
    assert [replayed(shop, agent) for agent in agents] == [["hello"]] * 3


def test_two_devices_of_one_user_do_not_wait_for_each_other(
    platform: SlowPlatform,
    customer: Person,
    conversation: str,
    agents: list[Person],
    aside: ThreadPoolExecutor,
) -> None:
    tablet = Person(agents[0].user, agents[0].functions).connect()
    tablet.received()
    slow = platform.hold(agents[0].connection)
    sending = aside.submit(sends, customer, conversation, "hello")
    assert slow.come.wait(DEADLINE_S)
    platform.until(lambda: texts(tablet) == ["hello"])
    assert not sending.done()
    slow.answer()
    sending.result(DEADLINE_S)


def test_a_replay_that_hangs_holds_up_no_live_message_of_others(
    platform: SlowPlatform,
    shop: Shop,
    customer: Person,
    conversation: str,
    agents: list[Person],
    person: NewPerson,
    aside: ThreadPoolExecutor,
) -> None:
    joining = person("agent")
    shop.appoint(joining.user)
    sends(customer, conversation, "1")
    joining.connection, _ = shop.functions.connect(flow.token(joining.user))
    slow = platform.hold(joining.connection)
    replaying = aside.submit(shop.functions.run_calls)
    assert slow.come.wait(DEADLINE_S)
    sends(customer, conversation, "2")
    assert len(replies(customer, "2")) == 1
    assert [texts(agent) for agent in agents] == [["1", "2"]] * 3
    assert not replaying.done()
    platform.recover()
    replaying.result(DEADLINE_S)
    assert texts(joining) == ["1", "2"]
