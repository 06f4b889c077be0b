"""$connect, flush and $disconnect as the platform calls them."""

from collections.abc import Callable

import pytest

from chalicelib import access
from chalicelib.bootstrap import Services
from chalicelib.gateway import Post, Posted
from tests.flow.conftest import Person, Shop, token
from tests.flow.platform import Functions

NewPerson = Callable[[str], Person]


def test_connect_only_registers_and_calls_flush(functions: Functions, person: NewPerson) -> None:
    somebody = person("user")
    connection, status = functions.connect(token(somebody.user))
    assert (status, functions.platform.calls) == (200, [("flush", {"connection": connection})])
    assert functions.platform.taken(connection) == b""


def test_a_bad_token_is_a_401_and_nothing_is_registered(functions: Functions, kefu: Services) -> None:
    connection, status = functions.connect("no token")
    assert (status, functions.platform.calls) == (401, [])
    assert kefu.store.users.identity(connection)[0] is None  # type: ignore[arg-type] # a plain string will do


def test_a_strange_origin_is_a_403(functions: Functions) -> None:
    assert functions.connect(token("somebody"), Origin="https://evil.example")[1] == 403


def test_the_welcome_waits_for_the_socket_to_open(functions: Functions, person: NewPerson) -> None:
    somebody = person("user")
    connection, _ = functions.connect(token(somebody.user, name="Ann"))
    functions.platform.answer(connection, 410, 410, 410)
    functions.run_calls()
    somebody.connection = connection
    (welcome,) = somebody.received()
    assert (welcome["type"], welcome["name"], welcome["connection"]) == ("welcome", "Ann", connection)


def test_a_socket_that_is_closed_before_its_welcome_is_not_waited_for(
    functions: Functions, kefu: Services, person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, _ = functions.connect(token(person("user").user))
    asked = []

    def gone(post: Post) -> Posted:
        asked.append(post)
        functions.disconnect(connection)
        return Posted.GONE

    monkeypatch.setattr(kefu.gateway, "post", gone)
    functions.run_calls()
    assert len(asked) == 1


def test_a_replay_that_dies_is_run_again_and_misses_nothing(shop: Shop, person: NewPerson) -> None:
    agent, customer = person("agent"), person("customer").connect()
    shop.appoint(agent.user)
    for number in range(30):  # more than one batch
        customer.say(f"{shop.store}:{customer.user}", str(number))
    functions = agent.functions
    agent.connection, _ = functions.connect(token(agent.user))
    call = functions.platform.calls[0]
    # The welcome and two entries pass, then the connection takes nothing more, however often flush tries.
    functions.platform.stop_after(agent.connection, 3)
    with pytest.raises(ConnectionError):
        functions.run_calls()
    customer.say(f"{shop.store}:{customer.user}", "30")
    assert agent.texts() == ["0", "1"]  # not live yet, so what came since was not pushed
    functions.platform.calls.append(call)
    functions.run_calls()
    assert agent.texts() == [str(number) for number in range(31)]
    customer.say(f"{shop.store}:{customer.user}", "31")
    assert agent.texts() == ["31"]


def test_a_replay_that_died_for_good_goes_on_with_the_next_ping(
    shop: Shop, person: NewPerson, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "WELCOME_WAIT_S", 0.0)
    agent, customer = person("agent"), person("customer").connect()
    shop.appoint(agent.user)
    customer.say(f"{shop.store}:{customer.user}", "hello")
    agent.connection, _ = agent.functions.connect(token(agent.user))
    agent.functions.platform.calls.clear()  # the platform has given up to call it
    agent.functions.message(agent.connection, {"action": "ping", "id": "p"})
    assert [frame["type"] for frame in agent.received()] == ["welcome", "message", "pong"]
    agent.functions.message(agent.connection, {"action": "ping", "id": "p"})
    assert [frame["type"] for frame in agent.received()] == ["pong"]
    customer.say(f"{shop.store}:{customer.user}", "live")
    assert agent.texts() == ["live"]


def test_what_is_said_while_a_connection_joins_comes_after_its_replay(shop: Shop, person: NewPerson) -> None:
    agent, customer = person("agent"), person("customer").connect()
    shop.appoint(agent.user)
    conversation = f"{shop.store}:{customer.user}"
    customer.say(conversation, "waits in the list")
    agent.connection, _ = agent.functions.connect(token(agent.user))
    customer.ask("close", conversation=conversation)  # not durable, and the agent's replay has not begun
    agent.functions.run_calls()
    assert [frame["type"] for frame in agent.received()] == ["welcome", "message", "conversation"]
    customer.say(conversation, "live")
    assert [frame["type"] for frame in agent.received()] in (["message", "conversation"], ["conversation", "message"])


def test_what_was_held_back_goes_with_the_membership(shop: Shop, person: NewPerson) -> None:
    agent, customer = person("agent"), person("customer").connect()
    shop.appoint(agent.user)
    agent.connection, _ = agent.functions.connect(token(agent.user))
    customer.say(f"{shop.store}:{customer.user}", "secret")
    shop.dismiss(agent.user)
    agent.functions.run_calls()
    assert [frame["type"] for frame in agent.received()] == ["welcome"]


def test_a_missing_disconnect_is_found_out_by_the_next_post(shop: Shop, person: NewPerson, kefu: Services) -> None:
    agent, customer = person("agent").connect(), person("customer").connect()
    shop.appoint(agent.user)
    customer.functions.platform.answer(agent.connection, 410, 410)
    customer.say(f"{shop.store}:{customer.user}", "anybody?")
    assert not kefu.store.users.presence([agent.user])[agent.user].online
    assert agent.connect().texts() == ["anybody?"]


def test_disconnect_ends_presence_and_watches(shop: Shop, person: NewPerson, kefu: Services) -> None:
    agent, other, customer = person("agent").connect(), person("agent").connect(), person("customer").connect()
    shop.appoint(agent.user)
    shop.appoint(other.user)
    conversation = f"{shop.store}:{customer.user}"
    customer.say(conversation, "hello")
    assert other.ask("claim", conversation=conversation)["type"] == "reply"
    assert agent.ask("watch", conversation=conversation)["type"] == "reply"
    before = kefu.store.users.online()
    agent.functions.disconnect(agent.connection)
    assert kefu.store.users.online() == before - 1
    customer.say(conversation, "more")
    assert agent.texts() == []
    assert not kefu.store.users.presence([agent.user])[agent.user].online


def test_a_frame_before_the_welcome_is_answered_after_it(functions: Functions, person: NewPerson) -> None:
    import threading

    somebody = person("user")
    somebody.connection, _ = functions.connect(token(somebody.user))
    early = threading.Thread(target=functions.message, args=(somebody.connection, {"action": "ping", "id": "p"}))
    early.start()
    functions.run_calls()
    early.join()
    assert [frame["type"] for frame in somebody.received()] == ["welcome", "pong"]


def test_an_expired_token_ends_the_connection(functions: Functions, person: NewPerson) -> None:
    somebody = person("user")
    somebody.connection, _ = functions.connect(token(somebody.user, ttl_s=1.5))
    functions.run_calls()
    while not functions.platform.closed:
        functions.message(somebody.connection, {"action": "ping", "id": "p"})
    assert functions.platform.closed == [somebody.connection]
    last = somebody.received()[-1]
    assert (last["type"], last["code"], last["id"]) == ("error", "unauthorized", "p")


def test_a_frame_on_a_forgotten_connection_is_unauthorized(functions: Functions, person: NewPerson) -> None:
    somebody = person("user").connect()
    functions.disconnect(somebody.connection)
    somebody.received()
    functions.message(somebody.connection, "None")
    (error,) = somebody.received()
    assert error["code"] == "unauthorized"
    assert functions.platform.closed == [somebody.connection]
