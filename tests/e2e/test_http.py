"""Section 7 of the protocol: the routes for the marketplace's own back end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from tests.e2e.client import fresh
from tests.e2e.conftest import Answer, Marketplace, Shop

TEXT = {"type": "text", "text": "your parcel has left"}


def is_error(answer: Answer, status: int, code: str | None = None) -> None:
    """An error of the service's own: that status, a code and a message for people."""
    assert answer.status == status, answer
    assert isinstance(answer.body, dict), answer
    assert isinstance(answer.body["code"], str), answer
    assert isinstance(answer.body["message"], str), answer
    assert answer.body["message"], answer
    assert code is None or answer.body["code"] == code, answer
    assert "Traceback" not in str(answer.body), answer


@pytest.fixture
def admin(market: Marketplace) -> str:
    return market.token("back-end", admin=True)


# Health and who comes in


def test_health_is_for_anyone(market: Marketplace) -> None:
    answer = market.http("GET", "/health")
    assert (answer.status, answer.body) == (200, {"status": "ok", "redis": "ok"})
    assert answer.headers.get_content_type() == "application/json"


def routes(shop: Shop) -> Iterator[tuple[str, str, Any]]:
    """Every route that asks for a token, with a good body."""
    yield "GET", "/stores", None
    yield "PUT", f"/stores/{shop.store}", {"name": "Another name"}
    yield "GET", f"/stores/{shop.store}", None
    yield "PUT", f"/stores/{shop.store}/agents/somebody", {"role": "agent"}
    yield "DELETE", f"/stores/{shop.store}/agents/somebody", None
    yield "GET", f"/stores/{shop.store}/agents", None
    yield "POST", f"/conversations/{shop.store}:carl/messages", {"id": "k", "body": TEXT}
    yield "POST", "/broadcast", {"text": "hello", "store": shop.store}


def test_without_a_good_token_nothing_is_done(market: Marketplace, shop: Shop) -> None:
    expired = market.server.token("back-end", scope="admin", ttl_s=-60)
    for method, path, body in routes(shop):
        is_error(market.http(method, path, body), 401, "unauthorized")
        is_error(market.http(method, path, body, token="sesame"), 401, "unauthorized")
        is_error(market.http(method, path, body, token=expired), 401, "unauthorized")
        basic = {"Authorization": "Basic YWRtaW46YWRtaW4="}
        is_error(market.http(method, path, body, headers=basic), 401, "unauthorized")
    assert market.admin("GET", f"/stores/{shop.store}")["name"] == "Tea house 茶馆"


def test_without_the_role_nothing_is_done_and_nothing_is_told(market: Marketplace, shop: Shop) -> None:
    """A store that does not exist answers like one that is somebody else's."""
    stranger = market.token(fresh("mallory"))
    elsewhere = market.token(market.open_store().appoint(fresh("sue"), "supervisor"))
    nowhere = Shop(market, fresh("no-store"))
    for token in (stranger, elsewhere):
        for there, not_there in zip(routes(shop), routes(nowhere), strict=True):
            if there[1] == "/stores":  # anybody's own
                continue
            existing = market.http(*there, token=token)
            is_error(existing, 403, "forbidden")
            missing = market.http(*not_there, token=token)
            assert (missing.status, str(missing.body).replace(nowhere.store, "…")) == (
                existing.status,
                str(existing.body).replace(shop.store, "…"),
            )
    assert market.admin("GET", f"/stores/{shop.store}/agents") == {"agents": []}


@pytest.mark.parametrize("scope", ["administrator", "Admin", "adm", "", "user"])
def test_another_scope_is_no_admin_s(market: Marketplace, scope: str) -> None:
    token = market.server.token("back-end", scope=scope)
    is_error(market.http("PUT", f"/stores/{fresh('tea')}", {"name": "Tea"}, token=token), 403, "forbidden")


def test_an_unknown_route_or_method_is_some_4xx(market: Marketplace, shop: Shop, admin: str) -> None:
    for method, path in [
        ("GET", "/nowhere"),
        ("POST", f"/stores/{shop.store}"),
        ("DELETE", f"/stores/{shop.store}"),
        ("POST", "/stores"),
        ("PATCH", f"/stores/{shop.store}/agents/somebody"),
        ("GET", f"/conversations/{shop.store}:carl/messages"),
        ("GET", "/broadcast"),
        ("POST", "/health"),
    ]:
        assert 400 <= market.http(method, path, token=admin).status < 500, (method, path)


# Stores


def test_a_store_is_opened_and_changed_by_the_same_request(market: Marketplace, admin: str) -> None:
    store = fresh("tea")
    opened = market.http("PUT", f"/stores/{store}", {"name": "Tea 茶"}, token=admin)
    assert opened.status == 200
    assert (opened.body["store"], opened.body["name"], opened.body["claim_grace_s"]) == (store, "Tea 茶", 300)
    assert market.http("PUT", f"/stores/{store}", {"name": "Tea 茶"}, token=admin)[:2] == opened[:2]
    changed = market.admin("PUT", f"/stores/{store}", {"name": "Coffee", "claim_grace_s": 60})
    assert (changed["name"], changed["claim_grace_s"]) == ("Coffee", 60)
    assert market.connect().ask("store", store=store)["name"] == "Coffee"


def test_a_store_shows_its_counts(market: Marketplace, shop: Shop) -> None:
    ann, bob = shop.agent(), shop.agent("bob")
    shop.appoint(fresh("away"))
    for _ in range(3):
        shop.waiting()
    shop.claimed(ann)
    shop.claimed(bob)
    _, closed = shop.claimed(ann)
    ann.ask("close", conversation=closed)
    expected = {
        "store": shop.store,
        "name": "Tea house 茶馆",
        "claim_grace_s": 300,
        "agents": 3,
        "waiting": 3,
        "claimed": 2,
        "agents_online": 2,
    }
    for token in (market.token("back-end", admin=True), market.token(ann.user)):
        answer = market.http("GET", f"/stores/{shop.store}", token=token)
        assert answer.status == 200
        assert {key: answer.body[key] for key in expected} == expected


@pytest.mark.parametrize(("name", "grace"), [("x", 1), ("中" * 64, 86_400), ("😀" * 64, 300)])
def test_the_bounds_of_a_store_s_settings(market: Marketplace, name: str, grace: int) -> None:
    store = market.admin("PUT", f"/stores/{fresh('tea')}", {"name": name, "claim_grace_s": grace})
    assert (store["name"], store["claim_grace_s"]) == (name, grace)


BAD_STORES: list[Any] = [
    {},
    {"claim_grace_s": 5},
    {"name": ""},
    {"name": "x" * 65},
    {"name": None},
    {"name": 5},
    {"name": "Tea", "claim_grace_s": 0},
    {"name": "Tea", "claim_grace_s": 86_401},
    {"name": "Tea", "claim_grace_s": -1},
    {"name": "Tea", "claim_grace_s": 1.5},
    {"name": "Tea", "claim_grace_s": "60"},
    {"name": "Tea", "claim_grace_s": True},
    {"name": "Tea", "claim_grace_s": None},
    {"name": "Tea", "claim_grace_s": 10**30},
    {"name": "Tea", "colour": "red"},
    [],
    "Tea",
    5,
]


@pytest.mark.parametrize("body", BAD_STORES, ids=lambda body: str(body).replace("x" * 65, "x…"))
def test_a_malformed_store_is_refused(market: Marketplace, shop: Shop, admin: str, body: Any) -> None:
    is_error(market.http("PUT", f"/stores/{shop.store}", body, token=admin), 400, "bad_request")
    store = market.admin("GET", f"/stores/{shop.store}")
    assert (store["name"], store["claim_grace_s"]) == ("Tea house 茶馆", 300)


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"null", b'{"name":"\\ud800"}', b"[" * 5000, b'{"name":"Tea"} x', b'{"name":' + b"[" * 5000]
)
def test_a_body_that_is_no_json_object_is_refused(market: Marketplace, shop: Shop, admin: str, raw: bytes) -> None:
    is_error(market.http("PUT", f"/stores/{shop.store}", raw=raw, token=admin), 400, "bad_request")
    assert market.admin("GET", f"/stores/{shop.store}")["name"] == "Tea house 茶馆"


def test_a_huge_body_is_refused(market: Marketplace, shop: Shop, admin: str) -> None:
    answer = market.http("PUT", f"/stores/{shop.store}", {"name": "x" * 100_000}, token=admin)
    assert answer.status in (400, 413)
    is_error(answer, answer.status)


@pytest.mark.parametrize("store", ["a b", "x" * 65, "茶", "a:b", "a.b", "tea\n"])
def test_a_malformed_store_id_is_refused(market: Marketplace, admin: str, store: str) -> None:
    answer = market.http("PUT", f"/stores/{quote(store)}", {"name": "Tea"}, token=admin)
    assert answer.status in (400, 404), answer


def test_somebody_sees_the_stores_that_they_serve(market: Marketplace, shop: Shop) -> None:
    ann = fresh("ann")
    token = market.token(ann)
    assert market.http("GET", "/stores", token=token).body == {"stores": []}
    other = market.open_store("zen", name="Zen 禅")
    shop.appoint(ann)
    other.appoint(ann, "supervisor")
    answer = market.http("GET", "/stores", token=token)
    assert answer.status == 200
    assert sorted(answer.body["stores"], key=lambda each: each["name"]) == [
        {"store": shop.store, "name": "Tea house 茶馆", "role": "agent"},
        {"store": other.store, "name": "Zen 禅", "role": "supervisor"},
    ]
    shop.remove(ann)
    assert [each["store"] for each in market.http("GET", "/stores", token=token).body["stores"]] == [other.store]


# What pages may ask


ALLOWED = "https://market.example"


def read_by_pages(shop: Shop) -> list[str]:
    return ["/stores", f"/stores/{shop.store}", f"/stores/{shop.store}/agents"]


def test_pages_of_allowed_origins_may_read_about_stores(market: Marketplace, shop: Shop) -> None:
    token = market.token(shop.appoint(fresh("ann")))
    own = f"http://127.0.0.1:{market.server.port}"
    for path in read_by_pages(shop):
        for origin in (ALLOWED, own):
            asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
            preflight = market.http(
                "OPTIONS", path, headers={**asked, "Access-Control-Request-Headers": "authorization"}
            )
            assert preflight.status == 204
            assert preflight.headers["Access-Control-Allow-Origin"] == origin
            assert preflight.headers["Access-Control-Allow-Methods"] == "GET"
            assert preflight.headers["Access-Control-Allow-Headers"] == "Authorization"
            assert preflight.headers["Vary"] == "Origin"
            answer = market.http("GET", path, token=token, headers={"Origin": origin})
            assert answer.status == 200
            assert answer.headers["Access-Control-Allow-Origin"] == origin
            assert answer.headers["Vary"] == "Origin"
            assert "Access-Control-Allow-Credentials" not in answer.headers
            refused = market.http("GET", path, headers={"Origin": origin})
            is_error(refused, 401, "unauthorized")
            assert refused.headers["Access-Control-Allow-Origin"] == origin, "a page can read why"


def test_pages_of_other_origins_may_not_read_about_stores(market: Marketplace, shop: Shop) -> None:
    token = market.token(shop.appoint(fresh("ann")))
    for path in read_by_pages(shop):
        for origin in ("https://evil.example", "null", f"{ALLOWED}.evil.example"):
            for method in ("OPTIONS", "GET"):
                answer = market.http(method, path, token=token, headers={"Origin": origin})
                assert "Access-Control-Allow-Origin" not in answer.headers, (method, path, origin)
                assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Origin" not in market.http("GET", path, token=token).headers


def test_pages_may_change_nothing(market: Marketplace, shop: Shop, admin: str) -> None:
    for method, path, body in routes(shop):
        if method != "GET":
            answer = market.http(method, path, body, token=admin, headers={"Origin": ALLOWED})
            assert "Access-Control-Allow-Origin" not in answer.headers, (method, path)
            preflight = market.http("OPTIONS", path, headers={"Origin": ALLOWED})
            assert preflight.headers.get("Access-Control-Allow-Methods") in (None, "GET", "OPTIONS"), (method, path)


# Agents


def test_agents_are_appointed_changed_and_removed(market: Marketplace, shop: Shop) -> None:
    ann, bob = fresh("ann"), fresh("bob")
    path = f"/stores/{shop.store}/agents"
    market.admin("PUT", f"{path}/{ann}", {"role": "agent", "name": "Ann"})
    market.admin("PUT", f"{path}/{bob}", {"role": "supervisor"})
    market.connect(ann)
    listed = {agent["user"]: agent for agent in market.admin("GET", path)["agents"]}
    assert set(listed) == {ann, bob}
    assert (listed[ann]["name"], listed[ann]["role"], bool(listed[ann]["online"])) == ("Ann", "agent", True)
    assert (listed[bob]["role"], bool(listed[bob]["online"])) == ("supervisor", False)
    assert "name" in listed[bob]
    market.admin("PUT", f"{path}/{ann}", {"role": "supervisor", "name": "Anna"})
    market.admin("PUT", f"{path}/{ann}", {"role": "supervisor", "name": "Anna"})
    listed = {agent["user"]: agent for agent in market.admin("GET", path)["agents"]}
    assert (listed[ann]["name"], listed[ann]["role"]) == ("Anna", "supervisor")
    market.admin("DELETE", f"{path}/{ann}")
    market.admin("DELETE", f"{path}/{ann}")
    assert [agent["user"] for agent in market.admin("GET", path)["agents"]] == [bob]


def test_a_new_role_counts_at_once(market: Marketplace, shop: Shop) -> None:
    ann, bob = shop.agent(), shop.agent("bob")
    _, conversation = shop.claimed(ann)
    bob.refused("forbidden", "claim", conversation=conversation, force=True)
    shop.appoint(bob.user, "supervisor")
    bob.ask("claim", conversation=conversation, force=True)
    shop.appoint(bob.user, "agent")
    bob.refused("forbidden", "claim", conversation=conversation, force=True)


def test_a_store_s_supervisors_appoint_and_remove_its_agents(market: Marketplace, shop: Shop) -> None:
    sue = market.token(shop.appoint(fresh("sue"), "supervisor"))
    other = shop.appoint(fresh("sam"), "supervisor")
    ann = fresh("ann")
    path = f"/stores/{shop.store}/agents"

    def by_sue(method: str, user: str, body: Any = None) -> int:
        return market.http(method, f"{path}/{user}", body, token=sue).status

    assert by_sue("PUT", ann, {"role": "agent", "name": "Ann"}) == 200
    assert by_sue("PUT", ann, {"role": "agent", "name": "Anna"}) == 200
    assert by_sue("PUT", ann, {"role": "supervisor"}) == 403, "supervisors are the marketplace's to make"
    assert by_sue("PUT", fresh("new"), {"role": "supervisor"}) == 403
    assert by_sue("PUT", other, {"role": "agent"}) == 403
    assert by_sue("DELETE", other) == 403
    roles = {agent["user"]: agent["role"] for agent in market.admin("GET", path)["agents"]}
    assert (roles[ann], roles[other], len(roles)) == ("agent", "supervisor", 3)
    assert by_sue("DELETE", ann) == 200
    assert by_sue("DELETE", ann) == 200, "no agent any more"
    elsewhere = market.open_store()
    for method, body in (("PUT", {"role": "agent"}), ("DELETE", None)):
        answer = market.http(method, f"/stores/{elsewhere.store}/agents/{ann}", body, token=sue)
        is_error(answer, 403, "forbidden")


def test_an_agent_sees_colleagues_and_appoints_nobody(market: Marketplace, shop: Shop) -> None:
    ann = shop.appoint(fresh("ann"))
    token = market.token(ann)
    path = f"/stores/{shop.store}/agents"
    assert [a["user"] for a in market.http("GET", path, token=token).body["agents"]] == [ann]
    is_error(market.http("PUT", f"{path}/{fresh('bob')}", {"role": "agent"}, token=token), 403, "forbidden")
    is_error(market.http("PUT", f"{path}/{ann}", {"role": "supervisor"}, token=token), 403, "forbidden")
    is_error(market.http("DELETE", f"{path}/{ann}", token=token), 403, "forbidden")
    is_error(market.http("PUT", f"/stores/{shop.store}", {"name": "Mine"}, token=token), 403, "forbidden")


def test_an_unknown_store_is_not_found_by_the_back_end(market: Marketplace, admin: str) -> None:
    path = f"/stores/{fresh('no-store')}"
    is_error(market.http("GET", path, token=admin), 404, "not_found")
    is_error(market.http("GET", f"{path}/agents", token=admin), 404, "not_found")
    is_error(market.http("PUT", f"{path}/agents/ann", {"role": "agent"}, token=admin), 404, "not_found")
    is_error(market.http("DELETE", f"{path}/agents/ann", token=admin), 404, "not_found")
    is_error(market.http("GET", path, token=admin), 404, "not_found")


BAD_AGENTS: list[Any] = [
    {},
    {"name": "Ann"},
    {"role": "boss"},
    {"role": None},
    {"role": 5},
    {"role": "agent", "name": ""},
    {"role": "agent", "name": "x" * 65},
    {"role": "agent", "name": None},
    {"role": "agent", "colour": "red"},
    [],
    "agent",
]


@pytest.mark.parametrize("body", BAD_AGENTS, ids=lambda body: str(body).replace("x" * 65, "x…"))
def test_a_malformed_agent_is_refused(market: Marketplace, shop: Shop, admin: str, body: Any) -> None:
    path = f"/stores/{shop.store}/agents"
    is_error(market.http("PUT", f"{path}/ann", body, token=admin), 400, "bad_request")
    assert market.admin("GET", path) == {"agents": []}


@pytest.mark.parametrize("user", ["a b", "x" * 65, "安", "a:b"])
def test_a_malformed_user_id_is_refused(market: Marketplace, shop: Shop, admin: str, user: str) -> None:
    path = f"/stores/{shop.store}/agents"
    assert market.http("PUT", f"{path}/{quote(user)}", {"role": "agent"}, token=admin).status in (400, 404)
    assert market.http("DELETE", f"{path}/{quote(user)}", token=admin).status in (400, 404)
    assert market.admin("GET", path) == {"agents": []}


# System messages


def post(market: Marketplace, token: str, conversation: str, body: Any) -> Answer:
    return market.http("POST", f"/conversations/{conversation}/messages", body, token=token)


def test_a_system_message_is_stored_once_per_id(market: Marketplace, shop: Shop, admin: str) -> None:
    customer, conversation = shop.waiting()
    first = post(market, admin, conversation, {"id": "order 7", "body": TEXT})
    assert first.status == 200
    assert (first.body["conversation"], first.body["seq"]) == (conversation, 2)
    assert isinstance(first.body["at"], int)
    again = post(market, admin, quote(conversation, safe=""), {"id": "order 7", "body": TEXT})
    assert (again.status, again.body) == (200, first.body), "and the path may be escaped"
    other = market.token("another-back-end", admin=True)
    assert post(market, other, conversation, {"id": "order 7", "body": TEXT}).body == first.body
    different = {"type": "text", "text": "something else"}
    is_error(post(market, admin, conversation, {"id": "order 7", "body": different}), 409, "conflict")
    assert customer.say(conversation, "mine", id="order 7")["seq"] == 3, "people's ids are apart"
    assert [m["from"]["side"] for m in customer.history(conversation)] == ["customer", "system", "customer"]


def test_a_system_message_changes_no_status(market: Marketplace, shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.waiting()

    def seen() -> tuple[Any, ...]:
        (found,) = agent.ask("conversations", store=shop.store)["conversations"]
        return found["status"], found["agent"], found["version"], found["waiting_since"]

    for verb in (None, "claim", "close"):
        if verb:
            agent.ask(verb, conversation=conversation)
        before = seen()
        shop.announce(conversation, "news")
        assert seen() == before
    assert customer.texts(conversation)[1:] == ["news"] * 3


def test_a_system_message_needs_a_conversation(market: Marketplace, shop: Shop, admin: str) -> None:
    nobody = shop.conversation(fresh("nobody"))
    is_error(post(market, admin, nobody, {"id": "k", "body": TEXT}), 404, "not_found")
    is_error(post(market, admin, f"{fresh('no-store')}:carl", {"id": "k", "body": TEXT}), 404, "not_found")
    assert shop.agent().ask("conversations", store=shop.store)["conversations"] == []


def test_a_system_message_is_the_back_end_s_alone(market: Marketplace, shop: Shop) -> None:
    customer, conversation = shop.waiting()
    supervisor = shop.appoint(fresh("sue"), "supervisor")
    for user in (customer.user, supervisor, fresh("mallory")):
        answer = post(market, market.token(user), conversation, {"id": "k", "body": TEXT})
        is_error(answer, 403, "forbidden")
    assert customer.texts(conversation) == ["hello"]


BAD_MESSAGES: list[tuple[Any, int]] = [
    ({}, 400),
    ({"body": TEXT}, 400),
    ({"id": "k"}, 400),
    ({"id": "", "body": TEXT}, 400),
    ({"id": "x" * 65, "body": TEXT}, 400),
    ({"id": "é", "body": TEXT}, 400),
    ({"id": 5, "body": TEXT}, 400),
    ({"id": "k", "body": None}, 400),
    ({"id": "k", "body": {"type": "image", "text": "x"}}, 400),
    ({"id": "k", "body": {"type": "text"}}, 400),
    ({"id": "k", "body": {"type": "text", "text": ""}}, 400),
    ({"id": "k", "body": {"type": "text", "text": "x", "colour": "red"}}, 400),
    ({"id": "k", "body": TEXT, "colour": "red"}, 400),
    ({"id": "k", "body": {"type": "text", "text": "x" * 4001}}, 413),
]


@pytest.mark.parametrize(("body", "status"), BAD_MESSAGES, ids=lambda value: ascii(value)[:50])
def test_a_malformed_system_message_is_refused(
    market: Marketplace, shop: Shop, admin: str, body: Any, status: int
) -> None:
    customer, conversation = shop.waiting()
    is_error(post(market, admin, conversation, body), status, "too_large" if status == 413 else "bad_request")
    assert customer.texts(conversation) == ["hello"]
    answer = post(market, admin, conversation, {"id": "k", "body": {"type": "text", "text": "中" * 4000}})
    assert answer.status == 200


@pytest.mark.parametrize("conversation", ["x", "a:b:c", ":", "a:", ":b", "a b:c"])
def test_a_malformed_conversation_id_is_refused(market: Marketplace, admin: str, conversation: str) -> None:
    assert post(market, admin, quote(conversation), {"id": "k", "body": TEXT}).status in (400, 404)


# Broadcast (who hears it: test_receiving)


@pytest.mark.parametrize(
    "body",
    [{}, {"text": ""}, {"text": None}, {"text": 5}, {"text": "x", "store": None}, {"text": "x", "colour": "red"}, []],
    ids=str,
)
def test_a_malformed_broadcast_is_refused(market: Marketplace, admin: str, body: Any) -> None:
    is_error(market.http("POST", "/broadcast", body, token=admin), 400, "bad_request")
