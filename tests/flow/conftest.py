"""The handlers with everything that they need, and people who use them."""

import importlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import jwt
import pytest

from chalicelib import bootstrap
from chalicelib.bootstrap import Services
from tests.flow.platform import Frame, Functions, Platform, frames

SECRET = "a secret of the tests, long enough for HS256"


def token(sub: str, ttl_s: float = 600, **claims: object) -> str:
    return jwt.encode({"sub": sub, "exp": time.time() + ttl_s, **claims}, SECRET, "HS256")


@dataclass
class Person:
    """A user with one connection."""

    user: str
    functions: Functions
    connection: str = ""
    seen: list[Frame] = field(default_factory=list)

    def connect(self) -> "Person":
        """Connects, and lets the replay run to its end."""
        self.connection, status = self.functions.connect(token(self.user))
        assert status == 200
        self.functions.run_calls()
        return self

    def ask(self, action: str, **parameters: Any) -> Frame:
        """Sends a frame with an id; its reply or error."""
        request_id = parameters.pop("id", f"{action}-{time.monotonic_ns()}")
        self.functions.message(self.connection, {"action": action, "id": request_id, **parameters})
        (answer,) = [frame for frame in self.received() if frame.get("id") == request_id and frame["type"] != "message"]
        return answer

    def say(self, conversation: str, text: str, **more: Any) -> Frame:
        return self.ask("send", conversation=conversation, body={"type": "text", "text": text}, **more)

    def received(self) -> list[Frame]:
        """The frames since the last look."""
        new = frames(self.functions.platform.taken(self.connection))
        self.seen += new
        return new

    def texts(self) -> list[str]:
        """The texts of the messages since the last look, in the order of their arrival."""
        return [frame["body"]["text"] for frame in self.received() if frame["type"] == "message"]


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    server = Platform()
    yield server
    server.stop()


@pytest.fixture
def environment(platform: Platform, redis_settings: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The environment of the functions; a process's services are made anew from it."""
    settings = {
        **redis_settings,
        "JWT_SECRET": SECRET,
        "RATE_LIMIT": "0",
        "CONNECTIONS_ENDPOINT": platform.url,
        "LAMBDA_ENDPOINT": platform.url,
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    bootstrap.services.cache_clear()
    yield
    kefu = bootstrap.services()
    kefu.store.close()
    kefu.gateway.hang_up()
    bootstrap.services.cache_clear()


@pytest.fixture
def functions(platform: Platform, environment: None) -> Functions:
    platform.calls.clear()
    platform.closed.clear()
    return Functions(importlib.import_module("app"), platform)


@pytest.fixture
def kefu(environment: None) -> Services:
    """The services that the handlers use."""
    return bootstrap.services()


@pytest.fixture
def person(functions: Functions, new_name: Callable[[str], str]) -> Callable[[str], Person]:
    """Somebody new, not connected yet."""
    return lambda kind: Person(new_name(kind), functions)


@dataclass
class Shop:
    """A store, opened through its routes."""

    store: str
    functions: Functions
    admin: str

    def appoint(self, user: str, role: str = "agent") -> None:
        status, _ = self.functions.http(
            "PUT", "/stores/{store}/agents/{user}", self.admin, {"role": role}, store=self.store, user=user
        )
        assert status == 200

    def dismiss(self, user: str) -> None:
        status, _ = self.functions.http(
            "DELETE", "/stores/{store}/agents/{user}", self.admin, store=self.store, user=user
        )
        assert status == 200


@pytest.fixture
def shop(functions: Functions, new_name: Callable[[str], str]) -> Shop:
    opened = Shop(new_name("shop"), functions, token("marketplace", scope="admin"))
    status, _ = functions.http(
        "PUT", "/stores/{store}", opened.admin, {"name": "Tea House", "claim_grace_s": 1}, store=opened.store
    )
    assert status == 200
    return opened
