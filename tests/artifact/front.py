"""What AWS has at its doors: infra.local's gateway, and secrets, under the names of a stack and behind its roles."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import unquote

from aiohttp import web

from infra.local import sigv4
from infra.local.connections import Limits
from infra.local.functions import Functions
from infra.local.gateway import MAX_REQUEST, Gateway, amazon_error
from tests.artifact.cloudformation import ACCOUNT, PARTITION, REGION, SUFFIX, Stack
from tests.artifact.roles import Call, Roles

HTTPS = 443
READS = "secretsmanager.GetSecretValue"


@dataclass(frozen=True, slots=True)
class Caller:
    """A function as its calls show it: the key that Lambda has given it, which is good with its token alone."""

    function: str
    key: sigv4.Credentials
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)

    @classmethod
    def of(cls, function: str) -> Caller:
        return cls(function, sigv4.Credentials(f"ASIA{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30)))

    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": self.key.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.key.secret_access_key,
            "AWS_SESSION_TOKEN": self.token,
        }


class Door:
    """Lets a signed call in when it is signed with a function's key, and the role of that function allows it."""

    def __init__(self, callers: Mapping[str, Caller], roles: Roles) -> None:
        self._callers = {caller.key.access_key_id: caller for caller in callers.values()}
        self._roles = roles

    async def refusal(self, request: web.Request, service: str, action: str, resource: str) -> web.Response | None:
        """What to answer to a call that must not come in: 403."""
        path, _, query = request.raw_path.partition("?")
        headers = {name.lower(): value for name, value in request.headers.items()}
        signed = sigv4.SignedRequest(request.method, path, query, headers, await request.read())
        words = sigv4.AUTHORIZATION.fullmatch(headers.get("authorization", ""))
        caller = self._callers.get(words[1]) if words else None
        if caller is None or headers.get("x-amz-security-token") != caller.token:
            return amazon_error(HTTPStatus.FORBIDDEN, "UnrecognizedClientException", "This token is not valid here.")
        try:
            sigv4.verify(signed, caller.key, service, datetime.now(UTC))
        except sigv4.SignatureError as error:
            return amazon_error(HTTPStatus.FORBIDDEN, error.kind, str(error))
        if not self._roles.allow(Call(caller.function, action, resource)):
            return amazon_error(HTTPStatus.FORBIDDEN, "AccessDeniedException", f"No role allows {action} on {resource}")
        return None


class GuardedGateway(Gateway):
    """The gateway, with a door in the place of its one key."""

    def __init__(self, functions: Functions, door: Door, minimum_compression_size: int | None) -> None:
        nobody = sigv4.Credentials("", "")
        super().__init__(functions, Limits(), nobody, "", minimum_compression_size)
        self._door = door

    async def _unsigned(self, request: web.Request, service: str) -> web.Response | None:
        if service == "lambda":
            name = request.match_info["name"]
            resource = f"arn:{PARTITION}:lambda:{REGION}:{ACCOUNT}:function:{name}"
            return await self._door.refusal(request, service, "lambda:InvokeFunction", resource)
        api = request.host.partition(".")[0]
        _, stage, *rest = unquote(request.raw_path).split("/")
        resource = f"arn:{PARTITION}:execute-api:{REGION}:{ACCOUNT}:{api}/{stage}/{request.method}/{'/'.join(rest)}"
        return await self._door.refusal(request, service, "execute-api:ManageConnections", resource)


class Names:
    """The names of a stack's doors; all but that of the pages are called by functions."""

    def __init__(self, stack: Stack) -> None:
        self.sockets = f"{stack.ref('WebsocketAPI')}.execute-api.{REGION}.{SUFFIX}"
        self.pages = f"{stack.ref('RestAPI')}.execute-api.{REGION}.{SUFFIX}"
        self.functions = f"lambda.{REGION}.{SUFFIX}"
        self.secrets = f"secretsmanager.{REGION}.{SUFFIX}"

    def called(self) -> list[str]:
        return [self.sockets, self.functions, self.secrets]

    def addresses(self, port: int) -> dict[str, int]:
        """Where all of them lead to."""
        return {f"{name}:{HTTPS}": port for name in self.called()}


class Front:
    """The two applications: for functions, by name and with TLS; and for clients, both APIs at one address."""

    def __init__(self, stack: Stack, gateway: GuardedGateway, door: Door) -> None:
        self._stack, self._gateway, self._door = stack, gateway, door
        self._sockets_at = "/" + stack.properties("WebsocketAPIStage")["StageName"]
        self._pages_at = "/" + stack.properties("RestAPI")["StageName"]

    def for_functions(self) -> web.Application:
        gateway, names = self._gateway, Names(self._stack)
        connection = f"{self._sockets_at}/@connections/{{id}}"
        application = web.Application()
        for name, routes in {
            names.sockets: [
                web.post(connection, gateway.post_to_connection),
                web.get(connection, gateway.get_connection),
                web.delete(connection, gateway.delete_connection),
            ],
            names.functions: [web.post("/2015-03-31/functions/{name}/invocations", gateway.invoke)],
            names.secrets: [web.post("/", self._secret)],
        }.items():
            service = web.Application(client_max_size=MAX_REQUEST)
            service.add_routes(routes)
            application.add_domain(name, service)
        return application

    def for_clients(self) -> web.Application:
        application = web.Application(client_max_size=MAX_REQUEST)
        application.add_routes(
            [
                web.get(self._sockets_at, self._gateway.websocket, allow_head=False),
                web.route("*", self._pages_at + "/{path:.*}", self._gateway.route),
            ]
        )
        return application

    async def _secret(self, request: web.Request) -> web.Response:
        """Secrets Manager's GetSecretValue, which is all that functions use of it."""
        arn = str(json.loads(await request.read())["SecretId"])
        action = "secretsmanager:" + request.headers["X-Amz-Target"].removeprefix("secretsmanager.")
        if refusal := await self._door.refusal(request, "secretsmanager", action, arn):
            return refusal
        if request.headers["X-Amz-Target"] != READS or arn not in self._stack.secrets:
            return amazon_error(HTTPStatus.BAD_REQUEST, "ResourceNotFoundException", "There is no such secret.")
        answer = {"ARN": arn, "Name": arn.rpartition(":")[2], "SecretString": self._stack.secrets[arn]}
        return web.json_response(answer, content_type="application/x-amz-json-1.1")
