"""The widget in a real browser: what a shopper and a store say to each other."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Route, expect

from tests.e2e.client import Client
from tests.e2e.conftest import Shop
from tests.web.browser import axe
from tests.web.conftest import Comes
from tests.web.shopper import Shopper

COUNT_TONES = """
globalThis.tones = 0;
const Real = OscillatorNode;
OscillatorNode = class extends Real { start(...at) { tones += 1; super.start(...at); } };
"""


@pytest.fixture
def li(shop: Shop) -> Client:
    """An agent of the store, online."""
    return shop.agent("li", name="小李")


def test_a_message_arrives_and_is_marked_as_stored_then_as_read(person: Comes, shop: Shop, li: Client) -> None:
    ming = Shopper.at(person(), shop, name="Ming", opened=True)
    ming.say("Is the jar in stock?")
    heard = li.expect("message", conversation=ming.conversation)
    assert heard["body"]["text"] == "Is the jar in stock?"
    assert heard["from"] == {"user": ming.user, "name": "Ming", "side": "customer"}
    expect(ming.state).to_have_attribute("data-state", "stored")
    li.ask("read", conversation=ming.conversation, seq=1)
    expect(ming.state).to_have_attribute("data-state", "read")
    axe(ming.page)


def test_an_answer_is_shown_and_read_while_the_shopper_looks(person: Comes, shop: Shop, li: Client) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.say("Is the jar in stock?")
    li.ask("claim", conversation=ming.conversation)
    li.say(ming.conversation, "It is.")
    ming.sees("It is.")
    li.expect("read", side="customer", conversation=ming.conversation, seq=2)
    expect(ming.launcher.locator(".badge")).to_be_hidden()
    expect(ming.page).to_have_title("Shop")


def test_the_shopper_is_told_who_is_there(person: Comes, shop: Shop, li: Client) -> None:
    wang = shop.agent("wang", "supervisor", name="王姐 Wang")
    ming = Shopper.at(person(), shop, opened=True)
    expect(ming.panel.get_by_role("heading")).to_have_text("Tea house 茶馆")
    expect(ming.panel.get_by_text("2 people online")).to_be_visible()
    ming.say("Hello")
    li.ask("claim", conversation=ming.conversation)
    expect(ming.panel.get_by_text("小李 is with you")).to_be_visible()
    li.ask("transfer", conversation=ming.conversation, to=wang.user)
    expect(ming.panel.get_by_text("王姐 Wang is with you")).to_be_visible()
    wang.ask("release", conversation=ming.conversation)
    expect(ming.panel.get_by_text("2 people online")).to_be_visible()


def test_where_nobody_is_online_one_leaves_a_message(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    expect(ming.panel.get_by_text("Leave a message, we answer when we are back")).to_be_visible()
    expect(ming.panel.get_by_text("Nobody is here just now.")).to_be_visible()
    axe(ming.page)
    ming.say("Do you have any more of the jars?")


def test_each_side_sees_that_the_other_is_writing(person: Comes, shop: Shop, li: Client) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.say("Hello")
    li.ask("claim", conversation=ming.conversation)
    expect(ming.panel.get_by_text("小李 is with you")).to_be_visible()
    li.ask("typing", conversation=ming.conversation)
    expect(ming.log.get_by_text("小李 is typing…")).to_be_visible()
    ming.box.press_sequentially("Is")
    assert li.expect("typing", conversation=ming.conversation)["on"] is True


def test_a_chat_that_is_ended_can_be_opened_again_by_writing(person: Comes, shop: Shop, li: Client) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.say("Hello")
    ming.choose("End chat")
    closed = ming.panel.get_by_text("This chat was closed. Write to open it again.")
    expect(closed).to_be_visible()
    ming.panel.get_by_role("button", name="More").click()
    expect(ming.panel.get_by_role("menuitem", name="End chat")).to_have_count(0)
    ming.page.keyboard.press("Escape")
    assert li.changed(ming.conversation, status="closed")
    axe(ming.page)
    ming.say("One more thing")
    expect(closed).to_be_hidden()
    assert li.changed(ming.conversation, status="waiting")


def test_markup_and_script_are_shown_as_the_text_that_they_are(person: Comes, shop: Shop, li: Client) -> None:
    hostile = (
        '<img src=x onerror="document.title=1"><script>document.title=2</script>\n<b>&amp;</b> javascript:alert(1)'
    )
    ming = Shopper.at(person(), shop, name="<i>Ming</i>", opened=True)
    ming.say("Hello")
    li.ask("claim", conversation=ming.conversation)
    li.say(ming.conversation, hostile)
    expect(ming.log.locator(".k-text")).to_have_count(2)
    assert ming.texts[-1] == hostile
    assert ming.log.locator(".k-bubble :is(img, script, b, i, a)").count() == 0
    expect(ming.page).to_have_title("Shop")


def test_links_can_be_followed_safely(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.write("See https://tea.example/jar?x=1。好吗\nthere")
    link = ming.log.get_by_role("link")
    expect(link).to_have_text("https://tea.example/jar?x=1")
    expect(link).to_have_attribute("rel", re.compile("noopener noreferrer"))
    expect(link).to_have_attribute("target", "_blank")
    assert ming.texts == ["See https://tea.example/jar?x=1。好吗\nthere"]


def test_older_messages_come_as_the_reader_goes_back(person: Comes, shop: Shop) -> None:
    customer, conversation = shop.waiting("1")
    for number in range(2, 201):
        customer.say(conversation, str(number))
    ming = Shopper.at(person(), shop, user=customer.user, opened=True)
    ming.sees("200")
    assert ming.texts[0] != "1"
    expect(ming.log.locator(".k-text").last).to_be_in_viewport()
    ming.log.evaluate("""async (log) => {
      while (!log.querySelector('[data-seq="1"]')) {
        log.scrollTop = 0;
        await new Promise(requestAnimationFrame);
      }
    }""")
    ming.sees("1")
    shown = [text for text in ming.texts if text.isdecimal()]
    assert shown == [str(number) for number in range(1, len(shown) + 1)]


def test_whoever_reads_further_up_is_told_how_much_is_new(person: Comes, shop: Shop, li: Client) -> None:
    customer, conversation = shop.claimed(li)
    for number in range(40):
        customer.say(conversation, f"line {number}")
    ming = Shopper.at(person(), shop, user=customer.user, opened=True)
    ming.sees("line 39")
    ming.log.hover()
    ming.page.mouse.wheel(0, -600)
    expect(ming.log.locator(".k-text").last).not_to_be_in_viewport()
    for text in ("A", "B", "C"):
        li.say(conversation, text)
    pill = ming.panel.get_by_role("button", name="3 new")
    expect(pill).to_be_visible()
    pill.click()
    expect(ming.log.locator(".k-text").last).to_be_in_viewport()
    expect(pill).to_be_hidden()
    assert li.expect("read", side="customer", seq=44)


def test_what_was_not_seen_is_counted_on_the_button_and_in_the_title(person: Comes, shop: Shop, li: Client) -> None:
    customer, conversation = shop.claimed(li)
    ming = Shopper.at(person(), shop, user=customer.user)
    li.say(conversation, "It is in stock.")
    li.say(conversation, "Shall I put one aside?")
    expect(ming.launcher).to_have_accessible_name("Chat with Tea house 茶馆, 2 unread messages")
    expect(ming.launcher.locator(".badge")).to_have_text("2")
    expect(ming.page).to_have_title("(2) Shop")
    expect(ming.host.get_by_role("status").first).to_have_text("2 unread messages")
    axe(ming.page)
    ming.page.evaluate("document.title = 'Jar'")
    expect(ming.page).to_have_title("(2) Jar")
    ming.open()
    expect(ming.log.get_by_text("New", exact=True)).to_be_visible()
    expect(ming.page).to_have_title("Jar")
    ming.close()
    expect(ming.launcher).to_have_accessible_name("Chat with Tea house 茶馆")


def test_there_is_no_sound_until_the_shopper_allows_it(person: Comes, shop: Shop, li: Client) -> None:
    someone = person()
    someone.context.add_init_script(COUNT_TONES)
    customer, conversation = shop.claimed(li)
    ming = Shopper.at(someone, shop, user=customer.user, opened=True)
    ming.close()
    li.say(conversation, "one")
    expect(ming.page).to_have_title("(1) Shop")
    ming.open()
    expect(ming.page).to_have_title("Shop")
    assert ming.page.evaluate("tones") == 0
    ming.choose("Sound")
    ming.page.wait_for_function("tones === 2")
    # One sound at a time.
    ming.page.evaluate("navigator.locks.request('kefu:tone', () => null)")
    ming.close()
    li.say(conversation, "two")
    ming.page.wait_for_function("tones === 4")
    ming.page.reload()
    ming.open()
    ming.panel.get_by_role("button", name="More").click()
    expect(ming.panel.get_by_role("menuitemcheckbox", name="Sound")).to_be_checked()


def test_two_tabs_show_the_same_conversation(person: Comes, shop: Shop, li: Client) -> None:
    someone = person()
    one = Shopper.at(someone, shop, opened=True)
    two = Shopper.at(someone, shop, user=one.user, opened=True)
    one.say("Hello")
    two.sees("Hello")
    li.ask("claim", conversation=one.conversation)
    li.say(one.conversation, "What can I do?")
    one.sees("What can I do?")
    two.sees("What can I do?")
    assert one.texts == two.texts == ["Hello", "What can I do?"]


def test_a_notice_to_everybody_is_shown_until_it_is_dismissed(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.say("Hello")
    shop.market.admin("POST", "/broadcast", {"text": "We are back at nine."}, expect=202)
    notice = ming.panel.get_by_text("We are back at nine.")
    expect(notice).to_be_visible()
    axe(ming.page)
    ming.panel.get_by_role("button", name="Dismiss").click()
    expect(notice).to_be_hidden()


def test_a_store_that_does_not_exist_has_no_chat(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, store="no-such-store")
    ming.launcher.click()
    expect(ming.panel.get_by_text("This store has no chat.")).to_be_visible()
    expect(ming.box).to_be_hidden()
    axe(ming.page)


def test_a_service_out_of_reach_is_said_and_found_again(person: Comes, shop: Shop) -> None:
    someone = person()
    someone.expect_trouble("settings.json", "503")

    def away(route: Route) -> None:
        route.fulfill(status=503, body="")

    someone.context.route("**/settings.json", away)
    ming = Shopper.at(someone, shop)
    ming.launcher.click()
    expect(ming.panel.get_by_text("The chat cannot be reached just now.")).to_be_visible()
    axe(ming.page)
    someone.context.unroute("**/settings.json", away)
    # On a slow machine the widget may have tried by itself meanwhile, and the button is gone.
    ming.panel.get_by_role("button", name="Try now").evaluate_all("buttons => buttons.forEach(each => each.click())")
    ming.say("Hello")
