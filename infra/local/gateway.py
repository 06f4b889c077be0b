"""The stand-in for API Gateway: WebSockets, `@connections`, Lambda's invocations and the HTTP routes, on one port."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import UTC, datetime
from http import HTTPStatus

import msgspec
from aiohttp import hdrs, web

from infra.local import dev, events, sigv4, storefront, wire
from infra.local.compression import compress
from infra.local.connections import ABNORMAL, CLOSE_WITHIN_S, GOING_AWAY, NORMAL, Connection, Gone, Limits
from infra.local.frames import TEXT, server_frame
from infra.local.functions import Functions, InvocationError
from infra.local.wire import Json

MAX_POST = 128 * 1024
MAX_REQUEST = 10 * 1024 * 1024
CONNECTION_ID = re.compile(r"[A-Za-z0-9_-]{15}=")

log = logging.getLogger("kefu.gateway")
# It would write the subprotocols that a client offers, and so its token, to the log.
logging.getLogger("aiohttp.websocket").setLevel(logging.ERROR)


class Gateway:
    """Holds the sockets and passes everything that happens on them to the functions; knows nothing of chats."""

    def __init__(
        self,
        functions: Functions,
        limits: Limits,
        credentials: sigv4.Credentials,
        jwt_secret: str,
        minimum_compression_size: int | None = None,
    ) -> None:
        self._functions, self._limits = functions, limits
        self._credentials, self._jwt_secret = credentials, jwt_secret
        self._minimum_compression_size = minimum_compression_size
        self._connections: dict[str, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._holding: set[asyncio.Task[None]] = set()
        functions.ask(self.answer)

    def application(self) -> web.Application:
        """The routes of all that it stands for."""
        application = web.Application(client_max_size=MAX_REQUEST)
        application.add_routes(
            [
                web.get("/ws", self.websocket, allow_head=False),
                web.post("/ws/@connections/{id}", self.post_to_connection),
                web.get("/ws/@connections/{id}", self.get_connection, allow_head=False),
                web.delete("/ws/@connections/{id}", self.delete_connection),
                web.post("/2015-03-31/functions/{name}/invocations", self.invoke),
                web.get("/dev/tokens", dev.identities, allow_head=False),
                web.post("/dev/tokens", dev.Tokens(self._jwt_secret).token),
                web.get("/", storefront.front_page, allow_head=False),
                web.get("/shop/{file}", storefront.file, allow_head=False),
                web.route("*", "/{path:.*}", self.route),
            ]
        )
        return application

    async def close(self) -> None:
        """Close every connection with 1001, and see each `$disconnect` through."""
        await asyncio.gather(*(connection.close(GOING_AWAY) for connection in self._connections.values()))
        # The handlers of the sockets first, since it is they who start the last of the tasks.
        for tasks in (self._holding, self._tasks):
            if tasks:
                await asyncio.wait(tasks, timeout=CLOSE_WITHIN_S)

    def answer(self, ask: wire.Ask) -> wire.Answer:
        """Do what a function asks for over its own pipe: what `@connections` and Invoke do over HTTP."""
        match ask:
            case wire.Push(texts=texts):
                return self._push(texts)
            case wire.Close(connection=id_):
                if connection := self._connections.get(id_):
                    self._close(connection)
                return wire.Done()
            case wire.Later(function=name, event=event):
                if name not in self._functions.names:
                    return wire.Done(f"there is no function {name}")
                self._functions.invoke_later(name, msgspec.json.decode(event))
                return wire.Done()

    async def websocket(self, request: web.Request) -> web.StreamResponse:
        """A handshake: `$connect` first, and only what it agrees to becomes a connection."""
        # For the handshake alone: after that, a Connection has the socket to itself.
        socket = web.WebSocketResponse(compress=False)
        if not socket.can_prepare(request):
            raise web.HTTPUpgradeRequired(headers={hdrs.UPGRADE: "websocket"})
        user_agent = readable(request.headers.get(hdrs.USER_AGENT, ""))
        client = events.Client(request.remote or "", user_agent, readable(request.host))
        headers = [(name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in request.raw_headers]
        event = events.connect(client, headers, request.query.items())
        try:
            answer = await self._functions.invoke("connect", event)
            status = int(answer["statusCode"])
        except InvocationError as error:
            log.error("$connect failed: %s", error)
            return self._refusal(HTTPStatus.BAD_GATEWAY, event)
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return self._refusal(HTTPStatus(status), event)
        for name, value in (answer.get("headers") or {}).items():
            if name.lower() == "sec-websocket-protocol":
                socket.headers[hdrs.SEC_WEBSOCKET_PROTOCOL] = value
        await spawn(self._hold(request, socket, client), self._holding)
        return socket

    async def post_to_connection(self, request: web.Request) -> web.Response:
        """`POST @connections/{id}`: send a message to a client."""
        if refusal := await self._unsigned(request, "execute-api"):
            return refusal
        payload = await request.read()
        if len(payload) > MAX_POST:
            return amazon_error(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "PayloadTooLargeException", "Message too long")
        try:
            payload.decode()
        except UnicodeDecodeError:
            return amazon_error(HTTPStatus.BAD_REQUEST, "BadRequestException", "The message is no UTF-8")
        return await self._with_connection(request, lambda connection: self._post(connection, payload))

    async def get_connection(self, request: web.Request) -> web.Response:
        """`GET @connections/{id}`: what is known of a connection."""
        if refusal := await self._unsigned(request, "execute-api"):
            return refusal
        return await self._with_connection(request, self._describe)

    async def delete_connection(self, request: web.Request) -> web.Response:
        """`DELETE @connections/{id}`: close a connection."""
        if refusal := await self._unsigned(request, "execute-api"):
            return refusal
        return await self._with_connection(request, self._disconnect)

    async def invoke(self, request: web.Request) -> web.Response:
        """Lambda's Invoke, of which kefu uses the asynchronous kind only."""
        if refusal := await self._unsigned(request, "lambda"):
            return refusal
        name = request.match_info["name"]
        if name not in self._functions.names:
            return amazon_error(HTTPStatus.NOT_FOUND, "ResourceNotFoundException", f"Function not found: {name}")
        if request.headers.get("X-Amz-Invocation-Type") != "Event":
            return amazon_error(
                HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", "X-Amz-Invocation-Type must be Event here"
            )
        try:
            event = msgspec.json.decode(await request.read() or b"{}")
        except (msgspec.DecodeError, UnicodeDecodeError):
            return amazon_error(HTTPStatus.BAD_REQUEST, "InvalidRequestContentException", "The body is no JSON")
        self._functions.invoke_later(name, event)
        return web.Response(status=HTTPStatus.ACCEPTED)

    async def route(self, request: web.Request) -> web.Response:
        """One of the application's own HTTP routes."""
        headers = {name: readable(value) for name, value in request.headers.items()}
        body = await request.read()
        try:
            body.decode()
        except UnicodeDecodeError:
            return dev.error(HTTPStatus.BAD_REQUEST, "bad_request", "The body is no UTF-8.")
        try:
            answer = await self._functions.respond(request.method, request.raw_path, headers, body)
        except InvocationError as failure:
            log.error("%s %s failed: %s", request.method, request.path, failure)
            return web.json_response({"message": "Internal server error"}, status=HTTPStatus.BAD_GATEWAY)
        response = web.Response(status=answer.status, body=answer.body)
        response.headers.clear()
        for name, value in answer.headers:
            response.headers.add(name, value)
        if self._minimum_compression_size is not None:
            compress(response, request.headers.get(hdrs.ACCEPT_ENCODING, ""), self._minimum_compression_size)
        return response

    async def _hold(self, request: web.Request, socket: web.WebSocketResponse, client: events.Client) -> None:
        """Serve a connection until it is closed, and then tell `$disconnect`."""
        transport = request.transport
        if transport is None:
            # The client has gone during $connect.
            spawn(self._disconnected(client, ABNORMAL, ""), self._tasks)
            return
        connection = Connection(client, transport, self._received)
        transport.set_protocol(connection)
        due: asyncio.Task[None] | None = None
        try:
            await socket.prepare(request)
            self._connections[client.connection_id] = connection
            due = asyncio.create_task(connection.close_when_due(self._limits))
            await connection.lost()
        except ConnectionError:
            log.debug("%s was lost", client.connection_id)
        finally:
            if due:
                due.cancel()
            self._connections.pop(client.connection_id, None)
            spawn(self._disconnected(client, connection.close_code, connection.close_reason), self._tasks)

    def _received(self, connection: Connection, text: str) -> None:
        spawn(self._message(connection, text), self._tasks)

    async def _message(self, connection: Connection, text: str) -> None:
        event = events.message(connection.client, text)
        try:
            await self._functions.invoke("message", event)
        except InvocationError as failure:
            log.error("a frame failed: %s", failure)
            connection.send(server_frame(TEXT, json.dumps(internal_error(event)).encode()))
        finally:
            connection.finished()

    async def _disconnected(self, client: events.Client, code: int, reason: str) -> None:
        try:
            await self._functions.invoke("disconnect", events.disconnect(client, code, reason))
        except InvocationError as failure:
            log.error("$disconnect failed: %s", failure)

    async def _with_connection(
        self, request: web.Request, action: Callable[[Connection], Awaitable[web.Response]]
    ) -> web.Response:
        id_ = request.match_info["id"]
        if not CONNECTION_ID.fullmatch(id_):
            return amazon_error(HTTPStatus.BAD_REQUEST, "BadRequestException", f"Invalid connectionId: {id_}")
        try:
            connection = self._connections.get(id_)
            if connection is None:
                raise Gone
            return await action(connection)
        except Gone:
            return amazon_error(HTTPStatus.GONE, "GoneException", "Gone")

    def _push(self, texts: Sequence[tuple[bytes, Sequence[str]]]) -> wire.Pushed:
        gone: list[int] = []
        too_long: list[int] = []
        number = 0
        for text, ids in texts:
            if len(text) > MAX_POST:
                too_long += range(number, number + len(ids))
                number += len(ids)
                continue
            frame = server_frame(TEXT, text)
            for id_ in ids:
                connection = self._connections.get(id_)
                if connection is None or not connection.send(frame):
                    gone.append(number)
                number += 1
        return wire.Pushed(gone, too_long)

    async def _post(self, connection: Connection, payload: bytes) -> web.Response:
        if not connection.send(server_frame(TEXT, payload)):
            raise Gone
        return web.Response()

    async def _describe(self, connection: Connection) -> web.Response:
        client = connection.client
        return web.json_response(
            {
                "connectedAt": iso(client.connected_at),
                "lastActiveAt": iso(connection.last_active_at),
                "identity": {"sourceIp": client.source_ip, "userAgent": client.user_agent},
            }
        )

    async def _disconnect(self, connection: Connection) -> web.Response:
        self._close(connection)
        return web.Response(status=HTTPStatus.NO_CONTENT)

    def _close(self, connection: Connection) -> None:
        # Gone for whoever posts from now on, although the client has still to agree.
        del self._connections[connection.client.connection_id]
        connection.close_soon(NORMAL)

    async def _unsigned(self, request: web.Request, service: str) -> web.Response | None:
        path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed = sigv4.SignedRequest(request.method, path, query, headers, await request.read())
        try:
            sigv4.verify(signed, self._credentials, service, datetime.now(UTC))
        except sigv4.SignatureError as refusal:
            return amazon_error(HTTPStatus.FORBIDDEN, refusal.kind, str(refusal))
        return None

    def _refusal(self, status: HTTPStatus, event: Json) -> web.Response:
        message = internal_error(event) if status >= HTTPStatus.INTERNAL_SERVER_ERROR else {"message": status.phrase}
        response = web.json_response(message, status=status)
        response.force_close()
        return response


def spawn(coroutine: Coroutine[None, None, None], tasks: set[asyncio.Task[None]]) -> asyncio.Task[None]:
    """Run `coroutine` as a task that is kept in `tasks` until it is done."""
    task = asyncio.create_task(coroutine)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    return task


def readable(header: str) -> str:
    """A header's value as text alone: aiohttp keeps other bytes as lone surrogates, which no event can hold."""
    return header.encode("utf-8", "replace").decode()


def internal_error(event: Json) -> dict[str, str]:
    """What the platform tells a client whose function failed."""
    context = event["requestContext"]
    return {
        "message": "Internal server error",
        "connectionId": context["connectionId"],
        "requestId": context["requestId"],
    }


def amazon_error(status: HTTPStatus, kind: str, message: str) -> web.Response:
    """An error as Amazon's services answer it; its kind is in a header."""
    return web.json_response({"message": message}, status=status, headers={"x-amzn-ErrorType": kind})


def iso(moment_ms: int) -> str:
    """A time in ISO 8601, as the management API writes it."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
