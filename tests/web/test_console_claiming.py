"""The console in a real browser: who serves whom, when several want to, and what each of them sees of it."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Shop
from tests.web.agent import Agent
from tests.web.browser import axe
from tests.web.conftest import Comes

# What the place of the button shows, one after the other.
WATCH_BAR = """
globalThis.drawn = [];
globalThis.bar = () => document.querySelector(".kefu-console").shadowRoot.querySelector(".pane:not([hidden]) .bar");
new MutationObserver(() => drawn.push(bar().querySelector(".bar-buttons").textContent))
  .observe(bar(), { subtree: true, childList: true });
"""
# A claim leaves the page once it is let go.
KEEP_CLAIMS = """() => {
  const send = WebSocket.prototype.send;
  const free = new Promise((resolve) => { globalThis.letGo = resolve; });
  WebSocket.prototype.send = function (text) {
    if (JSON.parse(text).action === "claim") free.then(() => send.call(this, text));
    else send.call(this, text);
  };
}"""


def test_of_two_who_claim_at_once_one_wins_and_the_other_sees_who_in_place(person: Comes, shop: Shop) -> None:
    customer = shop.customer("ming", name="Ming")
    customer.say(shop.conversation(customer), "Is the jar in stock?")
    li = Agent.at(person(), shop, "li", name="小李")
    wang = Agent.at(person(), shop, "wang", name="王姐 Wang")
    for agent in (li, wang):
        agent.open("Ming")
        agent.page.evaluate(WATCH_BAR)
        agent.page.evaluate(KEEP_CLAIMS)
    # Both presses come before any answer.
    for agent in (li, wang):
        agent.bar.get_by_role("button", name="Claim").click()
    for agent in (li, wang):
        agent.page.evaluate("letGo()")
    for agent in (li, wang):
        expect(agent.bar.locator(".primary")).to_be_hidden()
    winner, loser = (li, wang) if li.box.is_visible() else (wang, li)
    name = "小李" if winner is li else "王姐 Wang"
    expect(loser.box).to_be_hidden()
    expect(loser.bar).to_contain_text(f"{name} is serving")
    # The button turned into what can be done now, with nothing in between but its own "Claiming…".
    shown = loser.page.evaluate("drawn.filter((each, index) => each !== drawn[index - 1])")
    assert [each for each in shown if each not in ("Claim", "Claiming…")] == ["Watch"]
    assert shown[-1] == "Watch"
    expect(loser.bar.get_by_role("button", name="Watch")).to_be_focused()
    expect(loser.pane.get_by_role("alert")).to_be_hidden()
    axe(loser.page)
    winner.write("It is.")
    customer.expect("message", body={"type": "text", "text": "It is."})


def test_a_row_that_another_has_claimed_says_who_while_one_points_at_the_list(person: Comes, shop: Shop) -> None:
    customer = shop.customer("ming", name="Ming")
    customer.say(shop.conversation(customer), "Hello")
    zhao = shop.agent("zhao", name="Zhao")
    li = Agent.at(person(), shop)
    li.row("Ming").hover()
    zhao.ask("claim", conversation=shop.conversation(customer))
    expect(li.row("Ming")).to_contain_text("Zhao is serving")
    expect(li.page.get_by_role("button", name="Sort again")).to_be_visible()
    li.rests()
    expect(li.page.get_by_text("Nobody is waiting.")).to_be_visible()
    expect(li.tab("Waiting")).to_have_text("Waiting")


def test_a_conversation_is_served_given_back_and_closed(person: Comes, shop: Shop) -> None:
    customer = shop.customer("ming", name="Ming")
    conversation = shop.conversation(customer)
    customer.say(conversation, "Hello")
    li = Agent.at(person(), shop, name="小李")
    li.claim("Ming")
    li.rests()
    li.tab("Mine").click()
    li.sees_names("Ming")
    expect(li.customer).to_contain_text("You are serving")
    li.button("Release").click()
    customer.changed(conversation, status="waiting", after=1)
    expect(li.button("Claim")).to_be_focused()
    expect(li.page.get_by_text("You serve nobody just now.")).to_be_visible()
    li.button("Claim").click()
    expect(li.box).to_be_focused()
    li.button("Close").click()
    customer.changed(conversation, status="closed")
    expect(li.bar).to_contain_text("This conversation is closed.")
    li.tab("Closed").click()
    li.sees_names("Ming")
    axe(li.page)
    expect(li.customer.locator(".steps li")).to_contain_text(
        [re.compile("Closed$"), re.compile("You claimed$"), re.compile("Waiting$"), re.compile("You claimed$")]
    )
    li.button("Open again").click()
    expect(li.box).to_be_focused()


def test_a_conversation_is_handed_to_an_agent_who_is_shown_online_or_not(person: Comes, shop: Shop) -> None:
    customer = shop.customer("ming", name="Ming")
    conversation = shop.conversation(customer)
    customer.say(conversation, "Hello")
    zhao = shop.agent("zhao", name="Zhao")
    shop.appoint("anna-away", name="Anna")
    li = Agent.at(person(), shop)
    li.claim("Ming")
    li.button("Transfer").click()
    agents = li.dialog.get_by_role("option")
    expect(agents).to_have_text([re.compile("Zhao.*Online"), re.compile("Anna.*Away")])
    axe(li.page)
    li.page.keyboard.type("ann")
    expect(agents).to_have_text([re.compile("Anna")])
    li.press("Escape")
    expect(li.button("Transfer")).to_be_focused()
    li.press("Enter")
    li.page.keyboard.type("nobody of that name")
    expect(li.dialog.get_by_text("No agent of that name.")).to_be_visible()
    li.page.keyboard.press("Control+a")
    li.page.keyboard.type("ZHAO")
    expect(agents).to_have_count(1)
    li.press("Enter")
    zhao.changed(conversation, status="claimed", agent={"user": zhao.user, "name": "Zhao"})
    expect(li.bar).to_contain_text("Zhao is serving")
    expect(li.dialog).to_be_hidden()


def test_a_supervisor_watches_and_takes_over_after_a_question(person: Comes, shop: Shop) -> None:
    customer = shop.customer("ming", name="Ming")
    conversation = shop.conversation(customer)
    customer.say(conversation, "Hello")
    li = Agent.at(person(), shop, "li", name="小李")
    li.claim("Ming")
    wang = Agent.at(person(), shop, "wang", role="supervisor", name="王姐 Wang")
    wang.tab("All").click()
    wang.open("Ming")
    expect(wang.bar).to_contain_text("小李 is serving")
    expect(wang.box).to_be_hidden()
    wang.button("Watch").click()
    expect(wang.bar).to_contain_text("you watch live")
    axe(wang.page)
    customer.say(conversation, "Are you there?")
    wang.sees("Are you there?")
    li.write("I am.")
    wang.sees("I am.")
    wang.button("Take over").click()
    expect(wang.dialog).to_contain_text("小李 is serving Ming.")
    axe(wang.page)
    wang.press("Escape")
    expect(wang.button("Take over")).to_be_focused()
    wang.press("Enter")
    wang.dialog.get_by_role("button", name="Take over").click()
    expect(wang.box).to_be_focused()
    expect(li.bar).to_contain_text("王姐 Wang is serving")
    expect(li.bar.get_by_role("button")).to_have_text(["Watch"])
    wang.write("Wang here.")
    customer.expect("message", body={"type": "text", "text": "Wang here."})


def test_who_only_looks_on_reads_for_nobody(person: Comes, shop: Shop) -> None:
    customer = shop.customer("ming", name="Ming")
    conversation = shop.conversation(customer)
    customer.say(conversation, "Hello")
    li = Agent.at(person(), shop)
    li.open("Ming")
    li.sees("Hello")
    expect(li.customer).to_contain_text("We have read nothing yet.")
    expect(li.row("Ming").locator(".unread")).to_be_visible()
    li.button("Claim").click()
    customer.expect("read", side="store", seq=1)
    expect(li.customer).to_contain_text("We have read everything.")


def test_watching_ends_when_the_conversation_is_put_away(person: Comes, shop: Shop) -> None:
    zhao = shop.agent("zhao", name="Zhao")
    customer, _ = shop.claimed(zhao)
    li = Agent.at(person(), shop)
    li.tab("All").click()
    li.open(customer.user)
    li.button("Watch").click()
    expect(li.bar).to_contain_text("you watch live")
    li.page.locator(".strip-close").click()
    expect(li.pane).to_have_count(0)
    li.open(customer.user)
    expect(li.bar).to_contain_text("Zhao is serving")
    expect(li.bar).not_to_contain_text("live")


def test_nobody_serves_themselves(person: Comes, shop: Shop) -> None:
    li = shop.agent("li", name="小李")
    li.say(shop.conversation(li.user), "I would like some tea, too.")
    mine = Agent.at(person(), shop, user=li.user)
    mine.tab("All").click()
    mine.rows.click()
    expect(mine.bar).to_contain_text("Here you are the customer.")
    expect(mine.bar.get_by_role("button")).to_have_count(0)
    mine.press("c")
    expect(mine.box).to_be_hidden()


def test_what_the_service_refuses_is_said_in_words(person: Comes, shop: Shop) -> None:
    customer = shop.customer("ming", name="Ming")
    customer.say(shop.conversation(customer), "Hello")
    comer = person()
    li = Agent.at(comer, shop)
    li.open("Ming")
    comer.expect_trouble("status of 403")
    shop.remove(li.user)
    li.button("Claim").click()
    expect(li.pane.get_by_role("alert")).to_contain_text("You may not do this.")
    axe(li.page)
    li.pane.get_by_role("alert").get_by_role("button").click()
    expect(li.pane.get_by_role("alert")).to_be_hidden()
