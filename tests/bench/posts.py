"""Posts for each message of a conversation: frames in, replies, pushes, and the share of the acknowledgements.

Both sides are the client library of the pages, under Node, against a service of its own. What is counted is what passes
their sockets: a frame in is a call of a function, a frame out is a post.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from chalicelib.model import StoreId
from chalicelib.store import Store
from tests import servers
from tests.bench import shop
from tests.bench.figures import Figure, figure
from tests.e2e.server import ROOT, Server
from tests.web.programs import node

PROGRAM = Path(__file__).with_name("talk.js")
LIBRARY = ROOT / "chalicelib/web/lib/kefu.js"
WITHIN_S = 150


def _talk(server: Server, store: Store, name: StoreId, messages: int, factor: int, as_pages: bool) -> dict[str, float]:
    """What passed the sockets in a new store, by kind, and how many minutes it would have taken people."""
    settings = {
        "library": LIBRARY.as_uri(),
        "url": server.ws,
        "tokens": f"{server.url}/dev/tokens",
        "store": name,
        "agents": shop.open_shop(store, name, 1),
        "customers": [f"{name}-customer"],
        "messages": messages,
        "factor": factor,
        "as_pages": as_pages,
        "within_s": WITHIN_S,
    }
    command = [node(), "--experimental-websocket", "--no-warnings", str(PROGRAM), json.dumps(settings)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=WITHIN_S + 30)
    counts: dict[str, float] = json.loads(done.stdout)
    return counts


def _figures(counts: dict[str, float], messages: int) -> list[Figure]:
    minutes = counts.pop("minutes")
    if (counts["send in"], counts["message out"]) != (messages, messages):
        raise RuntimeError(f"not every message was sent and pushed once: {counts}")
    # Each ping gets a pong. Those whose time has come carry acknowledgements, too, and so save some of the others.
    acks, keeping = 2 * counts.pop("ping in", 0), 2 * counts.pop("keep-alive in", 0)
    if counts.pop("pong out", 0) != (acks + keeping) / 2:
        raise RuntimeError(f"not every ping was answered: {counts}")
    talk = {kind: counts.pop(kind) for kind in ("send in", "reply out", "message out")}
    if counts:
        raise RuntimeError(f"something else was said as well: {counts}")
    return [
        figure("posts, per message", "", [(sum(talk.values()) + acks) / messages]),
        figure("posts, acks", "", [acks / messages]),
        figure("posts, keep-alive", "a minute", [keeping / 2 / minutes], f"each connection, of {minutes:.0f} minutes"),
    ]


def measure(quick: bool) -> list[Figure]:
    """Posts for each message; and with read marks and typing, as the pages use the library."""
    messages, factor = (50, 150) if quick else (100, 60)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(servers.node(folder / "redis"))
        environ = {"REDIS_URL": f"redis://127.0.0.1:{port}", "JWT_SECRET": shop.SECRET, "RATE_LIMIT": "0"}
        store = stack.enter_context(shop.opened(port))
        server = stack.enter_context(Server.start(folder / "kefu", env=environ))
        both = stack.enter_context(ThreadPoolExecutor(2))  # two stores, so that neither hears of the other
        plain, pages = both.map(
            lambda as_pages: _talk(server, store, f"pages-{as_pages}", messages, factor, as_pages), (False, True)
        )
    del pages["minutes"]
    return [*_figures(plain, messages), figure("posts, as pages", "", [sum(pages.values()) / messages])]
