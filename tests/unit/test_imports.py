"""What a cold start pays for: which modules are imported, in fresh interpreters. Their times are the bench's affair."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import pytest

from chalicelib.model import ConnectionId, Identity
from chalicelib.settings import Settings
from chalicelib.store import Store

ROOT = Path(__file__).resolve().parents[2]
SECRET = "a secret of the tests, long enough for HS256"
# What is installed beside the standard library, and used by the functions of the sockets. redis-py looks whether there
# is a package `cryptography`, and imports asyncio, with what that needs, by name (decision 0022).
PACKAGES = {
    "app",
    "chalice",
    "chalicelib",
    "cryptography",
    "hiredis",
    "msgspec",
    "redis",
    "typing_extensions",
}
# What costs much, or is for other functions: tokens, pages, secrets; and TLS, where there is none.
DEAR = {
    *("cryptography.hazmat", "jwt", "multiprocessing", "redis.asyncio.multidb", "sqlite3", "unittest", "xml"),
    *("chalicelib.joining", "chalicelib.site", "chalicelib.tls"),
}
LISTED = "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"


def modules_after(program: str, **environ: str) -> set[str]:
    """The modules of a fresh interpreter that has run a program; those that it begins with anyhow do not count."""
    bare, full = (
        subprocess.run([sys.executable, "-c", each + LISTED], cwd=ROOT, env=environ, stdout=subprocess.PIPE, check=True)
        for each in ("", program)
    )
    return set(json.loads(full.stdout)) - set(json.loads(bare.stdout))


def installed(modules: set[str]) -> set[str]:
    """The packages among modules that are not Python's own."""
    tops = {name.partition(".")[0] for name in modules}
    return {top for top in tops if top not in sys.stdlib_module_names and not top.startswith("__")}


class Taking(BaseHTTPRequestHandler):
    """The management API: it takes every post."""

    protocol_version = "HTTP/1.1"
    posts: list[bytes]

    def do_POST(self) -> None:
        self.posts.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said about it."""


@pytest.fixture
def platform() -> Iterator[ThreadingHTTPServer]:
    Taking.posts = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_an_import_of_the_service_brings_what_every_function_needs_and_no_more() -> None:
    modules = modules_after("import app")
    assert installed(modules) == PACKAGES
    assert modules & DEAR == set()


def test_a_first_frame_brings_no_module_that_its_function_can_do_without(
    one_node: str, platform: ThreadingHTTPServer, new_name: Callable[[str], str]
) -> None:
    settings = {"REDIS_URL": one_node, "JWT_SECRET": SECRET}
    connection = ConnectionId(new_name("connection"))
    store = Store(Settings.load(settings))
    store.users.connect(connection, Identity(new_name("user"), "Ming", int(time.time()) + 600, connection=connection))
    store.users.note_welcome(connection)
    store.close()
    event = {
        "requestContext": {"connectionId": connection, "apiId": "a", "domainName": "a.example", "stage": "prod"},
        "body": '{"action": "ping", "id": "first"}',
    }
    modules = modules_after(
        f"import app; assert app.message({event!r}, None) == {{'statusCode': 200}}",
        AWS_REGION="us-east-1",
        CONNECTIONS_ENDPOINT=f"http://127.0.0.1:{platform.server_port}",
        **settings,
    )
    assert [msgspec.json.decode(post)["type"] for post in Taking.posts] == ["pong"]
    assert installed(modules) == PACKAGES
    assert modules & DEAR == set()
