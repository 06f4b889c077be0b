"""Redis as it is: scripts that it forgot, faults of ours, and the days when it is out of reach."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import pytest
from redis import Redis
from redis.exceptions import ResponseError

from chalicelib.errors import Unavailable
from chalicelib.model import Recipient
from chalicelib.store import Store, keys, line
from chalicelib.store.scripts import Call, Command, Scripts
from chalicelib.store.users import Push
from tests import servers
from tests.store.conftest import Inbox, NewName, Shop, identity, open_store, text_body

NOWHERE = {"REDIS_URL": "redis://127.0.0.1:1", "REDIS_CLUSTER": "0"}


@pytest.fixture
def forget_scripts(redis_settings: dict[str, str]) -> Callable[[], object]:
    """Lets every server forget its scripts, as a restart does."""

    def forget() -> None:
        for seed in redis_settings["REDIS_URL"].split(","):
            with Redis.from_url(seed) as node:
                node.execute_command("SCRIPT", "FLUSH")

    return forget


# --- scripts --------------------------------------------------------------------------------------------------------


def test_a_script_that_was_forgotten_is_loaded_again(shop: Shop, forget_scripts: Callable[[], object]) -> None:
    conversation = shop.waiting()
    forget_scripts()
    assert shop.say(conversation, "2").seq == 2
    forget_scripts()
    assert shop.history(conversation) == ["hello", "2"]


def test_only_what_was_forgotten_is_sent_again(
    store: Store, new_name: NewName, forget_scripts: Callable[[], object]
) -> None:
    # Over many slots, and with commands in between that must not be carried out twice.
    names = [new_name("user") for _ in range(20)]
    calls: list[Call | Command] = []
    for name in names:
        calls += [Command("INCR", (f"kefu:{{u:{name}}}:tests",)), Call("presence_read", keys.user(name))]
    forget_scripts()
    assert store.scripts.run_many(calls) == [1, [b"presence", b"0", b""]] * 20
    assert store.scripts.run_many(calls) == [2, [b"presence", b"0", b""]] * 20


def test_a_message_is_stored_once_however_often_its_script_is_forgotten(
    shop: Shop, forget_scripts: Callable[[], object]
) -> None:
    conversation = shop.waiting()

    def say(n: int) -> int:
        while True:
            try:
                return shop.say(conversation, str(n), id=str(n)).seq
            except Unavailable:  # forgotten again between the loading and the call: nothing was stored
                continue

    with ThreadPoolExecutor(8) as threads:
        said = [threads.submit(say, n) for n in range(40)]
        for _ in range(10):
            forget_scripts()
        seqs = sorted(one.result() for one in said)
    assert seqs == list(range(2, 42))


def test_threads_that_begin_together_get_their_own_answers(redis_settings: dict[str, str], new_name: NewName) -> None:
    names = [f"kefu:{{u:{new_name('user')}}}:tests" for _ in range(16)]
    for _ in range(10):
        fresh, start = open_store(redis_settings).scripts, Barrier(16)

        def ask(name: str, fresh: Scripts = fresh, start: Barrier = start) -> list[object]:
            start.wait()
            return [fresh.run_many([Command("SET", (name, name)), Command("GET", (name,))])[1] for _ in range(20)]

        with ThreadPoolExecutor(16) as threads:
            answers = list(threads.map(ask, names))
        assert answers == [[name.encode()] * 20 for name in names]


def test_replies_are_in_the_order_of_the_calls(store: Store, new_name: NewName) -> None:
    names = [f"kefu:{{u:{new_name('user')}}}:tests" for _ in range(50)]
    assert store.scripts.run_many([Command("SET", (name, n)) for n, name in enumerate(names)]) == [b"OK"] * 50
    assert store.scripts.run_many([Command("GET", (name,)) for name in names]) == [b"%d" % n for n in range(50)]
    assert store.scripts.run_many([]) == []


def test_a_seed_that_is_gone_is_passed_over(cluster: str) -> None:
    store = open_store({"REDIS_URL": f"redis://127.0.0.1:1, {cluster}", "REDIS_CLUSTER": "1"})
    assert store.users.time() > 0


# --- faults of ours ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [("GET", "kefu:{u:tests}:a", "too much"), ("INCR", "kefu:{u:tests}:word"), ("LPUSH", "kefu:{u:tests}:word", "x")],
    ids=lambda command: str(command[0]),
)
def test_a_command_that_redis_refuses_is_a_fault(store: Store, command: tuple[str, ...]) -> None:
    store.scripts.command("SET", "kefu:{u:tests}:word", "word")
    with pytest.raises(ResponseError):
        store.scripts.command(*command)


def test_a_script_that_fails_is_a_fault(store: Store, new_name: NewName) -> None:
    names = keys.conversation(f"{new_name('shop')}:c")
    with pytest.raises(ResponseError):
        store.scripts.run("conversation_view", names[:3])
    with pytest.raises(ResponseError):
        store.scripts.run("connection_open", keys.user(new_name("user")), "connection")
    store.scripts.command("SET", names[4], "no hash")
    with pytest.raises(ResponseError):
        store.scripts.run("conversation_view", names, "c")


def test_a_script_over_two_slots_is_a_fault(cluster: str) -> None:
    store = open_store({"REDIS_URL": cluster, "REDIS_CLUSTER": "1"})
    with pytest.raises(ResponseError):
        store.scripts.run("conversation_view", [*keys.conversation("a:c")[:8], keys.watchers("b:c")], "c")


def test_one_fault_is_not_hidden_by_the_others(store: Store, new_name: NewName) -> None:
    with pytest.raises(ResponseError):
        store.scripts.run_many([Command("GET", ("kefu:{u:tests}:a",)), Command("GET", ("kefu:{u:tests}:a", "b"))])


# --- out of reach -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["0", "1"], ids=["one node", "cluster"])
def test_where_nobody_listens_everything_is_unavailable(kind: str) -> None:
    store = open_store({**NOWHERE, "REDIS_CLUSTER": kind})
    who = identity("user", "connection")
    for verb in (
        lambda: store.conversations.append("s:c", who, "k", b"{}"),
        lambda: store.conversations.claim("s:c", who, "no"),
        lambda: store.conversations.view(["s:c"]),
        lambda: store.conversations.history("s:c", "c", "newest", 0, 50),
        lambda: store.stores.put("s", "Shop", 1),
        lambda: store.users.connect(who.connection, who),
        lambda: store.users.identity(who.connection),
        lambda: store.users.admit(who, 1),
        lambda: store.users.forget(who.connection),
        lambda: store.users.begin_replay("user", who.connection, again=False),
        lambda: store.users.presence(["user"]),
        store.users.online,
        lambda: list(store.users.everybody()),
    ):
        with pytest.raises(Unavailable) as refusal:
            verb()
        assert refusal.value.__cause__ is not None
    assert store.users.reach([Push(Recipient("one"), b"{}"), Push(Recipient("two"))]) == [None, None]


def test_a_server_that_says_nothing_is_out_of_reach(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unavailable):
            open_store({"REDIS_URL": f"redis://127.0.0.1:{port}", "REDIS_CLUSTER": "0"}).users.time()


def test_what_comes_back_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, new_name: NewName) -> None:
    with servers.node(tmp_path / "first") as port:
        store = open_store({"REDIS_URL": f"redis://127.0.0.1:{port}", "REDIS_CLUSTER": "0"})
        inbox = Inbox(store, new_name("user"), new_name)
        inbox.append()
    for _ in range(3):
        with pytest.raises(Unavailable):
            inbox.ack(1)
    monkeypatch.setattr(servers, "free_port", lambda: port)
    with servers.node(tmp_path / "second"):
        assert inbox.append().offset == 1  # another server: it knows neither the list nor the scripts
        assert inbox.offsets() == [1]


@pytest.fixture(scope="module")
def own_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with servers.node(tmp_path_factory.mktemp("own")) as port:
        yield port


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0"),
        ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE"),
        ("CONFIG SET min-replicas-to-write 1", "CONFIG SET min-replicas-to-write 0"),
        ("CONFIG SET requirepass secret", "CONFIG SET requirepass ''"),
    ],
    ids=["full", "a replica", "without its replicas", "asks for a password"],
)
def test_a_server_that_takes_no_writes_is_out_of_reach(own_node: int, new_name: NewName, begin: str, end: str) -> None:
    settings = {"REDIS_URL": f"redis://127.0.0.1:{own_node}", "REDIS_CLUSTER": "0"}
    inbox = Inbox(open_store(settings), new_name("user"), new_name)
    inbox.append()
    with Redis(port=own_node) as admin:
        admin.execute_command(*begin.split())
        try:
            fresh = open_store(settings)
            assert fresh.users.reach([Push(Recipient(inbox.user), b"{}")]) == [None]
            with pytest.raises(Unavailable):
                fresh.stores.put(new_name("shop"), "Shop", 1)
        finally:
            admin.execute_command(*(part.strip("'") for part in end.split()))
    assert fresh.users.reach([Push(Recipient(inbox.user), b"{}")]) != [None]
    assert inbox.append().offset == 3


class Lossy:
    """A line to Redis that loses an answer: what it carries is carried out, and nobody hears of it."""

    def __init__(self, port: int) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._redis = port
        self.port = self._server.getsockname()[1]
        self.lose = threading.Event()
        self.scripts = 0
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def _start(self, carry: Callable[..., None], *lines: socket.socket) -> None:
        self._threads.append(threading.Thread(target=carry, args=lines))
        self._threads[-1].start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:  # the test is over
                return
            redis = socket.create_connection(("127.0.0.1", self._redis))
            self._start(self._ask, client, redis)
            self._start(self._answer, redis, client)

    def _ask(self, client: socket.socket, redis: socket.socket) -> None:
        with suppress(OSError):  # either side may hang up at any time
            while request := client.recv(65_536):
                self.scripts += request.count(b"EVALSHA")
                redis.sendall(request)
            redis.shutdown(socket.SHUT_RDWR)

    def _answer(self, redis: socket.socket, client: socket.socket) -> None:
        with redis, client, suppress(OSError):
            while (answer := redis.recv(65_536)) and not self.lose.is_set():
                client.sendall(answer)
            self.lose.clear()
            client.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()


def test_a_lost_answer_is_told_and_nothing_is_done_twice(one_node: str, new_name: NewName) -> None:
    direct = open_store({"REDIS_URL": one_node, "REDIS_CLUSTER": "0"})
    direct.stores.put(shop := new_name("shop"), "Tea House", 60)
    lossy = Lossy(int(one_node.rpartition(":")[2]))
    store = open_store({"REDIS_URL": f"redis://127.0.0.1:{lossy.port}", "REDIS_CLUSTER": "0"})
    conversation, who = f"{shop}:c", identity("c")
    try:
        assert store.conversations.append(conversation, who, "1", text_body("hello")).seq == 1
        sent = lossy.scripts
        lossy.lose.set()
        with pytest.raises(Unavailable):
            store.conversations.append(conversation, who, "2", text_body("lost?"))
        assert lossy.scripts == sent + 1
        again = store.conversations.append(conversation, who, "2", text_body("lost?"))
        assert (again.seq, again.again) == (2, True)
        assert store.conversations.append(conversation, who, "3", text_body("next")).seq == 3
    finally:
        store.scripts.close()
        lossy.close()
