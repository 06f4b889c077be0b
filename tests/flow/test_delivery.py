"""A message on its way: who gets it, and what happens when a function or a recipient fails in the middle."""

from collections.abc import Callable

import pytest

from chalicelib import bootstrap, protocol
from chalicelib.bootstrap import Services
from chalicelib.model import ConnectionId, Identity, Text
from chalicelib.store import keys
from chalicelib.store.users import Push
from tests.flow.conftest import Person, Shop, token
from tests.flow.platform import Functions

NewPerson = Callable[[str], Person]


@pytest.fixture
def agent(shop: Shop, person: NewPerson) -> Person:
    appointed = person("agent")
    shop.appoint(appointed.user)
    return appointed


@pytest.fixture
def customer(person: NewPerson) -> Person:
    return person("customer").connect()


@pytest.fixture
def conversation(shop: Shop, customer: Person) -> str:
    return f"{shop.store}:{customer.user}"


def store_only(kefu: Services, conversation: str, sender: Person, text: str) -> None:
    """What is left when a function dies right after it has stored a message: no list has it, nobody was told."""
    body = protocol.encode(Text("text", text))
    kefu.store.conversations.append(conversation, Identity(sender.user, sender.user, 2**40), text, body)


def make_overdue(kefu: Services, shop: Shop) -> None:
    entries = kefu.store.scripts.command("ZRANGE", keys.outbox(shop.store), 0, -1)
    assert entries, "nothing is owed"
    for entry in entries:
        kefu.store.scripts.command("ZADD", keys.outbox(shop.store), 1, entry)


def owed(kefu: Services, shop: Shop) -> int:
    return int(kefu.store.scripts.command("ZCARD", keys.outbox(shop.store)))


def left_long_ago(kefu: Services, conversation: str, claimer: Person) -> None:
    """The claimer disconnects, and past the grace time of the store has not come back."""
    claimer.functions.disconnect(claimer.connection)
    kefu.store.scripts.command("HSET", keys.user(claimer.user)[1], "seen", 1)
    kefu.store.scripts.command("HSET", keys.conversation(conversation)[4], "claimed_at", 1)


def test_a_delivered_message_is_owed_no_longer(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    agent.connect()
    assert customer.say(conversation, "hello")["result"]["seq"] == 1
    (message,) = [frame for frame in agent.received() if frame["type"] == "message"]
    assert (message["offset"], message["body"]["text"]) == (1, "hello")
    assert owed(kefu, shop) == 0


def test_a_message_whose_function_died_is_delivered_by_the_sweep(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    agent.connect()
    agent.received()
    store_only(kefu, conversation, customer, "lost?")
    make_overdue(kefu, shop)
    agent.functions.sweep()
    assert agent.texts() == ["lost?"]
    assert owed(kefu, shop) == 0
    assert customer.ask("conversations")["result"]["conversations"][0]["last"]["body"]["text"] == "lost?"


def test_a_message_whose_function_died_is_delivered_by_the_next_one_in_the_store(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str, person: NewPerson
) -> None:
    agent.connect()
    agent.received()
    store_only(kefu, conversation, customer, "lost?")
    make_overdue(kefu, shop)
    other = person("customer").connect()
    other.say(f"{shop.store}:{other.user}", "hi")
    assert sorted(agent.texts()) == ["hi", "lost?"]
    assert owed(kefu, shop) == 0


def test_a_retry_of_the_sender_delivers_what_was_only_stored(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    agent.connect()
    agent.received()
    store_only(kefu, conversation, customer, "once")
    assert customer.say(conversation, "once", id="once")["result"]["seq"] == 1
    assert agent.texts() == ["once"]
    assert customer.say(conversation, "once", id="once")["result"]["seq"] == 1
    assert agent.texts() == []


def test_a_late_delivery_goes_to_those_whom_the_message_was_for(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str, person: NewPerson
) -> None:
    away = person("agent")
    shop.appoint(away.user)
    agent.connect()
    store_only(kefu, conversation, customer, "anybody?")
    assert agent.ask("claim", conversation=conversation)["type"] == "reply"
    make_overdue(kefu, shop)
    agent.functions.sweep()
    assert away.connect().texts() == ["anybody?"]


def test_what_a_push_could_not_bring_is_in_the_list(
    shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    agent.connect()
    agent.received()
    agent.functions.platform.answer(agent.connection, *[500] * 8)
    assert customer.say(conversation, "hello")["type"] == "reply"
    assert agent.texts() == []
    agent.functions.platform.answer(agent.connection)
    assert agent.ask("sync")["result"] == {}
    assert [frame["body"]["text"] for frame in agent.seen if frame.get("replay")] == ["hello"]


def test_a_push_that_meets_429_is_tried_again(shop: Shop, customer: Person, agent: Person, conversation: str) -> None:
    agent.connect()
    agent.functions.platform.answer(agent.connection, 429)
    customer.say(conversation, "hello")
    assert agent.texts() == ["hello"]


def test_nothing_is_trimmed_without_an_ack(shop: Shop, customer: Person, agent: Person, conversation: str) -> None:
    for text in ("one", "two"):
        customer.say(conversation, text)
    assert agent.connect().texts() == ["one", "two"]
    assert agent.connect().texts() == ["one", "two"]
    agent.ask("ping", ack=1)
    assert agent.connect().texts() == ["two"]


def test_a_delivery_that_was_decided_before_a_removal_reaches_nobody_after_it(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    appended = kefu.store.conversations.append(
        conversation, Identity(customer.user, "C", 2**40), "1", protocol.encode(Text("text", "secret"))
    )
    assert appended.debt is not None
    shop.dismiss(agent.user)
    (reach,) = kefu.store.users.reach([Push(appended.debt.recipients[0], appended.debt.message.json)])
    assert reach is not None
    assert reach.offset == 0
    assert agent.connect().texts() == []


def test_a_removed_agent_keeps_what_came_to_the_customer(
    shop: Shop, person: NewPerson, agent: Person, customer: Person, conversation: str
) -> None:
    other = person("agent")
    shop.appoint(other.user)
    other.connect()
    own = f"{shop.store}:{agent.user}"  # the agent shops here, too
    agent.connect().say(own, "as a customer")
    other.ask("claim", conversation=own)
    other.say(own, "dear customer")
    customer.say(conversation, "for the agents")
    shop.dismiss(agent.user)
    assert agent.connect().texts() == ["dear customer"]


def test_a_message_finds_the_claim_of_an_agent_who_is_away_past_the_grace(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str, person: NewPerson
) -> None:
    other = person("agent")
    shop.appoint(other.user)
    agent.connect()
    customer.say(conversation, "hello")
    agent.ask("claim", conversation=conversation)
    left_long_ago(kefu, conversation, agent)
    customer.say(conversation, "still there?")
    (changed, *_) = [frame for frame in customer.seen if frame["type"] == "conversation"][-1:]
    assert changed["conversation"]["status"] == "waiting"
    assert other.connect().texts() == ["hello", "still there?"]
    assert owed(kefu, shop) == 0


def test_a_system_message_to_an_absent_claimer_changes_no_status(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str, person: NewPerson
) -> None:
    other = person("agent")
    shop.appoint(other.user)
    agent.connect()
    customer.say(conversation, "hello")
    agent.ask("claim", conversation=conversation)
    left_long_ago(kefu, conversation, agent)
    path = "/conversations/{conversation}/messages"
    body = {"id": "s", "body": {"type": "text", "text": "parcel sent"}}
    assert shop.functions.http("POST", path, shop.admin, body, conversation=conversation)[0] == 200
    assert customer.ask("conversations")["result"]["conversations"][0]["status"] == "claimed"
    assert other.connect().texts() == ["hello"]
    assert agent.connect().texts() == ["hello", "parcel sent"]


def test_somebody_who_is_appointed_again_does_not_keep_the_claims_of_before(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    agent.connect()
    customer.say(conversation, "hello")
    agent.ask("claim", conversation=conversation)
    kefu.store.stores.remove_agent(shop.store, agent.user, None)  # and its function dies
    shop.appoint(agent.user)
    error = agent.say(conversation, "still me?")
    assert (error["code"], error["details"]) == ("not_claimer", {"agent": None})
    agent.functions.sweep()
    assert customer.ask("conversations")["result"]["conversations"][0]["status"] == "waiting"


def test_only_those_whose_list_could_not_be_written_are_owed_a_message_again(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str, person: NewPerson
) -> None:
    other = person("agent")
    shop.appoint(other.user)
    agent.connect()
    agent.received()
    (_, _, offline, *_) = keys.user(other.user)
    customer.say(conversation, "one")
    store_only(kefu, conversation, customer, "two")
    entries = kefu.store.scripts.command("ZRANGE", keys.outbox(shop.store), 0, -1)
    kefu.store.conversations.narrow(shop.store, entries[0].decode(), [other.user])
    make_overdue(kefu, shop)
    agent.functions.sweep()
    assert agent.texts() == ["one"]
    assert other.connect().texts() == ["one", "two"]
    assert owed(kefu, shop) == 0
    assert kefu.store.scripts.command("LLEN", offline) == 2


def test_a_watcher_gets_no_copy_before_the_entry_of_the_own_list(
    shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    agent.connect()
    customer.say(conversation, "one")
    agent.ask("watch", conversation=conversation)
    agent.received()
    # A replay has begun on the connection and is not through.
    kefu_users = bootstrap.services().store.users
    begun = kefu_users.begin_replay(agent.user, ConnectionId(agent.connection), again=True)
    assert begun.state == "begun"
    customer.say(conversation, "two")
    assert agent.texts() == []


def test_who_asks_while_joining_does_not_hear_the_own_message(
    functions: Functions, kefu: Services, shop: Shop, person: NewPerson
) -> None:
    customer = person("customer")
    customer.connection, _ = functions.connect(token(customer.user))
    kefu.store.users.note_welcome(ConnectionId(customer.connection))  # welcomed, and its replay is not through
    assert customer.say(f"{shop.store}:{customer.user}", "hello")["type"] == "reply"
    functions.run_calls()
    assert [frame["type"] for frame in customer.received()] == ["conversation"]


def test_a_reply_is_not_followed_by_an_error(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    agent.connect()
    store_only(kefu, conversation, customer, "left behind")
    make_overdue(kefu, shop)
    # What was left behind cannot be read: a fault that has nothing to do with who asks now.
    (entry,) = kefu.store.scripts.command("ZRANGE", keys.outbox(shop.store), 0, -1)
    kefu.store.scripts.command("ZADD", keys.outbox(shop.store), 1, f"x{entry.decode()}")
    customer.functions.message(
        customer.connection,
        {"action": "send", "id": "k", "conversation": conversation, "body": {"type": "text", "text": "hi"}},
    )
    assert [frame["type"] for frame in customer.received() if frame.get("id") == "k"] == ["reply"]


def test_the_sweep_releases_the_claims_of_agents_who_stayed_away(
    kefu: Services, shop: Shop, customer: Person, agent: Person, conversation: str
) -> None:
    agent.connect()
    customer.say(conversation, "hello")
    agent.ask("claim", conversation=conversation)
    agent.functions.sweep()
    assert customer.ask("conversations")["result"]["conversations"][0]["status"] == "claimed"
    left_long_ago(kefu, conversation, agent)
    agent.functions.sweep()
    assert customer.ask("conversations")["result"]["conversations"][0]["status"] == "waiting"


def test_the_sweep_forgets_connections_that_expired_without_a_word(
    kefu: Services, customer: Person, functions: Functions
) -> None:
    kefu.store.scripts.command("ZADD", keys.online_of(customer.connection), 1, customer.connection)  # type: ignore[arg-type]
    functions.sweep()
    assert functions.platform.closed == [customer.connection]
    assert not kefu.store.users.presence([customer.user])[customer.user].online


def test_a_broadcast_runs_in_a_function_of_its_own(
    shop: Shop, customer: Person, agent: Person, functions: Functions
) -> None:
    agent.connect()
    joining, _ = functions.connect(token("newcomer"))
    functions.platform.calls.clear()
    status, _ = functions.http("POST", "/broadcast", shop.admin, {"text": "Sale"})
    assert (status, [name for name, _ in functions.platform.calls]) == (202, ["broadcast"])
    functions.run_calls()
    assert [frame["text"] for frame in customer.received() if frame["type"] == "notice"] == ["Sale"]
    assert functions.platform.taken(joining) == b""  # nothing comes before the welcome
    functions.http("POST", "/broadcast", shop.admin, {"text": "Team", "store": shop.store})
    functions.run_calls()
    assert [frame["text"] for frame in agent.received() if frame["type"] == "notice"] == ["Sale", "Team"]
    assert customer.received() == []
