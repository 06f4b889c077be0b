"""The store over real Redis, and people who use it: one body of tests for one node and for a cluster."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import hypothesis
import pytest

from chalicelib import protocol
from chalicelib.model import Change, ConnectionId, ConversationId, Debt, Identity, Person, Recipient, Role, Text, UserId
from chalicelib.settings import Settings
from chalicelib.store import Store, keys
from chalicelib.store.conversations import Appended
from chalicelib.store.scripts import Scripts
from chalicelib.store.users import Push, Reach

# A machine that is busy makes a test slow, not wrong.
hypothesis.settings.register_profile("kefu", deadline=None, database=None)
hypothesis.settings.load_profile("kefu")

SECRET = "a secret of the tests, long enough for HS256"

NewName = Callable[[str], str]


_opened: list[Scripts] = []


def kept(scripts: Scripts) -> Scripts:
    """Scripts whose connections are closed at the end of the tests.

    A process has its connections for as long as it lives; a cluster's client that is dropped leaves its sockets open.
    """
    _opened.append(scripts)
    return scripts


def open_store(redis_settings: dict[str, str], **more: str) -> Store:
    """A store of its own, as another process would have it."""
    store = Store(Settings.load({**redis_settings, "JWT_SECRET": SECRET, "RATE_LIMIT": "0", **more}))
    kept(store.scripts)
    return store


@pytest.fixture(scope="session", autouse=True)
def closed_connections() -> Iterator[None]:
    yield
    for scripts in _opened:
        scripts.close()


@pytest.fixture(scope="session")
def store(redis_settings: dict[str, str]) -> Store:
    return open_store(redis_settings)


def identity(user: UserId, connection: str = "", name: str = "") -> Identity:
    return Identity(user, name or f"{user}!", int(time.time()) + 3600, connection=ConnectionId(connection))


def text_body(text: str) -> bytes:
    return protocol.encode(Text(type="text", text=text))


@dataclass
class Shop:
    """A store with its people; `say` answers what was stored."""

    store: Store
    id: str
    new_name: NewName
    supervisor: UserId = ""
    agents: list[UserId] = field(default_factory=list)
    joined: dict[UserId, int] = field(default_factory=dict)

    def appoint(self, user: UserId, role: Role = "agent", name: str = "") -> int:
        """Makes somebody an agent, in both slots; the number of the membership."""
        self.joined[user] = self.store.stores.put_agent(self.id, user, role, name, None)
        self.store.users.note_membership(user, self.id, self.joined[user])
        return self.joined[user]

    def dismiss(self, user: UserId) -> list[UserId]:
        """Takes an agent out of the store's table alone; the customers left claimed."""
        removal = self.store.stores.remove_agent(self.id, user, None)
        assert removal.was_agent
        return removal.customers

    def customer(self) -> ConversationId:
        """A new customer's conversation, which does not exist yet."""
        return f"{self.id}:{self.new_name('customer')}"

    def waiting(self, text: str = "hello") -> ConversationId:
        """A conversation that its customer has just begun."""
        conversation = self.customer()
        self.say(conversation, text)
        return conversation

    def claimed(self, agent: UserId = "") -> ConversationId:
        """A conversation that an agent has claimed, the first one unless said otherwise."""
        conversation = self.waiting()
        self.claim(conversation, agent or self.agents[0])
        return conversation

    def say(
        self, conversation: ConversationId, text: str, by: UserId | None = None, id: str = "", **how: str
    ) -> Appended:
        """The customer says something, or somebody else."""
        user = customer_of(conversation) if by is None else by
        request_id = id or self.new_name("id")
        return self.store.conversations.append(conversation, identity(user, **how), request_id, text_body(text))

    def announce(self, conversation: ConversationId, text: str, id: str = "") -> Appended:
        """The system says something."""
        return self.store.conversations.append(conversation, None, id or self.new_name("id"), text_body(text))

    def claim(
        self, conversation: ConversationId, agent: UserId, force: Literal["no", "yes", "if_supervisor"] = "no"
    ) -> Change:
        return self.store.conversations.claim(conversation, identity(agent), force)

    def transfer(self, conversation: ConversationId, by: UserId, to: UserId) -> Change:
        return self.store.conversations.transfer(conversation, by, Person(to, f"{to}!"))

    def history(self, conversation: ConversationId) -> list[str]:
        """The texts of all messages, as the customer reads them; 100 at most."""
        messages, more = self.store.conversations.history(conversation, customer_of(conversation), "after", 0, 100)
        assert not more
        return [json.loads(message)["body"]["text"] for message in messages]

    def list(self, listed: str = "all", limit: int = 100) -> list[ConversationId]:
        """The conversations in one of the store's lists, as its supervisor sees it."""
        rows = self.store.conversations.page(self.id, self.supervisor, listed, "", limit)
        return [conversation for _, conversation in rows]

    def agent_recipients(self) -> set[Recipient]:
        return {Recipient(user, self.id, joined) for user, joined in self.joined.items()}


def customer_of(conversation: ConversationId) -> UserId:
    return conversation.partition(":")[2]


def message_of(debt: Debt | None) -> dict[str, Any]:
    """The message that is owed, as its readers get it."""
    assert debt is not None
    message: dict[str, Any] = json.loads(debt.message.json)
    return message


@pytest.fixture
def shop(store: Store, new_name: NewName) -> Shop:
    """A store with a supervisor and two agents, and a grace of 60 s."""
    opened = Shop(store, new_name("shop"), new_name)
    store.stores.put(opened.id, "Tea House", 60)
    opened.supervisor = new_name("supervisor")
    opened.appoint(opened.supervisor, "supervisor")
    for _ in range(2):
        agent = new_name("agent")
        opened.agents.append(agent)
        opened.appoint(agent)
    return opened


@dataclass
class Inbox:
    """A user of its own, with the verbs of the user's slot."""

    store: Store
    user: UserId
    new_name: NewName
    appended: int = 0

    def connect(self, name: str = "") -> Identity:
        """A new connection, its replay not begun."""
        who = identity(self.user, self.new_name("connection"), name)
        self.store.users.connect(who.connection, who)
        return who

    def live(self) -> Identity:
        """A new connection with its replay behind it."""
        who = self.connect()
        self.replay(who.connection)
        return who

    def append(self, event: str = "", to: Recipient | None = None) -> Reach:
        """An entry for the list; where the user is online."""
        self.appended += 1
        durable = (event or f'{{"n":{self.appended}}}').encode()
        (reach,) = self.store.users.reach([Push(to or Recipient(self.user), durable)])
        assert reach is not None
        return reach

    def tell(self, *frames: str, to: Recipient | None = None, asker: ConnectionId | None = None) -> Reach:
        """Frames that are not durable, and not for the asker's own connection; where the user is online."""
        push = Push(to or Recipient(self.user), frames=tuple((frame.encode(), False) for frame in frames))
        (reach,) = self.store.users.reach([push], asker)
        assert reach is not None
        return reach

    def look(self, to: Recipient | None = None) -> Reach:
        """Where the user is online; nothing is left."""
        (reach,) = self.store.users.reach([Push(to or Recipient(self.user))])
        assert reach is not None
        return reach

    def ack(self, offset: int) -> int:
        """Acknowledges up to an offset; the time at which it was applied."""
        return self.store.users.admit(identity(self.user), offset).at

    def replay(self, connection: ConnectionId, *, again: bool = False) -> list[tuple[int, bytes]]:
        """The whole list, as a connection gets it, then what was held back (offset 0); the connection is live then."""
        replay = self.store.users.begin_replay(self.user, connection, again=again)
        assert replay.state == "begun"
        found: list[tuple[int, bytes]] = []
        while True:
            behind = max((offset for offset, _ in found), default=0)
            entries = self.store.users.next_entries(self.user, connection, replay.lessee, behind)
            if isinstance(entries, str):
                assert entries == "live"
                return found
            found += entries

    def offsets(self) -> list[int]:
        """The offsets in the list, as a new connection gets them."""
        who = self.connect()
        found = [offset for offset, _ in self.replay(who.connection)]
        self.store.users.forget(who.connection)
        return found

    @property
    def keys(self) -> dict[str, str]:
        names = ("connections", "inbox", "offline", "stores", "conversations", "rate", "held")
        return dict(zip(names, keys.user(self.user), strict=True))


@pytest.fixture
def inbox(store: Store, new_name: NewName) -> Inbox:
    return Inbox(store, new_name("user"), new_name)
