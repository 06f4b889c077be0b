"""The shared parts of the pages on a bench: served from the work tree under a strict policy, without the service."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Browser, Locator, Page

from tests.web.browser import Person

ROOT = Path(__file__).parents[3]
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; base-uri 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)


class Files(SimpleHTTPRequestHandler):
    """The files of the pages and of the bench."""

    def guess_type(self, path: str | os.PathLike[str]) -> str:
        # Whatever this machine's own table says of them.
        return "text/javascript" if str(path).endswith(".js") else super().guess_type(path)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", POLICY)
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: a test's output is its own."""


class Bench:
    """One page with a log, a connection line and a composer, and a hand in what they show."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.log = page.get_by_role("log")
        self.input = page.get_by_role("textbox")
        self.pill = page.locator(".k-pill")
        self.line = page.locator(".k-connection")

    def show(self, change: str, argument: Any = None) -> None:
        """Change the view: a JavaScript function of the view until now, of what `views.js` makes, and of `argument`,
        that answers the fields that differ."""
        self.page.evaluate(
            f"(argument) => window.bench.show(({change})(window.bench.view, window.bench.made, argument))", argument
        )

    def run(self, script: str, argument: Any = None) -> Any:
        """A JavaScript function of the bench and `argument`."""
        return self.page.evaluate(f"(argument) => ({script})(window.bench, argument)", argument)

    def told(self, what: str) -> list[Any]:
        """With what the parts have called the page, for one kind of call."""
        return list(
            self.run("(bench, what) => bench.told.filter(([each]) => each === what).map(([, with_]) => with_)", what)
        )

    def row(self, text: str) -> Locator:
        return self.log.locator(".k-row", has_text=text)

    def frames(self) -> None:
        """Wait until what was drawn has also been laid out and looked at."""
        next_frame = "() => new Promise((go) => requestAnimationFrame(go))"
        for _ in range(3):
            self.page.evaluate(next_frame)


Opens = Callable[..., Bench]


@pytest.fixture(scope="package")
def files() -> Iterator[str]:
    site = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Files, directory=str(ROOT)))
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{site.server_port}"
    site.shutdown()
    site.server_close()
    thread.join()


@pytest.fixture
def opens(browser: Browser, files: str) -> Iterator[Opens]:
    """Opens a bench in some state of `views.js`; fails the test if its page reports anything."""
    people: list[Person] = []

    def open_bench(state: str = "usual", *, person: dict[str, Any] | None = None, **query: Any) -> Bench:
        people.append(Person.at(browser, files, **{"viewport": (360, 560), **(person or {})}))
        page = people[-1].open(f"/tests/web/bench/log.html?{urlencode({'state': state, **query})}")
        page.wait_for_selector("html[data-ready]")
        bench = Bench(page)
        bench.frames()
        return bench

    yield open_bench
    for each in people:
        each.close()
    assert not [trouble for each in people for trouble in each.unexpected]
