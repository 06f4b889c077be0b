"""What goes over the lines to Redis: one round trip for each call, to one node or to all of a cluster's together."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import chain, takewhile
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.crc import key_slot

from chalicelib.model import Recipient, UserId
from chalicelib.store import keys, line
from chalicelib.store.line import Line
from chalicelib.store.scripts import Command
from chalicelib.store.users import Push
from tests import servers
from tests.store.conftest import Inbox, NewName, Shop, open_store


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the process does on its lines from now on: every sending, and every wait for answers."""
    done: list[str] = []

    def noted(name: str, step: Callable[..., None]) -> Callable[..., None]:
        def taken(*args: object) -> None:
            done.append(name)
            step(*args)

        return taken

    for name in ("send", "receive"):
        monkeypatch.setattr(Line, name, noted(name, getattr(Line, name)))
    return done


@contextmanager
def heard(redis_settings: dict[str, str]) -> Iterator[list[list[str]]]:
    """The names of the commands that reach each server meanwhile; those inside of scripts do not count."""
    names: list[list[str]] = []
    with ExitStack() as stack:
        seeds = redis_settings["REDIS_URL"].split(",")
        clients = [stack.enter_context(Redis.from_url(seed)) for seed in seeds]
        for client in clients:
            client.ping()
        monitors = [stack.enter_context(stack.enter_context(Redis.from_url(seed)).monitor()) for seed in seeds]
        yield names
        for client, monitor in zip(clients, monitors, strict=True):
            client.echo("the end")
            commands = takewhile(lambda each: "the end" not in each["command"], monitor.listen())
            names.append([each["command"].split()[0] for each in commands if each["client_type"] != "lua"])


def test_a_call_is_one_round_trip(redis_settings: dict[str, str], inbox: Inbox, steps: list[str]) -> None:
    inbox.append()
    steps.clear()
    with heard(redis_settings) as names:
        inbox.append()
    assert steps == ["send", "receive"]
    assert list(chain(*names)) == ["EVALSHA"]


def test_calls_to_many_are_one_round_trip_to_all_servers_together(
    redis_settings: dict[str, str], shop: Shop, new_name: NewName, steps: list[str]
) -> None:
    pushes = [Push(Recipient(new_name("user")), b"{}") for _ in range(60)]
    shop.store.users.reach(pushes)
    steps.clear()
    with heard(redis_settings) as names:
        assert None not in shop.store.users.reach(pushes)
    assert [] not in names
    # Those whose keys lie together share a call, up to twenty-five.
    cluster = redis_settings["REDIS_CLUSTER"] == "1"
    calls = len({key_slot(keys.user(push.to.user)[0].encode()) for push in pushes}) if cluster else 3
    assert list(chain(*names)) == ["EVALSHA"] * calls
    assert steps == ["send"] * len(names) + ["receive"] * len(names)


def test_the_conversations_of_a_store_share_calls(
    redis_settings: dict[str, str], shop: Shop, new_name: NewName
) -> None:
    there = [shop.claimed() if n % 2 else shop.waiting() for n in range(60)]
    asked = [conversation for each in there for conversation in (each, f"{shop.id}:{new_name('nobody')}")]
    shop.store.conversations.view(asked)
    with heard(redis_settings) as names:
        views = shop.store.conversations.view(asked)
    assert [view and view.conversation for view in views] == [part for each in there for part in (each, None)]
    agents = [None, shop.agents[0]] * 30
    assert [view.agent and view.agent.user for view in views if view] == agents
    assert list(chain(*names)) == ["EVALSHA"] * 3


def test_a_line_that_nobody_has_used_for_long_is_not_trusted(
    redis_settings: dict[str, str], inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    inbox.append()
    monkeypatch.setattr(line, "KEPT_S", 0.0)
    with heard(redis_settings) as names:
        inbox.append()
    assert list(chain(*names)) == ["HELLO", "EVALSHA"]


def test_a_first_call_asks_for_nothing_but_its_own(redis_settings: dict[str, str], new_name: NewName) -> None:
    user = new_name("user")
    open_store(redis_settings).users.presence([user])  # so that the script is known
    with heard(redis_settings) as names:
        open_store(redis_settings).users.presence([user])
    cluster = redis_settings["REDIS_CLUSTER"] == "1"
    first = ["HELLO", "CLUSTER", "HELLO", "EVALSHA"] if cluster else ["HELLO", "EVALSHA"]
    # A line on which the cluster has told its slots is used again, where it leads to the right server.
    assert sorted(chain(*names)) in (sorted(first), sorted(set(first)))


@pytest.fixture
def own_cluster(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The settings of a cluster that a test may break."""
    with servers.cluster(tmp_path) as seeds:
        yield {"REDIS_URL": seeds, "REDIS_CLUSTER": "1"}


@pytest.fixture
def nodes(own_cluster: dict[str, str]) -> Iterator[list[Redis]]:
    """Its servers, in the order of their slots."""
    with ExitStack() as stack:
        yield [stack.enter_context(Redis.from_url(seed)) for seed in own_cluster["REDIS_URL"].split(",")]


def port_of(node: Redis) -> int:
    return int(node.info("server")["tcp_port"])


def owner_of(user: UserId) -> int:
    """Which of the three has the user's slot to begin with."""
    return min(key_slot(keys.user(user)[0].encode()) // 5_461, 2)


def test_a_server_that_is_slow_keeps_nothing_from_the_others(
    own_cluster: dict[str, str], nodes: list[Redis], new_name: NewName
) -> None:
    store = open_store(own_cluster)
    users = [new_name("user") for _ in range(30)]
    pushes = [Push(Recipient(user), b"{}") for user in users]
    store.users.reach(pushes)
    slow = owner_of(users[0])  # the first that is read from
    others = [user for user in users if owner_of(user) != slow]
    with ThreadPoolExecutor(1) as thread:
        with servers.frozen(port_of(nodes[slow])):
            under_way = thread.submit(store.users.reach, pushes)
            servers.until(lambda: all(nodes[owner_of(user)].llen(keys.user(user)[2]) == 2 for user in others))
            assert not under_way.done()
        assert [reach and reach.offset for reach in under_way.result()] == [2] * 30


def test_where_one_primary_is_gone_the_others_answer(
    own_cluster: dict[str, str], nodes: list[Redis], new_name: NewName
) -> None:
    store = open_store(own_cluster)
    users = [new_name("user") for _ in range(30)]
    pushes = [Push(Recipient(user), b"{}") for user in users]
    assert [reach and reach.offset for reach in store.users.reach(pushes)] == [1] * 30
    os.kill(int(nodes[1].info("server")["process_id"]), signal.SIGKILL)
    gone = [owner_of(user) == 1 for user in users]
    assert {True, False} == set(gone)
    for n in range(2, 5):
        assert [reach and reach.offset for reach in store.users.reach(pushes)] == [None if each else n for each in gone]


def places(nodes: list[Redis], user: UserId) -> tuple[int, Redis, Redis]:
    """The slot of a user, its server and the next one, which is about to have it."""
    owner = owner_of(user)
    return key_slot(keys.user(user)[0].encode()), nodes[owner], nodes[(owner + 1) % 3]


def test_a_slot_that_has_moved_is_followed(
    own_cluster: dict[str, str], nodes: list[Redis], new_name: NewName, steps: list[str]
) -> None:
    store, user = open_store(own_cluster), new_name("user")
    assert store.users.online() == 0
    slot, owner, target = places(nodes, user)
    name = servers.cluster_command(target, "MYID")
    for node in (target, owner, *nodes):
        servers.cluster_command(node, "SETSLOT", slot, "NODE", name)
    inbox = Inbox(store, user, new_name)
    assert inbox.append().offset == 1
    steps.clear()
    assert inbox.append().offset == 2
    assert steps == ["send", "receive"], "where the slot is by now has been learned"


def test_a_slot_that_is_moving_is_found_at_either_end(
    own_cluster: dict[str, str], nodes: list[Redis], new_name: NewName
) -> None:
    store, user = open_store(own_cluster), new_name("user")
    slot, owner, target = places(nodes, user)
    key = keys.user(user)[1]
    store.scripts.command("HSET", key, "where", "here")
    servers.cluster_command(target, "SETSLOT", slot, "IMPORTING", servers.cluster_command(owner, "MYID"))
    servers.cluster_command(owner, "SETSLOT", slot, "MIGRATING", servers.cluster_command(target, "MYID"))
    assert store.scripts.command("HGET", key, "where") == b"here"
    owner.migrate("127.0.0.1", port_of(target), key, 0, 1_000)
    commands = [Command("HGET", (key, "where")), Command("HINCRBY", (key, "times", 1)), Command("GET", ("elsewhere",))]
    assert [store.scripts.run_many(commands) for _ in range(2)] == [[b"here", 1, None], [b"here", 2, None]]


def owner_by(node: Redis, slot: int) -> int:
    """The port of whoever has a slot, as a node of the cluster sees it."""
    ranges: Any = servers.cluster_command(node, "SLOTS")
    return next(int(primary[1]) for first, last, primary, *_ in ranges if first <= slot <= last)


def test_who_has_taken_over_gets_the_first_call(
    own_cluster: dict[str, str], nodes: list[Redis], new_name: NewName, tmp_path: Path
) -> None:
    inbox = Inbox(open_store(own_cluster), new_name("user"), new_name)
    assert inbox.append().offset == 1
    slot, gone, _ = places(nodes, inbox.user)
    with servers.node(tmp_path / "replica", "--cluster-enabled", "yes") as port, Redis(port=port) as replica:
        name = servers.cluster_command(gone, "MYID")
        servers.cluster_command(replica, "MEET", "127.0.0.1", port_of(gone))
        servers.until(lambda: name in servers.cluster_command(replica, "NODES"))
        servers.cluster_command(replica, "REPLICATE", name)
        servers.until(lambda: replica.info("replication").get("master_link_status") == "up")
        os.kill(int(gone.info("server")["process_id"]), signal.SIGKILL)
        servers.cluster_command(replica, "FAILOVER", "TAKEOVER")
        others = [node for node in nodes if node is not gone]
        servers.until(lambda: all(owner_by(node, slot) == port for node in others))
        assert inbox.append().offset == 2
