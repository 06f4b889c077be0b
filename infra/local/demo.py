"""Two stores and three agents to try kefu with, made through its own HTTP routes."""

from __future__ import annotations

import asyncio
import os
import sys
from http import HTTPStatus
from pathlib import Path

import aiohttp
from aiohttp import hdrs

from infra.local import tokens

STORES = {"tea-house": "茶馆", "bookshop": "Bookshop 书店"}
AGENTS = (
    ("tea-house", "li", "小李", "agent"),
    ("tea-house", "wang", "王姐 Wang", "supervisor"),
    ("bookshop", "zhao", "Zhao", "agent"),
)
TOKEN_TTL_S = 12 * 3600
LONGEST_PAUSE_S = 10.0

INVITATION = """
Open {url}/ in a browser: a demo shop to write from, and beside it the windows to answer in.

Or in two more terminals, as a customer and as an agent of the store tea-house:

  {chat} --as ming --store tea-house
  {chat} --as li --store tea-house --agent

Stores: {stores}. Agents: {agents}.
For your own programs, tokens that are good for twelve hours ({url}/dev/tokens makes others):

  customer ming     {customer}
  agent li          {agent}
  administrator     {admin}
"""


class NotAnswering(Exception):
    """The service cannot make the demo stores yet."""


class Refused(Exception):
    """The service will not make the demo stores, however often it is asked."""


def announce(text: str) -> None:
    """Print to whoever started kefu; it goes on for one who has stopped listening."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Else Python would complain again when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def seed(url: str, jwt_secret: str) -> None:
    """Make the demo stores, as soon as the service can, and say how to try it."""
    admin = tokens.mint(jwt_secret, tokens.TokenRequest("marketplace", scope="admin", ttl_s=TOKEN_TTL_S))
    pause_s = 0.25
    waiting = False
    while True:
        try:
            await _put_all(url, admin)
        except Refused as reason:
            print(f"The demo stores could not be made: {reason}.", file=sys.stderr, flush=True)
            return
        except (NotAnswering, aiohttp.ClientError, TimeoutError) as reason:
            if not waiting:
                print(f"The demo stores are made as soon as the service can ({reason}).", file=sys.stderr, flush=True)
            waiting = True
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        else:
            announce(_invitation(url, jwt_secret, admin))
            return


async def _put_all(url: str, admin: str) -> None:
    headers = {hdrs.AUTHORIZATION: f"Bearer {admin}"}
    async with aiohttp.ClientSession(url, headers=headers, timeout=aiohttp.ClientTimeout(30)) as session:
        for store, name in STORES.items():
            await _put(session, f"/stores/{store}", {"name": name})
        for store, user, name, role in AGENTS:
            await _put(session, f"/stores/{store}/agents/{user}", {"role": role, "name": name})


async def _put(session: aiohttp.ClientSession, path: str, body: dict[str, str]) -> None:
    async with session.put(path, json=body) as response:
        if not response.ok:
            kind = NotAnswering if response.status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
            raise kind(f"PUT {path} answers {response.status}: {(await response.text()).strip()}")


def _invitation(url: str, jwt_secret: str, admin: str) -> str:
    python = Path(sys.executable)
    here = Path.cwd()
    command = str(python.relative_to(here) if python.is_relative_to(here) else python)
    port = "" if url.endswith(":8000") else f" --url {url}"
    return INVITATION.format(
        chat=f"{command} -m infra.local chat{port}",
        stores=", ".join(f"{store} ({name})" for store, name in STORES.items()),
        agents=", ".join(f"{user} ({role} of {store})" for store, user, _, role in AGENTS),
        url=url,
        customer=tokens.mint(jwt_secret, tokens.TokenRequest("ming", name="Ming", ttl_s=TOKEN_TTL_S)),
        agent=tokens.mint(jwt_secret, tokens.TokenRequest("li", ttl_s=TOKEN_TTL_S)),
        admin=admin,
    )
