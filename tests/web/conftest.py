"""One browser and one service for all tests of the pages; each test brings people of its own, and stores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e import conftest as e2e
from tests.e2e.server import Server, free_port
from tests.web.browser import Person, launch
from tests.web.elsewhere import Elsewhere

# The operator and a store, as in the tests of the service, here at the service of the pages.
market, shop = e2e.market, e2e.shop


class Comes(Protocol):
    """Brings a person with a browser of their own; `options` are those of `Person.at`."""

    def __call__(self, **options: Any) -> Person: ...


# For this package only: while Playwright runs, nothing else can run an event loop in this thread.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = launch(playwright)
        yield running
        running.close()


@pytest.fixture(scope="package")
def market_page_port() -> int:
    """Where the page of another, allowed origin is served."""
    return free_port()


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory, market_page_port: int) -> Iterator[Server]:
    settings = {"RATE_LIMIT": "0", "ALLOWED_ORIGINS": f"http://127.0.0.1:{market_page_port}"}
    with Server.start(tmp_path_factory.mktemp("kefu"), env=settings) as running:
        # The demo stores are there.
        running.stdout.wait_for("administrator", 30)
        yield running


@pytest.fixture(scope="package")
def market_page(server: Server, market_page_port: int) -> Iterator[Elsewhere]:
    """A site of another origin, which may connect."""
    with Elsewhere(market_page_port, server) as site:
        yield site


@pytest.fixture(scope="package")
def strange_page(server: Server) -> Iterator[Elsewhere]:
    """A site of another origin, which may not."""
    with Elsewhere(free_port(), server) as site:
        yield site


@pytest.fixture
def person(browser: Browser, server: Server) -> Iterator[Comes]:
    """Brings people, and fails the test at its end if anything went wrong on their pages that it did not expect."""
    people: list[Person] = []

    def comes(**options: Any) -> Person:
        people.append(Person.at(browser, options.pop("base", server.url), **options))
        return people[-1]

    yield comes
    for each in people:
        each.close()
    troubles = [trouble for each in people for trouble in each.unexpected]
    assert not troubles, "\n".join(["The pages report:", *troubles])


@pytest.fixture
def dev_token(server: Server) -> Callable[..., str]:
    """Tokens as the service mints them on one machine."""
    return server.token
