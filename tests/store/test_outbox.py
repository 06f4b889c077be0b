"""The outbox: what is stored is owed until it is in every list, whoever dies in between."""

import time
from collections.abc import Callable, Sequence

import pytest

from chalicelib.model import Recipient
from chalicelib.store import Store, keys
from chalicelib.store.conversations import ACTIVE_FOR_MS, OVERDUE_MS, Conversations
from chalicelib.store.scripts import Call, Command, Reply, Scripts
from tests.store.conftest import NewName, Shop, customer_of, kept, open_store


def outbox(shop: Shop) -> dict[str, float]:
    """Every entry and when it is overdue."""
    rows = shop.store.scripts.command("ZRANGE", keys.outbox(shop.id), 0, -1, "WITHSCORES")
    return {entry.decode(): float(due) for entry, due in rows}


def make_overdue(shop: Shop) -> None:
    """Lets everything in the outbox have waited too long."""
    for entry in outbox(shop):
        shop.store.scripts.command("ZADD", keys.outbox(shop.id), 0, entry)


def test_what_is_stored_is_owed_in_the_same_step(shop: Shop) -> None:
    conversation = shop.waiting()
    ((entry, due),) = outbox(shop).items()
    assert entry == f"1:{customer_of(conversation)}:*"
    assert 0 < due - shop.store.users.time() <= OVERDUE_MS


def test_nothing_is_overdue_before_its_time(shop: Shop, store: Store) -> None:
    shop.waiting()
    assert store.conversations.overdue(shop.id) == []
    assert shop.say(shop.customer(), "another").overdue == ()


def test_what_is_overdue_is_taken_by_one(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    make_overdue(shop)
    (entry,) = store.conversations.overdue(shop.id)
    assert entry.startswith(f"1:{customer_of(conversation)}:")
    assert store.conversations.overdue(shop.id) == []
    assert 0 < outbox(shop)[entry] - store.users.time() <= OVERDUE_MS  # it comes up again if its taker dies, too


def test_the_next_message_in_the_store_takes_what_is_overdue(shop: Shop) -> None:
    conversation = shop.waiting()
    make_overdue(shop)
    stored = shop.say(shop.customer(), "another")
    assert stored.overdue == (f"1:{customer_of(conversation)}:*",)
    assert shop.say(shop.customer(), "a third").overdue == ()


def test_ten_are_taken_at_a_time_the_oldest_first(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    for n in range(25):
        shop.say(conversation, str(n))
    for entry in outbox(shop):
        store.scripts.command("ZADD", keys.outbox(shop.id), int(entry.partition(":")[0]), entry)
    taken = [store.conversations.overdue(shop.id) for _ in range(4)]
    seqs = [[int(entry.partition(":")[0]) for entry in page] for page in taken]
    assert seqs == [list(range(1, 11)), list(range(11, 21)), list(range(21, 26)), []]


def test_what_is_paid_is_gone(shop: Shop, store: Store) -> None:
    stored = [shop.say(shop.customer(), "x") for _ in range(3)]
    entries = [one.debt.entry for one in stored if one.debt]
    store.conversations.paid(shop.id, entries[:2])
    assert list(outbox(shop)) == entries[2:]
    store.conversations.paid(shop.id, entries)
    assert outbox(shop) == {}


def test_a_debt_is_the_one_that_the_message_made(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    for stored in (
        shop.say(conversation, "to the claimer"),
        shop.say(conversation, "to the customer", shop.agents[0]),
        shop.announce(conversation, "to both"),
        shop.say(shop.customer(), "to all"),
    ):
        assert stored.debt is not None
        (debt,) = store.conversations.debts(shop.id, [stored.debt.entry])
        assert (debt.entry, debt.message.json) == (stored.debt.entry, stored.debt.message.json)
        assert set(debt.recipients) == set(stored.debt.recipients)
        assert (debt.message.conversation, debt.message.seq) == (stored.debt.message.conversation, stored.seq)


def test_what_is_owed_does_not_change_with_the_claim(shop: Shop, store: Store) -> None:
    conversation = shop.waiting("to all")
    ((entry, _),) = outbox(shop).items()
    shop.claim(conversation, shop.agents[0])
    (debt,) = store.conversations.debts(shop.id, [entry])
    assert set(debt.recipients) == shop.agent_recipients()


def test_who_has_left_is_owed_nothing(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    stored = shop.announce(conversation, "to both")
    assert stored.debt is not None
    shop.dismiss(shop.agents[0])
    (debt,) = store.conversations.debts(shop.id, [stored.debt.entry])
    assert debt.recipients == (Recipient(customer_of(conversation)),)


def test_a_message_that_is_not_there_is_no_debt(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    customer = customer_of(conversation)
    entries = [f"2:{customer}:*", f"1:{customer}:*", f"1:{shop.new_name('customer')}:*"]
    assert [debt.entry for debt in store.conversations.debts(shop.id, entries)] == [entries[1]]
    assert store.conversations.debts(shop.id, []) == []


def test_what_most_have_is_owed_to_the_others_only(shop: Shop, store: Store) -> None:
    stored = shop.say(shop.customer(), "to all")
    assert stored.debt is not None
    due = outbox(shop)[stored.debt.entry]
    store.conversations.narrow(shop.id, stored.debt.entry, {shop.agents[1], shop.supervisor})
    ((entry, narrower_due),) = outbox(shop).items()
    assert narrower_due == due
    (debt,) = store.conversations.debts(shop.id, [entry])
    assert {each.user for each in debt.recipients} == {shop.agents[1], shop.supervisor}
    assert debt.message.json == stored.debt.message.json
    store.conversations.narrow(shop.id, entry, {shop.agents[1]})
    assert len(outbox(shop)) == 1


def test_what_is_owed_to_nobody_is_still_a_debt(shop: Shop, store: Store) -> None:
    # The customer's own list of conversations was out of reach: the customer gets no message, but the list moves.
    stored = shop.say(shop.customer(), "to all")
    assert stored.debt is not None
    store.conversations.narrow(shop.id, stored.debt.entry, set())
    (debt,) = store.conversations.debts(shop.id, list(outbox(shop)))
    assert debt.recipients == ()
    assert debt.message.at == stored.at


def test_what_somebody_else_has_paid_is_not_owed_again(shop: Shop, store: Store) -> None:
    stored = shop.say(shop.customer(), "to all")
    assert stored.debt is not None
    store.conversations.paid(shop.id, [stored.debt.entry])
    store.conversations.narrow(shop.id, stored.debt.entry, {shop.supervisor})
    assert outbox(shop) == {}


def test_a_retry_makes_sure_of_what_is_still_owed_to_some(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    stored = shop.say(conversation, "to all", id="k")
    assert stored.debt is not None
    store.conversations.narrow(shop.id, stored.debt.entry, {shop.supervisor})
    assert shop.say(conversation, "to all", id="k").overdue == tuple(outbox(shop))


def test_an_owed_message_carries_the_latest_activity(shop: Shop, store: Store) -> None:
    # What is delivered late must not move the conversation back in its customer's list.
    conversation = shop.customer()
    first = shop.say(conversation, "1")
    store.scripts.command("HSET", keys.conversation(conversation)[4], "active_at", first.at + 5)
    assert first.debt is not None
    (debt,) = store.conversations.debts(shop.id, [first.debt.entry])
    assert debt.message.at == first.at + 5


# --- which stores the sweep looks after -------------------------------------------------------------------------------


def active(shop: Shop) -> bool:
    """Whether the sweep looks after a store."""
    shards = {keys.active(shard): shard for shard in range(keys.SHARDS)}
    return shop.id in shop.store.conversations.active_stores(shards[keys.active_of(shop.id)])


def settle(shop: Shop) -> None:
    """Pays whatever is owed."""
    shop.store.scripts.command("DEL", keys.outbox(shop.id))


def test_a_store_is_active_as_soon_as_something_is_written(shop: Shop) -> None:
    assert not active(shop)
    shop.waiting()
    assert active(shop)


@pytest.mark.parametrize("verb", ["claim", "release", "close", "transfer"])
def test_a_change_of_a_claim_makes_a_store_active(shop: Shop, redis_settings: dict[str, str], verb: str) -> None:
    conversation = shop.claimed()
    shop.store.scripts.command("ZREM", keys.active_of(shop.id), shop.id)
    other = open_store(redis_settings).conversations
    if verb == "claim":
        Shop(open_store(redis_settings), shop.id, shop.new_name).claim(conversation, shop.agents[0])
    elif verb == "transfer":
        Shop(open_store(redis_settings), shop.id, shop.new_name).transfer(conversation, shop.agents[0], shop.supervisor)
    else:
        {"release": other.release, "close": other.close}[verb](conversation, shop.agents[0])
    assert active(shop)


def test_a_quiet_store_retires_after_an_hour(shop: Shop, store: Store) -> None:
    shop.waiting()
    settle(shop)
    now_ms = int(time.time() * 1000)
    store.conversations.retire(shop.id, now_ms)
    store.conversations.retire(shop.id, now_ms + ACTIVE_FOR_MS - 60_000)
    assert active(shop)
    store.conversations.retire(shop.id, now_ms + ACTIVE_FOR_MS + 60_000)
    assert not active(shop)
    store.conversations.retire(shop.id, now_ms + ACTIVE_FOR_MS + 60_000)


def test_a_store_that_owes_or_has_claims_does_not_retire(shop: Shop, store: Store) -> None:
    later = int(time.time() * 1000) + 24 * ACTIVE_FOR_MS
    conversation = shop.waiting()
    store.conversations.retire(shop.id, later)
    assert active(shop)
    settle(shop)
    shop.claim(conversation, shop.agents[0])
    store.conversations.retire(shop.id, later)
    assert active(shop)
    store.conversations.release(conversation, shop.agents[0])
    store.conversations.retire(shop.id, later)
    assert not active(shop)


def test_a_name_that_is_no_store_retires_soon(store: Store, new_name: NewName) -> None:
    nowhere = Shop(store, new_name("nowhere"), new_name)
    store.scripts.command("ZADD", keys.active_of(nowhere.id), int(time.time() * 1000), nowhere.id)
    store.conversations.retire(nowhere.id, int(time.time() * 1000))
    assert active(nowhere)
    store.conversations.retire(nowhere.id, int(time.time() * 1000) + 10 * 60_000)
    assert not active(nowhere)


class Interrupted(Scripts):
    """Scripts between whose round trips something else happens, once: before the one of that number."""

    def __init__(self, redis_settings: dict[str, str], before: int, happens: Callable[[], object]) -> None:
        super().__init__(redis_settings["REDIS_URL"], cluster=redis_settings["REDIS_CLUSTER"] == "1")
        self._left, self._happens = before, happens

    def run_many(self, calls: Sequence[Call | Command], *, keep: bool = False) -> list[Reply]:
        self._left -= 1
        if self._left == 0:
            self._happens()
        return super().run_many(calls, keep=keep)


@pytest.mark.parametrize("before", [1, 2, 3])
def test_a_store_that_is_written_to_while_it_retires_stays(
    shop: Shop, redis_settings: dict[str, str], before: int
) -> None:
    shop.waiting()
    settle(shop)
    shop.store.scripts.command("ZADD", keys.active_of(shop.id), int(time.time() * 1000) - 2 * ACTIVE_FOR_MS, shop.id)
    # Another process notes the store, stores a message, and dies before it has delivered anything.
    other = Shop(open_store(redis_settings), shop.id, shop.new_name)
    retiring = Conversations(kept(Interrupted(redis_settings, before, other.waiting)))
    retiring.retire(shop.id, int(time.time() * 1000))
    if not outbox(shop):
        other.waiting()
    assert active(shop)
