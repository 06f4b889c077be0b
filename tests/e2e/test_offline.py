"""The offline list: replay at connect, live after it, and the ack that alone trims it."""

from __future__ import annotations

from tests.e2e.client import Client, Frame, fresh, message_of, of_type
from tests.e2e.conftest import Marketplace, Shop


def offsets(frames: list[Frame]) -> list[int]:
    return [f["offset"] for f in frames]


def away(shop: Shop, messages: int) -> tuple[str, Client, str]:
    """An agent who is not there, and a customer who has said "1", "2", …"""
    agent = shop.appoint(fresh("ann"))
    customer = shop.customer()
    conversation = shop.conversation(customer)
    for n in range(1, messages + 1):
        customer.say(conversation, str(n))
    return agent, customer, conversation


def test_what_was_missed_is_replayed_in_order(market: Marketplace, shop: Shop) -> None:
    user, customer, conversation = away(shop, 5)
    agent = market.connect(user)
    assert agent.welcome["offline"] == 5
    assert offsets(agent.replayed) == [1, 2, 3, 4, 5]
    assert [message_of(m) for m in agent.replayed] == [message_of(m) for m in customer.history(conversation)]
    customer.say(conversation, "live")
    event = agent.expect("message")
    assert event["offset"] == 6
    assert "replay" not in event


def test_it_is_replayed_at_each_connect_until_acknowledged(market: Marketplace, shop: Shop) -> None:
    user, customer, conversation = away(shop, 3)
    for _ in range(2):
        device = market.connect(user)
        assert offsets(device.replayed) == [1, 2, 3]
        device.close()
    device = market.connect(user)
    device.acknowledge(2)
    assert offsets(market.connect(user).replayed) == [3]
    customer.say(conversation, "4")
    assert offsets(market.connect(user).replayed) == [3, 4]
    device.acknowledge(4)
    assert market.connect(user).welcome["offline"] == 0


def test_what_was_pushed_live_is_replayed_too(market: Marketplace, shop: Shop) -> None:
    agent = shop.agent()
    shop.waiting("pushed")
    assert agent.expect("message")["offset"] == 1
    again = market.connect(agent.user)
    assert [m["body"]["text"] for m in again.replayed] == ["pushed"]


def test_an_ack_trims_the_list_for_all_devices(market: Marketplace, shop: Shop) -> None:
    user, customer, conversation = away(shop, 3)
    phone, tablet = market.connect(user), market.connect(user)
    phone.acknowledge(3)
    tablet.ask("sync")
    assert not of_type(tablet.fence(), "message")
    tablet.acknowledge(1)
    customer.say(conversation, "4")
    assert phone.expect("message")["offset"] == tablet.expect("message")["offset"] == 4
    assert offsets(market.connect(user).replayed) == [4]


def test_offsets_go_on_after_everything_was_acknowledged(market: Marketplace, shop: Shop) -> None:
    user, customer, conversation = away(shop, 2)
    market.connect(user).acknowledge(2)
    customer.say(conversation, "3")
    assert offsets(market.connect(user).replayed) == [3]


def test_sync_replays_from_the_first_unacknowledged_entry(market: Marketplace, shop: Shop) -> None:
    user, customer, conversation = away(shop, 3)
    agent = market.connect(user)
    agent.acknowledge(1)
    customer.say(conversation, "4")
    agent.expect("message", offset=4)
    id_ = agent.post("sync")
    assert agent.answer(id_)["result"] == {}
    replayed = list(agent.heard)  # what came before the reply
    assert offsets(replayed) == [2, 3, 4]
    assert all(f["replay"] is True for f in replayed)
    agent.heard.clear()
    customer.say(conversation, "5")
    event = agent.expect("message")
    assert (event["offset"], event.get("replay")) == (5, None)


def test_sync_with_nothing_to_replay(market: Marketplace) -> None:
    client = market.connect()
    assert client.ask("sync") == {}
    assert client.fence() == []


def test_a_long_list_is_replayed_whole_and_in_order(market: Marketplace, shop: Shop) -> None:
    user, _, _ = away(shop, 130)
    agent = market.connect(user)
    assert offsets(agent.replayed) == list(range(1, 131))
    assert [m["body"]["text"] for m in agent.replayed] == [str(n) for n in range(1, 131)]


def test_nothing_live_comes_before_the_replay_has_ended(market: Marketplace, shop: Shop) -> None:
    """A flood begins while the replay runs: replays first, in order, then everything else, with nothing left out."""
    user, customer, conversation = away(shop, 40)
    total = 40
    for _ in range(3):
        agent = market.connect(user, greet=False)
        flood(customer, conversation, 20)
        total += 20
        assert agent.expect("welcome")["offline"] >= total - 20
        came: list[Frame] = []
        while {f["offset"] for f in came} != set(range(1, total + 1)):
            came.append(agent.expect("message"))
        replays = of_type(came, "message", replay=True)
        assert came[: len(replays)] == replays, "a live event came before the replay had ended"
        assert offsets(replays) == list(range(1, len(replays) + 1))
        agent.close()


def test_who_has_been_welcomed_hears_at_once(market: Marketplace, shop: Shop) -> None:
    """What is not durable is pushed once: whoever holds a welcome and has no replay to wait for must not miss it."""
    phone = shop.customer()
    conversation = shop.conversation(phone)
    for n in range(40):
        tablet = market.connect(phone.user)
        sent = phone.say(conversation, str(n))
        assert "offset" not in tablet.expect("message", seq=sent["seq"], within=5)
        tablet.close()


def test_what_is_said_during_a_replay_reaches_the_device_after_it(market: Marketplace, shop: Shop) -> None:
    agent = shop.agent()
    phone, conversation = shop.claimed(agent)
    flood(agent, conversation, 100)
    for _ in range(5):
        tablet = market.connect(phone.user, greet=False)
        assert tablet.expect("welcome")["offline"] == 100
        sent = phone.say(conversation, "while you were listening")
        heard = tablet.until("message", seq=sent["seq"])
        assert "offset" not in heard[-1]
        replayed = of_type(heard, "message", replay=True)
        replayed += [tablet.expect("message", replay=True) for _ in range(100 - len(replayed))]
        assert offsets(replayed) == list(range(1, 101))
        tablet.close()


def test_sync_in_the_middle_of_a_flood_leaves_nothing_out(market: Marketplace, shop: Shop) -> None:
    user, customer, conversation = away(shop, 10)
    agent = market.connect(user)
    agent.acknowledge(4)
    asked = [agent.post("sync")]
    flood(customer, conversation, 15)
    asked.append(agent.post("sync"))
    flood(customer, conversation, 15)
    for id_ in asked:
        assert agent.answer(id_)["type"] == "reply"
    came = set(range(1, 11))
    while came != set(range(1, 41)):
        came.add(agent.expect("message")["offset"])
    agent.acknowledge(40)


def flood(customer: Client, conversation: str, messages: int) -> None:
    """Many sends at once, all answered at the end."""
    body = {"type": "text", "text": "flood"}
    asked = [customer.post("send", conversation=conversation, body=body) for _ in range(messages)]
    for id_ in asked:
        assert customer.answer(id_)["type"] == "reply"


def test_two_stores_share_one_agent_s_list(market: Marketplace) -> None:
    tea, books = market.open_store(), market.open_store()
    user = fresh("ann")
    tea.appoint(user)
    books.appoint(user)
    tea.waiting("tea")
    books.waiting("books")
    tea.waiting("more tea")
    replayed = market.connect(user).replayed
    assert [(m["offset"], m["body"]["text"]) for m in replayed] == [(1, "tea"), (2, "books"), (3, "more tea")]


def test_a_list_holds_a_thousand_entries_and_the_history_the_rest(market: Marketplace, shop: Shop) -> None:
    user = shop.appoint(fresh("ann"))
    customer = shop.customer()
    conversation = shop.conversation(customer)
    in_flight: list[str] = []
    for n in range(1010):
        in_flight.append(customer.post("send", conversation=conversation, body={"type": "text", "text": str(n)}))
        if len(in_flight) == 12:
            assert customer.answer(in_flight.pop(0))["type"] == "reply"
    for id_ in in_flight:
        assert customer.answer(id_)["type"] == "reply"
    agent = market.connect(user)
    assert agent.welcome["offline"] == 1000
    assert offsets(agent.replayed) == list(range(11, 1011))
    page = agent.ask("history", conversation=conversation, after=0, limit=100)
    assert [m["seq"] for m in page["messages"]] == list(range(1, 101))
    agent.acknowledge(5)
    agent.ask("sync", ack=1009)
    assert offsets(of_type(agent.fence(), "message")) == [1010]
