"""The console in a real browser: several conversations at once, what was written, read and said before."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.client import Client
from tests.e2e.conftest import Shop
from tests.web.agent import Agent
from tests.web.browser import axe
from tests.web.conftest import Comes
from tests.web.test_console_list import comes

MARKUP = "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>&amp;<b>bold</b>"
LONG_NAME = "Wilhelmina-Alexandrina von und zu Hohenschwangau-Neuburg 👩‍👩‍👧‍👦 the Younger"


def say_many(customer: Client, conversation: str, texts: list[str]) -> None:
    """Say all this, one after the other."""
    for text in texts:
        customer.say(conversation, text)


def test_several_conversations_lie_open_each_with_its_draft_and_what_is_unread(person: Comes, shop: Shop) -> None:
    ming, bo = comes(shop, "Ming"), comes(shop, "Bo")
    li = Agent.at(person(), shop)
    li.claim("Ming")
    li.box.fill("For Ming")
    li.claim("Bo")
    expect(li.strip).to_have_text(["Ming", "Bo"])
    expect(li.box).to_have_value("")
    li.box.fill("For Bo")
    ming.say(shop.conversation(ming), "Still there?")
    expect(li.strip.first).to_contain_text("1 unread")
    expect(li.tab("Mine")).to_contain_text("1 unread")
    expect(li.page).to_have_title("1 unread · Tea house 茶馆")
    axe(li.page)
    li.press("Alt+1")
    expect(li.box).to_have_value("For Ming")
    li.sees("Still there?")
    ming.expect("read", side="store", seq=2)
    expect(li.strip.first.locator(".unread")).to_be_hidden()
    li.press("Escape", "]")
    expect(li.box).to_have_value("For Bo")
    li.page.reload()
    li.tab("Mine").click()
    li.open("Ming")
    expect(li.box).to_have_value("For Ming")
    li.open("Bo")
    expect(li.box).to_have_value("For Bo")
    li.box.press("Enter")
    bo.expect("message", body={"type": "text", "text": "For Bo"})
    expect(li.box).to_have_value("")
    li.page.get_by_role("button", name="Put Bo away").click()
    expect(li.strip).to_have_text(["Ming"])
    assert li.page.evaluate("Object.keys(localStorage).filter((key) => key.includes('drafts'))") == [
        f"kefu.console.drafts.{li.user}"
    ]


def test_the_customer_writes_reads_and_the_agent_sees_it(person: Comes, shop: Shop) -> None:
    ming = comes(shop, "Ming")
    conversation = shop.conversation(ming)
    li = Agent.at(person(), shop)
    li.claim("Ming")
    ming.ask("typing", conversation=conversation)
    expect(li.log.get_by_text("Ming is typing")).to_be_visible()
    li.page.keyboard.type("One moment")
    ming.expect("typing", on=True)
    li.press("Enter")
    li.write("It is in stock.")
    expect(li.customer).to_contain_text("The customer has read nothing yet.")
    ming.expect("message", seq=3)
    ming.ask("read", conversation=conversation, seq=2)
    expect(li.customer).to_contain_text("The customer has read up to “One moment”")
    ming.ask("read", conversation=conversation, seq=3)
    expect(li.customer).to_contain_text("The customer has read everything.")
    expect(li.log.locator(".k-state")).to_have_attribute("data-state", "read")


def test_earlier_visits_are_told_apart_and_reached_by_a_press(person: Comes, shop: Shop) -> None:
    ming = comes(shop, "Ming", "The first visit")
    conversation = shop.conversation(ming)
    for visit in ("second", "third"):
        say_many(ming, conversation, [f"{n} before the {visit}" for n in range(55)])
        ming.ask("close", conversation=conversation)
        ming.say(conversation, f"The {visit} visit")
    li = Agent.at(person(), shop)
    li.open("Ming")
    li.sees("The third visit")
    expect(li.customer.locator(".visits li").first).to_contain_text("Visit 3, the latest")
    expect(li.log.locator(".k-divider[data-kind=visit]")).to_have_count(1)
    li.customer.get_by_role("button", name="Previous visit").click()
    expect(li.log.locator(".k-found")).to_have_text(re.compile("The second visit"))
    expect(li.log.locator(".k-found")).to_be_in_viewport()
    axe(li.page)
    li.press("p")
    expect(li.log.locator(".k-found")).to_have_text(re.compile("The first visit"))
    expect(li.log.locator(".k-found")).to_be_in_viewport()
    expect(li.customer.get_by_role("button", name="Previous visit")).to_be_disabled()


def test_a_conversation_is_searched_and_older_messages_are_loaded_for_it(person: Comes, shop: Shop) -> None:
    ming = comes(shop, "Ming", "A NEEDLE at the very beginning")
    conversation = shop.conversation(ming)
    say_many(ming, conversation, [f"hay {n}" for n in range(110)])
    ming.say(conversation, "a needle here")
    ming.say(conversation, "and one more needle")
    li = Agent.at(person(), shop)
    li.open("Ming")
    li.sees("and one more needle")
    li.press("f")
    li.page.keyboard.type("needle")
    find = li.pane.get_by_role("search")
    expect(find).to_contain_text("2 of 2")
    axe(li.page)
    li.press("Enter")
    expect(find).to_contain_text("1 of 2")
    expect(li.log.locator(".k-found")).to_have_text(re.compile("a needle here"))
    find.get_by_role("button", name="Load all earlier").click()
    expect(find).to_contain_text("of 3")
    expect(find.get_by_role("button", name="Load all earlier")).to_be_hidden()
    find.get_by_label("Find").press("Enter")
    expect(li.log.locator(".k-found")).to_have_text(re.compile("A NEEDLE at the very beginning"))
    find.get_by_role("button", name="Later one").click()
    expect(li.log.locator(".k-found")).to_have_text(re.compile("a needle here"))
    li.press("Escape")
    expect(find).to_be_hidden()


def test_what_was_not_sent_can_be_tried_again_or_taken_back_into_the_draft(person: Comes, shop: Shop) -> None:
    ming = comes(shop, "Ming")
    conversation = shop.conversation(ming)
    wang = shop.agent("wang", "supervisor", name="王姐 Wang")
    comer = person()
    comer.expect_trouble("ERR_INTERNET_DISCONNECTED", "WebSocket")
    li = Agent.at(comer, shop)
    li.claim("Ming")
    comer.context.set_offline(True)
    li.write("Too late")
    wang.ask("claim", conversation=conversation, force=True)
    comer.context.set_offline(False)
    failed = li.log.get_by_role("button", name=re.compile("^Not sent"))
    expect(failed).to_contain_text("you are not serving this conversation")
    expect(li.bar).to_contain_text("王姐 Wang is serving")
    axe(li.page)
    wang.ask("transfer", conversation=conversation, to=li.user)
    expect(li.box).to_be_visible()
    failed.click()
    ming.expect("message", body={"type": "text", "text": "Too late"})


def test_markup_is_text_and_names_of_any_length_leave_the_page_as_it_is(person: Comes, shop: Shop) -> None:
    nasty = shop.customer("nasty", name="<i>Bo</i> & Söhne")
    nasty.say(shop.conversation(nasty), MARKUP)
    long = shop.customer("long", name=LONG_NAME[:64])
    long.say(shop.conversation(long), "x" * 3000)
    long.say(shop.conversation(long), "line\n" * 100 + "end")
    comer = person(viewport=(1000, 700))
    li = Agent.at(comer, shop, name="<script>小李</script>")
    li.open("<i>Bo</i> & Söhne")
    li.sees(MARKUP)
    li.button("Claim").click()
    li.write(MARKUP)
    nasty.expect("message", body={"type": "text", "text": MARKUP})
    li.rests()
    expect(li.page).to_have_title(re.compile("Tea house"))
    li.rows.first.click()
    expect(li.log.get_by_role("button", name="Show all")).to_have_count(2)
    axe(li.page)
    assert li.page.evaluate("document.documentElement.scrollWidth") <= 1000
    for text in li.page.locator(".row-name, .pane-name, .strip-text").all():
        assert text.evaluate("(each) => each.clientWidth <= each.parentElement.clientWidth")
