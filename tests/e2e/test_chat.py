"""The terminal client: two people chat, each in a process of its own, driven through its standard input and output."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.client import fresh
from tests.e2e.conftest import Marketplace, Shop
from tests.e2e.server import Output, Server, launch

WITHIN_S = 20.0


class Terminal:
    """A person at a terminal."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self.process, self._keyboard = process, process.stdin
        self.screen, self.stderr = Output(process.stdout), Output(process.stderr)

    def types(self, *lines: str) -> None:
        for line in lines:
            self._keyboard.write(f"{line}\n")
        self._keyboard.flush()

    def sees(self, text: str) -> str:
        """The next line that has `text` in it."""
        return self.screen.wait_for(text, WITHIN_S)

    def ends(self) -> int:
        """End the input, and answer the exit status."""
        self._keyboard.close()
        status = self.process.wait(WITHIN_S)
        self.screen.join()
        self.stderr.join()
        return status


@pytest.fixture
def sit_down() -> Iterator[Callable[..., Terminal]]:
    """Starts terminal clients, and ends those that still run."""
    terminals: list[Terminal] = []

    def start(server: Server, user: str, store: str, *options: str) -> Terminal:
        arguments = ["-m", "infra.local", "chat", "--url", server.url, "--as", user, "--store", store, *options]
        terminals.append(Terminal(launch(arguments)))
        return terminals[-1]

    yield start
    for terminal in terminals:
        if terminal.process.poll() is None:
            terminal.process.kill()
        terminal.ends()


def test_a_customer_and_an_agent_chat_from_the_queue_to_the_close(
    server: Server, shop: Shop, sit_down: Callable[..., Terminal]
) -> None:
    li, ming = shop.appoint(fresh("li"), name="小李"), fresh("ming")
    agent = sit_down(server, li, shop.store, "--agent")
    agent.sees("Connected as 小李")
    agent.sees("Nobody waiting")
    customer = sit_down(server, ming, shop.store, "--name", "Ming")
    customer.sees("Connected as Ming")
    customer.types("你好, is the green tea in?")
    assert f"[{ming}] Ming: 你好, is the green tea in?" in agent.sees("green tea")
    customer.sees("You are in the queue")
    agent.types("/queue")
    agent.sees("1 waiting")
    assert "Last: 你好" in agent.sees(f"[{ming}] Ming waits since")
    agent.types(f"/claim {ming}", "Yes, it is.", "//slashes too")
    customer.sees("小李 is here for you")
    customer.sees("小李: Yes, it is.")
    customer.sees("小李: /slashes too")
    agent.types("/history")
    agent.sees("The last 3 messages")
    agent.types("/close")
    customer.sees("The conversation is closed")
    assert (customer.ends(), agent.ends()) == (0, 0)
    assert customer.stderr.text == agent.stderr.text == ""


def test_what_was_said_while_an_agent_was_away_is_marked_and_shown_until_acknowledged(
    server: Server, shop: Shop, sit_down: Callable[..., Terminal]
) -> None:
    li = shop.appoint(fresh("li"))
    customer = sit_down(server, fresh("ming"), shop.store)
    customer.types("one", "two", "three")
    assert customer.ends() == 0
    agent = sit_down(server, li, shop.store, "--agent")
    agent.sees("3 messages from while you were away")
    assert [agent.sees("(while you were away)").split()[-5] for _ in range(3)] == ["one", "two", "three"]
    assert agent.ends() == 0
    again = sit_down(server, li, shop.store, "--agent")
    again.sees("no news")
    assert again.ends() == 0
    assert "away" not in again.screen.text


def test_a_refused_line_is_explained_in_words(server: Server, shop: Shop, sit_down: Callable[..., Terminal]) -> None:
    market = shop.market
    boss = shop.agent("boss", "supervisor", name="Boss")
    _, conversation = shop.waiting("hello")
    ming = conversation.partition(":")[2]
    agent = sit_down(server, shop.appoint(fresh("li")), shop.store, "--agent")
    agent.types("to whom?", "/open", f"/open {ming}", "not mine", "/nonsense")
    agent.sees("No conversation is open")
    agent.sees("/open CUSTOMER")
    agent.sees("hello")
    agent.sees(f"Nobody serves this conversation: /claim {ming} first.")
    agent.sees("There is no /nonsense")
    boss.ask("claim", conversation=conversation)
    agent.sees("is served by Boss")
    agent.types(f"/claim {ming}", "still not mine")
    for _ in range(2):
        agent.sees(f"! {boss.user} serves this conversation.")
    boss.ask("release", conversation=conversation)
    agent.types(f"/claim {ming}", f"/transfer {boss.user}")
    agent.sees("Open: ")
    agent.sees("is served by Boss")
    agent.types("/transfer nobody")
    agent.sees("! ")
    assert agent.ends() == 0
    assert [message["body"]["text"] for message in market.connect(boss.user).history(conversation)] == ["hello"]


def test_piped_lines_are_all_answered_before_the_client_ends(
    server: Server, shop: Shop, sit_down: Callable[..., Terminal]
) -> None:
    ming = fresh("ming")
    customer = sit_down(server, ming, shop.store)
    customer.types(*(f"line {number}" for number in range(30)), "x" * 4001)
    assert customer.ends() == 0
    assert "! " in customer.screen.text
    reader = shop.market.connect(ming)
    assert reader.texts(shop.conversation(ming), after=0) == [f"line {number}" for number in range(30)]


def test_lines_typed_while_the_service_is_down_are_sent_once_when_it_is_back(
    home: Path, sit_down: Callable[..., Terminal]
) -> None:
    with Server.start(home) as server:
        shop = Marketplace(server).open_store()
        li = shop.appoint(fresh("li"), name="Li")
        agent = sit_down(server, li, shop.store, "--agent")
        customer = sit_down(server, "ming", shop.store)
        customer.types("before")
        agent.sees("before")
        agent.types("/claim ming")
        customer.sees("Li is here")
        server.kill()
        customer.sees("Trying again")
        agent.sees("Trying again")
        customer.types("during")
        with Server.start(home, env={"PORT": str(server.port)}) as second:
            agent.sees("during")
            customer.types("after")
            agent.sees("after")
            market = Marketplace(second)
            assert market.connect(li).texts(f"{shop.store}:ming") == ["before", "during", "after"]
            market.close()
            assert (customer.ends(), agent.ends()) == (0, 0)
        for word in ("before", "during", "after"):
            assert agent.screen.text.count(f"ming: {word}\n") + agent.screen.text.count(f"ming: {word} (") == 1


def test_somebody_whom_the_service_refuses_is_told_so(server: Server, sit_down: Callable[..., Terminal]) -> None:
    stranger = sit_down(server, "no user id", "tea-house")
    assert stranger.process.wait(WITHIN_S) == 1
    assert "refuses" in stranger.stderr.join()


def test_control_characters_of_others_do_not_reach_the_terminal(
    server: Server, shop: Shop, sit_down: Callable[..., Terminal]
) -> None:
    agent = sit_down(server, shop.appoint(fresh("li")), shop.store, "--agent")
    agent.sees("Nobody waiting")
    shop.waiting("red \x1b[31m alert\x07\nnext line")
    assert agent.sees("alert").endswith(": red  [31m alert  next line\n")
