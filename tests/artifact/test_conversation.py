"""Conversations that the package carries, alone on a stand-in of AWS: every function takes its part in them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from chalicelib import site
from tests import servers
from tests.artifact.deployed import Deployed
from tests.e2e.client import Client, fresh, of_type
from tests.e2e.conftest import Marketplace, Shop

MARKET, STRANGE = "https://market.example", "https://elsewhere.example"


@pytest.fixture
def enter(deployed: Deployed, market: Marketplace) -> Callable[..., Client]:
    """Open a socket with exactly these credentials, and be greeted."""

    def enter(token: str | None, **how: Any) -> Client:
        client = Client.open(deployed.ws, "somebody", token, **how)
        market.clients.append(client)
        return client.greet()

    return enter


def test_the_pages_are_those_of_the_sources(market: Marketplace) -> None:
    console, widget = market.http("GET", "/console"), market.http("GET", "/widget.js")
    assert (console.status, console.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert (widget.status, widget.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    (module,) = re.findall(r'"\./(web/[^"]+)"', widget.body)
    now = site.current()
    assert module == now.address("widget/main.js")
    whole = now.file("widget/main.whole.js")
    assert whole is not None
    # Minified, too, by a library that is not Python's.
    assert market.http("GET", f"/{module}").body == whole.text
    assert market.http("GET", "/web/0/words/none.js").status == 404
    assert market.http("GET", "/no/such/route").status == 403


def test_the_pages_learn_where_the_socket_of_the_stack_is(deployed: Deployed, market: Marketplace) -> None:
    said = market.http("GET", "/settings.json", headers={"Sec-Fetch-Site": "same-origin"})
    assert said.body == {"socket": f"wss://{deployed.names.sockets}/api", "dev_tokens": None}
    policy = market.http("GET", "/console").headers["Content-Security-Policy"]
    assert f"connect-src 'self' wss://{deployed.names.sockets};" in policy


def test_what_the_stage_chooses_counts(market: Marketplace, shop: Shop) -> None:
    assert market.admin("GET", f"/stores/{shop.store}")["claim_grace_s"] == 77
    # Without the stage's limit, the service's own is ten a second, and four times that at once.
    ann = shop.agent("ann")
    asked = [ann.post("ping") for _ in range(60)]
    assert {ann.answer(id_)["type"] for id_ in asked} == {"pong"}
    token = market.token(ann.user)
    assert {market.http("GET", f"/stores/{shop.store}", token=token).status for _ in range(60)} == {200}


def test_a_token_opens_a_socket_in_a_header_and_beside_the_protocol(
    deployed: Deployed, enter: Callable[..., Client]
) -> None:
    token = deployed.token(user := fresh("carl"))
    assert enter(token).welcome["user"] == user
    page = enter(None, subprotocols=("kefu.v1", f"bearer.{token}"), origin=MARKET)
    assert page.welcome["user"] == user
    assert page.socket.subprotocol == "kefu.v1"


def test_the_service_s_own_pages_may_connect_although_the_socket_has_another_name(
    deployed: Deployed, enter: Callable[..., Client]
) -> None:
    token = deployed.token(fresh("carl"))
    assert enter(token, origin=f"https://{deployed.names.pages}").welcome


@pytest.mark.parametrize(
    ("sub", "ttl_s", "origin", "status"),
    [("carl", -1, None, 401), ("no user", 60, None, 401), ("carl", 60, STRANGE, 403)],
)
def test_a_socket_is_not_opened_for(
    deployed: Deployed, market: Marketplace, sub: str, ttl_s: int, origin: str | None, status: int
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        Client.open(deployed.ws, sub, deployed.token(sub, ttl_s=ttl_s), origin=origin)
    assert refused.value.response.status_code == status


def test_a_conversation_from_hello_to_its_end(market: Marketplace, shop: Shop) -> None:
    ann, bob = shop.agent("ann", name="Ann"), shop.agent("bob", role="supervisor")
    customer, conversation = shop.waiting("Is the jar in stock? 有货吗？")
    heard = [agent.expect("message", conversation=conversation) for agent in (ann, bob)]
    assert [each["body"]["text"] for each in heard] == ["Is the jar in stock? 有货吗？"] * 2

    with ThreadPoolExecutor() as at_once:
        answers = list(at_once.map(lambda agent: agent.request("claim", conversation=conversation), (ann, bob)))
    assert sorted(answer["type"] for answer in answers) == ["error", "reply"]
    winner, loser = (ann, bob) if answers[0]["type"] == "reply" else (bob, ann)
    (refusal,) = of_type(answers, "error")
    assert (refusal["code"], refusal["details"]) == ("already_claimed", {"agent": winner.user})
    customer.changed(conversation, status="claimed")
    assert loser.refused("not_claimer", "send", conversation=conversation, body={"type": "text", "text": "me too"})

    winner.ask("typing", conversation=conversation)
    customer.expect("typing", on=True)
    assert winner.say(conversation, "Yes.")["seq"] == 2
    customer.expect("message", seq=2, body={"text": "Yes."})
    assert customer.ask("read", conversation=conversation, seq=2) == {"unread": 0}
    winner.expect("read", side="customer", seq=2)
    assert customer.texts(conversation) == ["Is the jar in stock? 有货吗？", "Yes."]

    winner.ask("transfer", conversation=conversation, to=loser.user)
    customer.changed(conversation, agent={"user": loser.user})
    assert loser.say(conversation, "It is mine now.")["seq"] == 3
    loser.ask("release", conversation=conversation)
    customer.changed(conversation, status="waiting")
    winner.ask("claim", conversation=conversation)
    winner.ask("close", conversation=conversation)
    customer.changed(conversation, status="closed")
    assert [each["seq"] for each in loser.history(conversation)] == [1, 2, 3]


def test_what_was_missed_is_replayed_until_it_is_acknowledged(market: Marketplace, shop: Shop) -> None:
    ann = shop.agent("ann")
    customer, conversation = shop.claimed(ann)
    customer.close()
    said = [ann.say(conversation, f"still there? {n}")["seq"] for n in range(3)]
    said.append(shop.announce(conversation, "Your parcel has left.")["seq"])
    back = market.connect(customer.user)
    assert [each["seq"] for each in back.replayed] == said
    assert back.replayed[-1]["from"]["side"] == "system"
    back.acknowledge(back.replayed[1]["offset"])
    again = market.connect(customer.user)
    assert again.replayed == back.replayed[2:]
    again.ask("sync")
    again.acknowledge(again.replayed[-1]["offset"])
    assert market.connect(customer.user).replayed == []


def test_a_notice_reaches_everybody_and_one_for_a_store_its_agents(market: Marketplace, shop: Shop) -> None:
    ann, customer = shop.agent("ann"), shop.customer()
    market.admin("POST", "/broadcast", {"text": "for the staff", "store": shop.store}, expect=202)
    ann.expect("notice", text="for the staff")
    market.admin("POST", "/broadcast", {"text": "for all"}, expect=202)
    assert not of_type(customer.until("notice", text="for all"), "notice", text="for the staff")
    ann.expect("notice", text="for all")


def test_a_frame_after_the_token_s_end_closes_the_connection(deployed: Deployed, enter: Callable[..., Client]) -> None:
    client = enter(deployed.token(fresh("carl"), ttl_s=2))
    expires = time.time() + 2
    servers.until(lambda: time.time() > expires)
    assert client.refused("unauthorized", "ping") == {}
    assert client.closed() is not None


def test_the_schedule_ends_the_claim_of_an_agent_who_stays_away(deployed: Deployed, market: Marketplace) -> None:
    shop = market.open_store(claim_grace_s=1)
    ann, bob = shop.agent("ann"), shop.agent("bob")
    _, conversation = shop.claimed(ann)
    bob.changed(conversation, status="claimed")
    bob.fence()
    ann.close()

    def lapsed() -> bool:
        deployed.sweep()
        return bool(of_type(bob.fence(), "conversation", conversation={"status": "waiting"}))

    servers.until(lapsed)


def test_the_schedule_closes_a_connection_that_has_expired(deployed: Deployed, market: Marketplace) -> None:
    carl = market.connect()
    deployed.expire(carl.welcome["connection"])
    deployed.sweep()
    assert carl.closed() is not None


def test_the_schedule_logs_what_the_template_makes_metrics_of(deployed: Deployed, market: Marketplace) -> None:
    deployed.sweep()
    *_, line = deployed.functions.lines("Sweep")
    filters = map(deployed.stack.properties, deployed.stack.of_type("AWS::Logs::MetricFilter"))
    of_sweep = [each for each in filters if each["LogGroupName"] == deployed.stack.ref("SweepLog")]
    values = [metric["MetricValue"] for each in of_sweep for metric in each["MetricTransformations"]]
    taken = [value.removeprefix("$.") for value in values if value.startswith("$.")]
    assert taken
    assert all(isinstance(line[name], int) for name in taken), (line, taken)


def test_a_removed_agent_gives_the_conversation_back_and_hears_no_more(market: Marketplace, shop: Shop) -> None:
    ann, bob = shop.agent("ann"), shop.agent("bob")
    customer, conversation = shop.claimed(ann)
    shop.remove(ann.user)
    bob.changed(conversation, status="waiting")
    customer.say(conversation, "Anybody?")
    bob.expect("message", seq=2)
    assert not of_type(ann.fence(), "message", seq=2)
    assert ann.refused("forbidden", "history", conversation=conversation) == {}
