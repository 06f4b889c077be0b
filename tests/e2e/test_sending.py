"""`send`: what it stores, who may, and what a retry gets."""

from __future__ import annotations

import json

import pytest

from tests.e2e.client import Client, Frame, fresh, message_of
from tests.e2e.conftest import Marketplace, Shop


def body(text: str) -> Frame:
    return {"type": "text", "text": text}


def listed(customer: Client, conversation: str) -> Frame:
    """The conversation object as the customer sees it."""
    mine: list[Frame] = customer.ask("conversations")["conversations"]
    return next(c for c in mine if c["conversation"] == conversation)


# The first message


def test_a_conversation_comes_into_being_with_its_first_message(shop: Shop) -> None:
    customer = shop.customer(name="Carl 卡尔")
    conversation = shop.conversation(customer)
    before = customer.ping()["at"]
    sent = customer.say(conversation, "hello", id="k1")
    after = customer.ping()["at"]
    assert sent["conversation"] == conversation
    assert sent["seq"] == 1
    assert before <= sent["at"] <= after
    message = {
        "conversation": conversation,
        "seq": 1,
        "id": "k1",
        "from": {"user": customer.user, "name": "Carl 卡尔", "side": "customer"},
        "body": body("hello"),
        "at": sent["at"],
    }
    assert message_of(customer.history(conversation)[0]) == message
    created = listed(customer, conversation)
    assert created["store"] == shop.store
    assert created["customer"] == {"user": customer.user, "name": "Carl 卡尔"}
    assert created["status"] == "waiting"
    assert created["agent"] is None
    assert message_of(created["last"]) == message
    assert (created["last_seq"], created["unread"]) == (1, 0)
    assert created["read"] == {"customer": 0, "store": 0}
    assert created["waiting_since"] == sent["at"]


def test_the_store_s_side_speaks_by_its_agent_s_name(shop: Shop) -> None:
    agent = shop.agent(name="Ann of the tea house")
    customer, conversation = shop.claimed(agent)
    agent.say(conversation, "how can I help?")
    speaker = {"user": agent.user, "name": "Ann of the tea house", "side": "store"}
    assert customer.expect("message", seq=2)["from"] == speaker
    assert agent.history(conversation)[1]["from"] == speaker


def test_a_name_in_one_store_s_table_counts_in_that_store_alone(market: Marketplace, shop: Shop) -> None:
    """Elsewhere it is the token's name, else the user id; and so it is for a customer."""
    elsewhere = market.open_store()
    user = elsewhere.appoint(shop.appoint(fresh("ann"), name="Ann of the tea house"))
    for token_name, expected in (("Anna", "Anna"), (None, user)):
        agent = market.connect(user, name=token_name)
        for place, name in ((shop, "Ann of the tea house"), (elsewhere, expected)):
            customer, conversation = place.claimed(agent)
            assert customer.changed(conversation, status="claimed")["agent"] == {"user": user, "name": name}
            agent.say(conversation, "hello to you")
            assert customer.expect("message", seq=2)["from"]["name"] == name
        asked = market.open_store().conversation(agent)
        agent.say(asked, "and as a customer")
        assert agent.history(asked)[0]["from"]["name"] == expected


def test_a_closed_conversation_waits_again_when_its_customer_writes(shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    agent.ask("close", conversation=conversation)
    again = customer.say(conversation, "one more thing")
    assert again["seq"] == 2
    event = agent.changed(conversation, status="waiting", last_seq=2)
    assert event["waiting_since"] == again["at"]
    assert event["agent"] is None


def test_a_customer_s_message_leaves_a_claim_alone(shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    claimed = listed(customer, conversation)
    customer.say(conversation, "and another thing")
    still = listed(customer, conversation)
    assert still["status"] == "claimed"
    assert still["agent"] == claimed["agent"]
    assert still["version"] == claimed["version"]


# Who may


def test_only_the_claimer_may_answer(shop: Shop) -> None:
    claimer, other, boss = shop.agent(), shop.agent("bob"), shop.agent("sue", role="supervisor")
    customer, conversation = shop.waiting()
    for agent in (claimer, other, boss):
        assert agent.refused("not_claimer", "send", conversation=conversation, body=body("x")) == {"agent": None}
    claimer.ask("claim", conversation=conversation)
    for agent in (other, boss):
        details = agent.refused("not_claimer", "send", conversation=conversation, body=body("x"))
        assert details["agent"] == claimer.user
    claimer.say(conversation, "hello to you")
    claimer.ask("close", conversation=conversation)
    assert claimer.refused("not_claimer", "send", conversation=conversation, body=body("x"))["agent"] is None
    assert customer.texts(conversation) == ["hello", "hello to you"]


def test_an_agent_cannot_begin_a_conversation(shop: Shop) -> None:
    agent = shop.agent()
    conversation = shop.conversation(fresh("carl"))
    agent.refused("not_found", "send", conversation=conversation, body=body("buy our tea"))
    agent.refused("not_found", "history", conversation=conversation)


def test_a_customer_of_an_unknown_store_is_told_so(market: Marketplace) -> None:
    customer = market.connect()
    conversation = f"{fresh('no-store')}:{customer.user}"
    customer.refused("not_found", "send", conversation=conversation, body=body("anybody?"))
    assert customer.ask("conversations")["conversations"] == []


@pytest.mark.parametrize("action", ["send", "history", "claim", "release", "close", "transfer", "read", "typing"])
def test_a_stranger_is_told_the_same_whatever_exists(market: Marketplace, shop: Shop, action: str) -> None:
    agent_elsewhere = market.open_store().agent()
    _, existing = shop.waiting()
    places = [existing, shop.conversation(fresh("nobody")), f"{fresh('no-store')}:{fresh('nobody')}"]
    parameters: dict[str, Frame] = {
        "send": {"body": body("x")},
        "transfer": {"to": agent_elsewhere.user},
        "read": {"seq": 1},
    }
    errors = [
        agent_elsewhere.request(action, conversation=place, id="same", **parameters.get(action, {})) for place in places
    ]
    assert errors[0]["code"] == "forbidden"
    said = [json.dumps(error).replace(place, "…") for error, place in zip(errors, places, strict=True)]
    assert len(set(said)) == 1, f"nothing tells what exists: {said}"


@pytest.mark.parametrize("action", ["watch", "unwatch"])
def test_watching_is_for_the_store_s_agents(market: Marketplace, shop: Shop, action: str) -> None:
    stranger = market.open_store().agent()
    customer, existing = shop.waiting()
    for conversation in (existing, shop.conversation(fresh("nobody")), f"{fresh('no-store')}:nobody"):
        stranger.refused("forbidden", action, conversation=conversation)
    customer.refused("forbidden", action, conversation=existing)


def test_an_agent_may_be_a_customer_elsewhere_and_at_home(market: Marketplace, shop: Shop) -> None:
    agent = shop.agent()
    elsewhere = market.open_store()
    there, here = elsewhere.conversation(agent), shop.conversation(agent)
    agent.say(there, "do you have cups?")
    agent.say(here, "do we have tea?")
    for conversation in (there, here):
        assert agent.history(conversation)[0]["from"]["side"] == "customer"
        agent.refused("forbidden", "claim", conversation=conversation)
    colleague = shop.agent("bob")
    colleague.ask("claim", conversation=here)
    colleague.say(here, "we do")
    heard = agent.expect("message", conversation=here, seq=2)
    assert heard["from"]["side"] == "store"
    assert heard["offset"] >= 1


def test_a_supervisor_is_no_supervisor_where_she_is_the_customer(shop: Shop) -> None:
    sue, ann = shop.agent("sue", role="supervisor"), shop.agent()
    conversation = shop.conversation(sue)
    sue.say(conversation, "a question of my own")
    ann.ask("claim", conversation=conversation)
    sue.refused("forbidden", "claim", conversation=conversation, force=True)
    sue.refused("forbidden", "release", conversation=conversation)
    sue.refused("forbidden", "transfer", conversation=conversation, to=fresh("nobody"))
    sue.refused("forbidden", "watch", conversation=conversation)
    sue.ask("typing", conversation=conversation)
    assert ann.expect("typing", conversation=conversation)["from"]["side"] == "customer"
    assert sue.ask("close", conversation=conversation)["conversation"]["status"] == "closed"


@pytest.mark.parametrize("action", ["close", "read", "typing"])
def test_a_customer_without_a_conversation_is_told_so(shop: Shop, action: str) -> None:
    customer = shop.customer()
    parameters = {"seq": 1} if action == "read" else {}
    customer.refused("not_found", action, conversation=shop.conversation(customer), **parameters)


def test_ids_may_be_as_long_as_they_may(market: Marketplace) -> None:
    store, user = (fresh(kind).ljust(64, "_") for kind in ("store", "user"))
    market.admin("PUT", f"/stores/{store}", {"name": "n" * 64})
    shop = Shop(market, store)
    agent = market.connect(shop.appoint(fresh("ann").ljust(64, "-"), name="n" * 64))
    customer, conversation = market.connect(user), f"{store}:{user}"
    customer.say(conversation, "hello", id="i" * 64)
    agent.ask("claim", conversation=conversation)
    agent.say(conversation, "hello to you", id="i" * 64)
    shop.announce(conversation, "and from us", "i" * 64)
    assert customer.texts(conversation) == ["hello", "hello to you", "and from us"]


# Retries


def test_a_retried_send_keeps_its_seq_and_its_time(shop: Shop) -> None:
    customer = shop.customer()
    conversation = shop.conversation(customer)
    first = customer.say(conversation, "hello", id="k1")
    customer.say(conversation, "are you there?", id="k2")
    assert customer.say(conversation, "hello", id="k1") == first
    another_device = shop.market.connect(customer.user)
    assert another_device.say(conversation, "hello", id="k1") == first
    assert customer.texts(conversation) == ["hello", "are you there?"]


def test_a_body_spelt_otherwise_is_the_same_body(shop: Shop) -> None:
    customer = shop.customer()
    conversation = shop.conversation(customer)
    first = customer.say(conversation, "hé", id="k1")
    customer.send_text(
        f'{{"body":{{"text":"h\\u00e9", "type":"text"}},"conversation":"{conversation}","id":"k1","action":"send"}}'
    )
    assert customer.answer("k1")["result"] == first


def test_the_same_id_with_another_body_is_a_conflict(shop: Shop) -> None:
    customer = shop.customer()
    conversation = shop.conversation(customer)
    customer.say(conversation, "zero", id="k0")
    customer.say(conversation, "hello", id="k1")
    details = customer.refused("conflict", "send", conversation=conversation, body=body("hello!"), id="k1")
    assert details["seq"] == 2
    assert customer.texts(conversation) == ["zero", "hello"]
    customer.say(conversation, "hello", id="k1")


def test_an_id_belongs_to_its_sender_and_conversation(market: Marketplace, shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    elsewhere = market.open_store().conversation(customer)
    assert customer.say(conversation, "from the customer", id="k")["seq"] == 2
    assert customer.say(elsewhere, "in another store", id="k")["seq"] == 1
    assert agent.say(conversation, "from the agent", id="k")["seq"] == 3
    assert shop.announce(conversation, "from the system", "k")["seq"] == 4
    assert customer.texts(conversation) == ["hello", "from the customer", "from the agent", "from the system"]


def test_a_known_id_is_answered_before_the_claim_is_looked_at(shop: Shop) -> None:
    agent, other = shop.agent(), shop.agent("bob")
    customer, conversation = shop.claimed(agent)
    answer = agent.say(conversation, "we have it", id="k")
    agent.ask("release", conversation=conversation)
    assert agent.say(conversation, "we have it", id="k") == answer
    other.ask("claim", conversation=conversation)
    assert agent.say(conversation, "we have it", id="k") == answer
    agent.refused("not_claimer", "send", conversation=conversation, body=body("new"), id="k2")
    assert customer.texts(conversation) == ["hello", "we have it"]


def test_a_known_id_changes_no_status(shop: Shop) -> None:
    agent = shop.agent()
    customer = shop.customer()
    conversation = shop.conversation(customer)
    first = customer.say(conversation, "hello", id="k")
    agent.ask("claim", conversation=conversation)
    closed = agent.ask("close", conversation=conversation)["conversation"]
    assert customer.say(conversation, "hello", id="k") == first
    now = listed(customer, conversation)
    assert now["status"] == "closed"
    assert now["version"] == closed["version"]


# Many at once


def test_retries_in_parallel_store_once(shop: Shop) -> None:
    first = shop.customer()
    devices = [first, *(shop.market.connect(first.user) for _ in range(3))]
    conversation = shop.conversation(first)
    for device in devices:
        for _ in range(3):
            device.post("send", conversation=conversation, body=body("hello"), id="once")
    answers = [device.answer("once") for device in devices for _ in range(3)]
    assert {answer["type"] for answer in answers} == {"reply"}, answers
    assert len({str(answer["result"]) for answer in answers}) == 1
    assert first.texts(conversation) == ["hello"]


def test_seq_has_neither_gaps_nor_repeats_and_is_the_same_for_everyone(shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    tablet = shop.market.connect(customer.user)
    senders = {"phone": customer, "tablet": tablet, "agent": agent}
    for n in range(10):
        for device, sender in senders.items():
            sender.post("send", conversation=conversation, body=body(str(n)), id=f"{device} {n}")
    sent = [sender.answer(f"{device} {n}")["result"] for device, sender in senders.items() for n in range(10)]
    history = customer.history(conversation, after=1)
    assert [m["seq"] for m in history] == list(range(2, 32))
    assert {m["seq"]: m["at"] for m in history} == {result["seq"]: result["at"] for result in sent}
    assert agent.history(conversation, after=1) == history
    for message in history:
        if not message["id"].startswith("tablet"):
            assert message_of(tablet.expect("message", seq=message["seq"])) == message_of(message)
