"""The offline list: offsets, bounds, and what leaves it with a membership."""

import pytest

from chalicelib.model import Recipient
from chalicelib.store import Store
from chalicelib.store.users import Push
from tests.store.conftest import Inbox, NewName

DAY_MS = 24 * 3600 * 1000


def test_entries_have_offsets_from_one(inbox: Inbox) -> None:
    assert [inbox.append().offset for _ in range(5)] == [1, 2, 3, 4, 5]
    assert inbox.look().offset == 0
    assert inbox.append().offset == 6


def test_an_offset_is_never_given_twice(inbox: Inbox, store: Store) -> None:
    for _ in range(3):
        inbox.append()
    inbox.ack(3)
    assert inbox.append().offset == 4
    store.scripts.command("DEL", inbox.keys["offline"])  # as after thirty days without an entry
    assert inbox.append().offset == 5
    assert inbox.offsets() == [5]


@pytest.mark.parametrize(
    "event", ["{}", '{"text":"客服 🙂"}', '{"a":"1:2:3:"}', "{" + " " * 16_000 + "}", '{"\\n":"\x7f"}']
)
@pytest.mark.parametrize("as_agent", [False, True])
def test_an_entry_comes_back_byte_for_byte(inbox: Inbox, new_name: NewName, event: str, as_agent: bool) -> None:
    to = Recipient(inbox.user, new_name("shop"), 1) if as_agent else None
    inbox.append(event, to)
    assert inbox.replay(inbox.connect().connection) == [(1, event.encode())]


def test_many_recipients_are_reached_in_one_go(store: Store, new_name: NewName) -> None:
    inboxes = [Inbox(store, new_name("user"), new_name) for _ in range(30)]
    connections = {inbox.user: inbox.live().connection for inbox in inboxes[::2]}
    for inbox in inboxes[::3]:
        inbox.append()
    reaches = store.users.reach([Push(Recipient(inbox.user), b"{}") for inbox in inboxes])
    assert [reach and reach.offset for reach in reaches] == [2 if n % 3 == 0 else 1 for n in range(30)]
    assert [reach and reach.live for reach in reaches] == [
        (connections[inbox.user],) if inbox.user in connections else () for inbox in inboxes
    ]
    assert store.users.reach([]) == []


def test_recipients_of_one_call_are_told_apart(store: Store, new_name: NewName) -> None:
    shop = new_name("shop")
    inboxes = live, joining, left, away, expired = [Inbox(store, new_name("user"), new_name) for _ in range(5)]
    connection, expected = live.live().connection, joining.connect().connection
    store.users.note_membership(left.user, shop, -2)
    gone = expired.live().connection
    store.scripts.command("HSET", expired.keys["connections"], gone, "live:1:0:")
    frames = ((b'{"typing":1}', False),)
    reaches = store.users.reach([Push(Recipient(inbox.user, shop, 1), b"{}", frames) for inbox in inboxes])
    assert [reach and reach.offset for reach in reaches] == [1, 1, 0, 1, 1]
    assert [reach and reach.live for reach in reaches] == [(connection,), (), (), (), ()]
    assert [reach and reach.joining for reach in reaches] == [(), (expected,), (), (), ()]
    assert [reach and reach.absent_since for reach in reaches] == [None, None, None, 0, 1]
    assert joining.replay(expected) == [(1, b"{}"), (0, b'{"typing":1}')]
    assert [inbox.replay(inbox.connect().connection) for inbox in (left, away, expired)] == [
        [],
        [(1, b"{}")],
        [(1, b"{}")],
    ]


def test_where_somebody_is_online(inbox: Inbox, store: Store) -> None:
    assert inbox.append().absent_since == 0
    one, other = inbox.live(), inbox.live()
    reach = inbox.append()
    assert (set(reach.live), reach.syncing, reach.absent_since) == ({one.connection, other.connection}, (), None)
    store.users.forget(one.connection)
    assert inbox.look().live == (other.connection,)
    store.users.forget(other.connection)
    absent_since = inbox.look().absent_since
    assert absent_since is not None
    assert 0 <= store.users.time() - absent_since < 10_000


# --- bounds ---------------------------------------------------------------------------------------------------------


def test_a_list_holds_a_thousand_entries_and_the_oldest_leave(inbox: Inbox, store: Store) -> None:
    pushes = [Push(Recipient(inbox.user), b"%d" % n) for n in range(1, 1_004)]
    offsets = [reach.offset for reach in store.users.reach(pushes) if reach]
    assert offsets == list(range(1, 1_004))
    entries = inbox.replay(inbox.connect().connection)
    assert [offset for offset, _ in entries] == list(range(4, 1_004))
    assert [event for _, event in entries] == [b"%d" % n for n in range(4, 1_004)]
    inbox.ack(2)  # what has left may be acknowledged, too
    inbox.ack(500)
    assert inbox.offsets() == list(range(501, 1_004))


def age(inbox: Inbox, index: int, ms: int) -> None:
    """Lets an entry of the list have been written that much earlier."""
    command = inbox.store.scripts.command
    offset, at, rest = command("LINDEX", inbox.keys["offline"], index).split(b":", 2)
    command("LSET", inbox.keys["offline"], index, b"%s:%d:%s" % (offset, int(at) - ms, rest))


def test_an_entry_stays_for_thirty_days(inbox: Inbox) -> None:
    for _ in range(3):
        inbox.append()
    age(inbox, 0, 30 * DAY_MS)
    age(inbox, 1, 30 * DAY_MS - 60_000)
    assert inbox.offsets() == [2, 3]


@pytest.mark.parametrize("by", ["ack", "replay"])
def test_an_entry_that_is_too_old_leaves_before_anything_is_read(inbox: Inbox, store: Store, by: str) -> None:
    inbox.append()
    inbox.append()
    inbox.append()
    age(inbox, 0, 31 * DAY_MS)
    age(inbox, 1, 31 * DAY_MS)
    if by == "ack":
        inbox.ack(0)
    else:
        replay = store.users.begin_replay(inbox.user, inbox.connect().connection, again=False)
        assert (replay.entries, replay.newest) == (1, 3)
    assert store.scripts.command("LLEN", inbox.keys["offline"]) == 1


def test_an_acknowledgement_takes_what_is_too_old_along(inbox: Inbox) -> None:
    for _ in range(5):
        inbox.append()
    age(inbox, 2, 31 * DAY_MS)
    inbox.ack(2)
    assert inbox.offsets() == [4, 5]


def test_a_list_that_nobody_touches_goes_by_itself(inbox: Inbox, store: Store) -> None:
    inbox.append()
    assert 29 * DAY_MS < store.scripts.command("PTTL", inbox.keys["offline"]) <= 30 * DAY_MS


# --- memberships ----------------------------------------------------------------------------------------------------


def member(inbox: Inbox, shop: str, joined: int) -> Recipient:
    return Recipient(inbox.user, shop, joined)


def test_who_has_left_gets_nothing_more(inbox: Inbox, store: Store, new_name: NewName) -> None:
    shop, connection = new_name("shop"), inbox.live().connection
    store.users.note_membership(inbox.user, shop, 3)
    assert inbox.append(to=member(inbox, shop, 3)).live == (connection,)
    store.users.note_membership(inbox.user, shop, -5)
    for late in (inbox.append(to=member(inbox, shop, 3)), inbox.tell("{}", to=member(inbox, shop, 3))):
        assert (late.offset, late.live, late.syncing, late.joining, late.absent_since) == (0, (), (), (), None)
    assert inbox.append().offset == 2


def test_who_has_come_back_gets_what_comes_then(inbox: Inbox, store: Store, new_name: NewName) -> None:
    shop = new_name("shop")
    store.users.note_membership(inbox.user, shop, 3)
    store.users.note_membership(inbox.user, shop, -5)
    # The new membership's first message may come before the word of the membership.
    assert inbox.append(to=member(inbox, shop, 6)).offset == 1
    assert inbox.append(to=member(inbox, shop, 6)).offset == 2
    store.users.note_membership(inbox.user, shop, 6)
    assert inbox.offsets() == [1, 2]


def test_a_removal_can_be_noted_only_where_it_matters(inbox: Inbox, store: Store, new_name: NewName) -> None:
    never, left, serves = new_name("shop"), new_name("shop"), new_name("shop")
    store.users.note_membership(inbox.user, left, -3)
    store.users.note_membership(inbox.user, serves, 3)
    for shop in (never, left, serves):
        store.users.note_membership(inbox.user, shop, -9, only_if_known=True)
    assert inbox.append(to=member(inbox, never, 5)).offset == 1
    assert inbox.append(to=member(inbox, left, 5)).offset == 2
    assert inbox.append(to=member(inbox, serves, 5)).offset == 0


def test_an_older_word_changes_nothing(inbox: Inbox, store: Store, new_name: NewName) -> None:
    shop = new_name("shop")
    store.users.note_membership(inbox.user, shop, -5)
    store.users.note_membership(inbox.user, shop, 3)
    assert inbox.append(to=member(inbox, shop, 3)).offset == 0
    store.users.note_membership(inbox.user, shop, 6)
    inbox.append(to=member(inbox, shop, 6))
    store.users.note_membership(inbox.user, shop, -5)
    assert inbox.offsets() == [1]


def test_with_a_membership_the_stores_entries_leave_and_no_others(
    inbox: Inbox, store: Store, new_name: NewName
) -> None:
    left, kept = new_name("shop"), new_name("shop")
    longer = f"{left}-2"  # a name that begins like the one that goes
    senders = [None, member(inbox, left, 1), member(inbox, kept, 1), member(inbox, longer, 1)]
    for n in range(40):
        # What is said in another store may well contain the name of the one that goes.
        inbox.append(f'{{"n":{n},"text":":{left}:"}}', senders[n % 4])
    store.users.note_membership(inbox.user, left, -2)
    entries = inbox.replay(inbox.connect().connection)
    assert [offset for offset, _ in entries] == [n + 1 for n in range(40) if n % 4 != 1]
    assert [event for _, event in entries] == [
        b'{"n":%d,"text":":%s:"}' % (n, left.encode()) for n in range(40) if n % 4 != 1
    ]
    assert inbox.append().offset == 41
    inbox.ack(20)
    assert inbox.offsets() == [n + 1 for n in range(20, 40) if n % 4 != 1] + [41]


def test_the_last_store_takes_the_last_entry_along(inbox: Inbox, store: Store, new_name: NewName) -> None:
    shop = new_name("shop")
    inbox.append(to=member(inbox, shop, 1))
    store.users.note_membership(inbox.user, shop, -2)
    assert inbox.offsets() == []
    inbox.ack(1)
    assert inbox.append().offset == 2


def test_a_removal_does_not_make_entries_younger(inbox: Inbox, store: Store, new_name: NewName) -> None:
    shop = new_name("shop")
    inbox.append()
    inbox.append(to=member(inbox, shop, 1))
    age(inbox, 0, 31 * DAY_MS)
    store.users.note_membership(inbox.user, shop, -2)
    assert inbox.offsets() == []


def test_one_membership_is_not_another_users(store: Store, new_name: NewName) -> None:
    one, other = Inbox(store, new_name("user"), new_name), Inbox(store, new_name("user"), new_name)
    shop = new_name("shop")
    for inbox in (one, other):
        inbox.append(to=member(inbox, shop, 1))
    store.users.note_membership(one.user, shop, -9)
    assert (one.offsets(), other.offsets()) == ([], [1])
