"""The console in a real browser: languages, themes, directions, sizes; and within a page of somebody else's."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Shop
from tests.web.agent import Agent
from tests.web.browser import Person, axe
from tests.web.conftest import Comes
from tests.web.test_console_list import comes

AROUND = """<!doctype html>
<html lang="en" dir="{direction}">
<head><meta charset="utf-8"><title>Back office</title><link rel="icon" href="data:,">
<style>body {{ margin: 0; font-family: serif }} button {{ background: red }} #place {{ height: 600px }}</style></head>
<body><h1>Back office</h1><label>Notes <input id="notes"></label><div id="place"></div>
<script type="module">
import {{ mount }} from "/console.js";
globalThis.token = {token};
globalThis.desk = mount({{ element: document.querySelector("#place"), token: async () => token, {more} }});
</script></body></html>
"""


def embedded(person: Person, shop: Shop, token: str | None, *, direction: str = "ltr", more: str = "") -> Page:
    """A page of the store's own with the console in it."""
    # The browser does not know where an answer of the test's own comes from, and that the service is no further away.
    person.context.grant_permissions(["local-network-access"])
    page = person.context.new_page()
    html = AROUND.format(direction=direction, token=json.dumps(token), more=more)
    page.route("**/office", lambda route: route.fulfill(content_type="text/html", body=html))
    page.goto("/office")
    return page


def no_bars(page: Page) -> None:
    """Nothing is wider than the page."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_on_a_phone_the_list_and_the_conversation_are_two_screens(person: Comes, shop: Shop) -> None:
    ming = comes(shop, "Ming", "Is the jar in stock?")
    li = Agent.at(person(viewport=(360, 740), phone=True), shop)
    no_bars(li.page)
    axe(li.page)
    li.row("Ming").tap()
    expect(li.listbox).to_be_hidden()
    expect(li.pane).to_be_visible()
    no_bars(li.page)
    li.button("Claim").tap()
    expect(li.box).to_be_focused()
    li.write("It is.")
    ming.expect("message", body={"type": "text", "text": "It is."})
    for name in ("Transfer", "Release", "Close"):
        expect(li.button(name)).to_be_in_viewport()
    axe(li.page)
    expect(li.customer).to_be_hidden()
    li.button("About the customer").tap()
    expect(li.customer).to_be_visible()
    axe(li.page)
    li.button("Hide").tap()
    expect(li.button("About the customer")).to_be_focused()
    li.button("Back to the list").tap()
    expect(li.pane).to_be_hidden()
    li.tab("Mine").tap()
    li.sees_names("Ming")
    no_bars(li.page)


@pytest.mark.parametrize("width", [900, 1199])
def test_on_a_narrow_desktop_the_customer_folds(person: Comes, shop: Shop, width: int) -> None:
    comes(shop, "Ming")
    li = Agent.at(person(viewport=(width, 700)), shop)
    li.open("Ming")
    expect(li.listbox).to_be_visible()
    expect(li.customer).to_be_hidden()
    li.button("About the customer").click()
    expect(li.customer).to_contain_text("Waiting since")
    li.press("Escape")
    expect(li.customer).to_be_hidden()
    no_bars(li.page)


def test_in_chinese_and_in_the_dark(person: Comes, shop: Shop) -> None:
    comes(shop, "陈静", "你好，请问这款茶叶是今年的吗？")
    wang = Agent.at(person(locale="zh-CN", scheme="dark"), shop, "wang", role="supervisor", name="王姐 Wang", long_s=1)
    expect(wang.page.locator("html")).to_have_attribute("lang", "zh-CN")
    wang.open("陈静")
    expect(wang.tab("待接待")).to_contain_text("1")
    expect(wang.page).to_have_title("1 人等待 · Tea house 茶馆")
    axe(wang.page)
    wang.button("接待").click()
    expect(wang.box).to_be_focused()
    wang.write("是的，今年春茶。")
    wang.sees("是的，今年春茶。")
    axe(wang.page)
    wang.press("Escape", "?")
    expect(wang.dialog).to_contain_text("接待或接管")
    axe(wang.page)
    wang.press("Escape")
    wang.page.get_by_role("button", name="设置").click()
    axe(wang.page)
    wang.dialog.get_by_label("颜色").select_option("浅色")
    assert wang.page.evaluate("getComputedStyle(document.querySelector('.kefu-console')).colorScheme") == "light"
    axe(wang.page)


def test_it_stands_in_a_page_of_the_store_s_own_and_leaves_that_alone(person: Comes, shop: Shop) -> None:
    ming = comes(shop, "Ming", "Is the jar in stock?")
    li = shop.agent("li", name="小李")
    page = embedded(person(), shop, shop.market.token(li.user), more=f'store: "{shop.store}"')
    page.get_by_role("option").click()
    # The page's own keys are the page's own.
    page.locator("#notes").fill("")
    page.locator("#notes").press("c")
    expect(page.locator("#notes")).to_have_value("c")
    page.get_by_role("heading", name="Back office").click()
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="Claim")).to_be_visible()
    page.get_by_role("listbox").focus()
    page.keyboard.press("c")
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    page.keyboard.type("It is.")
    page.keyboard.press("Enter")
    ming.expect("message", body={"type": "text", "text": "It is."})
    expect(page).to_have_title("Back office")
    expect(page.get_by_role("button", name="Sign out")).to_have_count(0)
    background = page.get_by_role("button", name="Transfer").evaluate(
        "(each) => getComputedStyle(each).backgroundColor"
    )
    assert background != "rgb(255, 0, 0)"
    axe(page, ".kefu-console")
    page.evaluate("desk.unmount()")
    expect(page.locator("#place > *")).to_have_count(0)


def test_where_the_page_has_nobody_signed_in_the_console_says_so(person: Comes, shop: Shop) -> None:
    page = embedded(person(), shop, None)
    expect(page.get_by_role("alert")).to_contain_text("Nobody is signed in.")
    axe(page, ".kefu-console")
    li = shop.appoint("li-late", name="小李")
    page.evaluate("(given) => { globalThis.token = given }", shop.market.token(li))
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("Nobody is waiting.")).to_be_visible()


def test_from_right_to_left_everything_stands_the_other_way_round(person: Comes, shop: Shop) -> None:
    comes(shop, "Ming")
    li = shop.agent("li", name="小李")
    page = embedded(person(), shop, shop.market.token(li.user), direction="rtl")
    page.get_by_role("option").click()

    def left(selector: str) -> float:
        box = page.locator(selector).first.bounding_box()
        assert box is not None
        return box["x"]

    assert left(".customer") < left(".pane-talk") < left(".column") < left(".rail")
    assert left(".row-when") < left(".row-name")
    page.get_by_role("button", name="Claim").click()
    expect(page.get_by_role("textbox", name="Message")).to_be_focused()
    axe(page, ".kefu-console")
    page.get_by_role("tab", name=re.compile("^Waiting")).focus()
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("tab", name=re.compile("^Mine"))).to_be_focused()


def test_who_wants_no_motion_gets_none_and_others_a_little(person: Comes, shop: Shop) -> None:
    for motion, expected in (("reduce", "none"), ("no-preference", "in")):
        li = Agent.at(person(motion=motion), shop, f"li-{motion[:2]}")
        li.press("?")
        assert li.dialog.evaluate("(each) => getComputedStyle(each).animationName") == expected
