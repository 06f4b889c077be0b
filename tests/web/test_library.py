"""The client library: its pure parts by node:test, and the whole of it against a real service that is made to fail."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib import site
from tests.e2e.client import fresh
from tests.e2e.conftest import Marketplace, Shop
from tests.e2e.server import Server, free_port
from tests.web.programs import node
from tests.web.unreliable import unreliable

HERE = Path(__file__).parent
PURE = sorted(path.relative_to(HERE).as_posix() for path in HERE.glob("*/*.test.js"))
CONVERSATIONS = 20
# Of each side in each conversation: 10,000 in all.
MESSAGES = 250


def run(program: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What a program in `library/` says at its end. It ends by itself, after `within_s` at the latest."""
    done = subprocess.run(command(program, settings), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def command(program: str, settings: dict[str, Any]) -> list[str]:
    told = json.dumps({"library": library().as_uri(), **settings})
    return [node(), "--experimental-websocket", str(HERE / "library" / program), told]


@functools.cache
def library() -> Path:
    """The library as the pages get it: joined and made smaller, which must not change what it does."""
    whole = site.current().file("lib/kefu.whole.js")
    assert whole is not None
    file = Path(tempfile.mkdtemp(prefix="kefu-library-")) / "kefu.mjs"
    atexit.register(shutil.rmtree, file.parent)
    file.write_text(whole.text, encoding="utf-8")
    return file


def people_of(shop: Shop, agents: int, customers: int) -> dict[str, Any]:
    return {
        "url": shop.market.server.ws,
        "tokens": f"{shop.market.server.url}/dev/tokens",
        "store": shop.store,
        "agents": [shop.appoint(fresh("ann")) for _ in range(agents)],
        "customers": [fresh("carl") for _ in range(customers)],
    }


@pytest.mark.parametrize("file", PURE)
def test_state_is_pure_functions_that_hold(file: str) -> None:
    done = subprocess.run(
        [node(), "--test", str(HERE / file)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_ten_thousand_messages_are_shown_once_and_in_order_while_sockets_are_cut(shop: Shop) -> None:
    with unreliable(shop.market.server.port, lasts_s=(1, 8)) as network:
        told = run(
            "many-messages.js",
            {
                **people_of(shop, agents=2, customers=CONVERSATIONS),
                "url": network.ws,
                "each": MESSAGES,
                "within_s": 280,
            },
        )
    assert told["messages"] == 2 * CONVERSATIONS * MESSAGES == 10_000
    # Each connects once without a cut.
    assert network.cuts > CONVERSATIONS
    assert told["connects"] > CONVERSATIONS + 2


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[Mortal]:
    """A service that may be killed, and comes back on the same port with what it kept."""
    with Mortal(tmp_path) as service:
        yield service


class Mortal:
    def __init__(self, home: Path) -> None:
        self._home, self._settings = home, {"RATE_LIMIT": "0", "PORT": str(free_port())}

    def __enter__(self) -> Mortal:
        self.server = Server.start(self._home, env=self._settings)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()

    def die_and_come_back(self) -> None:
        self.server.kill()
        self.server = Server.start(self._home, env=self._settings)


def test_a_service_that_is_killed_and_started_again_costs_nobody_a_message(mortal: Mortal) -> None:
    market = Marketplace(mortal.server)
    settings = {**people_of(market.open_store(), agents=1, customers=1), "each": 150, "within_s": 120}
    with subprocess.Popen(
        command("through-a-restart.js", settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as program:
        assert program.stdout is not None
        first = program.stdout.readline()
        assert first == "half way\n", first + program.stdout.read()
        mortal.die_and_come_back()
        rest = program.stdout.read()
    assert program.returncode == 0, rest
    assert json.loads(rest.splitlines()[-1]) == {"messages": 300}


def test_a_connection_moves_to_another_socket_before_its_token_expires_and_nobody_notices(shop: Shop) -> None:
    told = run("rotating.js", {**people_of(shop, agents=1, customers=1), "rotations": 2, "within_s": 60})
    assert told["sockets"] == 3
    assert told["states"] == []
    assert told["stale"] == 0


def test_requests_are_paced_so_that_the_service_refuses_none(tmp_path: Path) -> None:
    with Server.start(tmp_path, env={"RATE_LIMIT": "20"}) as server:
        shop = Marketplace(server).open_store()
        settings = {**people_of(shop, agents=0, customers=1), "requests": 120, "rate": 20, "within_s": 60}
        assert run("impatient.js", settings) == {"frames": 120, "limited": 0}


def test_the_example_in_the_documentation_does_what_it_says(shop: Shop, tmp_path: Path) -> None:
    page = (HERE.parents[1] / "docs" / "client.md").read_text(encoding="utf-8")
    example = page.split("## A small complete example")[1].split("```js\n")[1].split("```")[0]
    (tmp_path / "lib").symlink_to(HERE.parents[1] / "chalicelib" / "web" / "lib")
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "assistant.js").write_text(example)
    early, conversation = shop.waiting()
    server = shop.market.server
    settings = {
        "KEFU_URL": server.ws,
        "KEFU_STORE": shop.store,
        "KEFU_TOKEN": server.token(shop.appoint(fresh("ann"))),
    }
    with subprocess.Popen(
        [node(), "--experimental-websocket", str(tmp_path / "assistant.js")],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as program:
        welcome = early.expect("message", conversation=conversation)
        late, _ = shop.waiting()
        also = late.expect("message", conversation=shop.conversation(late))
        program.terminate()
        said, _ = program.communicate(timeout=30)
    for message in (welcome, also):
        assert message["body"]["text"].startswith("Welcome, "), said
    assert program.returncode == 0, said
    assert "live" in said
