"""The replay at connect and by `sync`: everything, in order, by one at a time, and nothing live before it has ended."""

import random
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import pytest

from chalicelib.model import ConnectionId, Recipient
from chalicelib.store import Store
from chalicelib.store.users import LEASE_MS, REPLAY_ENTRIES, Push
from tests.store.conftest import Inbox, NewName


def begin(inbox: Inbox, connection: ConnectionId, *, again: bool = False) -> str:
    """A replay that has begun; its lessee."""
    replay = inbox.store.users.begin_replay(inbox.user, connection, again=again)
    assert replay.state == "begun"
    return replay.lessee


def following(
    inbox: Inbox, connection: ConnectionId, lessee: str, behind: int
) -> list[int] | Literal["live", "lost", "gone"]:
    entries = inbox.store.users.next_entries(inbox.user, connection, lessee, behind)
    return entries if isinstance(entries, str) else [offset for offset, _ in entries]


def end_lease(inbox: Inbox, connection: ConnectionId) -> None:
    """Lets the lease of a connection have ended, as if its holder had died a while ago."""
    command, key = inbox.store.scripts.command, inbox.keys["connections"]
    state, expires, _, lessee = command("HGET", key, connection).split(b":", 3)
    command("HSET", key, connection, b":".join([state, expires, b"1", lessee]))


def append_many(inbox: Inbox, count: int) -> None:
    inbox.store.users.reach([Push(Recipient(inbox.user), b"{}")] * count)


@pytest.mark.parametrize(
    "count", [0, 1, REPLAY_ENTRIES - 1, REPLAY_ENTRIES, REPLAY_ENTRIES + 1, 2 * REPLAY_ENTRIES + 1]
)
@pytest.mark.parametrize("acknowledged", [0, 1, 20])
def test_a_replay_is_the_whole_list_in_order(inbox: Inbox, count: int, acknowledged: int) -> None:
    append_many(inbox, count)
    if acknowledged <= count:
        inbox.ack(acknowledged)
    first = acknowledged + 1 if acknowledged <= count else 1
    connection = inbox.connect().connection
    assert [offset for offset, _ in inbox.replay(connection)] == list(range(first, count + 1))
    assert inbox.look().live == (connection,)


def test_a_replay_begins_with_the_state_of_the_list(inbox: Inbox, store: Store, new_name: NewName) -> None:
    served, left = new_name("shop"), new_name("shop")
    append_many(inbox, 7)
    inbox.ack(2)
    store.users.note_membership(inbox.user, served, 4)
    store.users.note_membership(inbox.user, left, -4)
    replay = store.users.begin_replay(inbox.user, inbox.connect().connection, again=False)
    assert (replay.state, replay.newest, replay.entries, replay.stores) == ("begun", 7, 5, (served,))
    assert abs(replay.at - store.users.time()) < 10_000


def test_a_connection_is_not_live_before_its_replay_has_ended(inbox: Inbox) -> None:
    append_many(inbox, 3)
    connection = inbox.connect().connection
    assert (inbox.append().live, inbox.look().absent_since) == ((), None)
    lessee = begin(inbox, connection)
    assert inbox.append().live == ()
    assert following(inbox, connection, lessee, 0) == [1, 2, 3, 4, 5]
    reach = inbox.append()
    assert (reach.live, reach.syncing) == ((), ())
    assert following(inbox, connection, lessee, 5) == [6]
    assert following(inbox, connection, lessee, 6) == "live"
    assert inbox.append().live == (connection,)


def test_a_new_connection_holds_nothing_back_for_the_others(inbox: Inbox) -> None:
    live = inbox.live().connection
    inbox.connect()
    assert inbox.append().live == (live,)


def test_a_sync_holds_live_entries_back_until_it_has_ended(inbox: Inbox) -> None:
    append_many(inbox, 2)
    connection = inbox.live().connection
    lessee = begin(inbox, connection, again=True)
    reach = inbox.append()
    assert (reach.live, reach.syncing) == ((), (connection,))
    assert following(inbox, connection, lessee, 0) == [1, 2, 3]
    assert following(inbox, connection, lessee, 3) == "live"
    assert inbox.append().live == (connection,)


def test_a_flush_that_is_called_again_leaves_a_live_connection_alone(inbox: Inbox, store: Store) -> None:
    connection = inbox.live().connection
    assert store.users.begin_replay(inbox.user, connection, again=False).state == "live"
    assert inbox.look().live == (connection,)


def test_what_is_no_connection_has_no_replay(inbox: Inbox, store: Store, new_name: NewName) -> None:
    unknown = ConnectionId(new_name("connection"))
    connection = inbox.connect().connection
    lessee = begin(inbox, connection)
    store.users.forget(connection)
    for gone in (unknown, connection):
        for again in (False, True):
            assert store.users.begin_replay(inbox.user, gone, again=again).state == "gone"
        assert following(inbox, gone, lessee, 0) == "gone"


def test_a_connection_that_expired_has_no_replay(inbox: Inbox, store: Store) -> None:
    connection = inbox.connect().connection
    store.scripts.command("HSET", inbox.keys["connections"], connection, f"joining:{store.users.time() - 1}:0:")
    assert store.users.begin_replay(inbox.user, connection, again=False).state == "gone"


# --- one at a time --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("again", [True, False])
def test_a_connection_is_replayed_by_one_at_a_time(inbox: Inbox, store: Store, again: bool) -> None:
    append_many(inbox, 60)
    connection = inbox.connect().connection
    lessee = begin(inbox, connection)
    for other in (False, True):
        assert store.users.begin_replay(inbox.user, connection, again=other).state == "busy"
    assert following(inbox, connection, "somebody else", 0) == "lost"
    assert following(inbox, connection, lessee, 50) == list(range(51, 61))
    assert following(inbox, connection, lessee, 60) == "live"
    assert store.users.begin_replay(inbox.user, connection, again=again).state == ("begun" if again else "live")


def test_of_many_who_would_replay_one_does(inbox: Inbox, store: Store) -> None:
    connection = inbox.connect().connection
    with ThreadPoolExecutor(12) as threads:
        begun = list(
            threads.map(lambda _: store.users.begin_replay(inbox.user, connection, again=True).state, range(12))
        )
    assert sorted(begun) == ["begun", *["busy"] * 11]


def test_a_replay_whose_holder_died_is_taken_over(inbox: Inbox) -> None:
    append_many(inbox, 30)
    connection = inbox.connect().connection
    dead = begin(inbox, connection)
    assert following(inbox, connection, dead, 0) == list(range(1, 26))
    end_lease(inbox, connection)
    lessee = begin(inbox, connection)
    assert following(inbox, connection, dead, 25) == "lost"
    assert following(inbox, connection, lessee, 0) == list(range(1, 26))
    assert inbox.append().live == ()


def test_a_holder_who_was_slow_goes_on_where_nobody_took_over(inbox: Inbox) -> None:
    append_many(inbox, 30)
    connection = inbox.connect().connection
    lessee = begin(inbox, connection)
    end_lease(inbox, connection)
    assert following(inbox, connection, lessee, 0) == list(range(1, 26))
    assert inbox.store.users.begin_replay(inbox.user, connection, again=True).state == "busy"


def test_a_dead_sync_holds_nothing_back_for_longer_than_its_lease(inbox: Inbox) -> None:
    connection = inbox.live().connection
    begin(inbox, connection, again=True)
    assert inbox.append().syncing == (connection,)
    end_lease(inbox, connection)
    reach = inbox.append()
    assert (reach.live, reach.syncing) == ((connection,), ())


def test_a_dead_flush_keeps_its_connection_from_being_live(inbox: Inbox) -> None:
    append_many(inbox, 1)
    connection = inbox.connect().connection
    begin(inbox, connection)
    end_lease(inbox, connection)
    assert inbox.append().live == ()


@pytest.mark.parametrize("first", [True, False])
def test_a_replay_that_cannot_go_on_is_given_back(inbox: Inbox, store: Store, first: bool) -> None:
    append_many(inbox, 3)
    connection = inbox.connect().connection if first else inbox.live().connection
    lessee = begin(inbox, connection, again=True)
    store.users.end_replay(inbox.user, connection, "somebody else")
    assert store.users.begin_replay(inbox.user, connection, again=True).state == "busy"
    store.users.end_replay(inbox.user, connection, lessee)
    # A new connection stays joining until a replay has ended; one that was live is live again.
    assert inbox.look().live == (() if first else (connection,))
    again = begin(inbox, connection)
    assert following(inbox, connection, lessee, 0) == "lost"
    assert following(inbox, connection, again, 0) == [1, 2, 3]
    store.users.end_replay(inbox.user, new_connection := ConnectionId("unknown"), lessee)
    assert store.users.begin_replay(inbox.user, new_connection, again=True).state == "gone"


def test_a_lease_lasts_for_a_batch_of_posts(inbox: Inbox, store: Store) -> None:
    connection = inbox.connect().connection
    begin(inbox, connection)
    lease = int(store.scripts.command("HGET", inbox.keys["connections"], connection).split(b":")[2])
    assert 0 < lease - store.users.time() <= LEASE_MS


# --- while the list changes -------------------------------------------------------------------------------------------


def test_what_is_acknowledged_meanwhile_is_not_replayed(inbox: Inbox) -> None:
    append_many(inbox, 60)
    connection = inbox.connect().connection
    lessee = begin(inbox, connection)
    assert following(inbox, connection, lessee, 0) == list(range(1, 26))
    inbox.ack(40)
    assert following(inbox, connection, lessee, 25) == list(range(41, 61))
    inbox.ack(60)
    assert following(inbox, connection, lessee, 60) == "live"


def test_what_leaves_by_the_bound_meanwhile_is_a_gap(inbox: Inbox) -> None:
    append_many(inbox, 1_000)
    connection = inbox.connect().connection
    lessee = begin(inbox, connection)
    assert following(inbox, connection, lessee, 0) == list(range(1, 26))
    append_many(inbox, 40)
    assert following(inbox, connection, lessee, 25) == list(range(41, 66))


def test_a_membership_that_ends_meanwhile_takes_its_entries_along(
    inbox: Inbox, store: Store, new_name: NewName
) -> None:
    shop = new_name("shop")
    for n in range(60):
        inbox.append(to=Recipient(inbox.user, shop, 1) if n % 2 else None)
    connection = inbox.connect().connection
    lessee = begin(inbox, connection)
    assert following(inbox, connection, lessee, 0) == list(range(1, 26))
    store.users.note_membership(inbox.user, shop, -2)
    assert following(inbox, connection, lessee, 25) == list(range(27, 61, 2))


@pytest.mark.parametrize("seed", range(5))
def test_from_any_place_in_a_list_with_gaps_the_next_entries_follow(
    inbox: Inbox, store: Store, new_name: NewName, seed: int
) -> None:
    chance = random.Random(seed)
    shops = [new_name("shop") for _ in range(3)]
    sources = [chance.choice([None, *shops]) for _ in range(90)]
    for source in sources:
        inbox.append(to=Recipient(inbox.user, source, 1) if source else None)
    inbox.ack(chance.randrange(10))
    acknowledged = inbox.offsets()[0] - 1
    for shop in shops[:2]:
        store.users.note_membership(inbox.user, shop, -2)
    left = [n for n, source in enumerate(sources, 1) if n > acknowledged and source in {None, shops[2]}]
    connection = inbox.connect().connection
    lessee = begin(inbox, connection)
    for behind in range(91):
        expected = [offset for offset in left if offset > behind][:REPLAY_ENTRIES]
        if expected:  # without, the connection would turn live
            assert following(inbox, connection, lessee, behind) == expected


# --- what is not durable --------------------------------------------------------------------------------------------


def events(entries: list[tuple[int, bytes]]) -> list[str]:
    """The frames that were held back, without the entries of the list."""
    return [event.decode() for offset, event in entries if offset == 0]


def test_what_is_not_durable_waits_for_the_end_of_a_first_replay(inbox: Inbox, store: Store) -> None:
    append_many(inbox, 30)
    connection = inbox.connect().connection
    reach = inbox.tell('{"f":1}', '{"f":"客:\\n"}')
    assert (reach.joining, reach.live, reach.syncing) == ((connection,), (), ())
    lessee = begin(inbox, connection)
    inbox.tell('{"f":3}')
    assert following(inbox, connection, lessee, 0) == list(range(1, 26))
    assert following(inbox, connection, lessee, 25) == list(range(26, 31))
    held = store.users.next_entries(inbox.user, connection, lessee, 30)
    assert held == [(0, b'{"f":1}'), (0, '{"f":"客:\\n"}'.encode()), (0, b'{"f":3}')]
    inbox.append()
    inbox.tell('{"f":4}')
    assert following(inbox, connection, lessee, 30) == [31]
    assert store.users.next_entries(inbox.user, connection, lessee, 31) == [(0, b'{"f":4}')]
    assert following(inbox, connection, lessee, 31) == "live"


def test_nothing_is_held_for_who_is_live_or_syncing(inbox: Inbox) -> None:
    live, syncing, joining = inbox.live().connection, inbox.live().connection, inbox.connect().connection
    lessee = begin(inbox, syncing, again=True)
    reach = inbox.tell("{}")
    assert (reach.live, reach.syncing, reach.joining, reach.offset) == ((live,), (syncing,), (joining,), 0)
    assert following(inbox, syncing, lessee, 0) == "live"
    assert inbox.replay(joining) == [(0, b"{}")]


def test_each_connection_that_joins_gets_what_is_held_once(inbox: Inbox) -> None:
    first = inbox.connect().connection
    inbox.tell("1", "1")
    second = inbox.connect().connection
    inbox.tell("2")
    assert events(inbox.replay(first)) == ["1", "1", "2"]
    assert events(inbox.replay(second)) == ["2"]
    assert events(inbox.replay(first, again=True)) == []


def test_an_asker_who_joins_gets_only_what_is_for_askers_too(inbox: Inbox, store: Store) -> None:
    asker, other = inbox.connect().connection, inbox.connect().connection
    store.users.reach([Push(Recipient(inbox.user), frames=((b"mine", False), (b"changed", True)))], asker)
    assert events(inbox.replay(asker)) == ["changed"]
    assert events(inbox.replay(other)) == ["mine", "changed"]


def test_what_is_held_has_a_bound_and_an_end(inbox: Inbox, store: Store) -> None:
    connection = inbox.connect().connection
    for _ in range(30):
        inbox.tell(*("{}" for _ in range(10)))
    assert 0 < store.scripts.command("TTL", inbox.keys["held"]) <= 3600
    assert events(inbox.replay(connection)) == ["{}"] * 200


def test_what_is_held_of_a_store_goes_with_the_membership(inbox: Inbox, store: Store, new_name: NewName) -> None:
    left, kept, connection = new_name("shop"), new_name("shop"), inbox.connect().connection
    inbox.tell("1", to=Recipient(inbox.user, left, 1))
    inbox.tell("2", to=Recipient(inbox.user, kept, 1))
    inbox.tell("3")
    store.users.note_membership(inbox.user, left, -2)
    assert events(inbox.replay(connection)) == ["2", "3"]
