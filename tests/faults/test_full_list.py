"""An offline list that has reached its bound: the oldest entries leave it, and nothing else is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import pytest

from tests.e2e.client import Client, Frame, fresh, message_of, of_type
from tests.e2e.conftest import Marketplace, Shop
from tests.e2e.server import Server

BOUND = 1_000
SENT = 1_050
CUSTOMERS = 5
IN_FLIGHT = 8


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Marketplace]:
    with Server.start(tmp_path_factory.mktemp("kefu"), env={"RATE_LIMIT": "0"}) as server:
        marketplace = Marketplace(server)
        yield marketplace
        marketplace.close()


def flood(shop: Shop, customers: list[Client], messages: int) -> None:
    """So many messages in all, each customer's one after the other and the customers' side by side."""
    in_flight: list[tuple[Client, str]] = []
    for number in range(messages):
        customer = customers[number % len(customers)]
        body = {"type": "text", "text": f"{customer.user} says {number}"}
        in_flight.append((customer, customer.post("send", conversation=shop.conversation(customer), body=body)))
        if len(in_flight) == IN_FLIGHT:
            answered(*in_flight.pop(0))
    for sender, id_ in in_flight:
        answered(sender, id_)


def answered(sender: Client, id_: str) -> None:
    assert sender.answer(id_)["type"] == "reply"


def log_of(reader: Client, conversation: str) -> list[Frame]:
    """The whole history, page by page."""
    found: list[Frame] = []
    while page := reader.history(conversation, after=len(found), limit=100):
        found += page
    assert [message["seq"] for message in found] == list(range(1, len(found) + 1))
    return found


def offsets(frames: list[Frame]) -> list[int]:
    return [frame["offset"] for frame in frames]


def test_a_full_list_keeps_the_newest_and_the_history_keeps_everything(market: Marketplace) -> None:
    shop = market.open_store()
    user = shop.appoint(fresh("ann"))
    customers = [shop.customer() for _ in range(CUSTOMERS)]
    flood(shop, customers, SENT)

    agent = market.connect(user)
    assert agent.welcome["offline"] == BOUND
    assert offsets(agent.replayed) == list(range(SENT - BOUND + 1, SENT + 1)), "the newest, in order"
    logs = {shop.conversation(customer): log_of(agent, shop.conversation(customer)) for customer in customers}
    assert sum(len(log) for log in logs.values()) == SENT
    seqs: dict[str, set[int]] = defaultdict(set)
    for entry in agent.replayed:
        assert message_of(entry) == message_of(logs[entry["conversation"]][entry["seq"] - 1])
        seqs[entry["conversation"]].add(entry["seq"])
    assert sum(len(found) for found in seqs.values()) == BOUND, "each once"

    # The list goes on at its bound: with each new entry the oldest leaves, and the device that is here gets it live.
    customers[0].say(shop.conversation(customers[0]), "one more")
    assert agent.expect("message")["offset"] == SENT + 1
    again = market.connect(user)
    assert offsets(again.replayed) == list(range(SENT - BOUND + 2, SENT + 2))

    # An ack from before the list's head changes nothing, one inside trims it up to there.
    again.acknowledge(3)
    again.acknowledge(SENT - 50)
    trimmed = market.connect(user)
    assert offsets(trimmed.replayed) == list(range(SENT - 49, SENT + 2))
    trimmed.acknowledge(SENT + 1)
    customers[1].say(shop.conversation(customers[1]), "after all of them")
    assert trimmed.expect("message")["offset"] == SENT + 2
    last = market.connect(user)
    assert (last.welcome["offline"], offsets(last.replayed)) == (1, [SENT + 2])
    assert of_type(last.fence(), "message") == []
