"""`conversations`: whose, in which order, and the walk along the cursor."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from tests.e2e.client import Client, fresh
from tests.e2e.conftest import Marketplace, Shop


def listed(client: Client, **where: Any) -> list[str]:
    """The conversations of one page."""
    return [c["conversation"] for c in client.ask("conversations", **where)["conversations"]]


def walked(client: Client, **where: Any) -> list[str]:
    """The conversations of all pages, or of those that a cursor leaves."""
    found: list[str] = []
    while True:
        page = client.ask("conversations", **where)
        assert len(page["conversations"]) <= where.get("limit", 50)
        found += [c["conversation"] for c in page["conversations"]]
        if page["cursor"] is None:
            return found
        assert page["conversations"], "a cursor promises more, or at least an end that is near"
        assert len(found) < 1000, "the walk does not end"
        where["cursor"] = page["cursor"]


def test_a_customer_s_own_latest_activity_first(market: Marketplace) -> None:
    shops = [market.open_store() for _ in range(3)]
    agent = shops[0].agent()
    customer = market.connect()
    tea, books, cups = (shop.conversation(customer) for shop in shops)
    assert listed(customer) == []
    for conversation in (tea, books, cups):
        customer.say(conversation, "hello")
    assert listed(customer) == [cups, books, tea]
    customer.say(books, "another")
    assert listed(customer) == [books, cups, tea]
    agent.ask("claim", conversation=tea)
    agent.say(tea, "what the store says is activity too")
    assert listed(customer) == [tea, books, cups]
    shops[2].announce(cups, "and what the system says")
    assert listed(customer) == [cups, tea, books]
    assert listed(customer, limit=2) == [cups, tea]


def test_a_list_shows_each_conversation_as_it_is(shop: Shop) -> None:
    agent = shop.agent(name="Ann")
    customer, conversation = shop.claimed(agent)
    sent = agent.say(conversation, "hello to you")
    for client, where, unread in ((customer, {}, 1), (agent, {"store": shop.store}, 1)):
        found = client.ask("conversations", **where)["conversations"][0]
        assert found["conversation"] == conversation
        assert found["status"] == "claimed"
        assert found["agent"] == {"user": agent.user, "name": "Ann"}
        assert (found["last"]["seq"], found["last"]["body"]["text"]) == (2, "hello to you")
        assert found["last"]["at"] == sent["at"]
        assert (found["last_seq"], found["unread"], found["waiting_since"]) == (2, unread, None)


def test_the_store_s_by_status_and_by_claimer(shop: Shop) -> None:
    ann, bob = shop.agent(), shop.agent("bob")
    (_, waiting1), (second, waiting2), (_, anns), (third, bobs), (_, closed) = (shop.waiting() for _ in range(5))
    ann.ask("claim", conversation=anns)
    bob.ask("claim", conversation=bobs)
    bob.ask("claim", conversation=closed)
    bob.ask("close", conversation=closed)
    second.say(waiting2, "still here")
    third.say(bobs, "and here")
    everything = {waiting1, waiting2, anns, bobs, closed}
    assert set(listed(ann, store=shop.store)) == everything
    assert listed(ann, store=shop.store)[0] == bobs, "the latest activity first"
    assert listed(ann, store=shop.store, status="waiting") == [waiting1, waiting2], "the longest wait first"
    assert listed(ann, store=shop.store, status="claimed") == [bobs, anns]
    assert listed(ann, store=shop.store, status="closed") == [closed]
    assert listed(ann, store=shop.store, mine=True) == [anns]
    assert listed(bob, store=shop.store, mine=True) == [bobs]
    assert listed(bob, store=shop.store, mine=True, status="claimed") == [bobs]
    assert listed(bob, store=shop.store, mine=True, status="waiting") == []
    assert set(listed(bob, store=shop.store, mine=False)) == everything
    bob.ask("release", conversation=bobs)
    assert listed(bob, store=shop.store, mine=True) == []
    assert listed(ann, store=shop.store, status="waiting") == [waiting1, waiting2, bobs]


def test_whoever_waits_again_waits_since_the_new_message(shop: Shop) -> None:
    agent = shop.agent()
    first, oldest = shop.claimed(agent)
    agent.ask("close", conversation=oldest)
    _, other = shop.waiting()
    first.say(oldest, "one more thing")
    assert listed(agent, store=shop.store, status="waiting") == [other, oldest]


def test_a_store_s_list_is_for_its_agents(market: Marketplace, shop: Shop) -> None:
    customer, _ = shop.waiting()
    colleague_elsewhere = market.open_store().agent()
    for stranger in (customer, colleague_elsewhere):
        stranger.refused("forbidden", "conversations", store=shop.store)
        stranger.refused("forbidden", "conversations", store=fresh("no-store"))
        stranger.refused("forbidden", "conversations", store=shop.store, status="waiting")
        stranger.refused("forbidden", "conversations", store=shop.store, mine=True)


def test_mine_goes_with_a_store(shop: Shop) -> None:
    """Without one it may be refused or find nothing more than without it; it must be no fault of the service."""
    customer, conversation = shop.waiting()
    answer = customer.request("conversations", mine=True)
    if answer["type"] == "error":
        assert answer["code"] == "bad_request"
    else:
        assert {c["conversation"] for c in answer["result"]["conversations"]} <= {conversation}


def test_a_status_narrows_the_customer_s_own_list_too(market: Marketplace) -> None:
    shop, other = market.open_store(), market.open_store()
    agent = shop.agent()
    customer = market.connect()
    claimed, waiting = shop.conversation(customer), other.conversation(customer)
    for conversation in (claimed, waiting):
        customer.say(conversation, "hello")
    agent.ask("claim", conversation=claimed)
    answer = customer.request("conversations", status="claimed")
    if answer["type"] == "error":  # the page can be read so that a status goes with a store
        assert answer["code"] == "bad_request"
    else:
        assert [c["conversation"] for c in answer["result"]["conversations"]] == [claimed]


def test_an_agent_s_own_conversations_are_those_as_a_customer(market: Marketplace, shop: Shop) -> None:
    agent = shop.agent()
    elsewhere = market.open_store().conversation(agent)
    shop.claimed(agent)
    agent.say(elsewhere, "have you got cups?")
    assert listed(agent) == [elsewhere]


@pytest.fixture
def busy(shop: Shop) -> tuple[Client, list[str]]:
    """An agent, and eleven conversations that began at about the same time."""
    agent = shop.agent(role="supervisor")
    customers = [shop.customer() for _ in range(11)]
    asked = [
        (c, c.post("send", conversation=shop.conversation(c), body={"type": "text", "text": "me first"}))
        for c in customers
    ]
    for customer, id_ in asked:
        assert customer.answer(id_)["type"] == "reply"
    return agent, [shop.conversation(c) for c in customers]


@pytest.mark.parametrize("limit", [1, 3, 10, 11, 12])
def test_a_walk_shows_every_conversation_exactly_once(shop: Shop, busy: tuple[Client, list[str]], limit: int) -> None:
    agent, conversations = busy
    for status in ({}, {"status": "waiting"}):
        found = walked(agent, store=shop.store, limit=limit, **status)
        assert sorted(found) == sorted(conversations)
        assert found == listed(agent, store=shop.store, **status), "in the order of the undivided list"
    for conversation in conversations[:7]:
        agent.ask("claim", conversation=conversation)
    for conversation in conversations[:2]:
        agent.ask("close", conversation=conversation)
    assert sorted(walked(agent, store=shop.store, limit=limit, mine=True)) == sorted(conversations[2:7])
    assert sorted(walked(agent, store=shop.store, limit=limit, status="claimed")) == sorted(conversations[2:7])
    assert sorted(walked(agent, store=shop.store, limit=limit, status="closed")) == sorted(conversations[:2])
    assert sorted(walked(agent, store=shop.store, limit=limit, status="waiting")) == sorted(conversations[7:])


def test_waits_are_listed_by_their_beginning(shop: Shop, busy: tuple[Client, list[str]]) -> None:
    agent, _ = busy
    waits = agent.ask("conversations", store=shop.store, status="waiting")["conversations"]
    assert all(a["waiting_since"] <= b["waiting_since"] for a, b in pairwise(waits))
    latest = agent.ask("conversations", store=shop.store)["conversations"]
    assert all(a["last"]["at"] >= b["last"]["at"] for a, b in pairwise(latest))


def test_what_does_not_change_is_shown_once_although_others_do(shop: Shop, busy: tuple[Client, list[str]]) -> None:
    agent, _ = busy
    order = listed(agent, store=shop.store)
    page = agent.ask("conversations", store=shop.store, limit=4)
    for conversation in (order[0], order[9]):  # one that was shown, and one that was still to come
        shop.announce(conversation, "moves to the front")
    shop.waiting("a new one")
    rest = walked(agent, store=shop.store, limit=4, cursor=page["cursor"])
    unchanged = [c for c in order if c not in (order[0], order[9])]
    shown = [c["conversation"] for c in page["conversations"]] + rest
    assert [c for c in shown if c in unchanged] == unchanged


def test_a_waiting_queue_that_empties_is_walked_without_a_gap(shop: Shop, busy: tuple[Client, list[str]]) -> None:
    agent, _ = busy
    order = listed(agent, store=shop.store, status="waiting")
    page = agent.ask("conversations", store=shop.store, status="waiting", limit=4)
    for conversation in order[:4]:
        agent.ask("claim", conversation=conversation)
    assert walked(agent, store=shop.store, status="waiting", limit=4, cursor=page["cursor"]) == order[4:]


def test_a_customer_s_walk(market: Marketplace) -> None:
    customer = market.connect()
    conversations = [market.open_store().conversation(customer) for _ in range(5)]
    for conversation in conversations:
        customer.say(conversation, "hello")
    assert walked(customer, limit=2) == conversations[::-1]
    assert walked(customer, limit=5) == conversations[::-1]


def test_a_list_of_the_longest_messages_still_arrives(shop: Shop) -> None:
    """More than fits a message of the platform: a page may be shorter than asked for, with a cursor to the rest."""
    agent = shop.agent()
    conversations = [shop.waiting("中" * 4000)[1] for _ in range(14)]
    assert sorted(walked(agent, store=shop.store, limit=100)) == sorted(conversations)
    assert walked(agent, store=shop.store, status="waiting") == conversations


def test_a_cursor_of_another_list_is_no_fault_of_the_service(shop: Shop, busy: tuple[Client, list[str]]) -> None:
    agent, _ = busy
    cursor = agent.ask("conversations", store=shop.store, limit=2)["cursor"]
    for where in ({}, {"store": shop.store, "status": "waiting"}, {"store": shop.store, "mine": True}):
        answer = agent.request("conversations", cursor=cursor, **where)
        assert answer["type"] == "reply" or answer["code"] == "bad_request", answer
