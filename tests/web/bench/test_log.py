"""What a log shows, and what of it is touched when something changes."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.web.bench.conftest import Opens
from tests.web.browser import axe

STATES = ["usual", "failed", "lengthy", "bidi", "waiting", "empty", "loading", "error", "visits"]
ONE_MORE = "(view, made, text) => ({ messages: [...view.messages, made.after(view, made.LI, text)] })"
STORED = """(view, made) => {
  const [{ id, text }] = view.pending;
  return { pending: [], messages: [...view.messages, made.after(view, made.MING, text, id)] };
}"""


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_in_any_state_light_or_dark(opens: Opens, state: str) -> None:
    bench = opens(state, visits=1)
    axe(bench.page)
    bench.page.evaluate("document.documentElement.dataset.theme = 'dark'")
    bench.frames()
    axe(bench.page)


def test_the_log_is_a_polite_live_region_that_the_keyboard_reaches_and_scrolls(opens: Opens) -> None:
    bench = opens("many")
    expect(bench.log).to_have_attribute("aria-live", "polite")
    expect(bench.log).to_have_accessible_name("Conversation")
    bench.page.keyboard.press("Tab")
    expect(bench.log).to_be_focused()
    before = bench.log.evaluate("(log) => log.scrollTop")
    bench.page.keyboard.press("PageUp")
    bench.page.wait_for_function("(before) => window.bench.log.element.firstChild.scrollTop < before", arg=before)


def test_of_what_comes_only_the_messages_of_others_are_announced(opens: Opens) -> None:
    bench = opens("usual")
    live = bench.log.locator(".k-rows > :not([aria-live=off])")
    expect(live).to_have_count(0)
    bench.show(ONE_MORE, "From the store")
    expect(live).to_have_text(["小李 Li:From the store"])
    bench.show("(view, made) => ({ pending: [made.written('From me', made.NOW)] })")
    bench.show(STORED)
    expect(live).to_have_count(1)


def test_older_messages_are_put_in_unannounced(opens: Opens) -> None:
    bench = opens("usual")
    bench.show("(view, made) => ({ messages: made.many(60, made.NOW).slice(30), more: true })")
    bench.show("(view, made) => ({ messages: made.many(60, made.NOW), more: false })")
    bench.log.evaluate("(log) => { log.scrollTop = 0; }")
    expect(bench.row("1: word").first).to_have_attribute("aria-live", "off")


def test_a_new_message_touches_nothing_that_is_there(opens: Opens) -> None:
    bench = opens("usual")
    touched = bench.page.evaluate(
        """() => new Promise((tell) => {
          const { view, made, log, show } = window.bench;
          new MutationObserver((records) => tell(records.map(({ type, target, addedNodes, removedNodes }) =>
            [type, target.className, addedNodes.length, removedNodes.length])))
            .observe(log.element.querySelector(".k-rows"), { subtree: true, childList: true, attributes: true });
          show({ messages: [...view.messages, made.after(view, made.LI, "One more")] });
        })"""
    )
    assert touched == [["childList", "k-rows", 1, 0]]


def test_an_own_message_keeps_its_element_from_sending_to_read(opens: Opens) -> None:
    bench = opens("usual")
    bench.input.fill("Until when are you open?")
    bench.input.press("Enter")
    row = bench.row("Until when are you open?")
    expect(row.get_by_role("img", name="Sending")).to_be_visible()
    same = row.element_handle()
    bench.show(STORED)
    expect(row.get_by_role("img", name="Sent")).to_be_visible()
    bench.show("(view) => ({ read: { ...view.read, store: 99 } })")
    expect(row.get_by_role("img", name="Read")).to_be_visible()
    assert row.evaluate("(row, same) => row === same", same)
    expect(bench.log.get_by_role("img")).to_have_count(1)


def test_each_message_that_failed_can_be_sent_again_or_deleted(opens: Opens) -> None:
    bench = opens("failed")
    failed = bench.log.locator(".k-fail")
    expect(failed).to_have_count(2)
    ids = bench.run("(bench) => bench.view.pending.map(({ id }) => id)")
    failed.nth(0).get_by_role("button", name="Not sent. Tap to try again.").click()
    failed.nth(1).get_by_role("button", name="Delete this message").click()
    assert bench.told("retry") == [ids[0]]
    assert bench.told("discard") == [ids[1]]


def test_markup_in_messages_and_names_is_text(opens: Opens) -> None:
    bench = opens("usual")
    nasty = "<img src=x onerror=alert(1)><script>alert(2)</script> &amp; javascript:alert(3)"
    bench.show(
        "(view, made, text) => ({ messages: [made.message(1, { ...made.LI, name: text }, text, made.NOW)] })",
        nasty,
    )
    expect(bench.log.locator(".k-text")).to_have_text(nasty)
    expect(bench.log.locator("img, script, a")).to_have_count(0)


def test_a_link_opens_elsewhere_and_tells_nothing(opens: Opens) -> None:
    link = opens("usual").log.get_by_role("link", name="https://example.com/film")
    expect(link).to_have_attribute("rel", "noopener noreferrer nofollow ugc")
    expect(link).to_have_attribute("target", "_blank")


def height(what: Locator) -> float:
    box = what.bounding_box()
    assert box
    return float(box["height"])


def test_a_hundred_lines_are_folded_until_asked_for(opens: Opens) -> None:
    bench = opens("lengthy")
    row = bench.row("100. Yes")
    assert height(row) < 400
    row.get_by_role("button", name="Show all").click()
    assert height(row) > 2000
    row.get_by_role("button", name="Show less").click()
    expect(row).to_be_in_viewport()
    assert height(row) < 400


def test_a_folded_message_stays_folded_when_its_state_changes(opens: Opens) -> None:
    bench = opens("lengthy")
    bench.show("(view) => ({ read: { customer: 4, store: 0 } })")
    row = bench.row("100. Yes")
    expect(row.get_by_role("img", name="Sent")).to_be_visible()
    assert height(row) < 400


def test_the_exact_time_is_told_where_the_pointer_rests(opens: Opens) -> None:
    bench = opens("usual")
    row = bench.row("Two days, mostly.")
    row.hover()
    expect(row).to_have_attribute("title", re.compile("Wednesday.*25 November 2026.*15:17:00"))


def test_nothing_is_wider_than_the_log(opens: Opens) -> None:
    for state in ("lengthy", "failed", "bidi"):
        bench = opens(state, person={"viewport": (320, 480)})
        assert bench.log.evaluate("(log) => log.scrollWidth === log.clientWidth"), state


def test_the_dividers_say_the_day_what_is_new_and_the_visit(opens: Opens) -> None:
    expect(opens("usual").log.locator(".k-divider")).to_have_text(["Yesterday 13:20", "Today 14:30", "New"])
    assert opens("visits", visits=1).log.get_by_text("Earlier visit above").count() == 3
    expect(opens("usual", lang="zh-CN").log.locator("[data-kind=unread]")).to_have_text("新消息")


def test_each_state_without_messages_says_what_it_is(opens: Opens) -> None:
    loading = opens("loading")
    expect(loading.log).to_have_attribute("aria-busy", "true")
    expect(loading.log).to_contain_text("Loading messages…")
    empty = opens("empty")
    expect(empty.log.get_by_text("Ask the store anything.")).to_be_visible()
    expect(empty.log).to_have_attribute("aria-busy", "false")
    expect(opens("error").log.get_by_text("This conversation cannot be shown.")).to_be_visible()


def test_somebody_who_types_is_named_and_not_announced(opens: Opens) -> None:
    bench = opens("usual")
    bench.show("(view, made) => ({ typing: made.LI })")
    typing = bench.log.get_by_text("小李 Li is typing…")
    expect(typing).to_be_in_viewport()
    bench.show("() => ({ typing: null })")
    expect(typing).to_be_hidden()


def test_what_comes_while_one_reads_is_not_called_new(opens: Opens) -> None:
    bench = opens("empty")
    bench.show(ONE_MORE, "Hello")
    expect(bench.row("Hello")).to_be_visible()
    expect(bench.log.locator("[data-kind=unread]")).to_have_count(0)


def test_a_conversation_of_two_people_stays_apart_from_the_next(opens: Opens) -> None:
    bench = opens("usual")
    bench.show(
        "(view, made) => ({ conversation: 'bookshop:ming', messages: [made.message(1, made.LI, 'Books', made.NOW)] })"
    )
    expect(bench.log.locator(".k-row")).to_have_count(1)


def test_the_theme_follows_the_page_and_takes_its_accent(opens: Opens) -> None:
    bench = opens("usual")
    colour = "(log) => getComputedStyle(log.parentElement).backgroundColor"
    assert bench.log.evaluate(colour) == "rgb(255, 255, 255)"
    bench.page.evaluate("document.body.dataset.theme = 'dark'")
    bench.page.wait_for_function(
        "(dark) => getComputedStyle(window.bench.log.element).backgroundColor === dark", arg="rgb(20, 25, 28)"
    )
    bench.page.evaluate("document.documentElement.style.setProperty('--kefu-accent', 'rgb(1, 2, 3)')")
    assert bench.log.locator("[data-kind=unread]").evaluate("(row) => getComputedStyle(row).color") == "rgb(1, 2, 3)"
    assert opens("usual", person={"scheme": "dark"}).log.evaluate(colour) == "rgb(20, 25, 28)"
