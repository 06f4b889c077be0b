"""Keys and settings that more than one page of these tests needs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import hypothesis
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from chalicelib.settings import Settings

# A machine that is busy makes a test slow, not wrong.
hypothesis.settings.register_profile("kefu", deadline=None, database=None)
hypothesis.settings.load_profile("kefu")

SECRET = "a secret of the tests, long enough for HS256"


@dataclass(frozen=True)
class KeyPair:
    """Both halves of a key in PEM."""

    private: str
    public: str


PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def _pair(key: PrivateKey) -> KeyPair:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return KeyPair(private.decode(), public.decode())


@cache
def key_pair(kind: str) -> KeyPair:
    """A key of a kind, made once: RS256, ES256, and those that no setting takes."""
    kinds: dict[str, Callable[[], PrivateKey]] = {
        "RS256": lambda: rsa.generate_private_key(65537, 2048),
        "other RS256": lambda: rsa.generate_private_key(65537, 2048),
        "RSA of 1024 bits": lambda: rsa.generate_private_key(65537, 1024),
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "other ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "P-384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "Ed25519": ed25519.Ed25519PrivateKey.generate,
    }
    return _pair(kinds[kind]())


def load(**environ: str) -> Settings:
    """Settings with a secret, and what else is given."""
    given: Mapping[str, str] = {"JWT_SECRET": SECRET, **environ}
    return Settings.load(given)


@pytest.fixture
def settings() -> Settings:
    return load(ALLOWED_ORIGINS="https://shop.example, https://admin.example:8443")
