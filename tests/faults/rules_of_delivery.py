"""Every message reaches everyone whom it is for; offsets only grow, and a replay is complete and in order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.evidence import NEVER, Connection, Evidence, Frame, Place, Request, Seen, customer_of, store_of
from tests.faults.rules_of_claims import States
from tests.faults.violation import Violation

BOUND = 1_000  # entries that an offline list holds at most


def delivered(evidence: Evidence) -> Iterator[Violation]:
    """Each message came to each of its recipients with an offset, live or replayed."""
    reached: dict[Place, set[str]] = defaultdict(set)
    offsets_of: dict[str, set[int]] = defaultdict(set)
    for seen in evidence.seen:
        if seen.offset is not None:
            reached[seen.place].add(seen.user)
            offsets_of[seen.user].add(seen.offset)
    missing: dict[str, list[Place]] = defaultdict(list)
    states = States(evidence)
    for conversation, messages in evidence.log.items():
        for seq, message in messages.items():
            place = (conversation, seq)
            certain, anybody = _recipients(evidence, states, message)
            for user in certain - reached[place]:
                missing[user].append(place)
            if anybody and not anybody & reached[place]:
                yield Violation("delivered", f"{conversation} {seq} reached no agent: {message}", ())
    for user, places in missing.items():
        held = offsets_of[user]
        # The oldest of a full list leave: as many may be missing as offsets are that far behind.
        gone = sum(offset not in held for offset in range(1, max(held, default=0) - BOUND + 1))
        if len(places) > gone:
            yield Violation("delivered", f"{user} never got {places}", ())


def _recipients(evidence: Evidence, states: States, message: Frame) -> tuple[set[str], set[str]]:
    """Who must have got a message, and of whom at least one must have."""
    conversation, side = message["conversation"], message["from"]["side"]
    store, customer = store_of(conversation), customer_of(conversation)
    certain = set() if side == "customer" else {customer}
    if side == "store":
        return certain, set()
    agents = evidence.agents(store) - {customer}
    steady = {agent for agent in agents if (store, agent) not in evidence.unsteady}
    state = states.at(conversation, message["seq"])
    if state is not None and state[1] is not None:
        return certain | (steady & {state[1]}), set()
    if state is not None and state[0] == "waiting" and side == "customer":
        return certain | steady, set()
    # Nobody has seen how the conversation stood. Somebody must have it, unless that may be one who has left.
    return certain, agents if side == "customer" and agents and agents == steady else set()


def offsets(evidence: Evidence) -> Iterator[Violation]:
    """The order on each connection, and what each replay has to hold."""
    meaning: dict[tuple[str, int], Place] = {}
    for seen in evidence.seen:
        if seen.offset is not None and meaning.setdefault((seen.user, seen.offset), seen.place) != seen.place:
            was = meaning[seen.user, seen.offset]
            yield Violation("offsets", f"{seen.offset} of {seen.user} is {was} and {seen.place}", (seen.index,))
    everything: dict[str, list[Seen]] = defaultdict(list)
    for seen in evidence.seen:
        if seen.offset is not None:
            everything[seen.user].append(seen)
    for connection in evidence.connections.values():
        if connection.first is not None and connection.first["type"] != "welcome":
            yield Violation("order", f"the first frame is {connection.first}", (connection.opened,))
        if connection.welcomes:
            yield from _first_replay(evidence, connection, everything[connection.user])
        for sync in connection.syncs:
            if sync.result is not None:
                replayed = [s for s in connection.durable if s.replay and sync.sent < s.index < sync.answered]
                known = [s for s in everything[connection.user] if s.index < sync.sent]
                yield from _complete(evidence, connection.user, known, replayed, sync.sent, sync.answered)


def _first_replay(evidence: Evidence, connection: Connection, everything: list[Seen]) -> Iterator[Violation]:
    until = min([sync.sent for sync in connection.syncs], default=NEVER)
    durable = [seen for seen in connection.durable if seen.index < until]
    live = [seen for seen in durable if not seen.replay]
    replayed = [seen for seen in durable if seen.replay]
    begun = connection.welcomes[-1][0]
    over = live[0].index if live else min(until, connection.ended, evidence.settled)
    for seen in replayed:
        if seen.index > over:
            yield Violation("order", f"{seen.offset} is replayed after live ones to {seen.user}", (over, seen.index))
    highest = max((seen.offset or 0 for seen in replayed if seen.index < over), default=0)
    for seen in live:
        if (seen.offset or 0) <= highest:
            text = f"{seen.offset} comes live to {seen.user}, after {highest} was replayed"
            yield Violation("order", text, (seen.index,))
    yield from _runs(replayed)
    # That a replay has ended is seen by what comes live after it, or by all having come to rest.
    if live or (connection.ended > evidence.settled and until == NEVER):
        known = [seen for seen in everything if seen.index < connection.dialed]
        yield from _complete(evidence, connection.user, known, replayed, connection.dialed, over)
        announced, came = connection.welcomes[-1][1]["offline"], len({seen.offset for seen in replayed})
        if came < announced and not _may_shrink(evidence, connection.user, connection.dialed, over):
            text = f"{came} of {announced} entries came to {connection.user}"
            yield Violation("replay", text, (begun, over if over < NEVER else begun))


def _runs(replayed: list[Seen]) -> Iterator[Violation]:
    """A replay goes upwards. Where it begins again, it holds all that it held from there on."""
    runs: list[list[int]] = []
    for seen in replayed:
        offset = seen.offset or 0
        if not runs or offset < runs[-1][-1]:
            runs.append([])
        runs[-1].append(offset)
        if len(runs) > 1:
            begin = runs[-1][0]
            skipped = {each for run in runs[:-1] for each in run if begin <= each < offset} - set(runs[-1])
            if begin < runs[0][0] or skipped:
                yield Violation("order", f"a replay to {seen.user} is {runs}", (seen.index,))
                return


def _complete(
    evidence: Evidence, user: str, known: list[Seen], replayed: list[Seen], begin: int, end: int
) -> Iterator[Violation]:
    """A replay holds what was seen before and may not have been acknowledged, and nothing that surely was."""
    acks = evidence.acks.get(user, [])
    sure = max((ack.frame["ack"] for ack in acks if ack.answered < begin and _taken(ack)), default=0)
    maybe = max((ack.frame["ack"] for ack in acks if ack.sent < end), default=0)
    newest = max((seen.offset or 0 for seen in [*known, *replayed]), default=0)
    came = {seen.offset for seen in replayed}
    again = sorted(offset for offset in came if offset is not None and offset <= sure)
    if again:
        yield Violation("replay", f"{again} came again to {user}, who had acknowledged {sure}", (begin,))
    left = {store for store, agent in evidence.unsteady if agent == user}
    lost = {
        seen.offset
        for seen in known
        if seen.offset not in came
        and (seen.offset or 0) > max(maybe, newest - BOUND)
        and (store_of(seen.place[0]) not in left or customer_of(seen.place[0]) == user)
    }
    if lost:
        text = f"{sorted(each or 0 for each in lost)} did not come again to {user}, who acknowledged {maybe} at most"
        yield Violation("replay", text, (begin, end if end < NEVER else begin))


def _taken(ack: Request) -> bool:
    return ack.answer is not None and (ack.answer["type"] != "error" or ack.error in APPLIED)


APPLIED = {"forbidden", "not_found", "not_claimer", "already_claimed", "conflict"}


def _may_shrink(evidence: Evidence, user: str, begin: int, end: int) -> bool:
    """Whether the list may have lost entries from its head between two places: by an ack, or with a membership."""
    if any(agent == user for _, agent in evidence.unsteady):
        return True
    return any(ack.sent < end and ack.answered > begin for ack in evidence.acks.get(user, []))
