"""Conversations in the store's slot: messages, claims, read marks, the outbox. Every racing decision is one script."""

import time
from collections.abc import Collection, Sequence
from typing import Literal

from msgspec import Struct

from chalicelib.errors import AlreadyClaimed, BadRequest, Conflict, Forbidden, NotClaimer, NotFound
from chalicelib.model import (
    REPLY_BYTES,
    Change,
    ConnectionId,
    ConversationId,
    Debt,
    Identity,
    Person,
    ReadMarks,
    Recipient,
    Sender,
    Side,
    Snapshot,
    Stored,
    StoreId,
    UserId,
    split,
)
from chalicelib.store import keys
from chalicelib.store.scripts import Call, Command, Reply, Scripts

OVERDUE_MS = 5_000
VIEWS = 50  # in one call
WATCH_MS = 130 * 60 * 1000  # a little over the two hours that a connection lives at most
NOTE_ACTIVE_S = 600
ACTIVE_FOR_MS = 3600 * 1000
UNKNOWN_FOR_MS = 120 * 1000

# Audiences: all agents, and nobody, where only the customer's own list of conversations is still to be moved.
EVERYBODY, NOBODY = "*", "."

Start = Literal["after", "before", "newest"]


class Appended(Struct, frozen=True):
    """A stored message and who is concerned. `again` is True where the id was known and nothing was stored."""

    seq: int
    at: int
    again: bool
    debt: Debt | None = None
    sender: Recipient | None = None
    watchers: tuple[ConnectionId, ...] = ()
    change: Change | None = None
    overdue: tuple[str, ...] = ()


class Read(Struct, frozen=True):
    """A read mark after a request to move it."""

    at: int
    side: Side
    seq: int
    moved: bool
    unread: int
    recipients: tuple[Recipient, ...]
    reader: Recipient
    watchers: tuple[ConnectionId, ...]


class Conversations:
    """What may be done to conversations. Every method raises Unavailable when Redis is out of reach."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts
        self._noted: dict[StoreId, float] = {}

    def append(self, conversation: ConversationId, sender: Identity | None, request_id: str, body: bytes) -> Appended:
        """Store a message of `sender` (None: the system), or find the one that this id stored before.

        Raises Forbidden, NotFound, NotClaimer, Conflict.
        """
        store, customer = split(conversation)
        self._note_active(store)
        user = sender.user if sender else ""
        reply = self._scripts.run(
            "message_append",
            [
                *keys.conversation(conversation),
                keys.outbox(store),
                *keys.ids(conversation),
            ],
            *(conversation, customer, user, sender.name if sender else ""),
            *(request_id, body, keys.fingerprint(user, request_id), OVERDUE_MS),
            keep=True,
        )
        match reply:
            case [b"stored", seq, at, json, entry, recipients, by, watchers, overdue, change]:
                return Appended(
                    seq=seq,
                    at=int(at),
                    again=False,
                    debt=Debt(Stored(conversation, seq, int(at), json), entry.decode(), _recipients(store, recipients)),
                    sender=next(iter(_recipients(store, by)), None),
                    watchers=_connections(watchers),
                    change=_change(conversation, change) if change else None,
                    overdue=tuple(late.decode() for late in overdue),
                )
            case [b"known", seq, at, entry]:
                owed = (entry.decode(),) if entry else ()
                return Appended(seq=int(seq), at=int(at), again=True, overdue=owed)
            case [b"conflict", seq]:
                raise Conflict(int(seq))
        raise _refusal(reply)

    def claim(
        self, conversation: ConversationId, agent: Identity, force: Literal["no", "yes", "if_supervisor"]
    ) -> Change:
        """Claim for `agent`. Raises AlreadyClaimed, Forbidden, NotFound."""
        return self._change("conversation_claim", conversation, agent.user, agent.name, force)

    def transfer(self, conversation: ConversationId, agent: UserId, receiver: Person) -> Change:
        """Hand the claim to `receiver`. Raises NotClaimer, Forbidden, NotFound, BadRequest."""
        return self._change("conversation_transfer", conversation, agent, receiver.user, receiver.name)

    def release(self, conversation: ConversationId, agent: UserId) -> Change:
        """Back to waiting. Raises NotClaimer, Forbidden, NotFound."""
        return self._change("conversation_release", conversation, agent)

    def close(self, conversation: ConversationId, user: UserId) -> Change:
        """Close. Raises NotClaimer, Forbidden, NotFound."""
        return self._change("conversation_close", conversation, user)

    def lapse(
        self, conversation: ConversationId, agent: UserId, absent_since: int | None, unheard: str = ""
    ) -> Change | None:
        """End the claim of an agent who is past the grace time or no agent any more; None where the claim stays.

        With it `unheard`, the outbox entry of a message, becomes one that owes it to all agents.
        """
        store, customer = split(conversation)
        reply = self._scripts.run(
            "conversation_lapse",
            [*keys.conversation(conversation), keys.outbox(store)],
            *(agent, customer, "" if absent_since is None else absent_since),
            *(unheard, owed_to(unheard, EVERYBODY) if unheard else ""),
            keep=True,
        )
        return None if reply == [b"kept"] else _change(conversation, reply)

    def read(self, conversation: ConversationId, user: UserId, seq: int) -> Read:
        """Move the read mark of the user's side. Raises Forbidden, NotFound."""
        store, customer = split(conversation)
        reply = self._scripts.run("conversation_read", keys.conversation(conversation), user, customer, seq, keep=True)
        match reply:
            case [b"read", at, side, mark, moved, unread, recipients, reader, watchers]:
                (own,) = _recipients(store, reader)
                return Read(
                    at=int(at),
                    side=_side(side),
                    seq=mark,
                    moved=moved == 1,
                    unread=unread,
                    recipients=_recipients(store, recipients),
                    reader=own,
                    watchers=_connections(watchers),
                )
        raise _refusal(reply)

    def typing(
        self, conversation: ConversationId, user: Identity
    ) -> tuple[Sender, tuple[Recipient, ...], tuple[ConnectionId, ...]]:
        """Who writes, and the recipients and watchers who hear of it. Raises NotClaimer, Forbidden, NotFound."""
        store, customer = split(conversation)
        reply = self._scripts.run(
            "conversation_typing", keys.conversation(conversation), user.user, customer, user.name
        )
        match reply:
            case [b"typing", side, name, recipients, watchers]:
                sender = Sender(user.user, name.decode(), _side(side))
                return sender, _recipients(store, recipients), _connections(watchers)
        raise _refusal(reply)

    def watch(self, conversation: ConversationId, user: UserId, connection: ConnectionId, *, on: bool) -> None:
        """Begin or end to watch. Raises Forbidden, NotFound."""
        _, customer = split(conversation)
        reply = self._scripts.run(
            "conversation_watch",
            keys.conversation(conversation),
            *(user, customer, connection, WATCH_MS if on else 0),
        )
        if reply != [b"watching"]:
            raise _refusal(reply)
        if on:  # noted with the connection, so that the watch ends with it
            key = keys.watching(connection)
            self._scripts.run_many([Command("SADD", (key, conversation)), Command("PEXPIRE", (key, WATCH_MS))])

    def history(
        self,
        conversation: ConversationId,
        user: UserId,
        start: Start,
        seq: int,
        limit: int,
    ) -> tuple[list[bytes], bool]:
        """Messages by seq, ascending, and whether more remain. Raises Forbidden, NotFound.

        Fewer than `limit` come where more would not fit into one frame.
        """
        _, customer = split(conversation)
        reply = self._scripts.run(
            "conversation_history",
            keys.conversation(conversation),
            *(user, customer, start, seq, limit, REPLY_BYTES),
        )
        match reply:
            case [b"history", more, messages]:
                return messages, more == 1
        raise _refusal(reply)

    def page(
        self, store: StoreId, user: UserId, listed: str, behind: str, limit: int
    ) -> list[tuple[str, ConversationId]]:
        """Rows of one of the store's lists, each with its conversation. Raises Forbidden."""
        reply = self._scripts.run(
            "conversations_page", [keys.agents(store), keys.index(store)], user, listed, behind, limit
        )
        match reply:
            case [b"page", rows]:
                texts = [row.decode()[len(listed) + 1 :] for row in rows]
                return [(row, f"{store}:{row.partition(':')[2]}") for row in texts]
        raise _refusal(reply)

    def view(self, conversations: Sequence[ConversationId]) -> list[Snapshot | None]:
        """How the conversations stand, in one round trip; None for one that does not exist."""
        found = [keys.conversation(conversation) for conversation in conversations]
        groups = self._scripts.together(found, VIEWS)
        calls = [
            Call(
                "conversation_view",
                [key for place in some for key in found[place]],
                [split(conversations[place])[1] for place in some],
            )
            for some in groups
        ]
        views: list[Snapshot | None] = [None] * len(conversations)
        for some, reply in zip(groups, self._scripts.all(calls), strict=True):
            for place, answer in zip(some, reply, strict=True):
                if answer[0] == b"view":
                    views[place] = _snapshot(conversations[place], answer[1])
        return views

    def claims(self, store: StoreId) -> list[tuple[ConversationId, Recipient]]:
        """The claimed conversations of a store, and who has claimed them in which membership."""
        reply = self._scripts.command("HGETALL", keys.claims(store))
        claims = []
        for customer, claim in reply.items():
            agent, _, joined = claim.decode().partition(":")
            claims.append((f"{store}:{customer.decode()}", Recipient(agent, store, int(joined))))
        return claims

    def overdue(self, store: StoreId) -> list[str]:
        """Outbox entries that nobody has delivered in time; they are the caller's to deliver."""
        return [entry.decode() for entry in self._scripts.run("outbox_take", [keys.outbox(store)], OVERDUE_MS)]

    def debts(self, store: StoreId, entries: Sequence[str]) -> list[Debt]:
        """What outbox entries owe; a message's `at` is here the last activity of its conversation."""
        parts = [entry.split(":", 2) for entry in entries]
        conversations = [f"{store}:{customer}" for _, customer, _ in parts]
        replies = self._scripts.all(
            [
                Call("outbox_read", keys.conversation(conversation), [customer, seq, audience])
                for conversation, (seq, customer, audience) in zip(conversations, parts, strict=True)
            ]
        )
        debts = []
        for entry, conversation, (seq, _, _), reply in zip(entries, conversations, parts, replies, strict=True):
            match reply:
                case [b"owed", json, active_at, recipients]:
                    message = Stored(conversation, int(seq), int(active_at), json)
                    debts.append(Debt(message, entry, _recipients(store, recipients)))
        return debts

    def paid(self, store: StoreId, entries: Sequence[str]) -> None:
        """Take outbox entries away, their deliveries being in every list."""
        self._scripts.command("ZREM", keys.outbox(store), *entries)

    def narrow(self, store: StoreId, entry: str, users: Collection[UserId]) -> None:
        """Owe the message of an entry to these users only: the others have it."""
        narrower = owed_to(entry, ",".join(sorted(users)) or NOBODY)
        self._scripts.run("outbox_narrow", [keys.outbox(store)], entry, narrower)

    def active_stores(self, shard: int) -> list[StoreId]:
        """The stores of a shard that the sweep has to look after, the liveliest first."""
        return [store.decode() for store in self._scripts.command("ZREVRANGE", keys.active(shard), 0, -1)]

    def retire(self, store: StoreId, now_ms: int) -> None:
        """Leave a store out of the next sweeps, if nothing was written in it for an hour and nothing is owed there.

        A store that does not exist stays for two sweeps only: longer than a request takes that may just be making it.
        """
        owed, claimed, known, active = self._scripts.all(
            [
                Command("ZCARD", (keys.outbox(store),)),
                Command("HLEN", (keys.claims(store),)),
                Command("EXISTS", (keys.store(store),)),
                Command("ZSCORE", (keys.active_of(store), store)),
            ]
        )
        quiet_since = now_ms - (ACTIVE_FOR_MS if known else UNKNOWN_FOR_MS)
        if owed == 0 and claimed == 0 and active is not None and float(active) < quiet_since:
            # Whoever writes notes the store first, so what was written since is seen in the score.
            self._scripts.run("active_retire", [keys.active_of(store)], store, int(active))

    def _change(self, script: str, conversation: ConversationId, user: UserId, *args: str) -> Change:
        store, customer = split(conversation)
        self._note_active(store)
        reply = self._scripts.run(script, keys.conversation(conversation), user, customer, *args, keep=True)
        if reply[0] in {b"changed", b"unchanged"}:
            return _change(conversation, reply)
        raise _refusal(reply)

    def _note_active(self, store: StoreId) -> None:
        # Before anything is written: a message whose function dies at once must lie where the sweep looks.
        if time.monotonic() - self._noted.get(store, -NOTE_ACTIVE_S) >= NOTE_ACTIVE_S:
            _, known = self._scripts.all(
                [
                    Command("ZADD", (keys.active_of(store), int(time.time() * 1000), store)),
                    Command("EXISTS", (keys.store(store),)),
                ],
                keep=True,
            )
            if known:  # a name that somebody made up leaves with the next sweeps, and must be noted anew
                self._noted[store] = time.monotonic()


def owed_to(entry: str, audience: str) -> str:
    """The outbox entry of the same message for another audience."""
    seq, customer, _ = entry.split(":", 2)
    return f"{seq}:{customer}:{audience}"


def _refusal(reply: Reply) -> Exception:
    match reply:
        case [b"stranger"]:
            return Forbidden()
        case [b"missing"]:
            return NotFound()
        case [b"unknown_store"]:
            return NotFound("There is no such store.")
        case [b"not_claimer", agent]:
            return NotClaimer(agent.decode() or None)
        case [b"taken", agent]:
            return AlreadyClaimed(agent.decode())
        case [b"no_agent"]:
            return BadRequest("`to` is no agent of this store who could serve this customer.", "to")
    return TypeError(f"a script answered {reply!r}")


def _side(word: bytes) -> Side:
    return "customer" if word == b"customer" else "store"


def _recipients(store: StoreId, pairs: list[bytes]) -> tuple[Recipient, ...]:
    return tuple(
        Recipient(user.decode(), store, int(joined)) if joined else Recipient(user.decode())
        for user, joined in zip(pairs[::2], pairs[1::2], strict=True)
    )


def _connections(found: list[bytes]) -> tuple[ConnectionId, ...]:
    return tuple(ConnectionId(connection.decode()) for connection in found)


def _change(conversation: ConversationId, reply: Reply) -> Change:
    match reply:
        case [b"changed", _, snapshot, agents, watchers]:
            store, _ = split(conversation)
            return Change(_snapshot(conversation, snapshot), True, _recipients(store, agents), _connections(watchers))
        case [b"unchanged", _, snapshot]:
            return Change(_snapshot(conversation, snapshot), False)
    raise TypeError(f"a script answered {reply!r}")


def _snapshot(conversation: ConversationId, fields: Reply) -> Snapshot:
    status, version, since, read_customer, read_store, customer_name, agent, agent_name, last_seq, last, *more = fields
    unread_customer, unread_store, epoch = more
    return Snapshot(
        conversation=conversation,
        customer=Person(split(conversation)[1], customer_name.decode()),
        status=status.decode(),
        agent=Person(agent.decode(), agent_name.decode()) if agent else None,
        last=last,
        last_seq=last_seq,
        read=ReadMarks(read_customer, read_store),
        unread_customer=unread_customer,
        unread_store=unread_store,
        waiting_since=int(since) if since else None,
        version=int(version),
        epoch=epoch.decode(),
    )
