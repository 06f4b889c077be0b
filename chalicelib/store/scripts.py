"""The Lua scripts, and how they are run: a call or several in one round trip, on one node or on a cluster."""

import re
from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from os.path import dirname, join
from typing import Any, cast

from msgspec import Struct
from redis.exceptions import NoScriptError

from chalicelib.errors import Unavailable
from chalicelib.store.cluster import Cluster
from chalicelib.store.exchange import OneNode
from chalicelib.store.line import OUT_OF_REACH, Reply, is_fault, pack, parsed

__all__ = ["Call", "Command", "Reply", "Scripts", "sha", "source"]

# As `importlib.resources` does it, for files and in a zip, at a twentieth of the cost of a cold start.
LOADER = cast(Any, __spec__).loader
LUA = join(dirname(__file__), "lua")
FIRST = "#!lua\n"  # of every file; Redis wants it at the top of a script, and there alone


class Call(Struct, frozen=True):
    """A script to run, with its keys and arguments."""

    script: str
    keys: Sequence[str]
    args: Sequence[str | bytes | int] = ()


class Command(Struct, frozen=True):
    """A plain command; its first argument is its key."""

    name: str
    args: Sequence[str | bytes | int]


@cache
def source(name: str) -> str:
    """The text of a script with its `--@include` lines filled in from lua/lib."""
    return re.sub(
        r"^--@include (\w+)$", lambda match: _text(f"lib/{match[1]}").removeprefix(FIRST), _text(name), flags=re.M
    )


def _text(name: str) -> str:
    text: bytes = LOADER.get_data(join(LUA, f"{name}.lua"))
    return text.decode()


@cache
def sha(name: str) -> str:
    """The digest by which Redis knows a script."""
    return sha1(source(name).encode(), usedforsecurity=False).hexdigest()


class Scripts:
    """Runs scripts by their digest, and by their text where the server does not know them yet.

    Nothing is sent twice that may have been carried out: what may then be sent again is for the callers to know.
    """

    def __init__(
        self,
        url: str,
        *,
        cluster: bool = False,
        username: str | None = None,
        password: str | None = None,
        wait_replicas: int = 0,
    ) -> None:
        seeds, way = parsed(url, username, password)
        self._nodes = Cluster(seeds, way) if cluster else OneNode(seeds[0], way)
        self._wait_replicas = wait_replicas

    def together(self, keys: Sequence[Sequence[str]], most: int, kinds: Sequence[object] = ()) -> list[list[int]]:
        """Who can share a call, by their places: whose keys lie in one slot, and who are of one kind.

        On one server that is everybody. No group has more than `most`: nothing else runs in Redis meanwhile.
        """
        alike: dict[object, list[int]] = {}
        for place, some in enumerate(keys):
            alike.setdefault((self._nodes.slot(some[0]), kinds[place] if kinds else None), []).append(place)
        return [places[at : at + most] for places in alike.values() for at in range(0, len(places), most)]

    def run(self, script: str, keys: Sequence[str], *args: str | bytes | int, keep: bool = False) -> Reply:
        """One script, one round trip. Raises Unavailable when Redis cannot be reached or does not answer."""
        (reply,) = self.all([Call(script, keys, args)], keep=keep)
        return reply

    def run_many(self, calls: Sequence[Call | Command], *, keep: bool = False) -> list[Reply]:
        """Scripts and commands in one round trip to each node; each one's reply, or Unavailable in its place.

        What is to `keep` is answered only when as many replicas as the settings say have it, too. Unavailable then
        means that it may have been carried out, as always.
        """
        if not calls:
            return []
        replicas = self._wait_replicas if keep else 0
        replies = _pipelined(self._nodes, calls, "EVALSHA", replicas)
        missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:  # with its text a script runs where it is missing, and is known there from then on
            again = _pipelined(self._nodes, [calls[i] for i in missing], "EVAL", replicas)
            for i, reply in zip(missing, again, strict=True):
                replies[i] = reply
        return [_checked(reply) for reply in replies]

    def command(self, name: str, *args: str | bytes | int) -> Reply:
        """One plain command. Raises Unavailable."""
        (reply,) = self.all([Command(name, args)])
        return reply

    def all(self, calls: Sequence[Call | Command], *, keep: bool = False) -> list[Reply]:
        """Like `run_many`, for what is of use only as a whole. Raises Unavailable."""
        replies = self.run_many(calls, keep=keep)
        for reply in replies:
            if isinstance(reply, Unavailable):
                raise reply
        return replies

    def close(self) -> None:
        """Close every connection that is not in use; the next call opens new ones."""
        self._nodes.close()


def _pipelined(nodes: OneNode | Cluster, calls: Sequence[Call | Command], verb: str, replicas: int = 0) -> list[Reply]:
    """One round trip: each call's reply, or the exception that it met."""
    packed: list[bytes] = []
    keys: list[bytes] = []
    for call in calls:
        if isinstance(call, Call):
            script = sha(call.script) if verb == "EVALSHA" else source(call.script)
            packed.append(pack((verb, script, len(call.keys), *call.keys, *call.args)))
            keys.append(call.keys[0].encode())
        else:
            packed.append(pack((call.name, *call.args)))
            keys.append(str(call.args[0]).encode() if call.args else b"")
    try:
        replies = nodes.send(packed, keys, replicas)
    except OUT_OF_REACH as error:
        return [error] * len(calls)
    return [
        _paired(reply) if isinstance(call, Command) and call.name == "ZSCAN" else reply
        for call, reply in zip(calls, replies, strict=True)
    ]


def _paired(scanned: Reply) -> Reply:
    """The one answer whose pairs RESP3 leaves flat."""
    if isinstance(scanned, Exception):
        return scanned
    cursor, flat = scanned
    return [cursor, [(member, float(score)) for member, score in zip(flat[::2], flat[1::2], strict=True)]]


def _checked(reply: Reply) -> Reply:
    if not isinstance(reply, Exception):
        return reply
    if is_fault(reply):
        raise reply
    unavailable = Unavailable()
    unavailable.__cause__ = reply
    return unavailable
