"""Section 3 of the protocol: ids, acks, sizes, escapes, and what the platform itself refuses."""

from __future__ import annotations

import json
import string

import pytest

from tests.e2e.client import Client, fresh, names, of_type
from tests.e2e.conftest import Marketplace, Shop

FRAME_LIMIT = 16 * 1024
PLATFORM_LIMIT = 32 * 1024


def padded(frame: dict[str, object], size: int) -> str:
    """The frame as JSON of exactly `size` bytes."""
    text = json.dumps(frame)
    return text + " " * (size - len(text))


# Ids


@pytest.mark.parametrize("id_", ["a", " ", "x" * 64, '"\\/', "~!@#$%^&*()", string.punctuation, "0", "null"])
def test_an_id_is_any_printable_ascii(market: Marketplace, shop: Shop, id_: str) -> None:
    customer = market.connect()
    result = customer.say(shop.conversation(customer), "hello", id=id_)
    assert customer.history(shop.conversation(customer))[0]["id"] == id_
    assert customer.say(shop.conversation(customer), "hello", id=id_) == result


def test_a_request_without_an_id_gets_no_reply_when_it_succeeds(shop: Shop) -> None:
    agent = shop.agent()
    customer, conversation = shop.waiting()
    for action in ("claim", "watch", "typing", "history", "release", "unwatch"):
        agent.send_text(json.dumps({"action": action, "conversation": conversation}))
        agent.ask("store", store=shop.store)
    customer.changed(conversation, status="claimed")
    customer.changed(conversation, status="waiting")
    agent.send_text('{"action":"sync"}')
    frames = agent.fence()
    assert not of_type(frames, "reply")
    assert not of_type(frames, "error")


def test_an_error_without_an_id_says_null(shop: Shop) -> None:
    agent = shop.agent()
    agent.send_text(json.dumps({"action": "claim", "conversation": shop.conversation(fresh("nobody"))}))
    assert agent.answer(None)["code"] == "not_found"


def test_a_ping_is_answered_by_a_pong_with_its_id_if_it_had_one(market: Marketplace) -> None:
    client = market.connect()
    client.send_text('{"action":"ping"}')
    assert client.expect("pong").get("id") is None
    pong = client.ping(id="with an id")
    assert pong["id"] == "with an id"
    assert not client.fence(), "a pong is the only answer"


# Escapes and repeated keys


def test_of_repeated_keys_the_last_counts(market: Marketplace, shop: Shop) -> None:
    client = market.connect()
    conversation = shop.conversation(client)
    client.send_text('{"action":"nonsense","id":"first","action":"ping","id":"second"}')
    assert client.answer("second")["type"] == "pong"
    body = '"body":{"type":"text","text":"not this","text":"but this"}'
    client.send_text(f'{{"action":"send","id":"k1","conversation":"{conversation}",{body}}}')
    assert client.answer("k1")["type"] == "reply"
    body = '"body":5,"body":{"type":"image","type":"text","text":null,"text":"and this"}'
    client.send_text(f'{{"action":"send","id":7,"id":"k2","conversation":null,"conversation":"{conversation}",{body}}}')
    assert client.answer("k2")["type"] == "reply"
    assert client.texts(conversation) == ["but this", "and this"]


def test_a_key_repeated_in_another_spelling_is_repeated(market: Marketplace) -> None:
    client = market.connect()
    client.send_text('{"action":"nonsense","id":"escaped","\\u0061ction":"ping"}')
    assert client.answer("escaped")["type"] == "pong"


def test_the_last_of_repeated_keys_counts_where_it_is_the_bad_one(market: Marketplace) -> None:
    client = market.connect()
    client.send_text('{"action":"ping","id":"good","id":5}')
    error = client.answer(None)
    assert error["code"] == "bad_request"
    assert names(error["details"], error["message"], "id"), error


def test_escapes_are_what_they_stand_for(market: Marketplace, shop: Shop) -> None:
    client = market.connect()
    store, _, user = shop.conversation(client).partition(":")
    text = "\\u0068\\u00e9\\ud83d\\ude00\\n\\t\\/\\\\"
    client.send_text(
        f' {{"\\u0061ction" : "s\\u0065nd", "id":"\\u006b1",\n "conversation":"{store}\\u003a{user}",'
        f'"body":{{"text":"{text}","type":"te\\u0078t"}} }} \r\n'
    )
    assert client.answer("k1")["type"] == "reply"
    assert client.texts(f"{store}:{user}") == ["hé😀\n\t/\\"]


EXACT = {
    "white space": " \t\r\n\u00a0\u2003 ",
    "one space": " ",
    "a null character": "\x00a\x00",
    "control characters": "\x01\x1f\x7f\x80",
    "composed and decomposed": "é e\u0301",
    "no characters": "\ufffe\uffff\U0010ffff\ufffd\ufeff",
    "line separators": "\u2028\u2029\u0085",
    "bidi and joiners": "\u202eabc\u202c 👩‍👩‍👧‍👦 👍🏽",
    "quotes and backslashes": '"\\"\\\\" \\u0041 \\n',
    "markup": "</script><b>&amp;%s{0}${x}",
    "what Lua and JSON trip over": "[null] 1e309 nil -- ]] \x1a",
    "CJK": "您好，请问有货吗？𠮷",
}


@pytest.mark.parametrize("kind", EXACT)
def test_text_is_stored_and_delivered_exactly_as_sent(shop: Shop, kind: str) -> None:
    agent = shop.agent()
    customer, conversation = shop.waiting(EXACT[kind])
    assert agent.expect("message", conversation=conversation)["body"] == {"type": "text", "text": EXACT[kind]}
    assert customer.texts(conversation) == [EXACT[kind]]
    assert shop.market.connect(agent.user).replayed[0]["body"]["text"] == EXACT[kind]


# Limits


@pytest.mark.parametrize("character", ["x", "é", "中", "😀"], ids=ascii)
def test_text_has_at_most_4000_characters_however_many_bytes(market: Marketplace, shop: Shop, character: str) -> None:
    customer = market.connect()
    conversation = shop.conversation(customer)
    customer.say(conversation, character * 4000, id="k")
    assert customer.texts(conversation) == [character * 4000]
    body = {"type": "text", "text": character * 4001}
    details = customer.refused("too_large", "send", conversation=conversation, body=body, id="j")
    assert details["limit"] == 4000
    assert len(customer.history(conversation)) == 1


def test_a_frame_has_at_most_16_kib(market: Marketplace) -> None:
    client = market.connect()
    client.send_text(padded({"action": "ping", "id": "fits"}, FRAME_LIMIT))
    assert client.answer("fits")["type"] == "pong"
    client.send_text(padded({"action": "ping", "id": "too long"}, FRAME_LIMIT + 1))
    error = client.answer("too long")
    assert error["code"] == "too_large"
    assert error["details"]["limit"] == FRAME_LIMIT
    client.ping()


@pytest.mark.parametrize("text", ["x" * 4000, "😀" * 2000], ids=["letters", "emoji"])
def test_escapes_count_as_they_are_sent(market: Marketplace, shop: Shop, text: str) -> None:
    """24,000 bytes of escapes, for a text that raw would fit."""
    client = market.connect()
    conversation = shop.conversation(client)
    utf16 = text.encode("utf-16-be").hex()
    escaped = "".join(f"\\u{utf16[i : i + 4]}" for i in range(0, len(utf16), 4))
    client.send_text(
        f'{{"action":"send","id":"k","conversation":"{conversation}","body":{{"type":"text","text":"{escaped}"}}}}'
    )
    error = client.answer("k")
    assert error["code"] == "too_large", error
    assert error["details"]["limit"] == FRAME_LIMIT
    client.refused("not_found", "history", conversation=conversation)


def test_a_frame_is_measured_in_bytes_not_characters(market: Marketplace) -> None:
    client = market.connect()
    frame = '{"action":"ping","id":"k","colour":"' + "中" * 6000 + '"}'
    assert len(frame) < FRAME_LIMIT < len(frame.encode()) < PLATFORM_LIMIT
    client.send_text(frame)
    assert client.answer("k")["code"] == "too_large"


def test_what_is_too_large_is_so_whatever_it_says(market: Marketplace) -> None:
    client = market.connect()
    for text in ("x" * 20_000, "[" * 20_000, "\\ud800" * 3000, " " * 20_000):
        client.send_text(text)
        assert client.answer(None)["code"] == "too_large"
    client.ping()


def test_a_message_in_several_frames_counts_as_a_whole(market: Marketplace) -> None:
    client = market.connect()
    fits, too_long = (
        padded({"action": "ping", "id": id_}, size) for id_, size in (("fits", FRAME_LIMIT), ("long", FRAME_LIMIT + 1))
    )
    client.send_text([fits[:5], fits[5:9000], fits[9000:]])
    assert client.answer("fits")["type"] == "pong"
    client.send_text([too_long[:9000], too_long[9000:]])
    assert client.answer("long")["code"] == "too_large"


def test_the_platform_closes_on_a_binary_frame(market: Marketplace) -> None:
    client = market.connect()
    client.socket.send(b'{"action":"ping"}')
    assert client.closed() == 1003


def test_the_platform_closes_on_invalid_utf_8(market: Marketplace) -> None:
    client = market.connect()
    client.send_text(b'{"action":"ping","id":"\xff"}')
    assert client.closed() == 1007


def test_the_platform_closes_on_a_frame_over_32_kib(market: Marketplace) -> None:
    client = market.connect()
    client.send_text(padded({"action": "ping", "id": "large"}, PLATFORM_LIMIT))
    assert client.answer("large")["code"] == "too_large"
    client.send_text(padded({"action": "ping"}, PLATFORM_LIMIT + 1))
    assert client.closed() == 1009


# The ack that rides on a frame


@pytest.fixture
def holder(shop: Shop) -> Client:
    """An agent with three entries that are not acknowledged, offsets 1 to 3."""
    agent = shop.agent()
    customer, conversation = shop.waiting("one")
    customer.say(conversation, "two")
    customer.say(conversation, "three")
    for offset in (1, 2, 3):
        agent.expect("message", offset=offset)
    return agent


def held(client: Client) -> list[int]:
    """The offsets that are still in the offline list."""
    client.ask("sync")
    return [f["offset"] for f in client.fence() if f.get("replay")]


@pytest.mark.parametrize("action", ["ping", "store", "conversations", "sync"])
def test_an_ack_rides_on_any_frame(holder: Client, shop: Shop, action: str) -> None:
    parameters = {"store": shop.store} if action in ("store", "conversations") else {}
    assert holder.request(action, ack=2, **parameters)["type"] in ("reply", "pong")
    holder.fence()
    assert held(holder) == [3]


def test_an_ack_is_applied_before_the_frame_s_action(holder: Client) -> None:
    holder.ask("sync", ack=2)
    assert [f["offset"] for f in holder.fence() if f.get("replay")] == [3]


def test_an_ack_is_cumulative_and_one_behind_changes_nothing(holder: Client) -> None:
    holder.acknowledge(2)
    holder.acknowledge(1)
    assert held(holder) == [3]
    holder.acknowledge(2)
    assert held(holder) == [3]
    holder.acknowledge(3)
    assert held(holder) == []
    holder.acknowledge(3)
    holder.acknowledge(1)


def test_an_ack_beyond_the_newest_offset_drops_and_does_nothing(holder: Client, shop: Shop) -> None:
    _, conversation = shop.waiting()
    holder.expect("message", offset=4)
    details = holder.refused("bad_request", "claim", conversation=conversation, ack=5)
    assert details["field"] == "ack"
    assert held(holder) == [1, 2, 3, 4]
    assert holder.ask("conversations", store=shop.store, status="claimed")["conversations"] == []
    holder.acknowledge(4)
    holder.refused("bad_request", "ping", ack=5)


def test_somebody_without_entries_has_nothing_to_acknowledge(market: Marketplace) -> None:
    assert market.connect().refused("bad_request", "ping", ack=1)["field"] == "ack"


def test_the_ack_of_a_malformed_frame_is_not_applied(holder: Client) -> None:
    holder.refused("bad_request", "nonsense", ack=3)
    holder.refused("bad_request", "ping", ack=3, colour="red")
    holder.refused("bad_request", "history", ack=3, conversation="nowhere")
    assert held(holder) == [1, 2, 3]


def test_the_ack_of_a_bad_transfer_is_not_applied(holder: Client, shop: Shop) -> None:
    """A `to` that is no agent is `bad_request` too, although only the store knows."""
    customer, conversation = shop.claimed(holder)
    assert holder.expect("message", conversation=conversation)["offset"] == 4
    holder.refused("bad_request", "transfer", conversation=conversation, to=customer.user, ack=4)
    holder.refused("bad_request", "transfer", conversation=conversation, to=fresh("stranger"), ack=4)
    assert held(holder) == [1, 2, 3, 4]


def test_the_ack_of_a_frame_that_is_too_large_is_not_applied(holder: Client, shop: Shop) -> None:
    body = {"type": "text", "text": "x" * 4001}
    holder.refused("too_large", "send", conversation=shop.conversation("carl"), body=body, ack=3)
    holder.send_text(padded({"action": "ping", "id": "large", "ack": 3}, FRAME_LIMIT + 1))
    assert holder.answer("large")["code"] == "too_large"
    assert held(holder) == [1, 2, 3]


def test_the_ack_of_a_frame_that_is_refused_later_is_applied(holder: Client, shop: Shop, market: Marketplace) -> None:
    elsewhere = market.open_store().conversation("carl")
    holder.refused("forbidden", "history", conversation=elsewhere, ack=1)
    assert held(holder) == [2, 3]
    holder.refused("not_found", "claim", conversation=shop.conversation(fresh("nobody")), ack=2)
    assert held(holder) == [3]
    _, conversation = shop.waiting()
    body = {"type": "text", "text": "mine?"}
    holder.refused("not_claimer", "send", conversation=conversation, body=body, ack=3)
    holder.expect("message", offset=4)
    assert held(holder) == [4]
