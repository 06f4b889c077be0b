"""The console where several sit at one screen, and where an answer is slower than the agent."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.client import fresh
from tests.e2e.conftest import Shop
from tests.web.agent import Agent
from tests.web.conftest import Comes
from tests.web.test_console_list import comes
from tests.web.test_console_looks import embedded

# Claims wait until the test lets them go.
HOLD_CLAIMS = """
const send = WebSocket.prototype.send;
const held = [];
WebSocket.prototype.send = function (text) {
  if (held.open || !String(text).includes('"claim"')) send.call(this, text);
  else held.push(() => send.call(this, text));
};
document.letGo = () => { held.open = true; for (const each of held) each(); };
"""


def test_whoever_signs_in_next_on_the_page_around_gets_a_desk_of_their_own(person: Comes, shop: Shop) -> None:
    comer = person()
    comer.expect_trouble("ERR_INTERNET_DISCONNECTED", "WebSocket")
    ming = comes(shop, "Ming", "Is the jar in stock?")
    li, wang = (shop.appoint(fresh(each), name=each) for each in ("Li", "Wang"))
    page = embedded(comer, shop, shop.market.token(li), more=f'store: "{shop.store}"')
    page.get_by_role("option").click()
    page.get_by_role("button", name="Claim").click()
    page.get_by_role("textbox", name="Message").fill("A word of Li's")
    page.evaluate("(given) => { globalThis.token = given }", shop.market.token(wang))
    comer.context.set_offline(True)
    comer.context.set_offline(False)
    expect(page.locator(".me-name")).to_have_text("Wang")
    expect(page.get_by_role("textbox", name="Message")).to_have_count(0)
    page.get_by_role("tab", name="All").click()
    page.get_by_role("option").click()
    expect(page.locator(".bar")).to_contain_text("Li is serving")
    assert ming


def test_nothing_of_the_desk_is_left_in_the_title_after_signing_out(person: Comes, shop: Shop) -> None:
    comes(shop, "Ming", "Is the jar in stock?")
    li = Agent.at(person(), shop)
    expect(li.page).to_have_title(re.compile("1 waiting"))
    li.page.get_by_role("button", name="Sign out").click()
    expect(li.page).to_have_title("kefu · agents")


def test_a_slow_claim_does_not_take_the_focus_from_where_one_writes(person: Comes, shop: Shop) -> None:
    comes(shop, "Ming", "Is the jar in stock?")
    comer = person()
    comer.context.add_init_script(HOLD_CLAIMS)
    li = Agent.at(comer, shop)
    li.open("Ming")
    li.button("Claim").click()
    li.press("/")
    li.page.keyboard.type("not for ")
    li.page.evaluate("document.letGo()")
    expect(li.box).to_be_visible()
    li.page.keyboard.type("customers")
    expect(li.page.get_by_role("searchbox", name="Search", exact=True)).to_have_value("not for customers")
    expect(li.box).to_have_value("")


def test_a_message_that_is_given_up_leaves_what_was_begun_meanwhile(person: Comes, shop: Shop) -> None:
    ming = comes(shop, "Ming", "Is the jar in stock?")
    wang = shop.agent("wang", "supervisor", name="Wang")
    comer = person()
    comer.expect_trouble("ERR_INTERNET_DISCONNECTED", "WebSocket")
    li = Agent.at(comer, shop)
    li.claim("Ming")
    comer.context.set_offline(True)
    li.write("Too late")
    wang.ask("claim", conversation=shop.conversation(ming), force=True)
    comer.context.set_offline(False)
    expect(li.log.get_by_role("button", name=re.compile("^Not sent"))).to_be_visible()
    wang.ask("transfer", conversation=shop.conversation(ming), to=li.user)
    li.box.fill("Something better")
    li.log.get_by_role("button", name="Delete this message").click()
    expect(li.log.get_by_text("Too late")).to_have_count(0)
    expect(li.box).to_have_value("Something better")


def test_words_that_do_not_come_are_said_in_english(person: Comes, shop: Shop) -> None:
    comer = person(locale="zh-CN")
    comer.expect_trouble("ERR_FAILED")
    comer.context.route(re.compile("/words/zh-CN"), lambda route: route.abort())
    page = comer.open("/console")
    expect(page.get_by_label("Your token")).to_be_visible()
