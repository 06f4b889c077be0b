"""The pages over HTTP: what is served where, with which headers, and to whom."""

from __future__ import annotations

import gzip
import http.client
import json
import re
from typing import NamedTuple

import pytest

from chalicelib import site
from tests.e2e.client import DEADLINE
from tests.e2e.server import Server

SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


class Got(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes


def get(server: Server, path: str, method: str = "GET", **headers: str) -> Got:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=DEADLINE)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True, skip_host="Host" in headers)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders()
        response = connection.getresponse()
        return Got(response.status, response.headers, response.read())
    finally:
        connection.close()


def is_safe(got: Got) -> bool:
    return all(got.headers[name] == value for name, value in SAFE.items())


@pytest.mark.parametrize("part", ["widget", "console"])
def test_a_loader_stays_at_its_address_and_is_asked_for_again_each_time(server: Server, part: str) -> None:
    got = get(server, f"/{part}.js")
    assert (got.status, got.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8")
    assert got.headers["Cache-Control"] == "no-cache"
    assert got.headers["Access-Control-Allow-Origin"] == "*"
    assert got.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert is_safe(got)
    again = get(server, f"/{part}.js", If_None_Match=got.headers["ETag"])
    assert (again.status, again.body) == (304, b"")
    assert again.headers["ETag"] == got.headers["ETag"]
    assert is_safe(again)


def test_the_module_that_a_loader_names_is_there_for_a_year(server: Server) -> None:
    named = re.findall(rb'"\./(web/[^"]+)"', get(server, "/widget.js").body)
    assert named
    for address in named:
        got = get(server, f"/{address.decode()}")
        assert (got.status, got.headers["Content-Type"]) == (200, "text/javascript; charset=utf-8"), address
        assert got.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert got.headers["Access-Control-Allow-Origin"] == "*"
        assert is_safe(got)


def test_another_version_gets_today_s_file_and_does_not_keep_it(server: Server) -> None:
    today = get(server, f"/web/{site.current().version}/lib/kefu.d.ts")
    yesterday = get(server, "/web/0123456789abcdef/lib/kefu.d.ts")
    assert (yesterday.status, yesterday.body) == (200, today.body)
    assert yesterday.headers["Cache-Control"] == "no-cache"
    stable = get(server, "/lib/kefu.d.ts")
    assert (stable.body, stable.headers["Cache-Control"]) == (today.body, "no-cache")
    assert get(server, "/lib/kefu.d.ts", If_None_Match=stable.headers["ETag"]).status == 304


@pytest.mark.parametrize(
    "path",
    [
        "/web/x/../settings.py",
        "/web/x/lib/../../settings.py",
        "/web/x/..%2f/settings.py",
        "/web/x/lib/..%2f..%2fsettings.py",
        "/web/x/%2e%2e/settings.py",
        "/web/x/lib/%2e%2e%2f%2e%2e%2fsettings.py",
        "/web/x/lib/kefu.d.ts%00",
        "/web/x/console/index.html",
        "/web/x/lib",
        "/lib/..%2fsettings.py",
        "/lib/nothing.js",
        "/shop/..%2fdemo.py",
        "/shop/%2e%2e%2fdemo.py",
        "/shop/nothing.js",
    ],
)
def test_nothing_but_the_files_of_the_pages_is_served(server: Server, path: str) -> None:
    got = get(server, path)
    assert got.status in (403, 404)
    assert got.headers.get_content_type() == "application/json"
    assert b"import" not in got.body


def test_the_console_runs_its_own_scripts_only(server: Server) -> None:
    got = get(server, "/console")
    assert (got.status, got.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = got.headers["Content-Security-Policy"]
    for rule in (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ):
        assert rule in policy.split("; ")
    assert is_safe(got)
    assert "microphone=()" in got.headers["Permissions-Policy"]
    assert "Access-Control-Allow-Origin" not in got.headers
    assert got.headers["Cache-Control"] == "no-cache"
    assert f"web/{site.current().version}/console/" in got.body.decode()
    assert get(server, "/console", If_None_Match=got.headers["ETag"]).status == 304


def test_a_page_is_told_where_to_connect(server: Server) -> None:
    for origin in ({}, {"Origin": "https://market.example"}, {"Origin": server.url}):
        got = get(server, "/settings.json", **origin)
        assert (got.status, json.loads(got.body)) == (200, {"socket": "/ws", "dev_tokens": "/dev/tokens"})
        assert (got.headers["Cache-Control"], got.headers["Vary"]) == ("no-cache", "Origin")
        assert got.headers["Access-Control-Allow-Origin"] == "*"
        assert is_safe(got)


def test_a_page_of_another_origin_is_told_why_it_may_not_connect(server: Server) -> None:
    got = get(server, "/settings.json", Origin="https://evil.example")
    refusal = json.loads(got.body)
    assert (got.status, refusal["code"]) == (403, "forbidden")
    assert "ALLOWED_ORIGINS" in refusal["message"]
    assert got.headers["Access-Control-Allow-Origin"] == "*"
    assert got.headers["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip, deflate, br", True),
        ("br;q=1, gzip;q=0.5", True),
        ("*", True),
        ("gzip;q=0", False),
        ("br", False),
        ("", False),
    ],
)
def test_answers_are_compressed_for_who_can_read_that(server: Server, accepted: str, compressed: bool) -> None:
    got = get(server, "/lib/kefu.d.ts", Accept_Encoding=accepted)
    assert got.headers["Content-Encoding"] == ("gzip" if compressed else None)
    assert got.headers["Vary"] == "Accept-Encoding"
    assert int(got.headers["Content-Length"]) == len(got.body)
    text = gzip.decompress(got.body) if compressed else got.body
    assert text.decode() == site.current().files["lib/kefu.d.ts"].text


def test_small_answers_are_not_compressed(server: Server) -> None:
    assert "Content-Encoding" not in get(server, "/settings.json", Accept_Encoding="gzip").headers


def test_a_browser_gets_the_demo_shop_and_everybody_else_a_text(server: Server) -> None:
    shop = get(server, "/", Accept="text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
    assert (shop.status, shop.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert "require-trusted-types-for 'script'" in shop.headers["Content-Security-Policy"]
    assert is_safe(shop)
    assert "Accept" in ", ".join(shop.headers.get_all("Vary", []))
    for named in re.findall(r'(?:src|href)="(shop/[^"]+)"', shop.body.decode()):
        got = get(server, f"/{named}")
        assert (got.status, is_safe(got)) == (200, True), named
        assert get(server, f"/{named}", If_None_Match=got.headers["ETag"]).status == 304
    text = get(server, "/", Accept="*/*")
    assert (text.status, text.headers.get_content_type()) == (200, "text/plain")
    assert b"/dev/tokens" in text.body
    assert f"http://127.0.0.1:{server.port}/ is a demo shop" in text.body.decode()


def test_the_demo_s_agents_are_named_to_this_machine_s_own_pages_only(server: Server) -> None:
    got = get(server, "/dev/tokens")
    identities = json.loads(got.body)["identities"]
    assert {"user": "wang", "name": "王姐 Wang", "store": "tea-house", "role": "supervisor"} in identities
    for headers in (
        {"Origin": "https://market.example"},
        {"Origin": "null"},
        {"Host": f"kefu.example:{server.port}"},
    ):
        assert get(server, "/dev/tokens", **headers).status == 403
        assert get(server, "/dev/tokens", "POST", **headers).status == 403
    assert (
        get(server, "/dev/tokens", Host=f"localhost:{server.port}", Origin=f"http://localhost:{server.port}").status
        == 200
    )
