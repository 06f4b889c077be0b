"""The words of the service as types: what a conversation, a message, an identity and a delivery are.

Structs with a `tag` go out as frames; their fields are the protocol's (section 5), in its order.
"""

from typing import Annotated, Literal, NewType

from msgspec import UNSET, Meta, Raw, Struct, UnsetType

NAME_PATTERN = r"\A[A-Za-z0-9_-]{1,64}\Z"
CONVERSATION_PATTERN = r"\A[A-Za-z0-9_-]{1,64}:[A-Za-z0-9_-]{1,64}\Z"
NAME_LENGTH = 64
TEXT_LENGTH = 4_000
FRAME_BYTES = 16_384
# A text of the greatest length, every character written as \ud83d\ude00, and what is around it.
BODY_BYTES = 65_536
# API Gateway takes 128 KiB a post; what is left covers the envelope of a reply.
REPLY_BYTES = 120_000
# Numbers beyond this are no exact integers in Lua, nor in JavaScript.
MAX_INTEGER = 2**53 - 1

UserId = Annotated[str, Meta(pattern=NAME_PATTERN)]
StoreId = Annotated[str, Meta(pattern=NAME_PATTERN)]
ConversationId = Annotated[str, Meta(pattern=CONVERSATION_PATTERN)]
RequestId = Annotated[str, Meta(pattern=r"\A[\x20-\x7e]{1,64}\Z")]
DisplayName = Annotated[str, Meta(min_length=1, max_length=NAME_LENGTH)]
Seq = Annotated[int, Meta(ge=0, le=MAX_INTEGER)]
ConnectionId = NewType("ConnectionId", str)

Side = Literal["customer", "store", "system"]
Status = Literal["waiting", "claimed", "closed"]
Role = Literal["agent", "supervisor"]


def split(conversation: ConversationId) -> tuple[StoreId, UserId]:
    """The store and the customer that a conversation's id names."""
    store, _, customer = conversation.partition(":")
    return store, customer


class Identity(Struct, frozen=True):
    """Who is behind a token or a connection. `expires_at` is in seconds since the epoch, as in the token."""

    user: UserId
    name: str
    expires_at: int
    admin: bool = False
    connection: ConnectionId = ConnectionId("")


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """The body of a message, stored and delivered exactly as sent."""

    type: Literal["text"]
    # Decoding checks the upper end by itself: over it, a text is too large rather than malformed.
    text: Annotated[str, Meta(min_length=1, extra_json_schema={"maxLength": TEXT_LENGTH})]


class Person(Struct, frozen=True):
    """A user and the name that the user goes by."""

    user: str
    name: str


class Sender(Struct, frozen=True):
    """Who speaks, and for which side."""

    user: str
    name: str
    side: Side


class ReadMarks(Struct, frozen=True):
    """Up to which seq each side has read."""

    customer: int
    store: int


class Conversation(Struct, frozen=True):
    """A conversation as one side sees it: `unread` is that side's."""

    conversation: ConversationId
    store: StoreId
    customer: Person
    status: Status
    agent: Person | None
    last: Raw | None
    last_seq: int
    unread: int
    read: ReadMarks
    waiting_since: int | None
    version: int
    epoch: str


# --- events ---------------------------------------------------------------------------------------------------------


class Welcome(Struct, frozen=True, tag="welcome"):
    """The first frame on a connection. `newest` is the newest offset of the user's list, `epoch` names its history."""

    user: UserId
    name: str
    connection: ConnectionId
    protocol: Literal["kefu.v1"]
    online: int
    offline: int
    newest: int
    epoch: str
    at: int


class Message(Struct, frozen=True, omit_defaults=True, tag="message", rename={"from_": "from"}):
    """A message; with `offset` where it stands in the receiver's offline list.

    `visit` counts from 1, and on each time a closed conversation is opened again. The shape of what lua/lib/message.lua
    writes; a stored message goes out as it is, and is never encoded again.
    """

    conversation: ConversationId
    seq: int
    id: RequestId
    from_: Sender
    body: Text
    at: int
    epoch: str
    visit: int
    offset: int | UnsetType = UNSET
    replay: Literal[True] | UnsetType = UNSET


class ConversationChanged(Struct, frozen=True, tag="conversation"):
    """Status or claimer of a conversation have changed."""

    conversation: Conversation


class ReadMoved(Struct, frozen=True, tag="read"):
    """A side has read up to `seq`."""

    conversation: ConversationId
    side: Side
    seq: int
    at: int


class Typing(Struct, frozen=True, tag="typing", rename={"from_": "from"}):
    """The other side is writing, or has stopped."""

    conversation: ConversationId
    from_: Sender
    on: bool


class Notice(Struct, frozen=True, tag="notice"):
    """The marketplace speaks to everybody online, or to a store's agents."""

    text: str
    at: int


class Pong(Struct, frozen=True, tag="pong"):
    """The answer to a ping. `newest` is the newest offset of the user's list, `epoch` names its history."""

    at: int
    newest: int
    epoch: str
    id: RequestId | UnsetType = UNSET


Event = Welcome | ConversationChanged | ReadMoved | Typing | Notice | Pong


# --- what an action decides -----------------------------------------------------------------------------------------


class Recipient(Struct, frozen=True):
    """Somebody who is to hear of something: as a customer, or as an agent of `store` since the membership `joined`."""

    user: UserId
    store: StoreId = ""
    joined: int = 0


class Stored(Struct, frozen=True):
    """A message as it was stored: `json` is the object of the protocol, byte for byte what every reader gets."""

    conversation: ConversationId
    seq: int
    at: int
    json: bytes


class Debt(Struct, frozen=True):
    """A stored message that is owed to recipients until `entry` leaves the store's outbox."""

    message: Stored
    entry: str
    recipients: tuple[Recipient, ...]


class Delivery(Struct, frozen=True):
    """One event and who gets it.

    `durable` recipients find it in their offline list, `online` ones and `connections` only where they are connected.
    """

    event: Event | Stored
    durable: tuple[Recipient, ...] = ()
    online: tuple[Recipient, ...] = ()
    connections: tuple[ConnectionId, ...] = ()
    asker_too: bool = False


class Snapshot(Struct, frozen=True):
    """A conversation as it stood at one moment, for whichever side is to see it."""

    conversation: ConversationId
    customer: Person
    status: Status
    agent: Person | None
    last: bytes
    last_seq: int
    read: ReadMarks
    unread_customer: int
    unread_store: int
    waiting_since: int | None
    version: int
    epoch: str

    def seen_by(self, side: Side) -> Conversation:
        """The conversation object of the protocol, with the unread count of `side`."""
        return Conversation(
            conversation=self.conversation,
            store=split(self.conversation)[0],
            customer=self.customer,
            status=self.status,
            agent=self.agent,
            last=Raw(self.last) if self.last else None,
            last_seq=self.last_seq,
            unread=self.unread_customer if side == "customer" else self.unread_store,
            read=self.read,
            waiting_since=self.waiting_since,
            version=self.version,
            epoch=self.epoch,
        )

    def side_of(self, user: UserId) -> Side:
        """Which side somebody is on who may see this conversation."""
        return "customer" if user == self.customer.user else "store"


class Change(Struct, frozen=True):
    """What became of a request to change status or claimer; `changed` is False where nothing had to."""

    snapshot: Snapshot
    changed: bool
    agents: tuple[Recipient, ...] = ()
    watchers: tuple[ConnectionId, ...] = ()


class Outcome(Struct, frozen=True):
    """What an action has decided: the deliveries, and what is owed by the outbox until they are in every list.

    `overdue` are entries of the outbox of `store` that others have left behind; `replay` asks for the asker's offline
    list to be replayed before the answer; `uncounted`: the request is still to be counted against the rate limit.
    """

    deliveries: tuple[Delivery, ...] = ()
    debt: Debt | None = None
    store: StoreId = ""
    overdue: tuple[str, ...] = ()
    replay: bool = False
    uncounted: bool = False
