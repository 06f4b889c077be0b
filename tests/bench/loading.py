"""Stores that are full, in a minute: what the scripts have written a few times is written again in bulk.

The first messages of a conversation are the scripts' own. All others are their copies but for number and id, and
`Talk.check` asks the scripts themselves whether they take them for theirs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from redis import Redis

from chalicelib.model import ConversationId, Identity, StoreId, UserId
from chalicelib.store import Store, keys
from tests.bench import shop

AT_ONCE = 1_000
EACH = 10

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Talk:
    """A store with one conversation, in which the customer and the agent who has claimed it take turns."""

    store: Store
    conversation: ConversationId
    customer: Identity
    agent: Identity
    messages: int

    @classmethod
    def full(cls, store: Store, client: Redis, name: StoreId, messages: int) -> Talk:
        """One of so many messages, an even number of them."""
        agent, customer = _people(store, name)
        conversation = shop.conversation_of(name, customer.user)
        samples = [_say(store, conversation, customer, "m1")]
        store.conversations.claim(conversation, agent, "no")
        samples.append(_say(store, conversation, agent, "m2"))
        for numbers in _batches(range(3, messages + 1), AT_ONCE):
            copies = [_copy(samples[(n + 1) % 2], n) for n in numbers]
            client.rpush(keys.conversation(conversation)[5], *copies)
        _write_bits(client, conversation, 0b0101_0101, 0b1010_1010, messages)
        talk = cls(store, conversation, customer, agent, messages)
        talk.check(samples)
        return talk

    def check(self, samples: Sequence[bytes]) -> None:
        """The scripts find all of it. Raises RuntimeError."""
        middle = self.messages // 2
        found, more = self.store.conversations.history(self.conversation, self.customer.user, "after", middle, 50)
        if found != [_copy(samples[(n + 1) % 2], n) for n in range(middle + 1, middle + 51)] or not more:
            raise RuntimeError("the history is not what was written in bulk")
        (snapshot,) = self.store.conversations.view([self.conversation])
        assert snapshot
        unread = snapshot.unread_customer, snapshot.unread_store
        if (snapshot.last_seq, *unread) != (self.messages, self.messages // 2, self.messages // 2):
            raise RuntimeError(f"of {self.messages} messages {unread} are unread: {snapshot}")
        # As somebody leaves it who reads what comes.
        self.store.conversations.read(self.conversation, self.customer.user, self.messages)
        self.store.conversations.read(self.conversation, self.agent.user, self.messages)


@dataclass(frozen=True, slots=True)
class Crowd:
    """A store with many conversations of ten messages, which all wait."""

    store: Store
    name: StoreId
    agent: Identity
    customers: Sequence[UserId]

    @classmethod
    def full(cls, store: Store, client: Redis, name: StoreId, conversations: int) -> Crowd:
        """One of so many conversations."""
        agent, _ = _people(store, name)
        customers = [f"customer-{n}" for n in range(conversations)]
        for some in _batches(customers, AT_ONCE // EACH):
            pipeline = client.pipeline(transaction=False)
            for customer in some:
                conversation = shop.conversation_of(name, customer)
                first = _say(store, conversation, Identity(customer, customer, 2**40), "m1")
                copies = [_copy(first, n) for n in range(2, EACH + 1)]
                pipeline.rpush(keys.conversation(conversation)[5], *copies)
                _write_bits(pipeline, conversation, 0xFF, 0, EACH)
            pipeline.execute()
        crowd = cls(store, name, agent, customers)
        crowd.check()
        return crowd

    def check(self) -> None:
        """The scripts find all of it. Raises RuntimeError."""
        middle = shop.conversation_of(self.name, self.customers[len(self.customers) // 2])
        (snapshot,) = self.store.conversations.view([middle])
        if snapshot is None or (snapshot.last_seq, snapshot.unread_store) != (EACH, EACH):
            raise RuntimeError(f"a conversation is not what was written in bulk: {snapshot}")


def _people(store: Store, name: StoreId) -> tuple[Identity, Identity]:
    (agent,) = shop.open_shop(store, name, 1)
    return shop.come_online(store, agent), shop.come_online(store, f"{name}-customer")


def _say(store: Store, conversation: ConversationId, who: Identity, id: str) -> bytes:
    debt = store.conversations.append(conversation, who, id, shop.body()).debt
    assert debt
    store.conversations.paid(conversation.partition(":")[0], [debt.entry])
    return debt.message.json


def _copy(message: bytes, number: int) -> bytes:
    return re.sub(rb'"seq":\d+,"id":"m\d+"', b'"seq":%d,"id":"m%d"' % (number, number), message, count=1)


def _write_bits(client: Redis, conversation: ConversationId, customer: int, agent: int, messages: int) -> None:
    """Who wrote which: for each side a pattern of eight bits that repeats, the highest for the lowest number."""
    *_, by_customer, by_store, _ = keys.conversation(conversation)
    for key, pattern in ((by_customer, customer), (by_store, agent)):
        bits = bytearray([pattern]) * (messages // 8 + 1)
        bits[0] &= 0x7F  # numbers begin with 1
        bits[-1] &= 0xFF << (7 - messages % 8) & 0xFF
        if any(bits):
            client.set(key, bytes(bits))


def _batches(everything: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (everything[begin : begin + size] for begin in range(0, len(everything), size))
