"""The environment: what is taken, and the one line that a mistake gets."""

import pytest

from chalicelib.settings import Settings, SettingsError
from tests.unit.conftest import SECRET, key_pair, load


def test_a_secret_is_all_that_has_to_be_set() -> None:
    settings = load()
    assert settings.redis_url == "redis://127.0.0.1:6379/0"
    assert not settings.redis_cluster
    assert settings.redis_wait_replicas == 0
    assert settings.jwt_keys == {"HS256": (SECRET,)}
    assert (settings.redis_username, settings.redis_password) == (None, None)
    assert settings.allowed_origins == frozenset()
    assert (settings.rate_limit, settings.claim_grace_s) == (10, 300)
    assert (settings.connections_endpoint, settings.lambda_endpoint) == ("", "")
    assert (settings.socket_url, settings.dev_tokens_url) == ("/ws", None)
    assert (settings.flush_function, settings.broadcast_function) == ("flush", "broadcast")


def test_every_setting_is_read() -> None:
    settings = load(
        REDIS_URL="rediss://user:pw@one:6379, rediss://two:6379",
        REDIS_CLUSTER="1",
        REDIS_USERNAME="kefu",
        REDIS_PASSWORD="a password",
        JWT_PREVIOUS_SECRET="x" * 32,
        JWT_PUBLIC_KEY=key_pair("ES256").public,
        JWT_PREVIOUS_PUBLIC_KEY=key_pair("other ES256").public,
        ALLOWED_ORIGINS=" https://Shop.example/ ,http://127.0.0.1:8000,, ",
        RATE_LIMIT="0",
        CLAIM_GRACE_S="86400",
        REDIS_WAIT_REPLICAS="2",
        CONNECTIONS_ENDPOINT="https://abc.execute-api.cn-north-1.amazonaws.com.cn/prod/",
        SOCKET_URL="wss://chat.shop.example/live",
        DEV_TOKENS_URL="/dev/tokens",
        LAMBDA_ENDPOINT="http://127.0.0.1:8000",
        FLUSH_FUNCTION="kefu-prod-flush",
        BROADCAST_FUNCTION="kefu-prod-broadcast",
    )
    assert settings.redis_cluster
    assert settings.redis_wait_replicas == 2
    assert (settings.redis_username, settings.redis_password) == ("kefu", "a password")
    assert settings.jwt_keys == {
        "HS256": (SECRET, "x" * 32),
        "ES256": (key_pair("ES256").public, key_pair("other ES256").public),
    }
    assert settings.allowed_origins == {"https://shop.example", "http://127.0.0.1:8000"}
    assert (settings.rate_limit, settings.claim_grace_s) == (0, 86_400)
    assert settings.connections_endpoint == "https://abc.execute-api.cn-north-1.amazonaws.com.cn/prod"
    assert (settings.socket_url, settings.dev_tokens_url) == ("wss://chat.shop.example/live", "/dev/tokens")
    assert settings.lambda_endpoint == "http://127.0.0.1:8000"
    assert (settings.flush_function, settings.broadcast_function) == ("kefu-prod-flush", "kefu-prod-broadcast")


def test_what_is_set_to_nothing_is_not_set() -> None:
    names = [
        *("REDIS_URL", "REDIS_CLUSTER", "JWT_PUBLIC_KEY", "ALLOWED_ORIGINS", "RATE_LIMIT", "CLAIM_GRACE_S"),
        *("CONNECTIONS_ENDPOINT", "LAMBDA_ENDPOINT", "FLUSH_FUNCTION", "BROADCAST_FUNCTION"),
        *("SOCKET_URL", "DEV_TOKENS_URL"),
    ]
    assert load(**dict.fromkeys(names, "")) == load()


@pytest.mark.parametrize(
    "url",
    ["redis://h", "redis://h:1", "rediss://h:65535/0", "redis://:pw@h:6379", "redis://u:p%40@h", "redis://[::1]:1"],
)
def test_a_redis_url_is_taken(url: str) -> None:
    assert load(REDIS_URL=url).redis_url == url


@pytest.mark.parametrize(
    ("endpoint", "socket"),
    [
        ("https://abc.execute-api.eu-west-1.amazonaws.com/prod/", "wss://abc.execute-api.eu-west-1.amazonaws.com/prod"),
        ("http://127.0.0.1:8000/ws", "ws://127.0.0.1:8000/ws"),
    ],
)
def test_pages_connect_where_the_service_posts_unless_they_are_told_otherwise(endpoint: str, socket: str) -> None:
    assert load(CONNECTIONS_ENDPOINT=endpoint).socket_url == socket
    assert load(CONNECTIONS_ENDPOINT=endpoint, SOCKET_URL="/ws").socket_url == "/ws"


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
@pytest.mark.parametrize("written", [str, lambda pem: pem.replace("\n", "\\n"), lambda pem: pem + "\n\n"])
def test_a_public_key_says_its_own_algorithm(kind: str, written: "type[str]") -> None:
    keys = Settings.load({"JWT_PUBLIC_KEY": written(key_pair(kind).public)}).jwt_keys
    assert list(keys) == [kind]


SECRETS = ("short", "hunter2-hunter2-hunter2", "p4ssw0rd")

BAD: list[tuple[str, str]] = [
    *(
        ("REDIS_URL", bad)
        for bad in (
            *("127.0.0.1:6379", "http://h:6379", "redis://", "redis://:6379", "redis://h:0", "redis://h:65536", " "),
            *("redis://h:port", "redis://:p4ssw0rd@:6379", "redis://one:1,http://two:2", "redis://one:1,", ",", "h"),
            *("redis://u:p4ssw0rd@h:x", "p4ssw0rd", "redis://[::1", "unix:///tmp/redis"),
        )
    ),
    *(
        (name, bad)
        for name in ("SOCKET_URL", "DEV_TOKENS_URL")
        for bad in (
            "//elsewhere.example",
            "ws",
            "ftp://h",
            "ws://",
            "/ws;",
            "/ws\n",
            "wss://h x",
            "/ws?token=x",
            "https://",
        )
    ),
    ("SOCKET_URL", "https://h"),
    ("DEV_TOKENS_URL", "wss://h"),
    *(("REDIS_CLUSTER", bad) for bad in ("yes", "true", "2", " 1", "1\n", "on", "-1", "\u0661")),
    *(
        (name, bad)
        for name in ("JWT_SECRET", "JWT_PREVIOUS_SECRET")
        for bad in ("short", "hunter2-hunter2-hunter2", "x" * 31, "é" * 15 + "x", "p4ssw0rd\udcff" * 8)
    ),
    *(
        (name, bad)
        for name in ("JWT_PUBLIC_KEY", "JWT_PREVIOUS_PUBLIC_KEY")
        for bad in (
            *("p4ssw0rd", "-----BEGIN PUBLIC KEY-----", "ssh-rsa AAAAB3NzaC1yc2E", "\udcff", "/etc/keys/public.pem"),
            *("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\n\n"),
        )
    ),
    *(
        ("ALLOWED_ORIGINS", bad)
        for bad in (
            *("*", "null", "shop.example", "https://", "https://a.example/path", "ftp://a.example", "https://a b"),
            *("https://a.example https://b.example", "https://a.example,b.example", "https://a.example?x", "//a"),
        )
    ),
    *(
        ("RATE_LIMIT", bad)
        for bad in ("-1", "1.5", "ten", "1000001", "9999999999", "1e3", " 5", "5\n", "+5", "\u0665", "0x5")
    ),
    *(("REDIS_WAIT_REPLICAS", bad) for bad in ("-1", "6", "all", "1.5", " ")),
    *(("CLAIM_GRACE_S", bad) for bad in ("0", "-1", "86401", "5m", "1.5", " ", "300s", "1_000")),
    *(
        (name, bad)
        for name in ("CONNECTIONS_ENDPOINT", "LAMBDA_ENDPOINT")
        for bad in (
            "h",
            "127.0.0.1:8000/ws",
            "wss://h/prod",
            "https://",
            "http://h?x=1",
            "http://h/#a",
            "http://a b",
            "/ws",
        )
    ),
]


def _complaint(environ: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as mistake:
        Settings.load(environ)
    # Not even a traceback with locals may show a secret by way of an exception that led here.
    assert mistake.value.__cause__ is None
    assert mistake.value.__suppress_context__ or mistake.value.__context__ is None
    return str(mistake.value)


@pytest.mark.parametrize(("name", "value"), BAD, ids=lambda value: repr(value)[:50])
def test_a_mistake_gets_one_clear_line(name: str, value: str) -> None:
    line = _complaint({"JWT_SECRET": SECRET, name: value})
    assert name in line
    assert "\n" not in line
    assert 20 < len(line) < 200
    assert line.endswith((".", ")."))


@pytest.mark.parametrize(
    ("name", "value"), [row for row in BAD if row[0] in {"JWT_SECRET", "JWT_PUBLIC_KEY", "REDIS_URL"}]
)
def test_a_mistake_never_shows_a_secret(name: str, value: str) -> None:
    line = _complaint({"JWT_SECRET": SECRET, name: value})
    assert "p4ssw0rd" not in line
    assert name == "REDIS_URL" or value[:20].strip() not in {"", *line.split()}


@pytest.mark.parametrize("kind", ["RSA of 1024 bits", "P-384", "Ed25519"])
def test_a_public_key_of_another_kind_is_refused(kind: str) -> None:
    line = _complaint({"JWT_PUBLIC_KEY": key_pair(kind).public})
    assert "JWT_PUBLIC_KEY" in line
    assert "2,048" in line


def test_a_private_key_is_not_taken_for_a_public_one_and_not_shown() -> None:
    private = key_pair("RS256").private
    line = _complaint({"JWT_PUBLIC_KEY": private})
    assert "JWT_PUBLIC_KEY" in line
    assert private.splitlines()[1] not in line


def test_functions_that_see_no_tokens_need_no_key() -> None:
    assert Settings.load({"JWT_SECRET": "", "JWT_PUBLIC_KEY": ""}).jwt_keys == {}


@pytest.mark.parametrize("secret", ["x" * 32, "é" * 16, "客" * 11])
def test_a_secret_is_measured_in_bytes(secret: str) -> None:
    assert Settings.load({"JWT_SECRET": secret}).jwt_keys == {"HS256": (secret,)}


def test_a_cluster_has_one_database() -> None:
    assert load(REDIS_URL="redis://h:6379/0", REDIS_CLUSTER="1").redis_cluster
    assert "REDIS_URL" in _complaint({"JWT_SECRET": SECRET, "REDIS_URL": "redis://h:6379/1", "REDIS_CLUSTER": "1"})


def test_several_servers_are_a_cluster() -> None:
    seeds = "redis://one:1,redis://two:2"
    assert load(REDIS_URL=seeds, REDIS_CLUSTER="1").redis_url == seeds
    assert "REDIS_CLUSTER" in _complaint({"JWT_SECRET": SECRET, "REDIS_URL": seeds})


def test_settings_do_not_show_their_secrets() -> None:
    shown = repr(
        load(REDIS_URL="redis://:p4ssw0rd@h:6379", REDIS_PASSWORD="p4ssw0rd", JWT_PUBLIC_KEY=key_pair("ES256").public)
    )
    assert SECRET not in shown
    assert "p4ssw0rd" not in shown
    assert "BEGIN" not in shown
