"""Section 3 of the protocol: what a malformed frame gets, and that it changes nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.client import Client, Frame, fresh, names
from tests.e2e.conftest import Marketplace
from tests.e2e.server import Server


@dataclass
class Scene:
    """An agent who has claimed a conversation and holds two entries that are not acknowledged."""

    agent: Client
    conversation: str
    store: str

    def state(self) -> object:
        """Everything that a bad frame could change."""
        agent = self.agent
        agent.ask("sync")
        replayed = [f["offset"] for f in agent.fence() if f.get("replay")]
        listed = agent.ask("conversations", store=self.store)
        return replayed, listed, agent.history(self.conversation), agent.ask("store", store=self.store)

    def raw(self, text: str) -> str:
        """The frame with this scene's conversation, another customer's and an ack that is good in itself."""
        return text.replace("CONV", self.conversation).replace("STORE", self.store)


@pytest.fixture(scope="module")
def scene(server: Server) -> Iterator[Scene]:
    market = Marketplace(server)
    shop = market.open_store()
    agent = shop.agent(role="supervisor")
    customer, conversation = shop.claimed(agent, "one")
    customer.say(conversation, "two")
    agent.expect("message", seq=2)
    scene = Scene(agent, conversation, shop.store)
    assert scene.state()[0] == [1, 2]  # type: ignore[index]  # a tuple, called object since only equality counts
    yield scene
    market.close()


def error_for(scene: Scene, text: str, id_: str | None) -> Frame:
    """Send a frame that must be refused as malformed, and see that nothing has changed."""
    before = scene.state()
    scene.agent.send_text(text)
    error = scene.agent.answer(id_)
    assert error["type"] == "error", error
    assert error["code"] == "bad_request", error
    assert not any(word in error["message"] for word in ("Traceback", "msgspec", "Exception", "ERR", "0x")), error
    assert scene.state() == before
    return error


# Frames without a field to blame

NO_OBJECT = [
    "hello",
    " ",
    "null",
    "true",
    "5",
    '"ping"',
    "[]",
    '[{"action":"ping"}]',
    "{",
    "{}}",
    '{"action":"ping"',
    '{"action":"ping"} {"action":"ping"}',
    '{"action":"ping",}',
    "{'action':'ping'}",
    '{action:"ping"}',
    '{"action":"ping","id":"a" /* no comments */}',
    '{"action":"ping","id":"tab\there"}',
    '{"action":"ping","ack":01}',
    '{"action":"ping","ack":NaN}',
    '{"action":"ping","ack":Infinity}',
    '{"action":"ping","id":"\\x41"}',
    "[" * 8000,
    "[" * 8000 + "]" * 8000,
    '{"a":' * 2500 + "1" + "}" * 2500,
]


@pytest.mark.parametrize("text", NO_OBJECT, ids=lambda text: repr(text[:40]))
def test_a_frame_that_is_no_json_object_is_a_bad_request(scene: Scene, text: str) -> None:
    error_for(scene, text, None)


def test_an_empty_frame_is_a_bad_request(scene: Scene) -> None:
    error_for(scene, "", None)


# Frames with one field that is wrong: the frame, and the field that the error must name

GOOD: dict[str, dict[str, Any]] = {
    "send": {"conversation": "CONV", "body": {"type": "text", "text": "never stored"}},
    "history": {"conversation": "CONV"},
    "conversations": {"store": "STORE"},
    "claim": {"conversation": "CONV"},
    "release": {"conversation": "CONV"},
    "close": {"conversation": "CONV"},
    "transfer": {"conversation": "CONV", "to": "somebody"},
    "read": {"conversation": "CONV", "seq": 1},
    "typing": {"conversation": "CONV"},
    "watch": {"conversation": "CONV"},
    "unwatch": {"conversation": "CONV"},
    "store": {"store": "STORE"},
    "sync": {},
    "ping": {},
}
ABSENT = "<absent>"
NO_STRING: list[Any] = [None, 5, True, ["x"], {"x": "y"}]
NO_INT: list[Any] = [None, "1", 1.5, True, [1], {}]
NO_BOOL: list[Any] = [None, 0, 1, "true", []]
NO_CONVERSATION = ["", "x", ":", "tea:", ":carl", "tea:carl:x", "tea carl", "tea:ca rl", "tea:carl\n", "茶:carl"]
NO_NAME = ["", "x" * 65, "a b", "a:b", "a\n", "茶", "a/b"]


def wrong_fields() -> Iterator[tuple[str, dict[str, Any], str]]:
    """(action, what differs from a good frame, the field to be named)"""
    for action, good in GOOD.items():
        yield action, {"colour": "red"}, "colour"
        for field in good:
            if (action, field) != ("conversations", "store"):
                yield action, {field: ABSENT}, field
        if "conversation" in good:
            yield from ((action, {"conversation": bad}, "conversation") for bad in NO_STRING[:3])
    yield from (("history", {"conversation": bad}, "conversation") for bad in NO_CONVERSATION)
    yield from (("send", {"conversation": bad}, "conversation") for bad in [f"tea:{'x' * 65}", f"{'x' * 65}:carl"])
    for body, field in [
        *((bad, "body") for bad in [None, 5, "text", [], [{"type": "text", "text": "x"}]]),
        ({"type": "text"}, "text"),
        ({"text": "x"}, "type"),
        *(({"type": bad, "text": "x"}, "type") for bad in ["image", "", "Text", None, 5]),
        *(({"type": "text", "text": bad}, "text") for bad in ["", *NO_STRING]),
        ({"type": "text", "text": "x", "colour": "red"}, "colour"),
        ({"type": "text", "text": "x", "conversation": "CONV"}, "conversation"),
    ]:
        yield "send", {"body": body}, field
    for field in ("after", "before", "limit"):
        yield from (("history", {field: bad}, field) for bad in NO_INT)
    yield "history", {"after": -1}, "after"
    for action in ("history", "conversations"):
        yield from ((action, {"limit": bad}, "limit") for bad in [0, 101, -1, 2**31, 2**63, 2**64, 10**30])
    yield from (("conversations", {"limit": bad}, "limit") for bad in NO_INT)
    yield from (("conversations", {"store": bad}, "store") for bad in [*NO_STRING, *NO_NAME])
    yield from (("conversations", {"status": bad}, "status") for bad in ["open", "", "Waiting", *NO_STRING])
    yield from (("conversations", {"mine": bad}, "mine") for bad in NO_BOOL)
    yield from (("conversations", {"cursor": bad}, "cursor") for bad in ["no cursor of ours", "茶", *NO_STRING])
    yield from (("claim", {"force": bad}, "force") for bad in NO_BOOL)
    yield from ((action, {"force": True}, "force") for action in ("release", "close", "transfer"))
    yield from (("typing", {"on": bad}, "on") for bad in NO_BOOL)
    yield from (("transfer", {"to": bad}, "to") for bad in [*NO_STRING, *NO_NAME])
    yield from (("read", {"seq": bad}, "seq") for bad in [*NO_INT, -1])
    yield from (("store", {"store": bad}, "store") for bad in [*NO_STRING, *NO_NAME])


@pytest.mark.parametrize(
    ("action", "change", "field"), list(wrong_fields()), ids=lambda value: str(value).replace("x" * 65, "x…")[:40]
)
def test_a_wrong_field_is_named(scene: Scene, action: str, change: dict[str, Any], field: str) -> None:
    id_ = fresh("bad")
    frame = {"action": action, "id": id_, "ack": 2, **GOOD[action], **change}
    text = json.dumps({key: value for key, value in frame.items() if value is not ABSENT})
    error = error_for(scene, scene.raw(text), id_)
    assert names(error["details"], error["message"], field), error


@pytest.mark.parametrize("action", [None, 5, "", "Ping", "ping ", "nonsense", "__class__", ["ping"], {"ping": 1}, True])
def test_an_unknown_action_is_named(scene: Scene, action: Any) -> None:
    id_ = fresh("bad")
    error = error_for(scene, json.dumps({"action": action, "id": id_, "ack": 2}), id_)
    assert names(error["details"], error["message"], "action"), error


def test_a_frame_without_an_action_is_told_so(scene: Scene) -> None:
    id_ = fresh("bad")
    error = error_for(scene, json.dumps({"id": id_, "ack": 2}), id_)
    assert names(error["details"], error["message"], "action"), error
    error_for(scene, "{}", None)


BAD_IDS: list[Any] = [None, "", "x" * 65, "line\nfeed", "\x00", "\x7f", "é", "编号", "😀", 5, 1.5, True, ["x"], {}]


@pytest.mark.parametrize("action", ["ping", "send"])
@pytest.mark.parametrize("id_", BAD_IDS, ids=repr)
def test_a_bad_id_is_named_and_not_repeated(scene: Scene, action: str, id_: Any) -> None:
    text = json.dumps({"action": action, "id": id_, "ack": 2, **GOOD[action]})
    error = error_for(scene, scene.raw(text), None)
    assert names(error["details"], error["message"], "id"), error


def test_a_send_needs_an_id(scene: Scene) -> None:
    error = error_for(scene, scene.raw(json.dumps({"action": "send", "ack": 2, **GOOD["send"]})), None)
    assert names(error["details"], error["message"], "id"), error


@pytest.mark.parametrize("ack", [*NO_INT, 3, 2**31, 2**53, 2**63 - 1, 2**63, 2**64, 10**30], ids=repr)
def test_a_bad_ack_is_named(scene: Scene, ack: Any) -> None:
    """Wrong types, and what lies beyond the newest offset, which is 2."""
    id_ = fresh("bad")
    frame = {"action": "send", "id": id_, "ack": ack, **GOOD["send"]}
    error = error_for(scene, scene.raw(json.dumps(frame)), id_)
    assert names(error["details"], error["message"], "ack"), error


def test_after_and_before_exclude_each_other(scene: Scene) -> None:
    id_ = fresh("bad")
    frame = {"action": "history", "id": id_, "ack": 2, "conversation": "CONV", "after": 1, "before": 2}
    error = error_for(scene, scene.raw(json.dumps(frame)), id_)
    assert any(names(error["details"], error["message"], field) for field in ("after", "before")), error


def test_a_transfer_to_a_stranger_is_a_bad_request(scene: Scene) -> None:
    id_ = fresh("bad")
    frame = {"action": "transfer", "id": id_, "ack": 2, "conversation": "CONV", "to": fresh("stranger")}
    error = error_for(scene, scene.raw(json.dumps(frame)), id_)
    assert names(error["details"], error["message"], "to"), error


def test_a_transfer_to_the_customer_is_a_bad_request(scene: Scene) -> None:
    id_ = fresh("bad")
    to = scene.conversation.partition(":")[2]
    frame = {"action": "transfer", "id": id_, "ack": 2, "conversation": "CONV", "to": to}
    error = error_for(scene, scene.raw(json.dumps(frame)), id_)
    assert names(error["details"], error["message"], "to"), error


# What JSON allows and the protocol does not

SURROGATES = {
    "in the text": '{"action":"send","id":"ID","conversation":"CONV","body":{"type":"text","text":"a\\ud800b"}}',
    "a low one": '{"action":"send","id":"ID","ack":2,"conversation":"CONV","body":{"type":"text","text":"\\udc00"}}',
    "two high ones": '{"action":"send","id":"ID","conversation":"CONV","body":{"type":"text","text":"\\ud83d\\ud83d"}}',
    "in the wrong order": (
        '{"action":"send","id":"ID","conversation":"CONV","body":{"type":"text","text":"\\ude00\\ud83d"}}'
    ),
    "in the conversation": '{"action":"history","id":"ID","ack":2,"conversation":"CONV\\ud800"}',
    "in an unknown key": '{"action":"ping","id":"ID","ack":2,"\\ud800":1}',
    "in an unknown value": '{"action":"ping","id":"ID","ack":2,"colour":"\\udfff"}',
    "in the action": '{"action":"ping\\ud800","id":"ID","ack":2}',
}


@pytest.mark.parametrize("where", SURROGATES)
def test_a_lone_surrogate_is_a_bad_request(scene: Scene, where: str) -> None:
    refused(scene, SURROGATES[where])


def test_a_lone_surrogate_in_the_id_is_a_bad_request(scene: Scene) -> None:
    error_for(scene, '{"action":"ping","id":"\\ud800","ack":2}', None)


UNRULY = {
    "an int of 5,000 digits": '{"action":"history","id":"ID","conversation":"CONV","limit":' + "9" * 5000 + "}",
    "a number beyond floats": '{"action":"history","id":"ID","conversation":"CONV","limit":1e400}',
    "a very long fraction": '{"action":"history","id":"ID","conversation":"CONV","limit":1.' + "1" * 5000 + "}",
    "an ack of 5,000 digits": '{"action":"ping","id":"ID","ack":' + "9" * 5000 + "}",
    "deep arrays": '{"action":"ping","id":"ID","colour":' + "[" * 7000 + "]" * 7000 + "}",
    "deep objects": '{"action":"ping","id":"ID","colour":' + '{"a":' * 2000 + "1" + "}" * 2000 + "}",
    "deep arrays for a body": '{"action":"send","id":"ID","conversation":"CONV","body":'
    + "[" * 7000
    + "]" * 7000
    + "}",
    "a long unknown key": '{"action":"ping","id":"ID","' + "k" * 10000 + '":1}',
    "a thousand unknown keys": '{"action":"ping","id":"ID",' + ",".join(f'"k{n}":{n}' for n in range(1000)) + "}",
    "an empty key": '{"action":"ping","id":"ID","":1}',
    "a key that is an attribute": '{"action":"ping","id":"ID","__class__":"x"}',
}


@pytest.mark.parametrize("kind", UNRULY)
def test_an_unruly_frame_is_a_bad_request(scene: Scene, kind: str) -> None:
    refused(scene, UNRULY[kind])


def refused(scene: Scene, frame: str) -> None:
    """The frame is a bad request. Its id may be out of a parser's reach: the answer has it, or null."""
    id_ = fresh("bad")
    before = scene.state()
    scene.agent.send_text(scene.raw(frame.replace('"ID"', f'"{id_}"')))
    error = scene.agent.expect("error")
    assert error["code"] == "bad_request", error
    assert error["id"] in (id_, None), error
    assert len(error["message"]) < 1000, "an error message is for people"
    assert scene.state() == before
