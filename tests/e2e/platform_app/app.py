"""An application without a chat: it shows what the platform does, by doing what a test asks it to.

A frame is a JSON object: `do` names what the function does, the rest are its parameters. What it answers goes to its
own connection, through the management API.
"""

from __future__ import annotations

import json
import os
import signal
import time
from typing import Any, cast
from urllib.parse import quote

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from chalice.app import Chalice, CloudWatchEvent, Response, WebsocketEvent

from chalicelib.gateway import Post, Posted
from chalicelib.model import ConnectionId
from chalicelib.settings import Settings
from infra.local.pipe import PipeGateway

app = Chalice(app_name="platform")
http = urllib3.PoolManager(maxsize=32)
# It needs no setting, and works whether or not kefu itself would use it.
pipe = PipeGateway(Settings.load({}))


@app.on_ws_connect()
def connect(event: WebsocketEvent) -> Response | dict[str, Any]:
    wish = event.to_dict().get("queryStringParameters") or {}
    if "status" in wish:
        return Response(body="", status_code=int(wish["status"]))
    if "fail" in wish:
        raise RuntimeError("the application failed, as it was asked to")
    if "post" in wish:
        status, headers, _ = request("POST", event.connection_id, b"too early")
        later({"post": event.connection_id, "status": status, "kind": headers.get("x-amzn-ErrorType")})
    if "push" in wish:
        (posted,) = pipe.push([Post(ConnectionId(event.connection_id), b"too early")])
        later({"post": event.connection_id, "posted": posted.value})
    if "subprotocol" in wish:
        return Response(body="", status_code=200, headers={"Sec-WebSocket-Protocol": wish["subprotocol"]})
    if "show" in wish:
        later({"post": event.connection_id, "event": event.to_dict()})
    return {"statusCode": 200}


@app.on_ws_message()
def message(event: WebsocketEvent) -> None:
    own = ConnectionId(event.connection_id)
    wish = json.loads(event.body)
    match wish["do"]:
        case "echo":
            answer(own, {"length": len(event.body), "pid": os.getpid()})
        case "show":
            answer(own, event.to_dict())
        case "sleep":
            time.sleep(wish["s"])
            answer(own, {"slept": wish["s"]})
        case "fail":
            raise RuntimeError("the application failed, as it was asked to")
        case "die":
            os.kill(os.getpid(), signal.SIGKILL)
        case "environ":
            answer(own, {name: os.environ.get(name) for name in wish["names"]})
        case "request":
            headers = {"Authorization": wish["authorization"]} if "authorization" in wish else None
            id_ = wish.get("id", own)
            status, got, body = request(wish["method"], id_, b"x" * wish.get("size", 1), headers)
            answer(own, {"status": status, "kind": got.get("x-amzn-ErrorType"), "body": body})
        case "flood":
            statuses = [request("POST", wish["id"], b"x" * 100_000)[0] for _ in range(wish["times"])]
            answer(own, {"statuses": statuses})
        case "push":
            posts = [Post(ConnectionId(id_ or own), text.encode() * times) for id_, text, times in wish["posts"]]
            meanwhile: list[Posted] = []
            posted = pipe.push(posts, lambda: meanwhile.append(pipe.post(Post(own, b"meanwhile"))))
            answer(own, {"posted": [each.value for each in posted], "meanwhile": [each.value for each in meanwhile]})
        case "push and fail":
            pipe.push([Post(own, wish["text"].encode())], fail_in_it)
        case "close":
            pipe.close(ConnectionId(wish["id"]))
            answer(own, {"closed": wish["id"]})
        case "invoke":
            try:
                pipe.invoke(wish["function"], json.dumps({**wish, "post": own}).encode())
            except OSError as error:
                answer(own, {"error": str(error)})
        case "later":
            answer(own, {"status": later({**wish, "post": own}, wish.get("function", "flush"))})
        case unknown:
            raise ValueError(f"nobody knows how to {unknown}")


@app.on_ws_disconnect()
def disconnect(event: WebsocketEvent) -> None:
    """Whoever waits in a file named after the connection is told how it ended."""
    context = event.to_dict()["requestContext"]
    with open(os.path.join(os.environ["PLATFORM_NOTES"], event.connection_id), "w", encoding="utf-8") as notes:
        json.dump(event.to_dict(), notes)
    os.rename(notes.name, f"{notes.name}{context['disconnectStatusCode']}")


@app.lambda_function()
def flush(event: dict[str, Any], context: Any) -> None:
    """Fails as often as `failures` says, then posts the event as soon as the connection is open."""
    # In a file, since each attempt may run in another worker.
    with open(os.path.join(os.environ["PLATFORM_NOTES"], f"attempts {event.get('case')}"), "ab") as notes:
        notes.write(b".")
        attempts = notes.tell()
    if attempts <= event.get("failures", 0):
        raise RuntimeError("not yet")
    told = {**event, "attempts": attempts, "remaining": context.get_remaining_time_in_millis()}
    deadline = time.monotonic() + 5
    while request("POST", event["post"], json.dumps(told).encode())[0] == 410 and time.monotonic() < deadline:
        time.sleep(0.02)


@app.schedule("rate(1 minute)")
def sweep(event: CloudWatchEvent) -> None:
    with open(os.path.join(os.environ["PLATFORM_NOTES"], "sweeps"), "a", encoding="utf-8") as notes:
        notes.write(f"{event.detail_type}\n")


@app.route("/show/{item}", methods=["GET", "POST"], content_types=["application/json", "text/plain"])
def show(item: str) -> dict[str, Any]:
    current = app.current_request
    assert current is not None
    return {
        "item": item,
        "query": current.query_params and dict(current.query_params),
        "body": cast(bytes, current.raw_body).decode(),
        "authorization": current.headers.get("authorization"),
    }


@app.route("/fail")
def fail() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def fail_in_it() -> None:
    raise RuntimeError("the application failed, as it was asked to")


def answer(connection_id: str, what: Any) -> None:
    request("POST", connection_id, json.dumps(what).encode())


def request(
    method: str, connection_id: str, body: bytes, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], str]:
    url = f"{os.environ['CONNECTIONS_ENDPOINT']}/@connections/{quote(connection_id, safe='')}"
    return send(method, url, body if method == "POST" else b"", "execute-api", headers)


def later(event: dict[str, Any], function: str = "flush") -> int:
    url = f"{os.environ['LAMBDA_ENDPOINT']}/2015-03-31/functions/{function}/invocations"
    return send("POST", url, json.dumps(event).encode(), "lambda", {"X-Amz-Invocation-Type": "Event"})[0]


def send(
    method: str, url: str, body: bytes, service: str, headers: dict[str, str] | None
) -> tuple[int, dict[str, str], str]:
    signed = AWSRequest(method=method, url=url, data=body, headers=headers or {})
    if not headers or "Authorization" not in headers:
        key = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        SigV4Auth(key, service, os.environ["AWS_REGION"]).add_auth(signed)
    response = http.request(method, url, body=body, headers=dict(signed.headers.items()), retries=False)
    return response.status, dict(response.headers), response.data.decode()
