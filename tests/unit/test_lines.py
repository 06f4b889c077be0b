"""What REDIS_URL says, and what a server's refusal means: apart from any server."""

from typing import Any

import pytest
from redis._parsers import BaseParser

from chalicelib.settings import Settings, SettingsError
from chalicelib.store.line import Way, is_fault, parsed


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://a", ([("a", 6379)], Way(tls=False, username="set", password="apart"))),
        ("rediss://a:7000/2", ([("a", 7000)], Way(tls=True, username="set", password="apart", database=2))),
        ("redis://:p%40ss@a/0", ([("a", 6379)], Way(tls=False, username="set", password="p@ss"))),
        ("redis://me:w%3Ard@[::1]:1", ([("::1", 1)], Way(tls=False, username="me", password="w:rd"))),
        ("redis://me:word@a, redis://b:2", ([("a", 6379), ("b", 2)], Way(tls=False, username="me", password="word"))),
    ],
)
def test_a_url_says_where_and_as_whom_and_what_it_leaves_open_is_set_apart(
    url: str, expected: tuple[list[tuple[str, int]], Way]
) -> None:
    assert parsed(url, "set", "apart") == expected


@pytest.mark.parametrize("url", ["redis://a/tea", "redis://a/1/2", "redis://a?db=1", "rediss://a/0?ssl_cert_reqs=none"])
def test_a_url_that_says_more_than_is_read_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        Settings.load({"REDIS_URL": url})


def test_a_way_keeps_its_password_to_itself() -> None:
    _, way = parsed("redis://:p4ssw0rd@a", None, None)
    assert "p4ssw0rd" not in repr(way)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ERR wrong number of arguments for 'get' command", True),
        ("WRONGTYPE Operation against a key holding the wrong kind of value", True),
        ("CROSSSLOT Keys in request don't hash to the same slot", True),
        ("OOM command not allowed when used memory > 'maxmemory'.", False),
        ("READONLY You can't write against a read only replica. script: 0123, on @user_script:5.", False),
        ("ERR max number of clients reached", False),
        ("MOVED 3999 127.0.0.1:6381", False),
        ("LOADING Redis is loading the dataset in memory", False),
    ],
)
def test_a_refusal_is_our_fault_or_a_state_of_the_server(text: str, expected: bool) -> None:
    parser: Any = BaseParser  # redis-py leaves it without types
    assert is_fault(parser.parse_error(text)) == expected
