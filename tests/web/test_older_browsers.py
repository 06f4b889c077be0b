"""The pages in browsers of 2023: what Firefox 115 and Safari 16.4 lack is taken away from the one that is here."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.client import fresh
from tests.e2e.conftest import Shop
from tests.web.agent import Agent
from tests.web.browser import Person, axe
from tests.web.conftest import Comes
from tests.web.shopper import Shopper
from tests.web.test_console_list import comes

TAKEN_AWAY = """
for (const name of Object.getOwnPropertyNames(Element.prototype)) {
  if (/^aria[A-Z]/.test(name)) delete Element.prototype[name];
}
for (const name of ["popover", "showPopover", "hidePopover", "togglePopover"]) delete HTMLElement.prototype[name];
delete HTMLButtonElement.prototype.popoverTargetElement;
delete Element.prototype.checkVisibility;
delete Navigator.prototype.userActivation;
delete String.prototype.toWellFormed;
delete Intl.Segmenter;
"""


def of_2023(person: Person) -> Person:
    person.context.add_init_script(TAKEN_AWAY)
    return person


def test_the_widget_is_worked_and_named_in_an_older_browser(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(of_2023(person()), shop)
    ming.open()
    expect(ming.launcher).to_have_attribute("aria-expanded", "true")
    expect(ming.launcher).to_have_attribute("aria-label", "Close the chat")
    ming.say("Is the jar in stock?")
    expect(ming.log).to_have_attribute("aria-busy", "false")
    axe(ming.page)


def test_the_console_is_worked_and_named_in_an_older_browser(person: Comes, shop: Shop) -> None:
    comes(shop, "Ming", "Is the jar in stock?")
    user = shop.appoint(fresh("li"), name="小李")
    books = shop.market.open_store("books", name="Bookshop")
    books.appoint(user)
    li = Agent.at(of_2023(person()), shop, user=user, ready=False)
    li.page.get_by_role("button", name="Tea house").click()
    li.is_ready()
    li.open("Ming")
    expect(li.row("Ming")).to_have_attribute("aria-selected", "true")
    axe(li.page)
    menu = li.page.get_by_role("menu", name="Stores")
    expect(menu).to_be_hidden()
    li.page.locator("button.rail-open").click()
    expect(menu).to_be_visible()
    expect(menu.get_by_role("menuitemradio", name="Tea house")).to_be_focused()
    axe(li.page)
    li.press("Escape")
    expect(menu).to_be_hidden()
    expect(li.page.locator("button.rail-open")).to_be_focused()
    li.press("Enter", "ArrowDown")
    expect(menu.get_by_role("menuitemradio", name="Bookshop")).to_be_focused()
    li.press("Enter")
    expect(li.page.locator(".rail-store")).to_have_text("Bookshop")
