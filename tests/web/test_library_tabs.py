"""The client library in a real browser: tabs that share a connection, reloads, a network that goes and comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page

from tests.e2e.client import fresh
from tests.e2e.conftest import Shop

BEGIN = (Path(__file__).parent / "library" / "tab.js").read_text(encoding="utf-8").strip().removesuffix(";")
Texts = list[str]


class Tabs:
    """A browser of one customer, its tabs, and the sockets that they opened."""

    def __init__(self, context: BrowserContext, shop: Shop) -> None:
        self.context, self.shop = context, shop
        self.user = fresh("carl")
        self.conversation = shop.conversation(self.user)
        self.sockets: list[str] = []

    def open(self) -> Page:
        page = self.context.new_page()
        page.on("websocket", lambda socket: self.sockets.append(socket.url))
        page.goto(f"{self.shop.market.server.url}/lib/kefu.js")
        return self.begin(page)

    def begin(self, page: Page) -> Page:
        page.evaluate(BEGIN, [self.user, self.conversation])
        page.wait_for_function("() => tab.client.status.state === 'live' && tab.talk.view.loaded")
        return page

    def stored(self, page: Page) -> Texts:
        """What the service has, asked for by a tab."""
        ask = "async (conversation) => (await tab.client.request('history', { conversation, limit: 100 })).messages"
        messages: list[Any] = page.evaluate(ask, self.conversation)
        return [message["body"]["text"] for message in messages]


@pytest.fixture
def tabs(browser: Browser, shop: Shop) -> Iterator[Tabs]:
    context = browser.new_context()
    yield Tabs(context, shop)
    context.close()


def send(page: Page, *texts: str) -> None:
    """Resolves once they are kept, not once they are sent."""
    page.evaluate("(texts) => Promise.all(texts.map((text) => tab.talk.send(text)))", list(texts))


def shows(page: Page, *texts: str) -> None:
    page.wait_for_function("(texts) => JSON.stringify(tab.shown()) === JSON.stringify(texts)", arg=list(texts))


def crash(page: Page) -> None:
    with pytest.raises(Error):
        page.goto("chrome://crash")


def close(page: Page) -> None:
    page.close()


def test_tabs_share_one_socket_and_show_the_same(tabs: Tabs) -> None:
    first, second, third = tabs.open(), tabs.open(), tabs.open()
    send(second, "from the second")
    shows(second, "from the second")
    send(first, "from the first")
    for page in (first, second, third):
        shows(page, "from the second", "from the first")
    tabs.shop.announce(tabs.conversation, "the shop is closed today")
    for page in (first, second, third):
        page.wait_for_function("() => tab.heard.join() === 'the shop is closed today'")
    assert len(tabs.sockets) == 1


@pytest.mark.parametrize("end", [close, crash])
def test_when_the_tab_that_leads_ends_in_the_middle_of_sending_nothing_is_lost_or_doubled(
    tabs: Tabs, end: Callable[[Page], None]
) -> None:
    first, second, third = tabs.open(), tabs.open(), tabs.open()
    texts = [f"{n}" for n in range(40)]
    send(first, *texts[:20])
    send(second, *texts[20:])
    end(first)
    for page in (second, third):
        shows(page, *texts)
    assert tabs.stored(third) == texts
    assert len(tabs.sockets) == 2


def test_a_page_that_is_loaded_again_in_the_middle_of_sending_goes_on_where_it_was(tabs: Tabs) -> None:
    page = tabs.open()
    texts = [f"{n}" for n in range(40)]
    send(page, *texts)
    page.reload()
    tabs.begin(page)
    shows(page, *texts)
    assert tabs.stored(page) == texts


def test_what_is_written_without_a_network_is_kept_over_a_reload_and_sent_when_there_is_one(tabs: Tabs) -> None:
    page = tabs.open()
    tabs.context.set_offline(True)
    page.wait_for_function("() => tab.client.status.reason === 'no network'")
    send(page, "one", "two")
    shows(page, "one waiting", "two waiting")
    tabs.context.set_offline(False)
    page.reload()
    tabs.begin(page)
    shows(page, "one", "two")
    assert tabs.stored(page) == ["one", "two"]


def test_a_tab_that_hangs_loses_its_lead_to_one_that_somebody_looks_at(tabs: Tabs) -> None:
    first, second = tabs.open(), tabs.open()
    first.evaluate("() => void setTimeout(() => { const start = Date.now(); while (Date.now() - start < 8000); })")
    second.evaluate("() => tab.client.wake()")
    send(second, "is anybody there")
    shows(second, "is anybody there")
    send(first, "here I am again")
    for page in (first, second):
        shows(page, "is anybody there", "here I am again")
    assert len(tabs.sockets) == 2
