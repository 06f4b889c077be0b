"""One service for the session: a server of its own, or a deployed stage (`tests.smoke`).

Every test opens stores and brings people of its own.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.client import DEADLINE, Client, Frame, fresh, tls
from tests.e2e.server import NOTHING, Server, Service

# The deployed stage that a run is against; without it, it is against a server of its own.
STAGE = pytest.StashKey[Service]()
# On a stage the stores stay behind, and are known by it.
PREFIX = "test-"
SHARED_SECRET = "a secret of the tests, long enough for HS256, for HS384 and for HS512 too"


class Answer(NamedTuple):
    status: int
    body: Any
    headers: http.client.HTTPMessage


def fetch(
    base: str, method: str, path: str, payload: bytes | None = None, headers: Mapping[str, str] = NOTHING
) -> Answer:
    """One HTTP request to a path below `base`. An answer that is no JSON has the text as its body."""
    where = urlsplit(base)
    host, port = where.hostname or "", where.port
    connection = (
        http.client.HTTPSConnection(host, port, timeout=DEADLINE, context=tls())
        if where.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=DEADLINE)
    )
    try:
        connection.request(method, where.path + path, payload, dict(headers))
        response = connection.getresponse()
        text = response.read().decode()
    finally:
        connection.close()
    try:
        return Answer(response.status, json.loads(text), response.headers)
    except json.JSONDecodeError:
        return Answer(response.status, text, response.headers)


@dataclass
class Marketplace:
    """The operator's view of a running service: tokens, stores, HTTP, and sockets that are closed at the end."""

    server: Service
    clients: list[Client] = field(default_factory=list)
    patient: bool = False

    def token(self, user: str, *, name: str | None = None, admin: bool = False) -> str:
        return self.server.token(user, name=name, scope="admin" if admin else None)

    def http(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = None,
        raw: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """One HTTP request: `body` goes as JSON, `raw` as it is. An answer that is no JSON has the text as its body."""
        sent = {"Content-Type": "application/json"} if body is not None or raw is not None else {}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        payload = raw if raw is not None else None if body is None else json.dumps(body, ensure_ascii=False).encode()
        return fetch(self.server.url, method, path, payload, {**sent, **(headers or {})})

    def admin(self, method: str, path: str, body: Any = None, *, expect: int = 200) -> Any:
        """What the marketplace's own back end gets; AssertionError where the status is another."""
        answer = self.http(method, path, body, token=self.token("back-end", admin=True))
        assert answer.status == expect, answer
        return answer.body

    def connect(self, user: str | None = None, *, name: str | None = None, greet: bool = True) -> Client:
        """A connection of that user (without one, of somebody new), its welcome and replay taken."""
        user = user or fresh("carl")
        client = Client.open(self.server.ws, user, self.token(user, name=name), patient=self.patient)
        self.clients.append(client)
        return client.greet() if greet else client

    def open_store(self, label: str = "tea", *, name: str = "Tea house 茶馆", **settings: Any) -> Shop:
        store = fresh(f"{PREFIX}{label}")
        self.admin("PUT", f"/stores/{store}", {"name": name, **settings})
        return Shop(self, store)

    def close(self) -> None:
        for client in self.clients:
            client.close()


@dataclass
class Shop:
    """One store, its agents and its customers."""

    market: Marketplace
    store: str

    def appoint(self, user: str, role: str = "agent", name: str | None = None) -> str:
        body = {"role": role} if name is None else {"role": role, "name": name}
        self.market.admin("PUT", f"/stores/{self.store}/agents/{user}", body)
        return user

    def remove(self, user: str) -> None:
        self.market.admin("DELETE", f"/stores/{self.store}/agents/{user}")

    def agent(self, label: str = "ann", role: str = "agent", name: str | None = None) -> Client:
        """A new agent of the store, connected."""
        return self.market.connect(self.appoint(fresh(label), role, name))

    def customer(self, label: str = "carl", name: str | None = None) -> Client:
        return self.market.connect(fresh(label), name=name)

    def conversation(self, customer: Client | str) -> str:
        return f"{self.store}:{customer if isinstance(customer, str) else customer.user}"

    def waiting(self, text: str = "hello") -> tuple[Client, str]:
        """A new customer who has said one thing, and the conversation."""
        customer = self.customer()
        customer.say(self.conversation(customer), text)
        return customer, self.conversation(customer)

    def claimed(self, agent: Client, text: str = "hello") -> tuple[Client, str]:
        """The same, claimed by that agent."""
        customer, conversation = self.waiting(text)
        agent.ask("claim", conversation=conversation)
        return customer, conversation

    def announce(self, conversation: str, text: str, id_: str | None = None) -> Frame:
        """A message of side `system`."""
        body = {"id": id_ or fresh("sys"), "body": {"type": "text", "text": text}}
        answer: Frame = self.market.admin("POST", f"/conversations/{quote(conversation, safe=':')}/messages", body)
        return answer


def public_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.fixture(scope="session")
def signing_key() -> ec.EllipticCurvePrivateKey:
    """The identity provider's key: the service knows its public half."""
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="session")
def server(
    request: pytest.FixtureRequest,
    tmp_path_factory: pytest.TempPathFactory,
    signing_key: ec.EllipticCurvePrivateKey,
) -> Iterator[Service]:
    if STAGE in request.config.stash:
        yield request.config.stash[STAGE]
        return
    settings = {
        "RATE_LIMIT": "0",
        "SWEEP_S": "60",
        "JWT_SECRET": SHARED_SECRET,
        "JWT_PUBLIC_KEY": public_pem(signing_key),
        "ALLOWED_ORIGINS": "https://market.example,https://shop.example:8443",
    }
    with Server.start(tmp_path_factory.mktemp("kefu"), env=settings) as running:
        yield running


@pytest.fixture
def market(request: pytest.FixtureRequest, server: Service) -> Iterator[Marketplace]:
    marketplace = Marketplace(server, patient=STAGE in request.config.stash)
    yield marketplace
    marketplace.close()


@pytest.fixture
def shop(market: Marketplace) -> Shop:
    return market.open_store()
