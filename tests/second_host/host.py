"""kefu under serverless-offline: the handlers and routes that app.py declares, on an API Gateway that others wrote."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from chalice.app import Chalice

from tests.e2e.server import OURS, ROOT, SETTINGS, Output
from tests.servers import free_port

PINS = Path(__file__).with_name("package.json")
LOCK = Path(__file__).with_name("package-lock.json")
FOLDER = ROOT / "build" / "second_host"
# What it writes once its functions, its sockets and its routes listen, in no fixed order.
LISTENING = ("[http for lambda] listening", "[websocket] listening", "Server ready:")
READY_WITHIN_S = 60.0
SECRET = "a secret of the second host's tests, long enough for HS256"
TIMEOUT_S = 30
# The longest there is. To this host a function that answers null goes on, and one past its timeout ends the host.
UNANSWERED_S = 900


@dataclass(frozen=True)
class SecondHost:
    """kefu on a running serverless-offline: a `Service`, as the end-to-end tests know it."""

    port: int
    websocket_port: int
    settings: Mapping[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self.websocket_port}"

    def token(self, sub: str, *, name: str | None = None, scope: str | None = None, ttl_s: int = 3600) -> str:
        claims = {"sub": sub, "name": name, "scope": scope, "exp": int(time.time()) + ttl_s}
        return jwt.encode({claim: value for claim, value in claims.items() if value is not None}, SECRET, "HS256")


@contextmanager
def running(app: Chalice, redis_url: str) -> Iterator[SecondHost]:
    """The host, listening, as long as the context lasts; what it wrote is in FOLDER/log.txt after that.

    Raises EOFError where it ends before it listens, TimeoutError where it does not come so far.
    """
    install()
    http, websocket, functions = (free_port() for _ in range(3))
    ports = {"httpPort": http, "websocketPort": websocket, "lambdaPort": functions}
    (FOLDER / "serverless.json").write_text(json.dumps(service(app, ports), indent=2))
    settings = kefu_settings(redis_url, websocket, functions)
    process = subprocess.Popen(
        ["node", "node_modules/serverless/bin/serverless.js", "offline"],
        cwd=FOLDER,
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        start_new_session=True,
    )
    assert process.stdout is not None
    output = Output(process.stdout)
    try:
        awaited = set(LISTENING)
        while awaited:
            line = output.wait_for("", READY_WITHIN_S)
            awaited = {each for each in awaited if each not in line}
        yield SecondHost(http, websocket, settings)
    finally:
        # With every Python that it started: they are one group, and have nothing to lose.
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        (FOLDER / "log.txt").write_text(output.join())


def install() -> None:
    """Have npm bring Serverless and its plugin to FOLDER, as the lock pins them, unless they are there.

    Raises FileNotFoundError without npm, CalledProcessError where it fails.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FileNotFoundError("The second host needs npm (it comes with Node.js): https://nodejs.org")
    # Written last, so that an installation that was interrupted begins anew.
    installed = FOLDER / "installed.json"
    if installed.exists() and installed.read_text() == LOCK.read_text():
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    installed.unlink(missing_ok=True)
    for file in (PINS, LOCK):
        shutil.copy(file, FOLDER)
    subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER, check=True)
    shutil.copy(LOCK, installed)


def kefu_settings(redis_url: str, websocket_port: int, functions_port: int) -> dict[str, str]:
    return {
        "REDIS_URL": redis_url,
        "JWT_SECRET": SECRET,
        "CONNECTIONS_ENDPOINT": f"http://127.0.0.1:{websocket_port}",
        "LAMBDA_ENDPOINT": f"http://127.0.0.1:{functions_port}",
        "FLUSH_FUNCTION": "kefu-api-flush",
        "BROADCAST_FUNCTION": "kefu-api-broadcast",
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
    }


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Of the host, and so of every function on it."""
    foreign = (*OURS, "SLS_", "SERVERLESS_")
    inherited = {
        name: value for name, value in os.environ.items() if name not in SETTINGS and not name.startswith(foreign)
    }
    return {
        **inherited,
        **settings,
        # Where it finds `python3`, and that finds app.py.
        "VIRTUAL_ENV": sys.prefix,
        "PYTHONPATH": str(ROOT),
        # It tells its makers nothing, and keeps nothing about whoever runs it.
        "HOME": str(FOLDER / "home"),
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
    }


def service(app: Chalice, ports: Mapping[str, int]) -> dict[str, Any]:
    """Serverless's description of kefu, out of what Chalice knows of it."""
    sockets = {
        each.name: {"handler": each.handler_string, "timeout": TIMEOUT_S, "events": [{"websocket": {"route": route}}]}
        for route, each in app.websocket_handlers.items()
    }
    invoked = {
        each.name: {"handler": each.handler_string, "timeout": UNANSWERED_S} for each in app.pure_lambda_functions
    }
    routes = [
        {"http": {"path": path, "method": method.lower()}} for path, methods in app.routes.items() for method in methods
    ]
    return {
        "service": "kefu",
        "frameworkVersion": "3",
        "plugins": ["serverless-offline"],
        # The newest Python that it knows the name of; what it starts is `python3`.
        "provider": {"name": "aws", "runtime": "python3.11", "region": "us-east-1", "stage": "api"},
        # With the stage in its path, a route is none that Chalice knows.
        "custom": {"serverless-offline": {"host": "127.0.0.1", "noPrependStageInUrl": True, **ports}},
        "functions": {**sockets, **invoked, "http": {"handler": "app.app", "timeout": TIMEOUT_S, "events": routes}},
    }
