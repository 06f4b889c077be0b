"""Modules joined into one: what they say stays the same."""

from __future__ import annotations

import re

import pytest

from chalicelib import site
from chalicelib.joining import imports, joined, smaller


def test_imports_are_found_in_every_form_and_in_order() -> None:
    text = """
import { a } from "./a.js";
import {
  b,
  c as d,
} from "../chat/b.js";
export { e } from "./e.js";
import * as f from "./f.js";
import g, { h } from "./g.js";
import i from "./i.js";
import "./j.js";
// import { k } from "./k.js";
const later = () => import("./l.js");
"""
    found = ["widget/a.js", "chat/b.js", *(f"widget/{name}.js" for name in "efgij")]
    assert imports("widget/main.js", text) == found


def test_a_joined_module_says_what_its_modules_say() -> None:
    texts = {
        "chat/dom.js": "/** Builds. */\nexport function h() {}\nexport async function g() {}\nexport default { a: 1 };",
        "chat/a.js": 'import dom, { h as make } from "./dom.js";\nexport { g as later } from "./dom.js";\nclass A {}\n'
        "export { A, A as B };",
        "widget/main.js": 'import * as a from "../chat/a.js";\nexport class C {}\nexport const f = () => new a.A();',
    }
    assert joined(list(texts), texts) == (
        "// chat/dom.js\nconst m0 = (() => {\n/** Builds. */\nfunction h() {}\nasync function g() {}\n"
        "const $default = { a: 1 };\nreturn { h, g, default: $default };\n})();\n"
        "// chat/a.js\nconst m1 = (() => {\nconst { default: dom, h: make } = m0;\n\nclass A {}\n"
        "return { later: m0.g, A: A, B: A };\n})();\n"
        "// widget/main.js\nconst m2 = (() => {\nconst a = m1;\nclass C {}\nconst f = () => new a.A();\n"
        "return { C, f };\n})();\n"
        "export const C = m2.C;\nexport const f = m2.f;\n"
    )


def test_a_joined_module_has_a_default_where_its_module_has_one() -> None:
    whole = joined(["words/en.js"], {"words/en.js": 'export default {\n  chat: "Chat",\n};\n'})
    assert whole.endswith("return { default: $default };\n})();\nexport default m0.default;\n")


def test_a_module_that_is_missing_is_asked_for_by_the_browser_which_then_names_it() -> None:
    texts = {"widget/main.js": 'import { connect } from "../lib/kefu.js";\nexport const mount = connect;'}
    whole = joined(list(texts), texts)
    assert whole.startswith('import * as m1 from "../lib/kefu.js";\n')
    assert "const { connect } = m1;" in whole


def test_a_smaller_module_says_the_same_in_fewer_bytes() -> None:
    text = "/** Adds. */\nexport const add = (first, second) => {\n  return first + second; // so\n};\n"
    assert smaller(text) == "export const add=(e,t)=>e+t"


def test_a_module_with_a_mistake_is_left_for_the_browser_to_name(caplog: pytest.LogCaptureFixture) -> None:
    assert smaller("export const = 1;") == "export const = 1;"
    assert "cannot be read" in caplog.text


def test_nothing_is_written_that_the_minifier_would_put_in_another_order() -> None:
    """It moves what takes a value apart to the front of a declaration: not so `let a = 1; let { b } = f({ a });`."""
    lets = r"^\s*let [^\n{\[]*;\n\s*(const|let) [{\[]"
    one = r"^\s*(const|let) [^\n(]*=[^;\n]*, [{\[][^}\]]*[}\]] = "
    beside = re.compile(f"{lets}|{one}", re.M)
    assert beside.search("  let a = 1;\n  const { b } = f({ a });\n")
    assert beside.search("const a = 1, { b } = f({ a });\n")
    for name, file in site.current().files.items():
        assert not (name.endswith(".js") and beside.search(file.text)), name
