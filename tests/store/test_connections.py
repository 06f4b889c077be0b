"""Connections: who is behind one, who is online, since when somebody is away, and what is left when it is gone."""

import time

import pytest

from chalicelib.errors import Unauthorized
from chalicelib.model import ConnectionId, Identity
from chalicelib.store import SHARDS, Store, keys
from tests.store.conftest import Inbox, NewName, identity, open_store


def presence(inbox: Inbox) -> tuple[int | None, str]:
    found = inbox.store.users.presence([inbox.user])[inbox.user]
    assert found.online == (found.absent_since is None)
    return found.absent_since, found.name


def expire(inbox: Inbox, who: Identity, at: int) -> None:
    """Lets a connection have expired at a time, in the user's slot and among all."""
    state, _, rest = inbox.store.scripts.command("HGET", inbox.keys["connections"], who.connection).split(b":", 2)
    inbox.store.scripts.command("HSET", inbox.keys["connections"], who.connection, b"%s:%d:%s" % (state, at, rest))
    inbox.store.scripts.command("ZADD", keys.online_of(who.connection), at, who.connection)


def traces(store: Store, who: Identity) -> list[bool]:
    """Where there is still something of a connection."""
    (connections, *_, held) = keys.user(who.user)
    command = store.scripts.command
    return [
        bool(command("EXISTS", keys.connection(who.connection))),
        bool(command("EXISTS", keys.watching(who.connection))),
        command("ZSCORE", keys.online_of(who.connection), who.connection) is not None,
        bool(command("HEXISTS", connections, who.connection)),
        any(entry.startswith(f"{who.connection}:".encode()) for entry in command("LRANGE", held, 0, -1)),
    ]


def test_a_connection_has_an_identity(inbox: Inbox, store: Store) -> None:
    who = inbox.connect('Carla "客" :\n')
    found, welcomed = store.users.identity(who.connection)
    assert (found, welcomed) == (who, False)
    store.users.note_welcome(who.connection)
    assert store.users.identity(who.connection) == (who, True)
    assert traces(store, who) == [True, False, True, True, False]


def test_nobody_is_behind_an_unknown_connection(store: Store, new_name: NewName) -> None:
    assert store.users.identity(ConnectionId(new_name("connection"))) == (None, False)


def test_an_expiry_of_any_size_comes_back(inbox: Inbox, store: Store, new_name: NewName) -> None:
    who = Identity(inbox.user, "x", 10**30, connection=ConnectionId(new_name("connection")))
    store.users.connect(who.connection, who)
    assert store.users.identity(who.connection)[0] == who


def test_the_marketplace_has_no_rights_on_a_socket(inbox: Inbox, store: Store, new_name: NewName) -> None:
    who = Identity(inbox.user, "x", 10, admin=True, connection=ConnectionId(new_name("connection")))
    store.users.connect(who.connection, who)
    found, _ = store.users.identity(who.connection)
    assert found is not None
    assert not found.admin


def test_who_is_behind_a_connection_is_remembered_by_the_process(inbox: Inbox, redis_settings: dict[str, str]) -> None:
    who = inbox.connect()
    process = open_store(redis_settings)
    process.users.note_welcome(who.connection)
    assert process.users.identity(who.connection) == (who, True)
    inbox.store.users.forget(who.connection)
    assert process.users.identity(who.connection) == (who, True)
    with pytest.raises(Unauthorized):
        process.users.admit(who, None)
    process.users.forget(who.connection)
    assert process.users.identity(who.connection) == (None, False)


def test_nothing_is_left_of_a_connection_that_is_gone(inbox: Inbox, store: Store) -> None:
    who = inbox.connect()
    inbox.tell("{}")
    assert traces(store, who) == [True, False, True, True, True]
    store.users.forget(who.connection)
    assert traces(store, who) == [False] * 5
    store.users.forget(who.connection)


def test_a_welcome_that_comes_too_late_leaves_nothing(inbox: Inbox, store: Store) -> None:
    who = inbox.connect()
    store.users.forget(who.connection)
    store.users.note_welcome(who.connection)
    assert traces(store, who) == [False] * 5


def test_to_register_twice_is_to_register_once(inbox: Inbox, store: Store) -> None:
    who = inbox.connect()
    before = store.users.online()
    store.users.connect(who.connection, who)
    assert store.users.online() == before
    assert presence(inbox)[0] is None


def test_the_connections_of_all_are_counted(inbox: Inbox, store: Store) -> None:
    before = store.users.online()
    several = [inbox.connect() for _ in range(5)]
    assert store.users.online() == before + 5
    store.users.forget(several[0].connection)
    expire(inbox, several[1], int(time.time() * 1000) - 1)
    assert store.users.online() == before + 3


def test_somebody_is_online_while_one_connection_is_left(inbox: Inbox, store: Store) -> None:
    assert presence(inbox) == (0, "")
    one, other = inbox.connect("One"), inbox.connect("Other")
    assert presence(inbox) == (None, "Other")
    store.users.forget(one.connection)
    assert presence(inbox)[0] is None
    before = store.users.time()
    store.users.forget(other.connection)
    absent_since, name = presence(inbox)
    assert absent_since is not None
    assert before <= absent_since <= store.users.time()
    assert name == "Other"
    store.users.forget(other.connection)
    assert presence(inbox)[0] == absent_since
    inbox.connect()
    assert presence(inbox)[0] is None


def test_who_vanished_is_away_since_the_connection_expired(inbox: Inbox, store: Store) -> None:
    now = store.users.time()
    one, other = inbox.connect(), inbox.connect()
    expire(inbox, one, now - 5_000)
    assert presence(inbox)[0] is None
    expire(inbox, other, now - 9_000)
    assert presence(inbox)[0] == now - 5_000
    assert inbox.look().absent_since == now - 5_000
    assert traces(store, one)[3:] == [False, False]


def test_many_are_asked_for_at_once(store: Store, new_name: NewName) -> None:
    inboxes = [Inbox(store, new_name("user"), new_name) for _ in range(6)]
    for inbox in inboxes[::2]:
        inbox.connect(inbox.user)
    found = store.users.presence([inbox.user for inbox in inboxes])
    assert [found[inbox.user].online for inbox in inboxes] == [True, False] * 3
    assert [found[inbox.user].name for inbox in inboxes[::2]] == [inbox.user for inbox in inboxes[::2]]
    assert store.users.presence([]) == {}


def test_the_sweep_finds_what_expired(inbox: Inbox, store: Store) -> None:
    several = [inbox.connect() for _ in range(8)]
    now = store.users.time()
    for who in several[:6]:
        expire(inbox, who, now - 10_000_000)  # before all others, so that a page of few has them
    found = [each for shard in range(SHARDS) for each in store.users.expired(shard, 100)]
    assert {who.connection for who in several[:6]} <= set(found)
    assert {who.connection for who in several[6:]}.isdisjoint(found)
    shard = next(n for n in range(SHARDS) if keys.online(n) == keys.online_of(several[0].connection))
    assert len(store.users.expired(shard, 1)) == 1
    for who in several:
        store.users.forget(who.connection)
    assert {who.connection for who in several}.isdisjoint(
        each for shard in range(SHARDS) for each in store.users.expired(shard, 100)
    )


@pytest.mark.parametrize("size", [1, 500])
def test_everybody_is_shown_once(store: Store, new_name: NewName, size: int) -> None:
    inboxes = [Inbox(store, new_name("user"), new_name) for _ in range(40)]
    connections = [inbox.connect().connection for inbox in inboxes]
    for connection in connections[::2]:
        store.users.note_welcome(connection)
    welcomed: list[ConnectionId] = []
    joining: list[ConnectionId] = []
    for page, not_yet in store.users.everybody(size):
        welcomed += page
        joining += not_yet
    assert len(welcomed) == len(set(welcomed))
    assert len(joining) == len(set(joining))
    assert set(connections) & set(welcomed) == set(connections[::2])
    assert set(connections) & set(joining) == set(connections[1::2])
    assert store.users.welcomed(set(connections)) == set(connections[::2])


def test_a_connection_is_remembered_for_longer_than_it_can_live(inbox: Inbox, store: Store) -> None:
    who = inbox.connect()
    assert store.scripts.command("PTTL", keys.connection(who.connection)) > 2 * 3600 * 1000
    assert (
        store.scripts.command("ZSCORE", keys.online_of(who.connection), who.connection) > time.time() * 1000 + 600_000
    )


def test_the_clock_is_that_of_redis(store: Store) -> None:
    first = store.users.time()
    assert abs(first - time.time() * 1000) < 10_000
    assert store.users.time() >= first
    assert store.users.admit(identity("nobody"), None, wonders=True).at >= first
