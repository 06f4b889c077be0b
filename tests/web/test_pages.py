"""The pages in a browser: what they cost, how strict they are, the demo shop, the widget on other sites."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.client import fresh
from tests.e2e.conftest import Shop
from tests.e2e.server import Server
from tests.web.browser import axe
from tests.web.conftest import Comes
from tests.web.cost import Traffic, script_ms_until_the_button
from tests.web.elsewhere import Elsewhere

MOST_BYTES = 40_000
MOST_SCRIPT_MS = 100


def chat(page: Page) -> Any:
    """The widget on a page: its host element, whose shadow root locators look into."""
    return page.locator("kefu-chat")


def open_chat(page: Page) -> Any:
    """Press the widget's button, and answer where one writes."""
    chat(page).locator("button.launcher").click()
    box = chat(page).get_by_role("textbox")
    expect(box).to_be_visible()
    return box


# What it costs


@pytest.mark.parametrize("lang", ["en", "zh-CN"])
def test_the_widget_takes_less_than_40_kb_until_one_can_write(
    person: Comes, server: Server, market_page: Elsewhere, shop: Shop, lang: str
) -> None:
    page = person(locale=lang).context.new_page()
    traffic = Traffic(page)
    page.goto(f"{market_page.url}/?store={shop.store}&user={fresh('carl')}&lang={lang}")
    open_chat(page)
    page.wait_for_load_state("networkidle")
    cost = traffic.of(re.escape(server.url))
    assert any("settings.json" in url for url in cost)
    assert sum(cost.values()) < MOST_BYTES, cost


def test_the_button_is_there_after_less_than_100_ms_of_script(
    person: Comes, browser: Browser, market_page: Elsewhere, shop: Shop
) -> None:
    page = person().context.new_page()
    address = f"{market_page.url}/?store={shop.store}&user={fresh('carl')}"
    assert script_ms_until_the_button(browser, page, address) < MOST_SCRIPT_MS


def test_nothing_is_fetched_twice_and_a_second_visit_asks_for_the_loader_and_the_settings_alone(
    person: Comes, server: Server, market_page: Elsewhere, shop: Shop
) -> None:
    page = person().context.new_page()
    address = f"{market_page.url}/?store={shop.store}&user={fresh('carl')}"
    asked: list[str] = []
    page.on("response", lambda response: asked.append(response.url) if server.url in response.url else None)
    page.goto(address)
    open_chat(page)
    assert len(asked) == len(set(asked)), asked
    page.goto("about:blank")
    traffic = Traffic(page)
    page.goto(address)
    expect(chat(page).get_by_role("textbox").or_(chat(page).locator("button.launcher"))).not_to_have_count(0)
    page.wait_for_load_state("networkidle")
    fetched = {url.removeprefix(server.url) for url, size in traffic.of(re.escape(server.url)).items() if size}
    assert fetched <= {"/widget.js", "/settings.json"}, fetched


# On a page of another origin


def test_the_widget_works_on_a_page_of_an_allowed_origin_with_a_strict_policy(
    person: Comes, market_page: Elsewhere, shop: Shop
) -> None:
    agent, customer = shop.agent(), fresh("carl")
    page = person().open(f"{market_page.url}/?store={shop.store}&user={customer}")
    box = open_chat(page)
    box.fill("Is the jar in stock?")
    box.press("Enter")
    agent.expect("message", conversation=shop.conversation(customer))
    assert agent.texts(shop.conversation(customer)) == ["Is the jar in stock?"]


def test_the_widget_says_why_it_does_not_connect_from_an_origin_that_is_not_allowed(
    person: Comes, strange_page: Elsewhere, shop: Shop
) -> None:
    stranger = person()
    stranger.expect_trouble("ALLOWED_ORIGINS", "status of 403")
    page = stranger.context.new_page()
    with page.expect_console_message(lambda message: "ALLOWED_ORIGINS" in message.text):
        page.goto(f"{strange_page.url}/?store={shop.store}&user={fresh('carl')}")
    expect(chat(page).locator("button.launcher")).to_be_visible()


# The demo shop


@pytest.mark.parametrize(
    ("locale", "query", "title", "visitor", "supervisor"),
    [
        ("en-GB", "", "Tea House", "a new visitor", "王姐 Wang supervisor"),
        ("zh-CN", "", "茶馆", "新访客", "王姐 Wang 主管"),
        ("zh-CN", "?lang=en", "Tea House", "a new visitor", "王姐 Wang supervisor"),
        ("en-GB", "?lang=zh-CN", "茶馆", "新访客", "王姐 Wang 主管"),
    ],
)
def test_the_demo_shop_speaks_the_browser_s_language_or_the_one_that_is_chosen(
    person: Comes, locale: str, query: str, title: str, visitor: str, supervisor: str
) -> None:
    page = person(locale=locale).open(f"/{query}")
    expect(page).to_have_title(f"{title} · kefu 客服")
    expect(page.get_by_role("link", name=visitor)).to_be_visible()
    expect(page.get_by_role("link", name=supervisor)).to_be_visible()
    expect(page.get_by_role("heading", level=3)).to_have_count(6)
    expect(chat(page).locator("button.launcher")).to_be_visible()
    axe(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("store", ["tea-house", "bookshop"])
def test_the_demo_shop_is_accessible_and_nothing_in_it_scrolls_sideways(
    person: Comes, store: str, width: int, scheme: str
) -> None:
    page = person(viewport=(width, 800), scheme=scheme).open(f"/?store={store}")
    expect(chat(page).locator("button.launcher")).to_be_visible()
    expect(page.locator("#agents a")).not_to_have_count(0)
    axe(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_newcomer_chats_with_themselves(person: Comes) -> None:
    newcomer = person()
    page = newcomer.open("/?as=visitor")
    with newcomer.context.expect_page() as opened:
        page.get_by_role("link", name="小李 agent").click()
    console = opened.value
    said = f"Is there a small one? {fresh('jar')}"
    box = open_chat(page)
    box.fill(said)
    box.press("Enter")
    console.get_by_text(said).first.click()
    console.get_by_role("button", name=re.compile("^Claim")).first.click()
    answer = f"There is, for you. {fresh('answer')}"
    reply = console.get_by_role("textbox", name=re.compile("message", re.I))
    reply.fill(answer)
    reply.press("Enter")
    expect(chat(page).get_by_text(answer)).to_be_visible()


def test_the_demo_shop_works_under_the_machine_s_other_name(person: Comes, server: Server) -> None:
    page = person(base=f"http://localhost:{server.port}").open("/?as=chen")
    box = open_chat(page)
    said = f"茶到了吗？{fresh('x')}"
    box.fill(said)
    box.press("Enter")
    expect(chat(page).get_by_text(said)).to_be_visible()


def test_who_shops_is_kept_in_the_tab_and_each_new_tab_has_a_visitor_of_its_own(person: Comes) -> None:
    shopper = person()
    first, second = shopper.open("/?as=visitor"), shopper.open("/?as=visitor")
    numbers = [page.evaluate("sessionStorage.getItem('shop.visitor')") for page in (first, second)]
    assert numbers[0] != numbers[1]
    first.goto("/?store=bookshop")
    expect(first.get_by_role("link", name="a new visitor")).to_have_attribute("aria-current", "true")
    assert first.evaluate("sessionStorage.getItem('shop.visitor')") == numbers[0]


# How strict they are


@pytest.mark.parametrize("path", ["/", "/console"])
def test_a_page_s_policy_stops_what_an_attacker_would_try(person: Comes, path: str) -> None:
    victim = person()
    victim.expect_trouble("policy:", "Content Security Policy", "Trusted", "evil.example")
    page = victim.open(path)
    page.wait_for_load_state("networkidle")
    outcome = page.evaluate("""async () => {
        const violations = [];
        addEventListener("securitypolicyviolation", (event) => violations.push(event.effectiveDirective));
        const attempt = async (name, run) => { try { await run(); return null; } catch { return name; } };
        const stopped = [
          await attempt("innerHTML", () => { document.createElement("div").innerHTML = "<b>x</b>"; }),
          await attempt("fetch", () => fetch("https://evil.example/")),
          await attempt("policy", () => trustedTypes.createPolicy("mine", {})),
          await attempt("import", () => import("data:text/javascript,globalThis.hacked = 1")),
        ];
        const script = document.createElement("script");
        try { script.textContent = "globalThis.hacked = 1"; } catch { stopped.push("script text"); }
        document.head.append(script);
        const image = new Image();
        const refused = new Promise((resolve) => { image.onerror = resolve; });
        image.src = "https://evil.example/x.png";
        await refused;
        return { stopped, hacked: globalThis.hacked ?? null, violations };
    }""")
    assert outcome["hacked"] is None
    assert {"innerHTML", "fetch", "policy", "import", "script text"} <= set(outcome["stopped"])
    assert {"require-trusted-types-for", "connect-src", "img-src"} <= set(outcome["violations"])


def test_no_page_frames_the_console(person: Comes, server: Server, market_page: Elsewhere) -> None:
    got = person().context.request.get(f"{server.url}/console")
    assert "frame-ancestors 'none'" in got.headers["content-security-policy"]
    assert got.headers["x-frame-options"] == "DENY"
