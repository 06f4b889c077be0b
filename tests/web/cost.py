"""What the widget costs a page: bytes on the wire, and time that its scripts take from the browser's main thread."""

from __future__ import annotations

import json
import re
from typing import Any

from playwright.sync_api import Browser, Page

# Marks the moment at which the button is to be seen.
MARK_BUTTON = """
const look = () => {
  const button = document.querySelector("kefu-chat")?.shadowRoot?.querySelector("button");
  if (button?.getBoundingClientRect().width > 0) performance.mark("kefu-button");
  else requestAnimationFrame(look);
};
requestAnimationFrame(look);
"""
CATEGORIES = ["devtools.timeline", "v8", "disabled-by-default-v8.compile", "blink.user_timing"]
SCRIPTING = {
    *("EvaluateScript", "FunctionCall", "RunMicrotasks", "FireAnimationFrame", "TimerFire"),
    *("v8.compile", "v8.compileModule", "v8.evaluateModule", "V8.CompileCode"),
}


class Traffic:
    """Every byte that a page's browser receives, headers included, by address."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)
        self._urls: dict[str, str] = {}
        self._bytes: dict[str, int] = {}
        self._session.on("Network.requestWillBeSent", self._sent)
        self._session.on("Network.loadingFinished", self._finished)
        self._session.send("Network.enable")

    def of(self, pattern: str) -> dict[str, int]:
        """The bytes of each address that `pattern` is found in, largest first."""
        found = {url: size for url, size in self._bytes.items() if re.search(pattern, url)}
        return dict(sorted(found.items(), key=lambda pair: -pair[1]))

    def _sent(self, event: dict[str, Any]) -> None:
        self._urls[event["requestId"]] = event["request"]["url"]

    def _finished(self, event: dict[str, Any]) -> None:
        url = self._urls[event["requestId"]]
        self._bytes[url] = self._bytes.get(url, 0) + int(event["encodedDataLength"])


def script_ms_until_the_button(browser: Browser, page: Page, address: str) -> float:
    """How long scripts ran on the page's main thread before the widget's button was there, by the browser's trace."""
    page.add_init_script(MARK_BUTTON)
    browser.start_tracing(page=page, categories=CATEGORIES)
    try:
        page.goto(address)
        page.wait_for_function("performance.getEntriesByName('kefu-button').length")
    finally:
        trace = json.loads(browser.stop_tracing())
    events = trace["traceEvents"]
    (mark,) = [event for event in events if event["name"] == "kefu-button" and event["ph"] in {"I", "R", "i"}]
    spans = sorted(
        (event["ts"], min(event["ts"] + event.get("dur", 0), mark["ts"]))
        for event in events
        if event["name"] in SCRIPTING
        and (event["pid"], event["tid"]) == (mark["pid"], mark["tid"])
        and event["ts"] < mark["ts"]
    )
    assert spans, "the trace tells of no scripts"
    return _covered(spans) / 1000


def _covered(spans: list[tuple[int, int]]) -> int:
    """How much the spans cover together: one within another counts once."""
    total, end = 0, 0
    for begin, finish in spans:
        total += max(0, finish - max(begin, end))
        end = max(end, finish)
    return total
