"""`claim`, `release`, `close`, `transfer`: who may, what changes, who is told."""

from __future__ import annotations

import pytest

from tests.e2e.client import Client, Frame, fresh, of_type
from tests.e2e.conftest import Marketplace, Shop

VERBS = ("claim", "release", "close", "transfer")


def do(client: Client, verb: str, conversation: str, **parameters: object) -> Frame:
    """The conversation object that a verb answers with."""
    found: Frame = client.ask(verb, conversation=conversation, **parameters)["conversation"]
    assert found["conversation"] == conversation
    assert (found["status"] == "claimed") == (found["agent"] is not None)
    assert (found["status"] == "waiting") == (found["waiting_since"] is not None)
    return found


def look(agent: Client, conversation: str) -> Frame:
    """The conversation as the store's list shows it."""
    store = conversation.partition(":")[0]
    listed: list[Frame] = agent.ask("conversations", store=store, limit=100)["conversations"]
    return next(c for c in listed if c["conversation"] == conversation)


def send(client: Client, conversation: str, text: str = "x") -> Frame:
    return client.request("send", conversation=conversation, body={"type": "text", "text": text})


@pytest.fixture
def ann(shop: Shop) -> Client:
    return shop.agent("ann", name="Ann")


@pytest.fixture
def bob(shop: Shop) -> Client:
    return shop.agent("bob")


@pytest.fixture
def sue(shop: Shop) -> Client:
    return shop.agent("sue", role="supervisor")


# claim


def test_a_claim_makes_its_agent_the_claimer(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.waiting()
    before = look(ann, conversation)
    claimed = do(ann, "claim", conversation)
    assert claimed["status"] == "claimed"
    assert claimed["agent"] == {"user": ann.user, "name": "Ann"}
    assert claimed["version"] > before["version"]
    assert claimed["last_seq"] == 1
    for receiver in (ann, bob, customer):
        told = receiver.changed(conversation, status="claimed")
        assert told["agent"] == {"user": ann.user, "name": "Ann"}
        assert told["version"] == claimed["version"]
    assert send(ann, conversation)["type"] == "reply"


def test_claiming_what_one_holds_changes_nothing(shop: Shop, ann: Client, sue: Client) -> None:
    customer, conversation = shop.claimed(ann)
    claimed = look(ann, conversation)
    customer.changed(conversation, status="claimed")
    assert do(ann, "claim", conversation) == claimed
    assert do(ann, "claim", conversation, force=False) == claimed
    do(ann, "release", conversation)
    heard = customer.until("conversation", conversation={"status": "waiting"})
    assert len(of_type(heard, "conversation")) == 1
    do(sue, "claim", conversation)
    again = do(sue, "claim", conversation, force=True)
    assert again["version"] == look(ann, conversation)["version"]


def test_the_second_to_claim_is_told_who_was_first(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    _, conversation = shop.claimed(ann)
    before = look(ann, conversation)
    for late in (bob, sue):
        assert late.refused("already_claimed", "claim", conversation=conversation)["agent"] == ann.user
    assert look(ann, conversation) == before


def test_of_many_who_claim_at_once_exactly_one_succeeds(shop: Shop) -> None:
    agents = [shop.agent() for _ in range(8)]
    for _ in range(4):
        _, conversation = shop.waiting()
        asked = [(agent, agent.post("claim", conversation=conversation)) for agent in agents]
        answers = [(agent, agent.answer(id_)) for agent, id_ in asked]
        winners = [agent for agent, answer in answers if answer["type"] == "reply"]
        assert len(winners) == 1
        losers = [answer for _, answer in answers if answer["type"] == "error"]
        assert {(e["code"], e["details"]["agent"]) for e in losers} == {("already_claimed", winners[0].user)}
        assert look(agents[0], conversation)["agent"]["user"] == winners[0].user


def test_a_closed_conversation_can_be_claimed(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    closed = do(ann, "close", conversation)
    claimed = do(bob, "claim", conversation)
    assert claimed["status"] == "claimed"
    assert claimed["version"] > closed["version"]
    assert send(bob, conversation, "one more thing")["type"] == "reply"
    assert customer.expect("message", seq=2)["body"]["text"] == "one more thing"


def test_force_is_for_supervisors(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    customer, conversation = shop.waiting()
    bob.refused("forbidden", "claim", conversation=conversation, force=True)
    do(ann, "claim", conversation)
    for agent in (ann, bob):
        agent.refused("forbidden", "claim", conversation=conversation, force=True)
    bob.refused("forbidden", "claim", conversation=shop.conversation(fresh("nobody")), force=True)
    taken = do(sue, "claim", conversation, force=True)
    assert taken["agent"]["user"] == sue.user
    for receiver in (ann, bob, sue, customer):
        assert receiver.changed(conversation, agent={"user": sue.user})["version"] == taken["version"]
    assert send(ann, conversation)["details"] == {"agent": sue.user}
    assert send(sue, conversation)["type"] == "reply"


def test_a_supervisor_may_force_what_nobody_holds(shop: Shop, sue: Client) -> None:
    _, conversation = shop.waiting()
    assert do(sue, "claim", conversation, force=True)["agent"]["user"] == sue.user
    do(sue, "close", conversation)
    assert do(sue, "claim", conversation, force=True)["agent"]["user"] == sue.user


@pytest.mark.parametrize("verb", VERBS)
def test_what_does_not_exist(shop: Shop, sue: Client, ann: Client, verb: str) -> None:
    parameters = {"to": ann.user} if verb == "transfer" else {}
    sue.refused("not_found", verb, conversation=shop.conversation(fresh("nobody")), **parameters)
    ann.refused("not_found", verb, conversation=shop.conversation(fresh("nobody")), **parameters)


@pytest.mark.parametrize("verb", ["claim", "release", "transfer"])
def test_a_customer_can_only_close(shop: Shop, ann: Client, verb: str) -> None:
    customer, conversation = shop.claimed(ann)
    parameters = {"to": ann.user} if verb == "transfer" else {}
    customer.refused("forbidden", verb, conversation=conversation, **parameters)
    assert look(ann, conversation)["status"] == "claimed"


# release


def test_a_release_lets_it_wait_again(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    claimed = look(ann, conversation)
    released = do(ann, "release", conversation)
    assert released["status"] == "waiting"
    assert released["version"] > claimed["version"]
    for receiver in (ann, bob, customer):
        receiver.changed(conversation, status="waiting", version=released["version"])
    assert send(ann, conversation)["details"] == {"agent": None}


def test_only_the_claimer_or_a_supervisor_releases(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    _, conversation = shop.claimed(ann)
    assert bob.refused("not_claimer", "release", conversation=conversation) == {"agent": ann.user}
    assert look(ann, conversation)["status"] == "claimed"
    assert do(sue, "release", conversation)["status"] == "waiting"


def test_releasing_what_nobody_holds_changes_nothing(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    _, conversation = shop.waiting()
    waiting = look(ann, conversation)
    for agent in (ann, bob, sue):
        assert do(agent, "release", conversation) == waiting
    do(ann, "claim", conversation)
    closed = do(ann, "close", conversation)
    for agent in (ann, bob, sue):
        assert do(agent, "release", conversation) == closed


# close


def test_the_claimer_closes(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    claimed = look(ann, conversation)
    closed = do(ann, "close", conversation)
    assert closed["status"] == "closed"
    assert closed["version"] > claimed["version"]
    for receiver in (ann, bob, customer):
        receiver.changed(conversation, status="closed", version=closed["version"])


def test_a_supervisor_closes_what_another_holds_and_what_waits(shop: Shop, ann: Client, sue: Client) -> None:
    _, held = shop.claimed(ann)
    _, waiting = shop.waiting()
    assert do(sue, "close", held)["status"] == "closed"
    assert do(sue, "close", waiting)["status"] == "closed"


def test_the_customer_closes_whoever_holds_it(shop: Shop, ann: Client) -> None:
    customer, waiting = shop.waiting()
    assert do(customer, "close", waiting)["status"] == "closed"
    another, held = shop.claimed(ann)
    assert do(another, "close", held)["status"] == "closed"
    ann.changed(held, status="closed")
    assert send(ann, held)["details"] == {"agent": None}


def test_another_agent_does_not_close(shop: Shop, ann: Client, bob: Client) -> None:
    _, held = shop.claimed(ann)
    _, waiting = shop.waiting()
    assert bob.refused("not_claimer", "close", conversation=held) == {"agent": ann.user}
    assert bob.refused("not_claimer", "close", conversation=waiting) == {"agent": None}
    assert look(ann, held)["status"] == "claimed"
    assert look(ann, waiting)["status"] == "waiting"


def test_closing_what_is_closed_changes_nothing(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    customer, conversation = shop.claimed(ann)
    closed = do(ann, "close", conversation)
    for client in (ann, bob, sue):
        assert do(client, "close", conversation) == closed
    assert do(customer, "close", conversation)["version"] == closed["version"]


# transfer


def test_the_claimer_hands_over(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    customer, conversation = shop.claimed(ann)
    claimed = look(ann, conversation)
    moved = do(ann, "transfer", conversation, to=bob.user)
    assert moved["agent"]["user"] == bob.user
    assert moved["version"] > claimed["version"]
    for receiver in (ann, bob, sue, customer):
        told = receiver.changed(conversation, agent={"user": bob.user})
        assert told["status"] == "claimed"
    assert send(ann, conversation)["details"] == {"agent": bob.user}
    assert send(bob, conversation)["type"] == "reply"
    customer.say(conversation, "to the new claimer")
    assert bob.expect("message", body={"type": "text", "text": "to the new claimer"})["offset"] >= 1


def test_a_transfer_leaves_no_moment_without_a_claimer(shop: Shop, ann: Client, bob: Client) -> None:
    watcher = shop.agent()
    customer, conversation = shop.claimed(ann)
    customer.fence()
    for _ in range(5):
        do(ann, "transfer", conversation, to=bob.user)
        do(bob, "transfer", conversation, to=ann.user)
    do(ann, "close", conversation)
    for client in (customer, watcher):
        heard = client.until("conversation", conversation={"conversation": conversation, "status": "closed"})
        told = [f["conversation"] for f in of_type(heard[:-1], "conversation")]
        claims = [c for c in told if c["conversation"] == conversation and c["agent"]]
        assert {c["agent"]["user"] for c in claims} == {ann.user, bob.user}
        first_claim = min(c["version"] for c in claims)
        assert all(c["status"] == "claimed" for c in told if c["version"] > first_claim)


def test_a_supervisor_hands_out_whatever_the_status(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    _, waiting = shop.waiting()
    _, held = shop.claimed(ann)
    _, closed = shop.claimed(ann)
    do(ann, "close", closed)
    for conversation in (waiting, held, closed):
        assert do(sue, "transfer", conversation, to=bob.user)["agent"]["user"] == bob.user


def test_another_agent_does_not_hand_out(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    _, held = shop.claimed(ann)
    _, waiting = shop.waiting()
    assert bob.refused("not_claimer", "transfer", conversation=held, to=sue.user) == {"agent": ann.user}
    assert bob.refused("not_claimer", "transfer", conversation=waiting, to=sue.user) == {"agent": None}


def test_a_transfer_reaches_an_agent_who_is_away(shop: Shop, ann: Client) -> None:
    away = shop.appoint(fresh("zoe"))
    customer, conversation = shop.claimed(ann)
    assert do(ann, "transfer", conversation, to=away)["agent"]["user"] == away
    customer.say(conversation, "hello Zoe")
    assert [m["body"]["text"] for m in shop.market.connect(away).replayed] == ["hello", "hello Zoe"]


def test_a_transfer_goes_to_an_agent_of_the_store_who_is_not_its_customer(
    market: Marketplace, shop: Shop, ann: Client, sue: Client
) -> None:
    elsewhere = market.open_store().agent()
    conversation = shop.conversation(ann)
    ann.say(conversation, "an agent's own question")
    for to in (elsewhere.user, fresh("nobody"), ann.user):
        assert sue.refused("bad_request", "transfer", conversation=conversation, to=to)["field"] == "to"
    assert look(sue, conversation)["status"] == "waiting"


def test_a_transfer_to_oneself_is_like_a_claim(shop: Shop, ann: Client, bob: Client, sue: Client) -> None:
    _, conversation = shop.claimed(ann)
    held = look(ann, conversation)
    assert do(ann, "transfer", conversation, to=ann.user) == held, "what one holds already"
    taken = do(sue, "transfer", conversation, to=sue.user)
    assert taken["agent"]["user"] == sue.user
    assert taken["version"] > held["version"]
    do(sue, "release", conversation)
    assert do(sue, "transfer", conversation, to=sue.user)["agent"]["user"] == sue.user


def test_an_agent_who_transfers_to_oneself_takes_nothing_from_another(shop: Shop, ann: Client, bob: Client) -> None:
    """Like a claim, or refused as by anyone but the claimer: the page can be read both ways."""
    _, held = shop.claimed(ann)
    error = bob.request("transfer", conversation=held, to=bob.user)
    assert error["code"] in ("already_claimed", "not_claimer"), error
    assert error["details"]["agent"] == ann.user
    _, waiting = shop.waiting()
    answer = bob.request("transfer", conversation=waiting, to=bob.user)
    if answer["type"] == "error":
        assert (answer["code"], answer["details"]) == ("not_claimer", {"agent": None})
        assert look(ann, waiting)["status"] == "waiting"
    else:
        assert look(ann, waiting)["agent"]["user"] == bob.user


# version


def test_the_version_grows_with_each_change_and_with_nothing_else(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.waiting()
    versions = [look(ann, conversation)["version"]]
    for agent, verb in ((ann, "claim"), (ann, "release"), (bob, "claim"), (bob, "close"), (ann, "claim")):
        versions.append(do(agent, verb, conversation)["version"])
    assert versions == sorted(set(versions)), "strictly growing"
    ann.say(conversation, "a message")
    customer.say(conversation, "another")
    customer.ask("read", conversation=conversation, seq=1)
    shop.announce(conversation, "and a third")
    assert look(ann, conversation)["version"] == versions[-1]


# waiting_since


def test_waiting_counts_from_the_oldest_message_without_an_answer(shop: Shop, ann: Client) -> None:
    customer = shop.customer()
    conversation = shop.conversation(customer)
    first = customer.say(conversation, "one")
    assert look(ann, conversation)["waiting_since"] == first["at"]
    customer.say(conversation, "two")
    assert look(ann, conversation)["waiting_since"] == first["at"]
    do(ann, "claim", conversation)
    assert do(ann, "release", conversation)["waiting_since"] == first["at"], "it was never answered"

    do(ann, "claim", conversation)
    answered = ann.say(conversation, "here I am", id="answer")
    customer_next = customer.say(conversation, "three")
    customer.say(conversation, "four")
    assert do(ann, "release", conversation)["waiting_since"] == customer_next["at"] >= answered["at"]

    do(ann, "claim", conversation)
    ann.say(conversation, "here I am", id="answer")
    assert do(ann, "release", conversation)["waiting_since"] == customer_next["at"], "a retry is no answer"


def test_waiting_counts_from_now_where_everything_is_answered(shop: Shop, ann: Client) -> None:
    _, conversation = shop.claimed(ann)
    ann.say(conversation, "here I am")
    before = ann.ping()["at"]
    assert before <= do(ann, "release", conversation)["waiting_since"] <= ann.ping()["at"]


def test_a_close_settles_what_was_not_answered(shop: Shop, ann: Client) -> None:
    customer, conversation = shop.waiting("never answered")
    do(customer, "close", conversation)
    again = customer.say(conversation, "again")
    assert look(ann, conversation)["waiting_since"] == again["at"]
    do(ann, "claim", conversation)
    do(ann, "close", conversation)
    do(ann, "claim", conversation)
    before = ann.ping()["at"]
    assert do(ann, "release", conversation)["waiting_since"] >= before


def test_a_system_message_is_no_answer_of_the_store(shop: Shop, ann: Client) -> None:
    customer = shop.customer()
    conversation = shop.conversation(customer)
    asked = customer.say(conversation, "where is my parcel?")
    do(ann, "claim", conversation)
    shop.announce(conversation, "your parcel is on its way")
    assert do(ann, "release", conversation)["waiting_since"] == asked["at"]
