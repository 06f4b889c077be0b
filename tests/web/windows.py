"""Two windows side by side, a shopper's and an agent's: what either writes, and what both must show of it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field

from playwright.sync_api import Locator, expect

from tests.e2e.conftest import Marketplace, Shop
from tests.web.agent import Agent
from tests.web.browser import Person
from tests.web.shopper import Shopper

AGREED = re.compile("stored|read")
# What a page may say of a network that is away: the browser's own words for it.
NO_NETWORK = ("ERR_INTERNET_DISCONNECTED", "ERR_CONNECTION", "WebSocket connection")
PRESS_AT = "(button, at) => { setTimeout(() => button.click(), at - Date.now()) }"
BORN = "performance.timeOrigin"


def shopper_of_the_demo(person: Person, market: Marketplace) -> Shopper:
    """A new visitor of the demo shop, with the panel open."""
    page = person.open("/?as=visitor")
    number = page.evaluate("sessionStorage.getItem('shop.visitor')")
    shopper = Shopper(person, page, Shop(market, "tea-house"), f"visitor-{number}")
    shopper.open()
    return shopper


def agent_of_the_demo(person: Person, market: Marketplace) -> Agent:
    """The demo's agent li, at the console."""
    agent = Agent(person, person.open("/console#as=li"), Shop(market, "tea-house"), "li")
    agent.is_ready()
    return agent


def take(agent: Agent, text: str) -> None:
    """Claim the conversation whose last words are these, in whatever language the console is."""
    agent.rows.filter(has_text=text).click()
    agent.bar.locator(".primary").click()
    expect(agent.box).to_be_focused()


def press_at_once(*buttons: Locator) -> None:
    """Press all of them in the same millisecond: each page is told when."""
    at = time.time() * 1000 + 300
    for button in buttons:
        button.evaluate(PRESS_AT, at)


def texts(log: Locator) -> list[str]:
    """What a log shows, exactly, in order."""
    return log.locator(".k-text").all_text_contents()


def shows(log: Locator, *wanted: str) -> None:
    """Wait until the log shows just these, in this order, and everything of its own side is stored."""
    expect(log.locator(".k-text")).to_have_count(len(wanted))
    expect(log.locator(".k-state").last).to_have_attribute("data-state", AGREED)
    expect(log.locator(".k-text")).to_have_text(list(wanted))
    assert texts(log) == list(wanted)


@dataclass
class Windows:
    """Two who talk: everything goes through the pages, nothing past them."""

    shopper: Shopper
    agent: Agent
    by_shopper: list[str] = field(default_factory=list)
    by_agent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._born = self._births()

    @classmethod
    def begin(cls, shopper: Shopper, agent: Agent) -> Windows:
        """The shopper says something, the agent claims it and answers."""
        windows = cls(shopper, agent)
        first = f"Is the jar of {shopper.user} in stock?"
        windows.ask(first)
        take(agent, first)
        windows.answer("One moment, please.")
        windows.agree()
        return windows

    def ask(self, text: str) -> None:
        """The shopper writes it, and waits for nothing."""
        self.shopper.write(text)
        self.by_shopper.append(text)

    def answer(self, text: str) -> None:
        """The agent writes it, and waits for nothing."""
        self.agent.write(text)
        self.by_agent.append(text)

    def both_write(self, when: str, count: int = 4) -> None:
        """By turns, without waiting for anything."""
        for number in range(1, count + 1):
            self.ask(f"{when}, question {number}")
            self.answer(f"{when}, answer {number}")

    @property
    def sides(self) -> list[Shopper | Agent]:
        return [self.shopper, self.agent]

    @property
    def lines(self) -> list[Locator]:
        """What either page says about its connection."""
        return [self.shopper.panel.locator(".k-connection"), self.agent.page.locator(".k-connection")]

    def are_apart(self, away: Shopper | Agent) -> None:
        """Wait until what the other wrote is stored: whoever is away has nothing of it, and nothing of theirs is."""
        here, last = (self.agent, self.by_agent[-1]) if away is self.shopper else (self.shopper, self.by_shopper[-1])
        expect(here.log.locator(".k-state").last).to_have_attribute("data-state", AGREED)
        expect(away.log.locator(".k-state").last).to_have_attribute("data-state", "sending")
        assert last in texts(here.log)
        assert last not in texts(away.log)

    def are_live(self) -> None:
        for line in self.lines:
            expect(line).to_be_empty()

    def agree(self) -> None:
        """Wait until both show all that both wrote: once, each side's in its order, and as the service has it."""
        everything = self.by_shopper + self.by_agent
        for log in (side.log for side in self.sides):
            expect(log.locator(".k-text")).to_have_count(len(everything), timeout=40_000)
            expect(log.locator(".k-state").last).to_have_attribute("data-state", AGREED)
        market = self.shopper.shop.market
        stored = market.connect(self.shopper.user).texts(self.shopper.conversation, limit=100)
        assert sorted(stored) == sorted(everything)
        assert [text for text in stored if text in self.by_shopper] == self.by_shopper
        assert [text for text in stored if text in self.by_agent] == self.by_agent
        for log in (side.log for side in self.sides):
            shows(log, *stored)
            expect(log.locator(".k-fail")).to_have_count(0)
        assert self._births() == self._born, "a page was loaded again"

    def _births(self) -> list[float]:
        return [side.page.evaluate(BORN) for side in self.sides]
