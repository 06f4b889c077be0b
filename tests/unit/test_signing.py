"""Signatures as botocore makes them, for every kind of request that functions make."""

from __future__ import annotations

import datetime
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.gateway import post_requests
from chalicelib.signing import Credentials, Signer, quoted
from tests.unit.signatures import boto_headers, parsed

WORDS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=40)
# As long as a role's, and with what is in those.
TOKENS = st.none() | st.text("ABCabc019+/=", min_size=1, max_size=1200)
RESERVED = "/?#[]@!$&'()*+,;=%: ~_.-^`{|}\\\"<>"
# A segment of dots alone is a direction in a path, and no id.
IDS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(RESERVED), min_size=1, max_size=40).filter(
    lambda text: text.strip(".")
)
ENDPOINTS = st.sampled_from(
    [
        *(
            "https://abc123.execute-api.eu-west-1.amazonaws.com/prod",
            "https://chat.example",
            "https://chat.example/a/b",
        ),
        *("https://abc.execute-api.cn-north-1.amazonaws.com.cn/prod", "http://localhost:1234"),
        *("https://lambda.us-east-1.amazonaws.com", "https://lambda.cn-northwest-1.amazonaws.com.cn"),
        *("http://127.0.0.1:8000/ws", "http://[::1]:8000/ws", "https://10.0.0.1:8443/@ws"),
    ]
)
REGIONS = st.sampled_from(["us-east-1", "eu-west-1", "cn-north-1", "cn-northwest-1"])
MOMENTS = st.datetimes(datetime.datetime(2000, 1, 1), datetime.datetime(2099, 1, 1))
# The service, the method, where the path goes on from an endpoint, what it ends with, and the headers.
KINDS = st.sampled_from(
    [
        ("execute-api", "POST", "/@connections/", "{}", {}),
        ("execute-api", "DELETE", "/@connections/", "{}", {}),
        (
            *("lambda", "POST", "/2015-03-31/functions/", "{}/invocations"),
            {"X-Amz-Invocation-Type": "Event", "Content-Type": "application/json"},
        ),
        (
            *("secretsmanager", "POST", "/", ""),
            {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "secretsmanager.GetSecretValue"},
        ),
    ]
)


@settings(max_examples=500)
@given(
    credentials=st.builds(Credentials, WORDS, WORDS, TOKENS, REGIONS),
    kind=KINDS,
    endpoint=ENDPOINTS,
    asked=st.lists(st.tuples(IDS, st.binary(max_size=200)), min_size=1, max_size=4),
    moment=MOMENTS,
)
def test_every_request_of_a_signer_is_signed_as_botocore_signs_it(
    credentials: Credentials,
    kind: tuple[str, str, str, str, dict[str, str]],
    endpoint: str,
    asked: list[tuple[str, bytes]],
    moment: datetime.datetime,
) -> None:
    service, method, start, end, headers = kind
    stamp = moment.strftime("%Y%m%dT%H%M%SZ")
    signer = Signer(credentials, service, method, endpoint + start, headers, stamp)
    for name, sent in asked:
        path = end.format(quoted(name))
        said, where, ours, body = parsed(signer.request(path, sent))
        url = endpoint + start + end.format(quote(name, safe=""))
        assert (said, body, ours.pop("content-length")) == (method, sent, str(len(sent)))
        assert f"{endpoint.partition('://')[0]}://{ours.pop('host')}{where}" == url
        assert ours == boto_headers(credentials, service, method, url, sent, headers, stamp)


@settings(max_examples=200)
@given(posts=st.lists(st.tuples(IDS, st.binary(max_size=50)), max_size=5), endpoint=ENDPOINTS, token=TOKENS)
def test_the_posts_of_a_push_are_signed_as_botocore_signs_them(
    posts: list[tuple[str, bytes]], endpoint: str, token: str | None
) -> None:
    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("AWS_ACCESS_KEY_ID", "key")
        environ.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environ.setenv("AWS_REGION", "cn-north-1")
        if token is None:
            environ.delenv("AWS_SESSION_TOKEN", raising=False)
        else:
            environ.setenv("AWS_SESSION_TOKEN", token)
        requests = post_requests(endpoint, posts)
        credentials = Credentials.from_environment()
    assert len(requests) == len(posts)
    for request, (connection, frame) in zip(requests, posts, strict=True):
        _, where, ours, body = parsed(request)
        url = f"{endpoint}/@connections/{quote(connection, safe='')}"
        assert url.endswith(where)
        theirs = boto_headers(credentials, "execute-api", "POST", url, frame, {}, ours["x-amz-date"])
        assert (body, ours["authorization"]) == (frame, theirs["authorization"])


def test_a_new_day_and_new_credentials_have_new_signatures() -> None:
    def signature(secret: str, stamp: str) -> str:
        signer = Signer(
            Credentials("key", secret, None, "us-east-1"), "lambda", "POST", "https://a.example/", {}, stamp
        )
        return parsed(signer.request("x", b""))[2]["authorization"].rpartition("=")[2]

    stamps = ("20260209T235959Z", "20260210T000000Z", "20260210T000001Z")
    assert len({signature(secret, stamp) for secret in ("one", "two") for stamp in stamps}) == 6


def test_credentials_are_those_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "one")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "two")
    assert Credentials.from_environment() == Credentials("one", "two", None, "us-east-1")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "three")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert Credentials.from_environment() == Credentials("one", "two", "three", "eu-west-1")
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    assert Credentials.from_environment().region == "cn-north-1"
