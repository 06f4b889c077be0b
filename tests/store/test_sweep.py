"""The sweep over what nobody looks after: on a server of its own, since it sweeps whatever is there."""

import logging
import time
from collections.abc import Iterator

import pytest

from chalicelib.delivery import Dispatcher
from chalicelib.errors import KefuError
from chalicelib.gateway import Gateway
from chalicelib.model import ConnectionId
from chalicelib.settings import Settings
from chalicelib.store import Store, keys
from tests import servers
from tests.store.conftest import SECRET, Inbox, NewName, Shop, customer_of, identity, open_store, text_body


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with servers.node(tmp_path_factory.mktemp("swept")) as port:
        yield {"REDIS_URL": f"redis://127.0.0.1:{port}", "JWT_SECRET": SECRET}


@pytest.fixture
def store(own_server: dict[str, str]) -> Store:
    return open_store(own_server)


@pytest.fixture
def dispatcher(store: Store, own_server: dict[str, str]) -> Dispatcher:
    """Nobody is connected in these tests but who is gone: there is no gateway to post to."""
    return Dispatcher(store, Gateway(Settings.load({**own_server, "CONNECTIONS_ENDPOINT": "http://127.0.0.1:1"})))


@pytest.fixture
def shop(store: Store, new_name: NewName) -> Shop:
    opened = Shop(store, new_name("shop"), new_name)
    store.stores.put(opened.id, "Tea House", 60)
    opened.supervisor, agent = new_name("supervisor"), new_name("agent")
    opened.appoint(opened.supervisor, "supervisor")
    opened.appoint(agent)
    opened.agents = [agent]
    return opened


def overdue(shop: Shop) -> None:
    """Lets whatever is owed in a store have waited too long."""
    key = keys.outbox(shop.id)
    for entry in shop.store.scripts.command("ZRANGE", key, 0, -1):
        shop.store.scripts.command("ZADD", key, 1, entry)


def owed(shop: Shop) -> int:
    return int(shop.store.scripts.command("ZCARD", keys.outbox(shop.id)))


def offsets(shop: Shop, user: str) -> list[int]:
    return Inbox(shop.store, user, shop.new_name).offsets()


def test_what_was_left_behind_is_delivered(shop: Shop, dispatcher: Dispatcher) -> None:
    for n in range(25):
        shop.say(shop.customer(), str(n))
    overdue(shop)
    dispatcher.sweep()
    assert owed(shop) == 0
    assert offsets(shop, shop.supervisor) == offsets(shop, shop.agents[0]) == list(range(1, 26))


def test_the_log_says_how_long_a_delivery_has_been_owed(
    shop: Shop, store: Store, dispatcher: Dispatcher, caplog: pytest.LogCaptureFixture
) -> None:
    """Deployments raise an alarm from it."""
    caplog.set_level(logging.INFO, "chalicelib.delivery")
    conversation = shop.customer()
    first = shop.say(conversation, "hello")
    servers.until(lambda: store.users.time() >= first.at + 200)
    shop.say(conversation, "anybody there?")
    overdue(shop)
    waited = int(time.time() * 1000) - first.at
    dispatcher.sweep()
    dispatcher.sweep()
    late, nothing = [record.__dict__ for record in caplog.records if record.message == "swept"]
    assert late["outbox_age_ms"] >= waited
    assert (nothing["outbox_age_ms"], nothing["online"]) == (0, store.users.online())


def test_a_customers_own_list_is_made_good_too(shop: Shop, store: Store, dispatcher: Dispatcher) -> None:
    conversation = shop.customer()
    stored = shop.say(conversation, "hello")
    overdue(shop)
    dispatcher.sweep()
    assert store.users.conversations(customer_of(conversation), None, 10) == [(stored.at, shop.id)]


def test_names_that_are_no_stores_keep_nobody_waiting(shop: Shop, store: Store, dispatcher: Dispatcher) -> None:
    customer = shop.new_name("customer")
    for _ in range(40):  # in every shard
        nowhere = f"{shop.new_name('nowhere')}:{customer}"
        with pytest.raises(KefuError):
            store.conversations.append(nowhere, identity(customer), "k", text_body("hello"))
        with pytest.raises(KefuError):
            store.conversations.claim(nowhere, identity(shop.supervisor), "no")
    shop.waiting()
    overdue(shop)
    dispatcher.sweep()
    assert owed(shop) == 0


def test_one_stores_trouble_is_not_anothers(shop: Shop, store: Store, dispatcher: Dispatcher) -> None:
    broken = [f"{shop.new_name('broken')}" for _ in range(40)]
    for name in broken:
        store.scripts.command("ZADD", keys.active_of(name), int(time.time() * 1000), name)
        store.scripts.command("SET", keys.outbox(name), "no outbox")
    shop.waiting()
    overdue(shop)
    dispatcher.sweep()
    assert owed(shop) == 0
    for name in broken:
        store.scripts.command("DEL", keys.outbox(name))


def test_claims_past_the_grace_time_end(shop: Shop, store: Store, dispatcher: Dispatcher) -> None:
    lapsed, fresh, attended = shop.claimed(), shop.claimed(), shop.claimed(shop.supervisor)
    who = identity(shop.supervisor, shop.new_name("connection"))
    store.users.connect(who.connection, who)
    for conversation in (lapsed, attended):
        store.scripts.command("HSET", keys.conversation(conversation)[4], "claimed_at", store.users.time() - 61_000)
    dispatcher.sweep()
    statuses = [view and view.status for view in store.conversations.view([lapsed, fresh, attended])]
    assert statuses == ["waiting", "claimed", "claimed"]


def test_claims_of_who_is_no_agent_end(shop: Shop, store: Store, dispatcher: Dispatcher) -> None:
    conversation = shop.claimed()
    shop.dismiss(shop.agents[0])  # and who did it died before the claims were ended
    dispatcher.sweep()
    (view,) = store.conversations.view([conversation])
    assert view is not None
    assert view.status == "waiting"


def test_connections_that_expired_without_a_word_are_forgotten(
    shop: Shop, store: Store, dispatcher: Dispatcher
) -> None:
    who = identity(shop.new_name("user"), shop.new_name("connection"))
    store.users.connect(who.connection, who)
    store.scripts.command("ZADD", keys.online_of(who.connection), 1, who.connection)
    dispatcher.sweep()
    assert store.users.identity(who.connection) == (None, False)
    assert not store.users.presence([who.user])[who.user].online
    assert ConnectionId(who.connection) not in {each for n in range(keys.SHARDS) for each in store.users.expired(n, 9)}
