"""One function per request: it decides, and returns its result and what should be delivered. It pushes nothing."""

from collections.abc import Iterator
from typing import Final, assert_never

from msgspec import UNSET, Raw
from msgspec.structs import replace

from chalicelib import protocol
from chalicelib.errors import BadRequest, KefuError
from chalicelib.model import (
    REPLY_BYTES,
    Change,
    Conversation,
    ConversationChanged,
    ConversationId,
    Debt,
    Delivery,
    Identity,
    Outcome,
    Person,
    Pong,
    ReadMoved,
    Recipient,
    Role,
    Snapshot,
    StoreId,
    Text,
    Typing,
    UserId,
    split,
)
from chalicelib.store import Store
from chalicelib.store.conversations import EVERYBODY, Start, owed_to
from chalicelib.store.stores import StoreView

NOTHING: Final = Outcome()
DONE: Final = protocol.Empty()
# A walk that filters answers with what it has after this many, and a cursor to go on.
MOST_LOOKED_AT = 500


def perform(store: Store, caller: Identity, request: protocol.AnyRequest) -> tuple[protocol.Result | None, Outcome]:
    """Carries out a request, and says what to answer (None: nothing) and what to deliver. Raises KefuError."""
    _check_before_ack(store, caller, request)
    ack = None if request.ack is UNSET else request.ack
    admission = store.users.admit(
        caller, ack, wonders=isinstance(request, protocol.Ping), countable_later=isinstance(request, protocol.Send)
    )
    match request:
        case protocol.Send() if admission.uncounted:  # the deliveries go to the caller's slot in any case
            try:
                result, outcome = send(store, caller, request.conversation, request.id, request.body)
            except KefuError:
                store.users.count(caller)
                raise
            return result, replace(outcome, uncounted=True)
        case protocol.Send():
            return send(store, caller, request.conversation, request.id, request.body)
        case protocol.History():
            return history(store, caller, request), NOTHING
        case protocol.Conversations():
            return conversations(store, caller, request), NOTHING
        case protocol.Claim():
            claimed = store.conversations.claim(request.conversation, caller, "yes" if request.force else "no")
            return _changed(caller, claimed)
        case protocol.Release():
            return _changed(caller, store.conversations.release(request.conversation, caller.user))
        case protocol.Close():
            return _changed(caller, store.conversations.close(request.conversation, caller.user))
        case protocol.Transfer():
            return transfer(store, caller, request)
        case protocol.Read():
            return read(store, caller, request)
        case protocol.Typing():
            return typing(store, caller, request)
        case protocol.Watch() | protocol.Unwatch():
            on = isinstance(request, protocol.Watch)
            store.conversations.watch(request.conversation, caller.user, caller.connection, on=on)
            return DONE, NOTHING
        case protocol.Store():
            view = store.stores.read(request.store, None)
            return protocol.StoreResult(view.store, view.name, agents_online(store, view)), NOTHING
        case protocol.Sync():
            return DONE, Outcome(replay=True)
        case protocol.Ping():
            pong = Pong(admission.at, admission.newest, admission.epoch, request.id)
            delivery = Delivery(pong, connections=(caller.connection,), asker_too=True)
            # A replay that died as often as it was tried goes on with the client's next sign of life.
            return None, Outcome((delivery,), replay=admission.left_off)
        case _:
            assert_never(request)


def send(
    store: Store, sender: Identity | None, conversation: ConversationId, request_id: str, body: Text
) -> tuple[protocol.SendResult, Outcome]:
    """A message of a person, or with None of the system."""
    stored = store.conversations.append(conversation, sender, request_id, protocol.encode(body))
    result = protocol.SendResult(conversation, stored.seq, stored.at)
    shop, _ = split(conversation)
    if stored.debt is None:
        return result, Outcome(store=shop, overdue=stored.overdue)
    deliveries = [
        Delivery(
            stored.debt.message,
            durable=stored.debt.recipients,
            online=(stored.sender,) if stored.sender else (),
            connections=stored.watchers,
        )
    ]
    if stored.change:
        deliveries += _conversation_events(stored.change)
    return result, Outcome(tuple(deliveries), stored.debt, shop, stored.overdue)


def history(store: Store, caller: Identity, request: protocol.History) -> protocol.HistoryResult:
    """Messages of a conversation, as they are stored."""
    start: Start = "newest"
    seq = 0
    if request.after is not UNSET:
        start, seq = "after", request.after
    elif request.before is not UNSET:
        start, seq = "before", request.before
    messages, more = store.conversations.history(request.conversation, caller.user, start, seq, request.limit)
    return protocol.HistoryResult(request.conversation, [Raw(message) for message in messages], more)


def conversations(store: Store, caller: Identity, request: protocol.Conversations) -> protocol.ConversationsResult:
    """A page of the store's conversations, or of the caller's own."""
    rows = _own_rows(store, caller, request) if request.store is UNSET else _store_rows(store, caller, request)
    found: list[Conversation] = []
    cursor, room, looked_at = None, REPLY_BYTES, 0
    for row, snapshot in rows:
        looked_at += 1
        if looked_at > MOST_LOOKED_AT:
            return protocol.ConversationsResult(found, cursor)
        if snapshot is None or not _belongs(snapshot, caller, request):
            cursor = row
            continue
        seen = snapshot.seen_by(snapshot.side_of(caller.user))
        room -= len(protocol.encode(seen))
        if len(found) == request.limit or (room < 0 and found):
            return protocol.ConversationsResult(found, cursor)
        found.append(seen)
        cursor = row
    return protocol.ConversationsResult(found, None)


def _belongs(snapshot: Snapshot, caller: Identity, request: protocol.Conversations) -> bool:
    # Between the list and the conversation there is a moment; what has moved on since is in another list.
    if request.status not in {UNSET, snapshot.status}:
        return False
    return not request.mine or (snapshot.agent is not None and snapshot.agent.user == caller.user)


Row = tuple[protocol.Cursor, Snapshot | None]


def _store_rows(store: Store, caller: Identity, request: protocol.Conversations) -> Iterator[Row]:
    assert request.store is not UNSET
    status = "all" if request.status is UNSET else request.status
    listed = f"mine:{caller.user}" if request.mine else status
    behind = "" if request.cursor is UNSET else request.cursor
    while True:
        page = store.conversations.page(request.store, caller.user, listed, behind, request.limit + 1)
        views = store.conversations.view([conversation for _, conversation in page])
        yield from zip((row for row, _ in page), views, strict=True)
        if len(page) <= request.limit:
            return
        behind = page[-1][0]


def _own_rows(store: Store, caller: Identity, request: protocol.Conversations) -> Iterator[Row]:
    behind: tuple[int, StoreId] | None = None
    if request.cursor is not UNSET:
        active_at, _, shop = request.cursor.partition(":")
        behind = int(active_at), shop
    while True:
        page = store.users.conversations(caller.user, behind, request.limit + 1)
        views = store.conversations.view([f"{shop}:{caller.user}" for _, shop in page])
        yield from zip((f"{active_at}:{shop}" for active_at, shop in page), views, strict=True)
        if len(page) <= request.limit:
            return
        behind = page[-1]


def transfer(store: Store, caller: Identity, request: protocol.Transfer) -> tuple[protocol.ConversationResult, Outcome]:
    """The claim goes to another agent; to oneself it is a claim, for a supervisor with force."""
    if request.to == caller.user:
        return _changed(caller, store.conversations.claim(request.conversation, caller, "if_supervisor"))
    name = store.users.presence([request.to])[request.to].name or request.to
    receiver = Person(request.to, name)
    return _changed(caller, store.conversations.transfer(request.conversation, caller.user, receiver))


def read(store: Store, caller: Identity, request: protocol.Read) -> tuple[protocol.ReadResult, Outcome]:
    """The read mark of the caller's side moves, and the other side hears of it."""
    mark = store.conversations.read(request.conversation, caller.user, request.seq)
    result = protocol.ReadResult(mark.unread)
    if not mark.moved:
        return result, NOTHING
    event = ReadMoved(request.conversation, mark.side, mark.seq, mark.at)
    return result, Outcome((Delivery(event, online=(*mark.recipients, mark.reader), connections=mark.watchers),))


def typing(store: Store, caller: Identity, request: protocol.Typing) -> tuple[protocol.Empty, Outcome]:
    """The other side hears that the caller writes. Nothing is stored."""
    sender, recipients, watchers = store.conversations.typing(request.conversation, caller)
    event = Typing(request.conversation, sender, request.on)
    return DONE, Outcome((Delivery(event, online=recipients, connections=watchers),))


def put_agent(store: Store, shop: StoreId, user: UserId, role: Role, name: str, actor: UserId | None) -> None:
    """Somebody becomes an agent of a store, or changes role or name there."""
    joined = store.stores.put_agent(shop, user, role, name, actor)
    store.users.note_membership(user, shop, joined)


def remove_agent(store: Store, shop: StoreId, user: UserId, actor: UserId | None) -> Outcome:
    """Somebody is no agent of a store any more: the claims go back, the store's entries leave the offline list."""
    removal = store.stores.remove_agent(shop, user, actor)
    # Of somebody who is no agent there may be a removal that was cut short, and else there is nothing to note.
    store.users.note_membership(user, shop, -removal.number, only_if_known=not removal.was_agent)
    deliveries: list[Delivery] = []
    for customer in removal.customers:
        change = store.conversations.lapse(f"{shop}:{customer}", user, None)
        if change:
            deliveries += _conversation_events(change)
    return Outcome(tuple(deliveries))


def lapse(
    store: Store, conversation: ConversationId, agent: UserId, absent_since: int | None, unheard: Debt | None = None
) -> Outcome:
    """A claim ends whose agent is past the grace time; all agents get the message `unheard` that found it so."""
    change = store.conversations.lapse(conversation, agent, absent_since, unheard.entry if unheard else "")
    if change is None:
        return NOTHING
    deliveries = tuple(_conversation_events(change))
    if unheard is None:
        return Outcome(deliveries)
    owed = Debt(unheard.message, owed_to(unheard.entry, EVERYBODY), change.agents)
    return Outcome((Delivery(owed.message, durable=owed.recipients), *deliveries), owed)


def agents_online(store: Store, view: StoreView) -> int:
    """How many of a store's agents have a connection."""
    presence = store.users.presence([agent.user for agent in view.agents])
    return sum(one.online for one in presence.values())


def _check_before_ack(store: Store, caller: Identity, request: protocol.AnyRequest) -> None:
    """Refuses what only the store can tell to be malformed, before the frame's `ack` counts. Raises BadRequest."""
    if not isinstance(request, protocol.Transfer) or request.ack is UNSET:
        return
    shop, customer = split(request.conversation)
    serves = caller.user != customer and store.stores.agent(shop, caller.user)
    if serves and (request.to == customer or store.stores.agent(shop, request.to) is None):
        raise BadRequest("`to` is no agent of this store who could serve this customer.", "to")


def _changed(caller: Identity, change: Change) -> tuple[protocol.ConversationResult, Outcome]:
    result = protocol.ConversationResult(change.snapshot.seen_by(change.snapshot.side_of(caller.user)))
    return result, Outcome(tuple(_conversation_events(change)))


def _conversation_events(change: Change) -> list[Delivery]:
    if not change.changed:
        return []
    to_customer = ConversationChanged(change.snapshot.seen_by("customer"))
    to_store = ConversationChanged(change.snapshot.seen_by("store"))
    return [
        Delivery(to_customer, online=(Recipient(change.snapshot.customer.user),), asker_too=True),
        Delivery(to_store, online=change.agents, connections=change.watchers, asker_too=True),
    ]
