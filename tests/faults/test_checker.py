"""Each rule of the checker, on recordings made by hand: what is kept passes, what is broken is named."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checker import Verdict, check, undelivered
from tests.faults.recording import Recording

NAME = "s:carl"  # the conversation of carl with the store s; ann and bob are its agents, eve serves another
Frame = dict[str, Any]


class Script:
    """A recording in the making."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.numbers: dict[str, int] = {}
        for store, agent in (("s", "ann"), ("s", "bob"), ("t", "eve")):
            self.call("PUT", f"/stores/{store}/agents/{agent}", {"role": "agent"})

    def call(self, method: str, path: str, body: Any = None, status: int = 200) -> None:
        number = self.recording.asked(method, path, "" if body is None else json.dumps(body))
        self.recording.answered(number, status, json.dumps({}))

    def open(self, user: str, offline: int = 0) -> None:
        """A new connection of the user, welcomed."""
        self.numbers[user] = self.recording.dialed(user, user)
        self.recording.opened(self.numbers[user])
        welcome = {"type": "welcome", "user": user, "name": user, "connection": "x", "protocol": "kefu.v1"}
        self.hears(user, {**welcome, "online": 1, "offline": offline, "at": 1})

    def hears(self, user: str, frame: Frame) -> None:
        self.recording.received(self.numbers[user], json.dumps(frame))

    def asks(self, user: str, action: str, answer: Frame | None, **parameters: Any) -> None:
        """A request, and the result or the error that it got; None: no answer."""
        id_ = parameters.pop("id", f"r{len(self.recording.records)}")
        self.recording.sent(self.numbers[user], json.dumps({"action": action, "id": id_, **parameters}))
        if answer is not None and "code" in answer:
            details = {"details": {}, "message": "no", "retry": False, **answer}
            self.hears(user, {"type": "error", "id": id_, **details})
        elif answer is not None and action == "ping":
            self.hears(user, {"type": "pong", "id": id_, "at": 1})
        elif answer is not None:
            self.hears(user, {"type": "reply", "id": id_, "action": action, "result": answer})

    def sends(self, user: str, seq: int, text: str = "hello", id_: str = "") -> Frame:
        """A message that is sent, and stored as `seq`."""
        message = said(user, seq, text, id_ or f"{user}{seq}")
        stored = {"conversation": NAME, "seq": seq, "at": message["at"]}
        self.asks(user, "send", stored, id=message["id"], conversation=NAME, body={"type": "text", "text": text})
        return message

    def gets(self, user: str, message: Frame, offset: int, *, replay: bool = False) -> None:
        again = {"replay": True} if replay else {}
        self.hears(user, {"type": "message", "offset": offset, **again, **message})

    def changes(self, user: str, **fields: Any) -> None:
        self.hears(user, {"type": "conversation", "conversation": stands(**fields)})

    def reads(self, user: str, *messages: Frame) -> None:
        """The whole history, read by somebody."""
        self.asks(
            user, "history", {"conversation": NAME, "messages": messages, "more": False}, conversation=NAME, after=0
        )

    def rules(self) -> list[str]:
        """The rules that are broken, each once."""
        return sorted({violation.rule for violation in check(self.recording)})


def said(user: str, seq: int, text: str = "hello", id_: str = "") -> Frame:
    speaker = {"user": user, "name": user, "side": "customer" if user == "carl" else "store"}
    body = {"type": "text", "text": text}
    return {"conversation": NAME, "seq": seq, "id": id_ or f"{user}{seq}", "from": speaker, "body": body, "at": seq}


def stands(
    version: int,
    last: Frame,
    agent: str | None = None,
    status: str = "",
    unread: int = 1,
    read: tuple[int, int] = (0, 0),
) -> Frame:
    status = status or ("claimed" if agent else "waiting")
    return {
        "conversation": NAME,
        "store": "s",
        "customer": {"user": "carl", "name": "carl"},
        "status": status,
        "agent": {"user": agent, "name": agent} if agent else None,
        "last": last,
        "last_seq": last["seq"],
        "unread": unread,
        "read": {"customer": read[0], "store": read[1]},
        "waiting_since": 1 if status == "waiting" else None,
        "version": version,
    }


@pytest.fixture
def script() -> Script:
    made = Script()
    for user in ("carl", "ann", "bob", "eve"):
        made.open(user)
    return made


def begun(script: Script) -> Frame:
    """Carl has said hello, and both agents have it."""
    message = script.sends("carl", 1)
    for agent in ("ann", "bob"):
        script.gets(agent, message, 1)
        script.changes(agent, version=1, last=message)
    return message


def claimed(script: Script) -> Frame:
    """Ann has claimed it, too."""
    message = begun(script)
    found = stands(2, message, "ann")
    script.asks("ann", "claim", {"conversation": found}, conversation=NAME)
    script.changes("bob", version=2, last=message, agent="ann")
    return message


def answered(script: Script) -> tuple[Frame, Frame]:
    """And has answered."""
    first = claimed(script)
    second = script.sends("ann", 2)
    script.gets("carl", second, 1)
    script.asks("ann", "claim", {"conversation": stands(2, second, "ann")}, conversation=NAME)
    return first, second


def test_a_run_that_keeps_everything_breaks_no_rule(script: Script) -> None:
    first, second = answered(script)
    script.asks("bob", "send", {"code": "not_claimer", "details": {"agent": "ann"}}, **sending("b"))
    script.asks("eve", "history", {"code": "forbidden"}, conversation=NAME)
    script.asks("carl", "read", {"unread": 0}, conversation=NAME, seq=2)
    script.asks(
        "carl", "conversations", {"conversations": [stands(2, second, "ann", unread=0, read=(2, 0))], "cursor": None}
    )
    script.asks("carl", "ping", {}, ack=1)
    script.recording.phase("settling")
    for user in ("carl", "ann", "bob"):
        script.reads(user, first, second)
    script.open("ann", offline=1)
    script.gets("ann", first, 1, replay=True)
    script.open("carl")
    script.recording.phase("settled")
    assert check(script.recording) == []
    verdict = Verdict.of(script.recording)
    assert (verdict.messages, verdict.replies, verdict.pushes, verdict.replays) == (2, 2, 3, 1)


def sending(id_: str, text: str = "hello") -> Frame:
    return {"id": id_, "conversation": NAME, "body": {"type": "text", "text": text}}


# --- what each rule catches: a step that breaks it, after `answered` ------------------------------------------------


def gap(script: Script, first: Frame, second: Frame) -> None:
    script.reads("ann", first, said("carl", 3))


def two_orders(script: Script, first: Frame, second: Frame) -> None:
    script.reads("bob", first, said("ann", 2, "something else"))


def short_history(script: Script, first: Frame, second: Frame) -> None:
    script.recording.phase("settling")
    script.reads("bob", first)


def stored_twice(script: Script, first: Frame, second: Frame) -> None:
    script.gets("carl", said("ann", 3, id_=second["id"]), 2)


def reply_of_nothing(script: Script, first: Frame, second: Frame) -> None:
    script.asks("ann", "send", {"conversation": NAME, "seq": 2, "at": 2}, **sending("other"))


def another_time(script: Script, first: Frame, second: Frame) -> None:
    script.asks("ann", "send", {"conversation": NAME, "seq": 2, "at": 77}, **sending(second["id"]))


def another_text(script: Script, first: Frame, second: Frame) -> None:
    script.asks("ann", "send", {"conversation": NAME, "seq": 2, "at": 2}, **sending(second["id"], "changed"))


def unsent(script: Script, first: Frame, second: Frame) -> None:
    script.gets("carl", said("ann", 3, "nobody said this"), 2)


def refused_and_stored(script: Script, first: Frame, second: Frame) -> None:
    script.asks("ann", "send", {"code": "not_claimer", "details": {"agent": None}}, **sending("ann3"))
    script.gets("carl", said("ann", 3), 2)


def conflict_with_nothing(script: Script, first: Frame, second: Frame) -> None:
    script.asks("ann", "send", {"code": "conflict", "details": {"seq": 9}}, **sending(second["id"], "changed"))


def conflict_with_itself(script: Script, first: Frame, second: Frame) -> None:
    script.asks("ann", "send", {"code": "conflict", "details": {"seq": 2}}, **sending(second["id"]))


def undelivered_to_claimer(script: Script, first: Frame, second: Frame) -> None:
    third = script.sends("carl", 3)
    script.asks("ann", "claim", {"conversation": stands(2, third, "ann", unread=2)}, conversation=NAME)


def undelivered_to_customer(script: Script, first: Frame, second: Frame) -> None:
    script.reads("ann", first, second, script.sends("ann", 3))


def offset_of_two(script: Script, first: Frame, second: Frame) -> None:
    script.gets("ann", second, 1)


def live_then_replay(script: Script, first: Frame, second: Frame) -> None:
    script.open("carl", offline=1)
    third = script.sends("ann", 3)
    script.gets("carl", third, 2)
    script.gets("carl", second, 1, replay=True)


def replay_downwards(script: Script, first: Frame, second: Frame) -> None:
    script.gets("carl", script.sends("ann", 3), 2)
    script.open("carl", offline=2)
    script.gets("carl", said("ann", 3), 2, replay=True)
    script.gets("carl", second, 1, replay=True)


def replay_lost(script: Script, first: Frame, second: Frame) -> None:
    script.open("carl")
    script.recording.phase("settled")


def replay_short(script: Script, first: Frame, second: Frame) -> None:
    script.open("carl", offline=2)
    script.gets("carl", second, 1, replay=True)
    script.recording.phase("settled")


def acknowledged_and_replayed(script: Script, first: Frame, second: Frame) -> None:
    script.asks("carl", "ping", {}, ack=1)
    script.open("carl", offline=1)
    script.gets("carl", second, 1, replay=True)
    script.recording.phase("settled")


def sync_lost(script: Script, first: Frame, second: Frame) -> None:
    script.asks("carl", "sync", {})


def unwelcome(script: Script, first: Frame, second: Frame) -> None:
    script.numbers["carl"] = script.recording.dialed("carl", "carl")
    script.recording.opened(script.numbers["carl"])
    script.gets("carl", second, 1)


def version_of_two(script: Script, first: Frame, second: Frame) -> None:
    script.changes("bob", version=2, last=second, agent="bob")


def claimed_over(script: Script, first: Frame, second: Frame) -> None:
    script.asks("bob", "claim", {"conversation": stands(3, second, "bob")}, conversation=NAME)


def claimed_for_another(script: Script, first: Frame, second: Frame) -> None:
    script.asks("bob", "claim", {"conversation": stands(2, second, "ann")}, conversation=NAME)


def older_version(script: Script, first: Frame, second: Frame) -> None:
    script.asks("bob", "conversations", {"conversations": [stands(1, second)], "cursor": None}, store="s")


def spoken_by_another(script: Script, first: Frame, second: Frame) -> None:
    third = script.sends("bob", 3)
    script.gets("carl", third, 2)
    script.asks("ann", "claim", {"conversation": stands(2, third, "ann")}, conversation=NAME)


def closed_and_spoken(script: Script, first: Frame, second: Frame) -> None:
    script.changes("ann", version=3, last=second, status="closed")
    third = script.sends("carl", 3)
    script.changes("ann", version=3, last=third, status="closed", unread=2)


def told_a_stranger(script: Script, first: Frame, second: Frame) -> None:
    script.hears("eve", {"type": "message", **second})


def answered_a_stranger(script: Script, first: Frame, second: Frame) -> None:
    script.asks("eve", "typing", {}, conversation=NAME)


def told_that_it_is_missing(script: Script, first: Frame, second: Frame) -> None:
    script.asks("eve", "history", {"code": "not_found"}, conversation="s:nobody")


def claimed_by_its_customer(script: Script, first: Frame, second: Frame) -> None:
    script.asks("carl", "watch", {}, conversation=NAME)


def forced_by_an_agent(script: Script, first: Frame, second: Frame) -> None:
    found = {"conversation": stands(3, second, "bob")}
    script.asks("bob", "claim", found, conversation=NAME, force=True)


def told_after_removal(script: Script, first: Frame, second: Frame) -> None:
    script.call("DELETE", "/stores/s/agents/bob")
    third = script.sends("carl", 3)
    script.gets("ann", third, 2)
    script.gets("bob", third, 2)


def replayed_after_removal(script: Script, first: Frame, second: Frame) -> None:
    script.call("DELETE", "/stores/s/agents/bob")
    script.open("bob", offline=1)
    script.gets("bob", first, 1, replay=True)


def counted_wrong(script: Script, first: Frame, second: Frame) -> None:
    script.changes("bob", version=2, last=second, agent="ann", unread=2)


def mark_by_nobody(script: Script, first: Frame, second: Frame) -> None:
    script.changes("bob", version=2, last=second, agent="ann", unread=0, read=(0, 1))


def mark_moved_back(script: Script, first: Frame, second: Frame) -> None:
    script.asks("ann", "read", {"unread": 0}, conversation=NAME, seq=1)
    script.asks("ann", "conversations", {"conversations": [stands(2, second, "ann")], "cursor": None}, store="s")


def out_of_shape(script: Script, first: Frame, second: Frame) -> None:
    script.hears("carl", {"type": "pong", "at": "now"})


BROKEN: Sequence[tuple[str, Callable[[Script, Frame, Frame], None]]] = (
    ("one order", gap),
    ("one order", two_orders),
    ("one order", short_history),
    ("once", stored_twice),
    ("stored", reply_of_nothing),
    ("stored", another_time),
    ("as sent", another_text),
    ("as sent", unsent),
    ("refused", refused_and_stored),
    ("stored", conflict_with_nothing),
    ("as sent", conflict_with_itself),
    ("delivered", undelivered_to_claimer),
    ("delivered", undelivered_to_customer),
    ("offsets", offset_of_two),
    ("order", live_then_replay),
    ("order", replay_downwards),
    ("replay", replay_lost),
    ("replay", replay_short),
    ("replay", acknowledged_and_replayed),
    ("replay", sync_lost),
    ("order", unwelcome),
    ("one claimer", version_of_two),
    ("two claimers", claimed_over),
    ("one claimer", claimed_for_another),
    ("one claimer", older_version),
    ("non-claimer", spoken_by_another),
    ("reopened", closed_and_spoken),
    ("walls", told_a_stranger),
    ("walls", answered_a_stranger),
    ("walls", told_that_it_is_missing),
    ("walls", claimed_by_its_customer),
    ("walls", forced_by_an_agent),
    ("walls", told_after_removal),
    ("walls", replayed_after_removal),
    ("unread", counted_wrong),
    ("read mark", mark_by_nobody),
    ("read mark", mark_moved_back),
    ("shape", out_of_shape),
)


@pytest.mark.parametrize(("rule", "step"), BROKEN, ids=[step.__name__ for _, step in BROKEN])
def test_a_broken_promise_is_named(script: Script, rule: str, step: Callable[[Script, Frame, Frame], None]) -> None:
    first, second = answered(script)
    assert script.rules() == [], "so far all is well"
    step(script, first, second)
    assert rule in script.rules()


def test_what_was_given_up_may_be_stored_or_not_but_if_it_is_must_arrive(script: Script) -> None:
    claimed(script)
    script.asks("ann", "send", None, **sending("ann2"))
    assert script.rules() == []
    script.reads("bob", said("carl", 1), said("ann", 2))
    assert [violation.rule for violation in undelivered(script.recording)] == ["delivered"]
    script.gets("carl", said("ann", 2), 1)
    assert script.rules() == []


def test_a_replay_may_begin_again_from_where_it_began(script: Script) -> None:
    _, second = answered(script)
    third = script.sends("ann", 3)
    script.gets("carl", third, 2)
    script.open("carl", offline=2)
    for message, offset in ((second, 1), (second, 1), (third, 2), (second, 1), (third, 2)):
        script.gets("carl", message, offset, replay=True)
    script.recording.phase("settled")
    assert script.rules() == []


def test_an_acknowledgement_without_an_answer_may_have_been_applied_or_not(script: Script) -> None:
    _, second = answered(script)
    script.asks("carl", "ping", None, ack=1)
    script.open("carl")
    script.open("carl", offline=1)
    script.gets("carl", second, 1, replay=True)
    script.recording.phase("settled")
    assert script.rules() == []


def test_who_is_appointed_again_is_told_again(script: Script) -> None:
    answered(script)
    script.call("DELETE", "/stores/s/agents/bob")
    script.asks("bob", "history", {"code": "forbidden"}, conversation=NAME)
    script.call("PUT", "/stores/s/agents/bob", {"role": "agent"})
    script.reads("bob", said("carl", 1), said("ann", 2))
    assert script.rules() == []


def test_a_conversation_may_be_closed_whose_beginning_nobody_saw(script: Script) -> None:
    message = script.sends("carl", 1)
    for agent in ("ann", "bob"):
        script.gets(agent, message, 1)
        script.changes(agent, version=2, last=message, status="closed")
    script.reads("bob", message)
    assert script.rules() == []


def test_the_oldest_of_more_than_a_thousand_entries_may_be_gone(script: Script) -> None:
    first = claimed(script)
    messages = [script.sends("ann", seq) for seq in range(2, 1_005)]
    script.reads("ann", first, *messages)
    for message in messages[4:]:
        script.gets("carl", message, message["seq"] - 1)
    assert script.rules() == ["delivered"]
    script.gets("carl", messages[3], 4)
    assert script.rules() == []


def test_a_recording_is_the_same_after_it_was_saved(script: Script, tmp_path: Path) -> None:
    answered(script)
    script.recording.save(tmp_path / "recording")
    loaded = Recording.load(tmp_path / "recording")
    assert loaded.records == script.recording.records
    assert loaded.seed == script.recording.seed
