"""Who receives what, while it happens: messages, `typing`, `watch`, `conversation` and notices."""

from __future__ import annotations

import time

import pytest

from tests.e2e.client import DEADLINE, Client, Frame, fresh, message_of, of_type
from tests.e2e.conftest import Marketplace, Shop


def heard(client: Client, text: str) -> Frame:
    """The message event with that text."""
    return client.expect("message", body={"type": "text", "text": text})


def silence(client: Client, shop: Shop, kind: str, **fields: object) -> None:
    """An agent of the store has heard nothing of that kind by the time that a later message comes."""
    text = fresh("later")
    shop.waiting(text)
    frames = client.until("message", body={"type": "text", "text": text})
    assert not of_type(frames, kind, **fields)


@pytest.fixture
def ann(shop: Shop) -> Client:
    return shop.agent("ann")


@pytest.fixture
def bob(shop: Shop) -> Client:
    return shop.agent("bob")


# Messages


def test_while_it_waits_every_agent_hears_the_customer(shop: Shop, ann: Client, bob: Client) -> None:
    away = shop.appoint(fresh("zoe"))
    customer, conversation = shop.waiting("hello")
    (stored,) = customer.history(conversation)
    for agent in (ann, bob):
        event = heard(agent, "hello")
        assert message_of(event) == message_of(stored)
        assert event["offset"] == 1
        assert "replay" not in event
    (replayed,) = shop.market.connect(away).replayed
    assert (message_of(replayed), replayed["offset"]) == (message_of(stored), 1)


def test_the_sender_s_other_connections_hear_it_without_an_offset(shop: Shop) -> None:
    phone = shop.customer()
    tablet = shop.market.connect(phone.user)
    phone.say(shop.conversation(phone), "from the phone")
    assert "offset" not in heard(tablet, "from the phone")
    tablet.say(shop.conversation(phone), "from the tablet")
    frames = phone.until("message", body={"type": "text", "text": "from the tablet"})
    assert len(of_type(frames, "message")) == 1, "the asking connection has its reply"
    assert shop.market.connect(phone.user).welcome["offline"] == 0


def test_while_it_is_claimed_the_claimer_alone_hears_the_customer(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    customer.say(conversation, "for Ann")
    assert heard(ann, "for Ann")["offset"] == 2
    silence(bob, shop, "message", seq=2)
    assert [m["offset"] for m in shop.market.connect(bob.user).replayed] == [1, 2], "the first, and the later one"


def test_the_customer_hears_the_store_on_every_device(shop: Shop, ann: Client, bob: Client) -> None:
    phone, conversation = shop.claimed(ann)
    tablet, desk = shop.market.connect(phone.user), shop.market.connect(ann.user)
    ann.say(conversation, "hello to you")
    assert heard(phone, "hello to you")["offset"] == 1
    assert heard(tablet, "hello to you")["offset"] == 1, "the devices share one list"
    assert "offset" not in heard(desk, "hello to you")
    silence(bob, shop, "message", seq=2)
    silence(ann, shop, "message", seq=2)


def test_the_system_is_heard_by_the_customer_and_the_claimer(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    sent = shop.announce(conversation, "your parcel has left", "parcel-1")
    assert sent["seq"] == 2
    for receiver in (customer, ann):
        event = heard(receiver, "your parcel has left")
        assert event["from"] == {"user": "system", "name": "Tea house 茶馆", "side": "system"}
        assert (event["id"], event["at"]) == ("parcel-1", sent["at"])
        assert event["offset"] >= 1
    silence(bob, shop, "message", seq=2)


def test_while_it_waits_the_system_is_heard_by_the_customer_alone(shop: Shop, ann: Client) -> None:
    customer, conversation = shop.waiting()
    shop.announce(conversation, "the shop opens at nine")
    assert heard(customer, "the shop opens at nine")["offset"] == 1
    silence(ann, shop, "message", seq=2)


def test_nobody_of_another_store_hears_anything(market: Marketplace, shop: Shop, ann: Client) -> None:
    elsewhere = market.open_store()
    stranger = elsewhere.agent()
    customer, conversation = shop.claimed(ann)
    ann.say(conversation, "a secret")
    ann.ask("read", conversation=conversation, seq=1)
    customer.ask("typing", conversation=conversation)
    ann.ask("close", conversation=conversation)
    elsewhere.waiting("over here")
    frames = stranger.until("message", body={"type": "text", "text": "over here"})
    assert not [f for f in frames if conversation in str(f)]
    assert frames[-1]["offset"] == 1


def test_two_customers_of_a_store_hear_nothing_of_each_other(shop: Shop, ann: Client) -> None:
    first, conversation = shop.claimed(ann)
    second, another = shop.claimed(ann)
    ann.say(conversation, "for the first")
    ann.say(another, "for the second")
    frames = second.until("message", body={"type": "text", "text": "for the second"})
    assert not [f for f in frames if conversation in str(f)]
    assert heard(first, "for the first")["offset"] == 1


def test_an_agent_asks_her_own_store_as_a_customer(shop: Shop, ann: Client, bob: Client) -> None:
    conversation = shop.conversation(ann)
    ann.say(conversation, "have we got cups?")
    assert heard(bob, "have we got cups?")["offset"] == 1
    bob.ask("claim", conversation=conversation)
    bob.say(conversation, "we have")
    answer = heard(ann, "we have")
    assert answer["offset"] >= 1
    assert answer["from"]["side"] == "store"
    ann.changed(conversation, status="claimed", agent={"user": bob.user})


def test_an_agent_hears_as_a_customer_of_another_store(market: Marketplace, shop: Shop, ann: Client) -> None:
    elsewhere = market.open_store()
    seller = elsewhere.agent()
    conversation = elsewhere.conversation(ann)
    ann.say(conversation, "do you sell cups?")
    seller.ask("claim", conversation=conversation)
    seller.say(conversation, "we do")
    assert heard(ann, "we do")["offset"] == 1
    shop.waiting("and a customer here")
    assert heard(ann, "and a customer here")["offset"] == 2


def test_whoever_is_appointed_hears_from_then_on(market: Marketplace, shop: Shop) -> None:
    newcomer = market.connect()
    shop.waiting("before")
    shop.appoint(newcomer.user)
    _, conversation = shop.waiting("after")
    frames = newcomer.until("message", body={"type": "text", "text": "after"})
    assert (frames[-1]["offset"], len(of_type(frames, "message"))) == (1, 1)
    newcomer.ask("claim", conversation=conversation)
    newcomer.changed(conversation, status="claimed")


# conversation


def test_a_change_is_told_to_all_connections_of_all_concerned(shop: Shop, ann: Client, bob: Client) -> None:
    phone, conversation = shop.waiting()
    tablet, desk = shop.market.connect(phone.user), shop.market.connect(ann.user)
    ann.ask("claim", conversation=conversation)
    for receiver in (ann, desk, bob, phone, tablet):
        told = receiver.changed(conversation, status="claimed")
        assert told["agent"]["user"] == ann.user
        assert told["customer"]["user"] == phone.user
        assert told["last"]["seq"] == 1


def test_a_change_is_pushed_once_and_not_replayed(shop: Shop, ann: Client) -> None:
    customer, conversation = shop.waiting()
    customer.close()
    ann.ask("claim", conversation=conversation)
    again = shop.market.connect(customer.user)
    assert again.welcome["offline"] == 0
    assert not of_type(again.fence(), "conversation")


# typing


def test_typing_is_told_to_the_other_side(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    customer.ask("typing", conversation=conversation)
    event = ann.expect("typing", conversation=conversation)
    assert event["on"] is True
    assert event["from"]["user"] == customer.user
    assert event["from"]["side"] == "customer"
    ann.ask("typing", conversation=conversation, on=False)
    event = customer.expect("typing", conversation=conversation)
    assert event["on"] is False
    assert event["from"]["user"] == ann.user
    assert event["from"]["side"] == "store"
    silence(bob, shop, "typing")
    assert shop.market.connect(ann.user).welcome["offline"] == 2, "nothing is stored: two messages only"


def test_while_nobody_has_claimed_typing_is_told_to_nobody(shop: Shop, ann: Client) -> None:
    customer, conversation = shop.waiting()
    customer.ask("typing", conversation=conversation, on=True)
    silence(ann, shop, "typing")


def test_only_the_claimer_types(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.waiting()
    assert bob.refused("not_claimer", "typing", conversation=conversation) == {"agent": None}
    ann.ask("claim", conversation=conversation)
    assert bob.refused("not_claimer", "typing", conversation=conversation) == {"agent": ann.user}
    ann.say(conversation, "here")
    assert not of_type(customer.until("message", seq=2), "typing")


# watch


def test_a_watcher_hears_both_sides_without_offsets(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    heard(bob, "hello")
    bob.ask("watch", conversation=conversation)
    customer.say(conversation, "from the customer")
    ann.say(conversation, "from the store")
    shop.announce(conversation, "from the system")
    for text in ("from the customer", "from the store", "from the system"):
        assert "offset" not in heard(bob, text)
    customer.ask("read", conversation=conversation, seq=3)
    assert bob.expect("read", conversation=conversation)["side"] == "customer"
    ann.ask("read", conversation=conversation, seq=3)
    assert bob.expect("read", conversation=conversation)["side"] == "store"
    customer.ask("typing", conversation=conversation)
    assert bob.expect("typing", conversation=conversation)["from"]["side"] == "customer"
    ann.ask("typing", conversation=conversation)
    assert bob.expect("typing", conversation=conversation)["from"]["side"] == "store"


def test_only_the_connection_that_watches_hears(shop: Shop, ann: Client, bob: Client) -> None:
    desk = shop.market.connect(bob.user)
    customer, conversation = shop.claimed(ann)
    bob.ask("watch", conversation=conversation)
    customer.say(conversation, "watched")
    heard(bob, "watched")
    silence(desk, shop, "message", seq=2)


def test_unwatching_ends_it(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    bob.ask("watch", conversation=conversation)
    customer.say(conversation, "watched")
    heard(bob, "watched")
    bob.ask("unwatch", conversation=conversation)
    customer.say(conversation, "not watched")
    silence(bob, shop, "message", seq=3)
    bob.ask("unwatch", conversation=conversation)


def test_watching_ends_with_the_connection(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    bob.ask("watch", conversation=conversation)
    bob.close()
    again = shop.market.connect(bob.user)
    customer.say(conversation, "not watched any more")
    silence(again, shop, "message", seq=2)


def test_what_a_watcher_hears_is_not_kept_for_it(shop: Shop, ann: Client, bob: Client) -> None:
    customer, conversation = shop.claimed(ann)
    bob.ask("watch", conversation=conversation)
    customer.say(conversation, "watched")
    heard(bob, "watched")
    replayed = shop.market.connect(bob.user).replayed
    assert [m["body"]["text"] for m in replayed] == ["hello"]


def test_an_agent_watches_only_what_exists(shop: Shop, ann: Client) -> None:
    ann.refused("not_found", "watch", conversation=shop.conversation(fresh("nobody")))


# store and notices


def test_anyone_may_ask_whether_a_store_is_staffed(market: Marketplace, shop: Shop) -> None:
    customer = market.connect()
    assert customer.ask("store", store=shop.store) == {
        "store": shop.store,
        "name": "Tea house 茶馆",
        "agents_online": 0,
    }
    ann = shop.agent()
    market.connect(ann.user)
    shop.appoint(fresh("away"))
    assert customer.ask("store", store=shop.store)["agents_online"] == 1, "agents, not connections"
    shop.agent("bob")
    assert customer.ask("store", store=shop.store)["agents_online"] == 2
    customer.refused("not_found", "store", store=fresh("no-store"))
    ann.close()
    for client in market.clients:
        if client.user == ann.user:
            client.close()
    deadline = time.monotonic() + DEADLINE
    while customer.ask("store", store=shop.store)["agents_online"] != 1:
        assert time.monotonic() < deadline  # a poll: nothing announces that somebody has gone


def test_a_notice_reaches_everybody_online(market: Marketplace, shop: Shop, ann: Client) -> None:
    customer = market.connect()
    tablet = market.connect(customer.user)
    text = fresh("we close at noon 中午")
    before = customer.ping()["at"]
    market.admin("POST", "/broadcast", {"text": text}, expect=202)
    for receiver in (ann, customer, tablet):
        notice = receiver.expect("notice", text=text)
        assert before <= notice["at"]
        assert "offset" not in notice


def test_a_notice_for_a_store_reaches_its_agents_alone(market: Marketplace, shop: Shop, ann: Client) -> None:
    customer, _ = shop.waiting()
    desk = market.connect(ann.user)
    stranger = market.open_store().agent()
    market.admin("POST", "/broadcast", {"text": "for the staff", "store": shop.store}, expect=202)
    for receiver in (ann, desk):
        receiver.expect("notice", text="for the staff")
    everyone = fresh("for all")
    market.admin("POST", "/broadcast", {"text": everyone}, expect=202)
    for receiver in (customer, stranger):
        assert not of_type(receiver.until("notice", text=everyone), "notice", text="for the staff")
