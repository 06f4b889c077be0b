"""A store with people, made through the store's own verbs, as the functions would."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from chalicelib import protocol
from chalicelib.model import ConnectionId, ConversationId, Identity, StoreId, Text, UserId
from chalicelib.settings import Settings
from chalicelib.store import Store

# A text of 100 characters, as it is sent everywhere here.
TEXT = "Is the blue jar on the second shelf still there, and could it be sent to me by Friday, as a present?"
SECRET = "a secret of the benches, long enough for HS256"


@contextmanager
def opened(redis_port: int) -> Iterator[Store]:
    """What is remembered, at that Redis; without a limit of requests."""
    settings = {"REDIS_URL": f"redis://127.0.0.1:{redis_port}", "JWT_SECRET": SECRET, "RATE_LIMIT": "0"}
    store = Store(Settings.load(settings))
    try:
        yield store
    finally:
        store.close()


def open_shop(store: Store, shop: StoreId, agents: int) -> list[UserId]:
    """A store and its agents, none of whom is online."""
    store.stores.put(shop, "Tea House", 300)
    users = [f"{shop}-agent-{n}" for n in range(agents)]
    for user in users:
        joined = store.stores.put_agent(shop, user, "agent", user, None)
        store.users.note_membership(user, shop, joined)
    return users


def come_online(store: Store, user: UserId) -> Identity:
    """Somebody connects, is welcomed, and has nothing left to be replayed."""
    connection = ConnectionId(secrets.token_urlsafe(11) + "=")
    store.users.connect(connection, Identity(user, user, 2**40, connection=connection))
    replay = store.users.begin_replay(user, connection, again=False)
    store.users.note_welcome(connection)
    behind = 0
    while isinstance(entries := store.users.next_entries(user, connection, replay.lessee, behind), list):
        behind = max([behind, *(offset for offset, _ in entries)])
    if entries != "live":
        raise RuntimeError(f"the replay of {user} ended with {entries}")
    found, _ = store.users.identity(connection)
    if found is None:
        raise RuntimeError(f"nobody is behind {connection}")
    return found


def conversation_of(shop: StoreId, customer: UserId) -> ConversationId:
    """The one conversation of a customer with a store."""
    return ConversationId(f"{shop}:{customer}")


def body() -> bytes:
    """A message's body, as it is stored."""
    return protocol.encode(Text("text", TEXT))
