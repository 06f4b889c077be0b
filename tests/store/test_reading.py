"""Read marks and unread counts, typing, and watching."""

import pytest

from chalicelib.errors import Forbidden, NotClaimer, NotFound
from chalicelib.model import ConnectionId, Recipient, Snapshot
from chalicelib.store import Store, keys
from tests.store.conftest import NewName, Shop, customer_of, identity


def seen(store: Store, conversation: str) -> Snapshot:
    (snapshot,) = store.conversations.view([conversation])
    assert snapshot is not None
    return snapshot


def users(recipients: tuple[Recipient, ...]) -> set[str]:
    return {each.user for each in recipients}


@pytest.fixture
def mixed(shop: Shop) -> str:
    """Twelve messages: customer, customer, agent, system, four times over minus the unclaimed beginning."""
    conversation = shop.claimed()
    shop.say(conversation, "2")
    for n in range(3, 13):
        if n % 4 == 3:
            shop.say(conversation, str(n), shop.agents[0])
        elif n % 4 == 0:
            shop.announce(conversation, str(n))
        else:
            shop.say(conversation, str(n))
    return conversation


# seq:   1 2 3 4 5 6 7 8 9 10 11 12
SIDES = "ccasccasccas"


def unread(side: str, mark: int) -> int:
    """What the protocol says: messages not of the caller's own side past its mark."""
    return sum(speaker != side for speaker in SIDES[mark:])


def test_unread_counts_what_others_said(store: Store, mixed: str) -> None:
    assert (seen(store, mixed).unread_customer, seen(store, mixed).unread_store) == (unread("c", 0), unread("a", 0))


@pytest.mark.parametrize("side", ["c", "a"])
def test_unread_is_counted_from_any_mark(shop: Shop, store: Store, mixed: str, side: str) -> None:
    user = customer_of(mixed) if side == "c" else shop.agents[1]
    for mark in range(13):
        read = store.conversations.read(mixed, user, mark)
        assert (read.seq, read.moved, read.unread) == (mark, mark > 0, unread(side, mark))
        snapshot = seen(store, mixed)
        assert (snapshot.unread_customer if side == "c" else snapshot.unread_store) == unread(side, mark)
        assert (snapshot.read.customer if side == "c" else snapshot.read.store) == mark


def test_a_mark_never_moves_back_nor_past_the_last_message(shop: Shop, store: Store, mixed: str) -> None:
    customer = customer_of(mixed)
    assert store.conversations.read(mixed, customer, 5).moved
    for seq in (5, 4, 0):
        read = store.conversations.read(mixed, customer, seq)
        assert (read.seq, read.moved, read.unread) == (5, False, unread("c", 5))
    read = store.conversations.read(mixed, customer, 2**53 - 1)
    assert (read.seq, read.moved, read.unread) == (12, True, 0)
    assert not store.conversations.read(mixed, customer, 13).moved
    shop.say(mixed, "13", shop.agents[0])
    assert seen(store, mixed).unread_customer == 1


def test_the_agents_share_one_mark(shop: Shop, store: Store, mixed: str) -> None:
    store.conversations.read(mixed, shop.agents[0], 4)
    assert not store.conversations.read(mixed, shop.agents[1], 3).moved
    assert seen(store, mixed).read.store == 4
    assert seen(store, mixed).read.customer == 0


def test_sending_moves_no_mark(shop: Shop, store: Store, mixed: str) -> None:
    shop.say(mixed, "13")
    shop.say(mixed, "14", shop.agents[0])
    assert (seen(store, mixed).read.customer, seen(store, mixed).read.store) == (0, 0)


def test_who_hears_of_a_mark(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    customer, everyone = customer_of(conversation), {shop.supervisor, *shop.agents}
    read = store.conversations.read(conversation, customer, 1)
    assert (read.side, users(read.recipients), read.reader) == ("customer", everyone, Recipient(customer))
    shop.claim(conversation, shop.agents[0])
    assert users(store.conversations.read(conversation, customer, 1).recipients) == {shop.agents[0]}
    for agent in (shop.agents[1], shop.supervisor):
        read = store.conversations.read(conversation, agent, 1)
        assert (read.side, users(read.recipients)) == ("store", {customer})
        assert read.reader == Recipient(agent, shop.id, shop.joined[agent])
    store.conversations.close(conversation, customer)
    assert users(store.conversations.read(conversation, customer, 1).recipients) == everyone


def test_an_agent_reads_an_own_conversation_as_its_customer(shop: Shop, store: Store) -> None:
    own = f"{shop.id}:{shop.agents[0]}"
    shop.say(own, "hello")
    read = store.conversations.read(own, shop.agents[0], 1)
    assert (read.side, users(read.recipients)) == ("customer", {shop.supervisor, shop.agents[1]})
    assert seen(store, own).read.store == 0


def test_who_may_read_write_and_watch(shop: Shop, store: Store, new_name: NewName) -> None:
    conversation, nowhere, stranger = shop.waiting(), shop.customer(), new_name("stranger")
    connection = ConnectionId(new_name("connection"))
    for where in (conversation, nowhere):
        with pytest.raises(Forbidden):
            store.conversations.read(where, stranger, 1)
        with pytest.raises(Forbidden):
            store.conversations.typing(where, identity(stranger))
        with pytest.raises(Forbidden):
            store.conversations.watch(where, stranger, connection, on=True)
        with pytest.raises(Forbidden):
            store.conversations.watch(where, customer_of(where), connection, on=True)
    for user in (shop.agents[0], customer_of(nowhere)):
        with pytest.raises(NotFound):
            store.conversations.read(nowhere, user, 1)
        with pytest.raises(NotFound):
            store.conversations.typing(nowhere, identity(user))
    with pytest.raises(NotFound):
        store.conversations.watch(nowhere, shop.agents[0], connection, on=True)


# --- typing ---------------------------------------------------------------------------------------------------------


def test_who_hears_that_somebody_writes(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    customer = customer_of(conversation)
    sender, recipients, _ = store.conversations.typing(conversation, identity(customer, name="Carla"))
    assert (sender.user, sender.name, sender.side, recipients) == (customer, "Carla", "customer", ())
    shop.claim(conversation, shop.agents[0])
    assert users(store.conversations.typing(conversation, identity(customer))[1]) == {shop.agents[0]}
    shop.appoint(shop.agents[0], name="Mei")
    sender, recipients, _ = store.conversations.typing(conversation, identity(shop.agents[0], name="Token"))
    assert (sender.name, sender.side, users(recipients)) == ("Mei", "store", {customer})


def test_only_the_claimer_is_seen_to_write(shop: Shop, store: Store) -> None:
    for conversation, holder in ((shop.waiting(), None), (shop.claimed(), shop.agents[0])):
        for agent in (shop.agents[1], shop.supervisor):
            with pytest.raises(NotClaimer) as refusal:
                store.conversations.typing(conversation, identity(agent))
            assert refusal.value.details == {"agent": holder}


# --- watching -------------------------------------------------------------------------------------------------------


def test_a_watcher_is_told_of_everything_there_and_of_nothing_elsewhere(
    shop: Shop, store: Store, new_name: NewName
) -> None:
    watched, other = shop.claimed(), shop.claimed()
    connection = ConnectionId(new_name("connection"))
    store.conversations.watch(watched, shop.agents[1], connection, on=True)
    assert shop.say(watched, "x").watchers == (connection,)
    assert shop.say(watched, "x", shop.agents[0]).watchers == (connection,)
    assert shop.announce(watched, "x").watchers == (connection,)
    assert store.conversations.read(watched, shop.agents[0], 1).watchers == (connection,)
    assert store.conversations.typing(watched, identity(shop.agents[0]))[2] == (connection,)
    assert shop.transfer(watched, shop.agents[0], shop.supervisor).watchers == (connection,)
    assert shop.say(other, "x").watchers == ()


def test_a_watch_ends_when_asked(shop: Shop, store: Store, new_name: NewName) -> None:
    conversation = shop.claimed()
    one, other = (ConnectionId(new_name("connection")) for _ in range(2))
    for connection in (one, other, one):
        store.conversations.watch(conversation, shop.agents[1], connection, on=True)
    assert set(shop.say(conversation, "x").watchers) == {one, other}
    store.conversations.watch(conversation, shop.agents[1], one, on=False)
    store.conversations.watch(conversation, shop.agents[1], one, on=False)
    assert shop.say(conversation, "x").watchers == (other,)


def test_a_watch_ends_with_its_connection(shop: Shop, store: Store, new_name: NewName) -> None:
    conversations = [shop.claimed(), shop.claimed()]
    agent = identity(shop.agents[1], new_name("connection"))
    store.users.connect(agent.connection, agent)
    for conversation in conversations:
        store.conversations.watch(conversation, agent.user, agent.connection, on=True)
    store.users.forget(agent.connection)
    for conversation in conversations:
        assert shop.say(conversation, "x").watchers == ()
        assert store.scripts.command("EXISTS", keys.watchers(conversation)) == 0
    assert store.scripts.command("EXISTS", keys.watching(agent.connection)) == 0


def test_a_watch_ends_with_the_membership(shop: Shop, store: Store, new_name: NewName) -> None:
    conversation, connection = shop.claimed(), ConnectionId(new_name("connection"))
    store.conversations.watch(conversation, shop.agents[1], connection, on=True)
    shop.dismiss(shop.agents[1])
    assert shop.say(conversation, "x").watchers == ()


def test_a_new_membership_begins_without_the_old_ones_watches(shop: Shop, store: Store, new_name: NewName) -> None:
    conversation, connection = shop.claimed(), ConnectionId(new_name("connection"))
    store.conversations.watch(conversation, shop.agents[1], connection, on=True)
    shop.dismiss(shop.agents[1])
    shop.appoint(shop.agents[1])
    assert shop.say(conversation, "x").watchers == ()


def test_a_watch_ends_with_its_time(shop: Shop, store: Store, new_name: NewName) -> None:
    conversation, connection = shop.claimed(), ConnectionId(new_name("connection"))
    store.conversations.watch(conversation, shop.agents[1], connection, on=True)
    key = keys.watchers(conversation)
    assert 2 * 3600 * 1000 < store.scripts.command("PTTL", key) <= 130 * 60 * 1000
    joined = shop.joined[shop.agents[1]]
    store.scripts.command("HSET", key, connection, f"{shop.agents[1]}:{joined}:{store.users.time() - 1}")
    assert shop.say(conversation, "x").watchers == ()
    assert store.scripts.command("HEXISTS", key, connection) == 0
