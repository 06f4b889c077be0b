"""What a message needs to be stored, what it gets, and who is owed it."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chalicelib.errors import Conflict, Forbidden, NotClaimer, NotFound
from chalicelib.model import Recipient
from chalicelib.store import Store, keys
from tests.store.conftest import NewName, Shop, customer_of, identity, message_of, open_store, text_body


def test_the_first_message_begins_the_conversation(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    stored = shop.say(conversation, "hello", name="Carla")
    assert (stored.seq, stored.again) == (1, False)
    assert stored.change is not None
    assert stored.change.changed
    seen = stored.change.snapshot
    assert (seen.status, seen.version, seen.last_seq, seen.agent) == ("waiting", 1, 1, None)
    assert (seen.customer.user, seen.customer.name) == (customer_of(conversation), "Carla")
    assert seen.waiting_since == stored.at
    assert (seen.unread_customer, seen.unread_store) == (0, 1)
    assert set(stored.change.agents) == shop.agent_recipients()
    assert stored.sender == Recipient(customer_of(conversation))
    assert store.conversations.view([conversation]) == [seen]
    assert abs(stored.at - store.users.time()) < 10_000


def test_a_message_is_what_the_protocol_says(shop: Shop) -> None:
    conversation = shop.customer()
    stored = shop.say(conversation, "hello", id="k 1", name="Carla")
    assert message_of(stored.debt) == {
        "conversation": conversation,
        "seq": 1,
        "id": "k 1",
        "from": {"user": customer_of(conversation), "name": "Carla", "side": "customer"},
        "body": {"type": "text", "text": "hello"},
        "at": stored.at,
        "epoch": message_of(stored.debt)["epoch"],
        "visit": 1,
    }


def test_a_visit_ends_where_the_conversation_is_opened_again(shop: Shop, store: Store) -> None:
    agent, conversation = shop.agents[0], shop.waiting("first")

    def close() -> None:
        store.conversations.close(conversation, shop.supervisor)

    close()
    close()
    shop.announce(conversation, "said while it is closed")
    shop.say(conversation, "again")
    shop.claim(conversation, agent)
    shop.say(conversation, "answered", by=agent)
    close()
    shop.claim(conversation, agent)
    shop.say(conversation, "opened by a claim", by=agent)
    close()
    shop.transfer(conversation, by=shop.supervisor, to=agent)
    shop.say(conversation, "opened by a transfer", by=agent)
    store.conversations.release(conversation, agent)
    shop.say(conversation, "waiting is no other visit")
    messages, _ = store.conversations.history(conversation, agent, "after", 0, 100)
    assert [json.loads(message)["visit"] for message in messages] == [1, 1, 2, 2, 3, 4, 4]


@pytest.mark.parametrize(
    "text",
    [
        "客服 🙂",
        'a"b\\c/d',
        "\x00\x01\x1f\x7f\n\r\t",
        "\u2028\u2029\ufeff",
        "<script>",
        "%d %s {}",
        "e\u0301",
        "x" * 4_000,
    ],
    ids=ascii,
)
@pytest.mark.parametrize("name", ["Ann", '"Ann\\', "客\n:服", "🙂" * 64])
def test_any_text_and_any_name_come_back_exactly(shop: Shop, text: str, name: str) -> None:
    conversation = shop.customer()
    stored = shop.say(conversation, text, name=name, id='"\\/{}')
    message = message_of(stored.debt)
    assert (message["body"]["text"], message["from"]["name"], message["id"]) == (text, name, '"\\/{}')
    assert shop.history(conversation) == [text]
    assert stored.change is not None
    assert stored.change.snapshot.customer.name == name


def test_seq_counts_up_without_gaps_whoever_speaks(shop: Shop) -> None:
    conversation = shop.claimed()
    speakers = [lambda: shop.say(conversation, "c"), lambda: shop.say(conversation, "a", shop.agents[0])]
    speakers.append(lambda: shop.announce(conversation, "s"))
    assert [speakers[n % 3]().seq for n in range(12)] == list(range(2, 14))


def test_parallel_messages_have_one_order(shop: Shop) -> None:
    conversation = shop.waiting()
    with ThreadPoolExecutor(16) as threads:
        stored = list(threads.map(lambda n: shop.say(conversation, str(n)), range(60)))
    assert sorted(one.seq for one in stored) == list(range(2, 62))
    texts = shop.history(conversation)[1:]
    assert [texts[one.seq - 2] for one in stored] == [str(n) for n in range(60)]


def test_agents_go_by_the_name_in_their_table(shop: Shop) -> None:
    conversation = shop.claimed()
    assert message_of(shop.say(conversation, "a", shop.agents[0], name="Token").debt)["from"]["name"] == "Token"
    shop.appoint(shop.agents[0], name="Xiao: Mei")
    told = message_of(shop.say(conversation, "a", shop.agents[0], name="Token").debt)["from"]
    assert told == {"user": shop.agents[0], "name": "Xiao: Mei", "side": "store"}


def test_the_customers_name_is_the_latest(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    shop.say(conversation, "again", name="Married")
    (seen,) = store.conversations.view([conversation])
    assert seen is not None
    assert seen.customer.name == "Married"


def test_the_system_speaks_for_the_store_and_changes_no_status(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    before = store.conversations.view([conversation])[0]
    stored = shop.announce(conversation, "Your parcel is on its way.")
    assert message_of(stored.debt)["from"] == {"user": "system", "name": "Tea House", "side": "system"}
    assert (stored.change, stored.sender) == (None, None)
    after = store.conversations.view([conversation])[0]
    assert before is not None
    assert after is not None
    assert (after.status, after.version, after.waiting_since) == (before.status, before.version, before.waiting_since)
    assert (after.unread_customer, after.unread_store) == (1, 2)


# --- who may --------------------------------------------------------------------------------------------------------


def test_only_a_customer_begins_a_conversation(shop: Shop) -> None:
    for agent in (shop.agents[0], shop.supervisor):
        with pytest.raises(NotFound):
            shop.say(shop.customer(), "hello", agent)
    with pytest.raises(NotFound):
        shop.announce(shop.customer(), "hello")


def test_nobody_else_may_write(shop: Shop, new_name: NewName) -> None:
    for conversation in (shop.waiting(), shop.claimed(), shop.customer()):
        with pytest.raises(Forbidden):
            shop.say(conversation, "hello", new_name("stranger"))


def test_a_store_that_is_not_there_is_not_found_by_its_customer_alone(store: Store, new_name: NewName) -> None:
    shop, customer = new_name("nowhere"), new_name("customer")
    with pytest.raises(NotFound, match="store"):
        store.conversations.append(f"{shop}:{customer}", identity(customer), "k", text_body("hello"))
    with pytest.raises(Forbidden):
        store.conversations.append(f"{shop}:{customer}", identity(new_name("other")), "k", text_body("hello"))
    with pytest.raises(NotFound):
        store.conversations.append(f"{shop}:{customer}", None, "k", text_body("hello"))
    assert store.conversations.view([f"{shop}:{customer}"]) == [None]


def test_only_the_claimer_answers(shop: Shop) -> None:
    waiting, claimed = shop.waiting(), shop.claimed()
    for by in (shop.agents[0], shop.supervisor):
        with pytest.raises(NotClaimer) as nobody:
            shop.say(waiting, "a", by)
        assert nobody.value.details == {"agent": None}
    for by in (shop.agents[1], shop.supervisor):
        with pytest.raises(NotClaimer) as somebody:
            shop.say(claimed, "a", by)
        assert somebody.value.details == {"agent": shop.agents[0]}
    assert shop.say(claimed, "a", shop.agents[0]).seq == 2
    assert shop.history(waiting) == ["hello"]
    assert shop.history(claimed) == ["hello", "a"]


def test_an_agent_is_a_customer_like_any_other(shop: Shop, store: Store) -> None:
    own = f"{shop.id}:{shop.agents[0]}"
    stored = shop.say(own, "my tea is cold")
    assert message_of(stored.debt)["from"]["side"] == "customer"
    assert stored.debt is not None
    assert set(stored.debt.recipients) == {each for each in shop.agent_recipients() if each.user != shop.agents[0]}
    shop.claim(own, shop.agents[1])
    assert shop.say(own, "still").change is None
    assert shop.say(own, "sorry", shop.agents[1]).seq == 3


# --- status ---------------------------------------------------------------------------------------------------------


def test_a_message_to_a_closed_conversation_lets_it_wait_again(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    store.conversations.close(conversation, shop.agents[0])
    stored = shop.say(conversation, "one more thing")
    assert stored.change is not None
    seen = stored.change.snapshot
    assert (seen.status, seen.agent, seen.version, seen.waiting_since) == ("waiting", None, 4, stored.at)
    assert stored.debt is not None
    assert set(stored.debt.recipients) == shop.agent_recipients()
    assert conversation in shop.list("waiting")
    assert conversation not in shop.list("closed")


@pytest.mark.parametrize("who", ["system", "customer of a claimed one", "customer of a waiting one"])
def test_other_messages_change_no_status(shop: Shop, store: Store, who: str) -> None:
    conversation = shop.claimed() if "claimed" in who else shop.waiting()
    if who == "system":
        store.conversations.close(conversation, shop.supervisor)
        assert shop.announce(conversation, "x").change is None
    else:
        assert shop.say(conversation, "x").change is None


def test_a_claimer_who_is_gone_holds_nobody_back(shop: Shop) -> None:
    conversation = shop.claimed()
    assert shop.dismiss(shop.agents[0]) == [customer_of(conversation)]
    stored = shop.say(conversation, "hello?")
    assert stored.change is not None
    assert (stored.change.snapshot.status, stored.change.snapshot.agent) == ("waiting", None)
    assert stored.debt is not None
    assert {each.user for each in stored.debt.recipients} == {shop.supervisor, shop.agents[1]}
    with pytest.raises(Forbidden):
        shop.say(conversation, "I am here", shop.agents[0])


# --- who is owed it -------------------------------------------------------------------------------------------------


def users(stored: Any) -> set[str]:
    return {each.user for each in stored.debt.recipients}


def test_who_gets_a_message(shop: Shop) -> None:
    everyone = {shop.supervisor, *shop.agents}
    conversation = shop.customer()
    customer = customer_of(conversation)
    assert users(shop.say(conversation, "1")) == everyone
    assert users(shop.say(conversation, "2")) == everyone
    assert users(shop.announce(conversation, "3")) == {customer}
    shop.claim(conversation, shop.agents[0])
    assert users(shop.say(conversation, "4")) == {shop.agents[0]}
    assert users(shop.say(conversation, "5", shop.agents[0])) == {customer}
    assert users(shop.announce(conversation, "6")) == {customer, shop.agents[0]}
    shop.store.conversations.close(conversation, shop.agents[0])
    assert users(shop.announce(conversation, "7")) == {customer}
    assert users(shop.say(conversation, "8")) == everyone


def test_agents_get_it_as_members_and_the_customer_as_none(shop: Shop) -> None:
    conversation = shop.claimed()
    stored = shop.announce(conversation, "x")
    assert stored.debt is not None
    assert set(stored.debt.recipients) == {
        Recipient(customer_of(conversation)),
        Recipient(shop.agents[0], shop.id, shop.joined[shop.agents[0]]),
    }


# --- once -----------------------------------------------------------------------------------------------------------


def test_a_retry_keeps_its_first_place(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    first = shop.say(conversation, "hello", id="k")
    shop.say(conversation, "more")
    again = shop.say(conversation, "hello", id="k")
    assert (again.seq, again.at, again.again) == (first.seq, first.at, True)
    assert (again.debt, again.change, again.watchers) == (None, None, ())
    assert shop.history(conversation) == ["hello", "more"]


def test_a_retry_says_whether_its_delivery_is_still_owed(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    first = shop.say(conversation, "hello", id="k")
    assert first.debt is not None
    assert shop.say(conversation, "hello", id="k").overdue == (first.debt.entry,)
    store.conversations.paid(shop.id, [first.debt.entry])
    assert shop.say(conversation, "hello", id="k").overdue == ()


def test_the_same_id_with_another_body_is_a_conflict(shop: Shop) -> None:
    conversation = shop.waiting()
    shop.say(conversation, "hello", id="k")
    with pytest.raises(Conflict) as conflict:
        shop.say(conversation, "hello!", id="k")
    assert conflict.value.details == {"seq": 2}
    assert shop.history(conversation) == ["hello", "hello"]


def test_an_id_is_its_senders_in_its_conversation(shop: Shop) -> None:
    one, other = shop.claimed(), shop.claimed()
    assert shop.say(one, "1", id="k").seq == 2
    assert shop.say(one, "2", shop.agents[0], id="k").seq == 3
    assert shop.announce(one, "3", id="k").seq == 4
    assert shop.say(other, "4", id="k").seq == 2
    assert shop.announce(one, "3", id="k").seq == 4
    assert shop.history(one) == ["hello", "1", "2", "3"]


def test_a_known_id_is_answered_before_the_claim_is_looked_at(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    first = shop.say(conversation, "a", shop.agents[0], id="k")
    shop.claim(conversation, shop.supervisor, "yes")
    assert shop.say(conversation, "a", shop.agents[0], id="k").seq == first.seq
    with pytest.raises(Conflict):
        shop.say(conversation, "b", shop.agents[0], id="k")
    with pytest.raises(NotClaimer):
        shop.say(conversation, "a", shop.agents[0], id="other")


def test_a_known_id_changes_no_status(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    shop.say(conversation, "bye", id="k")
    store.conversations.close(conversation, shop.supervisor)
    assert shop.say(conversation, "bye", id="k").change is None
    assert conversation in shop.list("closed")


def test_a_former_agent_learns_nothing_by_a_retry(shop: Shop) -> None:
    conversation = shop.claimed()
    shop.say(conversation, "a", shop.agents[0], id="k")
    shop.dismiss(shop.agents[0])
    with pytest.raises(Forbidden):
        shop.say(conversation, "a", shop.agents[0], id="k")


DAY_MS = 24 * 3600 * 1000


def remembered(store: Store, conversation: str) -> dict[int, dict[bytes, bytes]]:
    """What is remembered of ids, by the day of which they are; each day goes as a whole when the next one has ended."""
    command, today, found = store.scripts.command, store.users.time() // DAY_MS, {}
    for day in (today, today - 1):
        key = keys.ids(conversation)[day % 2]
        if ids := command("HGETALL", key):
            found[day] = ids
            assert command("PEXPIRETIME", key) == (day + 2) * DAY_MS
    return found


def test_an_id_is_remembered_until_the_next_day_has_ended(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    first = shop.say(conversation, "1", id="k")
    shop.say(conversation, "2", id="l")
    shop.say(conversation, "1", id="k")
    days = remembered(store, conversation)
    assert {field for ids in days.values() for field in ids} == {
        keys.fingerprint(customer_of(conversation), "k"),
        keys.fingerprint(customer_of(conversation), "l"),
    }
    assert first.at // DAY_MS in days


def age_ids(store: Store, conversation: str, days: int) -> None:
    """Lets all that is remembered have been noted, and the last message have come, so many days earlier.

    What would have expired by now is gone.
    """
    command, today = store.scripts.command, store.users.time() // DAY_MS
    base = keys.conversation(conversation)[4]
    noted = command("HGETALL", keys.ids(conversation)[today % 2])
    command("DEL", *keys.ids(conversation))
    if days == 1:
        key = keys.ids(conversation)[(today - 1) % 2]
        for fingerprint, seq in noted.items():
            command("HSET", key, fingerprint, seq)
        command("PEXPIREAT", key, (today + 1) * DAY_MS)
    active_at = int(command("HGET", base, "active_at"))
    command("HSET", base, "active_at", active_at - days * DAY_MS)


def test_a_retry_on_the_next_day_stores_nothing(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    shop.say(conversation, "before midnight", id="k")
    age_ids(store, conversation, 1)
    assert shop.say(conversation, "before midnight", id="k").seq == 2
    with pytest.raises(Conflict):
        shop.say(conversation, "after midnight", id="k")
    assert shop.say(conversation, "after midnight", id="l").seq == 3
    assert shop.history(conversation) == ["hello", "before midnight", "after midnight"]
    assert len(remembered(store, conversation)) == 2


def test_a_retry_is_remembered_anew(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    shop.say(conversation, "said again and again", id="k")
    for _ in range(3):
        age_ids(store, conversation, 1)
        assert shop.say(conversation, "said again and again", id="k").seq == 2
    age_ids(store, conversation, 2)
    assert shop.say(conversation, "said again and again", id="k").seq == 3


def test_the_first_message_of_a_day_lets_its_ids_go_in_time(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    for _ in range(2):
        age_ids(store, conversation, 1)
        shop.say(conversation, "another day")
        shop.say(conversation, "the same day")
        assert len(remembered(store, conversation)) == 2


def test_parallel_retries_store_once(shop: Shop, redis_settings: dict[str, str]) -> None:
    conversation = shop.waiting()
    others = [Shop(open_store(redis_settings), shop.id, shop.new_name) for _ in range(4)]
    with ThreadPoolExecutor(40) as threads:
        stored = list(threads.map(lambda n: others[n % 4].say(conversation, "once", id="k"), range(40)))
    assert {(one.seq, one.at) for one in stored} == {(2, stored[0].at)}
    assert sum(not one.again for one in stored) == 1
    assert shop.history(conversation) == ["hello", "once"]


def test_parallel_bodies_under_one_id_store_one(shop: Shop) -> None:
    conversation = shop.waiting()

    def say(n: int) -> int:
        try:
            return shop.say(conversation, str(n), id="k").seq
        except Conflict as conflict:
            return -int(conflict.details["seq"] or 0)

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(say, range(20)))
    assert sorted(answers) == [*[-2] * 19, 2]  # the refusals name the seq, too
    assert shop.history(conversation) == ["hello", str(answers.index(2))]
