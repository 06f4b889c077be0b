"""An agent at the console: the stand-alone page, signed in by a token, or the form where one signs in."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass
from typing import Any, Self

from playwright.sync_api import Locator, Page, expect

from tests.e2e.client import fresh
from tests.e2e.conftest import Shop
from tests.web.browser import WITHIN_MS, Person

# Before the page has its address, there is no storage.
IN_PLACE = 'if (location.protocol === "http:") '
SIGNED_IN = IN_PLACE + 'sessionStorage.setItem("kefu.console.session", JSON.stringify({{ token: {token} }}));'
PREFERENCES = IN_PLACE + 'localStorage.setItem("kefu.console.preferences", {text});'


@dataclass
class Agent:
    """Somebody who serves a store, in front of the console."""

    person: Person
    page: Page
    shop: Shop
    user: str

    @classmethod
    def at(
        cls,
        person: Person,
        shop: Shop,
        label: str = "li",
        *,
        role: str = "agent",
        name: str | None = None,
        user: str | None = None,
        ready: bool = True,
        **preferences: Any,
    ) -> Self:
        """Appoint somebody, and open the console as that agent. `preferences` are what was set in this browser."""
        user = user or shop.appoint(fresh(label), role, name)
        token = shop.market.token(user)
        person.context.add_init_script(SIGNED_IN.format(token=json.dumps(token)))
        if preferences:
            person.context.add_init_script(PREFERENCES.format(text=json.dumps(json.dumps(preferences))))
        agent = cls(person, person.open("/console"), shop, user)
        if ready:
            agent.is_ready()
        return agent

    def is_ready(self) -> None:
        """Wait until the lists are there."""
        expect(self.page.locator(".rail")).to_be_visible()
        expect(self.page.locator(".rows-skeleton")).to_be_hidden()

    # The list

    @property
    def listbox(self) -> Locator:
        return self.page.locator(".rows")

    @property
    def rows(self) -> Locator:
        return self.listbox.get_by_role("option")

    @property
    def names(self) -> list[str]:
        """The names in the list as they stand there."""
        return self.rows.locator(".row-name").all_text_contents()

    def row(self, name: str) -> Locator:
        return self.rows.filter(has=self.page.locator(".row-name").get_by_text(name, exact=True))

    def tab(self, name: str) -> Locator:
        return self.page.get_by_role("tab", name=re.compile(f"^{name}"))

    def sees_names(self, *names: str) -> None:
        """Wait until the list has just these, in this order."""
        expect(self.rows.locator(".row-name")).to_have_text(list(names))

    # The conversation

    @property
    def pane(self) -> Locator:
        return self.page.locator(".pane:not([hidden])")

    @property
    def bar(self) -> Locator:
        return self.pane.locator(".bar")

    @property
    def box(self) -> Locator:
        return self.pane.locator(".k-composer textarea")

    @property
    def log(self) -> Locator:
        return self.pane.get_by_role("log")

    @property
    def customer(self) -> Locator:
        return self.pane.locator(".customer")

    @property
    def dialog(self) -> Locator:
        return self.page.get_by_role("dialog")

    @property
    def strip(self) -> Locator:
        return self.page.locator(".strip-name")

    def button(self, name: str) -> Locator:
        """A button of the conversation that is shown."""
        return self.pane.get_by_role("button", name=name, exact=True)

    def open(self, name: str) -> None:
        """Open the conversation with that customer by a click."""
        self.row(name).click()
        expect(self.pane.get_by_role("heading", level=2)).to_have_text(name)

    def claim(self, name: str) -> None:
        """Open it, and claim it."""
        self.open(name)
        self.button("Claim").click()
        expect(self.box).to_be_focused()

    def write(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")

    def sees(self, text: str) -> None:
        """Wait until the log shows a message of just that text."""
        expect(self.log.locator(".k-text").get_by_text(text, exact=True)).to_be_visible()

    def until(self, expression: str) -> None:
        """Wait until that is true in the page. (Playwright's own waiting is script that the page's policy forbids.)"""
        deadline = time.monotonic() + WITHIN_MS / 1000
        while not self.page.evaluate(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            self.page.wait_for_timeout(50)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def rests(self) -> None:
        """Take the pointer away from the list."""
        self.page.mouse.move(900, 10)
