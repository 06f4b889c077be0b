"""Every module of the pages, joined with what it imports, is the module that it is alone."""

from __future__ import annotations

import re

from chalicelib import site
from chalicelib.joining import WHOLE
from tests.web.conftest import Comes

EXPORTS = """async (addresses) => {
  const names = (address) => import(address).then((module) => Object.keys(module).sort().join());
  return Promise.all(addresses.map(([alone, whole]) => Promise.all([names(alone), names(whole)])));
}"""
# It starts at once, where it finds its page.
STARTING = "console/page.js"


def test_every_module_exports_the_same_joined_as_alone(person: Comes) -> None:
    page = person().open("/console")
    now = site.current()
    modules = [name for name in now.files if name.endswith(".js") and name != STARTING]
    assert "lib/kefu.js" in modules
    addresses = [[f"/web/{now.version}/{name}", f"/{now.address(name)}"] for name in modules]
    for name, (alone, whole) in zip(modules, page.evaluate(EXPORTS, addresses), strict=True):
        assert alone == whole, name


def test_what_a_page_loads_is_all_there() -> None:
    """No module of ours is missing from its graph, and none imports another in a circle."""
    now = site.current()
    for name in ("widget/main.js", "console/main.js", STARTING):
        whole = now.file(name.removesuffix(".js") + WHOLE)
        assert whole is not None
        assert not re.search(r"^import\b(?!\()", whole.text, re.M), name


def test_each_part_has_all_its_words_and_no_others(person: Comes) -> None:
    page = person().open("/console")
    now = site.current()
    for name in [name for name in now.files if name.startswith("words/")]:
        every, *parts = page.evaluate(
            "(names) => Promise.all(names.map((name) => import(name).then((words) => words.default)))",
            [f"/web/{now.version}/{name.replace('.js', suffix)}" for suffix in (".js", ".widget.js", ".console.js")],
        )
        for part, words in zip(site.PARTS, parts, strict=True):
            assert words == {"chat": every["chat"], part: every[part]}, name
