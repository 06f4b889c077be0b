"""Frames and bodies ⇄ typed requests and events: the only place that knows JSON. The wire is docs/protocol.md's."""

import re
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from chalicelib.errors import BadRequest, KefuError, TooLarge
from chalicelib.model import (
    BODY_BYTES,
    FRAME_BYTES,
    TEXT_LENGTH,
    ConnectionId,
    Conversation,
    ConversationId,
    DisplayName,
    Event,
    Notice,
    RequestId,
    Role,
    Seq,
    Status,
    Stored,
    StoreId,
    Text,
    UserId,
)

Limit = Annotated[int, Meta(ge=1, le=100)]
Cursor = Annotated[str, Meta(pattern=r"\A[0-9]{1,16}:[A-Za-z0-9_-]{1,64}\Z")]
Grace = Annotated[int, Meta(ge=1, le=86_400)]


class Request(Struct, frozen=True, forbid_unknown_fields=True, tag_field="action", kw_only=True):
    """What every client frame may carry: `id` names it, `ack` says up to which offset the client holds everything."""

    id: RequestId | UnsetType = UNSET
    ack: Seq | UnsetType = UNSET


class Send(Request, frozen=True, tag="send", kw_only=True):
    """A message for a conversation; `id` makes a retry harmless."""

    id: RequestId
    conversation: ConversationId
    body: Text


class History(Request, frozen=True, tag="history", kw_only=True):
    """Messages of a conversation by seq."""

    conversation: ConversationId
    after: Seq | UnsetType = UNSET
    before: Seq | UnsetType = UNSET
    limit: Limit = 50


class Conversations(Request, frozen=True, tag="conversations", kw_only=True):
    """The caller's conversations as a customer, or with `store` the store's."""

    store: StoreId | UnsetType = UNSET
    status: Status | UnsetType = UNSET
    mine: bool = False
    limit: Limit = 50
    cursor: Cursor | UnsetType = UNSET


class Claim(Request, frozen=True, tag="claim", kw_only=True):
    """Claim a conversation; with `force` a supervisor takes a claim over."""

    conversation: ConversationId
    force: bool = False


class Release(Request, frozen=True, tag="release", kw_only=True):
    """Give a claim back."""

    conversation: ConversationId


class Close(Request, frozen=True, tag="close", kw_only=True):
    """Close a conversation."""

    conversation: ConversationId


class Transfer(Request, frozen=True, tag="transfer", kw_only=True):
    """Hand a conversation to another agent."""

    conversation: ConversationId
    to: UserId


class Read(Request, frozen=True, tag="read", kw_only=True):
    """The caller's side has read up to `seq`."""

    conversation: ConversationId
    seq: Seq


class Typing(Request, frozen=True, tag="typing", kw_only=True):
    """The caller is writing, or has stopped."""

    conversation: ConversationId
    on: bool = True


class Watch(Request, frozen=True, tag="watch", kw_only=True):
    """Receive what happens in a conversation, whoever has claimed it."""

    conversation: ConversationId


class Unwatch(Request, frozen=True, tag="unwatch", kw_only=True):
    """End a watch."""

    conversation: ConversationId


class Store(Request, frozen=True, tag="store", kw_only=True):
    """A store's name and how many of its agents are online."""

    store: StoreId


class Sync(Request, frozen=True, tag="sync", kw_only=True):
    """Replay the offline list now."""


class Ping(Request, frozen=True, tag="ping", kw_only=True):
    """Keep the connection open; carries an `ack` when there is nothing else to say."""


AnyRequest = (
    Send
    | History
    | Conversations
    | Claim
    | Release
    | Close
    | Transfer
    | Read
    | Typing
    | Watch
    | Unwatch
    | Store
    | Sync
    | Ping
)


# --- results of requests --------------------------------------------------------------------------------------------


class SendResult(Struct, frozen=True):
    """The place that the message has."""

    conversation: ConversationId
    seq: int
    at: int


class HistoryResult(Struct, frozen=True):
    """Messages, ascending; `more` remain in the direction that was read."""

    conversation: ConversationId
    messages: list[Raw]
    more: bool


class ConversationsResult(Struct, frozen=True):
    """A page; `cursor` leads to the next one, null where there is none."""

    conversations: list[Conversation]
    cursor: Cursor | None


class ConversationResult(Struct, frozen=True):
    """The conversation as the caller sees it after the request."""

    conversation: Conversation


class ReadResult(Struct, frozen=True):
    """What is left unread on the caller's side."""

    unread: int


class StoreResult(Struct, frozen=True):
    """A store as anyone may see it."""

    store: StoreId
    name: str
    agents_online: int


class Empty(Struct, frozen=True):
    """Nothing more to say than that it was done."""


Result = SendResult | HistoryResult | ConversationsResult | ConversationResult | ReadResult | StoreResult | Empty


class Reply(Struct, frozen=True, tag="reply"):
    """The answer to a request that carried an `id`."""

    id: RequestId
    action: str
    result: Result


class Error(Struct, frozen=True, tag="error"):
    """A refusal; `id` is the request's where it could be read."""

    id: RequestId | None
    code: str
    message: str
    retry: bool
    details: dict[str, str | int | None]


# --- bodies of the HTTP routes --------------------------------------------------------------------------------------


class PutStore(Struct, frozen=True, forbid_unknown_fields=True):
    """`PUT /stores/{store}`."""

    name: DisplayName
    claim_grace_s: Grace | UnsetType = UNSET


class PutAgent(Struct, frozen=True, forbid_unknown_fields=True):
    """`PUT /stores/{store}/agents/{user}`."""

    role: Role
    name: DisplayName | UnsetType = UNSET


class PostMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /conversations/{conversation}/messages`."""

    id: RequestId
    body: Text


class PostBroadcast(Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /broadcast`."""

    text: Annotated[str, Meta(min_length=1)]
    store: StoreId | UnsetType = UNSET


class HttpError(Struct, frozen=True):
    """A refusal over HTTP."""

    code: str
    message: str


class FlushTask(Struct, frozen=True):
    """What the function `flush` is called with."""

    connection: ConnectionId


class BroadcastTask(Struct, frozen=True):
    """What the function `broadcast` is called with."""

    notice: Notice
    store: StoreId | None


Body = TypeVar("Body", PutStore, PutAgent, PostMessage, PostBroadcast)

# --- decoding -------------------------------------------------------------------------------------------------------


class Frame:
    """A client frame as it came: read once, without failing; `request()` says what it asks or refuses it."""

    def __init__(self, text: str) -> None:
        self._fields: object = None
        self._refusal: KefuError | None = None
        body = text.encode("utf-8", "surrogatepass")
        try:
            self._fields = _parsed(body)
        except BadRequest as refusal:
            self._refusal = refusal
        if len(body) > FRAME_BYTES:
            self._refusal = TooLarge("The frame", FRAME_BYTES, "bytes")

    @property
    def id(self) -> RequestId | None:
        """The request's id where it has a valid one."""
        given = self._fields.get("id") if isinstance(self._fields, dict) else None
        return given if isinstance(given, str) and re.fullmatch(r"[\x20-\x7e]{1,64}", given) else None

    def request(self) -> AnyRequest:
        """The typed request. Raises BadRequest with the field, TooLarge."""
        if self._refusal:
            raise self._refusal
        request: AnyRequest = _converted(self._fields, AnyRequest)
        if isinstance(request, Send):
            _check_length(request.body.text)
        if isinstance(request, History) and request.after is not UNSET and request.before is not UNSET:
            raise BadRequest("`after` and `before` cannot both be given.", "before")
        if isinstance(request, Conversations) and request.mine and request.store is UNSET:
            raise BadRequest("`mine` goes with `store`.", "mine")
        return request


def body(raw: bytes, kind: type[Body]) -> Body:
    """The typed body of an HTTP request. Raises BadRequest with the field, TooLarge."""
    if len(raw) > BODY_BYTES:
        raise TooLarge("The body", BODY_BYTES, "bytes")
    parsed: Body = _converted(_parsed(raw), kind)
    if isinstance(parsed, PostMessage):
        _check_length(parsed.body.text)
    if isinstance(parsed, PostBroadcast):
        _check_length(parsed.text)
    return parsed


def checked(value: str, kind: Any, field: str) -> str:
    """A name out of a path. Raises BadRequest."""
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        raise BadRequest(f"`{field}` is malformed.", field) from None
    return value


def _parsed(raw: bytes) -> object:
    try:
        # In two steps, since of repeated keys the last counts, for a tag too, where msgspec alone would take the first.
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadRequest("This is not valid JSON in UTF-8.") from None


def _converted(fields: object, kind: Any) -> Any:
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise _bad_field(str(error)) from None


# What msgspec says; of a missing or unknown field it gives the parent's path, which can only be the body's.
_NAMED = re.compile(r"Object (missing required|contains unknown) field `(.*?)`(?: - at `\$\.(body)`)?", flags=re.S)
_PLACED = re.compile(r"(.*) - at `\$\.([a-z_.]+)`", flags=re.S)


def _bad_field(text: str) -> BadRequest:
    if named := _NAMED.fullmatch(text):
        field = ".".join(part for part in (named[3], named[2]) if part is not None)[:200]
        return BadRequest(f"The field `{field}` is {'missing' if 'missing' in named[1] else 'unknown'}.", field)
    if placed := _PLACED.fullmatch(text):
        what, field = placed.groups()
        if what.startswith(("Invalid value", "Invalid enum value")):
            return BadRequest(f"The field `{field}` has a value that is not known.", field)
        if "regex" in what:
            return BadRequest(f"The field `{field}` is malformed.", field)
        return BadRequest(f"The field `{field}` is malformed: {what[0].lower()}{what[1:]}.", field)
    return BadRequest("This is no JSON object.")


def _check_length(text: str) -> None:
    if len(text) > TEXT_LENGTH:
        raise TooLarge("The text", TEXT_LENGTH, "characters")


# --- encoding -------------------------------------------------------------------------------------------------------


def encode(event: Event | Struct) -> bytes:
    """An event, a reply or a body as JSON."""
    return msgspec.json.encode(event)


def message(stored: Stored, offset: int = 0, *, replay: bool = False) -> bytes:
    """The event `message` around a stored message; its own bytes are not touched."""
    return replayed(stored.json, offset, replay=replay)


class _Said(Struct):
    at: int


def said_at(stored: Stored) -> int:
    """When a stored message was said; its `at` may be that of later ones in the same conversation."""
    return msgspec.json.decode(stored.json, type=_Said).at


def replayed(json: bytes, offset: int, *, replay: bool) -> bytes:
    """The event `message` of an entry of the offline list."""
    head = b'{"type":"message",'
    if offset:
        head += b'"offset":%d,' % offset
    if replay:
        head += b'"replay":true,'
    return head + json[1:]


def refusal(error: KefuError, request_id: RequestId | None) -> bytes:
    """The frame that tells a client of a refusal."""
    return encode(Error(request_id, error.code, error.message, error.retry, error.details))


def reply(request: AnyRequest, result: Result | None) -> bytes | None:
    """The frame that answers a request; None for one without an id, which gets no reply when it succeeds."""
    if request.id is UNSET or result is None:
        return None
    return encode(Reply(request.id, action(request), result))


def action(request: AnyRequest) -> str:
    """The name of a request on the wire."""
    return str(type(request).__struct_config__.tag)
