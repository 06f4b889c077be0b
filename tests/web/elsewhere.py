"""A page of another origin with the widget on it: a shop as a marketplace would serve it."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit

from tests.e2e.server import Server

# A shop that is as strict as can be: with this policy the widget needs its own origin's scripts and connections only.
POLICY = "default-src 'none'; script-src {url}; connect-src 'self' {url} {ws}; img-src data:"
PAGE = """<!doctype html>
<html lang="{lang}">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>A shop elsewhere</title><link rel="icon" href="data:,">
<script type="module" src="{url}/widget.js" data-store="{store}" data-token-url="/token?user={user}"></script></head>
<body><main><h1>A shop elsewhere</h1><p>With a page, styles and a policy of its own.</p></main></body>
</html>
"""


class Elsewhere:
    """A site on a port of its own: `/?store=…&user=…` has the widget on it, `/token` answers for who is signed in."""

    def __init__(self, port: int, server: Server) -> None:
        self.url = f"http://127.0.0.1:{port}"

        class Site(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                if self.path.startswith("/token"):
                    user = query.get("user")
                    answer = {"token": server.token(user)} if user else {}
                    self.reply(200 if user else 401, "application/json", json.dumps(answer))
                    return
                page = PAGE.format(
                    url=server.url,
                    store=query.get("store", ""),
                    user=query.get("user", ""),
                    lang=query.get("lang", "en"),
                )
                self.reply(200, "text/html; charset=utf-8", page)

            def reply(self, status: int, kind: str, text: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Security-Policy", POLICY.format(url=server.url, ws=server.ws))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, format: str, *args: object) -> None:
                """Nothing: a test's output is its own."""

        self._site = ThreadingHTTPServer(("127.0.0.1", port), Site)
        self._thread = threading.Thread(target=self._site.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._site.shutdown()
        self._site.server_close()
        self._thread.join()
