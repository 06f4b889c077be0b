"""The console in a real browser: who comes in, into which store, and what keeps somebody out."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.e2e.client import fresh
from tests.e2e.conftest import Shop
from tests.web.agent import Agent
from tests.web.browser import axe
from tests.web.conftest import Comes


def sign_in(page: Page, token: str) -> None:
    page.get_by_label("Your token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_a_token_signs_in_and_stays_in_this_tab_only(person: Comes, shop: Shop) -> None:
    li = shop.appoint(fresh("li"), name="小李")
    token = shop.market.token(li)
    comer = person()
    page = comer.open("/console")
    expect(page.get_by_label("Your token")).to_be_focused()
    axe(page)
    # As it is copied from a mail: with the scheme before it, and broken into lines.
    sign_in(page, f"Bearer {token[:60]}\n{token[60:]} ")
    expect(page.locator(".rail")).to_contain_text("小李")
    expect(page.get_by_text("Nobody is waiting.")).to_be_visible()
    expect(page).to_have_title("Tea house 茶馆")
    axe(page)
    assert token not in page.evaluate("JSON.stringify(localStorage) + location.href")
    page.reload()
    expect(page.locator(".rail")).to_contain_text("小李")
    other = comer.open("/console")
    expect(other.get_by_label("Your token")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your token")).to_be_visible()
    assert token not in page.evaluate("JSON.stringify(sessionStorage)")


def test_a_token_that_is_none_or_too_old_or_of_somebody_else_is_told_apart(person: Comes, shop: Shop) -> None:
    comer = person()
    comer.expect_trouble("status of 401")
    page = comer.open("/console")
    wrong = page.locator(".wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(wrong).to_have_text("Paste the token that your store's system has given you.")
    sign_in(page, "open sesame")
    expect(wrong).to_have_text("This is not a token. Copy all of it, with its two dots.")
    axe(page)
    sign_in(page, shop.market.server.token("li", ttl_s=-10))
    expect(wrong).to_have_text("The token has expired. Paste a new one.")
    head, body, _ = shop.market.token("li").split(".")
    sign_in(page, f"{head}.{body}.{'A' * 43}")
    expect(wrong).to_have_text("The service does not accept this token.")


def test_who_serves_no_store_is_told_so(person: Comes, shop: Shop) -> None:
    page = person().open("/console")
    sign_in(page, shop.market.token("nobody"))
    expect(page.get_by_text("nobody serves no store yet.")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Your token")).to_be_focused()


def test_who_serves_several_stores_chooses_one_and_changes_to_another(person: Comes, shop: Shop) -> None:
    li = shop.appoint(fresh("li"))
    books = shop.market.open_store("books", name="Bookshop")
    books.appoint(li, "supervisor")
    customer = books.customer("ming", name="Ming")
    customer.say(books.conversation(customer), "A book on tea?")
    page = person().open("/console")
    sign_in(page, shop.market.token(li))
    expect(page.get_by_text("Choose a store")).to_be_visible()
    axe(page)
    page.get_by_role("button", name="Tea house").click()
    expect(page.get_by_text("Nobody is waiting.")).to_be_visible()
    page.locator("button.rail-open").click()
    axe(page)
    page.keyboard.press("ArrowUp")
    expect(page.get_by_role("menuitemradio", name="Bookshop")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("option")).to_contain_text("A book on tea?")
    expect(page.locator(".me")).to_contain_text("Supervisor")
    page.reload()
    expect(page.locator(".rail-store")).to_have_text("Bookshop")
    expect(page.get_by_role("option")).to_contain_text("A book on tea?")


def test_the_demo_s_agents_come_in_by_a_press_or_by_the_address(person: Comes) -> None:
    comer = person()
    page = comer.open("/console")
    page.get_by_role("button", name="王姐 Wang").click()
    expect(page.locator(".me")).to_contain_text("王姐 Wang")
    expect(page.locator(".me")).to_contain_text("Supervisor")
    other = comer.open("/console#as=li")
    expect(other.locator(".me")).to_contain_text("小李")
    other.evaluate("location.hash = '#as=zhao'")
    expect(other.locator(".me")).to_contain_text("Zhao")
    expect(other.locator(".rail-store")).to_contain_text("Bookshop")
    other.get_by_role("button", name="Sign out").click()
    expect(other.get_by_label("Your token")).to_be_visible()
    assert "#" not in other.url


def test_where_the_service_is_out_of_reach_one_can_try_again(person: Comes, shop: Shop) -> None:
    comer = person()
    comer.expect_trouble("ERR_FAILED", "503")
    comer.context.route("**/stores", lambda route: route.fulfill(status=503, json={"code": "unavailable"}))
    li = Agent.at(comer, shop, ready=False)
    expect(li.page.get_by_role("alert")).to_have_text("The service is out of order just now.")
    axe(li.page)
    comer.context.unroute("**/stores")
    comer.context.route("**/stores", lambda route: route.abort())
    li.page.get_by_role("button", name="Try again").click()
    expect(li.page.get_by_role("alert")).to_have_text("The service cannot be reached.")
    comer.context.unroute("**/stores")
    li.page.get_by_role("button", name="Try again").click()
    li.is_ready()


def test_a_token_that_expires_is_asked_for_over_the_desk_which_stays(person: Comes, shop: Shop) -> None:
    comer = person()
    comer.expect_trouble("ERR_INTERNET_DISCONNECTED", "WebSocket")
    customer = shop.customer("ming", name="Ming")
    customer.say(shop.conversation(customer), "Hello")
    li = Agent.at(comer, shop)
    li.claim("Ming")
    li.box.fill("Half a sentence")
    token = shop.market.token(li.user)
    # Its time comes while the network is away: the next connection needs another one.
    li.page.evaluate("globalThis.real = Date.now; Date.now = () => real() + 2 * 3600 * 1000")
    comer.context.set_offline(True)
    comer.context.set_offline(False)
    expect(li.dialog).to_contain_text("Sign in again")
    expect(li.dialog).to_contain_text("The token has expired.")
    axe(li.page)
    li.press("Escape")
    expect(li.page.locator(".k-connection")).to_contain_text("Signed out")
    li.page.get_by_role("button", name="Try now").click()
    li.page.evaluate("globalThis.Date.now = real")
    li.dialog.get_by_label("Your token").fill(token)
    li.dialog.get_by_role("button", name="Sign in").click()
    expect(li.page.locator(".k-connection")).to_be_empty()
    expect(li.box).to_have_value("Half a sentence")
    li.box.press("Enter")
    customer.expect("message", body={"type": "text", "text": "Half a sentence"})


def test_the_page_is_strict_and_names_its_files_by_version(person: Comes, shop: Shop) -> None:
    comer = person()
    page = comer.context.new_page()
    response = page.goto("/console")
    assert response is not None
    policy = response.headers["content-security-policy"]
    assert "require-trusted-types-for 'script'" in policy
    assert "unsafe" not in policy
    assert re.findall(r'(?:src|href)="(?!web/[0-9a-f]{16}/console/)', response.text()) == []
