"""What the environment says, checked once: a mistake stops the start with one clear line."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

MIN_SECRET_BYTES = 32
GRACE_LIMITS_S = (1, 86_400)
# As strict as a header of a page needs them.
HOST = r"[A-Za-z0-9.\[\]:-]+"
PATH = r"[A-Za-z0-9._~/@-]*"

Algorithm = Literal["HS256", "RS256", "ES256"]


class SettingsError(Exception):
    """A setting that cannot be used; `str()` is a line for the person who set it, without the value of a secret."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of the deployed code. Durations carry their unit in the name."""

    redis_url: str = field(repr=False)
    redis_username: str | None
    redis_password: str | None = field(repr=False)
    redis_cluster: bool
    redis_wait_replicas: int
    jwt_keys: Mapping[Algorithm, tuple[str, ...]] = field(repr=False)
    allowed_origins: frozenset[str]
    rate_limit: int
    claim_grace_s: int
    connections_endpoint: str
    socket_url: str
    dev_tokens_url: str | None
    lambda_endpoint: str
    flush_function: str
    broadcast_function: str

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Reads and checks every setting. Raises SettingsError at the first one that cannot be used."""
        return cls(
            redis_url=_redis_url(
                environ.get("REDIS_URL") or "redis://127.0.0.1:6379/0", cluster=_switch(environ, "REDIS_CLUSTER")
            ),
            redis_username=environ.get("REDIS_USERNAME") or None,
            redis_password=environ.get("REDIS_PASSWORD") or None,
            redis_cluster=_switch(environ, "REDIS_CLUSTER"),
            redis_wait_replicas=_number(environ, "REDIS_WAIT_REPLICAS", 0, (0, 5)),
            jwt_keys=_jwt_keys(environ),
            allowed_origins=frozenset(_origins(environ.get("ALLOWED_ORIGINS", ""))),
            rate_limit=_number(environ, "RATE_LIMIT", 10, (0, 1_000_000)),
            claim_grace_s=_number(environ, "CLAIM_GRACE_S", 300, GRACE_LIMITS_S),
            connections_endpoint=_endpoint(environ, "CONNECTIONS_ENDPOINT"),
            socket_url=_socket_url(environ),
            dev_tokens_url=_dev_tokens_url(environ),
            lambda_endpoint=_endpoint(environ, "LAMBDA_ENDPOINT"),
            flush_function=environ.get("FLUSH_FUNCTION") or "flush",
            broadcast_function=environ.get("BROADCAST_FUNCTION") or "broadcast",
        )


def _redis_url(text: str, *, cluster: bool) -> str:
    seeds = [seed.strip() for seed in text.split(",")]
    if len(seeds) > 1 and not cluster:
        raise SettingsError("REDIS_URL names several servers; that is for a cluster (REDIS_CLUSTER=1).")
    for seed in seeds:
        try:
            url = urlsplit(seed)
            usable = url.scheme in {"redis", "rediss"} and bool(url.hostname) and url.port != 0
            usable = usable and not url.query and bool(re.fullmatch(r"/?[0-9]{0,9}", url.path))
        except ValueError:
            usable = False
        if not usable:
            raise SettingsError(
                "REDIS_URL must be redis://host:port or rediss://host:port, with the number of a database after / "
                "where it is not 0 (several seeds by comma)."
            )
        if cluster and url.path.strip("/") not in {"", "0"}:
            raise SettingsError("REDIS_URL names a database; a cluster has only 0.")
    return text


def _jwt_keys(environ: Mapping[str, str]) -> dict[Algorithm, tuple[str, ...]]:
    """The keys that tokens may be signed with. The previous ones count, too, while the marketplace changes its own."""
    keys: dict[Algorithm, tuple[str, ...]] = {}
    for name in ("JWT_SECRET", "JWT_PREVIOUS_SECRET"):
        if secret := environ.get(name):
            if not _is_utf8(secret):
                raise SettingsError(f"{name} is not valid UTF-8.")
            if len(secret.encode()) < MIN_SECRET_BYTES:
                raise SettingsError(f"{name} must have at least {MIN_SECRET_BYTES} bytes.")
            keys["HS256"] = (*keys.get("HS256", ()), secret)
    for name in ("JWT_PUBLIC_KEY", "JWT_PREVIOUS_PUBLIC_KEY"):
        if pem := environ.get(name):
            if not _is_utf8(pem):
                raise SettingsError(f"{name} is not valid UTF-8.")
            # One line of an environment file often carries its line ends as \n.
            pem = pem.replace("\\n", "\n")
            algorithm = _public_key_algorithm(name, pem)
            keys[algorithm] = (*keys.get(algorithm, ()), pem)
    return keys


def _is_utf8(text: str) -> bool:
    # The environment's other bytes arrive as lone surrogates.
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _public_key_algorithm(name: str, pem: str) -> Algorithm:
    # Only who uses a public key pays for the import.
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError(f"{name} is not a public key in PEM (-----BEGIN PUBLIC KEY-----).") from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size >= 2048:
        return "RS256"
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256"
    raise SettingsError(f"{name} must be an RSA key of at least 2,048 bits (RS256) or a P-256 key (ES256).")


def _origins(text: str) -> list[str]:
    origins = [origin.strip().rstrip("/").lower() for origin in text.split(",") if origin.strip()]
    for origin in origins:
        if not re.fullmatch(r"https?://[^/?#\s]+", origin):
            raise SettingsError(
                f"ALLOWED_ORIGINS: {origin} is no origin; write them as https://shop.example, by comma."
            )
    return origins


def _switch(environ: Mapping[str, str], name: str) -> bool:
    text = environ.get(name) or "0"
    if text not in {"0", "1"}:
        raise SettingsError(f"{name} must be 1 or 0.")
    return text == "1"


def _number(environ: Mapping[str, str], name: str, default: int, limits: tuple[int, int]) -> int:
    text = environ.get(name) or str(default)
    least, most = limits
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise SettingsError(f"{name} must be a whole number from {least:,} to {most:,}.")
    return int(text)


def _endpoint(environ: Mapping[str, str], name: str) -> str:
    text = (environ.get(name) or "").rstrip("/")
    if text and not re.fullmatch(r"https?://[^\s?#]+", text):
        raise SettingsError(f"{name} must be an http:// or https:// address.")
    return text


def _socket_url(environ: Mapping[str, str]) -> str:
    text = environ.get("SOCKET_URL") or re.sub("^http", "ws", _endpoint(environ, "CONNECTIONS_ENDPOINT")) or "/ws"
    if not re.fullmatch(rf"wss?://{HOST}(/{PATH})?|/(?!/){PATH}", text):
        raise SettingsError("SOCKET_URL must be a ws:// or wss:// address, or a path.")
    return text


def _dev_tokens_url(environ: Mapping[str, str]) -> str | None:
    """Where the pages get tokens for demo identities. Whoever reaches it is anybody: one machine only."""
    text = environ.get("DEV_TOKENS_URL") or None
    if text and not re.fullmatch(rf"https?://{HOST}(/{PATH})?|/(?!/){PATH}", text):
        raise SettingsError("DEV_TOKENS_URL must be an http:// or https:// address, or a path.")
    return text
