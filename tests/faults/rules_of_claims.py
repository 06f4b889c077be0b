"""At no time two claimers, and no message of anybody but the claimer."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.evidence import Evidence, Look, Request, Rising, store_of
from tests.faults.violation import Violation

State = tuple[str, str | None]  # status, claimer


class States:
    """How conversations stood, version by version, as far as somebody saw it."""

    def __init__(self, evidence: Evidence) -> None:
        self.states: dict[str, dict[int, State]] = defaultdict(dict)
        self._lengths: dict[str, dict[int, list[int]]] = defaultdict(lambda: defaultdict(list))
        self._begins: dict[str, dict[int, int]] = defaultdict(dict)  # last_seq at the change itself
        for look in evidence.looks:
            found = look.conversation
            name, version = found["conversation"], found["version"]
            self.states[name].setdefault(version, state_of(look))
            self._lengths[name][version].append(found["last_seq"])
            if look.event:
                self._begins[name].setdefault(version, found["last_seq"])

    def at(self, conversation: str, seq: int) -> State | None:
        """The state in which message `seq` was stored; None where that is not certain."""
        states, lengths, begins = self.states[conversation], self._lengths[conversation], self._begins[conversation]
        for version, state in states.items():
            opened_it = begins.get(version) == seq and (
                version == 1 or (state[0] == "waiting" and states.get(version - 1, ("", None))[0] == "closed")
            )
            after = min(lengths[version]) < seq or opened_it
            next_begins = begins.get(version + 1, 0)
            ended_later = next_begins > seq or (
                # A message may itself make a conversation wait; any other change comes after the last message.
                next_begins == seq and states[version + 1][0] != "waiting"
            )
            if after and (max(lengths[version]) >= seq or ended_later):
                return state
        return None


def claims(evidence: Evidence) -> Iterator[Violation]:
    """A version says one thing to everyone; claims follow one another as the page allows; only claimers speak."""
    states = States(evidence)
    for look in evidence.looks:
        found, state = look.conversation, state_of(look)
        name, version = found["conversation"], found["version"]
        if states.states[name][version] != state:
            text = f"{name} version {version} is {states.states[name][version]} and {state}"
            yield Violation("one claimer", text, (look.index,))
        if (state[0] == "claimed") != (state[1] is not None) or (
            (state[0] == "waiting") != (found["waiting_since"] is not None)
        ):
            yield Violation("one claimer", f"{name} makes no sense: {found}", (look.index,))
    yield from _order(evidence)
    yield from _answers(evidence, states)
    for name, messages in evidence.log.items():
        for seq, message in messages.items():
            certain = states.at(name, seq)
            if message["from"]["side"] == "store" and certain and certain[1] != message["from"]["user"]:
                yield Violation("non-claimer", f"{message} was stored while {certain}", ())
            if message["from"]["side"] == "customer" and certain and certain[0] == "closed":
                yield Violation("reopened", f"{name} stayed closed with {message}", ())


def _order(evidence: Evidence) -> Iterator[Violation]:
    """Who asks after having seen a version is shown none before it."""
    points: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for look in evidence.looks:
        points[look.conversation["conversation"]].append((look.index, look.conversation["version"]))
    known = {name: Rising(seen) for name, seen in points.items()}
    for look in evidence.looks:
        name, version = look.conversation["conversation"], look.conversation["version"]
        if look.request and version < known[name].before(look.request.sent):
            text = f"{name} is at version {version}, after {known[name].before(look.request.sent)} was seen"
            yield Violation("one claimer", text, (look.request.sent, look.index))


def _answers(evidence: Evidence, states: States) -> Iterator[Violation]:
    handed: dict[tuple[str, str], int] = {}  # conversation and agent: since when somebody may have handed it over
    for request in evidence.requests:
        receiver = _receiver(request)
        if receiver is not None:
            handed.setdefault((request.conversation, receiver), request.sent)
    for request in evidence.requests:
        if request.action not in WANTED or request.result is None:
            continue
        found = request.result["conversation"]
        name, version = request.conversation, found["version"]
        agent = found["agent"]["user"] if found["agent"] else None
        wanted = WANTED[request.action]
        # To release a closed conversation changes nothing; nor does a close undo what came after it.
        if found["status"] != wanted and not (request.action == "release" and found["status"] == "closed"):
            yield Violation("one claimer", f"{request.frame} was answered {found}", (request.answered,))
        receiver = request.frame.get("to", request.user)
        if wanted == "claimed" and agent != receiver:
            yield Violation("one claimer", f"{request.frame} of {request.user}: {found}", (request.answered,))
        if request.action != "claim" or request.frame.get("force") or agent != request.user:
            continue
        before = states.states[name].get(version - 1, ("", None))[1]
        if before in {None, agent} or (store_of(name), before) in evidence.unsteady:
            continue
        if handed.get((name, request.user), request.answered) >= request.answered:
            text = f"{request.user} claimed {name} in version {version}, which {before} held"
            yield Violation("two claimers", text, (request.sent, request.answered))


WANTED = {"claim": "claimed", "transfer": "claimed", "release": "waiting", "close": "closed"}


def _receiver(request: Request) -> str | None:
    if request.action == "transfer":
        return str(request.frame["to"])
    return request.user if request.action == "claim" and request.frame.get("force") else None


def state_of(look: Look) -> State:
    """Status and claimer."""
    agent = look.conversation["agent"]
    return look.conversation["status"], agent["user"] if agent else None
