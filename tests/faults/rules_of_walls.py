"""Nobody receives, reads or learns of a conversation who is neither its customer nor one of its store's agents."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.evidence import Evidence, Place, Request, customer_of, store_of
from tests.faults.violation import Violation

# What says nothing of the conversation.
NEUTRAL = {"forbidden", "bad_request", "too_large", "rate_limited", "unavailable", "internal", "unauthorized"}
FOR_AGENTS = {"claim", "release", "transfer", "watch", "unwatch"}


def walls(evidence: Evidence) -> Iterator[Violation]:
    """What came to whom, what strangers were told, and in whose name messages stand."""
    for index, connection, conversation in evidence.named:
        user, store = connection.user, store_of(conversation)
        # What was decided before a removal may still be on its way to an open socket, but not to a later one.
        if user != customer_of(conversation) and not evidence.may_serve(store, user, connection.dialed, index):
            yield Violation("walls", f"{user} was told of {conversation}", (index,))
    yield from _after_removal(evidence)
    for request in evidence.requests:
        yield from _stranger(evidence, request)
    for conversation, messages in evidence.log.items():
        for message in messages.values():
            speaker = message["from"]
            customer, agents = customer_of(conversation), evidence.agents(store_of(conversation))
            right = {
                "customer": speaker["user"] == customer,
                "store": speaker["user"] != customer and speaker["user"] in agents,
                "system": speaker["user"] == "system",
            }[speaker["side"]]
            if not right:
                yield Violation("walls", f"a stranger speaks: {message}", ())


def _after_removal(evidence: Evidence) -> Iterator[Violation]:
    """What was first sent after a removal does not come to who was removed, on whatever connection."""
    born: dict[tuple[str, str, str], int] = {}
    for request in evidence.sends():
        born.setdefault((request.conversation, request.user, request.frame["id"]), request.sent)
    for call in evidence.posts():
        born.setdefault((call.path[1], "system", call.body["id"]), call.asked)
    begun: dict[Place, int] = {}
    for conversation, messages in evidence.log.items():
        for seq, message in messages.items():
            begun[conversation, seq] = born.get((conversation, message["from"]["user"], message["id"]), 0)
    for seen in evidence.seen:
        conversation = seen.place[0]
        if seen.user != customer_of(conversation) and not evidence.may_serve(
            store_of(conversation), seen.user, begun[seen.place], seen.index
        ):
            yield Violation("walls", f"{seen.user}, who had left, was told {seen.message}", (seen.index,))


def _stranger(evidence: Evidence, request: Request) -> Iterator[Violation]:
    if request.answer is None or request.answer["type"] == "pong" or request.error in NEUTRAL:
        return
    conversation = request.conversation
    store = store_of(conversation) if conversation else request.frame.get("store")
    if store is None or request.action == "store":
        return
    serves = evidence.may_serve(store, request.user, request.sent, request.answered)
    own = request.user == customer_of(conversation)
    allowed = request.action not in FOR_AGENTS if own else serves
    if not allowed:
        text = f"{request.user}'s {request.action} of {conversation or store} was answered {request.answer}"
        yield Violation("walls", text, (request.sent, request.answered))
    elif request.frame.get("force") and (request.result is not None) and _never_supervisor(evidence, request):
        yield Violation("walls", f"{request.user} forced a claim of {conversation}", (request.sent, request.answered))


def _never_supervisor(evidence: Evidence, request: Request) -> bool:
    store = store_of(request.conversation)
    return not any(
        call.method == "PUT" and call.path[1:] == [store, "agents", request.user] and call.body["role"] == "supervisor"
        for call in evidence.calls
    )
