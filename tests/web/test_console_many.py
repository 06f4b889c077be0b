"""The console in a real browser, with five thousand conversations, and five thousand messages."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from chalicelib import protocol
from chalicelib.model import Identity, Text
from chalicelib.settings import Settings
from chalicelib.store import Store
from tests.e2e.conftest import Marketplace, Shop
from tests.e2e.server import Server, free_port
from tests.web.agent import Agent
from tests.web.browser import axe
from tests.web.conftest import Comes

MANY = 5_000
SECRET = "a secret of the tests, long enough for HS256"


@dataclass
class Crowd:
    """A service of its own, whose storage the test fills without a socket for each customer."""

    server: Server
    store: Store
    market: Marketplace

    def write(self, conversation: str, texts: list[str], name: str = "") -> None:
        """What a customer has said, delivered to nobody: as if long ago."""
        customer = conversation.partition(":")[2]
        who = Identity(customer, name or customer, int(time.time()) + 3600)
        for n, text in enumerate(texts):
            body = protocol.encode(Text(type="text", text=text))
            self.store.conversations.append(conversation, who, f"seed-{n}", body)


@pytest.fixture(scope="module")
def crowd(one_node: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    settings = {"REDIS_URL": one_node, "JWT_SECRET": SECRET, "RATE_LIMIT": "0"}
    with Server.start(tmp_path_factory.mktemp("crowd"), env=settings) as server:
        store = Store(Settings.load(settings))
        market = Marketplace(server)
        yield Crowd(server, store, market)
        market.close()
        store.scripts.close()


def test_a_server_that_is_killed_and_started_again_costs_nothing(
    person: Comes, one_node: str, tmp_path: Path, new_name: Callable[[str], str]
) -> None:
    settings = {"REDIS_URL": one_node, "JWT_SECRET": SECRET, "RATE_LIMIT": "0", "PORT": str(free_port())}
    server = Server.start(tmp_path / "kefu", env=settings)
    shop = Marketplace(server).open_store(new_name("tea"))
    ming = shop.customer("ming", name="Ming")
    ming.say(shop.conversation(ming), "Before")
    comer = person(base=server.url)
    comer.expect_trouble("ERR_", "WebSocket")
    li = Agent.at(comer, shop)
    li.claim("Ming")
    server.kill()
    expect(li.page.locator(".k-connection")).to_contain_text("No connection.")
    axe(li.page)
    li.write("Meanwhile")
    expect(li.log.locator(".k-state")).to_have_attribute("data-state", "sending")
    with Server.start(tmp_path / "kefu", env=settings):
        expect(li.log.locator(".k-state")).to_have_attribute("data-state", "stored")
        expect(li.page.locator(".k-connection")).to_be_empty()
        again = Marketplace(server).connect(ming.user)
        assert [message["body"]["text"] for message in again.replayed] == ["Meanwhile"]
        again.say(shop.conversation(ming), "After")
        li.sees("After")
        assert li.log.locator(".k-text").all_text_contents() == ["Before", "Meanwhile", "After"]
        again.close()
    ming.socket.close()


@pytest.fixture(scope="module")
def shop(crowd: Crowd) -> Shop:
    """Five thousand customers wait, one has said five thousand things before."""
    shop = crowd.market.open_store()
    for n in range(MANY):
        crowd.write(shop.conversation(f"c{n:04}"), [f"Is number {n} in stock?"], f"Customer {n:04}")
    return shop


def test_five_thousand_wait_and_the_list_stays_quick(person: Comes, crowd: Crowd, shop: Shop) -> None:
    li = Agent.at(person(base=crowd.server.url), shop)
    expect(li.tab("Waiting")).to_contain_text("5,000")
    expect(li.rows.first).to_contain_text("Customer 0000")
    assert li.rows.count() < 30
    axe(li.page)
    # To the end, page by page, as fast as the service brings them.
    while "Customer 4999" not in li.names:
        li.listbox.evaluate("(list) => { list.scrollTop = list.scrollHeight }")
        li.page.wait_for_timeout(20)
    assert li.rows.count() < 30
    li.listbox.evaluate("(list) => { list.scrollTop = 0 }")
    expect(li.rows.first).to_contain_text("Customer 0000")
    # All are loaded now. Something new is seen at once.
    customer = crowd.market.connect("c0003", name="Customer 0003")
    customer.say(shop.conversation("c0003"), "just now")
    expect(li.listbox).to_contain_text("just now")
    li.press("/")
    li.page.keyboard.type("4321")
    li.sees_names("Customer 4321")
    li.press("Enter")
    expect(li.pane.get_by_role("heading", level=2)).to_have_text("Customer 4321")
    li.press("Escape", "Escape")
    expect(li.tab("Waiting")).to_contain_text("5,000")
    li.press("End")
    expect(li.listbox.locator(".active")).to_contain_text("Customer 4999")
    expect(li.listbox.locator(".active")).to_be_in_viewport()


def test_five_thousand_messages_scroll_back_to_the_first_one(person: Comes, crowd: Crowd) -> None:
    shop = crowd.market.open_store()
    conversation = shop.conversation("ming")
    crowd.write(conversation, [f"message {n}" for n in range(MANY)], "Ming")
    li = Agent.at(person(base=crowd.server.url), shop)
    li.open("Ming")
    li.sees(f"message {MANY - 1}")
    li.press("f")
    li.page.keyboard.type("message 7777")
    find = li.pane.get_by_role("search")
    find.get_by_role("button", name="Load all earlier").click()
    expect(find).to_contain_text("messages loaded")
    expect(find.get_by_role("button")).to_have_count(4)
    find.get_by_label("Find").fill("message 0")
    expect(li.log.locator(".k-found")).to_contain_text("message 0", timeout=60_000)
    li.press("Escape")
    li.sees("message 0")
    assert li.log.locator(".k-row").count() < 1_000
    li.button("Claim").click()
    li.box.fill("An answer")
    li.box.press("Enter")
    li.sees("An answer")
