"""Lambda's runtime in small: one function of an unpacked package, with nothing beside it but the standard library.

`python -I -S runtime.py SOCKET AT_ONCE ADDRESSES`, in the package's folder and with the environment that Lambda gives a
function. Over SOCKET come events and go answers, each as JSON behind a length of four bytes. ADDRESSES is all that the
network knows: a JSON object from `name:port` to a port of this machine.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

LENGTH_BYTES = 4
# What a log record has of itself; all else was given as `extra`.
COMMON = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})

log = logging.getLogger("runtime")


class Context:
    """What Lambda tells a function of the call."""

    def __init__(self, timeout_ms: int) -> None:
        environ = os.environ
        self.aws_request_id = str(uuid.uuid4())
        self.function_name = environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = "$LATEST"
        self.memory_limit_in_mb = environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.invoked_function_arn = f"arn:aws:lambda:{environ['AWS_REGION']}:123456789012:function:{self.function_name}"
        self.log_group_name = self.log_stream_name = "none"
        self.identity = self.client_context = None
        self._deadline = time.monotonic() + timeout_ms / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the call is given up; 0 when it has been."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


class JsonLine(logging.Formatter):
    """A record as Lambda's format JSON has it: what was given as `extra` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        line = {"level": record.levelname, "logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["stackTrace"] = self.formatException(record.exc_info)
        line |= {name: value for name, value in vars(record).items() if name not in COMMON}
        return json.dumps(line, default=str)


class Runtime:
    """Calls the handler for each event that comes, and answers in no particular order."""

    def __init__(self, connection: socket.socket, handler: Callable[[Any, Context], Any], at_once: int) -> None:
        self._connection, self._handler = connection, handler
        self._calls = ThreadPoolExecutor(at_once, "call")
        self._sending = threading.Lock()

    def run(self) -> None:
        """Serve until the other side closes the socket."""
        self.send({"ready": True})
        # By itself, since it makes what the process keeps; in Lambda nothing ever runs beside it.
        if (message := self._receive()) is not None:
            self._call(message)
        while (message := self._receive()) is not None:
            self._calls.submit(self._call, message)

    def send(self, message: dict[str, Any]) -> None:
        """Raises TypeError or ValueError for what is no JSON."""
        body = json.dumps(message).encode()
        with self._sending:
            self._connection.sendall(len(body).to_bytes(LENGTH_BYTES) + body)

    def _call(self, message: dict[str, Any]) -> None:
        try:
            value = self._handler(message["event"], Context(message["timeout_ms"]))
        except (Exception, SystemExit) as error:
            log.exception("the function failed")
            self.send({"id": message["id"], "error": f"{type(error).__name__}: {error}"})
            return
        try:
            self.send({"id": message["id"], "value": value})
        except (TypeError, ValueError) as error:
            self.send({"id": message["id"], "error": f"Runtime.MarshalError: {error}"})

    def _receive(self) -> dict[str, Any] | None:
        length = self._exactly(LENGTH_BYTES)
        body = length and self._exactly(int.from_bytes(length))
        if not body:
            return None
        message: dict[str, Any] = json.loads(body)
        return message

    def _exactly(self, size: int) -> bytes:
        """So many bytes, none when there are no more."""
        received = b""
        while len(received) < size:
            piece = self._connection.recv(size - len(received))
            if not piece:
                return b""
            received += piece
        return received


def know_only(addresses: dict[str, int]) -> None:
    """From now on there is nothing else that a name could lead to."""
    real = socket.getaddrinfo

    def getaddrinfo(host: Any, port: Any, *args: Any, **named: Any) -> Any:
        if (known := addresses.get(f"{host}:{port}")) is None:
            raise socket.gaierror(socket.EAI_NONAME, f"{host}:{port} is no place that this stack has")
        return real("127.0.0.1", known, *args, **named)

    socket.getaddrinfo = getaddrinfo


def main() -> None:
    connection, at_once, addresses = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2]), json.loads(sys.argv[3])
    output = logging.StreamHandler(sys.stdout)
    output.setFormatter(JsonLine())
    logging.basicConfig(level=os.environ["AWS_LAMBDA_LOG_LEVEL"], handlers=[output])
    know_only(addresses)
    sys.path.insert(0, os.getcwd())
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    Runtime(connection, getattr(importlib.import_module(module), name), at_once).run()
    # Not sys.exit: nothing that still runs may keep a process whose caller is gone alive.
    os._exit(0)


if __name__ == "__main__":
    main()
