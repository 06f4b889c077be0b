"""What needs a service with settings of its own: the rate limit, and the grace time of claims."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.e2e.client import fresh
from tests.e2e.conftest import Marketplace
from tests.e2e.server import Server

RATE = 2
BURST = RATE * 4


@pytest.fixture(scope="module")
def strict_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two requests a second, and a sweep every second."""
    settings = {"RATE_LIMIT": str(RATE), "SWEEP_S": "1"}
    with Server.start(tmp_path_factory.mktemp("strict"), env=settings) as server:
        yield server


@pytest.fixture
def strict(strict_server: Server) -> Iterator[Marketplace]:
    market = Marketplace(strict_server)
    yield market
    market.close()


def test_too_many_requests_are_refused_and_told_when_to_come_back(strict: Marketplace) -> None:
    shop = strict.open_store()
    customer = strict.connect()
    conversation = shop.conversation(customer)
    body = {"type": "text", "text": "spam"}
    asked = [customer.post("send", conversation=conversation, body=body) for _ in range(BURST * 3)]
    answers = [customer.answer(id_) for id_ in asked]
    refused = [answer for answer in answers if answer["type"] == "error"]
    assert {error["code"] for error in refused} == {"rate_limited"}
    assert len(answers) - len(refused) >= BURST, "the burst is let through"
    wait_ms = max(error["details"]["retry_after_ms"] for error in refused)
    assert 0 < wait_ms <= 60_000
    time.sleep(wait_ms / 1000)  # what the page asks a client to do
    messages = customer.ask("history", conversation=conversation)["messages"]
    assert len(messages) == len(answers) - len(refused), "what was refused is not stored"


def test_the_limit_is_each_user_s_own(strict: Marketplace) -> None:
    shop = strict.open_store()
    loud, quiet = strict.connect(), strict.connect()
    asked = [loud.post("store", store=shop.store) for _ in range(BURST * 2)]
    assert "error" in {loud.answer(id_)["type"] for id_ in asked}
    quiet.ask("store", store=shop.store)
    another_device = strict.connect(loud.user)
    another_device.refused("rate_limited", "store", store=shop.store)


def test_http_is_limited_where_it_is_limited_by_429(strict: Marketplace) -> None:
    """The page lists 429 without saying for whom: where it is said, it is said like every error."""
    shop = strict.open_store()
    token = strict.token(shop.appoint("ann-of-the-many-requests"))
    answers = [strict.http("GET", f"/stores/{shop.store}", token=token) for _ in range(BURST * 3)]
    assert {answer.status for answer in answers} <= {200, 429}
    assert {answer.body["code"] for answer in answers if answer.status == 429} <= {"rate_limited"}


def test_a_claim_outlives_its_agent_s_connection_by_the_grace_time(strict: Marketplace) -> None:
    """Two agents claim; one leaves, the other closes one of two windows. Only the first one's claim is released."""
    shop = strict.open_store(claim_grace_s=1)
    leaver, stayer, colleague = shop.agent("zoe"), shop.agent("ann"), shop.agent("bob")
    customer, abandoned = shop.claimed(leaver)
    _, served = shop.claimed(stayer)
    claimed = customer.changed(abandoned, status="claimed")
    strict.connect(stayer.user).close()
    leaver.close()
    for receiver in (colleague, stayer, customer):
        told = receiver.changed(abandoned, after=claimed["version"], status="waiting")
        assert told["agent"] is None
        assert told["waiting_since"] == told["last"]["at"], "nobody had answered"
    (still,) = colleague.ask("conversations", store=shop.store, status="claimed")["conversations"]
    assert (still["conversation"], still["agent"]["user"]) == (served, stayer.user)
    customer.say(abandoned, "is anybody there?")
    assert colleague.expect("message", conversation=abandoned, seq=2)["offset"] == 3
    returned = strict.connect(leaver.user)
    body = {"type": "text", "text": "sorry"}
    assert returned.refused("not_claimer", "send", conversation=abandoned, body=body) == {"agent": None}


def test_a_claim_of_an_agent_who_never_comes_ends_after_the_grace_time(strict: Marketplace) -> None:
    shop = strict.open_store(claim_grace_s=1)
    ann, away = shop.agent("ann"), shop.appoint(fresh("zoe"))
    customer, conversation = shop.claimed(ann)
    moved = ann.ask("transfer", conversation=conversation, to=away)["conversation"]
    assert moved["agent"]["user"] == away
    for receiver in (ann, customer):
        assert receiver.changed(conversation, after=moved["version"])["status"] == "waiting"


def test_an_agent_who_is_back_in_time_keeps_the_claim(strict: Marketplace) -> None:
    """Both leave; one is back at once. When the other's claim has been released, the first one's still stands."""
    shop = strict.open_store(claim_grace_s=2)
    back, gone, colleague = shop.agent("ann"), shop.agent("zoe"), shop.agent("bob")
    _, kept = shop.claimed(back)
    claimed = colleague.changed(kept, status="claimed")
    _, abandoned = shop.claimed(gone)
    for agent in (back, gone):
        agent.close()
    again = strict.connect(back.user)
    colleague.changed(abandoned, after=colleague.changed(abandoned, status="claimed")["version"], status="waiting")
    again.say(kept, "here I am again")
    listed = colleague.ask("conversations", store=shop.store, status="claimed")["conversations"]
    assert [(c["conversation"], c["version"]) for c in listed] == [(kept, claimed["version"])]
