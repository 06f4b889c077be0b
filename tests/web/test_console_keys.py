"""The console in a real browser, without a mouse; and with alerts for who looks elsewhere."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.conftest import Shop
from tests.web.agent import Agent
from tests.web.browser import axe
from tests.web.conftest import Comes
from tests.web.test_console_list import comes

# A desktop that notes what it would have shown, and a loudspeaker that counts.
NOTE_ALERTS = """
globalThis.notes = [];
globalThis.tones = 0;
globalThis.permission = "PERMISSION";
globalThis.Notification = class {
  static get permission() { return permission; }
  static async requestPermission() { permission = "granted"; return permission; }
  constructor(title, { body }) { notes.push(this); Object.assign(this, { title, body }); }
  close() {}
};
const Real = OscillatorNode;
OscillatorNode = class extends Real { start(...at) { tones += 1; super.start(...at); } };
"""
LOOK_AWAY = "document.hasFocus = () => false"


def test_a_day_s_work_without_a_mouse(person: Comes, shop: Shop) -> None:
    ming, bo = comes(shop, "Ming", "Is the jar in stock?"), comes(shop, "Bo")
    zhao = shop.agent("zhao", name="Zhao")
    li = Agent.at(person(), shop)
    li.sees_names("Ming", "Bo")
    li.press("j")
    expect(li.listbox).to_be_focused()
    expect(li.listbox.locator(".active")).to_contain_text("Ming")
    li.press("j", "k", "Enter")
    expect(li.log).to_be_focused()
    li.press("c")
    expect(li.box).to_be_focused()
    # What one writes is text, also where its letters are commands.
    li.page.keyboard.type("jkcrtew/?[]x1")
    expect(li.box).to_have_value("jkcrtew/?[]x1")
    li.press("Enter")
    ming.expect("message", body={"type": "text", "text": "jkcrtew/?[]x1"})
    li.press("Escape")
    expect(li.listbox).to_be_focused()
    li.sees_names("Bo")
    li.press("j", "c")
    expect(li.pane.get_by_role("heading", level=2)).to_have_text("Bo")
    expect(li.box).to_be_focused()
    li.press("Escape", "t")
    expect(li.dialog).to_be_visible()
    li.page.keyboard.type("zhao")
    expect(li.dialog.get_by_role("option")).to_have_count(1)
    li.press("Enter")
    zhao.changed(shop.conversation(bo), status="claimed", agent={"user": zhao.user, "name": "Zhao"})
    expect(li.bar).to_contain_text("Zhao is serving")
    li.press("w")
    expect(li.bar).to_contain_text("you watch live")
    li.press("w")
    expect(li.bar.get_by_role("button", name="Watch", exact=True)).to_be_visible()
    li.press("x")
    expect(li.strip).to_have_text(["Ming"])
    expect(li.box).to_be_focused()
    li.press("Escape", "2")
    li.sees_names("Ming")
    li.press("j", "e")
    expect(li.bar).to_contain_text("This conversation is closed.")
    li.press("4")
    expect(li.tab("Closed")).to_have_attribute("aria-selected", "true")
    li.sees_names("Ming")
    li.press("c")
    expect(li.box).to_be_focused()
    li.press("Escape", "r")
    ming.changed(shop.conversation(ming), status="waiting", after=4)


def test_the_keys_are_listed_and_the_focus_goes_back_where_it_was(person: Comes, shop: Shop) -> None:
    comes(shop, "Ming")
    li = Agent.at(person(), shop)
    li.press("j", "?")
    expect(li.dialog).to_contain_text("Claim, or take over")
    axe(li.page)
    # Nothing happens behind a dialog.
    li.press("c")
    expect(li.pane).to_have_count(0)
    li.press("Escape")
    expect(li.listbox).to_be_focused()
    li.press("c")
    expect(li.box).to_be_focused()


def test_an_input_method_sends_nothing_and_commands_nothing(person: Comes, shop: Shop) -> None:
    comes(shop, "陈静", "请问有货吗？")
    comer = person()
    li = Agent.at(comer, shop)
    li.claim("陈静")
    session = comer.context.new_cdp_session(li.page)
    session.send("Input.imeSetComposition", {"text": "nihao", "selectionStart": 5, "selectionEnd": 5})
    composing = {"windowsVirtualKeyCode": 229, "key": "Process", "code": "Enter"}
    session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **composing})
    session.send("Input.insertText", {"text": "你好"})
    expect(li.box).to_have_value("你好")
    expect(li.box).to_be_focused()
    expect(li.log.locator(".k-own")).to_have_count(0)
    li.pane.get_by_role("button", name="Send").click()
    li.sees("你好")


def test_settings_change_the_clocks_at_once_and_are_kept(person: Comes, shop: Shop) -> None:
    comes(shop, "Ming")
    li = Agent.at(person(), shop)
    when = li.row("Ming").locator(".row-when")
    expect(when).to_have_attribute("data-level", "calm")
    li.page.get_by_role("button", name="Settings").click()
    axe(li.page)
    li.dialog.get_by_label("Amber after").fill("500")
    expect(li.dialog.get_by_role("alert")).to_have_text("Amber has to come before red.")
    axe(li.page)
    li.dialog.get_by_label("Amber after").fill("1")
    expect(li.dialog.get_by_role("alert")).to_be_hidden()
    expect(when).to_have_attribute("data-level", "long")
    li.dialog.get_by_label("Language").select_option("zh-CN")
    expect(li.page.get_by_role("tab", name=re.compile("^待接待"))).to_be_visible()
    expect(li.page.locator("html")).to_have_attribute("lang", "zh-CN")
    li.page.reload()
    expect(li.page.get_by_role("tab", name=re.compile("^待接待"))).to_be_visible()
    expect(when).to_have_attribute("data-level", "long")


def test_a_customer_who_waits_too_long_calls_the_agent_once(person: Comes, shop: Shop) -> None:
    comer = person()
    comer.context.add_init_script(NOTE_ALERTS.replace("PERMISSION", "granted"))
    li = Agent.at(comer, shop, long_s=1, late_s=2, sound=True)
    li.tab("Waiting").click()
    ming = comes(shop, "Ming", "Is anybody there?")
    line = li.page.locator(".line.late")
    expect(line).to_contain_text("Ming has been waiting too long.")
    axe(li.page)
    assert li.page.evaluate("notes.map(({ title, body }) => [title, body])") == [
        ["Ming has been waiting too long.", "Is anybody there?"]
    ]
    assert li.page.evaluate("tones") > 0
    expect(li.page).to_have_title("1 waiting · Tea house 茶馆")
    line.get_by_role("button", name="Show").click()
    expect(line).to_have_count(0)
    expect(li.pane.get_by_role("heading", level=2)).to_have_text("Ming")
    clock = li.bar.locator(".number")
    before = clock.inner_text()
    expect(clock).not_to_have_text(before)
    assert li.page.evaluate("notes.length") == 1
    # The next one who is late; and a line goes when nobody waits for it any more.
    bo = comes(shop, "Bo")
    expect(line).to_contain_text("Bo has been waiting too long.")
    zhao = shop.agent("zhao")
    zhao.ask("claim", conversation=shop.conversation(bo))
    expect(line).to_have_count(0)
    li.button("Claim").click()
    expect(li.box).to_be_focused()
    # A message in what one serves, while one looks elsewhere.
    li.page.evaluate(LOOK_AWAY)
    ming.say(shop.conversation(ming), "Thank you")
    li.until("notes.length > 2")
    assert li.page.evaluate("[notes.at(-1).title, notes.at(-1).body]") == ["Ming", "Thank you"]
    li.page.evaluate("notes.at(-1).onclick()")
    expect(li.box).to_be_focused()


def test_the_desktop_is_asked_for_only_by_a_press(person: Comes, shop: Shop) -> None:
    comer = person()
    comer.context.add_init_script(NOTE_ALERTS.replace("PERMISSION", "default"))
    li = Agent.at(comer, shop, long_s=1, late_s=2)
    comes(shop, "Ming")
    expect(li.page.locator(".line.late")).to_be_visible()
    assert li.page.evaluate("[notes.length, permission, tones]") == [0, "default", 0]
    li.page.get_by_role("button", name="Settings").click()
    expect(li.dialog.get_by_label("Notifications on the desktop")).to_be_disabled()
    li.dialog.get_by_role("button", name="Allow").click()
    expect(li.dialog.get_by_label("Notifications on the desktop")).to_be_checked()
    expect(li.dialog.get_by_role("button", name="Allow")).to_be_hidden()
    li.dialog.get_by_label("Play a sound").check()
    assert li.page.evaluate("tones") > 0
    li.press("Escape")
    comes(shop, "Bo")
    li.until("notes.length === 1")
