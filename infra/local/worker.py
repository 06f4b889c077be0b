"""A worker: imports the application as Lambda would and runs its functions, until the gateway is gone."""

from __future__ import annotations

import base64
import contextlib
import gc
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any
from uuid import uuid4

from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayException, RouteMatcher

from infra.local import wire
from infra.local.lane import Lane
from infra.local.orphans import die_with_parent

COLLECT_AFTER = 10_000


class LambdaContext:
    """The part of Lambda's context object that functions use."""

    def __init__(self, function_name: str, timeout_s: float) -> None:
        self.function_name = function_name
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = "512"
        self.aws_request_id = str(uuid4())
        self.invoked_function_arn = f"arn:aws:lambda:local:000000000000:function:{function_name}"
        self._deadline = time.monotonic() + timeout_s

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the invocation is given up; 0 when it has been."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class Application:
    """The application's functions and HTTP routes."""

    def __init__(self, app: Chalice) -> None:
        self.functions: Mapping[str, Callable[[Any, Any], Any]] = app.handler_map
        self._routes = RouteMatcher(list(app.routes))
        self._gateway = LocalGateway(app, Config.create(lambda_timeout=30))

    def run(self, call: wire.Call) -> wire.Outcome:
        """Call a function, or answer an HTTP request. What a function raises comes out."""
        if isinstance(call, wire.Request):
            return self._respond(call)
        context = LambdaContext(call.function, call.timeout_s)
        return wire.Returned(self.functions[call.function](call.event, context))

    def _respond(self, request: wire.Request) -> wire.Responded:
        """Answer an HTTP request by the application's routes, as a REST API of API Gateway does."""
        try:
            self._routes.match_route(request.path)
        except ValueError:
            # Chalice's own answer would show the Authorization header.
            return _answer(403, {"x-amzn-ErrorType": "MissingAuthenticationTokenException"}, NO_ROUTE)
        try:
            answer = self._gateway.handle_request(
                request.method, request.path, dict(request.headers), request.body or None
            )
        except LocalGatewayException as refusal:
            return _answer(refusal.CODE, refusal.headers, refusal.body)
        content = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer.get("body")
        return _answer(answer["statusCode"], {**answer["headers"], **answer["multiValueHeaders"]}, content)


NO_ROUTE = b'{"message":"Missing Authentication Token"}'


def _answer(status: int, headers: Mapping[str, Any], body: bytes | str | None) -> wire.Responded:
    pairs = [
        (name, str(value))
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
        if name.lower() != "content-length"
    ]
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("Content-Type", "application/json"))
    content = body.encode() if isinstance(body, str) else body or b""
    return wire.Responded(status, pairs, content)


def main() -> None:
    die_with_parent(signal.SIGKILL)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    if os.environ["PUSHES"] == "pipe":
        # An application that is not kefu does without what this imports.
        from chalicelib import bootstrap
        from infra.local.pipe import PipeGateway

        bootstrap.gateway_of = PipeGateway
    # By name, since it is the app.py in the folder of whoever starts kefu: the tests bring their own.
    application = Application(import_module("app").app)
    # What is imported stays: no collection of garbage need look at it again, nor come as often as it does by default.
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    with socket.socket(fileno=int(sys.argv[1])) as gateway, contextlib.suppress(ConnectionError):
        gateway.sendall(wire.frame(wire.Hello(list(application.functions))))
        while pipes := socket.recv_fds(gateway, 1, 1)[1]:
            lane = Lane(socket.socket(fileno=pipes[0]), application.run)
            threading.Thread(target=lane.serve, daemon=True).start()
    # Not sys.exit: nothing that still runs may keep a worker without a gateway alive.
    os._exit(0)


if __name__ == "__main__":
    main()
