"""History by seq: both bounds, both directions, and what fits into one frame."""

import json

import pytest

from chalicelib.errors import Forbidden, NotFound
from chalicelib.model import REPLY_BYTES, ConversationId
from chalicelib.store import Store
from chalicelib.store.conversations import Start
from tests.store.conftest import NewName, Shop, customer_of


@pytest.fixture
def ten(shop: Shop) -> ConversationId:
    """A conversation of ten messages."""
    conversation = shop.customer()
    for n in range(1, 11):
        shop.say(conversation, str(n))
    return conversation


def read(store: Store, conversation: ConversationId, start: Start, seq: int, limit: int) -> tuple[list[int], bool]:
    messages, more = store.conversations.history(conversation, customer_of(conversation), start, seq, limit)
    return [json.loads(message)["seq"] for message in messages], more


@pytest.mark.parametrize(
    ("start", "seq", "limit", "expected", "more"),
    [
        ("newest", 0, 50, range(1, 11), False),
        ("newest", 0, 10, range(1, 11), False),
        ("newest", 0, 9, range(2, 11), True),
        ("newest", 0, 1, [10], True),
        ("after", 0, 50, range(1, 11), False),
        ("after", 0, 10, range(1, 11), False),
        ("after", 0, 3, [1, 2, 3], True),
        ("after", 7, 3, [8, 9, 10], False),
        ("after", 7, 2, [8, 9], True),
        ("after", 9, 1, [10], False),
        ("after", 10, 5, [], False),
        ("after", 11, 5, [], False),
        ("after", 2**53 - 1, 100, [], False),
        ("before", 0, 5, [], False),
        ("before", 1, 5, [], False),
        ("before", 2, 5, [1], False),
        ("before", 6, 5, [1, 2, 3, 4, 5], False),
        ("before", 7, 5, [2, 3, 4, 5, 6], True),
        ("before", 11, 3, [8, 9, 10], True),
        ("before", 12, 3, [8, 9, 10], True),
        ("before", 2**53 - 1, 100, range(1, 11), False),
    ],
)
def test_a_page_lies_between_its_bounds(
    store: Store, ten: ConversationId, start: Start, seq: int, limit: int, expected: range, more: bool
) -> None:
    assert read(store, ten, start, seq, limit) == (list(expected), more)


@pytest.mark.parametrize("limit", [1, 3, 10, 100])
def test_a_walk_in_either_direction_shows_each_message_once(store: Store, ten: ConversationId, limit: int) -> None:
    forwards: list[int] = []
    more = True
    while more:
        page, more = read(store, ten, "after", forwards[-1] if forwards else 0, limit)
        forwards += page
    backwards, more = read(store, ten, "newest", 0, limit)
    while more:
        page, more = read(store, ten, "before", backwards[0], limit)
        backwards = page + backwards
    assert forwards == backwards == list(range(1, 11))


def test_a_page_fits_into_one_frame(shop: Shop, store: Store) -> None:
    conversation = shop.customer()
    for _ in range(30):
        shop.say(conversation, "客" * 4_000)  # about 12 KB each: ten of them are over the limit
    page, more = store.conversations.history(conversation, shop.supervisor, "after", 0, 100)
    assert more
    assert len(page) == 9
    assert sum(map(len, page)) <= REPLY_BYTES
    newest, more = store.conversations.history(conversation, shop.supervisor, "newest", 0, 100)
    assert more
    assert [json.loads(message)["seq"] for message in newest] == list(range(22, 31))
    seqs: list[int] = []
    more = True
    while more:
        found, more = read(store, conversation, "after", seqs[-1] if seqs else 0, 100)
        seqs += found
    assert seqs == list(range(1, 31))
    backwards, more = read(store, conversation, "newest", 0, 100)
    while more:
        found, more = read(store, conversation, "before", backwards[0], 100)
        backwards = found + backwards
    assert backwards == list(range(1, 31))


def test_one_message_comes_however_large_it_is(shop: Shop, store: Store) -> None:
    conversation = shop.waiting()
    # No frame holds so much; a body that came by another way must not end a walk.
    body = json.dumps({"type": "text", "text": "x" * REPLY_BYTES}).encode()
    store.conversations.append(conversation, None, "large", body)
    assert read(store, conversation, "after", 1, 50) == ([2], False)
    assert read(store, conversation, "newest", 0, 50) == ([2], True)


def test_all_readers_get_the_same_bytes(shop: Shop, store: Store) -> None:
    conversation = shop.claimed()
    stored = shop.say(conversation, '客服 "\\/\u2028', shop.agents[0])
    assert stored.debt is not None
    readers = [customer_of(conversation), shop.supervisor, *shop.agents]
    pages = [store.conversations.history(conversation, reader, "after", 1, 50)[0] for reader in readers]
    assert pages == [[stored.debt.message.json]] * 4


def test_who_may_read(shop: Shop, store: Store, new_name: NewName) -> None:
    conversation, nowhere = shop.waiting(), shop.customer()
    with pytest.raises(Forbidden):
        store.conversations.history(conversation, new_name("stranger"), "newest", 0, 50)
    with pytest.raises(Forbidden):
        store.conversations.history(nowhere, new_name("stranger"), "newest", 0, 50)
    for user in (shop.agents[0], customer_of(nowhere)):
        with pytest.raises(NotFound):
            store.conversations.history(nowhere, user, "newest", 0, 50)
    shop.dismiss(shop.agents[0])
    with pytest.raises(Forbidden):
        store.conversations.history(conversation, shop.agents[0], "newest", 0, 50)
