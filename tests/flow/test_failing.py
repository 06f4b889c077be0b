"""What clients are told when something of ours fails: never anything internal, and never silence."""

import logging
from collections.abc import Callable

import pytest

from chalicelib import bootstrap
from chalicelib.bootstrap import Services
from chalicelib.store import keys
from tests import servers
from tests.flow.conftest import Person, Shop, token
from tests.flow.platform import Functions, frames

NewPerson = Callable[[str], Person]


@pytest.fixture
def nowhere(functions: Functions, monkeypatch: pytest.MonkeyPatch) -> Functions:
    """The handlers with a Redis that is out of reach."""
    monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{servers.free_port()}")
    bootstrap.services().store.close()
    bootstrap.services.cache_clear()
    return functions


def test_connect_without_redis_is_a_503(nowhere: Functions) -> None:
    assert nowhere.connect(token("somebody"))[1] == 503


def test_a_frame_without_redis_is_unavailable(nowhere: Functions) -> None:
    nowhere.message("some-connection=", {"action": "ping", "id": "p"})
    (error,) = frames(nowhere.platform.taken("some-connection="))
    assert (error["code"], error["retry"], error["id"]) == ("unavailable", True, "p")


def test_health_and_routes_without_redis_are_503(nowhere: Functions) -> None:
    assert nowhere.http("GET", "/health")[0] == 503
    status, body = nowhere.http("GET", "/stores/{store}", token("x", scope="admin"), store="s")
    assert (status, body["code"]) == (503, "unavailable")


def test_a_fault_is_internal_and_logged_with_the_request(
    functions: Functions, kefu: Services, shop: Shop, person: NewPerson, caplog: pytest.LogCaptureFixture
) -> None:
    customer = person("customer").connect()
    conversation = f"{shop.store}:{customer.user}"
    # A key of the wrong type is a fault that only a program of ours can have made.
    kefu.store.scripts.command("SET", keys.conversation(conversation)[5], "no list")
    with caplog.at_level(logging.ERROR):
        error = customer.say(conversation, "hello", id="the request")
    assert (error["code"], error["retry"]) == ("internal", True)
    assert "WRONGTYPE" not in str(error)
    assert "the request" in caplog.text
    assert "WRONGTYPE" in caplog.text


def test_a_bad_frame_changes_nothing_and_keeps_its_id(shop: Shop, person: NewPerson) -> None:
    customer = person("customer").connect()
    error = customer.ask("send", conversation=f"{shop.store}:{customer.user}", body={"type": "text"})
    assert (error["code"], error["details"]) == ("bad_request", {"field": "body.text"})
    assert customer.ask("conversations")["result"]["conversations"] == []


def test_no_token_is_ever_logged(functions: Functions, person: NewPerson, caplog: pytest.LogCaptureFixture) -> None:
    secret = token("somebody", ttl_s=-5)
    with caplog.at_level(logging.DEBUG):
        functions.connect(secret)
        functions.connect(token("somebody"))
        functions.http("GET", "/stores/{store}", secret, store="s")
    assert secret not in caplog.text
    assert "Bearer" not in caplog.text
