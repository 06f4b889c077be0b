"""A person at a browser: contexts of their own, whose pages tell of everything that goes wrong on them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    expect,
)

from tests.web import programs

Scheme = Literal["light", "dark"]
Motion = Literal["reduce", "no-preference"]

WITHIN_MS = 15_000
ARGUMENTS = [
    "--no-sandbox",  # root has none
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# The browser tells the page of each violation of its policy, and this the test.
TELL_VIOLATIONS = """
addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.effectiveDirective} forbids ${event.blockedURI || event.sample}`);
}, true);
"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# A request that a page gives up when it goes, or that the test has asked to be cut, is no trouble.
GIVEN_UP = ("net::ERR_ABORTED",)

expect.set_options(timeout=WITHIN_MS)


def launch(playwright: Playwright) -> Browser:
    """A browser without a window. Raises programs.Missing, with what to do."""
    return playwright.chromium.launch(executable_path=programs.chromium(), args=ARGUMENTS)


@dataclass
class Person:
    """Somebody at a browser of their own; every page of it is watched."""

    context: BrowserContext
    base: str
    troubles: list[str] = field(default_factory=list)
    _expected: list[re.Pattern[str]] = field(default_factory=list)

    @classmethod
    def at(
        cls,
        browser: Browser,
        base: str,
        *,
        viewport: tuple[int, int] = (1280, 800),
        locale: str = "en-GB",
        scheme: Scheme = "light",
        motion: Motion = "reduce",
        scale: float = 1,
        phone: bool = False,
        permissions: Sequence[str] = (),
        storage: Any = None,
    ) -> Person:
        """A new person. `phone`: a touch screen whose viewport follows the page's meta element."""
        context = browser.new_context(
            base_url=base,
            viewport={"width": viewport[0], "height": viewport[1]},
            locale=locale,
            timezone_id="Asia/Shanghai",
            color_scheme=scheme,
            reduced_motion=motion,
            device_scale_factor=scale,
            is_mobile=phone,
            has_touch=phone,
            permissions=list(permissions),
            storage_state=storage,
        )
        context.set_default_timeout(WITHIN_MS)
        context.add_init_script(TELL_VIOLATIONS)
        person = cls(context, base)
        context.on("console", person._hear)
        context.on("weberror", lambda error: person._note(f"uncaught: {error.error}"))
        context.on("requestfailed", person._failed)
        return person

    def open(self, path: str = "/") -> Page:
        """A new tab of this person's, at that address."""
        page = self.context.new_page()
        page.goto(path)
        return page

    def expect_trouble(self, *patterns: str) -> None:
        """What this person's pages may report without failing the test: regular expressions, searched for."""
        self._expected += [re.compile(pattern) for pattern in patterns]

    @property
    def unexpected(self) -> list[str]:
        """What went wrong and was not expected, once each."""
        troubles = dict.fromkeys(self.troubles)
        return [each for each in troubles if not any(pattern.search(each) for pattern in self._expected)]

    def close(self) -> None:
        """Close all of this person's pages."""
        self.context.close()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self._note(f"console: {message.text} ({message.location.get('url', '')})")

    def _failed(self, request: Request) -> None:
        if request.failure not in GIVEN_UP:
            self._note(f"request: {request.method} {request.url} {request.failure}")

    def _note(self, trouble: str) -> None:
        self.troubles.append(trouble)


def axe(page: Page, within: str | None = None) -> None:
    """Assert that axe-core finds no violation of WCAG 2.0, 2.1 or 2.2, level A or AA, shadow roots included."""
    options = {"runOnly": {"type": "tag", "values": WCAG}, "resultTypes": ["violations"]}
    results = Axe().run(page, context=within, options=options)
    assert results.violations_count == 0, results.generate_report()
