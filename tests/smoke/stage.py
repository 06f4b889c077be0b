"""A deployed stage: where it is, what signs tokens that it takes, and whether it is one at all."""

from __future__ import annotations

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urljoin, urlsplit

import jwt
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from websockets.exceptions import WebSocketException

from chalicelib.settings import MIN_SECRET_BYTES
from tests.e2e.client import Client, fresh
from tests.e2e.conftest import Answer, fetch

HEALTHY = {"status": "ok", "redis": "ok"}
SOCKETS = {"http": "ws", "https": "wss"}


class Unfit(Exception):
    """Why no test can run; `str()` is one line for whoever asked for them."""


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs as the marketplace does; `name` is the setting that it comes from."""

    name: Literal["JWT_SECRET", "JWT_PRIVATE_KEY_FILE"]
    algorithm: Literal["HS256", "RS256", "ES256"]
    key: str | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = field(repr=False)

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Signer:
        """Raises Unfit where neither setting is there, or the one that is cannot be used."""
        if secret := environ.get("JWT_SECRET"):
            if len(secret.encode(errors="surrogateescape")) < MIN_SECRET_BYTES:
                raise Unfit(f"JWT_SECRET has less than {MIN_SECRET_BYTES} bytes: no stage takes it.")
            return cls("JWT_SECRET", "HS256", secret)
        if file := environ.get("JWT_PRIVATE_KEY_FILE"):
            try:
                key = load_pem_private_key(Path(file).read_bytes(), password=None)
            except OSError as error:
                raise Unfit(f"JWT_PRIVATE_KEY_FILE cannot be read: {error}") from None
            except (TypeError, ValueError, UnsupportedAlgorithm):  # TypeError: it is encrypted
                raise Unfit(f"JWT_PRIVATE_KEY_FILE: {file} holds no private key in PEM without a passphrase.") from None
            if isinstance(key, rsa.RSAPrivateKey):
                return cls("JWT_PRIVATE_KEY_FILE", "RS256", key)
            if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
                return cls("JWT_PRIVATE_KEY_FILE", "ES256", key)
            raise Unfit(f"JWT_PRIVATE_KEY_FILE: {file} holds neither an RSA key (RS256) nor one of P-256 (ES256).")
        raise Unfit(
            "Set JWT_SECRET to the stage's own, or JWT_PRIVATE_KEY_FILE to the key that belongs to its JWT_PUBLIC_KEY."
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """A running service that is somebody's: the tests have its addresses and its key, and nothing else."""

    url: str
    ws: str
    signer: Signer

    @classmethod
    def reach(cls, url: str, signer: Signer) -> Stage:
        """The stage with that HTTP base, once all that the tests need has answered. Raises Unfit."""
        url = url.rstrip("/")
        _check_address(url)
        health = _ask(url, "/health")
        if (health.status, health.body) != (200, HEALTHY):
            raise Unfit(f"{url} is no kefu that is well: GET /health answers {_brief(health)}")
        settings = _ask(url, "/settings.json")
        if settings.status != 200 or not isinstance(settings.body, dict):
            raise Unfit(f"{url} does not say where its socket is: GET /settings.json answers {_brief(settings)}")
        stage = cls(url, _socket_address(url, str(settings.body.get("socket"))), signer)
        stage.check_signer()
        stage.check_socket()
        return stage

    @property
    def port(self) -> int:
        where = urlsplit(self.url)
        return where.port or (443 if where.scheme == "https" else 80)

    def token(self, sub: str, *, name: str | None = None, scope: str | None = None, ttl_s: int = 3600) -> str:
        """A JWT for `sub`, signed here; a negative `ttl_s` makes one that has expired."""
        claims = {"sub": sub, "name": name, "scope": scope, "exp": int(time.time()) + ttl_s}
        given = {claim: value for claim, value in claims.items() if value is not None}
        return jwt.encode(given, self.signer.key, self.signer.algorithm)

    def check_signer(self) -> None:
        """Raises Unfit unless the stage takes what the signer signs."""
        token = self.token(fresh("nobody"))
        answer = _ask(self.url, "/stores", {"Authorization": f"Bearer {token}"})
        if answer.status == 401:
            raise Unfit(
                f"{self.url} does not take tokens that are signed by {self.signer.name}: is it the stage's own?"
            )
        if answer.status != 200:
            raise Unfit(f"{self.url} does not work: GET /stores answers {_brief(answer)}")

    def check_socket(self) -> None:
        """Raises Unfit unless the socket opens, and the welcome comes."""
        try:
            client = Client.open(self.ws, user := fresh("nobody"), self.token(user))
        except (OSError, WebSocketException) as error:
            raise Unfit(f"The socket at {self.ws} does not open: {_line(error)}") from None
        try:
            client.greet()
        except (OSError, WebSocketException, AssertionError) as error:
            raise Unfit(f"The socket at {self.ws} opens, but no welcome comes: {_line(error)}") from None
        finally:
            client.close()


def _check_address(url: str) -> None:
    if not url:
        raise Unfit("Which stage? make smoke URL=https://….execute-api.….amazonaws.com/api")
    try:
        where = urlsplit(url)
        usable = where.scheme in SOCKETS and bool(where.hostname) and where.port != 0
    except ValueError:
        usable = False
    if not usable or where.query or where.fragment:
        raise Unfit(f"URL={url} is no address of a stage: it is the base of its HTTP routes, https://….")


def _ask(url: str, path: str, headers: Mapping[str, str] | None = None) -> Answer:
    try:
        return fetch(url, "GET", path, headers=headers or {})
    except (OSError, http.client.HTTPException) as error:
        raise Unfit(f"Nothing answers at {url}: {_line(error)}") from None
    except UnicodeDecodeError:
        raise Unfit(f"{url} is no kefu: GET {path} answers something that is no text.") from None


def _socket_address(url: str, socket: str) -> str:
    """Where pages would connect: `socket` may be relative to the base."""
    scheme, colon, rest = urljoin(f"{url}/", socket).partition(":")
    return SOCKETS.get(scheme, scheme) + colon + rest


def _brief(answer: Answer) -> str:
    return f"{answer.status}, {_line(answer.body)}"


def _line(said: object) -> str:
    text = " ".join(str(said).split()) or type(said).__name__
    return text if len(text) <= 200 else f"{text[:200]}…"
