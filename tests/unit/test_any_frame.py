"""Whatever comes: a request or a refusal, never anything else; and a request survives its own encoding."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import UNSET

from chalicelib import protocol
from chalicelib.errors import BadRequest, KefuError, TooLarge
from chalicelib.model import MAX_INTEGER, Text
from chalicelib.protocol import AnyRequest, Frame

NUMBERS = st.integers() | st.floats() | st.integers(min_value=-(10**30), max_value=10**30)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
KINDS = {str(kind.__struct_config__.tag): kind for kind in protocol.Request.__subclasses__()}
ACTIONS = st.sampled_from(sorted(KINDS))
FIELDS = st.sampled_from(sorted({field for kind in KINDS.values() for field in kind.__struct_fields__}))
ANY_TEXT = st.text(alphabet=st.characters(exclude_categories=()))


def answer(text: str) -> AnyRequest | KefuError:
    """What a frame comes to; a refusal must also go out as a frame, its id included."""
    frame = Frame(text)
    try:
        return frame.request()
    except KefuError as refusal:
        told = json.loads(protocol.refusal(refusal, frame.id))
        assert told["type"] == "error"
        assert told["code"] in {"bad_request", "too_large"}
        assert told["message"]
        assert told["id"] == frame.id
        return refusal


@given(ANY_TEXT)
@example('{"action":"ping","\\ud800":1}')
@example("\ud800")
def test_any_text_is_a_request_or_refused(text: str) -> None:
    assert isinstance(answer(text), KefuError | protocol.Request)


@pytest.mark.parametrize("kind", [protocol.PutStore, protocol.PutAgent, protocol.PostMessage, protocol.PostBroadcast])
@given(raw=st.binary() | JSON.map(json.dumps).map(str.encode))
def test_any_bytes_are_a_body_or_refused(kind: Any, raw: bytes) -> None:
    with suppress(BadRequest, TooLarge):
        assert isinstance(protocol.body(raw, kind), kind)


@given(JSON)
def test_any_json_value_is_a_request_or_refused(value: Any) -> None:
    assert isinstance(answer(json.dumps(value)), KefuError | protocol.Request)


@given(ACTIONS, st.dictionaries(FIELDS | st.text(max_size=5), JSON, max_size=5))
def test_any_fields_of_any_action_are_a_request_or_refused(action: str, fields: dict[str, Any]) -> None:
    assert isinstance(answer(json.dumps({**fields, "action": action})), KefuError | protocol.Request)


@given(ACTIONS, st.text(min_size=1, max_size=20))
@example("ping", "a` - at `$.b")
def test_an_unknown_field_is_named_exactly(action: str, name: str) -> None:
    known = {"action", *KINDS[action].__struct_fields__}
    # What is missing could be told first, so nothing is.
    whole = {"id": "k", "conversation": "s:c", "body": {"type": "text", "text": "x"}, "to": "a", "seq": 1, "store": "s"}
    fields = {field: whole[field] for field in KINDS[action].__struct_fields__ if field in whole}
    if name not in known:
        refusal = answer(json.dumps({"action": action, **fields, name: 1}))
        assert isinstance(refusal, KefuError)
        assert refusal.details == {"field": name}


NAMES = st.from_regex(r"\A[A-Za-z0-9_-]{1,64}\Z")
CONVERSATIONS = st.builds("{}:{}".format, NAMES, NAMES)
IDS = st.from_regex(r"\A[\x20-\x7e]{1,64}\Z")
SEQS = st.integers(0, MAX_INTEGER)
LIMITS = st.integers(1, 100)
BODIES = st.builds(Text, type=st.just("text"), text=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
HEAD = {"id": IDS | st.just(UNSET), "ack": SEQS | st.just(UNSET)}
PLACES = st.tuples(SEQS | st.just(UNSET), st.just(UNSET)) | st.tuples(st.just(UNSET), SEQS | st.just(UNSET))
OPTIONAL = {
    "status": st.sampled_from(["waiting", "claimed", "closed"]) | st.just(UNSET),
    "cursor": st.builds("{}:{}".format, st.integers(0, 10**16 - 1), NAMES) | st.just(UNSET),
    "limit": LIMITS,
    **HEAD,
}
REQUESTS: st.SearchStrategy[AnyRequest] = st.one_of(
    st.builds(protocol.Send, conversation=CONVERSATIONS, body=BODIES, id=IDS, ack=HEAD["ack"]),
    PLACES.flatmap(
        lambda place: st.builds(
            protocol.History,
            conversation=CONVERSATIONS,
            after=st.just(place[0]),
            before=st.just(place[1]),
            limit=LIMITS,
            **HEAD,
        )
    ),
    st.builds(protocol.Conversations, store=NAMES, mine=st.booleans(), **OPTIONAL),
    st.builds(protocol.Conversations, store=st.just(UNSET), mine=st.just(False), **OPTIONAL),
    st.builds(protocol.Claim, conversation=CONVERSATIONS, force=st.booleans(), **HEAD),
    st.builds(protocol.Transfer, conversation=CONVERSATIONS, to=NAMES, **HEAD),
    st.builds(protocol.Read, conversation=CONVERSATIONS, seq=SEQS, **HEAD),
    st.builds(protocol.Typing, conversation=CONVERSATIONS, on=st.booleans(), **HEAD),
    st.builds(protocol.Store, store=NAMES, **HEAD),
    st.builds(protocol.Sync, **HEAD),
    st.builds(protocol.Ping, **HEAD),
    *(
        st.builds(kind, conversation=CONVERSATIONS, **HEAD)
        for kind in (protocol.Release, protocol.Close, protocol.Watch, protocol.Unwatch)
    ),
)


@given(REQUESTS)
@settings(max_examples=300)
def test_any_request_survives_its_own_encoding(request_: AnyRequest) -> None:
    text = protocol.encode(request_).decode()
    frame = Frame(text)
    assert frame.request() == request_
    assert frame.id == (None if request_.id is UNSET else request_.id)
    assert Frame(json.dumps(json.loads(text))).request() == request_  # every other character escaped
