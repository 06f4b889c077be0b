"""AWS for the commands: moto behind one address, with its calls counted, and with two answers that it lacks."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs
from wsgiref.types import StartResponse, WSGIEnvironment

from moto.moto_api._internal.models import moto_api_backend
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

REGION = "eu-central-1"
# A command, with what it answers: its status, and what it says on both streams.
Run = Callable[..., tuple[int, str, str]]
# Calls that make and change nothing.
READING = frozenset(
    {
        "DescribeAvailabilityZones",
        "DescribeChangeSet",
        "DescribeStackEvents",
        "DescribeStackResource",
        "DescribeStacks",
        "GET account-settings",
        "GetCallerIdentity",
        "GetServiceQuota",
        "GetTemplate",
        "GetTemplateSummary",
        "ListChangeSets",
    }
)
PROTECTED = """<UpdateTerminationProtectionResponse xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/">
<UpdateTerminationProtectionResult><StackId>{}</StackId></UpdateTerminationProtectionResult>
</UpdateTerminationProtectionResponse>"""


class Quiet(WSGIRequestHandler):
    """Without a line for each request."""

    def log(self, type: str, message: str, *args: Any) -> None:
        """Says nothing."""


class Cloud:
    """One account: what was called (`calls`) and answered with a 500 (`failed`), and what is to be (`broken`).

    `concurrency` is how many functions it may run at once; `protected`, which stacks may not be deleted.
    """

    def __init__(self) -> None:
        self.url = ""
        self.clear()
        self._moto = DomainDispatcherApplication(create_backend_app)

    def clear(self) -> None:
        """Forgets everything."""
        moto_api_backend.reset()
        self.calls: list[str] = []
        self.failed: list[str] = []
        self.concurrency = 1_000
        self.protected: dict[str, bool] = {}
        self.broken: set[str] = set()

    @property
    def changing(self) -> list[str]:
        """The calls that made or changed something."""
        return [call for call in self.calls if call not in READING]

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        """One request, as WSGI has it."""
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        is_form = "form" in environ.get("CONTENT_TYPE", "")
        form = {key: each[0] for key, each in parse_qs(body.decode()).items()} if is_form else {}
        call = _name(environ, form)
        self.calls.append(call)
        if call in self.broken:
            return self._fail(call, start)
        match call:
            case "GET account-settings":
                limits = {"ConcurrentExecutions": self.concurrency, "UnreservedConcurrentExecutions": self.concurrency}
                return _answer(start, "application/json", json.dumps({"AccountLimit": limits}))
            case "UpdateTerminationProtection":
                self.protected[form["StackName"]] = form["EnableTerminationProtection"] == "true"
                return _answer(start, "text/xml", PROTECTED.format(form["StackName"]))

        try:
            answered: Iterable[bytes] = self._moto(environ, start)
        except Exception:  # as a server does: the answer is a 500, and a test looks at `failed`
            return self._fail(call, start)
        return answered

    def _fail(self, call: str, start: StartResponse) -> list[bytes]:
        self.failed.append(call)
        return _answer(start, "text/plain", "", "500 Internal Server Error")


def _name(environ: WSGIEnvironment, form: dict[str, str]) -> str:
    """The operation, or the method with the last word of the path (S3's: with the word S3)."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return str(target).split(".")[1]
    if action := form.get("Action"):
        return action
    method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"].strip("/")
    is_lambda = path.startswith("20")  # the version of its API
    return f"{method} {path.split('/')[-1] if is_lambda else 'S3'}"


def _answer(start: StartResponse, kind: str, text: str, status: str = "200 OK") -> list[bytes]:
    body = text.encode()
    start(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


@contextmanager
def serving() -> Iterator[Cloud]:
    """An account that answers at its `url`."""
    cloud = Cloud()
    server = make_server("127.0.0.1", 0, cloud, threaded=True, request_handler=Quiet)
    # By this name moto finds the bucket in the address of a template.
    cloud.url = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield cloud
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
