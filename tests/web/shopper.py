"""A shopper on a shop's page with the widget on it: a page of the test's own, at the service's own origin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.client import fresh
from tests.e2e.conftest import Shop
from tests.web.browser import Person

PAGE = """<!doctype html>
<html lang="{lang}" dir="{direction}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shop</title><link rel="icon" href="data:,"><style>{css}</style>{scripts}</head>
<body><main><h1>Shop</h1><label>Search <input id="search"></label> <button id="buy">Buy</button>{body}</main></body>
</html>
"""
SCRIPT = '<script type="module" src="/widget.js"{attributes}></script>'


@dataclass
class Shopper:
    """Somebody who looks at a shop's page, and may write to its store."""

    person: Person
    page: Page
    shop: Shop
    user: str

    @classmethod
    def at(
        cls,
        person: Person,
        shop: Shop,
        *,
        user: str | None = None,
        name: str | None = None,
        signed_in: bool = True,
        page_lang: str = "en",
        direction: str = "ltr",
        css: str = "",
        body: str = "",
        scripts: str | None = None,
        opened: bool = False,
        **attributes: str,
    ) -> Shopper:
        """Open such a page. `attributes` are those of the script element; `opened`: the panel, too."""
        user = user or fresh("ming")
        shopper = cls(person, person.context.new_page(), shop, user)
        if signed_in:
            shopper.sign_in(name)
        else:
            person.context.route("**/kefu-token", lambda route: route.fulfill(status=401, json={}))
            person.expect_trouble("kefu-token")
        wanted = {"store": shop.store, "token_url": "/kefu-token", **attributes}
        named = {f"data-{key.replace('_', '-')}": value for key, value in wanted.items()}
        attribute_text = "".join(f' {key}="{escape(value)}"' for key, value in named.items())
        html = PAGE.format(
            lang=page_lang,
            direction=direction,
            css=css,
            body=body,
            scripts=SCRIPT.format(attributes=attribute_text) if scripts is None else scripts,
        )
        # A page that comes from the test is from no network, and would have to ask before it may reach this machine.
        person.context.grant_permissions(["local-network-access"])
        shopper.page.route("**/goods**", lambda route: route.fulfill(content_type="text/html", body=html))
        shopper.page.goto("/goods")
        if opened:
            shopper.open()
        return shopper

    def sign_in(self, name: str | None = None) -> None:
        """From now on the shop knows who this is."""

        def answer(route: Route) -> None:
            route.fulfill(json={"token": self.shop.market.token(self.user, name=name)})

        self.person.context.route("**/kefu-token", answer)

    @property
    def conversation(self) -> str:
        return self.shop.conversation(self.user)

    @property
    def host(self) -> Locator:
        return self.page.locator("kefu-chat")

    @property
    def launcher(self) -> Locator:
        return self.host.locator(".launcher")

    @property
    def panel(self) -> Locator:
        return self.host.get_by_role("dialog")

    @property
    def log(self) -> Locator:
        return self.panel.get_by_role("log")

    @property
    def box(self) -> Locator:
        return self.panel.get_by_role("textbox")

    @property
    def texts(self) -> list[str]:
        """What the log shows, in order."""
        return self.log.locator(".k-text").all_text_contents()

    def open(self) -> None:
        """Open the panel, and wait until one can write."""
        self.launcher.click()
        expect(self.box).to_be_enabled()

    def close(self) -> None:
        self.panel.press("Escape")
        expect(self.panel).to_be_hidden()

    def write(self, text: str) -> None:
        """Write it and press Enter."""
        self.box.fill(text)
        self.box.press("Enter")

    def say(self, text: str) -> None:
        """Write it, and wait until it is stored."""
        self.write(text)
        self.sees(text)
        expect(self.state).to_have_attribute("data-state", re.compile("stored|read"))

    @property
    def state(self) -> Locator:
        """The mark beside the last own message."""
        return self.log.locator(".k-state").last

    def sees(self, text: str) -> None:
        """Wait until the log shows a message of just that text."""
        expect(self.log.locator(".k-text").get_by_text(text, exact=True)).to_be_visible()

    def choose(self, item: str) -> None:
        """Choose an item of the panel's menu."""
        self.panel.get_by_role("button", name=re.compile("^(More|更多)$")).click()
        self.panel.get_by_role("menu").get_by_text(item).click()
