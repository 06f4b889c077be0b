"""Frames and bodies as they come: what is taken, what is refused, and how the refusal names the mistake."""

import json
from typing import Any

import pytest
from msgspec import UNSET

from chalicelib import protocol
from chalicelib.errors import BadRequest, TooLarge
from chalicelib.model import MAX_INTEGER, Text
from chalicelib.protocol import AnyRequest, Frame

NAME = "A-z_9" * 12 + "abcd"  # 64 characters
CONVERSATION = f"{NAME}:{NAME}"
BODY = {"type": "text", "text": "hello"}


def read(**fields: Any) -> AnyRequest:
    return Frame(json.dumps(fields)).request()


def refused(text: str) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        Frame(text).request()
    return caught.value


def _with_body(*bodies: str) -> str:
    """A `send` with these bodies, one after the other."""
    return '{"action":"send","id":"k","conversation":"s:c",' + ",".join(f'"body":{body}' for body in bodies) + "}"


GOOD: list[tuple[dict[str, Any], AnyRequest]] = [
    (
        {"action": "send", "id": "k1", "conversation": CONVERSATION, "body": BODY},
        protocol.Send(id="k1", conversation=CONVERSATION, body=Text(type="text", text="hello")),
    ),
    ({"action": "history", "conversation": "s:c"}, protocol.History(conversation="s:c", limit=50)),
    (
        {"action": "history", "conversation": "s:c", "after": 0, "limit": 1},
        protocol.History(conversation="s:c", after=0, limit=1),
    ),
    (
        {"action": "history", "conversation": "s:c", "before": MAX_INTEGER, "limit": 100},
        protocol.History(conversation="s:c", before=MAX_INTEGER, limit=100),
    ),
    ({"action": "conversations"}, protocol.Conversations(mine=False, limit=50)),
    (
        {"action": "conversations", "store": "s", "status": "waiting", "mine": True, "limit": 7, "cursor": "12:c"},
        protocol.Conversations(store="s", status="waiting", mine=True, limit=7, cursor="12:c"),
    ),
    ({"action": "claim", "conversation": "s:c"}, protocol.Claim(conversation="s:c", force=False)),
    ({"action": "claim", "conversation": "s:c", "force": True}, protocol.Claim(conversation="s:c", force=True)),
    ({"action": "release", "conversation": "s:c"}, protocol.Release(conversation="s:c")),
    ({"action": "close", "conversation": "s:c"}, protocol.Close(conversation="s:c")),
    ({"action": "transfer", "conversation": "s:c", "to": NAME}, protocol.Transfer(conversation="s:c", to=NAME)),
    ({"action": "read", "conversation": "s:c", "seq": 0}, protocol.Read(conversation="s:c", seq=0)),
    ({"action": "typing", "conversation": "s:c"}, protocol.Typing(conversation="s:c", on=True)),
    ({"action": "typing", "conversation": "s:c", "on": False}, protocol.Typing(conversation="s:c", on=False)),
    ({"action": "watch", "conversation": "s:c"}, protocol.Watch(conversation="s:c")),
    ({"action": "unwatch", "conversation": "s:c"}, protocol.Unwatch(conversation="s:c")),
    ({"action": "store", "store": "-"}, protocol.Store(store="-")),
    ({"action": "sync"}, protocol.Sync()),
    ({"action": "ping", "id": " ~" * 32, "ack": 17}, protocol.Ping(id=" ~" * 32, ack=17)),
    ({"action": "ping", "ack": 0}, protocol.Ping(ack=0)),
]


@pytest.mark.parametrize(("fields", "request_"), GOOD, ids=lambda value: str(value)[:50])
def test_a_good_frame_becomes_its_request(fields: dict[str, Any], request_: AnyRequest) -> None:
    assert read(**fields) == request_
    assert protocol.action(request_) == fields["action"]


def test_every_request_of_the_protocol_is_covered() -> None:
    kinds = {type(request_) for _, request_ in GOOD}
    assert kinds == set(protocol.Request.__subclasses__())


SEND = {"action": "send", "id": "k", "conversation": "s:c", "body": BODY}
HISTORY = {"action": "history", "conversation": "s:c"}
LIST = {"action": "conversations", "store": "s"}
PING = {"action": "ping"}
NO_ACTIONS: list[Any] = [None, 1, "", "Ping", "ping ", "reply", ["ping"], {}, True]
NO_BODIES: list[Any] = [None, 1, "hello", [], [BODY], True]
NO_TYPES: list[Any] = [None, 1, "", "Text", "image", []]
NO_TEXTS: list[Any] = [None, 1, "", [], {}, True]
# A base frame, what is set in it, and the field that the refusal must name.
BAD: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    *(({}, {"action": bad}, "action") for bad in NO_ACTIONS),
    *((PING, {"id": bad}, "id") for bad in (None, 1, "", "x" * 65, "a\n", "\n", "a\x00", "\x7f", "é", ["a"], True)),
    *((PING, {"ack": bad}, "ack") for bad in (None, "1", -1, 1.0, 1.5, 1e300, MAX_INTEGER + 1, 2**64, 10**4000, True)),
    *((SEND, {"conversation": bad}, "conversation") for bad in (None, 1, "", "s", "s:", ":c", "s:c:d", "s:c\n", "s c")),
    *((SEND, {"conversation": bad}, "conversation") for bad in (f"{NAME}x:c", f"s:{NAME}x", "s:ü", "\ns:c", "s::c")),
    *((SEND, {"body": bad}, "body") for bad in NO_BODIES),
    *((SEND, {"body": {"type": bad, "text": "x"}}, "body.type") for bad in NO_TYPES),
    *((SEND, {"body": {"type": "text", "text": bad}}, "body.text") for bad in NO_TEXTS),
    (SEND, {"body": {}}, "body.type"),
    (SEND, {"body": {"text": "x"}}, "body.type"),
    (SEND, {"body": {"type": "text"}}, "body.text"),
    (SEND, {"body": {**BODY, "bold": True}}, "body.bold"),
    (SEND, {"to": "c"}, "to"),
    (PING, {"conversation": "s:c"}, "conversation"),
    (PING, {"Ack": 1}, "Ack"),
    (PING, {"a.b": 1}, "a.b"),
    (PING, {"`": 1}, "`"),
    (PING, {"type": "ping"}, "type"),
    *((HISTORY, {"after": bad}, "after") for bad in (None, -1, "0", 0.0, True)),
    *((HISTORY, {"before": bad}, "before") for bad in (None, -1, "0", 0.0, True)),
    *((HISTORY, {"limit": bad}, "limit") for bad in (None, 0, -1, 101, "50", 50.0, True)),
    (HISTORY, {"after": 1, "before": 9}, "before"),
    *((LIST, {"store": bad}, "store") for bad in (None, 1, "", "a:b", "s\n", NAME + "x")),
    *((LIST, {"status": bad}, "status") for bad in (None, 1, "", "open", "Waiting", ["waiting"])),
    *((LIST, {"mine": bad}, "mine") for bad in (None, 0, 1, "true")),
    *((LIST, {"limit": bad}, "limit") for bad in (None, 0, 101)),
    *(
        (LIST, {"cursor": bad}, "cursor")
        for bad in (None, 1, "", "x", "1", "1:", ":c", "-1:c", "1" * 17 + ":c", "1:c\n")
    ),
    ({"action": "conversations"}, {"mine": True}, "mine"),
    *(({"action": "claim", "conversation": "s:c"}, {"force": bad}, "force") for bad in (None, 0, 1, "yes")),
    *(({"action": "transfer", "conversation": "s:c"}, {"to": bad}, "to") for bad in (None, 1, "", "a:b", "a\n")),
    *(({"action": "read", "conversation": "s:c"}, {"seq": bad}, "seq") for bad in (None, -1, 0.5, "1", True, 2**63)),
    *(({"action": "typing", "conversation": "s:c"}, {"on": bad}, "on") for bad in (None, 0, "on")),
    ({"action": "store"}, {"store": None}, "store"),
    ({"action": "sync"}, {"after": 0}, "after"),
]
REQUIRED = {
    "send": ["id", "conversation", "body"],
    "history": ["conversation"],
    "claim": ["conversation"],
    "release": ["conversation"],
    "close": ["conversation"],
    "transfer": ["conversation", "to"],
    "read": ["conversation", "seq"],
    "typing": ["conversation"],
    "watch": ["conversation"],
    "unwatch": ["conversation"],
    "store": ["store"],
}


@pytest.mark.parametrize(("base", "mistake", "field"), BAD, ids=lambda value: str(value)[:50])
def test_a_bad_field_is_refused_and_named(base: dict[str, Any], mistake: dict[str, Any], field: str) -> None:
    refusal = refused(json.dumps({**base, **mistake}))
    assert refusal.details == {"field": field}
    assert field in refusal.message
    assert "\n" not in refusal.message


@pytest.mark.parametrize(("action", "field"), [(action, field) for action in REQUIRED for field in REQUIRED[action]])
def test_a_missing_field_is_refused_and_named(action: str, field: str) -> None:
    (good,) = (fields for fields, _ in GOOD if fields["action"] == action and _is_first(fields))
    refusal = refused(json.dumps({name: value for name, value in good.items() if name != field}))
    assert refusal.details == {"field": field}
    assert refusal.message == f"The field `{field}` is missing."


def _is_first(fields: dict[str, Any]) -> bool:
    return next(good for good, _ in GOOD if good["action"] == fields["action"]) is fields


def test_a_frame_without_an_action_names_the_action() -> None:
    assert refused('{"id":"a"}').details == {"field": "action"}


@pytest.mark.parametrize("name", ["a` - at `$.b", "x` - at `$", " - at `$.id", "unknown field `y`"])
def test_an_unknown_field_is_named_whatever_its_name_is(name: str) -> None:
    assert refused(json.dumps({"action": "ping", name: 1})).details == {"field": name}


def test_a_field_without_a_name_is_unknown_like_any_other() -> None:
    assert "unknown" in refused('{"action":"ping","":1}').message


def test_a_name_of_any_length_is_cut_in_the_refusal() -> None:
    refusal = refused(json.dumps({"action": "ping", "x" * 9_000: 1}))
    assert refusal.details == {"field": "x" * 200}
    assert len(refusal.message) < 300


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "None", "null", "true", "1", '"ping"', "[]", '[{"action":"ping"}]', "{", "}", '{"action"}'),
        *("{'action':'ping'}", '{"action":"ping",}', '{"action":"ping"}x', '{"action":"ping"}{"action":"ping"}'),
        *('{"action":"ping","ack":NaN}', '{"action":"ping","ack":Infinity}', '{"action":"ping","ack":-Infinity}'),
        *('{"action":"ping","ack":01}', '{"action":"ping","ack":+1}', '{"action":"ping","ack":0x1}'),
        *(
            '{"action":"ping","ack":%s}' % ("9" * 5_000),
            '{"action":"ping","id":"a\nb"}',
            '{"action":"ping","id":"\\x"}',
        ),
        *('\ufeff{"action":"ping"}', '\x00{"action":"ping"}', '{"action":"ping"}\x00', '// no\n{"action":"ping"}'),
        *('{"action":"ping","id":"\\u12"}', "{action:ping}", "\ud800", "\udfff", '{"\ud800":1}', "🙂"),
    ],
    ids=repr,
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    frame = Frame(text)
    with pytest.raises(BadRequest):
        frame.request()
    assert frame.id is None


@pytest.mark.parametrize("surrogate", [r"\ud800", r"\udbff", r"\udc00", r"\udfff", r"\ude00\ud83d", "\ud83d"])
@pytest.mark.parametrize("place", ['"text":"%s"', '"text":"a","%s":1'])
def test_a_lone_surrogate_is_refused(surrogate: str, place: str) -> None:
    refused(_with_body('{"type":"text",' + place % surrogate + "}"))


def test_a_pair_of_surrogates_is_one_character() -> None:
    send = Frame(
        r'{"action":"send","id":"k","conversation":"s:c","body":{"type":"text","text":"\ud83d\ude42"}}'
    ).request()
    assert isinstance(send, protocol.Send)
    assert send.body.text == "🙂"


@pytest.mark.parametrize("opened", ["[", '{"a":', '{"action":"ping","a":[', '[{"":'])
def test_nesting_without_end_is_refused(opened: str) -> None:
    refused((opened * 16_384)[:16_384])


@pytest.mark.parametrize("closed", [True, False])
def test_deep_nesting_is_refused_though_it_is_whole(closed: bool) -> None:
    refused('{"action":"ping","deep":' + "[" * 8_000 + "]" * (8_000 if closed else 7_999) + "}")


def test_of_repeated_keys_the_last_counts() -> None:
    assert Frame('{"action":"ping","id":"a","id":"b","ack":1,"ack":2}').request() == protocol.Ping(id="b", ack=2)
    assert Frame('{"action":"nope","action":"ping"}').request() == protocol.Ping()
    assert Frame('{"action":"ping","action":"sync"}').request() == protocol.Sync()
    assert Frame('{"action":null,"act\\u0069on":"sync"}').request() == protocol.Sync()
    assert refused('{"action":"ping","action":"nope"}').details == {"field": "action"}
    assert refused('{"action":"ping","ack":1,"ack":null}').details == {"field": "ack"}
    nested = '{"type":"image","type":"text","text":null,"text":"b"}'
    send = Frame(_with_body("{}", nested)).request()
    assert isinstance(send, protocol.Send)
    assert send.body == Text(type="text", text="b")


def test_of_repeated_ids_the_last_names_the_refusal() -> None:
    assert Frame('{"action":"nope","id":"a","id":"b"}').id == "b"
    assert Frame('{"action":"nope","id":"a","id":1}').id is None


@pytest.mark.parametrize("space", ["", " ", "\n", "\t \r\n"])
def test_space_around_a_frame_means_nothing(space: str) -> None:
    assert Frame(f'{space}{{"action" {space}: "sync"}}{space}').request() == protocol.Sync()


def test_escapes_mean_what_they_stand_for() -> None:
    escaped = "".join(f"\\u{ord(character):04x}" for character in "ping")
    assert Frame(f'{{"\\u0061ction":"{escaped}","id":"\\u0041\\/"}}').request() == protocol.Ping(id="A/")


@pytest.mark.parametrize(
    "text",
    [
        '{"action":"nope","id":"k"}',
        '{"action":"ping","id":"k","ack":-1}',
        '{"action":"ping","id":"k","x":1}',
        '{"id":"k"}',
        '{"action":"send","id":"k"}',
        '{"action":"send","id":"k","conversation":"s:c","body":{"type":"text","text":"%s"}}' % ("x" * 4_001),
        '{"action":"ping","id":"k","x":"%s"}' % ("x" * 16_384),
    ],
    ids=lambda text: str(text)[:50],
)
def test_a_refused_frame_keeps_its_id(text: str) -> None:
    frame = Frame(text)
    with pytest.raises((BadRequest, TooLarge)):
        frame.request()
    assert frame.id == "k"


# --- limits ---------------------------------------------------------------------------------------------------------


def test_a_frame_of_16384_bytes_is_taken_and_one_more_is_too_large() -> None:
    ping = '{"action":"ping","id":"k"}'  # the space after it is part of the frame
    assert Frame(ping.ljust(16_384)).request() == protocol.Ping(id="k")
    with pytest.raises(TooLarge) as refusal:
        Frame(ping.ljust(16_385)).request()
    assert refusal.value.details == {"limit": 16_384}


def _send(text: str, size: int = 0) -> str:
    frame = _with_body('{"type":"text","text":"' + text + '"}')
    return frame + " " * (size - len(frame.encode()))


def test_a_frame_is_measured_in_bytes() -> None:
    # 4,000 characters of four bytes each are 16,000 bytes: they fit, with an envelope of up to 384.
    assert Frame(_send("🙂" * 4_000, 16_384)).request()
    with pytest.raises(TooLarge) as refusal:
        Frame(_send("🙂" * 4_000, 16_385)).request()
    assert refusal.value.details == {"limit": 16_384}


def test_a_frame_is_measured_as_it_was_sent() -> None:
    # 4,000 characters, each escaped in six bytes.
    with pytest.raises(TooLarge) as refusal:
        Frame(_send("\\u0041" * 4_000)).request()
    assert refusal.value.details == {"limit": 16_384}


@pytest.mark.parametrize("character", ["x", "é", "客", "🙂", "\\n", '\\"'])
def test_a_text_is_measured_in_characters(character: str) -> None:
    assert Frame(_send(character * 4_000)).request()
    with pytest.raises(TooLarge) as refusal:
        Frame(_send(character * 4_001)).request()
    assert refusal.value.details == {"limit": 4_000}
    assert refusal.value.message == "The text is over the limit of 4,000 characters."


def test_what_is_too_large_is_so_even_when_it_is_no_json() -> None:
    frame = Frame("x" * 16_385)
    assert frame.id is None
    with pytest.raises(TooLarge):
        frame.request()


def test_a_text_is_kept_exactly() -> None:
    text = " \t\n\r\x00\x1f\x7f\u2028\ufeffe\u0301é <b>&amp;</b> \\u0041 /\"' 🙂 "
    send = read(action="send", id="k", conversation="s:c", body={"type": "text", "text": text})
    assert isinstance(send, protocol.Send)
    assert send.body.text == text
    assert json.loads(protocol.encode(send.body)) == {"type": "text", "text": text}


def test_what_is_absent_is_not_null() -> None:
    request = read(action="history", conversation="s:c")
    assert isinstance(request, protocol.History)
    assert request.id is UNSET
    assert request.after is UNSET
