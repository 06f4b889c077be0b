"""Users in their own slot: connections, presence, the offline list, the conversations they began."""

import secrets
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal

from msgspec import Struct

from chalicelib.errors import BadRequest, RateLimited, Unauthorized, Unavailable
from chalicelib.model import ConnectionId, ConversationId, Identity, Recipient, StoreId, UserId
from chalicelib.store import keys
from chalicelib.store.scripts import Call, Command, Reply, Scripts

# The platform ends a connection after 10 minutes without a frame and after 2 hours (protocol, section 2).
IDLE_MS = 12 * 60 * 1000
LIFETIME_MS = 130 * 60 * 1000
REMEMBER_CONNECTION_MS = 26 * 3600 * 1000
TOUCH_S = 60.0
# Longer than one post may take with all its retries.
LEASE_MS = 20_000
REPLAY_ENTRIES = 25
REACH_USERS = 25  # in one call
IDENTITIES = 10_000
# Seconds that a user may be ahead of the rate limit, and those within which a request may be counted afterwards.
BURST_S = 4
TRUSTED_S = 2


class Presence(Struct, frozen=True):
    """`absent_since` in ms: None while the user has a connection, 0 for a user who never had one."""

    absent_since: int | None
    name: str

    @property
    def online(self) -> bool:
        return self.absent_since is None


class Push(Struct, frozen=True):
    """What one recipient is to get: `durable` into the offline list, `frames` only where the user is online.

    With each frame comes whether the asker's own connection gets it, too.
    """

    to: Recipient
    durable: bytes = b""
    frames: tuple[tuple[bytes, bool], ...] = ()
    store: StoreId = ""
    active_at: int = 0


class Reach(Struct, frozen=True):
    """Where a recipient is online. `offset` is the entry's in the offline list, 0 without one."""

    offset: int = 0
    absent_since: int | None = None
    live: tuple[ConnectionId, ...] = ()
    syncing: tuple[ConnectionId, ...] = ()
    joining: tuple[ConnectionId, ...] = ()


class Admission(Struct, frozen=True):
    """A request that was let in, at `at` (ms, 0 where nobody asked).

    For who wonders: where the list stands, and whether the connection's replay was left off before its end.
    A request that is `uncounted` is still to be counted against the rate limit, whatever becomes of it.
    """

    at: int = 0
    newest: int = 0
    epoch: str = ""
    left_off: bool = False
    uncounted: bool = False


class Replay(Struct, frozen=True):
    """A replay that has begun: the state of the list at that moment and who replays."""

    state: Literal["begun", "busy", "live", "gone"]
    lessee: str = ""
    at: int = 0
    newest: int = 0
    epoch: str = ""
    entries: int = 0
    stores: tuple[StoreId, ...] = ()


class Users:
    """What is remembered of users. Every method raises Unavailable when Redis is out of reach."""

    def __init__(self, scripts: Scripts, *, rate_limit: int) -> None:
        self._scripts = scripts
        self._rate_limit = rate_limit
        # Who is behind a connection never changes; connection → identity and when it was touched last.
        self._identities: OrderedDict[ConnectionId, Identity] = OrderedDict()
        self._touched: dict[ConnectionId, float] = {}
        # By the monotonic clock, when a user's bucket of the rate limit will be empty, as far as this process knows.
        self._empty_at: OrderedDict[UserId, float] = OrderedDict()

    # --- connections ------------------------------------------------------------------------------------------------

    def connect(self, connection: ConnectionId, identity: Identity) -> None:
        """Register a connection in its three places."""
        key = keys.connection(connection)
        now_ms = int(time.time() * 1000)
        fields = ("user", identity.user, "name", identity.name, "expires_at", identity.expires_at)
        self._scripts.all(
            [
                # First what leads the sweep to all the rest.
                Command("ZADD", (keys.online_of(connection), now_ms + IDLE_MS, connection)),
                Command("HSET", (key, *fields)),
                Command("PEXPIRE", (key, REMEMBER_CONNECTION_MS)),
                Call("connection_open", keys.user(identity.user), [connection, IDLE_MS, identity.name]),
            ]
        )

    def identity(self, connection: ConnectionId) -> tuple[Identity | None, bool]:
        """Who is behind a connection, and whether it has been welcomed; None for one that is not known."""
        if known := self._identities.get(connection):
            return known, True
        user, name, expires_at, welcomed = self._scripts.command(
            "HMGET", keys.connection(connection), "user", "name", "expires_at", "welcomed"
        )
        if user is None:
            return None, False
        identity = Identity(user.decode(), name.decode(), int(expires_at), connection=connection)
        if welcomed:
            self._identities[connection] = identity
            while len(self._identities) > IDENTITIES:
                gone, _ = self._identities.popitem(last=False)
                self._touched.pop(gone, None)
        return identity, bool(welcomed)

    def note_welcome(self, connection: ConnectionId) -> None:
        """Note that a connection has got its `welcome`: what else comes on it may be answered."""
        self._scripts.run("connection_welcome", [keys.connection(connection)])

    def forget(self, connection: ConnectionId) -> None:
        """Take a connection that is gone out of every place, its watches included."""
        self._identities.pop(connection, None)
        self._touched.pop(connection, None)
        key, watching = keys.connection(connection), keys.watching(connection)
        user, conversations = self._scripts.all([Command("HGET", (key, "user")), Command("SMEMBERS", (watching,))])
        calls: list[Call | Command] = []
        if user:
            calls.append(Call("connection_close", keys.user(user.decode()), [connection]))
        for conversation in conversations:
            watchers = keys.watchers(ConversationId(conversation.decode()))
            calls.append(Command("HDEL", (watchers, connection)))
        self._scripts.all(calls)
        # Last what leads to all the rest, for whoever dies before it: the sweep comes from the count of those online.
        self._scripts.all([Command("DEL", (key,)), Command("DEL", (watching,))])
        self._scripts.command("ZREM", keys.online_of(connection), connection)

    def online(self) -> int:
        """Live connections in all."""
        now_ms = int(time.time() * 1000)
        shards = range(keys.SHARDS)
        return sum(self._scripts.all([Command("ZCOUNT", (keys.online(shard), now_ms, "+inf")) for shard in shards]))

    def time(self) -> int:
        """The Redis clock, in milliseconds."""
        return int(self._scripts.run("time_read", [keys.online(0)])[1])

    def expired(self, shard: int, limit: int) -> list[ConnectionId]:
        """Connections that the platform must have closed without a word."""
        now_ms = int(time.time() * 1000)
        found = self._scripts.command("ZRANGE", keys.online(shard), "-inf", now_ms, "BYSCORE", "LIMIT", 0, limit)
        return [ConnectionId(connection.decode()) for connection in found]

    def everybody(self, size: int = 500) -> Iterator[tuple[set[ConnectionId], set[ConnectionId]]]:
        """All connections, page by page: those that have been welcomed, and those that are joining."""
        now_ms = int(time.time() * 1000)
        for shard in range(keys.SHARDS):
            cursor: int | bytes = 0
            seen: set[ConnectionId] = set()  # a scan may show the same member twice
            while True:
                cursor, found = self._scripts.command("ZSCAN", keys.online(shard), cursor, "COUNT", size)
                page = {ConnectionId(connection.decode()) for connection, at in found if at > now_ms} - seen
                seen |= page
                welcomed = self.welcomed(page)
                yield welcomed, page - welcomed
                if int(cursor) == 0:
                    break

    def welcomed(self, connections: Collection[ConnectionId]) -> set[ConnectionId]:
        """Those of the connections that have been welcomed."""
        marks = self._scripts.all([Command("HGET", (keys.connection(each), "welcomed")) for each in connections])
        return {connection for connection, mark in zip(connections, marks, strict=True) if mark}

    # --- requests ---------------------------------------------------------------------------------------------------

    def admit(
        self, caller: Identity, ack: int | None, *, wonders: bool = False, countable_later: bool = False
    ) -> Admission:
        """Let a request in: acknowledge, count it against the rate limit, keep its connection alive.

        Who `wonders` is told the time and how things stand, for which Redis is asked in any case. A request that is
        `countable_later` may come back uncounted, without a round trip: for `reach` or `count`, once it is carried out.
        Raises BadRequest for an `ack` that is ahead, RateLimited, Unauthorized for a connection that is no more.
        """
        idle = time.monotonic() - self._touched.get(caller.connection, -TOUCH_S)
        touch = bool(caller.connection) and idle >= TOUCH_S
        limit = 0 if caller.admin else self._rate_limit
        if ack is None and not wonders and not touch:
            if not limit:
                return Admission()
            if countable_later and self._far_from_the_limit(caller.user):
                return Admission(uncounted=True)
        call = self._admission(caller, ack, limit, wonders=wonders)
        calls: list[Call | Command] = [call]
        if touch:
            now_ms = int(time.time() * 1000)
            online = keys.online_of(caller.connection)
            calls.append(Command("ZADD", (online, "XX", now_ms + IDLE_MS, caller.connection)))
        reply = self._scripts.all(calls)[0]
        if touch and caller.connection in self._identities:
            self._touched[caller.connection] = time.monotonic()
        match reply:
            case [b"admitted", at, ahead, [newest, epoch, left_off]]:
                self._note_ahead(caller.user, ahead)
                return Admission(int(at), newest, epoch.decode(), left_off == 1)
            case [b"admitted", at, ahead, []]:
                self._note_ahead(caller.user, ahead)
                return Admission(int(at))
            case [b"limited", wait]:
                self._note_ahead(caller.user, BURST_S * 1000)
                raise RateLimited(wait)
            case [b"beyond", newest]:
                raise BadRequest(f"`ack` is beyond the newest offset, {newest.decode()}.", "ack")
            case [b"gone"]:
                raise Unauthorized("This connection is over. Connect again.")
        raise TypeError(f"a script answered {reply!r}")

    def count(self, caller: Identity) -> None:
        """Count a request that was let in uncounted, and has been refused since."""
        self._counted(caller, self._scripts.run_many([self._admission(caller, None, self._rate_limit, served=True)])[0])

    def _admission(
        self, caller: Identity, ack: int | None, limit: int, *, wonders: bool = False, served: bool = False
    ) -> Call:
        return Call(
            "request_admit",
            keys.user(caller.user),
            [
                *(caller.connection, IDLE_MS, "" if ack is None else ack),
                *(limit, limit * BURST_S, 1 if wonders else 0, 1 if served else 0),
            ],
        )

    def _far_from_the_limit(self, user: UserId) -> bool:
        # What a process has let in it knows at once, what others have let in with its own next answer: so each of them
        # may be over a burst by what it has under way, and all of it is counted (decision 0025).
        now = time.monotonic()
        empty_at = self._empty_at.get(user)
        if empty_at is None or empty_at - now > TRUSTED_S:
            return False
        self._empty_at[user] = max(empty_at, now) + 1 / self._rate_limit
        return True

    def _note_ahead(self, user: UserId, ahead_ms: int) -> None:
        self._empty_at.pop(user, None)  # so that it is the newest
        self._empty_at[user] = time.monotonic() + ahead_ms / 1000
        if len(self._empty_at) > IDENTITIES:
            self._empty_at.popitem(last=False)

    def _counted(self, caller: Identity, reply: Reply) -> None:
        # Whoever is gone meanwhile, or whose node is away, has had the request; there is nothing to refuse any more.
        match reply:
            case [b"admitted", _, ahead, _]:
                self._note_ahead(caller.user, ahead)

    # --- the offline list -------------------------------------------------------------------------------------------

    def reach(
        self, pushes: Sequence[Push], asker: ConnectionId | None = None, uncounted: Identity | None = None
    ) -> list[Reach | None]:
        """Leave what is durable in each recipient's list and say where each is online, in one round trip.

        The `frames` are held back for connections whose replay has not ended; elsewhere they are the caller's to send.
        Who was let in `uncounted` is counted with it.
        None in the place of a recipient whose list could not be written.
        """
        users = [keys.user(push.to.user) for push in pushes]
        kinds = [(push.to.store, push.store, push.active_at, push.durable, push.frames) for push in pushes]
        groups = self._scripts.together(users, REACH_USERS, kinds)
        calls = [_append([users[place] for place in some], [pushes[place] for place in some], asker) for some in groups]
        if uncounted:
            calls.append(self._admission(uncounted, None, self._rate_limit, served=True))
        replies = self._scripts.run_many(calls, keep=True)
        if uncounted:
            self._counted(uncounted, replies.pop())
        reaches: list[Reach | None] = [None] * len(pushes)
        for some, reply in zip(groups, replies, strict=True):
            if not isinstance(reply, Unavailable):
                for place, answer in zip(some, reply, strict=True):
                    reaches[place] = _reach(answer)
        return reaches

    def begin_replay(self, user: UserId, connection: ConnectionId, *, again: bool) -> Replay:
        """Take the lease to replay the list on a connection; `again` replays although it is live."""
        lessee = secrets.token_hex(8)
        reply = self._scripts.run("replay_begin", keys.user(user), connection, lessee, LEASE_MS, 1 if again else 0)
        match reply:
            case [b"begun", at, newest, epoch, entries, stores]:
                served = tuple(store.decode() for store in stores)
                return Replay("begun", lessee, int(at), newest, epoch.decode(), entries, served)
            case [b"busy"]:
                return Replay("busy")
            case [b"live"]:
                return Replay("live")
            case [b"gone"]:
                return Replay("gone")
        raise TypeError(f"a script answered {reply!r}")

    def next_entries(
        self, user: UserId, connection: ConnectionId, lessee: str, behind: int
    ) -> list[tuple[int, bytes]] | Literal["live", "lost", "gone"]:
        """The next entries (offset, event) behind an offset, and then whole frames that were held back (offset 0).

        With nothing left the connection is live from now on; "lost": another replay has taken over.
        """
        reply = self._scripts.run("replay_next", keys.user(user), connection, lessee, LEASE_MS, behind, REPLAY_ENTRIES)
        match reply:
            case [b"entries", found]:
                return [(int(offset), event) for offset, event in zip(found[::2], found[1::2], strict=True)]
            case [b"held", frames]:
                return [(0, frame) for frame in frames]
            case [b"live"]:
                return "live"
            case [b"lost"]:
                return "lost"
            case [b"gone"]:
                return "gone"
        raise TypeError(f"a script answered {reply!r}")

    def end_replay(self, user: UserId, connection: ConnectionId, lessee: str) -> None:
        """Give the lease of a replay back that could not go on."""
        self._scripts.run("replay_end", keys.user(user), connection, lessee)

    # --- memberships and lists --------------------------------------------------------------------------------------

    def note_membership(self, user: UserId, store: StoreId, number: int, *, only_if_known: bool = False) -> None:
        """Note that a user serves a store, or with a negative number that the user has left it."""
        self._scripts.run("membership_write", keys.user(user), store, number, 1 if only_if_known else 0, keep=True)

    def memberships(self, user: UserId) -> list[StoreId]:
        """The stores that a user serves; one that has removed the user a moment ago may be among them."""
        numbers = self._scripts.command("HGETALL", keys.memberships(user))
        return sorted(store.decode() for store, number in numbers.items() if int(number) > 0)

    def presence(self, users: Sequence[UserId]) -> Mapping[UserId, Presence]:
        """Who of the users is online, in one round trip."""
        replies: list[Reply] = self._scripts.all([Call("presence_read", keys.user(user)) for user in users])
        return {
            user: Presence(int(absent) if absent else None, name.decode())
            for user, (_, absent, name) in zip(users, replies, strict=True)
        }

    def conversations(self, user: UserId, behind: tuple[int, StoreId] | None, limit: int) -> list[tuple[int, StoreId]]:
        """The stores that a user has written to with the time of the last activity, latest first."""
        active_at, store = behind or ("", "")
        _, rows = self._scripts.run("own_conversations_page", keys.user(user), active_at, store, limit)
        return [(int(float(at)), found.decode()) for found, at in zip(rows[::2], rows[1::2], strict=True)]


def _append(users: Sequence[Sequence[str]], pushes: Sequence[Push], asker: ConnectionId | None) -> Call:
    """The same for several recipients."""
    push = pushes[0]
    return Call(
        "offline_append",
        [key for user in users for key in user],
        [
            *(push.to.store, push.store, push.active_at if push.store else "", push.durable, asker or ""),
            *(each.to.joined if each.to.store else "" for each in pushes),
            *(part for frame, asker_too in push.frames for part in (1 if asker_too else 0, frame)),
        ],
    )


def _reach(reply: Reply) -> Reach:
    match reply:
        case [b"online", offset, absent, *connections]:
            live, syncing, joining = (tuple(ConnectionId(each.decode()) for each in some) for some in connections)
            return Reach(
                offset,
                int(absent) if absent else None,
                live,
                syncing,
                joining,
            )
        case [b"left"]:
            return Reach()
    raise TypeError(f"a script answered {reply!r}")
