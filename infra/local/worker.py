"""A worker: imports the application as Lambda would and runs its functions, until the gateway is gone."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import Any, TypeVar
from uuid import uuid4

import msgspec
from chalice.app import Chalice
from chalice.config import Config
from chalice.local import LocalGateway, LocalGatewayException, RouteMatcher

from infra.local import wire
from infra.local.orphans import die_with_parent

INVOCATIONS_AT_ONCE = 16


Message = TypeVar("Message", wire.Invoke, wire.Request)


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

    def invoke(self, message: wire.Invoke) -> wire.Returned:
        """Call a function; what it raises comes out."""
        context = LambdaContext(message.function, message.timeout_s)
        return wire.Returned(message.id, self.functions[message.function](message.event, context))

    def respond(self, message: wire.Request) -> wire.Responded:
        """Answer an HTTP request by the application's routes, as a REST API of API Gateway does."""
        try:
            self._routes.match_route(message.path)
        except ValueError:
            # Chalice's own answer would show the Authorization header.
            return _answer(message.id, 403, {"x-amzn-ErrorType": "MissingAuthenticationTokenException"}, NO_ROUTE)
        try:
            answer = self._gateway.handle_request(
                message.method, message.path, dict(message.headers), message.body or None
            )
        except LocalGatewayException as refusal:
            return _answer(message.id, refusal.CODE, refusal.headers, refusal.body)
        content = base64.b64decode(answer["body"]) if answer.get("isBase64Encoded") else answer.get("body")
        return _answer(message.id, answer["statusCode"], {**answer["headers"], **answer["multiValueHeaders"]}, content)


NO_ROUTE = b'{"message":"Missing Authentication Token"}'


def _answer(id_: int, status: int, headers: Mapping[str, Any], body: bytes | str | None) -> wire.Responded:
    pairs = [
        (name, str(value))
        for name, values in headers.items()
        for value in (values if isinstance(values, list) else [values])
        if name.lower() != "content-length"
    ]
    if not any(name.lower() == "content-type" for name, _ in pairs):
        pairs.append(("Content-Type", "application/json"))
    content = body.encode() if isinstance(body, str) else body or b""
    return wire.Responded(id_, status, pairs, content)


class Worker:
    """Takes messages off the socket and answers each when it is done, in no particular order."""

    def __init__(self, connection: socket.socket, application: Application) -> None:
        self._connection = connection
        self._application = application
        self._sending = threading.Lock()
        self._invocations = ThreadPoolExecutor(INVOCATIONS_AT_ONCE, "invocation")
        # Beside them, since frames wait for what runs in the background: a connection's welcome.
        self._background = ThreadPoolExecutor(INVOCATIONS_AT_ONCE, "background")
        # Chalice keeps the current request on the application object: one at a time.
        self._requests = ThreadPoolExecutor(1, "request")

    def run(self) -> None:
        """Serve until the other side closes the socket."""
        decoder = msgspec.msgpack.Decoder(wire.ToWorker)
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                length = int.from_bytes(wire.receive_exactly(self._connection, wire.LENGTH_BYTES))
                message = decoder.decode(wire.receive_exactly(self._connection, length))
                if isinstance(message, wire.Invoke):
                    lane = self._background if message.background else self._invocations
                    lane.submit(self._answer, message.id, self._application.invoke, message)
                else:
                    self._requests.submit(self._answer, message.id, self._application.respond, message)

    def send(self, message: wire.FromWorker) -> None:
        """Hand `message` to the gateway; when that is gone, nobody misses it."""
        self._send(wire.frame(message))

    def _answer(self, id_: int, function: Callable[[Message], wire.FromWorker], message: Message) -> None:
        try:
            answer = wire.frame(function(message))
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            answer = wire.frame(wire.Raised(id_, f"{type(error).__name__}: {error}"))
        self._send(answer)

    def _send(self, frame: bytes) -> None:
        with self._sending, contextlib.suppress(ConnectionError):
            self._connection.sendall(frame)


def main() -> None:
    die_with_parent(signal.SIGKILL)
    connection = socket.socket(fileno=int(sys.argv[1]))
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    # By name, since it is the app.py in the folder of whoever starts kefu: the tests bring their own.
    application = Application(import_module("app").app)
    worker = Worker(connection, application)
    worker.send(wire.Hello(list(application.functions)))
    worker.run()
    # Not sys.exit: nothing that still runs may keep a worker without a gateway alive.
    os._exit(0)


if __name__ == "__main__":
    main()
