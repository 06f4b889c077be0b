"""The files of the pages: how they are named, loaded and guarded, apart from any server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import app
from chalicelib import site

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes files into a site of the test's own."""
    monkeypatch.setattr(site, "WEB", tmp_path)

    def write(**files: str) -> None:
        for name, text in files.items():
            folder, stem, suffix = name.split("__")
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / f"{stem}.{suffix}").write_text(text, encoding="utf-8")

    return write


def test_a_changed_file_is_seen_at_once_and_changes_the_version(write: Write) -> None:
    write(chat__dom__js="one")
    before = site.current()
    assert site.current() is before, "nothing is read again while nothing changes"
    write(chat__dom__js="two!")
    after = site.current()
    assert (before.files["chat/dom.js"].text, after.files["chat/dom.js"].text) == ("one", "two!")
    assert before.version != after.version


def test_the_same_files_have_the_same_version_whenever_they_were_written(write: Write, tmp_path: Path) -> None:
    write(chat__dom__js="one")
    version = site.current().version
    os.utime(tmp_path / "chat" / "dom.js", (1, 1))
    assert site.current().version == version


def test_only_files_that_a_page_can_use_are_served(write: Write, tmp_path: Path) -> None:
    write(chat__dom__js="", chat__notes__md="", chat__dom__py="")
    (tmp_path / "chat" / ".dom.js").touch()
    (tmp_path / "main.js").touch()
    assert set(site.current().files) == {"chat/dom.js"}


def test_a_module_brings_all_that_it_imports_and_each_after_what_it_imports_itself(write: Write) -> None:
    write(
        widget__main__js='import { a,\n b } from "./panel.js";\nimport "../chat/a.js";\nexport { c } from "./c.js";',
        widget__panel__js="import * as dom from \"../chat/dom.js\";\n// import x from './comment.js'\n",
        widget__c__js='export function f() { return import("./later.js"); }\n/*\n * import "./comment.js";\n */',
        chat__a__js='import { h } from "./dom.js";',
        chat__dom__js='export const from = "./nothing.js";',
        widget__later__js="",
        widget__comment__js="",
    )
    graph = ["chat/dom.js", "widget/panel.js", "chat/a.js", "widget/c.js", "widget/main.js"]
    assert site.current().graph("widget/main.js") == graph


def test_a_loader_names_today_s_widget_and_starts_it_for_its_own_script(write: Write) -> None:
    write(widget__main__js="", console__main__js="")
    now = site.current()
    loader = now.loader("widget").text
    assert f'from "./web/{now.version}/widget/main.whole.js";' in loader
    assert "export const mount = (options) => start({ base, ...options });" in loader
    assert "mountScripts(base, import.meta.url);" in loader
    assert "mountScripts" not in now.loader("console").text


def test_each_part_loads_the_words_that_it_says_and_no_others(write: Write) -> None:
    sections = {"chat": "    a: { b: 1 },\n", "widget": "    c: 2,\n", "console": ""}
    chat, widget, console = (f"  {name}: {{\n{words}  }},\n" for name, words in sections.items())
    write(
        widget__main__js="export const load = (name) => import(`../words/${name}.js`);",
        words__en__js=f"export default {{\n{chat}{widget}{console}}};\n",
    )
    now = site.current()
    whole, words = now.file("widget/main.whole.js"), now.file("words/en.widget.js")
    assert whole is not None
    assert words is not None
    assert ".widget.js`" in whole.text
    assert words.text == f"export default {{\n{chat}{widget}}};\n"
    assert now.file("words/fr.widget.js") is None
    assert now.file("words/en.other.js") is None


def test_a_page_names_its_files_by_their_version(write: Write) -> None:
    write(
        console__index__html='<link href="web/{version}/console/console.css"> <a href="https://kefu.example">x</a> '
        '<script type="module" src="web/{version}/console/main.js"></script>',
        console__console__css="",
        console__main__js="",
    )
    now = site.current()
    page = now.page("console/index.html").text
    assert f'href="web/{now.version}/console/console.css"' in page
    assert f'src="web/{now.version}/console/main.whole.js"' in page
    assert 'href="https://kefu.example"' in page


def test_a_page_may_run_its_own_scripts_reach_its_own_socket_and_nothing_else() -> None:
    page = site.as_file("<!doctype html>", ".html")
    policy = site.page_headers(page, "wss://abc.execute-api.eu-west-1.amazonaws.com/ws")["Content-Security-Policy"]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["connect-src"] == "'self' wss://abc.execute-api.eu-west-1.amazonaws.com"
    assert (rules["default-src"], rules["script-src"], rules["style-src"]) == ("'none'", "'self'", "'self'")
    assert "unsafe" not in policy
    same = site.page_headers(page, "/ws")["Content-Security-Policy"]
    assert "connect-src 'self';" in same


@pytest.mark.parametrize(
    ("held", "expected"),
    [('W/"{0}"', True), ('"{0}"', True), ('"x", W/"{0}"', True), ("*", True), ('W/"x"', False), ("", False)],
)
def test_a_browser_that_holds_a_file_is_not_sent_it_again(held: str, expected: bool) -> None:
    file = site.as_file("text", ".js")
    assert site.is_held(file, held.format(file.digest)) == expected


def lambda_event(path: str, route: str, parameters: dict[str, str], **headers: str) -> dict[str, Any]:
    """What API Gateway hands to the function for a GET."""
    return {
        "resource": route,
        "path": path,
        "httpMethod": "GET",
        "headers": headers,
        "multiValueQueryStringParameters": None,
        "pathParameters": parameters,
        "stageVariables": None,
        "requestContext": {
            "httpMethod": "GET",
            "resourcePath": route,
            "path": f"/api{path}",
            "identity": {"sourceIp": "127.0.0.1"},
        },
        "body": None,
        "isBase64Encoded": False,
    }


def test_every_file_passes_lambda_as_the_text_that_it_is() -> None:
    now = site.current()
    route = "/web/{version}/{folder}/{file}"
    served = {name: file for name, file in now.files.items() if not name.endswith(".html")}
    assert "lib/kefu.d.ts" in served
    for name, file in served.items():
        folder, stem = name.split("/")
        parameters = {"version": now.version, "folder": folder, "file": stem}
        answer = app.app(lambda_event(f"/web/{now.version}/{name}", route, parameters, Accept="*/*"), None)
        assert (answer["statusCode"], answer["body"]) == (200, file.text), name
        assert not answer.get("isBase64Encoded"), name
        assert "immutable" in answer["headers"]["Cache-Control"], name
        held = lambda_event(f"/{now.address(name)}", route, parameters, **{"If-None-Match": answer["headers"]["ETag"]})
        answer = app.app(held, None)
        assert (answer["statusCode"], answer["body"]) == (304, ""), name
        assert answer["headers"]["Content-Type"] == file.media_type, name


def test_nothing_but_the_files_of_the_pages_is_served() -> None:
    now = site.current()
    route = "/web/{version}/{folder}/{file}"
    for folder, file in [
        ("..", "settings.py"),
        ("chat", ".."),
        ("chat", "../../settings.py"),
        ("%2e%2e", "settings.py"),
        ("chat", ""),
        ("console", "index.html"),
        ("lib", "kefu.js\0"),
        ("", "etc/passwd"),
    ]:
        parameters = {"version": now.version, "folder": folder, "file": file}
        answer = app.app(lambda_event("/web/x/y/z", route, parameters), None)
        assert (answer["statusCode"], "not_found" in answer["body"]) == (404, True), (folder, file)
        assert answer["headers"]["X-Content-Type-Options"] == "nosniff"
