"""kefu on a host that nobody of us wrote. How that differs from API Gateway is in README.md."""

from __future__ import annotations

import time
from collections.abc import Iterator
from uuid import uuid4

import jwt
import pytest
from websockets.exceptions import InvalidStatus

from app import app
from chalicelib.gateway import Gateway, Post, Posted
from chalicelib.model import ConnectionId
from chalicelib.settings import Settings
from tests.e2e.client import Client, Frame, fresh
from tests.e2e.conftest import Marketplace, Shop
from tests.second_host import host as second_host
from tests.second_host.host import SecondHost
from tests.servers import until

FOREIGN_KEY = "another secret, as long as the one that kefu is told of"


@pytest.fixture(scope="module")
def host(one_node: str) -> Iterator[SecondHost]:
    with second_host.running(app, one_node) as listening:
        yield listening


@pytest.fixture
def market(host: SecondHost) -> Iterator[Marketplace]:
    marketplace = Marketplace(host)
    yield marketplace
    marketplace.close()


@pytest.fixture
def shop(market: Marketplace) -> Shop:
    return market.open_store()


def opened(host: SecondHost, user: str, token: str, place: str) -> Client:
    if place == "header":
        return Client.open(host.ws, user, token)
    return Client.open(host.ws, user, None, subprotocols=("kefu.v1", f"bearer.{token}"))


def texts(messages: list[Frame]) -> list[str]:
    return [message["body"]["text"] for message in messages]


@pytest.mark.parametrize("place", ["header", "subprotocol"])
def test_a_token_opens_the_socket_and_the_server_speaks_first(host: SecondHost, place: str) -> None:
    user = fresh("carl")
    client = opened(host, user, host.token(user, name="Carl"), place).greet()
    assert (client.welcome["user"], client.welcome["name"], client.welcome["offline"]) == (user, "Carl", 0)
    client.close()


@pytest.mark.parametrize("place", ["header", "subprotocol"])
def test_a_token_that_cannot_be_trusted_opens_no_socket(host: SecondHost, place: str) -> None:
    forged = jwt.encode({"sub": "carl", "exp": int(time.time()) + 3600}, FOREIGN_KEY, "HS256")
    for token in (forged, host.token("carl", ttl_s=-60)):
        with pytest.raises(InvalidStatus) as refusal:
            opened(host, "carl", token, place)
        assert refusal.value.response.status_code == 401


def test_what_a_customer_says_is_answered_and_pushed_to_the_stores_agents(shop: Shop) -> None:
    agent, customer = shop.agent(), shop.customer(name="Carl")
    conversation = shop.conversation(customer)
    sent = customer.say(conversation, "Is the jar in stock? 有货吗？")
    assert (sent["conversation"], sent["seq"]) == (conversation, 1)
    pushed = agent.expect("message", conversation=conversation)
    assert (pushed["seq"], pushed["from"]["name"]) == (1, "Carl")
    assert texts([pushed]) == ["Is the jar in stock? 有货吗？"]
    assert "replay" not in pushed

    agent.ask("claim", conversation=conversation)
    assert agent.say(conversation, "It is.")["seq"] == 2
    assert texts([customer.expect("message", seq=2)]) == ["It is."]


def test_what_was_said_meanwhile_is_replayed_at_connect_until_it_is_acknowledged(
    market: Marketplace, shop: Shop
) -> None:
    agent = shop.agent()
    customer, conversation = shop.claimed(agent)
    customer.close()
    for text in ("It has come.", "Shall I keep one?"):
        agent.say(conversation, text)

    back = market.connect(customer.user)  # which holds that each has `"replay": true`
    assert texts(back.replayed) == ["It has come.", "Shall I keep one?"]
    back.acknowledge(back.replayed[0]["offset"])
    back.close()
    again = market.connect(customer.user)
    assert texts(again.replayed) == ["Shall I keep one?"]
    again.acknowledge(again.replayed[0]["offset"])
    assert market.connect(customer.user).welcome["offline"] == 0


def test_of_many_agents_that_claim_at_once_exactly_one_wins(shop: Shop) -> None:
    agents = [shop.agent() for _ in range(5)]
    _, conversation = shop.waiting()

    def all_ask(action: str, **parameters: str) -> list[Frame]:
        asked = [agent.post(action, **parameters) for agent in agents]
        return [agent.answer(id_) for agent, id_ in zip(agents, asked, strict=True)]

    all_ask("ping")  # so that the claims find a process each that has started
    answers = all_ask("claim", conversation=conversation)
    winners = [agent for agent, answer in zip(agents, answers, strict=True) if answer["type"] == "reply"]
    assert len(winners) == 1
    refusals = [answer for answer in answers if answer["type"] == "error"]
    assert [(each["code"], each["details"]) for each in refusals] == [
        ("already_claimed", {"agent": winners[0].user})
    ] * 4
    for agent in agents:
        assert agent.changed(conversation, status="claimed")["agent"]["user"] == winners[0].user


def test_a_notice_reaches_the_agents_who_are_online(market: Marketplace, shop: Shop) -> None:
    agent = shop.agent()
    market.admin("POST", "/broadcast", {"text": "Closing early today", "store": shop.store}, expect=202)
    assert agent.expect("notice")["text"] == "Closing early today"


def test_an_agent_whose_socket_closes_is_offline(market: Marketplace, shop: Shop) -> None:
    def online() -> list[bool]:
        return [agent["online"] for agent in market.admin("GET", f"/stores/{shop.store}/agents")["agents"]]

    agent = shop.agent()
    assert online() == [True]
    agent.close()
    until(lambda: online() == [False])


def test_a_connection_that_is_gone_is_known_by_the_status_alone(host: SecondHost) -> None:
    gateway = Gateway(Settings.load(host.settings))
    posted = gateway.post(Post(ConnectionId(str(uuid4())), b"{}"))
    gateway.hang_up()
    assert posted is Posted.GONE
