"""Any interleaving of appends, acks, connects, replays in steps, syncs and disconnects on one user's list.

Nothing is lost, nothing comes before the replay of its connection has ended, and offsets are in order.
"""

from dataclasses import dataclass, field
from typing import Literal

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.model import ConnectionId, Recipient
from chalicelib.store import Store, keys, users
from chalicelib.store.users import REPLAY_ENTRIES, Push
from tests.store.conftest import Inbox, NewName

MOST = 900  # under the bound of the list, which has its own tests


@dataclass
class Client:
    """A connection as its client knows it: the offsets that came since its latest replay began."""

    id: ConnectionId
    state: Literal["joining", "live", "syncing"] = "joining"
    lessee: str = ""
    received: list[int] = field(default_factory=list)

    def receive(self, offset: int) -> None:
        assert offset > self.behind, "an offset came again, or out of order"
        self.received.append(offset)

    @property
    def behind(self) -> int:
        return self.received[-1] if self.received else 0


class OneList(RuleBasedStateMachine):
    """The user's slot beside a model of it."""

    clients = Bundle("clients")

    def __init__(self, store: Store, new_name: NewName) -> None:
        super().__init__()
        self.inbox = Inbox(store, new_name("user"), new_name)
        self.users = store.users
        self.newest = 0
        self.acknowledged = 0
        self.connected: dict[ConnectionId, Client] = {}

    @property
    def unacknowledged(self) -> range:
        return range(self.acknowledged + 1, self.newest + 1)

    @precondition(lambda self: self.newest < MOST)
    @rule(count=st.integers(1, 40))
    def append(self, count: int) -> None:
        events = [Push(Recipient(self.inbox.user), b"%d" % (self.newest + n)) for n in range(1, count + 1)]
        for reach in self.users.reach(events):
            assert reach is not None
            self.newest += 1
            assert reach.offset == self.newest
            # Live events come on the connections whose replay has ended, and on no others.
            assert set(reach.live) == {each.id for each in self.connected.values() if each.state == "live"}
            assert set(reach.syncing) == {each.id for each in self.connected.values() if each.state == "syncing"}
            for connection in reach.live:
                self.connected[connection].receive(reach.offset)

    @rule(part=st.floats(0, 1))
    def acknowledge(self, part: float) -> None:
        offset = round(part * self.newest)
        self.inbox.ack(offset)
        self.acknowledged = max(self.acknowledged, offset)

    @rule(target=clients)
    def connect(self) -> Client:
        client = Client(self.inbox.connect().connection)
        self.connected[client.id] = client
        return client

    @rule(client=consumes(clients))
    def disconnect(self, client: Client) -> None:
        self.users.forget(client.id)
        del self.connected[client.id]

    @rule(client=clients, again=st.booleans())
    def begin(self, client: Client, again: bool) -> None:
        """A flush, or with `again` a sync."""
        replay = self.users.begin_replay(self.inbox.user, client.id, again=again)
        if client.lessee:
            assert replay.state == "busy"
        elif client.state == "live" and not again:
            assert replay.state == "live"
        else:
            assert (replay.state, replay.newest, replay.entries) == ("begun", self.newest, len(self.unacknowledged))
            client.lessee, client.received = replay.lessee, []
            client.state = "joining" if client.state == "joining" else "syncing"

    @rule(client=clients)
    def step(self, client: Client) -> None:
        entries = self.users.next_entries(self.inbox.user, client.id, client.lessee or "nobody", client.behind)
        if not client.lessee:
            assert entries == "lost"
            return
        expected = [offset for offset in self.unacknowledged if offset > client.behind][:REPLAY_ENTRIES]
        if expected:
            assert entries == [(offset, b"%d" % offset) for offset in expected]
            for offset in expected:
                client.receive(offset)
        else:
            assert entries == "live"
            client.state, client.lessee = "live", ""

    @rule(client=clients)
    def finish(self, client: Client) -> None:
        """The rest of a replay in one go."""
        while client.lessee:
            self.step(client)

    @invariant()
    def nothing_is_lost(self) -> None:
        for client in self.connected.values():
            if client.state == "live":
                assert set(self.unacknowledged) <= set(client.received) | set(range(1, self.acknowledged + 1))

    def teardown(self) -> None:
        """Whoever connects in the end gets everything that was not acknowledged."""
        if self.newest:
            last = self.inbox.replay(self.inbox.connect().connection)
            assert last == [(offset, b"%d" % offset) for offset in self.unacknowledged]
        for name in keys.user(self.inbox.user):
            self.inbox.store.scripts.command("DEL", name)


def test_any_interleaving_on_one_list(store: Store, new_name: NewName, monkeypatch: pytest.MonkeyPatch) -> None:
    # A machine that stands still for seconds must not end a lease: leases have their own tests.
    monkeypatch.setattr(users, "LEASE_MS", 3_600_000)

    class Machine(OneList):
        def __init__(self) -> None:
            super().__init__(store, new_name)

    run_state_machine_as_test(Machine, settings=settings(max_examples=60, stateful_step_count=40))
