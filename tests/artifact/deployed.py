"""An unpacked package as a service that runs: on a stand-in of AWS, made of the package's own template."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import web

from chalicelib.model import ConnectionId
from chalicelib.store import keys
from infra.local import tokens
from infra.local.functions import scheduled_event
from infra.local.serve import take_port
from tests.artifact.certificates import Certificate
from tests.artifact.cloudformation import Stack
from tests.artifact.front import Caller, Door, Front, GuardedGateway, Names
from tests.artifact.functions import PackagedFunctions
from tests.artifact.roles import Roles
from tests.artifact.storage import Storage

Result = TypeVar("Result")

WITHIN_S = 60.0
# What a function says on a machine that is busy with other things: a post took more than a quarter of a second.
HANGING = "which has let others hang"


class Deployed:
    """A stack with its functions and its storage; clients reach it by HTTP, since TLS toward them is API Gateway's."""

    def __init__(self, stack: Stack, storage: Storage, certificate: Certificate, logs: Path) -> None:
        self.stack, self.storage, self.names = stack, storage, Names(stack)
        self.roles = Roles(stack)
        self.callers = {each: Caller.of(each) for each in stack.of_type("AWS::Serverless::Function")}
        self._certificate = certificate
        self._listener, self._for_functions = take_port(0), take_port(0)
        self.port: int = self._listener.getsockname()[1]
        self.port_for_functions: int = self._for_functions.getsockname()[1]
        addresses = {**storage.addresses, **self.names.addresses(self.port_for_functions)}
        trust = {"SSL_CERT_FILE": str(certificate.authority)}
        lambda_s = {name: {**caller.environment(), **trust} for name, caller in self.callers.items()}
        self.functions = PackagedFunctions(stack, lambda_s, addresses, logs)
        self.url = f"http://127.0.0.1:{self.port}/{stack.properties('RestAPI')['StageName']}"
        self.ws = f"ws://127.0.0.1:{self.port}/{stack.properties('WebsocketAPIStage')['StageName']}"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="deployed")
        self._stopping = AsyncExitStack()

    @contextmanager
    def running(self, package: Path) -> Iterator[Deployed]:
        """Serve out of the folder `package`, as long as the context lasts."""
        self._thread.start()
        try:
            self._run(self._start(package))
            yield self
        finally:
            self._run(self._stopping.aclose())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    @contextmanager
    def beside(self, package: Path) -> Iterator[None]:
        """Serve out of this folder, too, call by call, as long as the context lasts."""
        self._run(self.functions.add(package))
        try:
            yield
        finally:
            self._run(self.functions.remove_last())

    def token(self, sub: str, *, name: str | None = None, scope: str | None = None, ttl_s: int = 3600) -> str:
        """A JWT for `sub`, as the marketplace signs it: with the secret that the stack has made."""
        settings = json.loads(self.stack.secrets[self.stack.ref("JwtSettings")])
        return tokens.mint(settings["JWT_SECRET"], tokens.TokenRequest(sub, name, scope, ttl_s))

    def sweep(self) -> None:
        """Run what the schedule runs, to its end."""
        (event,) = self.stack.properties("Sweep")["Events"].values()
        assert event["Type"] == "Schedule", event
        self._run(self.functions.invoke(self.stack.ref("Sweep"), scheduled_event("sweep")))

    def expire(self, connection: str) -> None:
        """Let a connection look as if it had ended long ago without a word from the platform."""
        key = keys.online_of(ConnectionId(connection))
        assert self.storage.carried_out("ZADD", key, "XX", "CH", "1", connection) == 1

    @contextmanager
    def flawless(self) -> Iterator[None]:
        """Raises AssertionError when meanwhile anything failed, was refused, or was worth a warning to a function."""
        before = self._complaints()
        yield
        new = self._complaints() - before
        assert not new, "\n".join(new)

    def _complaints(self) -> Counter[str]:
        found = [*self.functions.complaints(), *map(str, self.roles.refused)]
        return Counter(complaint for complaint in found if HANGING not in complaint)

    async def _start(self, package: Path) -> None:
        door = Door(self.callers, self.roles)
        compression = self.stack.properties("RestAPI")["MinimumCompressionSize"]
        gateway = GuardedGateway(self.functions, door, compression)
        front = Front(self.stack, gateway, door)
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(self._certificate.certificate, self._certificate.key)
        self._stopping.push_async_callback(self.functions.stop)
        await self._serve(front.for_functions(), self._for_functions, tls)
        await self.functions.add(package)
        await self._serve(front.for_clients(), self._listener, None)
        self._stopping.push_async_callback(gateway.close)

    async def _serve(self, application: web.Application, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._stopping.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener, ssl_context=tls).start()

    def _run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(WITHIN_S)
