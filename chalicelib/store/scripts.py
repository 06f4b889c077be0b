"""The Lua scripts and the connection to Redis: one node or a cluster, a call or several in one round trip."""

import logging
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha1
from importlib.resources import files
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.exceptions import MovedError, NoScriptError, ReadOnlyError, RedisClusterException, RedisError, ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from chalicelib.errors import Unavailable

log = logging.getLogger(__name__)

TIMEOUT_S = 3.0
REPLICAS_WITHIN_MS = 1_000
LEARN_EVERY_S = 0.5
OUT_OF_REACH = (RedisError, RedisClusterException, OSError)
LUA = files("chalicelib.store") / "lua"
FIRST = "#!lua\n"  # of every file; Redis wants it at the top of a script, and there alone

# What a script or a command answers: words and numbers, nested.
Reply = Any


@dataclass(frozen=True, slots=True)
class Call:
    """A script to run, with its keys and arguments."""

    script: str
    keys: Sequence[str]
    args: Sequence[str | bytes | int] = ()


@dataclass(frozen=True, slots=True)
class Command:
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
    return (LUA / f"{name}.lua").read_text(encoding="utf-8")


@cache
def sha(name: str) -> str:
    """The digest by which Redis knows a script."""
    return sha1(source(name).encode(), usedforsecurity=False).hexdigest()


def connect(
    url: str, *, cluster: bool, username: str | None = None, password: str | None = None
) -> "Redis | RedisCluster":
    """A client that opens its sockets when they are needed. redis-py's own retries are off.

    A command whose answer was lost may have been carried out; what may then be sent again is for the callers to know.
    """
    never = Retry(NoBackoff(), 0)
    seeds = [seed.strip() for seed in url.split(",")]
    if not cluster:
        return Redis.from_url(
            seeds[0],
            username=username,
            password=password,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            retry=never,
        )
    nodes = [_node(seed) for seed in seeds]
    return RedisCluster.from_url(
        seeds[0],
        startup_nodes=nodes,
        username=username,
        password=password,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=never,
    )


def _node(seed: str) -> ClusterNode:
    url = urlsplit(seed)
    return ClusterNode(url.hostname, url.port or 6379)  # type: ignore[no-untyped-call] # redis-py leaves it so


class Scripts:
    """Runs scripts by their digest, and by their text where the server does not know them yet."""

    def __init__(
        self,
        url: str,
        *,
        cluster: bool = False,
        username: str | None = None,
        password: str | None = None,
        wait_replicas: int = 0,
    ) -> None:
        self._url, self._cluster, self._wait_replicas = url, cluster, wait_replicas
        self._username, self._password = username, password
        self._client: Redis | RedisCluster | None = None
        self._making = Lock()
        self._learned = 0.0

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
        replies = self._send(calls, "EVALSHA", replicas)
        missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:  # with its text a script runs where it is missing, and is known there from then on
            for i, reply in zip(missing, self._send([calls[i] for i in missing], "EVAL", replicas), strict=True):
                replies[i] = reply
        return [self._checked(reply) for reply in replies]

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
        """Close every connection; the next call opens new ones."""
        with self._making:
            if self._client is not None:
                self._client.close()
            self._client = None

    def _connected(self) -> "Redis | RedisCluster":
        # A cluster's client asks for the slots when it is made, so making it may fail, and is tried again next time.
        # One at a time: a client that is dropped closes its pool under whoever already uses it.
        with self._making:
            if self._client is None:
                self._client = connect(
                    self._url, cluster=self._cluster, username=self._username, password=self._password
                )
            return self._client

    def _send(self, calls: Sequence[Call | Command], verb: str, replicas: int) -> list[Reply]:
        try:
            client = self._connected()
        except OUT_OF_REACH as error:
            return [error] * len(calls)
        if replicas and isinstance(client, RedisCluster):  # each node waits for its own
            return self._node_by_node(client, calls, verb, replicas)
        try:
            replies = _pipelined(client, calls, verb, replicas)
        except OUT_OF_REACH as error:
            # A single call that was sent, and whose answer did not come in time, must not be carried out twice.
            late = len(calls) == 1 and isinstance(error, RedisTimeoutError)
            if isinstance(client, RedisCluster) and not _is_fault(error) and not late:
                return self._node_by_node(client, calls, verb, replicas)
            return [error] * len(calls)
        if isinstance(client, Redis) and any(isinstance(reply, ReadOnlyError) for reply in replies):
            # The other end is a replica by now: the name may lead to the new primary already.
            client.connection_pool.disconnect()
        return replies

    def _node_by_node(
        self, client: RedisCluster, calls: Sequence[Call | Command], verb: str, replicas: int
    ) -> list[Reply]:
        """The calls to each node by itself: a cluster's pipeline fails as a whole where one node does, and cannot wait.

        What a pipeline that failed has carried out is carried out twice: every script of several slots bears that.
        """
        replies = self._once_by_node(client, calls, verb, replicas)
        moved = [i for i, reply in enumerate(replies) if isinstance(reply, MovedError)]
        if moved or any(isinstance(reply, OUT_OF_REACH) and not isinstance(reply, NoScriptError) for reply in replies):
            self._learn_slots(client, at_once=bool(moved))
        if moved:  # these were not carried out, and the node that has them now is known
            again = self._once_by_node(client, [calls[i] for i in moved], verb, replicas)
            for i, reply in zip(moved, again, strict=True):
                replies[i] = reply
        return replies

    @staticmethod
    def _once_by_node(client: RedisCluster, calls: Sequence[Call | Command], verb: str, replicas: int) -> list[Reply]:
        replies: list[Reply] = [None] * len(calls)
        groups: dict[ClusterNode, list[int]] = {}
        for i, call in enumerate(calls):
            key = str(call.keys[0] if isinstance(call, Call) else call.args[0])
            try:
                node = client.get_node_from_key(key)  # type: ignore[no-untyped-call] # redis-py leaves it so
                groups.setdefault(node, []).append(i)
            except OUT_OF_REACH as error:
                replies[i] = error
        for node, group in groups.items():
            try:
                # Past the cluster's own pipeline, which asks some node or other about the commands first.
                answers = _pipelined(client.get_redis_connection(node), [calls[i] for i in group], verb, replicas)
            except OUT_OF_REACH as error:
                answers = [error] * len(group)
            for i, answer in zip(group, answers, strict=True):
                replies[i] = answer
        return replies

    def _learn_slots(self, client: RedisCluster, *, at_once: bool) -> None:
        """Ask anew who has which slots: whoever was away may have been replaced. Not all the time, unless `at_once`."""
        if not at_once and time.monotonic() - self._learned < LEARN_EVERY_S:
            return
        self._learned = time.monotonic()
        try:
            client.nodes_manager.initialize()
        except OUT_OF_REACH as error:
            log.warning("the cluster does not say who has which slots: %r", error)

    @staticmethod
    def _checked(reply: Reply) -> Reply:
        if not isinstance(reply, Exception):
            return reply
        if _is_fault(reply):
            raise reply
        unavailable = Unavailable()
        unavailable.__cause__ = reply
        return unavailable


def _pipelined(
    client: "Redis | RedisCluster", calls: Sequence[Call | Command], verb: str, replicas: int = 0
) -> list[Reply]:
    pipeline = client.pipeline(transaction=False)
    for call in calls:
        if isinstance(call, Call):
            script = sha(call.script) if verb == "EVALSHA" else source(call.script)
            pipeline.execute_command(verb, script, len(call.keys), *call.keys, *call.args)
        else:
            pipeline.execute_command(call.name, *call.args)
    if not replicas:
        return list(pipeline.execute(raise_on_error=False))
    pipeline.execute_command("WAIT", replicas, REPLICAS_WITHIN_MS)
    *replies, reached = pipeline.execute(raise_on_error=False)
    if isinstance(reached, Exception) or reached < replicas:
        missed = RedisError(f"{reached!r} instead of {replicas} replicas have it in time")
        return [reply if isinstance(reply, Exception) else missed for reply in replies]
    return replies


def _is_fault(error: Exception) -> bool:
    """Whether Redis has refused something that we should not have asked; else it is out of reach, starting or full."""
    if isinstance(error, RedisClusterException):
        return "cannot be connected" not in str(error)
    # redis-py has a class for most states of a server; what it leaves is the server's ERR, and these words.
    return type(error) is ResponseError and not str(error).startswith(("MISCONF", "NOREPLICAS", "BUSY", "OOM"))
