"""What every request passes: its connection, its acknowledgement, its place in the rate limit."""

import time

import pytest

from chalicelib.errors import BadRequest, RateLimited, Unauthorized
from chalicelib.model import Identity, Recipient
from chalicelib.store import Store, keys
from chalicelib.store.users import IDLE_MS, Push, Reach
from tests.store.conftest import Inbox, NewName, identity, open_store

# --- acknowledging --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ack", "left"), [(0, [1, 2, 3, 4, 5]), (1, [2, 3, 4, 5]), (4, [5]), (5, [])])
def test_what_is_acknowledged_leaves_the_list(inbox: Inbox, ack: int, left: list[int]) -> None:
    for _ in range(5):
        inbox.append()
    inbox.ack(ack)
    assert inbox.offsets() == left


def test_an_ack_behind_an_earlier_one_changes_nothing(inbox: Inbox) -> None:
    for _ in range(5):
        inbox.append()
    for ack in (3, 2, 3, 0):
        inbox.ack(ack)
        assert inbox.offsets() == [4, 5]


@pytest.mark.parametrize("beyond", [6, 7, 1_000_000, 2**53 - 1])
def test_an_ack_beyond_the_newest_is_refused_and_drops_nothing(inbox: Inbox, beyond: int) -> None:
    for _ in range(5):
        inbox.append()
    with pytest.raises(BadRequest) as refusal:
        inbox.ack(beyond)
    assert refusal.value.details == {"field": "ack"}
    assert inbox.offsets() == [1, 2, 3, 4, 5]


def test_of_an_empty_list_nothing_can_be_acknowledged(inbox: Inbox) -> None:
    inbox.ack(0)
    with pytest.raises(BadRequest):
        inbox.ack(1)


def test_everything_can_be_acknowledged_twice(inbox: Inbox) -> None:
    inbox.append()
    inbox.ack(1)
    inbox.ack(1)
    assert inbox.append().offset == 2
    assert inbox.offsets() == [2]


def test_one_device_acknowledges_for_all(inbox: Inbox, store: Store) -> None:
    one, other = inbox.live(), inbox.live()
    inbox.append()
    inbox.append()
    store.users.admit(one, 1)
    assert inbox.replay(other.connection, again=True) == [(2, b'{"n":2}')]


# --- the connection -------------------------------------------------------------------------------------------------


def expiry(inbox: Inbox, who: Identity) -> int:
    return int(inbox.store.scripts.command("HGET", inbox.keys["connections"], who.connection).split(b":")[1])


def test_a_request_keeps_its_connection_alive(inbox: Inbox, redis_settings: dict[str, str]) -> None:
    who = inbox.live()
    command = inbox.store.scripts.command
    soon = inbox.store.users.time() + 60_000
    command("HSET", inbox.keys["connections"], who.connection, f"live:{soon}:0:")
    command("ZADD", keys.online_of(who.connection), soon, who.connection)
    process = open_store(redis_settings)
    process.users.admit(who, None)
    assert abs(expiry(inbox, who) - (process.users.time() + IDLE_MS)) < 10_000
    assert abs(command("ZSCORE", keys.online_of(who.connection), who.connection) - expiry(inbox, who)) < 10_000
    assert inbox.look().live == (who.connection,)


def test_a_request_on_a_connection_that_is_over_is_refused(inbox: Inbox, redis_settings: dict[str, str]) -> None:
    inbox.append()
    gone, expired = inbox.live(), inbox.live()
    inbox.store.users.forget(gone.connection)
    past = inbox.store.users.time() - 1
    inbox.store.scripts.command("HSET", inbox.keys["connections"], expired.connection, f"live:{past}:0:")
    for who in (gone, expired):
        for ack in (None, 1):
            with pytest.raises(Unauthorized):
                open_store(redis_settings).users.admit(who, ack)
    assert inbox.offsets() == [1]


def test_a_connection_that_is_over_is_not_counted_again(inbox: Inbox, redis_settings: dict[str, str]) -> None:
    who = inbox.live()
    inbox.store.users.forget(who.connection)
    with pytest.raises(Unauthorized):
        open_store(redis_settings).users.admit(who, None)
    assert inbox.store.scripts.command("ZSCORE", keys.online_of(who.connection), who.connection) is None


def test_a_replay_goes_on_while_its_connection_asks(inbox: Inbox, store: Store) -> None:
    who = inbox.live()
    inbox.append()
    replay = store.users.begin_replay(inbox.user, who.connection, again=True)
    store.users.admit(who, 0)
    assert inbox.look().syncing == (who.connection,)
    assert store.users.next_entries(inbox.user, who.connection, replay.lessee, 0) == [(1, b'{"n":1}')]


def test_a_request_that_asks_for_nothing_costs_nothing(inbox: Inbox) -> None:
    who = inbox.connect()
    inbox.store.users.note_welcome(who.connection)
    assert inbox.store.users.identity(who.connection) == (who, True)
    assert inbox.store.users.admit(who, None).at > 0  # the first one touches its connection
    assert inbox.store.users.admit(who, None).at == 0
    assert inbox.store.users.admit(who, None, wonders=True).at > 0


# --- the rate limit ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=[1, 3])
def limited(request: pytest.FixtureRequest, redis_settings: dict[str, str], new_name: NewName) -> tuple[Inbox, int]:
    """Somebody whose store admits that many requests a second."""
    strict = open_store(redis_settings, RATE_LIMIT=str(request.param))
    return Inbox(strict, new_name("user"), new_name), request.param


def exhaust(inbox: Inbox) -> tuple[int, RateLimited]:
    """How many requests are let in at once, and the refusal of the next."""
    for admitted in range(10_000):
        try:
            inbox.store.users.admit(identity(inbox.user), None)
        except RateLimited as refusal:
            return admitted, refusal
    raise AssertionError("nothing is refused")


def pass_time(inbox: Inbox, ms: float) -> None:
    """Lets the bucket be that much older."""
    empty_at, *debt = inbox.store.scripts.command("GET", inbox.keys["rate"]).split()
    inbox.store.scripts.command("SET", inbox.keys["rate"], b" ".join([b"%.3f" % (float(empty_at) - ms), *debt]))


def test_a_burst_of_four_seconds_is_let_in(limited: tuple[Inbox, int]) -> None:
    inbox, rate = limited
    began = time.monotonic()
    admitted, refusal = exhaust(inbox)
    elapsed = time.monotonic() - began
    assert 4 * rate <= admitted <= 4 * rate + elapsed * rate + 0.01  # Redis counts whole milliseconds
    wait = refusal.details["retry_after_ms"]
    assert isinstance(wait, int)
    assert 0 < wait <= 1_000 / rate + 1
    assert refusal.retry


def test_after_the_wait_one_more_is_let_in(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    _, refusal = exhaust(inbox)
    pass_time(inbox, int(refusal.details["retry_after_ms"] or 0))
    inbox.store.users.admit(identity(inbox.user), None)


def test_being_refused_makes_nobody_wait_longer(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    exhaust(inbox)
    bucket = inbox.store.scripts.command("GET", inbox.keys["rate"])
    for _ in range(5):
        with pytest.raises(RateLimited):
            inbox.store.users.admit(identity(inbox.user), None)
    assert inbox.store.scripts.command("GET", inbox.keys["rate"]) == bucket


def test_a_long_rest_fills_the_bucket_and_no_more(limited: tuple[Inbox, int]) -> None:
    inbox, rate = limited
    exhaust(inbox)
    pass_time(inbox, 3_600_000)
    began = time.monotonic()
    admitted, _ = exhaust(inbox)
    assert 4 * rate <= admitted <= 4 * rate + (time.monotonic() - began) * rate + 0.01


def test_the_bucket_does_not_stay_for_ever(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    exhaust(inbox)
    assert 0 < inbox.store.scripts.command("PTTL", inbox.keys["rate"]) <= 5_001


def test_all_connections_of_a_user_share_the_limit(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    one, other = inbox.connect(), inbox.connect()
    exhaust(inbox)
    for who in (one, other):
        with pytest.raises(RateLimited):
            inbox.store.users.admit(who, None)


def test_one_users_haste_is_not_anothers(limited: tuple[Inbox, int], new_name: NewName) -> None:
    inbox, _ = limited
    exhaust(inbox)
    inbox.store.users.admit(identity(new_name("user")), None)


def test_the_ack_of_a_refused_request_counts(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    inbox.append()
    exhaust(inbox)
    with pytest.raises(RateLimited):
        inbox.ack(1)
    assert inbox.offsets() == []


def test_an_ack_beyond_the_newest_is_told_before_the_limit(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    exhaust(inbox)
    with pytest.raises(BadRequest):
        inbox.ack(1)


def test_the_marketplace_has_no_limit(limited: tuple[Inbox, int]) -> None:
    inbox, rate = limited
    admin = Identity(inbox.user, "x", int(time.time()) + 60, admin=True)
    for _ in range(4 * rate + 10):
        inbox.store.users.admit(admin, None)


def test_without_a_limit_everything_is_let_in(inbox: Inbox) -> None:
    for _ in range(100):
        inbox.store.users.admit(identity(inbox.user), 0)
    assert inbox.store.scripts.command("EXISTS", inbox.keys["rate"]) == 0


# --- counted afterwards -----------------------------------------------------------------------------------------------


def bucket(inbox: Inbox) -> float:
    return float(inbox.store.scripts.command("GET", inbox.keys["rate"]) or 0)


def admit_uncounted(inbox: Inbox) -> bool:
    """Lets somebody in who may be counted later; whether that is so."""
    return inbox.store.users.admit(identity(inbox.user), None, countable_later=True).uncounted


def test_who_is_not_known_is_counted_at_once(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    assert not admit_uncounted(inbox)
    assert bucket(inbox) > 0


def test_who_is_far_from_the_limit_is_counted_with_the_deliveries(limited: tuple[Inbox, int]) -> None:
    inbox, rate = limited
    admit_uncounted(inbox)
    before = bucket(inbox)
    assert admit_uncounted(inbox)
    assert bucket(inbox) == before
    assert inbox.store.users.reach([Push(Recipient(inbox.user))], uncounted=identity(inbox.user)) == [Reach(0, 0)]
    assert bucket(inbox) >= before + 1000 / rate - 0.01


def test_who_is_refused_after_all_is_counted_too(limited: tuple[Inbox, int]) -> None:
    inbox, rate = limited
    admit_uncounted(inbox)
    before = bucket(inbox)
    assert admit_uncounted(inbox)
    inbox.store.users.count(identity(inbox.user))
    assert bucket(inbox) >= before + 1000 / rate - 0.01


def test_at_most_half_a_burst_is_let_in_uncounted(limited: tuple[Inbox, int]) -> None:
    inbox, rate = limited
    began = time.monotonic()
    admit_uncounted(inbox)
    uncounted = 0
    while admit_uncounted(inbox):
        uncounted += 1
    assert rate <= uncounted <= 2 * rate + (time.monotonic() - began) * rate


def test_what_others_have_let_in_is_learnt_with_the_next_answer(
    limited: tuple[Inbox, int], redis_settings: dict[str, str]
) -> None:
    inbox, rate = limited
    admit_uncounted(inbox)
    exhaust(Inbox(open_store(redis_settings, RATE_LIMIT=str(rate)), inbox.user, inbox.new_name))
    assert admit_uncounted(inbox), "this process does not know yet"
    inbox.store.users.count(identity(inbox.user))
    with pytest.raises(RateLimited):
        admit_uncounted(inbox)


def test_what_goes_over_the_burst_is_charged_later_and_not_to_who_waits_as_told(limited: tuple[Inbox, int]) -> None:
    inbox, rate = limited
    _, refusal = exhaust(inbox)
    for _ in range(2 * rate):  # half a burst
        inbox.store.users.count(identity(inbox.user))
    command, bucket = inbox.store.scripts.command, inbox.keys["rate"]
    empty_at, debt = command("GET", bucket).split()
    assert float(debt) == pytest.approx(2_000, abs=rate)
    assert command("PTTL", bucket) > 6_000
    waited = float(empty_at) - int(refusal.details["retry_after_ms"] or 0)
    command("SET", bucket, b"%.3f %s" % (waited, debt))
    inbox.store.users.admit(identity(inbox.user), None)
    with pytest.raises(RateLimited):
        inbox.store.users.admit(identity(inbox.user), None)
    command("SET", bucket, b"%.3f %s" % (waited - 4_000, debt))
    assert 2 * rate <= exhaust(inbox)[0] <= 3 * rate, "half of the burst was used before"


def test_a_debt_of_more_than_a_burst_is_waited_for_at_once(limited: tuple[Inbox, int]) -> None:
    inbox, rate = limited
    exhaust(inbox)
    for _ in range(4 * rate + 2):
        inbox.store.users.count(identity(inbox.user))
    with pytest.raises(RateLimited) as refusal:
        inbox.store.users.admit(identity(inbox.user), None)
    wait = int(refusal.value.details["retry_after_ms"] or 0)
    assert wait > 3_500
    pass_time(inbox, wait)
    inbox.store.users.admit(identity(inbox.user), None)


def test_who_is_counted_afterwards_is_counted_without_a_connection_too(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    who = inbox.live()
    inbox.store.users.forget(who.connection)
    inbox.store.users.count(who)
    assert bucket(inbox) > 0


def test_an_acknowledgement_is_never_put_off(limited: tuple[Inbox, int]) -> None:
    inbox, _ = limited
    inbox.append()
    admit_uncounted(inbox)
    assert not inbox.store.users.admit(identity(inbox.user), 1, countable_later=True).uncounted
    assert inbox.offsets() == []
    with pytest.raises(BadRequest):
        inbox.store.users.admit(identity(inbox.user), 2, countable_later=True)
