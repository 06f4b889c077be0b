"""Deliberate faults of the service, each put into a process that has not begun to serve. The checker must see them all.

A fault of a script is another text in an exact place of it: where the place is not found, nothing is applied and an
AssertionError says so.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from chalicelib import delivery, gateway, protocol
from chalicelib.bootstrap import services
from chalicelib.gateway import Post, Posted
from chalicelib.model import Outcome, Text
from chalicelib.store import conversations, scripts


@dataclass(frozen=True, slots=True)
class Mutant:
    """A deliberate fault: what it breaks, how it is put in, the rules of which it breaks one, and in which drills."""

    breaks: str
    put_in: Callable[[], None]
    caught_by: Collection[str]
    drills: Collection[str]
    dying: float = 0.0  # the chance of a death that it takes to show

    def __str__(self) -> str:
        return self.breaks


def apply(name: str) -> None:
    """Put a fault into this process."""
    MUTANTS[name].put_in()


def lua(*edits: tuple[str, str, str]) -> Callable[[], None]:
    """A fault in scripts: for each edit the script's name, an exact piece of its text, and another in its place."""

    def put_in() -> None:
        original = scripts.source

        def edited(name: str) -> str:
            text = original(name)
            for script, piece, instead in edits:
                if script == name:
                    assert text.count(piece) == 1, f"{piece!r} is {text.count(piece)} times in {name}"
                    text = text.replace(piece, instead)
            return text

        for script, _, _ in edits:
            edited(script)
        setattr(scripts, "source", edited)  # noqa: B010 - mypy lets no function be assigned
        scripts.sha.cache_clear()

    return put_in


def method(owner: type, name: str, instead: Callable[..., Any]) -> Callable[[], None]:
    """A fault in a method: another one in its place, which is given the original first."""

    def put_in() -> None:
        original = getattr(owner, name)

        def called(*args: Any, **kwargs: Any) -> Any:
            return instead(original, *args, **kwargs)

        setattr(owner, name, called)

    return put_in


def _post_and_trim(post: Callable[..., Posted], self: gateway.Gateway, one: Post) -> Posted:
    """What the platform has taken leaves the offline list, as if the client had acknowledged it."""
    posted = post(self, one)
    if posted is Posted.SENT and b'"offset":' in one.frame[:60]:
        offset = int(one.frame.partition(b'"offset":')[2].partition(b",")[0])
        store = services().store
        identity, _ = store.users.identity(one.connection)
        if identity:
            store.users.admit(identity, offset)
    return posted


def _deliver_unowed(
    deliver: Callable[..., None], self: delivery.Dispatcher, outcome: Outcome, *rest: Any, **named: Any
) -> None:
    """The outbox is emptied before anything is delivered."""
    if outcome.debt:
        conversations.Conversations.paid(self._store.conversations, outcome.store, [outcome.debt.entry])
    deliver(self, outcome, *rest, **named)


def _stripped(append: Callable[..., Any], self: Any, name: Any, sender: Any, id_: str, body: bytes) -> Any:
    text = json.loads(body)["text"]
    return append(self, name, sender, id_, protocol.encode(Text("text", text.strip() or text)))


def _normalized(append: Callable[..., Any], self: Any, name: Any, sender: Any, id_: str, body: bytes) -> Any:
    return append(self, name, sender, id_, unicodedata.normalize("NFC", body.decode()).encode())


def _first_only(append: Callable[..., Any], self: Any, *args: Any) -> Any:
    stored = append(self, *args)
    if stored.debt and len(stored.debt.recipients) > 1:
        return replace(stored, debt=replace(stored.debt, recipients=stored.debt.recipients[:1]))
    return stored


APPEND = "message_append"
NOT_CLAIMER = "if side == 'store' and claimer ~= sender then return {'not_claimer', claimer or ''} end"
TAKEN = "if current and not may_force then return {'taken', current} end"
KNOWN = "if known then\n"
FOUND = "for _, entry in ipairs(entries) do\n  found[#found + 1]"
LEAVES = "if number < 0 then\n"
SAME = "if not same then return {'conflict', seq} end"
STRANGER = "  if not role then return {'stranger'} end\n"
HISTORY = "if not role_of(user, customer) then return {'stranger'} end"
TRIMMED = "trim(at, tonumber(ack))"
LIVE = "elseif state ~= 'joining' then"
KEEP = "redis.call('RPUSH', MESSAGES, message)"
MARK = "local mark = math.max(before, math.min(tonumber(seq), last_seq))"
MOVED = "if mark > before then redis.call"
HANDED = "set_status(customer, 'claimed', at, receiver, name)"
SEQ = "local seq = redis.call('LLEN', MESSAGES) + 1"
MOVES = "not status or status == 'closed' or lapsed"
LEFT = "if known < 0 and -known > tonumber(joined) then return {'left'} end"

MUTANTS: Mapping[str, Mutant] = {
    "pop before send": Mutant(
        "A replay takes the entries off the list when it reads them, before the client has them.",
        lua(
            (
                "replay_next",
                FOUND,
                "if #entries > 0 then redis.call('LTRIM', OFFLINE, index + #entries, -1) end\n" + FOUND,
            )
        ),
        {"replay", "delivered"},
        {"late"},
    ),
    "trim what was pushed": Mutant(
        "An entry leaves the list when the platform has taken its push.",
        method(gateway.Gateway, "post", _post_and_trim),
        {"replay", "delivered"},
        {"late"},
    ),
    "skip the outbox": Mutant(
        "Nothing is owed while a delivery is under way.",
        method(delivery.Dispatcher, "deliver", _deliver_unowed),
        {"delivered"},
        {"abandon"},
        dying=0.04,
    ),
    "no sweep": Mutant(
        "What the outbox owes is never looked at again.",
        lua(
            (APPEND, "local overdue = take_overdue(OUTBOX, at, ARGV[8])", "local overdue = {}"),
            ("outbox_take", "return take_overdue(KEYS[1], now(), ARGV[1])", "return {}"),
        ),
        {"delivered"},
        {"abandon"},
        dying=0.04,
    ),
    "live too early": Mutant(
        "A connection gets live events before its replay has ended.",
        lua(("offline_append", LIVE, "elseif true then")),
        {"order", "replay"},
        {"late"},
    ),
    "replay backwards": Mutant(
        "The newest entries of a batch are replayed first.",
        lua(
            (
                "replay_next",
                FOUND,
                FOUND.replace("found[#found + 1]", "entry = entries[#entries + 1 - _]\n  found[#found + 1]"),
            )
        ),
        {"order"},
        {"late"},
    ),
    "one offset for two": Mutant(
        "The offset of an entry is the length of the list, and is given again after an acknowledgement.",
        lua(
            (
                "offline_append",
                "redis.call('HINCRBY', INBOX, 'newest', 1)",
                "redis.call('LLEN', OFFLINE) + 1\n"
                "  local newest = tonumber(redis.call('HGET', INBOX, 'newest') or 0)\n"
                "  if offset > newest then redis.call('HSET', INBOX, 'newest', offset) end",
            )
        ),
        {"offsets", "order", "replay"},
        {"ack"},
    ),
    "trim one too many": Mutant(
        "An acknowledgement takes the next entry with it.",
        lua(("request_admit", TRIMMED, "trim(at, tonumber(ack) + 1)")),
        {"replay", "delivered"},
        {"ack"},
    ),
    "ignore acknowledgements": Mutant(
        "An acknowledgement is answered and changes nothing.",
        lua(("request_admit", TRIMMED, "trim(at, 0)")),
        {"replay"},
        {"ack"},
    ),
    "claim without the check": Mutant(
        "A claim does not look at who holds it.",
        lua(("conversation_claim", TAKEN, "")),
        {"two claimers"},
        {"storm"},
    ),
    "two claimers": Mutant(
        "A transfer tells the receiver of the claim, and leaves it where it was.",
        lua(
            (
                "conversation_transfer",
                HANDED,
                HANDED
                + "\nif current then redis.call('HSET', CLAIMS, customer, table.concat(agent_pair(current), ':')) end",
            )
        ),
        {"one claimer", "non-claimer"},
        {"hand"},
    ),
    "anybody answers": Mutant(
        "An agent who has not claimed the conversation may send.",
        lua((APPEND, NOT_CLAIMER, "")),
        {"non-claimer"},
        {"storm", "hand"},
    ),
    "no tenant check on send": Mutant(
        "Whoever is no agent of the store counts as one when sending.",
        lua(
            (APPEND, STRANGER, "  role, since, table_name = role or 'agent', since or '1', table_name or ''\n"),
            (APPEND, NOT_CLAIMER, ""),
        ),
        {"walls"},
        {"pry"},
    ),
    "no tenant check on history": Mutant(
        "Anybody reads every history.",
        lua(("conversation_history", HISTORY, "")),
        {"walls"},
        {"pry"},
    ),
    "forget idempotency": Mutant(
        "A known id is stored again.",
        lua((APPEND, KNOWN, "if false then\n")),
        {"once"},
        {"repeat"},
    ),
    "a changed body is known": Mutant(
        "Another body under a known id is answered as if it were the first.",
        lua((APPEND, SAME, "")),
        {"as sent"},
        {"repeat"},
    ),
    "strip": Mutant(
        "Blanks at the ends of a text are taken away.",
        method(conversations.Conversations, "append", _stripped),
        {"as sent"},
        {"text"},
    ),
    "normalize": Mutant(
        "A text is stored in a normal form of Unicode.",
        method(conversations.Conversations, "append", _normalized),
        {"as sent"},
        {"text"},
    ),
    "a counter that skips": Mutant(
        "Every tenth seq is left out.",
        lua((APPEND, SEQ, SEQ + "\nif seq % 10 == 0 then redis.call('RPUSH', MESSAGES, '{}') seq = seq + 1 end")),
        {"one order", "shape"},
        {"text"},
    ),
    "first recipient only": Mutant(
        "What waits is told to one agent of the store only.",
        method(conversations.Conversations, "append", _first_only),
        {"delivered"},
        {"open"},
    ),
    "closed for ever": Mutant(
        "A closed conversation stays closed when its customer writes.",
        lua((APPEND, MOVES, "not status or lapsed")),
        {"reopened"},
        {"open"},
    ),
    "removed and still told": Mutant(
        "An agent who has been removed keeps the store's entries, and those under way still come.",
        lua(("membership_write", LEAVES, "if false then\n"), ("offline_append", LEFT, "")),
        {"walls"},
        {"left"},
    ),
    "unread without the store's own": Mutant(
        "What the store has said itself counts as unread for it.",
        lua((APPEND, "redis.call('SETBIT', BY_STORE, seq, 1)", "")),
        {"unread"},
        {"read"},
    ),
    "a mark moves back": Mutant(
        "A read mark goes where the last request puts it.",
        lua(
            ("conversation_read", MARK, MARK.replace("math.max(before, ", "(")),
            ("conversation_read", MOVED, "if mark ~= before then redis.call"),
        ),
        {"read mark"},
        {"read"},
    ),
    "a message moves the mark": Mutant(
        "Sending reads everything before.",
        lua((APPEND, KEEP, KEEP + "\n    redis.call('HSET', CONVERSATION, 'read_' .. side, seq)")),
        {"read mark"},
        {"read"},
    ),
}
