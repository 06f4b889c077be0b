"""Where one writes, and the line about the connection above it."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.web.bench.conftest import Bench, Opens
from tests.web.browser import axe


def sent(bench: Bench) -> list[str]:
    return bench.told("send")


def test_enter_sends_and_shift_enter_breaks_the_line(opens: Opens) -> None:
    bench = opens("usual")
    bench.input.press_sequentially("One")
    bench.input.press("Shift+Enter")
    bench.input.press_sequentially("two")
    bench.input.press("Enter")
    assert sent(bench) == ["One\ntwo"]
    expect(bench.input).to_have_value("")
    expect(bench.input).to_be_focused()


def test_the_button_sends_and_leaves_the_focus_where_it_is(opens: Opens) -> None:
    bench = opens("usual")
    button = bench.page.get_by_role("button", name="Send", exact=True)
    expect(button).to_be_disabled()
    bench.input.fill("Hello")
    button.click()
    assert sent(bench) == ["Hello"]
    expect(bench.input).to_be_focused()
    assert button.evaluate("(button) => [button.offsetWidth, button.offsetHeight]") == [44, 44]


def test_blanks_alone_are_not_sent(opens: Opens) -> None:
    bench = opens("usual")
    bench.input.fill("  \n　 ")
    bench.input.press("Enter")
    assert sent(bench) == []
    expect(bench.page.get_by_role("button", name="Send", exact=True)).to_be_disabled()


def test_enter_during_a_composition_chooses_a_word_and_sends_nothing(opens: Opens) -> None:
    bench = opens("usual", lang="zh-CN")
    bench.input.focus()
    session = bench.page.context.new_cdp_session(bench.page)
    session.send("Input.imeSetComposition", {"text": "ni'hao", "selectionStart": 6, "selectionEnd": 6})
    enter = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 229}
    session.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter})
    session.send("Input.insertText", {"text": "你好"})
    session.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter})
    expect(bench.input).to_have_value("你好")
    assert sent(bench) == []


def test_the_enter_that_ends_a_composition_in_safari_sends_nothing(opens: Opens) -> None:
    bench = opens("usual")
    bench.input.fill("你好")
    bench.input.evaluate(
        """(input) => {
          input.dispatchEvent(new CompositionEvent("compositionend", { bubbles: true, composed: true }));
          const bubbles = { bubbles: true, composed: true, cancelable: true };
          input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", ...bubbles }));
        }"""
    )
    assert sent(bench) == []
    bench.page.wait_for_function(
        "(since) => performance.now() > since + 60", arg=bench.page.evaluate("performance.now()")
    )
    bench.input.press("Enter")
    assert sent(bench) == ["你好"]


def test_it_grows_to_five_lines_and_then_scrolls(opens: Opens) -> None:
    bench = opens("usual")
    height = "(input) => input.getBoundingClientRect().height"
    assert bench.input.evaluate(height) == 44
    bench.input.fill("1\n2\n3")
    assert 86 < bench.input.evaluate(height) < 95
    bench.input.fill("\n".join("123456789"))
    assert 130 < bench.input.evaluate(height) < 138
    assert bench.input.evaluate("(input) => input.scrollHeight > input.clientHeight")
    bench.input.press("Enter")
    assert bench.input.evaluate(height) == 44


def test_a_counter_appears_near_the_limit_of_4000_characters(opens: Opens) -> None:
    bench = opens("usual")
    button = bench.page.get_by_role("button", name="Send", exact=True)
    count = bench.page.locator(".k-count")
    bench.input.fill("🍵" * 3799)
    expect(count).to_be_hidden()
    bench.input.fill("🍵" * 3999)
    expect(count).to_have_text("1 character left")
    bench.input.fill("🍵" * 4000)
    expect(button).to_be_enabled()
    bench.input.fill("🍵" * 4002)
    expect(count).to_have_text("2 characters too many")
    expect(button).to_be_disabled()
    bench.input.press("Enter")
    assert sent(bench) == []
    axe(bench.page)


def test_a_draft_is_kept_across_a_reload_and_gone_when_it_was_sent(opens: Opens) -> None:
    bench = opens("usual")
    bench.input.fill("Half a sen")
    bench.page.reload()
    expect(bench.input).to_have_value("Half a sen")
    bench.input.press("Enter")
    bench.page.reload()
    bench.page.wait_for_selector("html[data-ready]")
    expect(bench.input).to_have_value("")


def test_what_could_not_be_taken_comes_back(opens: Opens) -> None:
    bench = opens("usual")
    bench.run("(bench) => { bench.send = () => Promise.reject(new Error('no room')); }")
    bench.input.fill("Precious")
    bench.input.press("Enter")
    expect(bench.input).to_have_value("Precious")
    expect(bench.page.locator(".k-count")).to_have_text("Not sent")
    bench.page.reload()
    expect(bench.input).to_have_value("Precious")


def test_typing_is_told_while_there_is_text_and_taken_back(opens: Opens) -> None:
    bench = opens("usual")
    bench.input.press_sequentially("ab")
    assert bench.told("typing")[-1] is True
    bench.input.press("Enter")
    assert bench.told("typing")[-1] is False


def test_an_emoji_is_chosen_by_keyboard_and_put_where_the_caret_is(opens: Opens) -> None:
    bench = opens("usual")
    button = bench.page.get_by_role("button", name="Emoji")
    bench.input.fill("ab")
    bench.input.press("ArrowLeft")
    button.press("Enter")
    panel = bench.page.get_by_role("group", name="Emoji")
    expect(panel.get_by_role("button").first).to_be_focused()
    axe(bench.page)
    for key in ("ArrowDown", "ArrowRight", "End", "Home", "ArrowRight"):
        bench.page.keyboard.press(key)
    bench.page.keyboard.press("Enter")
    expect(panel).to_be_hidden()
    expect(bench.input).to_be_focused()
    expect(bench.input).to_have_value("a😄b")
    button.click()
    bench.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(bench.input).to_be_focused()


def test_the_picker_closes_when_the_focus_goes_elsewhere(opens: Opens) -> None:
    bench = opens("usual")
    button = bench.page.get_by_role("button", name="Emoji")
    button.click()
    bench.input.click()
    expect(bench.page.get_by_role("group", name="Emoji")).to_be_hidden()
    button.click()
    button.click()
    expect(bench.page.get_by_role("group", name="Emoji")).to_be_hidden()


def test_where_nobody_may_write_nothing_can_be_written(opens: Opens) -> None:
    bench = opens("usual")
    bench.run("(bench) => bench.composer.setState({ enabled: false, placeholder: 'Sign in to write' })")
    expect(bench.input).to_be_disabled()
    expect(bench.input).to_have_attribute("placeholder", "Sign in to write")
    axe(bench.page)
    bench.run("(bench) => bench.composer.setState({ enabled: true })")
    bench.run("(bench) => bench.composer.setDraft('Again')")
    expect(bench.page.get_by_role("button", name="Send", exact=True)).to_be_enabled()


def status(bench: Bench, state: str, reason: str | None = None, due_ms: int | None = None) -> None:
    script = """(bench, [state, reason, due]) =>
      bench.line.show({ state, reason, retryAt: due === null ? null : Date.now() + due }, Date.now())"""
    bench.run(script, [state, reason, due_ms])


def stop_the_clock(bench: Bench) -> None:
    """From here on time passes only when the test says so."""
    bench.page.clock.install(time=0)
    bench.page.clock.pause_at(3_600_000)


def test_a_quick_connection_needs_no_words_and_a_slow_one_has_them(opens: Opens) -> None:
    bench = opens("usual")
    stop_the_clock(bench)
    status(bench, "connecting")
    bench.page.clock.run_for(900)
    expect(bench.line).to_be_empty()
    status(bench, "live")
    bench.page.clock.run_for(2000)
    expect(bench.line).to_be_empty()
    status(bench, "catching up")
    bench.page.clock.run_for(1100)
    expect(bench.line).to_have_text("Connecting…")


def test_without_a_connection_the_line_counts_down_and_can_be_hurried(opens: Opens) -> None:
    bench = opens("usual")
    stop_the_clock(bench)
    status(bench, "offline", "unreachable", 5000)
    expect(bench.line).to_have_text("No connection.Trying again in 5 sTry now")
    bench.page.clock.run_for(2000)
    expect(bench.line).to_contain_text("in 3 s")
    expect(bench.line.locator("[aria-hidden=true]")).to_have_text("Trying again in 3 s")
    bench.line.get_by_role("button", name="Try now").click()
    assert len(bench.told("wake")) == 1
    status(bench, "connecting", "unreachable")
    expect(bench.line).to_have_text("Connecting…")
    status(bench, "live")
    expect(bench.line).to_be_empty()


def test_the_line_says_who_must_do_something(opens: Opens) -> None:
    bench = opens("usual", lang="zh-CN")
    status(bench, "offline", "signed out")
    expect(bench.line).to_contain_text("已退出登录")
    axe(bench.page)
    status(bench, "offline", "no network")
    expect(bench.line).to_contain_text("没有网络")
    status(bench, "offline", "unreachable", 3_600_000)
    axe(bench.page)
    status(bench, "offline", "closed")
    expect(bench.line).to_be_empty()
