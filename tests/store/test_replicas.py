"""REDIS_WAIT_REPLICAS: what was answered is on so many replicas, and what is not is `unavailable`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from chalicelib.errors import Unavailable
from chalicelib.model import Recipient
from chalicelib.store import exchange, keys
from chalicelib.store.users import Push
from tests import servers
from tests.store.conftest import NewName, Shop, open_store


@pytest.fixture(params=["one node", "cluster"])
def with_replica(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[dict[str, str], int]]:
    """The settings of a primary that has one replica, and the replica's port."""
    options = ("--cluster-enabled", "yes") if request.param == "cluster" else ()
    with servers.node(tmp_path / "a", *options) as primary, servers.node(tmp_path / "b", *options) as replica:
        with Redis(port=primary) as one, Redis(port=replica) as other:
            if options:
                servers.cluster_command(one, "ADDSLOTSRANGE", 0, 16383)
                servers.cluster_command(other, "MEET", "127.0.0.1", primary)
                name = servers.cluster_command(one, "MYID")
                servers.until(lambda: name in servers.cluster_command(other, "NODES"))
                servers.cluster_command(other, "REPLICATE", name)
                servers.until(lambda: b"cluster_state:ok" in servers.cluster_command(one, "INFO"))
            else:
                other.replicaof("127.0.0.1", primary)
            servers.until(lambda: other.info("replication").get("master_link_status") == "up")
        url = f"redis://127.0.0.1:{primary}"
        yield {"REDIS_URL": url, "REDIS_CLUSTER": "1" if options else "0", "REDIS_WAIT_REPLICAS": "1"}, replica


@pytest.fixture
def shop(with_replica: tuple[dict[str, str], int], new_name: NewName) -> Shop:
    settings, _ = with_replica
    opened = Shop(open_store(settings), new_name("shop"), new_name)
    opened.store.stores.put(opened.id, "Tea House", 60)
    opened.supervisor = new_name("supervisor")
    opened.appoint(opened.supervisor, "supervisor")
    return opened


def test_what_was_answered_is_on_the_replica(shop: Shop, with_replica: tuple[dict[str, str], int]) -> None:
    _, port = with_replica
    conversation = shop.waiting("kept")
    with Redis(port=port) as replica:
        if with_replica[0]["REDIS_CLUSTER"] == "1":
            replica.execute_command("READONLY")
        assert replica.llen(keys.conversation(conversation)[5]) == 1
        shop.claim(conversation, shop.supervisor)
        assert replica.hlen(keys.claims(shop.id)) == 1


def test_without_a_replica_nothing_is_confirmed_and_a_retry_finds_what_was_stored(
    shop: Shop, with_replica: tuple[dict[str, str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "REPLICAS_WITHIN_MS", 50)
    conversation = shop.waiting()
    recipient = Recipient(shop.supervisor, shop.id, shop.joined[shop.supervisor])
    with servers.frozen(with_replica[1]):
        for _ in range(2):  # the second finds the message, and must not confirm it either
            with pytest.raises(Unavailable):
                shop.say(conversation, "again", id="k1")
        with pytest.raises(Unavailable):
            shop.claim(conversation, shop.supervisor)
        with pytest.raises(Unavailable):  # as the one before may have claimed
            shop.claim(conversation, shop.supervisor)
        assert shop.store.users.reach([Push(recipient, b"{}")]) == [None]
        assert shop.store.conversations.view([conversation]), "what is only read waits for nobody"
    monkeypatch.undo()
    again = shop.say(conversation, "again", id="k1")
    assert (again.again, again.seq) == (True, 2)
    assert not shop.claim(conversation, shop.supervisor).changed
    assert shop.history(conversation) == ["hello", "again"]
