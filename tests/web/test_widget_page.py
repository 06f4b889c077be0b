"""The widget in a real browser: how it lives on somebody else's page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Shop
from tests.web.browser import axe
from tests.web.conftest import Comes
from tests.web.shopper import SCRIPT, Shopper

HOSTILE = """
kefu-chat { direction: rtl; }
* { all: unset !important; position: static !important; opacity: .2 !important; }
div, dialog, button, p { display: none !important; }
body { color: red; font: 40px fantasy; text-transform: uppercase; letter-spacing: 1em; visibility: hidden;
  line-height: 5; text-align: center; user-select: none; pointer-events: none; cursor: none; }
"""


def test_the_button_opens_the_panel_and_escape_gives_the_focus_back(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop)
    axe(ming.page)
    expect(ming.launcher).to_have_attribute("aria-expanded", "false")
    ming.open()
    expect(ming.launcher).to_have_attribute("aria-expanded", "true")
    expect(ming.box).to_be_focused()
    axe(ming.page)
    ming.close()
    expect(ming.launcher).to_be_focused()


def test_a_shortcut_opens_and_closes_it_except_where_one_writes(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop)
    expect(ming.launcher).to_have_attribute("aria-keyshortcuts", "Alt+Shift+C")
    ming.launcher.wait_for()
    ming.page.keyboard.press("Alt+Shift+C")
    expect(ming.box).to_be_focused()
    ming.page.keyboard.press("Alt+Shift+C")
    expect(ming.panel).to_be_hidden()
    ming.page.locator("#search").focus()
    ming.page.keyboard.press("Alt+Shift+C")
    ming.page.locator("#buy").focus()
    expect(ming.panel).to_be_hidden()


def test_the_menu_is_worked_by_keys(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.say("Hello")
    more = ming.panel.get_by_role("button", name="More")
    more.focus()
    ming.page.keyboard.press("ArrowDown")
    expect(ming.panel.get_by_role("menuitemcheckbox", name="Sound")).to_be_focused()
    axe(ming.page)
    ming.page.keyboard.press("ArrowDown")
    expect(ming.panel.get_by_role("menuitem", name="End chat")).to_be_focused()
    ming.page.keyboard.press("Escape")
    expect(more).to_be_focused()
    expect(ming.panel).to_be_visible()


def test_on_a_phone_the_panel_is_the_whole_screen_and_holds_the_focus(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(viewport=(360, 740), phone=True), shop)
    ming.launcher.tap()
    expect(ming.box).to_be_enabled()
    assert ming.panel.bounding_box() == {"x": 0, "y": 0, "width": 360, "height": 740}
    # The keyboard would cover the log: it comes when the shopper taps into the field.
    expect(ming.box).not_to_be_focused()
    for _ in range(12):
        ming.page.keyboard.press("Tab")
        assert ming.page.evaluate("document.activeElement.localName") in ("kefu-chat", "body")
    axe(ming.page)
    ming.box.tap()
    ming.box.fill("Hello")
    ming.panel.get_by_role("button", name="Send").tap()
    ming.sees("Hello")
    expect(ming.box).to_be_focused()
    assert ming.page.evaluate("getComputedStyle(document.body).overflow") == "visible"
    ming.panel.get_by_role("button", name="Close the chat").tap()
    expect(ming.panel).to_be_hidden()
    expect(ming.launcher).to_be_focused()


def test_the_panel_stays_above_a_phone_s_keyboard(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(viewport=(360, 740), phone=True), shop, opened=True)
    # What a phone does when its keyboard comes: the window stays, what is visible of it shrinks.
    ming.page.evaluate("""() => {
      Object.defineProperty(visualViewport, "height", { configurable: true, get: () => 420 });
      Object.defineProperty(visualViewport, "offsetTop", { configurable: true, get: () => 30 });
      visualViewport.dispatchEvent(new Event("resize"));
    }""")
    assert ming.panel.bounding_box() == {"x": 0, "y": 30, "width": 360, "height": 420}
    expect(ming.box).to_be_in_viewport()


def test_a_window_that_becomes_small_makes_the_open_panel_modal(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    modal = "(panel) => panel.matches(':modal')"
    assert ming.panel.evaluate(modal) is False
    ming.page.set_viewport_size({"width": 400, "height": 800})
    expect(ming.panel).to_be_visible()
    assert ming.panel.evaluate(modal) is True
    expect(ming.box).to_be_focused()
    ming.page.set_viewport_size({"width": 1280, "height": 800})
    assert ming.panel.evaluate(modal) is False
    ming.close()


def test_the_language_is_the_page_s(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, page_lang="zh-Hans-CN")
    expect(ming.launcher).to_have_accessible_name(re.compile("联系"))
    ming.open()
    expect(ming.panel.get_by_text("客服不在，请留言，我们会尽快回复")).to_be_visible()
    expect(ming.box).to_have_attribute("placeholder", "输入消息…")
    expect(ming.host.locator(".kefu")).to_have_attribute("lang", "zh-CN")
    axe(ming.page)


def test_the_embedding_may_ask_for_another_language(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, page_lang="en", lang="zh")
    expect(ming.launcher).to_have_accessible_name(re.compile("联系"))


def test_where_the_page_names_no_language_it_is_the_browser_s(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(locale="zh-TW"), shop, page_lang="")
    expect(ming.launcher).to_have_accessible_name(re.compile("联系"))


def test_on_a_page_from_right_to_left_everything_is_turned_round(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, page_lang="ar", direction="rtl", opened=True)
    ming.say("مرحبا")
    panel, bubble = ming.panel.bounding_box(), ming.log.locator(".k-bubble").bounding_box()
    assert panel
    assert bubble
    assert panel["x"] == 20
    assert bubble["x"] + bubble["width"] / 2 < panel["x"] + panel["width"] / 2
    axe(ming.page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_colours_are_the_reader_s(person: Comes, shop: Shop, scheme: str) -> None:
    ming = Shopper.at(person(scheme=scheme), shop, opened=True)
    ming.say("Hello")
    bright = ming.panel.evaluate("(panel) => parseInt(getComputedStyle(panel).backgroundColor.match(/\\d+/)[0]) > 128")
    assert bright is (scheme == "light")
    axe(ming.page)


def test_a_page_can_force_a_theme_and_set_an_accent(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, css="kefu-chat { --kefu-accent: rgb(90, 30, 140); }", opened=True)
    colour = "(element) => getComputedStyle(element).backgroundColor"
    assert ming.launcher.evaluate(colour) == "rgb(90, 30, 140)"
    ming.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    ming.page.wait_for_function(
        "getComputedStyle(document.querySelector('kefu-chat').shadowRoot.querySelector('dialog'))"
        ".backgroundColor.match(/\\d+/)[0] < 128"
    )


def test_it_survives_a_hostile_stylesheet(person: Comes, shop: Shop) -> None:
    plain = Shopper.at(person(), shop, opened=True)
    ming = Shopper.at(person(), shop, css=HOSTILE, opened=True)
    ming.say("Hello")
    plain.say("Hello")
    names = "color fontSize lineHeight display letterSpacing textTransform visibility opacity textAlign userSelect"
    look = """(element, names) => {
      const [style, { x, y, width, height }] = [getComputedStyle(element), element.getBoundingClientRect()];
      return [...names.split(" ").map((name) => style[name]), x, y, width, height];
    }"""
    for part in (".launcher", ".panel", ".top", ".k-bubble", "textarea"):
        here, there = (each.host.locator(part).evaluate(look, names) for each in (ming, plain))
        assert here == there, part


def test_it_leaves_the_page_as_it_was(person: Comes, shop: Shop) -> None:
    someone = person()
    bare = Shopper.at(someone, shop, scripts="")
    known = "Object.getOwnPropertyNames(globalThis).filter((name) => !/^\\d+$/.test(name)).sort()"
    style = (
        "((style) => [...style].map((name) => `${name}: ${style[name]}`).join(';'))(getComputedStyle(document.body))"
    )
    names, looks = bare.page.evaluate(known), bare.page.evaluate(style)
    ming = Shopper.at(someone, shop, opened=True)
    assert ming.page.evaluate(known) == names
    assert ming.page.evaluate(style) == looks
    assert (
        ming.page.evaluate("document.adoptedStyleSheets.length + document.head.querySelectorAll('style').length") == 1
    )
    assert ming.page.evaluate("customElements.get('kefu-chat') ?? null") is None


def test_a_token_is_in_no_address_and_in_no_storage(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop)
    asked: list[str] = []
    ming.page.on("request", lambda request: asked.append(request.url))
    ming.page.reload()
    ming.open()
    ming.say("Hello")
    kept = ming.page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie])")
    assert "eyJ" not in kept
    assert [url for url in asked if "eyJ" in url] == []


def test_two_stores_on_one_page_have_a_chat_each(person: Comes, shop: Shop) -> None:
    other = shop.market.open_store("books", name="Bookshop 书店")
    scripts = "".join(
        SCRIPT.format(attributes=f' data-store="{store}" data-token-url="/kefu-token" data-position="{side}"')
        for store, side in ((shop.store, "right"), (other.store, "left"))
    )
    ming = Shopper.at(person(), shop, scripts=scripts)
    tea, books = (ming.page.locator(f"kefu-chat[data-store={store}]") for store in (shop.store, other.store))
    tea.locator(".launcher").click()
    tea.get_by_role("textbox").fill("Tea?")
    tea.get_by_role("textbox").press("Enter")
    books.locator(".launcher").click()
    expect(tea.get_by_role("dialog")).to_be_hidden()
    expect(books.get_by_role("heading")).to_have_text("Bookshop 书店")
    books.get_by_role("textbox").fill("A book?")
    books.get_by_role("textbox").press("Enter")
    expect(books.locator(".k-state")).to_have_attribute("data-state", "stored")
    assert books.locator(".k-text").all_text_contents() == ["A book?"]
    axe(ming.page)


def test_mounted_by_a_module_it_is_opened_closed_and_taken_away_by_it(person: Comes, shop: Shop) -> None:
    script = f"""<script type="module">
      import {{ mount }} from "/widget.js";
      const token = async () => (await (await fetch("/kefu-token")).json()).token;
      document.chat = mount({{ store: "{shop.store}", token }});
    </script>"""
    ming = Shopper.at(person(), shop, scripts=script)
    ming.launcher.wait_for()
    ming.page.evaluate("document.chat.open()")
    ming.say("Hello")
    ming.page.evaluate("document.chat.close()")
    expect(ming.panel).to_be_hidden()
    ming.page.evaluate("document.chat.unmount()")
    expect(ming.host).to_have_count(0)


def test_it_connects_at_the_first_opening_where_the_page_says_so(person: Comes, shop: Shop) -> None:
    someone = person()
    asked: list[str] = []
    someone.context.on("request", lambda request: asked.append(request.url))
    ming = Shopper.at(someone, shop, connect="open")
    ming.launcher.wait_for()
    # Longer than it would wait for the browser to be idle.
    ming.page.evaluate("new Promise((done) => requestIdleCallback(() => setTimeout(done, 300)))")
    assert [url for url in asked if "kefu-token" in url or "settings.json" in url] == []
    ming.open()
    ming.say("Hello")


def test_the_panel_stands_open_again_on_the_next_page_without_taking_the_focus(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.page.goto("/goods/jar")
    expect(ming.panel).to_be_visible()
    expect(ming.box).to_be_enabled()
    expect(ming.box).not_to_be_focused()
    ming.page.locator("#search").focus()
    ming.box.focus()
    ming.close()
    ming.page.goto("/goods/cup")
    expect(ming.launcher).to_have_accessible_name("Chat with Tea house 茶馆")
    expect(ming.panel).to_be_hidden()


def test_whoever_is_not_signed_in_is_asked_to_and_can_write_then(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, signed_in=False, sign_in_url="/goods?login")
    ming.launcher.click()
    expect(ming.panel.get_by_text("Sign in to write to the store.")).to_be_visible()
    link = ming.panel.get_by_role("link", name="Sign in")
    expect(link).to_have_attribute("href", "/goods?login")
    expect(link).to_be_focused()
    expect(ming.box).to_be_hidden()
    axe(ming.page)
    ming.close()
    ming.sign_in()
    ming.open()
    ming.say("Hello")


def test_a_page_that_may_not_connect_says_so(person: Comes, shop: Shop) -> None:
    someone = person()
    said: list[str] = []
    someone.context.on("console", lambda message: said.append(message.text))
    someone.expect_trouble("ALLOWED_ORIGINS", "403")
    someone.context.route("**/settings.json", lambda route: route.fulfill(status=403, json={"code": "forbidden"}))
    ming = Shopper.at(someone, shop)
    ming.launcher.click()
    expect(ming.panel.get_by_text("Chat is not available on this page.")).to_be_visible()
    expect(ming.box).to_be_hidden()
    axe(ming.page)
    origin = someone.base
    assert len([text for text in said if f"add {origin} to its ALLOWED_ORIGINS" in text]) == 1


def test_nothing_moves_for_whoever_wants_no_motion(person: Comes, shop: Shop) -> None:
    duration = "(panel) => getComputedStyle(panel).transitionDuration"
    moving = Shopper.at(person(motion="no-preference"), shop, opened=True)
    still = Shopper.at(person(motion="reduce"), shop, opened=True)
    assert "0.14s" in moving.panel.evaluate(duration)
    assert still.panel.evaluate(duration) == "0s"


def test_the_button_is_there_in_colours_that_the_system_forces(person: Comes, shop: Shop) -> None:
    ming = Shopper.at(person(), shop, opened=True)
    ming.page.emulate_media(forced_colors="active")
    ming.say("Hello")
    assert ming.launcher.evaluate("(button) => getComputedStyle(button).borderTopStyle") == "solid"
    axe(ming.page)


def test_buttons_that_come_and_go_never_lie_on_each_other(person: Comes, shop: Shop) -> None:
    script = f"""<script type="module">
      import {{ mount }} from "/widget.js";
      const chat = (store) => mount({{ store, connect: "open" }});
      const first = chat("{shop.store}");
      chat("second");
      first.unmount();
      chat("third");
    </script>"""
    ming = Shopper.at(person(), shop, scripts=script)
    expect(ming.launcher).to_have_count(2)
    one, other = (each.bounding_box() for each in ming.launcher.all())
    assert one is not None
    assert other is not None
    assert abs(one["y"] - other["y"]) >= one["height"], (one, other)
