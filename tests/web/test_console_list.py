"""The console in a real browser: the lists, their order, their clocks, and how they behave under the pointer."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.client import Client
from tests.e2e.conftest import Shop
from tests.web.agent import Agent
from tests.web.browser import axe
from tests.web.conftest import Comes


def comes(shop: Shop, name: str, text: str = "Hello") -> Client:
    """A customer of that name who has written."""
    customer = shop.customer(name.lower() if name.isascii() else "chen", name=name)
    customer.say(shop.conversation(customer), text)
    return customer


def test_who_waits_longest_stands_first_with_a_clock_that_runs(person: Comes, shop: Shop) -> None:
    first = comes(shop, "Ming", "Is the jar in stock?")
    comes(shop, "Bo")
    li = Agent.at(person(), shop)
    li.sees_names("Ming", "Bo")
    expect(li.row("Ming")).to_contain_text("Is the jar in stock?")
    expect(li.tab("Waiting")).to_contain_text("2")
    expect(li.page).to_have_title("2 waiting · Tea house 茶馆")
    clock = li.row("Ming").locator(".number")
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)
    first.say(shop.conversation(first), "Anybody?")
    expect(li.row("Ming")).to_contain_text("Anybody?")
    expect(li.row("Ming").locator(".unread")).to_contain_text("2 unread")
    comes(shop, "Carl")
    li.sees_names("Ming", "Bo", "Carl")
    expect(li.tab("Waiting")).to_contain_text("3")


def test_a_long_wait_is_amber_then_red_and_says_so_by_shape_and_words(person: Comes, shop: Shop) -> None:
    comes(shop, "Ming")
    li = Agent.at(person(), shop, long_s=3, late_s=6)
    when = li.row("Ming").locator(".row-when")
    expect(when).to_have_attribute("data-level", "long")
    expect(when).to_have_text(re.compile("▲Long wait0:0[345]"))
    axe(li.page)
    expect(when).to_have_attribute("data-level", "late")
    expect(when).to_have_text(re.compile("◆Too long a wait0:0[6-9]"))
    expect(li.tab("Waiting")).to_contain_text("◆")
    axe(li.page)


def test_no_row_moves_under_the_pointer_until_it_leaves(person: Comes, shop: Shop) -> None:
    customers = {name: comes(shop, name) for name in ("Ming", "Bo", "Carl")}
    zhao = shop.agent("zhao", name="Zhao")
    li = Agent.at(person(), shop)
    li.row("Bo").hover()
    zhao.ask("claim", conversation=shop.conversation(customers["Ming"]))
    expect(li.row("Ming")).to_contain_text("Zhao is serving")
    zhao.ask("claim", conversation=shop.conversation(customers["Carl"]))
    comes(shop, "Dora")
    li.sees_names("Ming", "Bo", "Carl", "Dora")
    li.rests()
    li.sees_names("Bo", "Dora")
    # With the keyboard's focus in the list it is the same, and a press sorts it.
    li.press("j")
    expect(li.listbox).to_be_focused()
    zhao.ask("claim", conversation=shop.conversation(customers["Bo"]))
    expect(li.row("Bo")).to_contain_text("Zhao is serving")
    li.page.get_by_role("button", name="Sort again").click()
    li.sees_names("Dora")


def test_each_list_says_what_it_is_when_nothing_is_in_it(person: Comes, shop: Shop) -> None:
    li = Agent.at(person(), shop)
    for tab, words in {
        "Waiting": "Nobody is waiting.",
        "Mine": "You serve nobody just now.",
        "All": "No customer has written yet.",
        "Closed": "Nothing has been closed yet.",
    }.items():
        li.tab(tab).click()
        expect(li.page.get_by_text(words)).to_be_visible()
        expect(li.tab(tab)).to_have_attribute("aria-selected", "true")
    axe(li.page)
    li.tab("Closed").focus()
    li.press("ArrowRight")
    expect(li.tab("Waiting")).to_be_focused()
    expect(li.page.get_by_text("Nobody is waiting.")).to_be_visible()


def test_all_says_who_serves_and_what_is_closed(person: Comes, shop: Shop) -> None:
    zhao = shop.agent("zhao", name="Zhao")
    _, closed = shop.claimed(zhao)
    zhao.ask("close", conversation=closed)
    served, _ = shop.claimed(zhao)
    comes(shop, "Ming")
    li = Agent.at(person(), shop)
    li.tab("All").click()
    expect(li.rows).to_have_text([re.compile("^Ming.*Waiting"), re.compile("^carl.*Zhao"), re.compile("^carl.*Closed")])
    assert served.user in li.names
    axe(li.page)


def test_the_list_is_searched_by_name_and_by_last_words(person: Comes, shop: Shop) -> None:
    comes(shop, "Ming", "Is the JAR in stock?")
    comes(shop, "陈静", "你好，茶叶是今年的吗？")
    li = Agent.at(person(), shop)
    li.press("/")
    li.page.keyboard.type("jar")
    li.sees_names("Ming")
    li.page.get_by_label("Search").fill("茶叶")
    li.sees_names("陈静")
    li.page.get_by_label("Search").fill("coffee")
    expect(li.page.get_by_text("Nothing here with “coffee”.")).to_be_visible()
    axe(li.page)
    li.press("Escape")
    li.sees_names("Ming", "陈静")
    li.press("ArrowDown", "Enter")
    expect(li.pane.get_by_role("heading", level=2)).to_have_text("Ming")


def test_what_happened_while_the_network_was_away_is_there_when_it_is_back(person: Comes, shop: Shop) -> None:
    customers = {name: comes(shop, name) for name in ("Ming", "Bo")}
    zhao = shop.agent("zhao", name="Zhao")
    comer = person()
    comer.expect_trouble("ERR_INTERNET_DISCONNECTED", "WebSocket")
    li = Agent.at(comer, shop)
    li.open("Ming")
    li.rests()
    comer.context.set_offline(True)
    expect(li.page.locator(".k-connection")).not_to_be_empty()
    axe(li.page)
    li.button("Claim").click()
    expect(li.pane.get_by_role("alert")).to_contain_text("No connection. Nothing has changed.")
    zhao.ask("claim", conversation=shop.conversation(customers["Ming"]))
    zhao.say(shop.conversation(customers["Ming"]), "Zhao here.")
    comes(shop, "Carl")
    comer.context.set_offline(False)
    li.sees_names("Bo", "Carl")
    expect(li.bar).to_contain_text("Zhao is serving")
    li.sees("Zhao here.")


def test_a_notice_is_a_line_that_goes_when_it_is_dismissed(person: Comes, shop: Shop) -> None:
    li = Agent.at(person(), shop)
    shop.market.admin("POST", "/broadcast", {"text": "Maintenance at <b>22:00</b>", "store": shop.store}, expect=202)
    line = li.page.locator(".line.notice")
    expect(line).to_contain_text("Maintenance at <b>22:00</b>")
    axe(li.page)
    line.get_by_role("button", name="Dismiss").click()
    expect(line).to_have_count(0)
