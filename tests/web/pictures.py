"""The pictures of the pages: `make pictures`, or with a folder every scene at every width.

python -m tests.web.pictures                 # docs/pictures/{widget,console}-{en,zh-CN}-{light,dark}.png
python -m tests.web.pictures --out FOLDER    # at 360, 768 and 1280 px, once and twice as fine
"""

from __future__ import annotations

import argparse
import io
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FloatRect, Page, expect, sync_playwright

from tests.e2e.conftest import Marketplace
from tests.e2e.server import ROOT, Server
from tests.web.browser import Person, Scheme, launch
from tests.web.scenes import SCRIPTS, Scene

DOCS = ROOT / "docs" / "pictures"
LARGEST = 150_000
WIDTHS = {360: 740, 768: 1024, 1280: 800}
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
TWO_PANES = 900


@dataclass(frozen=True)
class Shot:
    """How one picture is taken."""

    lang: str
    scheme: Scheme
    width: int = 1280
    scale: int = 1

    @property
    def name(self) -> str:
        return f"{self.lang}-{self.scheme}"


def widget(page: Page, scene: Scene) -> FloatRect | None:
    """The panel, open on the demo shop, with the agent writing."""
    page.goto(f"/?as={scene.script.talks[0].customer}&lang={scene.script.locale}")
    page.locator("kefu-chat button.launcher").click()
    expect(page.locator("kefu-chat").get_by_text(scene.script.talks[0].lines[-1][2:])).to_be_visible()
    scene.type("li")
    log = page.locator("kefu-chat").get_by_role("log")
    expect(log.locator(".k-typing")).to_be_visible()
    log.evaluate("(log) => { log.scrollTop = log.scrollHeight; }")
    size = page.viewport_size
    assert size is not None
    return {"x": size["width"] - 640, "y": 100, "width": 640, "height": 700} if size["width"] >= 1280 else None


def console(page: Page, scene: Scene) -> FloatRect | None:
    """The console of the agent who serves the open conversation, with a queue that waits."""
    page.goto("/console#as=li")
    talk = scene.script.talks[0]
    tabs = page.get_by_role("tab")
    tabs.nth(1).click()
    page.get_by_role("option").filter(has_text=talk.name).click()
    expect(page.get_by_role("log")).to_contain_text(talk.lines[-1][2:])
    size = page.viewport_size
    assert size is not None
    if size["width"] >= TWO_PANES:
        tabs.nth(0).click()
        expect(page.get_by_role("option").filter(has_text=scene.script.talks[1].name)).to_be_visible()
    return None


def shop(page: Page, scene: Scene) -> FloatRect | None:
    """The demo shop as a newcomer finds it."""
    page.goto(f"/?lang={scene.script.locale}")
    expect(page.locator("kefu-chat button.launcher")).to_be_visible()
    expect(page.locator("#agents a")).to_have_count(2)
    return None


PICTURES = {"widget": widget, "console": console, "shop": shop}


@contextmanager
def stage(lang: str) -> Iterator[tuple[Server, Scene]]:
    """A service of its own with the language's script played on it."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Server.start(Path(folder) / "kefu", env={"RATE_LIMIT": "0"}) as server,
    ):
        server.stdout.wait_for("administrator", 30)
        market = Marketplace(server)
        scene = Scene(market, SCRIPTS[lang])
        try:
            scene.play()
            yield server, scene
        finally:
            market.close()


def take(browser: Browser, server: Server, scene: Scene, picture: str, shot: Shot) -> bytes:
    """One picture, as PNG. Anything that the page reports is an error here, too."""
    person = Person.at(
        browser,
        server.url,
        viewport=(shot.width, WIDTHS[shot.width]),
        locale=scene.script.locale,
        scheme=shot.scheme,
        scale=shot.scale,
        phone=shot.width == min(WIDTHS),
    )
    try:
        scene.set_clocks(person.context)
        page = person.context.new_page()
        clip = PICTURES[picture](page, scene)
        page.evaluate("document.fonts.ready")
        taken = page.screenshot(animations="disabled", caret="hide", clip=clip)
    finally:
        person.close()
    if person.unexpected:
        raise RuntimeError("\n".join(person.unexpected))
    return taken


def smaller(png: bytes) -> bytes:
    """The same picture in fewer bytes: with a palette where it would be large without."""
    image = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in (None, 256, 128, 64):
        written = io.BytesIO()
        reduced = image.quantize(colours, dither=Image.Dither.NONE) if colours else image
        reduced.save(written, "PNG", optimize=True)
        if written.tell() < LARGEST:
            break
    return written.getvalue()


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser("python -m tests.web.pictures", description="Take the pictures of the pages.")
    parser.add_argument("--out", type=Path, help="a folder for every scene at every width, instead of docs/pictures")
    parser.add_argument("--only", choices=sorted(PICTURES), help="one kind of picture")
    options = parser.parse_args(arguments)
    folder = options.out or DOCS
    folder.mkdir(parents=True, exist_ok=True)
    kinds = [options.only] if options.only else [kind for kind in PICTURES if options.out or kind != "shop"]
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for lang in SCRIPTS:
            with stage(lang) as (server, scene):
                for kind in kinds:
                    for scheme in SCHEMES:
                        for width, scale in [(w, s) for w in WIDTHS for s in (1, 2)] if options.out else [(1280, 1)]:
                            shot = Shot(lang, scheme, width, scale)
                            name = f"{kind}-{shot.name}" + (f"-{width}@{scale}x" if options.out else "")
                            taken = take(browser, server, scene, kind, shot)
                            (folder / f"{name}.png").write_bytes(taken if options.out else smaller(taken))
                            print(f"{folder / name}.png", flush=True)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
