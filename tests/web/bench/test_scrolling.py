"""Where the reader is in a log, and that nothing moves it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from tests.web.bench.conftest import Bench, Opens
from tests.web.browser import axe

MANY = """(view, made, [from, to, more]) =>
  ({ messages: made.many(to, made.NOW).slice(from - 1), more, read: { customer: to, store: to } })"""
ARRIVE = "(view, made, text) => ({ messages: [...view.messages, made.after(view, made.LI, text)] })"
AT_END = """() => {
  const log = window.bench.log.element.firstChild;
  return log.scrollHeight - log.scrollTop - log.clientHeight < 2;
}"""


def loaded(opens: Opens, first: int, last: int, more: bool = True, **query: Any) -> Bench:
    bench = opens("empty", **query)
    bench.run("(bench) => bench.log.reopen()")
    bench.run("(bench) => { bench.view = bench.made.emptyView(); bench.view.conversation = 'tea-house:chen'; }")
    bench.show(MANY, [first, last, more])
    bench.frames()
    return bench


def scroll(bench: Bench, script: str) -> None:
    bench.log.evaluate(f"(log) => {{ {script} }}")
    bench.frames()


def top_of(bench: Bench, seq: int) -> float:
    return top(bench.log.locator(f"[data-seq='{seq}'] .k-line"))


def top(what: Locator) -> float:
    box = what.bounding_box()
    assert box
    return float(box["y"])


def in_sight(bench: Bench) -> int:
    """The first message whose text is wholly in sight."""
    return int(
        bench.log.evaluate(
            "(log) => [...log.querySelectorAll('[data-seq]')].find((row) =>"
            " row.querySelector('.k-line').getBoundingClientRect().top > log.getBoundingClientRect().top).dataset.seq"
        )
    )


def test_a_log_opens_at_its_end_and_stays_there(opens: Opens) -> None:
    bench = loaded(opens, 1, 60)
    assert bench.page.evaluate(AT_END)
    bench.show(ARRIVE, "One more")
    expect(bench.row("One more")).to_be_in_viewport(ratio=1)
    assert bench.page.evaluate(AT_END)
    bench.page.set_viewport_size({"width": 320, "height": 400})
    bench.page.wait_for_function(AT_END)
    expect(bench.pill).to_be_hidden()


def test_a_log_opens_at_the_first_unread_message_where_not_all_fit(opens: Opens) -> None:
    bench = opens("empty")
    bench.show("(view) => ({ conversation: 'tea-house:chen', loaded: false })")
    bench.show(
        "(view, made) => ({ loaded: true, messages: made.many(400, made.NOW), read: { customer: 120, store: 0 } })"
    )
    divider = bench.log.locator("[data-kind=unread]")
    expect(divider).to_be_in_viewport(ratio=1)
    assert top(divider) < 40
    expect(bench.pill).to_contain_text("new")


def test_older_messages_are_put_in_above_without_a_jump(opens: Opens) -> None:
    bench = loaded(opens, 151, 200)
    scroll(bench, "log.scrollTop = 30;")
    assert bench.told("older")
    seq = in_sight(bench)
    before = top_of(bench, seq)
    bench.show(MANY, [101, 200, True])
    bench.frames()
    assert abs(top_of(bench, seq) - before) <= 1
    bench.show(MANY, [1, 200, False])
    bench.frames()
    assert abs(top_of(bench, seq) - before) <= 1


def test_each_page_is_asked_for_once(opens: Opens) -> None:
    bench = loaded(opens, 151, 200)
    bench.run(
        """(bench) => {
          bench.asks = 0;
          bench.older = () => { bench.asks += 1; return new Promise((go) => { bench.come = go; }); };
        }"""
    )
    scroll(bench, "log.scrollTop = 40;")
    scroll(bench, "log.scrollTop = 0;")
    scroll(bench, "log.scrollTop = 10;")
    assert bench.run("(bench) => bench.asks") == 1


def test_a_page_that_does_not_load_is_asked_for_again_by_a_tap_or_by_coming_back(opens: Opens) -> None:
    bench = loaded(opens, 101, 200)
    bench.run(
        """(bench) => {
          bench.asks = 0;
          bench.older = () => { bench.asks += 1; return Promise.reject(new Error("offline")); };
        }"""
    )
    scroll(bench, "log.scrollTop = 0;")
    again = bench.log.get_by_role("button", name="Earlier messages did not load. Try again")
    expect(again).to_be_in_viewport()
    axe(bench.page)
    scroll(bench, "log.scrollTop = 10;")
    assert bench.run("(bench) => bench.asks") == 1
    again.click()
    expect(again).to_be_visible()
    assert bench.run("(bench) => bench.asks") == 2
    scroll(bench, "log.scrollTop = 3000;")
    scroll(bench, "log.scrollTop = 0;")
    assert bench.run("(bench) => bench.asks") == 3


def test_who_reads_further_up_is_not_moved_and_told_of_what_is_new(opens: Opens) -> None:
    bench = loaded(opens, 1, 80, more=False)
    scroll(bench, "log.scrollTop -= 900;")
    expect(bench.pill).to_have_accessible_name("Go to the newest message")
    seq = in_sight(bench)
    before = top_of(bench, seq)
    for text in ("One", "Two", "Three"):
        bench.show(ARRIVE, text)
    expect(bench.pill).to_have_text("3 new")
    assert abs(top_of(bench, seq) - before) <= 1
    bench.pill.click()
    expect(bench.row("Three")).to_be_in_viewport(ratio=1)
    expect(bench.pill).to_be_hidden()
    expect(bench.log).to_be_focused()


def test_who_scrolls_up_as_a_message_comes_is_not_taken_back(opens: Opens) -> None:
    bench = loaded(opens, 1, 80, more=False)
    bench.run(
        """({ view, made, log, show }) => {
          log.element.firstChild.scrollTop -= 900;
          show({ messages: [...view.messages, made.after(view, made.LI, "At that moment")] });
        }"""
    )
    expect(bench.pill).to_have_text("1 new")


def test_who_writes_comes_to_the_end(opens: Opens) -> None:
    bench = loaded(opens, 1, 80, more=False)
    scroll(bench, "log.scrollTop -= 900;")
    bench.input.fill("Mine")
    bench.input.press("Enter")
    expect(bench.row("Mine")).to_be_in_viewport(ratio=1)


def test_a_change_of_width_keeps_what_is_being_read(opens: Opens) -> None:
    bench = loaded(opens, 1, 80, more=False)
    scroll(bench, "log.scrollTop -= 900;")
    seq = in_sight(bench)
    before = top_of(bench, seq)
    bench.page.set_viewport_size({"width": 300, "height": 560})
    bench.frames()
    assert abs(top_of(bench, seq) - before) <= 2


def test_what_is_on_screen_while_somebody_looks_has_been_seen(opens: Opens) -> None:
    bench = loaded(opens, 1, 80, more=False)
    assert bench.told("seen")[-1] == 80
    scroll(bench, "log.scrollTop -= 900;")
    bench.show(ARRIVE, "Below the edge")
    bench.frames()
    assert bench.told("seen")[-1] == 80
    bench.pill.click()
    bench.frames()
    assert bench.told("seen")[-1] == 81


def test_nothing_has_been_seen_while_the_page_is_not_looked_at_or_the_log_is_hidden(opens: Opens) -> None:
    bench = loaded(opens, 1, 20, more=False)
    bench.run("(bench) => { bench.told.length = 0; document.hasFocus = () => false; }")
    bench.show(ARRIVE, "Unseen")
    bench.frames()
    assert bench.told("seen") == []
    bench.page.evaluate("document.hasFocus = () => true; dispatchEvent(new Event('focus'))")
    bench.frames()
    assert bench.told("seen") == [21]
    bench.run("(bench) => { bench.log.element.parentElement.hidden = true; }")
    bench.show(ARRIVE, "Behind a closed door")
    bench.frames()
    assert bench.told("seen") == [21]
    bench.run("(bench) => { bench.log.element.parentElement.hidden = false; }")
    bench.page.wait_for_function("() => window.bench.told.at(-1)?.[1] === 22")


def test_with_five_thousand_messages_only_those_around_the_reader_are_in_the_page(opens: Opens) -> None:
    bench = opens("many")
    rows = bench.log.locator("[data-seq]")
    assert rows.count() == 100
    for _ in range(20):
        scroll(bench, "log.scrollTop = 0;")
    assert 250 <= rows.count() <= 300
    seq = in_sight(bench)
    assert seq < 4300
    for _ in range(40):
        scroll(bench, "log.scrollTop = log.scrollHeight;")
    expect(bench.row("5000: word")).to_be_in_viewport(ratio=1)
    assert rows.count() <= 300


def test_a_log_may_be_taller_than_all_that_it_renders(opens: Opens) -> None:
    bench = opens("many", tall=1)
    assert bench.log.locator("[data-seq]").count() <= 300
    assert bench.page.evaluate(AT_END)


def test_where_storage_went_back_what_comes_again_is_seen_again(opens: Opens) -> None:
    bench = loaded(opens, 1, 20, more=False)
    bench.show("(view) => ({ messages: view.messages.slice(0, 15) })")
    bench.show(ARRIVE, "Said again")
    bench.frames()
    assert bench.told("seen")[-1] == 16
    expect(bench.row("Said again")).not_to_have_attribute("aria-live", "off")


def test_growing_upwards_moves_nothing(opens: Opens) -> None:
    bench = opens("many")
    for _ in range(8):
        seq = in_sight(bench)
        scroll(bench, "log.scrollTop = log.clientHeight + 40;")
        seq = in_sight(bench)
        before = top_of(bench, seq)
        scroll(bench, "log.scrollTop -= 100;")
        assert abs(top_of(bench, seq) - before - 100) <= 1


def test_a_message_is_found_and_shown_wherever_it_is(opens: Opens) -> None:
    bench = opens("many")
    assert bench.run("(bench) => bench.log.find('1234: WORD')") == [1234]
    assert bench.run("(bench) => bench.log.find(' ')") == []
    assert bench.run("(bench) => bench.log.reveal(1234)")
    expect(bench.log.locator(".k-found")).to_be_in_viewport()
    expect(bench.log.locator(".k-found")).to_contain_text("1234: word")
    assert not bench.run("(bench) => bench.log.reveal(999999)")
    bench.run("(bench) => bench.log.scrollToEnd()")
    expect(bench.row("5000: word")).to_be_in_viewport(ratio=1)


def test_opening_anew_puts_the_divider_where_reading_has_ended(opens: Opens) -> None:
    bench = opens("usual")
    bench.show("(view) => ({ read: { ...view.read, customer: 10 } })")
    bench.show(ARRIVE, "While it was closed")
    bench.run("(bench) => bench.log.reopen()")
    rows = bench.log.locator(".k-rows > *")
    expect(rows.nth(-2)).to_have_text("New")
    expect(rows.nth(-1)).to_contain_text("While it was closed")
