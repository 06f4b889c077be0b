"""Starting, stopping and killing kefu on one machine: what it says, what survives, and that nothing is left behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from infra.local.demo import AGENTS, STORES
from tests.e2e.client import Client
from tests.e2e.conftest import Marketplace, Shop
from tests.e2e.server import Server, StartError, free_port
from tests.servers import binary

KEY = "a key that is long enough for these tests"
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def eventually(seen: Callable[[], bool], within_s: float = 15.0) -> None:
    """Wait for what can only be looked at again and again."""
    deadline = time.monotonic() + within_s
    while not seen():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.02)


def descendants(pid: int) -> dict[int, str]:
    """Every process below `pid`, and its command line."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
    found: dict[int, str] = {}
    wanted = {pid}
    while wanted:
        wanted = {child for child, parent in parents.items() if parent in wanted}
        found |= {child: Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ") for child in wanted}
    return found


def gone(pid: int) -> bool:
    """Whether the process has ended: gone, or waiting for a parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def redis_of(server: Server) -> int:
    """The process id of the embedded server."""
    pids = [pid for pid, command in descendants(server.process.pid).items() if command.startswith(binary())]
    assert len(pids) == 1
    return pids[0]


def redis_port(home: Path) -> int:
    port = re.search(r"^port (\d+)$", (home / "redis.conf").read_text(), re.MULTILINE)
    assert port
    return int(port[1])


@contextmanager
def visit(server: Server) -> Iterator[Marketplace]:
    market = Marketplace(server)
    try:
        yield market
    finally:
        market.close()


@contextmanager
def redis_on(port: int, folder: Path) -> Iterator[None]:
    """A Redis server that is not kefu's own."""
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([binary(), *options], stdout=subprocess.DEVNULL) as redis:
        try:
            yield
        finally:
            redis.terminate()


def waiting_customer(market: Marketplace, *texts: str) -> tuple[Shop, str, str]:
    """A store where nobody serves yet an agent is listed, its agent, and the conversation that waits for the agent."""
    shop = market.open_store()
    agent = shop.appoint("ann")
    customer = shop.customer()
    for text in texts:
        customer.say(shop.conversation(customer), text)
    return shop, agent, shop.conversation(customer)


def replayed_texts(client: Client) -> list[str]:
    return [message["body"]["text"] for message in client.replayed]


# Starting


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("JWT_SECRET", "too short"),
        ("JWT_PUBLIC_KEY", "no key"),
        ("REDIS_URL", "http://127.0.0.1:6379"),
        ("RATE_LIMIT", "many"),
        ("CLAIM_GRACE_S", "never"),
        ("ALLOWED_ORIGINS", "market.example"),
        ("PORT", "eighty"),
        ("SWEEP_S", "often"),
        ("PUSHES", "by carrier pigeon"),
    ],
)
def test_a_setting_that_cannot_be_used_stops_the_start_with_one_line(home: Path, name: str, value: str) -> None:
    with pytest.raises(StartError) as stopped:
        Server.start(home, env={name: value})
    assert stopped.value.status == 2
    assert stopped.value.stdout == ""
    (line,) = stopped.value.stderr.splitlines()
    assert name in line
    assert value not in line or name == "ALLOWED_ORIGINS"


def test_a_port_that_is_taken_is_said_in_one_line_that_offers_another(home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StartError) as stopped:
            Server.start(home, env={"PORT": str(port)})
    assert stopped.value.status == 2
    (line,) = stopped.value.stderr.splitlines()
    assert f"Port {port} is taken" in line
    assert "PORT=" in line


def test_a_state_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError) as stopped:
        Server.start(tmp_path / "file" / "home")
    assert stopped.value.status == 2
    (line,) = stopped.value.stderr.splitlines()
    assert "KEFU_HOME" in line


def test_a_second_start_on_the_same_state_folder_is_refused_in_one_line(home: Path) -> None:
    with Server.start(home), pytest.raises(StartError) as stopped:
        Server.start(home)
    assert stopped.value.status == 2
    (line,) = stopped.value.stderr.splitlines()
    assert "KEFU_HOME" in line


def test_it_says_once_that_it_is_ready_and_then_how_to_try_it(home: Path) -> None:
    with Server.start(home) as server, visit(server) as market:
        invitation = [server.stdout.wait_for(word, 20) for word in ("chat", "customer", "agent", "administrator")]
        assert f"--url {server.url}" in invitation[0]
        assert (
            market.http("GET", "/stores/tea-house", token=invitation[3].split()[-1]).body["name"] == STORES["tea-house"]
        )
        for store in STORES:
            listed = market.admin("GET", f"/stores/{store}/agents")["agents"]
            wanted = {(user, name, role) for its_store, user, name, role in AGENTS if its_store == store}
            assert {(agent["user"], agent["name"], agent["role"]) for agent in listed} == wanted
    assert server.stdout.text.count(f"kefu is ready: {server.url}/\n") == 1


def test_a_second_start_takes_less_than_three_seconds_and_knows_the_tokens_of_the_first(home: Path) -> None:
    with Server.start(home) as server, visit(server) as market:
        _, agent, conversation = waiting_customer(market, "hello")
        token = server.token(agent)
    assert (home / "jwt-secret").stat().st_mode & 0o777 == 0o600
    assert (home / "redis.conf").stat().st_mode & 0o777 == 0o600
    began = time.monotonic()
    with Server.start(home) as server, visit(server) as market:
        assert time.monotonic() - began < 3
        client = Client.open(server.ws, agent, token)
        market.clients.append(client)
        assert client.greet().texts(conversation) == ["hello"]


def test_the_embedded_redis_answers_nobody_without_its_password(home: Path) -> None:
    with Server.start(home), socket.create_connection(("127.0.0.1", redis_port(home))) as stranger:
        stranger.sendall(b"DBSIZE\r\n")
        assert stranger.recv(100).startswith(b"-NOAUTH")


# Stopping and killing


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_with_status_0_and_leaves_no_process(home: Path, number: signal.Signals) -> None:
    with Server.start(home, args=["--workers", "3"]) as server:
        pids = descendants(server.process.pid)
        assert sum("infra.local.worker" in command for command in pids.values()) == 3
        server.process.send_signal(number)
        assert server.stop() == 0
        assert all(gone(pid) for pid in pids)
    assert "Traceback" not in server.stderr.text


@linux
def test_sigkill_leaves_no_process_and_loses_nothing_that_was_replied_to(home: Path) -> None:
    with Server.start(home) as server, visit(server) as market:
        _, agent, conversation = waiting_customer(market, "one", "two", "three")
        pids = descendants(server.process.pid)
        assert len(pids) == 4  # two workers, the Redis server and its leash
        server.kill()
        eventually(lambda: all(gone(pid) for pid in pids))
    with Server.start(home) as server, visit(server) as market:
        client = market.connect(agent)
        assert replayed_texts(client) == ["one", "two", "three"]
        assert client.texts(conversation) == ["one", "two", "three"]


@linux
def test_a_start_right_after_sigkill_waits_for_the_old_redis_to_be_gone(home: Path) -> None:
    for round_ in range(3):
        with Server.start(home) as server, visit(server) as market:
            shop = Shop(market, "shop")
            market.admin("PUT", "/stores/shop", {"name": "Shop"})
            market.connect("carl").say(shop.conversation("carl"), f"round {round_}")
            server.kill()
    with Server.start(home) as server, visit(server) as market:
        assert market.connect("carl").texts("shop:carl") == ["round 0", "round 1", "round 2"]


@linux
def test_an_embedded_redis_that_is_killed_is_started_again_with_all_its_data(home: Path) -> None:
    with Server.start(home) as server, visit(server) as market:
        server.stdout.wait_for("administrator", 20)
        _, agent, conversation = waiting_customer(market, "before")
        port = redis_port(home)
        os.kill(redis_of(server), signal.SIGKILL)
        assert "started again" in server.stderr.wait_for("embedded Redis", 10)
        eventually(lambda: market.http("GET", "/health").status == 200)
        assert redis_port(home) == port
        customer = market.connect(conversation.partition(":")[2])
        customer.say(conversation, "after")
        assert replayed_texts(market.connect(agent)) == ["before", "after"]


@linux
def test_killing_everything_but_the_gateway_is_mended(home: Path) -> None:
    with Server.start(home) as server, visit(server) as market:
        server.stdout.wait_for("administrator", 20)
        for pid in descendants(server.process.pid):
            os.kill(pid, signal.SIGKILL)
        server.stderr.wait_for("is replaced", 10)
        eventually(lambda: market.http("GET", "/health").status == 200)
        assert market.connect().welcome["protocol"] == "kefu.v1"


def test_it_starts_without_its_redis_and_is_whole_when_that_comes(home: Path, tmp_path: Path) -> None:
    port = free_port()
    with Server.start(home, env={"REDIS_URL": f"redis://127.0.0.1:{port}"}) as server, visit(server) as market:
        assert market.http("GET", "/health").status == 503
        server.stderr.wait_for("demo stores are made as soon as", 20)
        with redis_on(port, tmp_path):
            server.stdout.wait_for("administrator", 30)
            assert market.http("GET", "/health").body == {"status": "ok", "redis": "ok"}
            assert market.admin("GET", "/stores/bookshop")["agents"] == 1
    assert server.stderr.text.count("demo stores") == 1
    assert not (home / "redis").exists()
