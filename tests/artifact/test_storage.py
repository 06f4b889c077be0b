"""What the template lets the functions do at Redis: enough, as the conversations show, and no more than they need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, NoPermissionError
from redis.exceptions import ConnectionError as RedisConnectionError

from chalicelib import tls
from chalicelib.errors import Unavailable
from chalicelib.store.scripts import Scripts
from tests.artifact.deployed import Deployed
from tests.artifact.storage import NEVER

FORBIDDEN = {
    "empty the storage": ["FLUSHALL"],
    "empty a database": ["FLUSHDB"],
    "read the configuration": ["CONFIG", "GET", "maxmemory"],
    "change the configuration": ["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"],
    "list the keys": ["KEYS", "*"],
    "see the users": ["ACL", "LIST"],
    "become more": ["ACL", "SETUSER", "kefu-artifact", "+@all"],
    "stop the server": ["SHUTDOWN"],
    "move a slot": ["CLUSTER", "SETSLOT", "1", "STABLE"],
    "forget a node": ["CLUSTER", "FORGET", "0123456789" * 4],
    "make a replica a primary": ["REPLICAOF", "NO", "ONE"],
    "listen in": ["MONITOR"],
    "put others out": ["CLIENT", "KILL", "TYPE", "normal"],
    "forget the scripts": ["SCRIPT", "FLUSH"],
    "hold a connection up": ["BLPOP", "kefu:{s:a}:list", "1"],
    "read what is not kefu's": ["GET", "other"],
    "write what is not kefu's": ["SET", "other", "1"],
    "have a script reach it": ["EVAL", "return 1", "1", "other"],
    "listen to a channel": ["SUBSCRIBE", "kefu:channel"],
    "tell a channel": ["PUBLISH", "kefu:channel", "hello"],
}


class Login(NamedTuple):
    user: str
    password: str


@pytest.fixture(scope="module")
def login(deployed: Deployed) -> Login:
    """The functions' own user, with the password that the secret has."""
    secret = json.loads(deployed.stack.secrets[deployed.stack.ref("RedisSecret")])
    return Login(deployed.stack.properties("MemoryDBUser")["UserName"], secret["REDIS_PASSWORD"])


@pytest.fixture(scope="module")
def user(deployed: Deployed, login: Login) -> Iterator[Redis]:
    """A connection of the functions' own user."""
    with deployed.storage.entered(*login) as client:
        yield client


@pytest.mark.parametrize("words", FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_functions_user_may_not(user: Any, words: list[str]) -> None:
    with pytest.raises(NoPermissionError):
        user.execute_command(*words)


def test_nobody_gets_in_without_the_password(deployed: Deployed, login: Login) -> None:
    for wrong in ((None, None), (None, login.password), (login.user, "another")):
        with deployed.storage.entered(*wrong) as client, pytest.raises(AuthenticationError):
            client.ping()
    with deployed.storage.entered(*login) as client:
        assert client.ping()


def test_nothing_is_said_without_tls(deployed: Deployed, login: Login) -> None:
    with (
        Redis(port=deployed.storage.port, username=login.user, password=login.password, retry=NEVER) as client,
        pytest.raises(RedisConnectionError),
    ):
        client.ping()


def test_the_password_is_kept_from_a_server_that_nobody_vouches_for(
    deployed: Deployed, login: Login, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask() -> object:
        tls.context.cache_clear()  # as a process that has only just begun
        url = f"rediss://127.0.0.1:{deployed.storage.port}"
        scripts = Scripts(url, username=login.user, password=login.password)
        try:
            return scripts.command("PING")
        finally:
            scripts.close()

    with pytest.raises(Unavailable) as trouble:
        ask()
    assert "CERTIFICATE_VERIFY_FAILED" in str(trouble.value.__cause__)
    monkeypatch.setenv("SSL_CERT_FILE", str(deployed.storage.authority))
    assert ask()
