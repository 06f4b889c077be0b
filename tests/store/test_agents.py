"""Stores and their agents: who may appoint whom, memberships by number, and what the table says."""

import pytest

from chalicelib.errors import Forbidden, NotFound
from chalicelib.model import Recipient, Role
from chalicelib.store import Store
from chalicelib.store.users import Push
from tests.store.conftest import NewName, Shop, customer_of


def test_a_store_is_what_was_put_last(store: Store, new_name: NewName) -> None:
    shop = new_name("shop")
    store.stores.put(shop, 'Tea "House" 茶\n:', 300)
    view = store.stores.read(shop, None)
    assert (view.store, view.name, view.claim_grace_s) == (shop, 'Tea "House" 茶\n:', 300)
    assert (view.agents, view.waiting, view.claimed) == ((), 0, 0)
    store.stores.put(shop, "Coffee", 1)
    view = store.stores.read(shop, None)
    assert (view.name, view.claim_grace_s) == ("Coffee", 1)


def test_a_store_counts_its_conversations(shop: Shop, store: Store) -> None:
    conversations = [shop.waiting() for _ in range(3)]
    shop.claimed()
    view = store.stores.read(shop.id, shop.agents[0])
    assert (view.waiting, view.claimed, len(view.agents)) == (3, 1, 3)
    store.conversations.close(conversations[0], shop.supervisor)
    shop.claim(conversations[1], shop.agents[1])
    view = store.stores.read(shop.id, None)
    assert (view.waiting, view.claimed) == (1, 2)


def test_who_may_look_at_a_store(shop: Shop, store: Store, new_name: NewName) -> None:
    conversation, nowhere = shop.waiting(), new_name("nowhere")
    for user in (customer_of(conversation), new_name("stranger")):
        for name in (shop.id, nowhere):
            with pytest.raises(Forbidden):
                store.stores.read(name, user)
    with pytest.raises(NotFound, match="store"):
        store.stores.read(nowhere, None)


def test_the_agents_are_listed_with_role_and_name(shop: Shop, store: Store) -> None:
    shop.appoint(shop.agents[0], name="Xiao: Mei\n客服")
    rows = {agent.user: (agent.role, agent.name) for agent in store.stores.read(shop.id, None).agents}
    assert rows == {
        shop.supervisor: ("supervisor", ""),
        shop.agents[0]: ("agent", "Xiao: Mei\n客服"),
        shop.agents[1]: ("agent", ""),
    }
    agent = store.stores.agent(shop.id, shop.agents[0])
    assert agent is not None
    assert (agent.role, agent.name, agent.joined) == ("agent", "Xiao: Mei\n客服", shop.joined[shop.agents[0]])
    assert store.stores.agent(shop.id, shop.id) is None
    assert set(store.stores.read(shop.id, None).recipients()) == shop.agent_recipients()
    assert store.stores.agents(shop.id) == {agent.user: agent for agent in store.stores.read(shop.id, None).agents}
    assert store.stores.agents(shop.new_name("nowhere")) == {}


def test_memberships_have_numbers_that_grow(shop: Shop, store: Store, new_name: NewName) -> None:
    agent = new_name("agent")
    first = shop.appoint(agent)
    assert first > max(shop.joined[user] for user in (shop.supervisor, *shop.agents))
    assert shop.appoint(agent, "supervisor") == first  # the same membership, in another role
    removal = store.stores.remove_agent(shop.id, agent, None)
    assert (removal.was_agent, removal.customers) == (True, [])
    assert removal.number > first
    assert shop.appoint(agent) > removal.number


def test_removing_somebody_who_is_no_agent_changes_nothing(shop: Shop, store: Store, new_name: NewName) -> None:
    stranger = new_name("stranger")
    removal = store.stores.remove_agent(shop.id, stranger, None)
    assert (removal.was_agent, removal.customers) == (False, [])
    store.users.note_membership(stranger, shop.id, -removal.number)
    joined = shop.appoint(stranger)
    assert joined > removal.number
    (reach,) = store.users.reach([_durable(stranger, shop.id, joined)])
    assert reach is not None
    assert reach.offset == 1


def test_a_removal_that_is_repeated_names_the_claims_that_are_left(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    first = store.stores.remove_agent(shop.id, shop.agents[0], None)
    again = store.stores.remove_agent(shop.id, shop.agents[0], None)
    assert (first.was_agent, again.was_agent) == (True, False)
    assert first.number == again.number
    assert first.customers == again.customers == [customer_of(conversation)]
    assert store.conversations.lapse(conversation, shop.agents[0], None) is not None
    assert store.stores.remove_agent(shop.id, shop.agents[0], None).customers == []


def test_a_store_that_is_not_there_has_no_agents(store: Store, new_name: NewName) -> None:
    nowhere, agent = new_name("nowhere"), new_name("agent")
    with pytest.raises(NotFound, match="store"):
        store.stores.put_agent(nowhere, agent, "agent", "", None)
    with pytest.raises(NotFound, match="store"):
        store.stores.remove_agent(nowhere, agent, None)
    for actor in (agent, new_name("other")):
        with pytest.raises(Forbidden):
            store.stores.put_agent(nowhere, agent, "agent", "", actor)
        with pytest.raises(Forbidden):
            store.stores.remove_agent(nowhere, agent, actor)
    assert store.stores.agent(nowhere, agent) is None


def test_a_supervisor_looks_after_agents(shop: Shop, store: Store, new_name: NewName) -> None:
    agent = new_name("agent")
    store.stores.put_agent(shop.id, agent, "agent", "New", shop.supervisor)
    store.stores.put_agent(shop.id, agent, "agent", "Renamed", shop.supervisor)
    found = store.stores.agent(shop.id, agent)
    assert found is not None
    assert found.name == "Renamed"
    store.stores.remove_agent(shop.id, agent, shop.supervisor)
    assert store.stores.agent(shop.id, agent) is None
    store.stores.remove_agent(shop.id, agent, shop.supervisor)


@pytest.mark.parametrize("role", ["agent", "supervisor"])
def test_a_supervisor_leaves_supervisors_to_the_marketplace(
    shop: Shop, store: Store, new_name: NewName, role: Role
) -> None:
    other = new_name("supervisor")
    shop.appoint(other, "supervisor")
    for user in (other, shop.supervisor):
        with pytest.raises(Forbidden):
            store.stores.put_agent(shop.id, user, role, "", shop.supervisor)
        with pytest.raises(Forbidden):
            store.stores.remove_agent(shop.id, user, shop.supervisor)
    with pytest.raises(Forbidden):
        store.stores.put_agent(shop.id, shop.agents[0], "supervisor", "", shop.supervisor)
    assert {agent.user: agent.role for agent in store.stores.read(shop.id, None).agents}[other] == "supervisor"


def test_nobody_else_looks_after_agents(shop: Shop, store: Store, new_name: NewName) -> None:
    elsewhere = Shop(store, new_name("shop"), new_name)
    store.stores.put(elsewhere.id, "Elsewhere", 60)
    boss = new_name("supervisor")
    elsewhere.appoint(boss, "supervisor")
    for actor in (shop.agents[0], new_name("stranger"), boss):
        with pytest.raises(Forbidden):
            store.stores.put_agent(shop.id, actor, "agent", "", actor)
        with pytest.raises(Forbidden):
            store.stores.remove_agent(shop.id, shop.agents[1], actor)


def _durable(user: str, store_id: str, joined: int) -> Push:
    return Push(Recipient(user, store_id, joined), b"{}")


def test_whom_somebody_serves_is_told_with_the_role_and_without_what_has_ended(
    shop: Shop, store: Store, new_name: NewName
) -> None:
    agent, other = shop.agents[0], new_name("other-shop")
    store.stores.put(other, "Coffee", 300)
    number = store.stores.put_agent(other, agent, "supervisor", "", None)
    store.users.note_membership(agent, other, number)
    store.users.note_membership(agent, shop.id, shop.joined[agent])
    both = store.stores.served(agent, store.users.memberships(agent))
    assert {(each.store, each.role) for each in both} == {(shop.id, "agent"), (other, "supervisor")}
    assert {each.name for each in both} == {"Coffee", store.stores.read(shop.id, None).name}
    # Removed a moment ago: the user's own note of it is still to come.
    removal = store.stores.remove_agent(other, agent, None)
    assert set(store.users.memberships(agent)) == {shop.id, other}
    assert [each.store for each in store.stores.served(agent, store.users.memberships(agent))] == [shop.id]
    store.users.note_membership(agent, other, -removal.number)
    assert store.users.memberships(agent) == [shop.id]
    stranger = new_name("stranger")
    assert store.stores.served(stranger, store.users.memberships(stranger)) == []
