"""What exists on one machine alone: tokens for whoever asks from this machine."""

from __future__ import annotations

from contextlib import suppress
from http import HTTPStatus
from urllib.parse import urlsplit

import msgspec
from aiohttp import hdrs, web

from infra.local import demo, tokens

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class Tokens:
    """Gives out tokens that are signed with the service's own secret."""

    def __init__(self, jwt_secret: str) -> None:
        self._jwt_secret = jwt_secret

    async def token(self, request: web.Request) -> web.Response:
        """A token for whoever asks from this machine. A web page of another origin is refused, under any host name."""
        if refusal := for_this_machine_only(request):
            return refusal
        try:
            wanted = msgspec.json.decode(await request.read(), type=tokens.TokenRequest)
        except (msgspec.DecodeError, UnicodeDecodeError) as mistake:
            return error(HTTPStatus.BAD_REQUEST, "bad_request", f"{mistake}.")
        return web.json_response({"token": tokens.mint(self._jwt_secret, wanted)})


async def identities(request: web.Request) -> web.Response:
    """Whom a page can sign in as by `POST /dev/tokens`: the demo stores' agents."""
    if refusal := for_this_machine_only(request):
        return refusal
    agents = [{"user": user, "name": name, "store": store, "role": role} for store, user, name, role in demo.AGENTS]
    return web.json_response({"identities": agents})


def for_this_machine_only(request: web.Request) -> web.Response | None:
    """The refusal for who comes from elsewhere, or is a web page of another origin, under any host name."""
    own, origin = f"http://{request.host}", request.headers.get(hdrs.ORIGIN)
    with suppress(ValueError):  # a host that is none
        if urlsplit(own).hostname in LOOPBACK and origin in (None, own):
            return None
    return error(HTTPStatus.FORBIDDEN, "forbidden", "Tokens are given to this machine's own programs only.")


def error(status: HTTPStatus, code: str, message: str) -> web.Response:
    """An error in the form of kefu's own HTTP routes."""
    return web.json_response({"code": code, "message": message}, status=status)
