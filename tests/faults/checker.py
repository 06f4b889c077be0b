"""Whether a run kept what section 6 of the protocol promises, decided from its recording and the histories alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.evidence import NEVER, Evidence, Frame, Request, Rising, customer_of
from tests.faults.recording import Recording
from tests.faults.rules_of_claims import claims
from tests.faults.rules_of_delivery import delivered, offsets
from tests.faults.rules_of_walls import walls
from tests.faults.violation import Violation

Rule = Callable[[Evidence], Iterator[Violation]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """A run in figures: what broke, by rule, and how much there was to break."""

    violations: Sequence[Violation]
    messages: int = 0
    replies: int = 0
    pushes: int = 0
    replays: int = 0
    connections: int = 0
    changes: int = 0
    broken: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, recording: Recording) -> Verdict:
        evidence = Evidence(recording)
        violations = _judge(evidence)
        return cls(
            violations,
            messages=sum(len(messages) for messages in evidence.log.values()),
            replies=sum(request.result is not None for request in evidence.sends()),
            pushes=sum(seen.offset is not None and not seen.replay for seen in evidence.seen),
            replays=sum(seen.replay for seen in evidence.seen),
            connections=sum(connection.opened < NEVER for connection in evidence.connections.values()),
            changes=len({(look.conversation["conversation"], look.conversation["version"]) for look in evidence.looks}),
            broken=Counter(violation.rule for violation in violations),
        )


def check(recording: Recording) -> list[Violation]:
    """Everything that the run did not keep; nothing where all was well."""
    return _judge(Evidence(recording))


def undelivered(recording: Recording) -> list[Violation]:
    """What somebody still has to get."""
    return list(delivered(Evidence(recording)))


def _judge(evidence: Evidence) -> list[Violation]:
    return [violation for rule in RULES for violation in rule(evidence)]


def shape(evidence: Evidence) -> Iterator[Violation]:
    """Every frame has the shape of the page, and answers what was asked."""
    for index, misfit in evidence.misshapen:
        yield Violation("shape", misfit, (index,))
    for request in evidence.requests:
        answer = request.answer
        if answer and answer["type"] == "reply" and answer["action"] != request.action:
            yield Violation("shape", f"a reply to {request.action} says {answer['action']}", (request.answered,))


def numbering(evidence: Evidence) -> Iterator[Violation]:
    """Seq runs 1, 2, 3 … without gap or repeat, and names the same message for everyone, wherever it is seen."""
    for seen in evidence.seen:
        conversation, seq = seen.place
        known = evidence.log[conversation][seq]
        if known != seen.message:
            yield Violation("one order", f"{conversation} {seq} is {known} and {seen.message}", (seen.index,))
    for conversation, messages in evidence.log.items():
        if sorted(messages) != list(range(1, len(messages) + 1)):
            missing = sorted(set(range(1, max(messages) + 1)) - set(messages))
            yield Violation("one order", f"{conversation} lacks {missing}", ())
    yield from _pages(evidence)
    yield from _walks(evidence)


def _pages(evidence: Evidence) -> Iterator[Violation]:
    """A page is ascending, without a gap, within what was asked for, and as new as what was known when it was."""
    for request in evidence.requests:
        if request.action != "history" or request.result is None:
            continue
        seqs = [message["seq"] for message in request.result["messages"]]
        low = request.frame.get("after", 0)
        high = request.frame.get("before", NEVER)
        if seqs != list(range(seqs[0], seqs[0] + len(seqs))) if seqs else False:
            yield Violation("one order", f"a page of {request.conversation} is {seqs}", (request.answered,))
        elif seqs and (seqs[0] <= low or seqs[-1] >= high or ("after" in request.frame and seqs[0] != low + 1)):
            yield Violation("one order", f"a page {request.frame} is {seqs}", (request.sent, request.answered))


def _walks(evidence: Evidence) -> Iterator[Violation]:
    """When all is settled, every reader's history holds all that anybody ever saw before it was asked for."""
    reached: dict[tuple[str, str], int] = defaultdict(int)
    asked: dict[tuple[str, str], int] = {}
    for request in evidence.requests:
        if request.action == "history" and request.sent > evidence.settling and request.result is not None:
            reader = request.user, request.conversation
            if request.frame.get("after") == reached[reader] or request.frame.get("after") == 0:
                seqs = [message["seq"] for message in request.result["messages"]]
                reached[reader] = max([reached[reader], *seqs])
                asked[reader] = request.sent
    newest: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for seen in evidence.seen:
        newest[seen.place[0]].append((seen.index, seen.place[1]))
    for (user, conversation), seq in reached.items():
        known = max((s for index, s in newest[conversation] if index < asked[user, conversation]), default=0)
        if seq < known:
            yield Violation("one order", f"the history of {conversation} ends with {seq} for {user}, not {known}", ())


def stored_once(evidence: Evidence) -> Iterator[Violation]:
    """Every send that was answered is there once, as it was sent; nothing is there that nobody sent."""
    stored: dict[tuple[str, str, str], list[Frame]] = defaultdict(list)
    for conversation, messages in evidence.log.items():
        for message in messages.values():
            stored[conversation, message["from"]["user"], message["id"]].append(message)
    attempts: dict[tuple[str, str, str], list[Request]] = defaultdict(list)
    for request in evidence.sends():
        attempts[request.conversation, request.user, request.frame["id"]].append(request)
    posted: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for call in evidence.posts():
        key = call.path[1], "system", call.body["id"]
        posted[key].add(call.body["body"]["text"])
        if call.status == 200:
            yield from _kept(stored[key], call.answer, None, call.answered, "a message of the system")
    for key, kept in stored.items():
        if len(kept) > 1:
            yield Violation("once", f"{key} is stored as {[message['seq'] for message in kept]}", ())
        sent = posted[key] or {request.frame["body"]["text"] for request in attempts[key]}
        for message in kept:
            if message["body"]["text"] not in sent:
                yield Violation("as sent", f"nobody sent {message}", tuple(each.sent for each in attempts[key]))
    for key, requests in attempts.items():
        for request in requests:
            yield from _answered(request, requests, stored[key])
        codes = {request.error for request in requests}  # None for a reply, and where there was no answer
        if requests and codes <= FOR_GOOD and stored[key]:
            yield Violation("refused", f"{key} is stored although it was refused: {codes}", (requests[-1].answered,))


FOR_GOOD = {"not_claimer", "forbidden", "not_found", "bad_request", "too_large"}


def _answered(request: Request, attempts: Sequence[Request], stored: Sequence[Frame]) -> Iterator[Violation]:
    what = f"{request.user}'s {request.frame['id']} in {request.conversation}"
    # Of several at once on one connection the answers cannot be told apart, nor need they where all said the same.
    texts = {one.frame["body"]["text"] for one in attempts if one.connection == request.connection}
    text = request.frame["body"]["text"] if request.alone or len(texts) == 1 else None
    if request.result is not None:
        yield from _kept(stored, request.result, text, request.answered, what)
    elif request.error == "conflict" and request.answer is not None:
        seq = request.answer["details"]["seq"]
        if not any(message["seq"] == seq for message in stored):
            yield Violation("stored", f"{what} conflicts with {seq}, which is not of that id", (request.answered,))
        elif any(message["body"]["text"] == text for message in stored):
            yield Violation("as sent", f"{what} conflicts with itself", (request.answered,))


def _kept(stored: Sequence[Frame], result: Frame, text: str | None, index: int, what: str) -> Iterator[Violation]:
    found = [message for message in stored if message["seq"] == result["seq"]]
    if not found:
        yield Violation("stored", f"{what} was answered {result}, and is not there: {stored}", (index,))
        return
    if found[0]["at"] != result["at"]:
        yield Violation("stored", f"{what} was answered {result}, and is there as {found[0]}", (index,))
    if text is not None and found[0]["body"]["text"] != text:
        yield Violation("as sent", f"{what} was answered, with another text: {found[0]}, not {text!r}", (index,))


def reading(evidence: Evidence) -> Iterator[Violation]:
    """Unread is what a side's mark says; a mark is where a side has put it, and never moves back."""
    stored, asked, sure = defaultdict(list), defaultdict(list), defaultdict(list)
    for seen in evidence.seen:
        stored[seen.place[0]].append((seen.index, seen.place[1]))
    known = {name: Rising(points) for name, points in stored.items()}
    for request in evidence.requests:
        if request.action == "read":
            name = request.conversation
            side = "customer" if request.user == customer_of(name) else "store"
            asked[name, side].append((request.sent, request.frame["seq"]))
            if request.result is not None and name in known:
                sure[name, side].append((request.answered, min(request.frame["seq"], known[name].before(request.sent))))
    for look in evidence.looks:
        for side in SIDES:
            name = look.conversation["conversation"]
            sure[name, side].append((look.index, look.conversation["read"][side]))
    least = {key: Rising(points) for key, points in sure.items()}
    most = {key: Rising(points) for key, points in asked.items()}
    for look in evidence.looks:
        found = look.conversation
        name, last = found["conversation"], found["last_seq"]
        messages, mark = evidence.log[name], found["read"][look.side]
        unread = sum(messages[seq]["from"]["side"] != look.side for seq in range(mark + 1, last + 1) if seq in messages)
        if found["unread"] != unread:
            yield Violation("unread", f"{name}: {found['unread']} unread for {look.side}, not {unread}", (look.index,))
        if last and (not found["last"] or found["last"]["seq"] != last):
            yield Violation("unread", f"{name}: `last` is not {last}: {found['last']}", (look.index,))
        for side in SIDES:
            mark = found["read"][side]
            low = least[name, side].before(look.request.sent) if look.request else 0
            high = min(last, most[name, side].before(look.index) if (name, side) in most else 0)
            if not low <= mark <= high:
                yield Violation("read mark", f"{name}: {side} at {mark}, not from {low} to {high}", (look.index,))


SIDES = ("customer", "store")


RULES: Sequence[Rule] = (shape, numbering, stored_once, delivered, offsets, claims, walls, reading)
