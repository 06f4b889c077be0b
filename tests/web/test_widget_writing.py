"""The widget in a real browser: what becomes of a shopper's words, from the first key until they are stored."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.e2e.client import Client, of_type
from tests.e2e.conftest import Shop
from tests.web.browser import axe
from tests.web.conftest import Comes
from tests.web.shopper import Shopper


@pytest.fixture
def li(shop: Shop) -> Client:
    """An agent of the store, online."""
    return shop.agent("li", name="小李")


def test_a_kept_draft_is_no_typing(person: Comes, shop: Shop, li: Client) -> None:
    customer, conversation = shop.claimed(li)
    ming = Shopper.at(person(), shop, user=customer.user, opened=True)
    ming.box.fill("Is the")
    li.expect("typing", conversation=conversation, on=True)
    ming.page.reload()
    expect(ming.box).to_have_value("Is the")
    li.say(conversation, "What can I do?")
    li.expect("read", side="customer", conversation=conversation, seq=2)
    assert of_type(li.fence(), "typing", on=True) == []


def test_enter_sends_but_not_while_an_input_method_composes(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    keyboard = ming.page.context.new_cdp_session(ming.page)
    ming.box.focus()
    keyboard.send("Input.imeSetComposition", {"text": "ni hao", "selectionStart": 6, "selectionEnd": 6})
    # The key as a browser tells of it while an input method has it.
    taken = {"windowsVirtualKeyCode": 229, "key": "Process", "code": "Enter"}
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **taken})
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", "windowsVirtualKeyCode": 13, "key": "Enter"})
    keyboard.send("Input.insertText", {"text": "你好"})
    expect(ming.box).to_have_value("你好")
    assert ming.texts == []
    ming.box.press("Shift+Enter")
    ming.box.press_sequentially("in stock?")
    ming.box.press("Enter")
    expect(ming.state).to_have_attribute("data-state", "stored")
    assert ming.texts == ["你好\nin stock?"]
    expect(ming.box).to_have_value("")


def test_nothing_but_blanks_is_not_sent(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.write("  \n ")
    expect(ming.panel.get_by_role("button", name="Send")).to_be_disabled()
    ming.say("Hello")
    assert ming.texts == ["Hello"]


def test_a_draft_is_kept_across_reloads_until_it_is_sent(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.box.fill("Is the 龙井")
    ming.page.reload()
    expect(ming.box).to_have_value("Is the 龙井")
    ming.close()
    ming.open()
    expect(ming.box).to_have_value("Is the 龙井")
    ming.say("Is the 龙井 in stock?")
    ming.page.reload()
    ming.sees("Is the 龙井 in stock?")
    expect(ming.box).to_have_value("")
    assert "kefu:draft" not in json.dumps(ming.page.evaluate("({ ...localStorage })"))


def test_a_draft_is_nobody_else_s(person: Comes, shop: Shop) -> None:
    someone = person()
    ming = Shopper.at(someone, shop, opened=True)
    ming.box.fill("Is the")
    chen = Shopper.at(someone, shop, user=f"{ming.user}-2", opened=True)
    expect(chen.box).to_be_enabled()
    expect(chen.box).to_have_value("")


def test_a_reload_in_the_middle_of_a_send_loses_nothing_and_repeats_nothing(
    person: Comes, shop: Shop, li: Client
) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.person.context.set_offline(True)
    ming.person.expect_trouble("ERR_INTERNET_DISCONNECTED")
    for text in ("one", "two", "three"):
        ming.write(text)
        ming.sees(text)
    expect(ming.state).to_have_attribute("data-state", "sending")
    # Until the outbox has it, a message stays a draft.
    ming.page.wait_for_function("!Object.keys(localStorage).some((key) => key.startsWith('kefu:draft'))")
    ming.person.context.set_offline(False)
    ming.page.reload()
    ming.sees("three")
    expect(ming.state).to_have_attribute("data-state", "stored")
    assert ming.texts == ["one", "two", "three"]
    assert li.texts(ming.conversation) == ["one", "two", "three"]


def test_without_a_network_one_goes_on_reading_and_writing(person: Comes, shop: Shop, li: Client) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.say("Hello")
    li.ask("claim", conversation=ming.conversation)
    expect(ming.panel.get_by_text("小李 is with you")).to_be_visible()
    ming.person.expect_trouble("ERR_INTERNET_DISCONNECTED")
    ming.person.context.set_offline(True)
    offline = ming.panel.get_by_text("Offline. We go on when you are back.")
    expect(offline).to_be_visible()
    axe(ming.page)
    ming.write("Are you there?")
    expect(ming.state).to_have_attribute("data-state", "sending")
    li.say(ming.conversation, "What can I do?")
    ming.person.context.set_offline(False)
    expect(offline).to_be_hidden()
    expect(ming.state).to_have_attribute("data-state", "stored")
    assert ming.texts == ["Hello", "What can I do?", "Are you there?"]


def refuse_first(ming: Shopper, text: str) -> None:
    """The service refuses the first message with that text, and takes the second."""
    refused: list[str] = []

    def between(page: WebSocketRoute) -> None:
        service = page.connect_to_server()

        def said(payload: str | bytes) -> None:
            frame = json.loads(payload)
            if frame["action"] == "send" and frame["body"]["text"] == text and not refused:
                refused.append(frame["id"])
                error = {"type": "error", "id": frame["id"], "code": "forbidden", "message": "No."}
                page.send(json.dumps({**error, "retry": False, "details": {}}))
            else:
                service.send(payload)

        page.on_message(said)

    ming.page.route_web_socket(re.compile("/ws"), between)
    ming.page.reload()
    ming.launcher.wait_for()


def test_a_failed_message_is_sent_again_by_a_tap(person: Comes, shop: Shop, li: Client) -> None:
    ming = Shopper.at(person(), shop)
    refuse_first(ming, "two")
    ming.open()
    ming.say("one")
    ming.write("two")
    again = ming.log.get_by_role("button", name="Not sent. Tap to try again.")
    expect(again).to_be_visible()
    axe(ming.page)
    ming.write("three")
    expect(ming.log.locator('[data-seq="2"]')).to_contain_text("three")
    again.click()
    expect(again).to_be_hidden()
    expect(ming.state).to_have_attribute("data-state", "stored")
    assert li.texts(ming.conversation) == ["one", "three", "two"]


def test_a_failed_message_that_is_deleted_leaves_its_words_to_the_writer(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop)
    refuse_first(ming, "two")
    ming.open()
    ming.write("two")
    ming.log.get_by_role("button", name="Delete this message").click()
    expect(ming.log.locator(".k-text")).to_have_count(0)
    expect(ming.box).to_have_value("two")
