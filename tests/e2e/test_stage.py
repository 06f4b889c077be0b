"""What a deployment can get wrong although the code is right: its routes, headers, addresses and keys."""

from __future__ import annotations

import re

import pytest
from websockets.exceptions import InvalidStatus

from tests.e2e.client import Client, fresh
from tests.e2e.conftest import Marketplace


@pytest.mark.parametrize(
    ("path", "media_type", "named"),
    [
        ("/widget.js", "text/javascript", r'"\./(web/[^"]+)"'),
        ("/console.js", "text/javascript", r'"\./(web/[^"]+)"'),
        ("/console", "text/html", r'(?:src|href)="(web/[^"]+)"'),
    ],
)
def test_a_page_comes_with_all_that_it_names(market: Marketplace, path: str, media_type: str, named: str) -> None:
    page = market.http("GET", path)
    assert (page.status, page.headers.get_content_type()) == (200, media_type)
    addresses = re.findall(named, page.body)
    assert addresses
    for address in addresses:
        file = market.http("GET", f"/{address}")
        assert (file.status, file.headers["X-Content-Type-Options"]) == (200, "nosniff"), address
        assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable", address


def test_a_browser_s_token_comes_in_and_is_not_echoed(market: Marketplace) -> None:
    user = fresh("carl")
    offer = ["kefu.v1", f"bearer.{market.token(user)}"]
    client = Client.open(market.server.ws, user, None, subprotocols=offer)
    market.clients.append(client)
    assert client.greet().welcome["user"] == user
    assert client.socket.subprotocol == "kefu.v1"


def test_a_token_that_has_expired_opens_no_socket(market: Marketplace) -> None:
    user = fresh("carl")
    with pytest.raises(InvalidStatus) as refused:
        Client.open(market.server.ws, user, market.server.token(user, ttl_s=-60))
    assert refused.value.response.status_code == 401


def test_a_page_of_an_origin_that_nobody_allowed_opens_no_socket(market: Marketplace) -> None:
    user = fresh("carl")
    with pytest.raises(InvalidStatus) as refused:
        Client.open(market.server.ws, user, market.token(user), origin="https://nobody-s.example")
    assert refused.value.response.status_code == 403
