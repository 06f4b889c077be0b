"""The functions of a stack, each in a process of its own out of an unpacked package; two packages take turns."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from chalice.local import LambdaEventConverter, RouteMatcher

from infra.local import wire
from infra.local.functions import STOP_WITHIN_S, Functions, InvocationError
from tests.artifact.cloudformation import REGION, Stack
from tests.artifact.runtime import LENGTH_BYTES

RUNTIME = Path(__file__).with_name("runtime.py")
AT_ONCE = 16
# How the gateway calls what a WebSocket API calls by its routes.
ROUTES = {"connect": "$connect", "message": "$default", "disconnect": "$disconnect"}
HTTP_FUNCTION = "APIHandler"
# A package is taken for so many calls of a function in a row. Were it one everywhere, two functions that are always
# called together would always come out of the same package.
IN_A_ROW = {"Flush": 2, "WebsocketDisconnect": 3}


class Instance:
    """A process of one function, with the calls that it has not answered yet."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self._ids = itertools.count()
        self._pending: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._listening: asyncio.Task[None] | None = None

    @classmethod
    async def start(
        cls, package: Path, environment: Mapping[str, str], addresses: Mapping[str, int], log: Path, at_once: int
    ) -> Instance:
        """Start it; once it has imported its handler it can be called. Raises InvocationError when it cannot."""
        ours, theirs = socket.socketpair()
        words = ["-I", "-S", str(RUNTIME), str(theirs.fileno()), str(at_once), json.dumps(addresses)]
        with theirs, log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                *words,
                cwd=package,
                env=environment,
                pass_fds=(theirs.fileno(),),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,
            )
        instance = cls(process, *await asyncio.open_connection(sock=ours))
        try:
            await instance._receive()
        except asyncio.IncompleteReadError:
            await instance.stop()
            raise InvocationError(f"it could not be imported: {log.read_text()}") from None
        instance._listening = asyncio.create_task(instance._listen())
        return instance

    async def call(self, event: Any, timeout_s: float) -> Any:
        """What the function answers. Raises InvocationError when it raises, ends, or takes too long."""
        id_, answer = next(self._ids), asyncio.get_running_loop().create_future()
        self._pending[id_] = answer
        body = json.dumps({"id": id_, "event": event, "timeout_ms": int(timeout_s * 1000)}).encode()
        try:
            async with asyncio.timeout(timeout_s):
                self._writer.write(len(body).to_bytes(LENGTH_BYTES) + body)
                message: dict[str, Any] = await answer
        except TimeoutError:
            raise InvocationError(f"it took longer than {timeout_s:g} seconds") from None
        finally:
            del self._pending[id_]
        if "error" in message:
            raise InvocationError(message["error"])
        return message["value"]

    async def stop(self) -> None:
        """Let it answer what it is asked, close the socket, which ends it, and see to it that it has ended."""
        if self._pending:
            await asyncio.wait(self._pending.values(), timeout=STOP_WITHIN_S)
        self._writer.close()
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        if self._listening:
            await self._listening

    async def _listen(self) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                message = await self._receive()
                if (answer := self._pending.get(message["id"])) and not answer.done():
                    answer.set_result(message)
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(InvocationError("its process has ended"))

    async def _receive(self) -> dict[str, Any]:
        length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES))
        message: dict[str, Any] = json.loads(await self._reader.readexactly(length))
        return message


class PackagedFunctions(Functions):
    """Every function of a stack, with the environment that its template gives it, and what Lambda adds to that.

    `lambda_s` is what Lambda adds for each function, by logical id, beside what is the same for all.
    """

    def __init__(
        self,
        stack: Stack,
        lambda_s: Mapping[str, Mapping[str, str]],
        addresses: Mapping[str, int],
        logs: Path,
    ) -> None:
        super().__init__(0, {})
        self._stack, self._lambda_s, self._addresses, self._logs = stack, lambda_s, addresses, logs
        self._functions = {each: stack.properties(each) for each in stack.of_type("AWS::Serverless::Function")}
        self._logical = {stack.ref(each): each for each in self._functions} | _routed(stack)
        self._api = stack.properties("RestAPI")
        paths: dict[str, dict[str, Any]] = self._api["DefinitionBody"]["paths"]
        binary = self._api["DefinitionBody"]["x-amazon-apigateway-binary-media-types"]
        self._methods = {path: {method.upper() for method in methods} for path, methods in paths.items()}
        self._events = LambdaEventConverter(RouteMatcher(list(paths)), binary)
        self._packages: list[dict[str, Instance]] = []
        self._turns: Counter[str] = Counter()
        self.names = frozenset(stack.ref(each) for each in self._functions)
        self.failures: list[str] = []

    async def add(self, package: Path) -> None:
        """From now on calls are for this package, too. Raises InvocationError when it cannot be imported."""
        number = len(self._packages)
        starting = [self._start_function(each, package, number) for each in self._functions]
        self._packages.append(dict(zip(self._functions, await asyncio.gather(*starting), strict=True)))

    async def remove_last(self) -> None:
        """The package that was added last gets no more calls, and its processes end."""
        await asyncio.gather(*(instance.stop() for instance in self._packages.pop().values()))

    async def stop(self) -> None:
        await super().stop()
        while self._packages:
            await self.remove_last()

    async def invoke(self, function: str, event: wire.Json, *, background: bool = False) -> wire.Json:
        logical = self._logical[function]
        turn = self._turns[logical] // IN_A_ROW.get(logical, 1) % len(self._packages)
        self._turns[logical] += 1
        try:
            return await self._packages[turn][logical].call(event, float(self._functions[logical]["Timeout"]))
        except InvocationError as error:
            self.failures.append(f"{logical}: {error}")
            raise

    async def respond(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> wire.Responded:
        """A request at the stage of the HTTP API, `path` as it came, with that stage in it."""
        path = path.removeprefix(f"/{self._api['StageName']}")
        try:
            event = self._events.create_lambda_event(method, path, dict(headers), body or None)
        except ValueError:
            return _no_such_route()
        if method not in self._methods[event["requestContext"]["resourcePath"]]:
            return _no_such_route()
        if isinstance(event["body"], bytes):
            event["body"] = event["body"].decode()
        return _response(await self.invoke(self._stack.ref(HTTP_FUNCTION), event))

    def environment(self, function: str) -> dict[str, str]:
        """All that is in a function's environment."""
        properties = self._functions[function]
        given: dict[str, str] = properties["Environment"]["Variables"]
        reserved = {
            **self._lambda_s[function],
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{properties['Runtime']}",
            "AWS_LAMBDA_FUNCTION_NAME": self._stack.ref(function),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(properties["MemorySize"]),
            "AWS_LAMBDA_LOG_LEVEL": properties["LoggingConfig"]["ApplicationLogLevel"],
            "_HANDLER": properties["Handler"],
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
        }
        if twice := given.keys() & reserved.keys():
            raise ValueError(f"{function} is given what Lambda reserves: {', '.join(twice)}")
        # Where the interpreter itself is one of shared parts.
        shared = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        return {**shared, **reserved, **given}

    def lines(self, function: str) -> Iterator[dict[str, Any]]:
        """What a function has logged, as Lambda's format JSON has it; what is no such line is one of level PRINTED."""
        for log in sorted(self._logs.glob(f"{function}-*.log")):
            for line in log.read_text(encoding="utf-8").splitlines():
                try:
                    yield json.loads(line)
                except json.JSONDecodeError:
                    yield {"level": "PRINTED", "message": line}

    def complaints(self) -> list[str]:
        """What failed, and whatever a function found worth a warning or printed."""
        logged = (
            f"{function}: {line}"
            for function in self._functions
            for line in self.lines(function)
            if line["level"] not in {"DEBUG", "INFO"}
        )
        return [*self.failures, *logged]

    async def _start_function(self, function: str, package: Path, number: int) -> Instance:
        # Chalice keeps the current request on the application object: one at a time.
        at_once = 1 if function == HTTP_FUNCTION else AT_ONCE
        log = self._logs / f"{function}-{number}.log"
        return await Instance.start(package, self.environment(function), self._addresses, log, at_once)


def _routed(stack: Stack) -> dict[str, str]:
    """The functions that the WebSocket API's routes lead to, by the gateway's names of the routes."""
    functions = {stack.ref(each): each for each in stack.of_type("AWS::Serverless::Function")}
    routed = {}
    for each in stack.of_type("AWS::ApiGatewayV2::Route"):
        route = stack.properties(each)
        (integration,) = (
            name
            for name in stack.of_type("AWS::ApiGatewayV2::Integration")
            if route["Target"] == f"integrations/{stack.ref(name)}"
        )
        # arn:aws:apigateway:…:function:NAME/invocations
        name = stack.properties(integration)["IntegrationUri"].rpartition(":")[2].removesuffix("/invocations")
        routed[route["RouteKey"]] = functions[name]
    return {ours: routed[key] for ours, key in ROUTES.items()}


def _no_such_route() -> wire.Responded:
    kind = ("x-amzn-ErrorType", "MissingAuthenticationTokenException")
    return wire.Responded(
        403, [("Content-Type", "application/json"), kind], b'{"message":"Missing Authentication Token"}'
    )


def _response(answer: Any) -> wire.Responded:
    """What a client of the HTTP API gets of a function's answer. Raises InvocationError for one that is none."""
    match answer:
        case {
            "statusCode": int(status),
            "body": str(text),
            "headers": dict(single),
            "multiValueHeaders": dict(multiple),
        }:
            headers = {"Content-Type": "application/json", **single}
            pairs = [*headers.items(), *((name, each) for name, values in multiple.items() for each in values)]
            body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
            return wire.Responded(status, pairs, body)
    raise InvocationError(f"a malformed answer to the HTTP API: {answer}")
