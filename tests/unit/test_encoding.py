"""What goes out: replies, errors, events and HTTP bodies, each in the shape of the protocol."""

import json
from typing import Any

import pytest
from msgspec import UNSET, Raw, Struct

from chalicelib import errors, model, protocol
from chalicelib.errors import BadRequest, KefuError, TooLarge
from chalicelib.model import Person, ReadMarks, Sender, Snapshot, Stored, Text

STORED = b'{"conversation":"s:c","seq":3,"id":"k","from":{"user":"c","name":"C","side":"customer"},"body":{},"at":5}'
SNAPSHOT = Snapshot(
    conversation="s:c",
    customer=Person("c", "Customer"),
    status="claimed",
    agent=Person("a", "Agent"),
    last=STORED,
    last_seq=3,
    read=ReadMarks(customer=1, store=2),
    unread_customer=4,
    unread_store=5,
    waiting_since=None,
    version=6,
    epoch="0a1b2c3d",
)
SEEN = {
    "conversation": "s:c",
    "store": "s",
    "customer": {"user": "c", "name": "Customer"},
    "status": "claimed",
    "agent": {"user": "a", "name": "Agent"},
    "last": json.loads(STORED),
    "last_seq": 3,
    "unread": 4,
    "read": {"customer": 1, "store": 2},
    "waiting_since": None,
    "version": 6,
    "epoch": "0a1b2c3d",
}


def as_json(event: Struct) -> Any:
    return json.loads(protocol.encode(event))


@pytest.mark.parametrize(
    ("request_", "result", "expected"),
    [
        (
            protocol.Send(id="k", conversation="s:c", body=Text(type="text", text="x")),
            protocol.SendResult("s:c", 3, 5),
            {"action": "send", "result": {"conversation": "s:c", "seq": 3, "at": 5}},
        ),
        (
            protocol.History(id="k", conversation="s:c"),
            protocol.HistoryResult("s:c", [Raw(STORED)], True),
            {"action": "history", "result": {"conversation": "s:c", "messages": [json.loads(STORED)], "more": True}},
        ),
        (
            protocol.Conversations(id="k"),
            protocol.ConversationsResult([SNAPSHOT.seen_by("customer")], None),
            {"action": "conversations", "result": {"conversations": [SEEN], "cursor": None}},
        ),
        (
            protocol.Claim(id="k", conversation="s:c"),
            protocol.ConversationResult(SNAPSHOT.seen_by("store")),
            {"action": "claim", "result": {"conversation": {**SEEN, "unread": 5}}},
        ),
        (
            protocol.Read(id="k", conversation="s:c", seq=1),
            protocol.ReadResult(0),
            {"action": "read", "result": {"unread": 0}},
        ),
        (
            protocol.Store(id="k", store="s"),
            protocol.StoreResult("s", "Shop", 2),
            {"action": "store", "result": {"store": "s", "name": "Shop", "agents_online": 2}},
        ),
        (protocol.Sync(id="k"), protocol.Empty(), {"action": "sync", "result": {}}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_reply_names_its_request(
    request_: protocol.AnyRequest, result: protocol.Result, expected: dict[str, Any]
) -> None:
    frame = protocol.reply(request_, result)
    assert frame is not None
    assert json.loads(frame) == {"type": "reply", "id": "k", **expected}


def test_a_request_without_an_id_gets_no_reply() -> None:
    assert protocol.reply(protocol.Sync(), protocol.Empty()) is None
    assert protocol.reply(protocol.Ping(id="k"), None) is None


REFUSALS: list[tuple[KefuError, str, int, bool, dict[str, Any]]] = [
    (BadRequest("It is.", "body.text"), "bad_request", 400, False, {"field": "body.text"}),
    (BadRequest("It is."), "bad_request", 400, False, {}),
    (TooLarge("The frame", 16_384, "bytes"), "too_large", 413, False, {"limit": 16_384}),
    (errors.Unauthorized("It is."), "unauthorized", 401, False, {}),
    (errors.Forbidden(), "forbidden", 403, False, {}),
    (errors.NotFound(), "not_found", 404, False, {}),
    (errors.NotClaimer("a"), "not_claimer", 409, False, {"agent": "a"}),
    (errors.NotClaimer(None), "not_claimer", 409, False, {"agent": None}),
    (errors.AlreadyClaimed("a"), "already_claimed", 409, False, {"agent": "a"}),
    (errors.Conflict(7), "conflict", 409, False, {"seq": 7}),
    (errors.RateLimited(25), "rate_limited", 429, True, {"retry_after_ms": 25}),
    (errors.Unavailable(), "unavailable", 503, True, {}),
    (errors.Internal(), "internal", 500, True, {}),
]


@pytest.mark.parametrize(("refusal", "code", "status", "retry", "details"), REFUSALS, ids=lambda value: str(value)[:30])
def test_a_refusal_is_told_with_its_code(
    refusal: KefuError, code: str, status: int, retry: bool, details: dict[str, Any]
) -> None:
    frame = json.loads(protocol.refusal(refusal, "k"))
    message = frame.pop("message")
    assert frame == {"type": "error", "id": "k", "code": code, "retry": retry, "details": details}
    assert refusal.status == status
    assert message.endswith(".")
    assert json.loads(protocol.refusal(refusal, None))["id"] is None


def test_every_refusal_is_covered() -> None:
    assert {type(refusal) for refusal, *_ in REFUSALS} == set(KefuError.__subclasses__())


def test_a_message_goes_out_byte_for_byte_as_it_is_stored() -> None:
    stored = Stored("s:c", 3, 5, STORED)
    assert protocol.message(stored) == b'{"type":"message",' + STORED[1:]
    assert protocol.message(stored, 7) == b'{"type":"message","offset":7,' + STORED[1:]
    assert protocol.replayed(STORED, 7, replay=True) == b'{"type":"message","offset":7,"replay":true,' + STORED[1:]
    assert protocol.replayed(STORED, 7, replay=False) == protocol.message(stored, 7)


def test_a_conversation_is_seen_by_its_two_sides() -> None:
    assert SNAPSHOT.side_of("c") == "customer"
    assert SNAPSHOT.side_of("a") == "store"
    assert as_json(model.ConversationChanged(SNAPSHOT.seen_by("customer"))) == {
        "type": "conversation",
        "conversation": SEEN,
    }


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            model.Welcome("u", "U", model.ConnectionId("x="), "kefu.v1", 2, 3, 4, "0a1b2c3d", 5),
            {
                "user": "u",
                "name": "U",
                "connection": "x=",
                "protocol": "kefu.v1",
                "online": 2,
                "offline": 3,
                "newest": 4,
                "epoch": "0a1b2c3d",
                "at": 5,
            },
        ),
        (
            model.ReadMoved("s:c", "store", 3, 5),
            {"conversation": "s:c", "side": "store", "seq": 3, "at": 5},
        ),
        (
            model.Typing("s:c", Sender("c", "C", "customer"), True),
            {"conversation": "s:c", "from": {"user": "c", "name": "C", "side": "customer"}, "on": True},
        ),
        (model.Notice("客服", 5), {"text": "客服", "at": 5}),
        (model.Pong(5, 4, "0a1b2c3d", "k"), {"at": 5, "newest": 4, "epoch": "0a1b2c3d", "id": "k"}),
        (model.Pong(5, 0, "0a1b2c3d"), {"at": 5, "newest": 0, "epoch": "0a1b2c3d"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_event_has_the_fields_of_the_protocol(event: Struct, expected: dict[str, Any]) -> None:
    told = as_json(event)
    kind = {"ReadMoved": "read"}.get(type(event).__name__, type(event).__name__.lower())
    assert told == {"type": kind, **expected}


# --- bodies over HTTP -----------------------------------------------------------------------------------------------

TEXT = {"type": "text", "text": "hello"}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"name": "Tea"}, protocol.PutStore("Tea", UNSET)),
        ({"name": "客" * 64, "claim_grace_s": 1}, protocol.PutStore("客" * 64, 1)),
        ({"name": "Tea", "claim_grace_s": 86_400}, protocol.PutStore("Tea", 86_400)),
        ({"role": "agent"}, protocol.PutAgent("agent", UNSET)),
        ({"role": "supervisor", "name": "Ann"}, protocol.PutAgent("supervisor", "Ann")),
        ({"id": "k", "body": TEXT}, protocol.PostMessage("k", Text(type="text", text="hello"))),
        ({"text": "hello"}, protocol.PostBroadcast("hello", UNSET)),
        ({"text": "x" * 4_000, "store": "s"}, protocol.PostBroadcast("x" * 4_000, "s")),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_good_body_is_taken(
    fields: dict[str, Any],
    expected: protocol.PutStore | protocol.PutAgent | protocol.PostMessage | protocol.PostBroadcast,
) -> None:
    kind: Any = type(expected)
    assert protocol.body(json.dumps(fields).encode(), kind) == expected


BAD_BODIES: list[tuple[Any, dict[str, Any], str]] = [
    (protocol.PutStore, {}, "name"),
    *((protocol.PutStore, {"name": bad}, "name") for bad in (None, 1, "", "x" * 65, ["x"])),
    *(
        (protocol.PutStore, {"name": "x", "claim_grace_s": bad}, "claim_grace_s")
        for bad in (None, 0, -1, 86_401, 1.5, 60.0, "60", True)
    ),
    (protocol.PutStore, {"name": "x", "grace": 1}, "grace"),
    (protocol.PutAgent, {}, "role"),
    *((protocol.PutAgent, {"role": bad}, "role") for bad in (None, "", "admin", "Agent", 1)),
    *((protocol.PutAgent, {"role": "agent", "name": bad}, "name") for bad in (None, "", "x" * 65, 1)),
    (protocol.PostMessage, {"body": TEXT}, "id"),
    (protocol.PostMessage, {"id": "k"}, "body"),
    (protocol.PostMessage, {"id": "k\n", "body": TEXT}, "id"),
    (protocol.PostMessage, {"id": "k", "body": {"text": "x"}}, "body.type"),
    (protocol.PostMessage, {"id": "k", "body": {"type": "text", "text": ""}}, "body.text"),
    (protocol.PostMessage, {"id": "k", "body": {**TEXT, "a": 1}}, "body.a"),
    (protocol.PostBroadcast, {}, "text"),
    *((protocol.PostBroadcast, {"text": bad}, "text") for bad in (None, "", 1)),
    *((protocol.PostBroadcast, {"text": "x", "store": bad}, "store") for bad in (None, "", "a:b", 1)),
]


@pytest.mark.parametrize(("kind", "fields", "field"), BAD_BODIES, ids=lambda value: str(value)[-50:])
def test_a_bad_body_is_refused_and_its_field_named(kind: Any, fields: dict[str, Any], field: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        protocol.body(json.dumps(fields).encode(), kind)
    assert refusal.value.details == {"field": field}


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{", b"\xff", b'{"name":"\xed\xa0\x80"}', b'{"name":"\\ud800"}'])
def test_a_body_that_is_no_json_object_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRequest) as refusal:
        protocol.body(raw, protocol.PutStore)
    assert "frame" not in refusal.value.message


def test_a_body_and_its_text_have_limits() -> None:
    with pytest.raises(TooLarge) as too_large:
        protocol.body(b'{"name":"x"}'.ljust(65_537), protocol.PutStore)
    assert too_large.value.details == {"limit": 65_536}
    assert protocol.body(b'{"name":"x"}'.ljust(65_536), protocol.PutStore)
    long = {"type": "text", "text": "客" * 4_001}
    too_longs: list[tuple[Any, dict[str, Any]]] = [
        (protocol.PostMessage, {"id": "k", "body": long}),
        (protocol.PostBroadcast, {"text": long["text"]}),
    ]
    for kind, fields in too_longs:
        with pytest.raises(TooLarge) as too_long:
            protocol.body(json.dumps(fields, ensure_ascii=False).encode(), kind)
        assert too_long.value.details == {"limit": 4_000}


@pytest.mark.parametrize("value", ["a", "A-_9" * 16])
def test_a_name_in_a_path_is_taken(value: str) -> None:
    assert protocol.checked(value, model.UserId, "user") == value


@pytest.mark.parametrize("value", ["", "a" * 65, "a b", "a:b", "a\n", "ü", "\ud800", "{a}"])
def test_a_malformed_name_in_a_path_is_refused(value: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        protocol.checked(value, model.UserId, "user")
    assert refusal.value.details == {"field": "user"}
