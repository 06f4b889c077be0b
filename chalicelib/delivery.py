"""Deliveries: first into every offline list, then to whoever is online. The replay at connect, and the sweep."""

import logging
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

from msgspec.structs import replace

from chalicelib import actions, protocol
from chalicelib.errors import Internal, KefuError, RateLimited, Unauthorized, Unavailable
from chalicelib.gateway import PUSH_WITHIN_S, Gateway, Post, Posted
from chalicelib.model import (
    ConnectionId,
    Debt,
    Delivery,
    Event,
    Identity,
    Notice,
    Outcome,
    Recipient,
    RequestId,
    Stored,
    StoreId,
    UserId,
    Welcome,
    split,
)
from chalicelib.store import SHARDS, Store
from chalicelib.store.users import LEASE_MS, Push, Reach, Replay

log = logging.getLogger(__name__)

OPEN_WAIT_S = 5.0
REPLAY_WAIT_S = 25.0
# A batch that takes longer asks for its lease again.
BATCH_S = LEASE_MS / 1000 / 2
REDELIVER_S = 3.0
SWEEP_PAGE = 1_000
# A page of everybody's connections takes longer than one frame's pushes may.
NOTICE_S = 60.0
SWEEP_STORE_S = 10.0


class Dispatcher:
    """Carries out what actions decide to deliver."""

    def __init__(self, store: Store, gateway: Gateway) -> None:
        self._store = store
        self._gateway = gateway

    # --- answers ----------------------------------------------------------------------------------------------------

    @contextmanager
    def answering(self, asker: ConnectionId, request_id: RequestId | None) -> Iterator[None]:
        """Whatever is refused or fails inside becomes an error frame for the asker."""
        self._gateway.heard(asker)
        try:
            yield
        except KefuError as refusal:
            if isinstance(refusal, Unavailable):
                log.error("storage is out of reach: %r", refusal.__cause__)
            self._push([Post(asker, protocol.refusal(refusal, request_id))])
            if isinstance(refusal, Unauthorized):
                self._gateway.close(asker)
        except Exception:
            log.exception("request %r on connection %s failed", request_id, asker)
            self._push([Post(asker, protocol.refusal(Internal(), request_id))])

    def deliver(self, outcome: Outcome, asker: Identity | None = None, answer: bytes | None = None) -> None:
        """Delivers an outcome, and to the asker the answer, in parallel; what others left undelivered follows."""
        if outcome.replay and asker:
            self._replay(asker.connection, again=True)
        if outcome.debt is None:  # a repeated request is answered when its message is where it belongs
            self._redeliver(outcome.store, outcome.overdue)
        frames = [_frame(delivery.event) for delivery in outcome.deliveries]
        pushes = _pushes(outcome, frames)
        found = self._store.users.reach(
            list(pushes.values()), asker.connection if asker else None, asker if outcome.uncounted else None
        )
        reaches = dict(zip(pushes, found, strict=True))
        posts = [
            post
            for delivery, frame in zip(outcome.deliveries, frames, strict=True)
            for post in _posts(delivery, frame, reaches, asker)
        ]
        if asker and answer:
            posts.insert(0, Post(asker.connection, answer))
        # Beside the pushes, since a slow one must not leave a debt that others would pay again.
        self._push(posts, partial(self._settle, outcome, reaches) if outcome.debt else None)

    def _settle(self, outcome: Outcome, reaches: Mapping[UserId, Reach | None]) -> None:
        # The asker has the answer, and must not get a second one; the outbox keeps what is owed.
        with _apart(f"what store {outcome.store} owes"):
            if outcome.debt:
                self._pay(outcome.debt, reaches)
            self._redeliver(outcome.store, outcome.overdue)

    def _pay(self, debt: Debt, reaches: Mapping[UserId, Reach | None]) -> None:
        store, _ = split(debt.message.conversation)
        unreached = {user for user, reach in reaches.items() if reach is None}
        if unreached:  # those alone are owed it from now on
            owed = unreached & {recipient.user for recipient in debt.recipients}
            self._store.conversations.narrow(store, debt.entry, owed)
            return
        absent = _absent_claimer(debt, reaches)
        if absent:
            claimer, since = absent
            lapsed = actions.lapse(self._store, debt.message.conversation, claimer, since, unheard=debt)
            if lapsed.debt:
                self.deliver(lapsed)
                return
        self._store.conversations.paid(store, [debt.entry])

    def _redeliver(self, store: StoreId, entries: Sequence[str]) -> int:
        """Delivers what others have left behind; how long the oldest of it has waited, in milliseconds."""
        if not entries:
            return 0
        debts = self._store.conversations.debts(store, entries)
        deadline = time.monotonic() + REDELIVER_S
        for debt in debts:
            if time.monotonic() < deadline:  # what is left over is overdue again soon
                self.deliver(Outcome((Delivery(debt.message, durable=debt.recipients),), debt, store))
        lost = sorted(set(entries) - {debt.entry for debt in debts})
        if lost:
            log.error("the outbox of store %s owes messages that are not there: %s", store, lost)
            self._store.conversations.paid(store, lost)
        return max((int(time.time() * 1000) - protocol.said_at(debt.message) for debt in debts), default=0)

    def _push(
        self,
        posts: Sequence[Post],
        meanwhile: Callable[[], None] | None = None,
        within_s: float = PUSH_WITHIN_S,
    ) -> None:
        for post, posted in zip(posts, self._gateway.push(posts, meanwhile, within_s), strict=True):
            if posted is Posted.GONE:
                with _apart(f"connection {post.connection}, which is gone"):  # else the next post finds out again
                    self._store.users.forget(post.connection)

    # --- replay -----------------------------------------------------------------------------------------------------

    def flush(self, connection: ConnectionId) -> None:
        """Welcomes a new connection and replays the offline list on it; with the end of the list it is live."""
        self._replay(connection, again=False)

    def _replay(self, connection: ConnectionId, *, again: bool) -> None:
        identity, welcomed = self._store.users.identity(connection)
        if identity is None:
            return  # it is gone already
        replay = self._begin(identity.user, connection, again=again)
        if replay.state != "begun":
            return
        if welcomed or self._post_once_open(
            Post(connection, protocol.encode(self._welcome(identity, connection, replay)))
        ):
            self._store.users.note_welcome(connection)
            self._continue(identity.user, connection, replay)
        else:
            self._store.users.forget(connection)

    def _begin(self, user: UserId, connection: ConnectionId, *, again: bool) -> Replay:
        # One replay at a time on a connection: two at once would be out of order.
        deadline = time.monotonic() + REPLAY_WAIT_S
        while True:
            replay = self._store.users.begin_replay(user, connection, again=again)
            if replay.state != "busy":
                return replay
            if time.monotonic() > deadline:
                raise RateLimited(1_000)  # one that still goes on is enough
            time.sleep(0.02)

    def _welcome(self, identity: Identity, connection: ConnectionId, replay: Replay) -> Welcome:
        name = identity.name
        if len(replay.stores) == 1:
            agent = self._store.stores.agent(replay.stores[0], identity.user)
            name = (agent and agent.name) or name
        return Welcome(
            user=identity.user,
            name=name,
            connection=connection,
            protocol="kefu.v1",
            online=self._store.users.online(),
            offline=replay.entries,
            newest=replay.newest,
            epoch=replay.epoch,
            at=replay.at,
        )

    def _post_once_open(self, post: Post) -> bool:
        # The platform opens the socket only after $connect has answered; until then a post finds nobody.
        deadline, pause = time.monotonic() + OPEN_WAIT_S, 0.005
        while (posted := self._gateway.post(post)) is Posted.GONE and time.monotonic() < deadline:
            time.sleep(pause)
            pause = min(2 * pause, 0.1)
            if self._store.users.identity(post.connection)[0] is None:
                return False  # closed already: it will not open any more
        if posted is Posted.FAILED:
            raise ConnectionError(f"connection {post.connection} takes no welcome")
        return posted is Posted.SENT

    def _continue(self, user: UserId, connection: ConnectionId, replay: Replay) -> None:
        behind = 0
        while True:
            started = time.monotonic()
            entries = self._store.users.next_entries(user, connection, replay.lessee, behind)
            if isinstance(entries, str):
                return  # live, or taken over by another replay, or gone
            for offset, event in entries:
                # What came after the replay began has waited its turn, and is live.
                live = offset > replay.newest
                frame = protocol.replayed(event, offset, replay=not live) if offset else event
                posted = self._gateway.post(Post(connection, frame))
                if posted is Posted.GONE:
                    self._store.users.forget(connection)
                    return
                if posted is Posted.FAILED:
                    self._store.users.end_replay(user, connection, replay.lessee)
                    raise ConnectionError(f"connection {connection} takes no entry of the offline list")
                behind = max(behind, offset)
                if offset and time.monotonic() - started > BATCH_S:
                    break

    # --- what nobody asks for ---------------------------------------------------------------------------------------

    def sweep(self) -> None:
        """Forgets connections that expired without a word, and looks after every store where something happened."""
        oldest_ms = 0
        # In no fixed order, so that nothing is always last when time runs out.
        for shard in random.sample(range(SHARDS), SHARDS):
            with _apart(f"shard {shard} of the connections"):
                for connection in self._store.users.expired(shard, SWEEP_PAGE):
                    with _apart(f"connection {connection}"):
                        self._store.users.forget(connection)
                        self._gateway.close(connection)
            with _apart(f"shard {shard} of the stores"):
                for store in self._store.conversations.active_stores(shard):
                    with _apart(f"store {store}"):
                        oldest_ms = max(oldest_ms, self._sweep_store(store))
        # The deployment makes metrics of these fields.
        log.info("swept", extra={"outbox_age_ms": oldest_ms, "online": self._store.users.online()})

    def _sweep_store(self, store: StoreId) -> int:
        conversations = self._store.conversations
        oldest_ms = 0
        deadline = time.monotonic() + SWEEP_STORE_S
        while time.monotonic() < deadline and (entries := conversations.overdue(store)):
            oldest_ms = max(oldest_ms, self._redeliver(store, entries))
        claims = conversations.claims(store)
        present = self._store.users.presence(sorted({claimer.user for _, claimer in claims}))
        agents = self._store.stores.agents(store)
        for conversation, claimer in claims:
            agent, presence = agents.get(claimer.user), present[claimer.user]
            if agent is None or agent.joined != claimer.joined or not presence.online:
                self.deliver(actions.lapse(self._store, conversation, claimer.user, presence.absent_since))
        conversations.retire(store, int(time.time() * 1000))
        return oldest_ms

    def broadcast(self, notice: Notice, store: StoreId | None) -> None:
        """Pushes a notice to everybody online, or to the agents of one store."""
        if store is None:
            frame = protocol.encode(notice)
            joining: set[ConnectionId] = set()
            for connections, not_yet in self._store.users.everybody():
                with _apart("a page of the connections"):  # or those before it would hear the notice twice
                    self._push([Post(connection, frame) for connection in connections], within_s=NOTICE_S)
                    joining |= not_yet
            deadline = time.monotonic() + OPEN_WAIT_S
            while joining and time.monotonic() < deadline:  # they come online while we speak
                time.sleep(0.05)
                welcomed = self._store.users.welcomed(joining)
                self._push([Post(connection, frame) for connection in welcomed], within_s=NOTICE_S)
                joining -= welcomed
        else:
            agents = self._store.stores.read(store, None).recipients()
            self.deliver(Outcome((Delivery(notice, online=agents),)))


@contextmanager
def _apart(what: str) -> Iterator[None]:
    """One's trouble is not the next one's: it is logged, and the next time tries again."""
    try:
        yield
    except Unavailable as error:
        log.warning("looking after %s: storage is out of reach: %r", what, error.__cause__)
    except Exception:
        log.exception("looking after %s failed", what)


def _frame(event: Event | Stored) -> bytes:
    """An event as it goes to those who do not have it in their offline list."""
    return protocol.message(event) if isinstance(event, Stored) else protocol.encode(event)


def _pushes(outcome: Outcome, frames: Sequence[bytes]) -> dict[UserId, Push]:
    """What each user is to get of an outcome: one script each, whatever the number of events."""
    pushes: dict[UserId, Push] = {}
    for delivery, frame in zip(outcome.deliveries, frames, strict=True):
        for recipient in delivery.durable:
            assert isinstance(delivery.event, Stored)
            pushes[recipient.user] = replace(_push_for(pushes, recipient), durable=delivery.event.json)
        for recipient in delivery.online:
            push = _push_for(pushes, recipient)
            pushes[recipient.user] = replace(push, frames=(*push.frames, (frame, delivery.asker_too)))
    if outcome.debt:
        # With every message the conversation moves up in the customer's own list.
        store, customer = split(outcome.debt.message.conversation)
        push = _push_for(pushes, Recipient(customer))
        pushes[customer] = replace(push, store=store, active_at=outcome.debt.message.at)
    return pushes


def _push_for(pushes: Mapping[UserId, Push], recipient: Recipient) -> Push:
    return pushes.get(recipient.user) or Push(recipient)


def _posts(
    delivery: Delivery, frame: bytes, reaches: Mapping[UserId, Reach | None], asker: Identity | None
) -> Iterator[Post]:
    # A connection gets an event once, with its offset where it has one.
    served = {asker.connection} if asker and not delivery.asker_too else set()
    for recipient in delivery.durable:
        reach = reaches[recipient.user]
        assert isinstance(delivery.event, Stored)
        if reach:
            numbered = protocol.message(delivery.event, reach.offset)
            yield from (Post(connection, numbered) for connection in reach.live)
            # Those whose replay has not ended get it there; a watcher's copy must not come before.
            served.update(reach.live, reach.syncing, reach.joining)
    others = list(delivery.connections)
    for recipient in delivery.online:
        reach = reaches[recipient.user]
        if reach:
            others += [*reach.live, *reach.syncing]
    for connection in dict.fromkeys(others):
        if connection not in served:
            yield Post(connection, frame)


def _absent_claimer(debt: Debt, reaches: Mapping[UserId, Reach | None]) -> tuple[UserId, int] | None:
    """The claimer to whom alone a customer's message went, if that agent is away, and since when."""
    _, customer, audience = debt.entry.split(":", 2)
    if audience == customer or "," in audience:
        return None
    for recipient in debt.recipients:
        reach = reaches.get(recipient.user)
        if recipient.user == audience and reach and reach.absent_since is not None:
            return recipient.user, reach.absent_since
    return None
