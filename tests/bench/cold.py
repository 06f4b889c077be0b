"""What a cold start costs: `import app` and the first frame, in CPU, beside what the usual libraries cost to import.

Each is a fresh interpreter that finds its bytecode, as a function does; they take turns. Redis is real, the platform a
small HTTP server that takes every post. `python -m tests.bench.cold` prints the figures, and the most costly modules.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests import servers
from tests.bench import shop

ROOT = Path(__file__).resolve().parents[2]
BASELINE = """
import chalice, boto3
boto3.client("apigatewaymanagementapi", endpoint_url="https://127.0.0.1:1")
import redis, msgspec
"""
TLS = "import app\nfrom chalicelib import tls\nbegin()\ntls.context()"
FIRST_FRAME = """
import app
begin()
answer = app.message(event, None)
assert answer == {"statusCode": 200}, answer
"""
PROGRAM = """
import json, sys, time
event = json.loads(sys.argv[1])
started = time.process_time()
def begin():
    global started
    started = time.process_time()
{code}
print((time.process_time() - started) * 1000)
"""


class _Platform(BaseHTTPRequestHandler):
    """Takes every post."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is said about it."""


class Cold:
    """A conversation that an agent has claimed, and interpreters in which its next message is the first frame."""

    def __init__(self, folder: Path, redis_port: int, platform_port: int) -> None:
        self._redis_port, self._messages = redis_port, 0
        with shop.opened(redis_port) as store:
            (agent,) = shop.open_shop(store, "tea-house", 1)
            identity = shop.come_online(store, agent)
            customer = shop.come_online(store, "ming")
            self._conversation = shop.conversation_of("tea-house", "ming")
            store.conversations.append(self._conversation, customer, "first", shop.body())
            store.conversations.claim(self._conversation, identity, "no")
        self._connection = customer.connection
        self._environment = {
            **{name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}},
            "PYTHONPYCACHEPREFIX": str(folder),
            "REDIS_URL": f"redis://127.0.0.1:{redis_port}",
            "JWT_SECRET": shop.SECRET,
            "CONNECTIONS_ENDPOINT": f"http://127.0.0.1:{platform_port}",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "bench",
            "AWS_SECRET_ACCESS_KEY": "bench",
        }

    def cpu_ms(self, code: str) -> float:
        """The CPU of a piece of code in a fresh interpreter, from its `begin()` on where it says so."""
        return float(self._run([], PROGRAM.format(code=code)).stdout)

    def imported(self) -> list[tuple[str, float]]:
        """The modules that `import app` imports, each with its own milliseconds, the most costly first."""
        rows = [line.split("|") for line in self._run(["-X", "importtime"], "import app").stderr.splitlines()]
        costs = [(name.strip(), int(own.rpartition(":")[2]) / 1000) for own, _, name in rows[1:]]
        return sorted(costs, key=lambda row: -row[1])

    def _run(self, options: Sequence[str], program: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *options, "-c", program, json.dumps(self._event())]
        return subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, text=True, check=True)

    def _event(self) -> dict[str, object]:
        self._messages += 1
        frame = {
            "action": "send",
            "id": f"cold-{self._messages}",
            "conversation": self._conversation,
            "body": {"type": "text", "text": shop.TEXT},
        }
        context = {
            "routeKey": "$default",
            "eventType": "MESSAGE",
            "stage": "prod",
            "domainName": "abc.execute-api.us-east-1.amazonaws.com",
            "connectionId": self._connection,
            "requestId": "bench",
            "apiId": "abc",
        }
        return {"isBase64Encoded": False, "requestContext": context, "body": json.dumps(frame)}


@contextmanager
def _cold() -> Iterator[Cold]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(servers.node(folder / "redis"))
        platform = stack.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Platform))
        stack.callback(platform.shutdown)
        threading.Thread(target=platform.serve_forever, daemon=True).start()
        yield Cold(folder / "bytecode", port, platform.server_port)


def measure(runs: int) -> dict[str, float]:
    """Medians, CPU in milliseconds: `baseline_ms`, `import_ms`, `first_frame_ms` (behind the import), `tls_ms` (the
    authorities, read once by a process that uses TLS); and `to plain imports`, the ratio of import and first frame to
    the baseline, the median of the runs' own ones.
    """
    pieces = {"baseline_ms": BASELINE, "import_ms": "import app", "first_frame_ms": FIRST_FRAME, "tls_ms": TLS}
    rows: list[dict[str, float]] = []
    with _cold() as cold:
        for run in range(runs + 1):
            row = {name: cold.cpu_ms(code) for name, code in pieces.items()}
            if run:  # the first one has compiled
                rows.append(row)
    figures = {name: statistics.median(row[name] for row in rows) for name in pieces}
    ratios = [(row["import_ms"] + row["first_frame_ms"]) / row["baseline_ms"] for row in rows]
    return {**figures, "to plain imports": statistics.median(ratios)}


def costly(count: int = 15) -> list[tuple[str, float]]:
    """The most costly modules that `import app` imports, each with its own milliseconds by -X importtime."""
    with _cold() as cold:
        cold.imported()
        return cold.imported()[:count]


if __name__ == "__main__":
    for name, value in measure(5).items():
        print(f"{name:20}{value:8.2f}")
    for name, value in costly():
        print(f"{value:8.2f} ms  {name}")
