"""Everybody at once: whatever the order was, the numbers, the lists and what was heard agree in the end."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest

from tests.e2e.client import Client, Frame, fresh, message_of
from tests.e2e.conftest import Marketplace, Shop

REFUSALS = {"not_claimer", "already_claimed"}


@dataclass
class Crowd:
    """Some agents and customers of a store, and what they were told about their requests."""

    shop: Shop
    agents: list[Client]
    customers: dict[str, Client]
    asked: list[tuple[Client, str, str]] = field(default_factory=list)
    sent: dict[tuple[str, int], Frame] = field(default_factory=dict)

    def act(self, chance: random.Random) -> None:
        """Somebody asks for something, and nobody waits for the answer."""
        conversation = chance.choice(list(self.customers))
        customer, agent = self.customers[conversation], chance.choice(self.agents)
        action = chance.choice(["say", "say", "answer", "answer", "claim", "claim", "release", "close", "transfer"])
        match action:
            case "say" | "answer":
                client = customer if action == "say" else agent
                body = {"type": "text", "text": fresh(client.user)}
                id_ = client.post("send", conversation=conversation, body=body)
            case "transfer":
                client = agent
                id_ = client.post("transfer", conversation=conversation, to=chance.choice(self.agents).user)
            case _:
                client = agent
                id_ = client.post(action, conversation=conversation)
        self.asked.append((client, id_, conversation))

    def settle(self) -> None:
        """Wait for every answer."""
        for client, id_, conversation in self.asked:
            answer = client.answer(id_)
            if answer["type"] == "error":
                assert answer["code"] in REFUSALS, answer
            elif answer["action"] == "send":
                self.sent[conversation, answer["result"]["seq"]] = {"id": id_, **answer["result"]}


@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_order_everything_agrees_in_the_end(market: Marketplace, shop: Shop, seed: int) -> None:
    agents = [shop.agent("ann"), shop.agent("bob"), shop.agent("sue", role="supervisor")]
    customers = dict(shop.waiting()[::-1] for _ in range(4))
    crowd = Crowd(shop, agents, customers)
    first = {c["conversation"]: c["version"] for c in agents[0].ask("conversations", store=shop.store)["conversations"]}
    chance = random.Random(seed)
    for _ in range(150):
        crowd.act(chance)
    crowd.settle()

    listed = {c["conversation"]: c for c in agents[0].ask("conversations", store=shop.store)["conversations"]}
    assert set(listed) == set(customers)
    histories = {c: client.history(c, limit=100) for c, client in customers.items()}
    for conversation, history in histories.items():
        assert [m["seq"] for m in history] == list(range(1, listed[conversation]["last_seq"] + 1)), "no gap, no repeat"
        stored = {(conversation, m["seq"]): (m["id"], m["at"]) for m in history[1:]}
        replied = {key: (sent["id"], sent["at"]) for key, sent in crowd.sent.items() if key[0] == conversation}
        assert stored == replied, "what was replied to is stored, and what was refused is not"
        assert listed[conversation]["last"]["seq"] == history[-1]["seq"]

    for status in ("waiting", "claimed", "closed"):
        page = agents[0].ask("conversations", store=shop.store, status=status)["conversations"]
        assert {c["conversation"] for c in page} == {c for c, o in listed.items() if o["status"] == status}
    for agent in agents:
        mine = agent.ask("conversations", store=shop.store, mine=True)["conversations"]
        held = {c for c, o in listed.items() if o["agent"] and o["agent"]["user"] == agent.user}
        assert {c["conversation"] for c in mine} == held
    counts = market.admin("GET", f"/stores/{shop.store}")
    for status in ("waiting", "claimed"):
        assert counts[status] == sum(o["status"] == status for o in listed.values())

    for client in (*agents, *customers.values()):
        concerned = listed if client in agents else {c: listed[c] for c, who in customers.items() if who is client}
        for conversation, final in concerned.items():
            if final["version"] > first[conversation]:
                told = client.changed(conversation, after=final["version"] - 1)
                assert (told["status"], told["agent"]) == (final["status"], final["agent"]), "the highest version is it"

    for conversation, client in customers.items():
        theirs = {m["seq"]: message_of(m) for m in histories[conversation] if m["from"]["side"] == "store"}
        kept = {m["seq"]: message_of(m) for m in market.connect(client.user).replayed}
        assert kept == theirs, "everything that the store said, and nothing else"
