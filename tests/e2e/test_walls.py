"""Who is removed from a store's agents hears, reads and does nothing there any more."""

from __future__ import annotations

from tests.e2e.client import Client, Frame, fresh, of_type
from tests.e2e.conftest import Marketplace, Shop


def offsets(frames: list[Frame]) -> list[int]:
    return [f["offset"] for f in frames]


def test_the_store_s_entries_leave_a_removed_agent_s_list(market: Marketplace) -> None:
    tea, books = market.open_store(), market.open_store()
    user = fresh("ann")
    tea.appoint(user)
    books.appoint(user)
    for shop in (tea, books, tea, books, tea):
        shop.waiting()
    tea.remove(user)
    agent = market.connect(user)
    assert agent.welcome["offline"] == 2
    assert offsets(agent.replayed) == [2, 4], "a gap"
    assert {m["conversation"].partition(":")[0] for m in agent.replayed} == {books.store}
    books.waiting()
    assert agent.expect("message")["offset"] == 6, "offsets are never given out again"
    agent.acknowledge(3)
    assert offsets(market.connect(user).replayed) == [4, 6]


def test_removing_acknowledges_nothing_else(market: Marketplace) -> None:
    tea, books = market.open_store(), market.open_store()
    user = fresh("ann")
    books.appoint(user)
    tea.appoint(user)
    books.waiting()
    tea.waiting()
    agent = market.connect(user)
    tea.remove(user)
    agent.acknowledge(2)
    agent.refused("bad_request", "ping", ack=3)
    assert market.connect(user).welcome["offline"] == 0


def test_nothing_more_of_the_store_reaches_a_removed_agent(market: Marketplace, shop: Shop) -> None:
    removed, colleague = shop.agent(), shop.agent("bob")
    customer, conversation = shop.claimed(colleague)
    removed.changed(conversation, status="claimed")
    removed.ask("watch", conversation=conversation)
    desk = market.connect(removed.user)
    shop.remove(removed.user)
    for connection in (removed, desk):
        connection.fence()
    customer.say(conversation, "for the claimer")
    colleague.say(conversation, "for the customer")
    customer.ask("typing", conversation=conversation)
    colleague.ask("read", conversation=conversation, seq=1)
    colleague.ask("close", conversation=conversation)
    _, another = shop.waiting("for every agent")
    market.admin("POST", "/broadcast", {"text": "for the staff", "store": shop.store}, expect=202)
    colleague.expect("notice", text="for the staff")
    everyone = fresh("for all")
    market.admin("POST", "/broadcast", {"text": everyone}, expect=202)
    for connection in (removed, desk):
        frames = connection.until("notice", text=everyone)
        assert not [f for f in frames if shop.store in str(f)]
    assert market.connect(removed.user).welcome["offline"] == 0
    assert market.connect(removed.user).ask("conversations") == {"conversations": [], "cursor": None}
    parameters: dict[str, Frame] = {
        "send": {"body": {"type": "text", "text": "x"}},
        "transfer": {"to": colleague.user},
        "read": {"seq": 1},
        **{action: {} for action in ("history", "claim", "release", "close", "typing", "watch", "unwatch")},
    }
    for action, more in parameters.items():
        for place in (conversation, another, shop.conversation(fresh("nobody"))):
            removed.refused("forbidden", action, conversation=place, **more)
    removed.refused("forbidden", "conversations", store=shop.store)


def test_a_removed_agent_s_claims_go_back_to_waiting(shop: Shop) -> None:
    removed, colleague = shop.agent(), shop.agent("bob")
    customer = shop.customer()
    conversation = shop.conversation(customer)
    asked = customer.say(conversation, "is anybody there?")
    removed.ask("claim", conversation=conversation)
    claimed = customer.changed(conversation, status="claimed")
    shop.remove(removed.user)
    for receiver in (colleague, customer):
        told = receiver.changed(conversation, after=claimed["version"], status="waiting")
        assert told["agent"] is None
        assert told["waiting_since"] == asked["at"]
    colleague.ask("claim", conversation=conversation)
    colleague.say(conversation, "I am")
    customer.say(conversation, "good")
    assert colleague.expect("message", seq=3)["offset"] >= 1


def test_while_a_removed_agent_s_conversation_waits_all_others_hear(shop: Shop) -> None:
    removed, colleague = shop.agent(), shop.agent("bob")
    customer, conversation = shop.claimed(removed)
    shop.remove(removed.user)
    customer.changed(conversation, status="waiting")
    customer.say(conversation, "still here")
    assert colleague.expect("message", seq=2)["offset"] == 2
    assert not of_type(removed.fence(), "message", seq=2)


def test_a_removed_agent_is_not_a_claimer_when_she_comes_back(shop: Shop) -> None:
    agent, colleague = shop.agent(), shop.agent("bob")
    customer, conversation = shop.claimed(agent)
    shop.remove(agent.user)
    customer.changed(conversation, status="waiting")
    shop.appoint(agent.user)
    body = {"type": "text", "text": "me again"}
    assert agent.refused("not_claimer", "send", conversation=conversation, body=body) == {"agent": None}
    listed = colleague.ask("conversations", store=shop.store, status="waiting")["conversations"]
    assert [c["conversation"] for c in listed] == [conversation]
    shop.waiting("after the return")
    assert agent.expect("message", body={"type": "text", "text": "after the return"})["offset"] == 2


def test_a_removed_agent_remains_a_customer(shop: Shop) -> None:
    removed, colleague = shop.agent(), shop.agent("bob")
    conversation = shop.conversation(removed)
    removed.say(conversation, "a question of my own")
    shop.remove(removed.user)
    colleague.ask("claim", conversation=conversation)
    colleague.say(conversation, "an answer")
    assert removed.expect("message", conversation=conversation, seq=2)["offset"] >= 1
    assert [m["seq"] for m in removed.history(conversation)] == [1, 2]


def test_removal_during_a_flood_leaves_nothing_behind(market: Marketplace, shop: Shop) -> None:
    removed, _ = shop.appoint(fresh("ann")), shop.agent("bob")
    customer = shop.customer()
    conversation = shop.conversation(customer)
    body = {"type": "text", "text": "flood"}
    asked = [customer.post("send", conversation=conversation, body=body) for _ in range(25)]
    shop.remove(removed)
    for id_ in asked:
        assert customer.answer(id_)["type"] == "reply"
    agent: Client = market.connect(removed)
    assert agent.welcome["offline"] == 0
    agent.ask("sync")
    assert agent.fence() == []
