"""The store's lists and the customer's own: order, pages, ties, and where a conversation stands after each change."""

import pytest

from chalicelib.errors import Forbidden
from chalicelib.model import ConversationId, Recipient, StoreId
from chalicelib.store import Store, keys
from chalicelib.store.users import Push
from tests.store.conftest import Inbox, NewName, Shop, customer_of


def walk(shop: Shop, listed: str, limit: int) -> list[ConversationId]:
    """Every conversation of a list, page by page along the rows."""
    found: list[ConversationId] = []
    behind = ""
    for _ in range(100):
        page = shop.store.conversations.page(shop.id, shop.supervisor, listed, behind, limit)
        found += [conversation for _, conversation in page]
        if len(page) < limit:
            return found
        behind = page[-1][0]
    raise AssertionError("the walk does not end")


def test_a_conversation_stands_in_the_lists_of_its_status(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    agent, other = shop.agents
    lists = ["all", "waiting", "claimed", "closed", f"mine:{agent}", f"mine:{other}"]

    def standing() -> set[str]:
        return {listed for listed in lists if conversation in shop.list(listed)}

    assert standing() == {"all", "waiting"}
    shop.claim(conversation, agent)
    assert standing() == {"all", "claimed", f"mine:{agent}"}
    shop.say(conversation, "x")
    shop.say(conversation, "x", agent)
    assert standing() == {"all", "claimed", f"mine:{agent}"}
    shop.transfer(conversation, agent, other)
    assert standing() == {"all", "claimed", f"mine:{other}"}
    store.conversations.release(conversation, other)
    assert standing() == {"all", "waiting"}
    store.conversations.close(conversation, shop.supervisor)
    assert standing() == {"all", "closed"}
    shop.say(conversation, "x")
    assert standing() == {"all", "waiting"}
    assert len(shop.list("all")) == 1
    assert store.scripts.command("ZCARD", keys.index(shop.id)) == 2


def test_the_longest_wait_comes_first_and_else_the_latest_activity(shop: Shop, store: Store) -> None:
    conversations = []
    for n in range(4):
        conversations.append(shop.waiting())
        _at(shop, conversations[-1], 1_700_000_000_000 + n)
    assert shop.list("waiting") == conversations
    assert shop.list("all") == conversations[::-1]
    _at(shop, conversations[1], 1_700_000_000_009, since=1_700_000_000_001)  # what is said moves it, its wait stays
    assert shop.list("all")[0] == conversations[1]
    assert shop.list("waiting") == conversations
    shop.say(conversations[0], "anybody?")
    assert shop.list("all")[0] == conversations[0]
    assert shop.list("waiting") == conversations


def _at(shop: Shop, conversation: ConversationId, at: int, since: int | None = None) -> None:
    """Puts a waiting conversation's rows where they would stand had everything happened at `at`."""
    index, fields = keys.index(shop.id), keys.conversation(conversation)[4]
    customer = customer_of(conversation)
    command = shop.store.scripts.command
    rows = [row for row in command("ZRANGE", index, 0, -1) if row.endswith(b":" + customer.encode())]
    command("ZREM", index, *rows)
    command("HSET", fields, "active_at", at, "waiting_since", since or at)
    command("ZADD", index, 0, f"all:{9_999_999_999_999 - at:013}:{customer}")
    command("ZADD", index, 0, f"waiting:{since or at:013}:{customer}")


@pytest.mark.parametrize("limit", [1, 2, 7, 100])
@pytest.mark.parametrize("listed", ["all", "waiting"])
def test_a_walk_shows_each_of_many_in_one_millisecond_once(shop: Shop, listed: str, limit: int) -> None:
    conversations = [shop.waiting() for _ in range(12)]
    for n, conversation in enumerate(conversations):
        _at(shop, conversation, 1_700_000_000_000 + n // 6)
    found = walk(shop, listed, limit)
    assert sorted(found) == sorted(conversations)
    assert set(found[:6]) == set(conversations[:6] if listed == "waiting" else conversations[6:])


def test_what_changes_during_a_walk_hides_nothing_else(shop: Shop, store: Store) -> None:
    conversations = [shop.waiting() for _ in range(10)]
    for n, conversation in enumerate(conversations):
        _at(shop, conversation, 1_700_000_000_000 + n)
    first = store.conversations.page(shop.id, shop.supervisor, "waiting", "", 4)
    shop.claim(first[3][1], shop.agents[0])  # the row that the cursor names is gone
    store.conversations.close(first[0][1], shop.supervisor)
    rest = store.conversations.page(shop.id, shop.supervisor, "waiting", first[-1][0], 100)
    assert [each for _, each in first + rest] == conversations


def test_one_agents_list_is_not_anothers(shop: Shop, new_name: NewName) -> None:
    # Names that are each other's beginnings, and the signs next to the one that parts a row.
    agents = [f"{shop.agents[0]}{more}" for more in ("", "-", "0", "9", "_", "a")]
    for agent in agents[1:]:
        shop.appoint(agent)
    held = {agent: shop.claimed(agent) for agent in agents}
    for agent in agents:
        assert shop.list(f"mine:{agent}") == [held[agent]]
        assert shop.dismiss(agent) == [customer_of(held[agent])]


def test_lists_are_for_agents(shop: Shop, store: Store, new_name: NewName) -> None:
    conversation = shop.waiting()
    for user in (customer_of(conversation), new_name("stranger")):
        with pytest.raises(Forbidden):
            store.conversations.page(shop.id, user, "all", "", 50)
    with pytest.raises(Forbidden):
        store.conversations.page(new_name("nowhere"), shop.supervisor, "all", "", 50)


def test_views_come_in_the_order_of_the_question(shop: Shop, store: Store) -> None:
    here, there, nowhere = shop.waiting("1"), shop.claimed(), shop.customer()
    views = store.conversations.view([there, nowhere, here, there])
    assert [view and view.conversation for view in views] == [there, None, here, there]
    assert store.conversations.view([]) == []


# --- the customer's own ---------------------------------------------------------------------------------------------


def touch(inbox: Inbox, store_id: StoreId, at: int) -> None:
    inbox.store.users.reach([Push(Recipient(inbox.user), store=store_id, active_at=at)])


def own(inbox: Inbox, limit: int) -> list[tuple[int, StoreId]]:
    """The user's own conversations, page by page."""
    found: list[tuple[int, StoreId]] = []
    for _ in range(100):
        page = inbox.store.users.conversations(inbox.user, found[-1] if found else None, limit)
        found += page
        if len(page) < limit:
            return found
    raise AssertionError("the walk does not end")


def test_the_latest_of_ones_own_comes_first(inbox: Inbox) -> None:
    for n, name in enumerate(["b", "c", "a"]):
        touch(inbox, name, 1_700_000_000_000 + n)
    touch(inbox, "b", 1_700_000_000_009)
    touch(inbox, "c", 1_600_000_000_000)  # a delivery that came late moves nothing back
    expected = [(1_700_000_000_009, "b"), (1_700_000_000_002, "a"), (1_700_000_000_001, "c")]
    assert own(inbox, 100) == expected
    assert own(inbox, 1) == expected


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_a_walk_through_ones_own_shows_each_once_though_they_tie(inbox: Inbox, limit: int) -> None:
    names = [f"{first}{last}" for first in "aZ-_0" for last in ("", "a", "B", "-", "_", "9")]
    for n, name in enumerate(names):
        touch(inbox, name, 1_700_000_000_000 + n // 10)
    found = own(inbox, limit)
    assert sorted(name for _, name in found) == sorted(names)
    assert [at for at, _ in found] == sorted((at for at, _ in found), reverse=True)


def test_a_place_between_two_leads_on(inbox: Inbox) -> None:
    for n, name in enumerate(["a", "b", "c"]):
        touch(inbox, name, 1_700_000_000_000 + n)
    behind = inbox.store.users.conversations
    assert behind(inbox.user, (1_700_000_000_001, ""), 100) == [(1_700_000_000_000, "a")]
    assert behind(inbox.user, (1_700_000_000_001, "zzz"), 100)[0] == (1_700_000_000_001, "b")
    assert behind(inbox.user, (9_999_999_999_999_999, "x"), 100)[0][1] == "c"
    assert behind(inbox.user, (0, "x"), 100) == []


def test_who_wrote_to_nobody_has_none(inbox: Inbox) -> None:
    assert own(inbox, 10) == []
