"""The keys: one slot for all that a script touches, and no key for two things."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from chalicelib.model import ConnectionId
from chalicelib.store import keys

NAMES = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")
IDS = st.from_regex(r"\A[\x20-\x7e]{1,64}\Z")
CONNECTIONS = st.from_regex(r"\A[A-Za-z0-9_=+/-]{1,40}\Z").map(ConnectionId)


def slots(*names: str) -> set[int]:
    return {key_slot(name.encode()) for name in names}


def tags(*names: str) -> set[str]:
    return {match[1] for name in names if (match := re.search(r"\{(.+?)\}", name))}


def store_keys(store: str) -> list[str]:
    return [keys.store(store), keys.agents(store), keys.claims(store), keys.index(store), keys.outbox(store)]


@given(NAMES, NAMES)
def test_everything_of_a_store_lies_in_its_slot(store: str, customer: str) -> None:
    conversation = f"{store}:{customer}"
    names = [
        *store_keys(store),
        *keys.conversation(conversation),
        keys.watchers(conversation),
        *keys.ids(conversation),
    ]
    assert slots(*names) == slots(f"{{s:{store}}}")
    assert tags(*names) == {f"s:{store}"}
    assert len(keys.conversation(conversation)) == len(set(keys.conversation(conversation))) == 9


@given(NAMES)
def test_everything_of_a_user_lies_in_one_slot(user: str) -> None:
    assert slots(*keys.user(user)) == slots(f"{{u:{user}}}")
    assert len(set(keys.user(user))) == 7


@given(CONNECTIONS)
def test_everything_of_a_connection_lies_in_one_slot(connection: ConnectionId) -> None:
    assert slots(keys.connection(connection), keys.watching(connection)) == slots(f"{{c:{connection}}}")
    assert keys.connection(connection) != keys.watching(connection)


Conversation = tuple[str, str]


def all_keys(store: str, customer: str) -> set[str]:
    """The keys that belong to these names alone."""
    conversation = f"{store}:{customer}"
    return {*keys.conversation(conversation)[4:], *keys.ids(conversation)}


@given(st.tuples(NAMES, NAMES), st.tuples(NAMES, NAMES))
def test_two_conversations_share_nothing(one: tuple[str, str], other: tuple[str, str]) -> None:
    if one != other:
        assert all_keys(*one).isdisjoint(all_keys(*other))


# Names and ids that try to run into each other's place in a fingerprint.
TRICKY_SENDERS = st.sampled_from(["", "a", "b", "id", "c", "messages"])
TRICKY_IDS = st.text("ab:{} id", min_size=1, max_size=6)


@given(TRICKY_SENDERS, TRICKY_IDS, TRICKY_SENDERS, TRICKY_IDS)
def test_two_ids_share_a_fingerprint_only_when_they_are_one(
    sender: str, one: str, other_sender: str, other: str
) -> None:
    first, second = keys.fingerprint(sender, one), keys.fingerprint(other_sender, other)
    assert (first == second) == ((sender, one) == (other_sender, other))
    assert len(first) == 12


def test_the_ids_of_a_conversation_lie_in_two_keys_of_their_own() -> None:
    assert len({*keys.conversation("s:c"), *keys.ids("s:c")}) == 11


@pytest.mark.parametrize("customer", ["store", "agents", "claims", "index", "outbox", "c", "ids", "messages"])
def test_a_customer_named_like_a_key_is_no_key(customer: str) -> None:
    assert set(keys.conversation(f"s:{customer}")[4:]).isdisjoint(store_keys("s"))
    assert len(set(keys.conversation(f"s:{customer}"))) == 9


@given(NAMES, NAMES)
def test_stores_users_and_connections_share_nothing(one: str, other: str) -> None:
    kinds = [
        {*store_keys(one), *keys.conversation(f"{one}:{other}")},
        set(keys.user(one)),
        {keys.connection(ConnectionId(one)), keys.watching(ConnectionId(one))},
        {keys.online(shard) for shard in range(keys.SHARDS)},
        {keys.active(shard) for shard in range(keys.SHARDS)},
    ]
    assert len(set.union(*kinds)) == sum(len(kind) for kind in kinds)
    if one != other:
        assert set(store_keys(one)).isdisjoint(store_keys(other))
        assert set(keys.user(one)).isdisjoint(keys.user(other))


@given(CONNECTIONS, NAMES)
def test_a_shard_is_one_of_sixteen_and_always_the_same(connection: ConnectionId, store: str) -> None:
    assert keys.online_of(connection) in {keys.online(shard) for shard in range(16)}
    assert keys.active_of(store) in {keys.active(shard) for shard in range(16)}
    assert keys.online_of(connection) == keys.online_of(ConnectionId(str(connection)))


def test_the_shards_are_all_in_use() -> None:
    names = [ConnectionId(f"connection-{n}") for n in range(500)]
    assert {keys.online_of(name) for name in names} == {keys.online(shard) for shard in range(16)}
    assert {keys.active_of(name) for name in names} == {keys.active(shard) for shard in range(16)}
    assert len(slots(*(keys.online(shard) for shard in range(16)))) == 16


def test_every_key_begins_with_the_name_of_the_service() -> None:
    names = [*store_keys("s"), *keys.conversation("s:c"), *keys.user("u"), keys.online(0), keys.active(0)]
    names += [keys.connection(ConnectionId("x")), keys.watching(ConnectionId("x")), *keys.ids("s:c")]
    assert all(name.startswith("kefu:") for name in names)


def test_the_watchers_are_the_last_of_a_conversation() -> None:
    assert keys.watchers("s:c") == keys.conversation("s:c")[-1] == "kefu:{s:s}:c:c:watchers"
