"""Claims: of all who want one, one has it; and every way in which it ends."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from chalicelib.errors import AlreadyClaimed, BadRequest, Forbidden, NotClaimer, NotFound
from chalicelib.model import Change, ConversationId, Recipient, Snapshot
from chalicelib.store import Store, keys
from tests.store.conftest import NewName, Shop, customer_of, identity, open_store


def seen(store: Store, conversation: ConversationId) -> Snapshot:
    (snapshot,) = store.conversations.view([conversation])
    assert snapshot is not None
    return snapshot


def holder(store: Store, conversation: ConversationId) -> str | None:
    agent = seen(store, conversation).agent
    return agent.user if agent else None


def unchanged(change: Change, store: Store, conversation: ConversationId) -> bool:
    """Whether a request left everything as it was, and said so."""
    return not change.changed and change.agents == () and change.snapshot == seen(store, conversation)


# --- claim ----------------------------------------------------------------------------------------------------------


def test_a_claim_is_the_agents(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    change = shop.claim(conversation, shop.agents[0])
    assert change.changed
    assert (change.snapshot.status, change.snapshot.version, change.snapshot.waiting_since) == ("claimed", 2, None)
    assert change.snapshot.agent is not None
    assert (change.snapshot.agent.user, change.snapshot.agent.name) == (shop.agents[0], f"{shop.agents[0]}!")
    assert set(change.agents) == shop.agent_recipients()
    assert change.snapshot == seen(store, conversation)
    claimer = Recipient(shop.agents[0], shop.id, shop.joined[shop.agents[0]])
    assert store.conversations.claims(shop.id) == [(conversation, claimer)]


def test_of_fifty_who_claim_at_once_one_wins_and_all_learn_who(
    shop: Shop, redis_settings: dict[str, str], new_name: NewName
) -> None:
    agents = [new_name("agent") for _ in range(50)]
    for agent in agents:
        shop.appoint(agent)
    conversation = shop.waiting()
    shops = [Shop(open_store(redis_settings), shop.id, new_name) for _ in range(5)]
    start = Barrier(50)

    def claim(n: int) -> tuple[str, str]:
        start.wait()
        try:
            change = shops[n % 5].claim(conversation, agents[n])
        except AlreadyClaimed as taken:
            return "taken", str(taken.details["agent"])
        assert change.snapshot.agent is not None
        return "claimed", change.snapshot.agent.user

    with ThreadPoolExecutor(50) as threads:
        answers = list(threads.map(claim, range(50)))
    assert Counter(word for word, _ in answers) == {"claimed": 1, "taken": 49}
    winner = next(agent for word, agent in answers if word == "claimed")
    assert winner == agents[answers.index(("claimed", winner))]
    assert {agent for _, agent in answers} == {winner}
    assert holder(shop.store, conversation) == winner


def test_claiming_what_one_holds_changes_nothing(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    assert unchanged(shop.claim(conversation, shop.agents[0]), store, conversation)
    mine = shop.claimed(shop.supervisor)
    assert unchanged(shop.claim(mine, shop.supervisor, "yes"), store, mine)


def test_a_closed_conversation_can_be_claimed(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    store.conversations.close(conversation, shop.agents[0])
    change = shop.claim(conversation, shop.agents[1])
    assert (change.changed, change.snapshot.status, change.snapshot.version) == (True, "claimed", 4)
    assert holder(store, conversation) == shop.agents[1]


def test_only_a_supervisor_takes_over(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    with pytest.raises(AlreadyClaimed) as taken:
        shop.claim(conversation, shop.supervisor)
    assert taken.value.details == {"agent": shop.agents[0]}
    change = shop.claim(conversation, shop.supervisor, "yes")
    assert (change.changed, change.snapshot.version) == (True, 3)
    assert holder(store, conversation) == shop.supervisor


def test_force_is_for_supervisors_always(shop: Shop, store: Store) -> None:
    for conversation in (shop.waiting(), shop.claimed(), shop.claimed(shop.agents[1]), shop.customer()):
        with pytest.raises(Forbidden):
            shop.claim(conversation, shop.agents[1], "yes")
    with pytest.raises(AlreadyClaimed):
        shop.claim(shop.claimed(), shop.agents[1], "if_supervisor")
    assert shop.claim(shop.claimed(), shop.supervisor, "if_supervisor").changed
    assert shop.claim(shop.waiting(), shop.agents[1], "if_supervisor").changed


def test_a_claim_of_somebody_who_is_gone_can_be_taken(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    shop.dismiss(shop.agents[0])
    assert shop.claim(conversation, shop.agents[1]).changed
    assert holder(store, conversation) == shop.agents[1]


def test_who_serves_nobody_claims_nothing(shop: Shop, new_name: NewName) -> None:
    conversation = shop.waiting()
    for user in (new_name("stranger"), customer_of(conversation)):
        with pytest.raises(Forbidden):
            shop.claim(conversation, user)
    own = f"{shop.id}:{shop.supervisor}"
    shop.say(own, "hello")
    with pytest.raises(Forbidden):
        shop.claim(own, shop.supervisor, "yes")


def test_what_is_not_there_is_told_to_agents_alone(shop: Shop, store: Store, new_name: NewName) -> None:
    nowhere, stranger = shop.customer(), new_name("stranger")
    verbs: list[Callable[[str], object]] = [
        lambda user: shop.claim(nowhere, user),
        lambda user: store.conversations.release(nowhere, user),
        lambda user: store.conversations.close(nowhere, user),
        lambda user: shop.transfer(nowhere, user, shop.agents[1]),
    ]
    for verb in verbs:
        with pytest.raises(NotFound):
            verb(shop.agents[0])
        with pytest.raises(Forbidden):
            verb(stranger)


# --- release --------------------------------------------------------------------------------------------------------


def test_a_released_conversation_waits_since_its_oldest_unanswered_message(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    first = shop.say(conversation, "hello").at
    shop.say(conversation, "anybody?")
    shop.claim(conversation, shop.agents[0])
    released = store.conversations.release(conversation, shop.agents[0])
    assert (released.changed, released.snapshot.status, released.snapshot.version) == (True, "waiting", 3)
    assert released.snapshot.waiting_since == first
    shop.claim(conversation, shop.agents[0])
    shop.say(conversation, "here I am", shop.agents[0])
    second = shop.say(conversation, "finally").at
    shop.announce(conversation, "The parcel left.")
    shop.say(conversation, "where?")
    assert store.conversations.release(conversation, shop.agents[0]).snapshot.waiting_since == second


def test_with_nothing_unanswered_it_waits_since_now(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    shop.say(conversation, "at your service", shop.agents[0])
    before = store.users.time()
    since = store.conversations.release(conversation, shop.agents[0]).snapshot.waiting_since
    assert since is not None
    assert before <= since <= store.users.time()


def test_what_was_said_before_the_end_is_answered(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    store.conversations.close(conversation, shop.agents[0])
    shop.claim(conversation, shop.agents[0])
    before = store.users.time()
    since = store.conversations.release(conversation, shop.agents[0]).snapshot.waiting_since
    assert since is not None
    assert since >= before


def test_a_supervisor_releases_anothers_claim(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    with pytest.raises(NotClaimer) as refusal:
        store.conversations.release(conversation, shop.agents[1])
    assert refusal.value.details == {"agent": shop.agents[0]}
    assert store.conversations.release(conversation, shop.supervisor).changed
    assert holder(store, conversation) is None


def test_releasing_what_nobody_holds_changes_nothing(shop: Shop, store: Store) -> None:
    waiting, closed = shop.waiting(), shop.waiting()
    store.conversations.close(closed, shop.supervisor)
    for conversation in (waiting, closed):
        for agent in (*shop.agents, shop.supervisor):
            assert unchanged(store.conversations.release(conversation, agent), store, conversation)


def test_the_customer_and_strangers_release_nothing(shop: Shop, store: Store, new_name: NewName) -> None:
    for conversation in (shop.claimed(), shop.waiting()):
        for user in (customer_of(conversation), new_name("stranger")):
            with pytest.raises(Forbidden):
                store.conversations.release(conversation, user)


# --- close ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["claimer", "supervisor", "customer"])
def test_who_may_close_a_claimed_conversation(shop: Shop, store: Store, who: str) -> None:
    conversation = shop.claimed()
    user = {"claimer": shop.agents[0], "supervisor": shop.supervisor, "customer": customer_of(conversation)}[who]
    change = store.conversations.close(conversation, user)
    assert (change.changed, change.snapshot.status, change.snapshot.version) == (True, "closed", 3)
    assert (change.snapshot.agent, change.snapshot.waiting_since) == (None, None)
    assert set(change.agents) == shop.agent_recipients()
    assert store.conversations.claims(shop.id) == []


@pytest.mark.parametrize("who", ["supervisor", "customer"])
def test_who_may_close_a_waiting_conversation(shop: Shop, store: Store, who: str) -> None:
    conversation = shop.waiting()
    user = shop.supervisor if who == "supervisor" else customer_of(conversation)
    assert store.conversations.close(conversation, user).snapshot.status == "closed"
    assert conversation in shop.list("closed")
    assert conversation not in shop.list("waiting")


def test_an_agent_closes_only_what_the_agent_holds(shop: Shop, store: Store, new_name: NewName) -> None:
    claimed, waiting = shop.claimed(), shop.waiting()
    for conversation, agent in ((claimed, shop.agents[0]), (waiting, None)):
        with pytest.raises(NotClaimer) as refusal:
            store.conversations.close(conversation, shop.agents[1])
        assert refusal.value.details == {"agent": agent}
        with pytest.raises(Forbidden):
            store.conversations.close(conversation, new_name("stranger"))


def test_closing_what_is_closed_changes_nothing_for_anybody(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    store.conversations.close(conversation, shop.agents[0])
    for user in (*shop.agents, shop.supervisor, customer_of(conversation)):
        assert unchanged(store.conversations.close(conversation, user), store, conversation)


# --- transfer -------------------------------------------------------------------------------------------------------


def test_the_claimer_hands_over(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    change = shop.transfer(conversation, shop.agents[0], shop.agents[1])
    assert (change.changed, change.snapshot.status, change.snapshot.version) == (True, "claimed", 3)
    assert change.snapshot.agent is not None
    assert (change.snapshot.agent.user, change.snapshot.agent.name) == (shop.agents[1], f"{shop.agents[1]}!")
    with pytest.raises(NotClaimer):
        shop.transfer(conversation, shop.agents[0], shop.supervisor)
    with pytest.raises(NotClaimer):
        shop.say(conversation, "mine?", shop.agents[0])


def test_a_supervisor_hands_over_anything(shop: Shop, store: Store) -> None:
    closed = shop.waiting()
    store.conversations.close(closed, shop.supervisor)
    for conversation in (shop.waiting(), shop.claimed(), closed):
        assert shop.transfer(conversation, shop.supervisor, shop.agents[1]).changed
        assert holder(store, conversation) == shop.agents[1]


def test_handing_over_to_who_holds_it_changes_nothing(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    assert unchanged(shop.transfer(conversation, shop.supervisor, shop.agents[0]), store, conversation)


def test_only_to_an_agent_who_could_serve_the_customer(shop: Shop, new_name: NewName) -> None:
    conversation = shop.claimed()
    own = f"{shop.id}:{shop.agents[1]}"
    shop.say(own, "hello")
    shop.claim(own, shop.agents[0])
    for where, to in (
        (conversation, new_name("stranger")),
        (conversation, customer_of(conversation)),
        (own, shop.agents[1]),
    ):
        with pytest.raises(BadRequest) as refusal:
            shop.transfer(where, shop.agents[0], to)
        assert refusal.value.details == {"field": "to"}
    assert holder(shop.store, conversation) == shop.agents[0]


def test_who_may_not_hand_over(shop: Shop, new_name: NewName) -> None:
    claimed, waiting = shop.claimed(), shop.waiting()
    for conversation, agent in ((claimed, shop.agents[0]), (waiting, None)):
        with pytest.raises(NotClaimer) as refusal:
            shop.transfer(conversation, shop.agents[1], shop.supervisor)
        assert refusal.value.details == {"agent": agent}
        for user in (customer_of(conversation), new_name("stranger")):
            with pytest.raises(Forbidden):
                shop.transfer(conversation, user, shop.agents[0])


def test_a_transfer_leaves_no_moment_without_a_claimer(shop: Shop, redis_settings: dict[str, str]) -> None:
    conversation = shop.claimed()
    other = open_store(redis_settings)
    with ThreadPoolExecutor(2) as threads:

        def hand_to_and_fro() -> None:
            for n in range(60):
                shop.transfer(conversation, shop.agents[n % 2], shop.agents[1 - n % 2])

        handing = threads.submit(hand_to_and_fro)
        holders = []
        while not handing.done():
            holders.append(holder(other, conversation))
        handing.result()
    assert holders
    assert set(holders) <= set(shop.agents)


# --- the rules of all four --------------------------------------------------------------------------------------------


def test_the_version_grows_with_each_change_and_with_nothing_else(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    steps: list[tuple[Callable[[], object], int]] = [
        (lambda: shop.say(conversation, "x"), 1),
        (lambda: shop.claim(conversation, shop.agents[0]), 2),
        (lambda: shop.claim(conversation, shop.agents[0]), 2),
        (lambda: shop.say(conversation, "x", shop.agents[0]), 2),
        (lambda: shop.announce(conversation, "x"), 2),
        (lambda: store.conversations.read(conversation, shop.agents[0], 3), 2),
        (lambda: shop.transfer(conversation, shop.agents[0], shop.agents[1]), 3),
        (lambda: shop.claim(conversation, shop.supervisor, "yes"), 4),
        (lambda: store.conversations.release(conversation, shop.supervisor), 5),
        (lambda: store.conversations.release(conversation, shop.supervisor), 5),
        (lambda: store.conversations.close(conversation, shop.supervisor), 6),
        (lambda: store.conversations.close(conversation, shop.supervisor), 6),
        (lambda: shop.say(conversation, "x"), 7),
    ]
    for step, version in steps:
        step()
        assert seen(store, conversation).version == version


def test_the_name_of_the_claimer_is_the_tables(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    shop.appoint(shop.agents[0], name="Xiao: Mei\n")
    agent = seen(store, conversation).agent
    assert agent is not None
    assert (agent.user, agent.name) == (shop.agents[0], "Xiao: Mei\n")


# --- the grace time -------------------------------------------------------------------------------------------------


def rewind_claim(store: Store, conversation: ConversationId, ms: int) -> None:
    """Lets a claim have begun that much earlier."""
    key = keys.conversation(conversation)[4]
    claimed_at = int(store.scripts.command("HGET", key, "claimed_at"))
    store.scripts.command("HSET", key, "claimed_at", claimed_at - ms)


@pytest.mark.parametrize(
    ("absent_ms", "claimed_ms", "lapses"),
    [
        (None, 90_000, False),
        (59_000, 90_000, False),
        (61_000, 90_000, True),
        (61_000, 59_000, False),
        (0, 61_000, True),
    ],
)
def test_a_claim_lapses_after_the_grace_time(
    shop: Shop, store: Store, absent_ms: int | None, claimed_ms: int, lapses: bool
) -> None:
    conversation = shop.claimed()
    since = seen(store, conversation).last
    rewind_claim(store, conversation, claimed_ms)
    # 0 stands for an agent who never had a connection.
    absent_since = store.users.time() - absent_ms if absent_ms else absent_ms
    change = store.conversations.lapse(conversation, shop.agents[0], absent_since)
    assert (change is not None) == lapses
    assert holder(store, conversation) == (None if lapses else shop.agents[0])
    if change:
        assert (change.snapshot.status, change.snapshot.last) == ("waiting", since)
        assert set(change.agents) == shop.agent_recipients()


def test_a_lapsed_claim_waits_since_its_oldest_unanswered_message(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    first = shop.say(conversation, "hello").at
    shop.claim(conversation, shop.agents[0])
    rewind_claim(store, conversation, 90_000)
    change = store.conversations.lapse(conversation, shop.agents[0], 0)
    assert change is not None
    assert change.snapshot.waiting_since == first


def test_a_claim_that_is_anothers_by_now_stays(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    shop.transfer(conversation, shop.agents[0], shop.agents[1])
    rewind_claim(store, conversation, 90_000)
    assert store.conversations.lapse(conversation, shop.agents[0], 0) is None
    assert store.conversations.lapse(shop.waiting(), shop.agents[0], 0) is None
    assert store.conversations.lapse(shop.customer(), shop.agents[0], 0) is None
    assert holder(store, conversation) == shop.agents[1]


def test_a_claim_of_no_agent_lapses_at_once(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    (customer,) = shop.dismiss(shop.agents[0])
    assert customer == customer_of(conversation)
    change = store.conversations.lapse(conversation, shop.agents[0], None)
    assert change is not None
    assert change.snapshot.status == "waiting"


def test_a_claim_does_not_outlive_its_membership(shop: Shop, store: Store) -> None:
    conversation, agent = shop.claimed(), shop.agents[0]
    shop.dismiss(agent)
    shop.appoint(agent)
    with pytest.raises(NotClaimer):
        shop.say(conversation, "I am back", agent)
    with pytest.raises(NotClaimer):
        store.conversations.typing(conversation, identity(agent))
    change = shop.claim(conversation, agent)
    assert change.changed
    assert store.conversations.claims(shop.id) == [(conversation, Recipient(agent, shop.id, shop.joined[agent]))]
    assert shop.say(conversation, "now", agent).seq == 2
    assert store.conversations.lapse(conversation, agent, None) is None


@pytest.mark.parametrize("verb", ["release", "lapse", "close", "transfer", "message"])
def test_a_claim_of_an_earlier_membership_ends_like_any_other(shop: Shop, store: Store, verb: str) -> None:
    conversation, agent = shop.claimed(), shop.agents[0]
    shop.dismiss(agent)
    shop.appoint(agent)
    if verb == "release":
        store.conversations.release(conversation, shop.supervisor)
    elif verb == "lapse":
        store.conversations.lapse(conversation, agent, None)
    elif verb == "close":
        store.conversations.close(conversation, customer_of(conversation))
    elif verb == "transfer":
        shop.transfer(conversation, shop.supervisor, shop.agents[1])
    else:
        assert shop.say(conversation, "anybody?").change is not None
    status = {"close": "closed", "transfer": "claimed"}.get(verb, "waiting")
    assert seen(store, conversation).status == status
    assert holder(store, conversation) == (shop.agents[1] if verb == "transfer" else None)
    assert shop.list(status) == shop.list("all") == [conversation]
    assert shop.list(f"mine:{agent}") == []


def test_a_new_grace_time_counts_at_once(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    rewind_claim(store, conversation, 30_000)
    assert store.conversations.lapse(conversation, shop.agents[0], 0) is None
    store.stores.put(shop.id, "Tea House", 20)
    assert store.conversations.lapse(conversation, shop.agents[0], 0) is not None
