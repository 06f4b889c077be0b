"""Lambda and API Gateway for the handlers, in this process: events like Amazon's, the management API by moto.

The management API answers for a connection what a test asks for; asynchronous calls are taken, and run when it says.
"""

import base64
import json
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any
from urllib.parse import quote, unquote

from moto.apigatewaymanagementapi.models import apigatewaymanagementapi_backends
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import make_server

REGION, ACCOUNT = "us-east-1", "123456789012"
Frame = dict[str, Any]


class Platform:
    """A WSGI server around moto's management API, with the answers that a test asks for in front of it."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)
        self._answers: dict[str, deque[int]] = defaultdict(deque)
        self._left: dict[str, bytes] = defaultdict(bytes)
        self.calls: list[tuple[str, Frame]] = []
        self.closed: list[str] = []
        self.posts = 0
        self._server = make_server("127.0.0.1", 0, self._answer, threaded=True)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, connection: str, *statuses: int) -> None:
        """The next posts to a connection get these statuses instead of being taken."""
        self._answers[connection].extend(statuses)

    def stop_after(self, connection: str, posts: int) -> None:
        """A connection takes this many more posts; the rest of one call's get 500."""
        self._answers[connection].extend([200] * posts + [500] * 4)

    def taken(self, connection: str) -> bytes:
        """What moto has taken for a connection, and forgets now."""
        held = apigatewaymanagementapi_backends[ACCOUNT][REGION].connections[quote(connection)]
        taken, held.data = self._left.pop(connection, b"") + held.data, b""
        return taken

    def _answer(self, environ: Mapping[str, Any], start_response: Any) -> Iterable[bytes]:
        path, method = str(environ["PATH_INFO"]), environ["REQUEST_METHOD"]
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if path.startswith("/2015-03-31/functions/"):
            self.calls.append((path.split("/")[3], json.loads(body)))
            start_response("202 Accepted", [])
            return [b""]
        connection = unquote(path.rpartition("/")[2])
        if method == "POST":
            self.posts += 1
        status = self._answers[connection].popleft() if self._answers[connection] else 200
        if status != 200:
            start_response(f"{status} as asked", [])
            return [b""]
        if method == "DELETE":
            self._left[connection] += self.taken(connection)  # moto drops it with the connection
            self.closed.append(connection)
        again = {**environ, "wsgi.input": _Body(body)}
        return self._moto(again, start_response)  # type: ignore[no-any-return] # moto has no types


class _Body:
    """A request's body, to be read once more."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read(self, size: int = -1) -> bytes:
        taken = self._body if size < 0 else self._body[:size]
        self._body = self._body[len(taken) :]
        return taken

    def readline(self, size: int = -1) -> bytes:
        return self.read(size)


class Functions:
    """The functions of app.py, called as Lambda calls them."""

    def __init__(self, app: ModuleType, platform: Platform) -> None:
        self._app, self.platform = app, platform

    def connect(self, token: str, **headers: str) -> tuple[str, int]:
        """Runs $connect; the connection's id and the status. `flush` has been called, but has not run."""
        connection = base64.urlsafe_b64encode(secrets.token_bytes(11)).decode()
        event = _event("CONNECT", "$connect", connection)
        event["headers"] = {
            "Host": "abc.execute-api.us-east-1.amazonaws.com",
            "Authorization": f"Bearer {token}",
            **headers,
        }
        event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
        return connection, int(self._app.connect(event, None)["statusCode"])

    def run_calls(self) -> None:
        """Runs the asynchronous calls that were taken so far. Raises what a function raises."""
        while self.platform.calls:
            name, payload = self.platform.calls.pop(0)
            getattr(self._app, name)(payload, None)

    def message(self, connection: str, frame: Frame | str) -> None:
        """Runs $default for a frame."""
        event = _event("MESSAGE", "$default", connection)
        event["body"] = frame if isinstance(frame, str) else json.dumps(frame)
        assert self._app.message(event, None) == {"statusCode": 200}

    def disconnect(self, connection: str) -> None:
        """Runs $disconnect."""
        event = _event("DISCONNECT", "$disconnect", connection)
        event["requestContext"] |= {
            "disconnectStatusCode": 1005,
            "disconnectReason": "Client-side close frame status not set",
        }
        self._app.disconnect(event, None)

    def sweep(self) -> None:
        """Runs the scheduled function."""
        self._app.sweep(
            {
                "version": "0",
                "account": ACCOUNT,
                "region": REGION,
                "detail": {},
                "detail-type": "Scheduled Event",
                "source": "aws.events",
                "time": "2026-01-01T00:00:00Z",
                "id": "1",
                "resources": [],
            },
            None,
        )

    def http(self, method: str, resource: str, token: str = "", body: object = None, **path: str) -> tuple[int, Frame]:
        """Runs the function of the HTTP routes; status and JSON."""
        event = {
            "resource": resource,
            "headers": {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} if token else {},
            "multiValueQueryStringParameters": None,
            "pathParameters": path or None,
            "stageVariables": None,
            "isBase64Encoded": False,
            "body": None if body is None else json.dumps(body),
            "requestContext": {"httpMethod": method, "resourcePath": resource, "identity": {"sourceIp": "127.0.0.1"}},
        }
        answer = self._app.app(event, None)
        return answer["statusCode"], json.loads(answer["body"])


def frames(data: bytes) -> list[Frame]:
    """The frames in what moto has taken, one after the other."""
    found, text, decoder = [], data.decode(), json.JSONDecoder()
    while text:
        frame, end = decoder.raw_decode(text)
        found.append(frame)
        text = text[end:]
    return found


def _event(kind: str, route: str, connection: str) -> Frame:
    now = time.time()
    return {
        "isBase64Encoded": False,
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "extendedRequestId": "eZ8nGGlPoAMFxpA=",
            "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
            "messageDirection": "IN",
            "stage": "prod",
            "connectedAt": int(now * 1000),
            "requestTimeEpoch": int(now * 1000),
            "identity": {"sourceIp": "127.0.0.1", "userAgent": "tests"},
            "requestId": "eZ8nGGlPoAMFxpA=",
            "domainName": "abc.execute-api.us-east-1.amazonaws.com",
            "connectionId": connection,
            "apiId": "abc",
        },
    }
