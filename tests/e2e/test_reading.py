"""`history`, `read` and what counts as unread."""

from __future__ import annotations

import pytest

from tests.e2e.client import Client, Frame, fresh, message_of, of_type
from tests.e2e.conftest import Marketplace, Shop


@pytest.fixture
def talk(shop: Shop) -> tuple[Client, str]:
    """A customer with 120 messages, "1" to "120"."""
    customer = shop.customer()
    conversation = shop.conversation(customer)
    for n in range(1, 121):
        customer.say(conversation, str(n))
    return customer, conversation


# history


def seqs(client: Client, conversation: str, **parameters: int) -> tuple[list[int], bool]:
    page = client.ask("history", conversation=conversation, **parameters)
    assert page["conversation"] == conversation
    assert [int(m["body"]["text"]) for m in page["messages"]] == [m["seq"] for m in page["messages"]]
    return [m["seq"] for m in page["messages"]], page["more"]


def test_history_pages_both_ways_and_says_whether_more_remains(talk: tuple[Client, str]) -> None:
    customer, conversation = talk
    pages: dict[tuple[tuple[str, int], ...], tuple[range, bool]] = {
        (): (range(71, 121), True),
        (("limit", 1),): (range(120, 121), True),
        (("limit", 100),): (range(21, 121), True),
        (("before", 121), ("limit", 100)): (range(21, 121), True),
        (("before", 21), ("limit", 100)): (range(1, 21), False),
        (("before", 21), ("limit", 20)): (range(1, 21), False),
        (("before", 21), ("limit", 19)): (range(2, 21), True),
        (("before", 21),): (range(1, 21), False),
        (("before", 1),): (range(0), False),
        (("before", 1000), ("limit", 2)): (range(119, 121), True),
        (("after", 0),): (range(1, 51), True),
        (("after", 0), ("limit", 100)): (range(1, 101), True),
        (("after", 20), ("limit", 100)): (range(21, 121), False),
        (("after", 20), ("limit", 99)): (range(21, 120), True),
        (("after", 119),): (range(120, 121), False),
        (("after", 120),): (range(0), False),
        (("after", 1000),): (range(0), False),
    }
    for parameters, (expected, more) in pages.items():
        assert seqs(customer, conversation, **dict(parameters)) == (list(expected), more), parameters


@pytest.mark.parametrize("bound", ["after", "before"])
@pytest.mark.parametrize("far", [2**31, 2**53, 2**63, 10**30])
def test_history_survives_a_bound_that_is_far_away(shop: Shop, bound: str, far: int) -> None:
    """Beyond what any seq can be, it may be refused, too: but as the caller's mistake."""
    customer, conversation = shop.waiting("1")
    answer = customer.request("history", conversation=conversation, **{bound: far})
    if answer["type"] == "error":
        assert answer["code"] == "bad_request", answer
        assert far >= 2**53, answer
    else:
        assert len(answer["result"]["messages"]) == (bound == "before")


LONG = "中" * 4000


def test_a_page_of_the_longest_messages_still_arrives(shop: Shop) -> None:
    """More than fits a message of the platform: a page may be shorter than asked for, but says that more remains."""
    customer, conversation = shop.waiting(LONG)
    for _ in range(24):
        customer.say(conversation, LONG)
    backwards: list[int] = []
    page = customer.ask("history", conversation=conversation, limit=100)
    while page["messages"]:
        seqs = [m["seq"] for m in page["messages"]]
        assert all(m["body"]["text"] == LONG for m in page["messages"])
        backwards = seqs + backwards
        assert page["more"] is (seqs[0] > 1)
        page = customer.ask("history", conversation=conversation, limit=100, before=seqs[0])
    assert backwards == list(range(1, 26))
    forwards: list[int] = []
    while len(forwards) < 25:
        page = customer.ask("history", conversation=conversation, limit=100, after=len(forwards))
        assert page["messages"], "a page is never empty while more remains"
        forwards += [m["seq"] for m in page["messages"]]
        assert page["more"] is (len(forwards) < 25)
    assert forwards == list(range(1, 26))


def test_every_agent_of_the_store_reads_the_history_claimed_or_not(shop: Shop) -> None:
    agent, other = shop.agent(), shop.agent("bob")
    customer, conversation = shop.claimed(agent)
    agent.say(conversation, "hello to you")
    mine = customer.history(conversation)
    assert [m["from"]["side"] for m in mine] == ["customer", "store"]
    assert agent.history(conversation) == other.history(conversation) == mine
    agent.ask("close", conversation=conversation)
    assert other.history(conversation) == mine


def test_the_history_of_a_conversation_that_does_not_exist(market: Marketplace, shop: Shop) -> None:
    customer = shop.customer()
    customer.refused("not_found", "history", conversation=shop.conversation(customer))
    customer.refused("not_found", "history", conversation=f"{fresh('no-store')}:{customer.user}")
    customer.refused("forbidden", "history", conversation=shop.conversation(fresh("dora")))
    shop.agent().refused("not_found", "history", conversation=shop.conversation(fresh("dora")))


# read and unread


def unread(client: Client, conversation: str, **where: str) -> tuple[int, Frame]:
    """The caller's count and both read marks."""
    listed = client.ask("conversations", **where)["conversations"]
    found = next(c for c in listed if c["conversation"] == conversation)
    return found["unread"], found["read"]


def test_unread_counts_what_one_s_own_side_did_not_say(shop: Shop) -> None:
    agent, other = shop.agent(), shop.agent("bob")
    customer, conversation = shop.claimed(agent)  # 1
    customer.say(conversation, "2")
    agent.say(conversation, "3")
    shop.announce(conversation, "4")
    agent.say(conversation, "5")
    marks = {"customer": 0, "store": 0}
    assert unread(customer, conversation) == (3, marks)
    assert unread(agent, conversation, store=shop.store) == (3, marks), "sending moves no mark"
    assert unread(other, conversation, store=shop.store) == (3, marks), "the store's side is one side"

    assert customer.ask("read", conversation=conversation, seq=3) == {"unread": 2}
    assert other.ask("read", conversation=conversation, seq=2) == {"unread": 1}
    assert unread(customer, conversation) == (2, {"customer": 3, "store": 2})
    assert unread(agent, conversation, store=shop.store) == (1, {"customer": 3, "store": 2})

    assert agent.ask("read", conversation=conversation, seq=5) == {"unread": 0}
    customer.say(conversation, "6")
    assert unread(agent, conversation, store=shop.store)[0] == 1
    assert unread(customer, conversation)[0] == 2


def test_a_read_mark_goes_to_the_last_message_at_most_and_never_back(shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    for n in range(2, 6):
        agent.say(conversation, str(n))
    assert customer.ask("read", conversation=conversation, seq=0) == {"unread": 4}
    assert customer.ask("read", conversation=conversation, seq=3) == {"unread": 2}
    assert customer.ask("read", conversation=conversation, seq=2) == {"unread": 2}
    assert unread(customer, conversation) == (2, {"customer": 3, "store": 0})
    assert customer.ask("read", conversation=conversation, seq=1000) == {"unread": 0}
    assert unread(customer, conversation) == (0, {"customer": 5, "store": 0})
    agent.expect("read", conversation=conversation, seq=5)
    agent.say(conversation, "6")
    assert unread(customer, conversation) == (1, {"customer": 5, "store": 0})


def test_each_receiver_is_told_its_own_count(shop: Shop) -> None:
    agent, other = shop.agent(), shop.agent("bob")
    customer, conversation = shop.claimed(agent)
    agent.say(conversation, "2")
    agent.say(conversation, "3")
    assert agent.ask("close", conversation=conversation)["conversation"]["unread"] == 1
    assert customer.changed(conversation, status="closed")["unread"] == 2
    assert other.changed(conversation, status="closed")["unread"] == 1
    assert agent.changed(conversation, status="closed")["unread"] == 1


def test_reading_what_does_not_exist(shop: Shop) -> None:
    customer = shop.customer()
    customer.refused("not_found", "read", conversation=shop.conversation(customer), seq=1)
    shop.agent().refused("not_found", "read", conversation=shop.conversation(fresh("dora")), seq=1)


def test_an_agent_reads_her_own_conversation_as_its_customer(shop: Shop) -> None:
    agent, colleague = shop.agent(), shop.agent("bob")
    conversation = shop.conversation(agent)
    agent.say(conversation, "do we have tea?")
    colleague.ask("claim", conversation=conversation)
    colleague.say(conversation, "we do")
    assert unread(agent, conversation)[0] == 1
    assert unread(agent, conversation, store=shop.store)[0] == 1
    assert agent.ask("read", conversation=conversation, seq=2) == {"unread": 0}
    assert unread(colleague, conversation, store=shop.store) == (1, {"customer": 2, "store": 0})
    assert colleague.expect("read", conversation=conversation)["side"] == "customer"


# The event


def test_while_nobody_has_claimed_the_customer_s_reading_is_told_to_all_agents(shop: Shop) -> None:
    agents = [shop.agent(), shop.agent("bob")]
    customer, conversation = shop.waiting()
    phone = shop.market.connect(customer.user)
    shop.announce(conversation, "2")
    before = customer.ping()["at"]
    customer.ask("read", conversation=conversation, seq=2)
    for receiver in (*agents, phone):
        event = receiver.expect("read", conversation=conversation)
        assert (event["side"], event["seq"]) == ("customer", 2)
        assert before <= event["at"] <= customer.ping()["at"]
        assert "offset" not in event


def test_while_it_is_claimed_the_customer_s_reading_is_told_to_the_claimer(shop: Shop) -> None:
    agent, other = shop.agent(), shop.agent("bob")
    customer, conversation = shop.claimed(agent)
    agent.say(conversation, "2")
    customer.ask("read", conversation=conversation, seq=2)
    assert agent.expect("read", conversation=conversation)["side"] == "customer"
    shop.waiting("a later event, for all agents")
    heard = other.until("message", body={"type": "text", "text": "a later event, for all agents"})
    assert not of_type(heard, "read")


def test_the_store_s_reading_is_told_to_the_customer_and_the_reader_s_other_connections(shop: Shop) -> None:
    agent, other = shop.agent(), shop.agent("bob")
    tablet = shop.market.connect(agent.user)
    customer, conversation = shop.claimed(agent)
    agent.ask("read", conversation=conversation, seq=1)
    for receiver in (customer, tablet):
        event = receiver.expect("read", conversation=conversation)
        assert (event["side"], event["seq"]) == ("store", 1)
    shop.waiting("later")
    for silent in (agent, other):
        heard = silent.until("message", body={"type": "text", "text": "later"})
        assert not of_type(heard, "read")


def test_what_was_read_is_not_said_again_at_the_next_connect(shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    customer.close()
    agent.say(conversation, "2")
    agent.ask("read", conversation=conversation, seq=1)
    again = shop.market.connect(customer.user)
    assert [message_of(m)["seq"] for m in again.replayed] == [2]
    assert not of_type(again.fence(), "read"), "a read is not durable"
