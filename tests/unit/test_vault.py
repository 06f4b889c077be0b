"""Secrets: read from a service that answers by HTTP as AWS Secrets Manager does (moto), and what goes wrong."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from moto.server import ThreadedMotoServer

from chalicelib import vault
from chalicelib.settings import Settings, SettingsError

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:kefu-x"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def kept(endpoint: str, name: str, content: str) -> str:
    """The ARN of a new secret."""
    client = boto3.client("secretsmanager", "us-east-1", endpoint_url=endpoint)
    return str(client.create_secret(Name=name, SecretString=content)["ARN"])


@contextmanager
def answering(*answers: tuple[int, bytes]) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """A service that gives these answers, the last of them for ever; its address, and the headers that it was sent."""
    left, sent = list(answers), []

    class Service(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(dict(self.headers))
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = left.pop(0) if len(left) > 1 else left[0]
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", sent
        finally:
            server.shutdown()
            thread.join()


def test_without_secrets_nothing_is_asked() -> None:
    assert vault.settings({}) == {}
    assert vault.settings({"SECRETS": "", "SECRETS_ENDPOINT": "http://127.0.0.1:1"}) == {}


def test_secrets_hold_settings(endpoint: str) -> None:
    secret = "a secret of the marketplace, long enough"
    first = kept(endpoint, "jwt", json.dumps({"JWT_SECRET": secret, "JWT_PREVIOUS_SECRET": "p" * 32}))
    second = kept(endpoint, "redis", json.dumps({"REDIS_PASSWORD": "pass word"}))
    found = vault.settings({"SECRETS": f"{first},{second}", "SECRETS_ENDPOINT": endpoint})
    settings = Settings.load(found)
    assert settings.jwt_keys == {"HS256": (secret, "p" * 32)}
    assert settings.redis_password == "pass word"


def test_a_service_that_stumbles_is_asked_again() -> None:
    good = json.dumps({"SecretString": '{"REDIS_PASSWORD":"x"}'}).encode()
    with answering((500, b"{}"), (503, b"{}"), (200, good)) as (endpoint, sent):
        assert vault.settings({"SECRETS": ARN, "SECRETS_ENDPOINT": endpoint}) == {"REDIS_PASSWORD": "x"}
    assert len(sent) == 3
    assert all(headers["x-amz-target"] == "secretsmanager.GetSecretValue" for headers in sent)


@pytest.mark.parametrize(
    ("answers", "times", "said"),
    [
        ([(400, b'{"__type":"AccessDeniedException"}')], 1, "status 400, AccessDeniedException"),
        ([(400, b'{"__type":"ThrottlingException"}')], 3, "status 400, ThrottlingException"),
        ([(500, b"{}")], 3, "status 500"),
        ([(200, json.dumps({"SecretString": "p4ssw0rd"}).encode())], 1, "no JSON object of settings"),
        ([(200, json.dumps({"SecretString": '{"JWT_SECRET": ["p4ssw0rd"]}'}).encode())], 1, "no JSON object"),
        ([(200, b'{"SecretBinary": "p4ssw0rd"}')], 1, "no JSON object"),
    ],
)
def test_a_secret_that_cannot_be_used_is_named_and_not_shown(
    answers: list[tuple[int, bytes]], times: int, said: str
) -> None:
    with answering(*answers) as (endpoint, sent), pytest.raises(SettingsError, match=said) as mistake:
        vault.settings({"SECRETS": ARN, "SECRETS_ENDPOINT": endpoint})
    assert ARN in str(mistake.value)
    assert "p4ssw0rd" not in str(mistake.value)
    assert mistake.value.__suppress_context__ or mistake.value.__context__ is None
    assert len(sent) == times


def test_a_service_that_is_not_there_is_said() -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: .*refused"):
        vault.settings({"SECRETS": ARN, "SECRETS_ENDPOINT": "http://127.0.0.1:1"})


def test_what_the_environment_says_itself_gives_way_to_the_secret(endpoint: str) -> None:
    # A leftover in a function's environment must not hold against the secret that is rotated.
    arn = kept(endpoint, "both", '{"REDIS_PASSWORD":"new"}')
    environ = {"REDIS_PASSWORD": "old", "SECRETS": arn, "SECRETS_ENDPOINT": endpoint}
    assert Settings.load({**environ, **vault.settings(environ)}).redis_password == "new"
