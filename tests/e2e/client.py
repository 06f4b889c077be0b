"""A small client of kefu.v1 that holds every frame it receives against the shapes of the protocol page."""

from __future__ import annotations

import itertools
import json
import os
import re
import secrets
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

Frame = dict[str, Any]

# Seconds. Generous, because a busy machine is no fault of the service: only a failing test ever waits this long.
DEADLINE = float(os.environ.get("DEADLINE_S") or 20)

SIDES = frozenset({"customer", "store", "system"})
STATUSES = frozenset({"waiting", "claimed", "closed"})

# A shape is a type (exact: True is no int), a set of allowed values, a tuple of alternatives, a one-item list
# for "a list of these", or a dict of required fields. Fields beyond those are allowed: clients ignore them.
PERSON = {"user": str, "name": str}
SPEAKER = {"user": str, "name": str, "side": SIDES}
BODY = {"type": frozenset({"text"}), "text": str}
MESSAGE = {"conversation": str, "seq": int, "id": str, "from": SPEAKER, "body": BODY, "at": int}
CONVERSATION = {
    "conversation": str,
    "store": str,
    "customer": PERSON,
    "status": STATUSES,
    "agent": (PERSON, None),
    "last": (MESSAGE, None),
    "last_seq": int,
    "unread": int,
    "read": {"customer": int, "store": int},
    "waiting_since": (int, None),
    "version": int,
}
EVENTS: dict[str, Any] = {
    "welcome": {
        "user": str,
        "name": str,
        "connection": str,
        "protocol": frozenset({"kefu.v1"}),
        "online": int,
        "offline": int,
        "at": int,
    },
    "message": MESSAGE,
    "conversation": {"conversation": CONVERSATION},
    "read": {"conversation": str, "side": frozenset({"customer", "store"}), "seq": int, "at": int},
    "typing": {"conversation": str, "from": SPEAKER, "on": bool},
    "notice": {"text": str, "at": int},
    "pong": {"at": int},
    "reply": {"id": str, "action": str, "result": {}},
    "error": {"id": (str, None), "code": str, "message": str, "retry": bool, "details": {}},
}
RESULTS: dict[str, Any] = {
    "send": {"conversation": str, "seq": int, "at": int},
    "history": {"conversation": str, "messages": [MESSAGE], "more": bool},
    "conversations": {"conversations": [CONVERSATION], "cursor": (str, None)},
    "claim": {"conversation": CONVERSATION},
    "release": {"conversation": CONVERSATION},
    "close": {"conversation": CONVERSATION},
    "transfer": {"conversation": CONVERSATION},
    "read": {"unread": int},
    "typing": {},
    "watch": {},
    "unwatch": {},
    "store": {"store": str, "name": str, "agents_online": int},
    "sync": {},
}
DETAILS: dict[str, Any] = {
    "bad_request": {},
    "too_large": {"limit": int},
    "unauthorized": {},
    "forbidden": {},
    "not_found": {},
    "not_claimer": {"agent": (str, None)},
    "already_claimed": {"agent": str},
    "conflict": {"seq": int},
    "rate_limited": {"retry_after_ms": int},
    "unavailable": {},
    "internal": {},
}
RETRIED = frozenset({"rate_limited", "unavailable", "internal"})

_run = secrets.token_hex(3)
_counter = itertools.count(1)


def fresh(label: str) -> str:
    """A name that no other test, and no earlier run against the same Redis, uses."""
    return f"{label}-{_run}-{next(_counter)}"


def misfit(value: Any, shape: Any, where: str = "frame") -> str | None:
    """What is wrong with `value`, or None when it fits the shape."""
    match shape:
        case None:
            return None if value is None else f"{where} is {value!r}, not null"
        case type():
            return None if type(value) is shape else f"{where} is {value!r}, no {shape.__name__}"
        case frozenset():
            return None if value in shape else f"{where} is {value!r}, not one of {sorted(shape)}"
        case tuple():
            wrong = [misfit(value, option, where) for option in shape]
            return None if None in wrong else "; ".join(str(w) for w in wrong)
        case list():
            if type(value) is not list:
                return f"{where} is {value!r}, no list"
            found = (misfit(item, shape[0], f"{where}[{i}]") for i, item in enumerate(value))
            return next((w for w in found if w), None)
        case dict():
            if type(value) is not dict:
                return f"{where} is {value!r}, no object"
            missing = [key for key in shape if key not in value]
            if missing:
                return f"{where} lacks {missing}: {value!r}"
            found = (misfit(value[key], inner, f"{where}.{key}") for key, inner in shape.items())
            return next((w for w in found if w), None)
    raise TypeError(f"no shape: {shape!r}")


def checked(frame: Frame) -> Frame:
    """The frame itself; AssertionError where it departs from the page."""
    kind = frame.get("type")
    assert kind in EVENTS, f"a frame of no known type: {frame!r}"
    wrong = misfit(frame, EVENTS[kind], kind)
    if kind == "reply":
        assert frame["action"] in RESULTS, f"a reply to no known action: {frame!r}"
        wrong = wrong or misfit(frame["result"], RESULTS[frame["action"]], f"result of {frame['action']}")
    if kind == "error":
        code = frame["code"]
        assert code in DETAILS, f"an error of no known code: {frame!r}"
        wrong = wrong or misfit(frame["details"], DETAILS[code], f"details of {code}")
        assert frame["retry"] is (code in RETRIED), frame
        assert frame["message"], frame
    if "offset" in frame:
        assert kind == "message", f"only a message is durable: {frame!r}"
        assert type(frame["offset"]) is int, frame
        assert frame["offset"] >= 1, frame
    if "replay" in frame:
        assert frame["replay"] is True, frame
        assert "offset" in frame, frame
    assert wrong is None, wrong
    return frame


def fits(frame: Any, wanted: Any) -> bool:
    """Whether `frame` holds everything in `wanted`, at any depth, with the same types."""
    if isinstance(wanted, dict):
        return isinstance(frame, dict) and all(key in frame and fits(frame[key], wanted[key]) for key in wanted)
    return type(frame) is type(wanted) and bool(frame == wanted)


def message_of(frame: Frame) -> Frame:
    """The message alone, without what depends on its recipient: equal for everyone who sees it."""
    return {key: frame[key] for key in MESSAGE}


class Client:
    """One connection. Reading happens in the caller: frames that nobody has asked for yet wait in `heard`.

    A `patient` one sends again what was `rate_limited`, when the service says.
    """

    def __init__(self, socket: ClientConnection, user: str, *, patient: bool = False) -> None:
        self.socket = socket
        self.user = user
        self.patient = patient
        self._posted: dict[str, str] = {}
        self.heard: deque[Frame] = deque()
        self.welcome: Frame = {}
        self.replayed: list[Frame] = []

    @classmethod
    def open(
        cls,
        url: str,
        user: str,
        token: str | None,
        *,
        origin: str | None = None,
        subprotocols: Sequence[str] = ("kefu.v1",),
        patient: bool = False,
    ) -> Client:
        """Open the socket, with the token (if any) in the header. Raises InvalidStatus when it is refused."""
        socket = connect(
            url,
            additional_headers={"Authorization": f"Bearer {token}"} if token is not None else {},
            origin=Origin(origin) if origin is not None else None,
            subprotocols=[Subprotocol(s) for s in subprotocols] or None,
            compression=None,
            proxy=None,
            ssl=tls() if url.startswith("wss:") else None,
            ping_interval=None,
            max_queue=None,
            open_timeout=DEADLINE,
            close_timeout=5,
            legacy=True,
        )
        assert isinstance(socket, ClientConnection)
        return cls(socket, user, patient=patient)

    def greet(self) -> Client:
        """Take the welcome, which must be the first frame, and the replay that it announces."""
        self.welcome = self._receive(time.monotonic() + DEADLINE)
        assert self.welcome["type"] == "welcome", self.welcome
        for _ in range(self.welcome["offline"]):
            self.replayed.append(self.expect("message"))
            assert self.replayed[-1].get("replay") is True, self.replayed[-1]
        return self

    def close(self) -> None:
        self.socket.close()

    # Asking

    def send_text(self, text: str | bytes | Sequence[str]) -> None:
        """One message as it stands: bytes count as text too, a sequence goes out in that many frames."""
        self.socket.send(text, text=True if isinstance(text, bytes) else None)

    def post(self, action: str, **parameters: Any) -> str:
        """Send a request without waiting; the id that its answer will carry."""
        id_ = str(parameters.pop("id", None) or fresh("r"))
        self._posted[id_] = json.dumps({"action": action, "id": id_, **parameters}, ensure_ascii=False)
        self.send_text(self._posted[id_])
        return id_

    def answer(self, id_: str | None, *, within: float = DEADLINE) -> Frame:
        """The reply, the pong or the error with that id."""
        return self._await(lambda f: f["type"] in ("reply", "error", "pong") and f.get("id") == id_, within, id_)

    def request(self, action: str, **parameters: Any) -> Frame:
        return self.answer(self.post(action, **parameters))

    def ask(self, action: str, **parameters: Any) -> Frame:
        """The result of a request that must succeed."""
        reply = self.request(action, **parameters)
        assert reply["type"] == "reply", reply
        assert reply["action"] == action, reply
        result: Frame = reply["result"]
        return result

    def refused(self, code: str, action: str, **parameters: Any) -> Frame:
        """The details of the error that a request must get."""
        error = self.request(action, **parameters)
        assert error["type"] == "error", error
        assert error["code"] == code, error
        details: Frame = error["details"]
        return details

    def say(self, conversation: str, text: str, **parameters: Any) -> Frame:
        return self.ask("send", conversation=conversation, body={"type": "text", "text": text}, **parameters)

    def history(self, conversation: str, **parameters: Any) -> list[Frame]:
        messages: list[Frame] = self.ask("history", conversation=conversation, **parameters)["messages"]
        return messages

    def texts(self, conversation: str, **parameters: Any) -> list[str]:
        return [m["body"]["text"] for m in self.history(conversation, **parameters)]

    def acknowledge(self, offset: int) -> None:
        self.ping(ack=offset)

    def ping(self, **parameters: Any) -> Frame:
        pong = self.request("ping", **parameters)
        assert pong["type"] == "pong", pong
        return pong

    # Hearing

    def expect(self, kind: str, *, within: float = DEADLINE, **fields: Any) -> Frame:
        """The first event of that type that holds those fields (at any depth); the others stay."""
        return self._await(lambda f: f["type"] == kind and fits(f, fields), within, (kind, fields))

    def changed(self, conversation: str, *, after: int = 0, **fields: Any) -> Frame:
        """The conversation object of the first `conversation` event for it with those fields, past that version."""
        wanted = {"conversation": {"conversation": conversation, **fields}}

        def is_it(frame: Frame) -> bool:
            return frame["type"] == "conversation" and fits(frame, wanted) and frame["conversation"]["version"] > after

        found: Frame = self._await(is_it, DEADLINE, wanted)["conversation"]
        return found

    def until(self, kind: str, **fields: Any) -> list[Frame]:
        """Everything heard so far, all taken, that event last."""
        last = self.expect(kind, **fields)
        return [*self._take(), last]

    def fence(self) -> list[Frame]:
        """Every frame that has come before the answer to a request made now, all taken."""
        self.ping()
        return self._take()

    def closed(self, *, within: float = DEADLINE) -> int | None:
        """Wait for the service to close the connection; the close code."""
        deadline = time.monotonic() + within
        try:
            while True:
                self.heard.append(self._receive(deadline))
        except ConnectionClosed as ended:
            return ended.rcvd.code if ended.rcvd else None

    def _take(self) -> list[Frame]:
        frames = list(self.heard)
        self.heard.clear()
        return frames

    def _await(self, wanted: Callable[[Frame], bool], within: float, what: object) -> Frame:
        deadline = time.monotonic() + within
        for frame in self.heard:
            if wanted(frame):
                self.heard.remove(frame)
                return frame
        while True:
            try:
                frame = self._receive(deadline)
            except TimeoutError:
                raise AssertionError(f"{self.user} waited {within} s for {what}; heard {list(self.heard)}") from None
            if wanted(frame):
                return frame
            self.heard.append(frame)

    def _receive(self, deadline: float) -> Frame:
        while True:
            text = self.socket.recv(timeout=max(0.0, deadline - time.monotonic()))
            assert isinstance(text, str), "the service sends text frames only"
            frame = json.loads(text)
            assert isinstance(frame, dict), text
            checked(frame)
            again = self._posted.get(frame.get("id", "")) if self.patient else None
            if again is None or frame.get("code") != "rate_limited":
                return frame
            time.sleep(frame["details"]["retry_after_ms"] / 1000)  # what the page asks a client to do
            self.send_text(again)


@cache
def tls() -> ssl.SSLContext:
    """What connections over TLS are opened with: reading the machine's authorities takes its time, so once."""
    context = ssl.create_default_context()
    # The session tickets of 1.3 wake the library's reading thread, which then blocks, and at times whoever writes.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def of_type(frames: Sequence[Frame], kind: str, **fields: Any) -> list[Frame]:
    return [f for f in frames if f["type"] == kind and fits(f, fields)]


def names(details: Frame, message: str, field: str) -> bool:
    """Whether a `bad_request` names the field: alone or as a step of a path, in the details and in the message."""
    found = details.get("field")
    return isinstance(found, str) and field in re.split(r"[^\w]+", found) and field in message
