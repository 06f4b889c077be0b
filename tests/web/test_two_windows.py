"""Shoppers at the widget and agents at the console, side by side: what one writes, the other sees, whatever happens."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.e2e.conftest import Marketplace, Shop
from tests.e2e.server import Server, free_port
from tests.web.agent import Agent
from tests.web.browser import Person, axe
from tests.web.conftest import Comes
from tests.web.shopper import Shopper
from tests.web.test_console_looks import embedded
from tests.web.windows import (
    NO_NETWORK,
    Windows,
    agent_of_the_demo,
    press_at_once,
    shopper_of_the_demo,
    shows,
    texts,
)

# Both sides of the talk


def on_a_desk(person: Comes, shop: Shop) -> Windows:
    return Windows.begin(
        shopper_of_the_demo(person(), shop.market), agent_of_the_demo(person(viewport=(1180, 760)), shop.market)
    )


def on_phones_in_chinese_in_the_dark(person: Comes, shop: Shop) -> Windows:
    phone: dict[str, Any] = {"viewport": (360, 740), "phone": True, "locale": "zh-CN", "scheme": "dark"}
    windows = Windows.begin(
        shopper_of_the_demo(person(**phone), shop.market), agent_of_the_demo(person(**phone), shop.market)
    )
    for page in (windows.shopper.page, windows.agent.page):
        expect(page.locator("html")).to_have_attribute("lang", "zh-CN")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    return windows


def from_right_to_left(person: Comes, shop: Shop) -> Windows:
    li = shop.appoint("li-rtl", name="小李")
    shopper = Shopper.at(person(), shop, direction="rtl", opened=True)
    agent_s = person()
    desk = Agent(agent_s, embedded(agent_s, shop, shop.market.token(li), direction="rtl"), shop, li)
    windows = Windows.begin(shopper, desk)
    for log in (windows.shopper.log, windows.agent.log):
        assert log.evaluate("(each) => getComputedStyle(each).direction") == "rtl"
    return windows


@pytest.mark.parametrize("opens", [on_a_desk, on_phones_in_chinese_in_the_dark, from_right_to_left])
def test_either_side_loses_the_network_while_both_write_and_nothing_is_lost_or_doubled(
    person: Comes, shop: Shop, opens: Callable[[Comes, Shop], Windows]
) -> None:
    windows = opens(person, shop)
    for who, line in zip(windows.sides, windows.lines, strict=True):
        who.person.expect_trouble(*NO_NETWORK)
        windows.ask(f"Just before {who.user} goes")
        who.person.context.set_offline(True)
        expect(line).not_to_be_empty()
        windows.both_write(f"While {who.user} is away")
        windows.are_apart(who)
        axe(who.page, "kefu-chat" if who is windows.shopper else ".kefu-console")
        who.person.context.set_offline(False)
        windows.both_write(f"As {who.user} comes back", 2)
        windows.agree()
        windows.are_live()


def test_the_server_is_killed_while_both_write_and_started_again(person: Comes, tmp_path: Path) -> None:
    settings = {"RATE_LIMIT": "0", "PORT": str(free_port())}
    with Server.start(tmp_path / "kefu", env=settings) as server:
        server.stdout.wait_for("administrator", 30)
        market = Marketplace(server)
        people = [person(base=server.url), person(base=server.url)]
        for each in people:
            each.expect_trouble("ERR_", "WebSocket")
        windows = Windows.begin(shopper_of_the_demo(people[0], market), agent_of_the_demo(people[1], market))
        windows.both_write("Before")
        server.kill()
        windows.both_write("Without a server")
        for line in windows.lines:
            expect(line).not_to_be_empty()
        for log in (windows.shopper.log, windows.agent.log):
            expect(log.locator(".k-state").last).to_have_attribute("data-state", "sending")
    with Server.start(tmp_path / "kefu", env=settings):
        windows.both_write("With a server again")
        windows.agree()
        windows.are_live()
        windows.both_write("At last", 1)
        windows.agree()


# Several of each


def overhear(person: Person) -> list[str]:
    """Every frame that reaches this person's pages from now on."""
    frames: list[str] = []

    def listen(page: Page) -> None:
        page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: frames.append(str(frame))))

    person.context.on("page", listen)
    return frames


def test_two_customers_and_two_agents_from_the_first_word_to_the_takeover(person: Comes, shop: Shop) -> None:
    customers = [person(), person()]
    heard = [overhear(each) for each in customers]
    ming = Shopper.at(customers[0], shop, name="Ming", opened=True)
    chen = Shopper.at(customers[1], shop, name="陈静", opened=True)
    li = Agent.at(person(), shop, "li", name="小李")
    wang = Agent.at(person(), shop, "wang", role="supervisor", name="王姐 Wang")
    names = {id(li): "小李", id(wang): "王姐 Wang"}
    ming.say("Is the jar in stock?")
    chen.say("龙井到了吗？")

    # Both claim the same one in the same moment.
    for agent in (li, wang):
        agent.open("Ming")
    press_at_once(li.button("Claim"), wang.button("Claim"))
    for agent in (li, wang):
        expect(agent.bar.locator(".primary")).to_be_hidden()
    winner, loser = (li, wang) if li.box.is_visible() else (wang, li)
    expect(winner.box).to_be_focused()
    expect(loser.box).to_be_hidden()
    expect(loser.bar).to_contain_text(f"{names[id(winner)]} is serving")
    expect(ming.panel.get_by_text(f"{names[id(winner)]} is with you")).to_be_visible()
    winner.write("It is.")
    loser.rests()
    loser.claim("陈静")
    loser.write("到了。")
    shows(ming.log, "Is the jar in stock?", "It is.")
    shows(chen.log, "龙井到了吗？", "到了。")

    # From one hand to the other, back into the queue, closed.
    winner.button("Transfer").click()
    winner.dialog.get_by_role("option").filter(has_text=names[id(loser)]).click()
    expect(winner.bar).to_contain_text(f"{names[id(loser)]} is serving")
    expect(ming.panel.get_by_text(f"{names[id(loser)]} is with you")).to_be_visible()
    loser.rests()
    loser.tab("Mine").click()
    loser.open("Ming")
    loser.write("I go on here.")
    ming.sees("I go on here.")
    loser.button("Release").click()
    expect(ming.panel.get_by_text("2 people online")).to_be_visible()
    expect(li.button("Claim")).to_be_visible()
    li.button("Claim").click()
    li.button("Close").click()
    expect(ming.panel.get_by_text("This chat was closed.")).to_be_visible()
    expect(wang.bar).to_contain_text("This conversation is closed.")

    # The customer comes again, and is taken over.
    ming.say("One more thing")
    expect(ming.panel.get_by_text("This chat was closed.")).to_be_hidden()
    for agent in (li, wang):
        agent.sees("One more thing")
        expect(agent.log.locator(".k-divider[data-kind=visit]")).to_have_text("Earlier visit above")
    li.button("Claim").click()
    li.write("Yes?")
    expect(wang.bar).to_contain_text("小李 is serving")
    wang.button("Take over").click()
    wang.dialog.get_by_role("button", name="Take over").click()
    expect(wang.box).to_be_focused()
    expect(li.box).to_be_hidden()
    expect(li.bar).to_contain_text("王姐 Wang is serving")
    expect(ming.panel.get_by_text("王姐 Wang is with you")).to_be_visible()
    wang.write("Wang here.")
    said = ("Is the jar in stock?", "It is.", "I go on here.", "One more thing", "Yes?", "Wang here.")
    for log in (ming.log, wang.log):
        shows(log, *said)
    assert texts(chen.log) == ["龙井到了吗？", "到了。"]
    for page in (ming.page, chen.page, li.page, wang.page):
        axe(page)
    # Not only is it not shown: it has never reached them.
    for frames, theirs, others in ((heard[0], ming, chen), (heard[1], chen, ming)):
        assert any(theirs.conversation in frame for frame in frames)
        assert [frame for frame in frames if others.user in frame] == []


# Two tabs of one shopper


def keep_back_the_first(context_of: Person, count: int) -> list[str]:
    """The first so many sends are stored, but the browser does not hear of it. Answers their ids, as they come."""
    kept_back: list[str] = []

    def between(page: WebSocketRoute) -> None:
        service = page.connect_to_server()
        sends: set[str] = set()

        def said(payload: str | bytes) -> None:
            frame = json.loads(payload)
            if frame["action"] == "send":
                sends.add(frame["id"])
            service.send(payload)

        def told(payload: str | bytes) -> None:
            frame = json.loads(payload)
            if frame.get("id") in sends and len(kept_back) < count:
                kept_back.append(frame["id"])
            else:
                page.send(payload)

        page.on_message(said)
        service.on_message(told)

    context_of.context.route_web_socket(re.compile("/ws"), between)
    return kept_back


@pytest.mark.parametrize("goes", ["the tab that writes", "the other tab"])
def test_a_reload_of_either_tab_in_the_middle_of_a_send_shows_everything_once(
    person: Comes, shop: Shop, goes: str
) -> None:
    li = Agent.at(person(), shop, name="小李")
    someone = person()
    kept_back = keep_back_the_first(someone, 1)
    one = Shopper.at(someone, shop, name="Ming", opened=True)
    two = Shopper.at(someone, shop, user=one.user, name="Ming", opened=True)
    one.write("A from the first tab")
    # The service has it, the browser does not know yet.
    li.open("Ming")
    li.sees("A from the first tab")
    assert len(kept_back) == 1
    one.write("B from the first tab")
    two.sees("B from the first tab")
    two.write("C from the second tab")
    one.sees("C from the second tab")
    gone, stays = (one, two) if goes == "the tab that writes" else (two, one)
    gone.page.reload()
    stays.write("D from the tab that stays")
    gone.sees("D from the tab that stays")
    gone.write("E from the tab that was loaded again")
    said = (
        *("A from the first tab", "B from the first tab", "C from the second tab"),
        *("D from the tab that stays", "E from the tab that was loaded again"),
    )
    for log in (one.log, two.log):
        shows(log, *said)
    li.sees(said[-1])
    assert texts(li.log) == list(said)


# Whatever is written

HOSTILE = [
    "<script>globalThis.hacked = 1</script>",
    '"><img src=x onerror="globalThis.hacked = 1"><svg onload="globalThis.hacked = 1">',
    "</textarea></template></style><iframe srcdoc='<script>parent.hacked = 1</script>'></iframe>",
    "javascript:globalThis.hacked=1 data:text/html,<b>x</b> https://tea.example@evil.example/ {{hacked}} ${hacked}",
    "&lt;b&gt; &amp;amp; &#60;i&#62; %3Cb%3E \\u003cb\\u003e <!-- --> ]]>",
    "  leading and\ttabs,   three blanks\n\n\n  lines\n\u2028and\u00a0others",
    "مرحبا، هل الجرة متوفرة؟ שלום (abc) ١٢٣",
    "\u202eevil\u202c \u2067isolated\u2069 \u200ea\u200fb zero\u200bwidth",
    "👩‍👩‍👧‍👦🏳️‍🌈👍🏽🇨🇳 1️⃣ ☕︎☕️ 𠮷野家 e\u0301 Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞",
    '__proto__ constructor toString null undefined NaN [object Object] {"type":"message"}',
]


def longest(piece: str) -> str:
    """Four thousand characters, as long as a message may be."""
    return (piece * 4000)[:3999] + "."


def test_whatever_is_written_is_shown_as_just_that_on_both_sides(person: Comes, shop: Shop) -> None:
    windows = on_a_desk(person, shop)
    shopper, agent = windows.shopper, windows.agent
    titles = [page.title() for page in (shopper.page, agent.page)]
    # By turns: each is one's own on one page, and the other's on the other.
    for number, text in enumerate((*HOSTILE, longest("<b>🍵 & ق</b>\n"), longest("W"))):
        (windows.answer if number % 2 else windows.ask)(text)
    windows.agree()
    for page, log in ((shopper.page, shopper.log), (agent.page, agent.log)):
        assert page.evaluate("globalThis.hacked ?? null") is None
        assert log.locator(".k-text *").count() == 0
        assert log.evaluate("(each) => each.scrollWidth - each.clientWidth") <= 0
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
        axe(page)
    # What is a link is one; what only looks like one is text.
    windows.ask("https://tea.example/?q=<script>")
    windows.agree()
    for log in (shopper.log, agent.log):
        expect(log.locator(".k-text a")).to_have_attribute("href", "https://tea.example/?q=")
    # The last words stand in the list, too, and the whole is found.
    agent.tab("Mine").click()
    expect(agent.rows.filter(has_text="https://tea.example/?q=<script>")).to_have_count(1)
    agent.press("Escape", "f")
    agent.page.keyboard.type("<SCRIPT>globalThis")
    expect(agent.pane.get_by_role("search")).to_contain_text("1 of 1")
    assert [page.title() for page in (shopper.page, agent.page)] == titles
