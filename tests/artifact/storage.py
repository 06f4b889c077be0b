"""MemoryDB's part: a cluster with TLS, whose only user beside ours has a password that nothing deployed knows."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import MovedError
from redis.retry import Retry

from tests import packages, servers
from tests.artifact.certificates import Certificate
from tests.artifact.cloudformation import Stack

PORT = 6379  # MemoryDB's, in the settings of the functions
NODES = "nodes."  # before the cluster's own name: what its nodes say that they are called
NEVER = Retry(NoBackoff(), 0)


class Missing(Exception):
    """There is no server with TLS, and none could be installed; `str()` says how to get one."""


@dataclass(frozen=True, slots=True)
class Storage:
    """A running cluster. `addresses` is where its names lead to, `nodes` are its nodes for who may do everything."""

    addresses: dict[str, int]
    nodes: tuple[Redis, ...]
    port: int  # of one of them
    authority: Path

    def entered(self, user: str | None, password: str | None) -> Redis:
        """A connection to a node, with a name and a password."""
        return Redis(
            host="127.0.0.1",
            port=self.port,
            ssl=True,
            ssl_ca_certs=str(self.authority),
            username=user,
            password=password,
            retry=NEVER,
        )

    def call(self, *words: str) -> list[Any]:
        """A command at every node; what each has answered."""
        nodes: tuple[Any, ...] = self.nodes
        return [node.execute_command(*words) for node in nodes]

    def carried_out(self, *words: str) -> Any:
        """A command at the node that has its key."""
        nodes: tuple[Any, ...] = self.nodes
        for node in nodes:
            with suppress(MovedError):
                return node.execute_command(*words)
        raise LookupError(f"no node has the key of {words}")


def names(stack: Stack) -> list[str]:
    """What the certificate of the stack's cluster must be good for."""
    return [cluster_name(stack), NODES + cluster_name(stack)]


def cluster_name(stack: Stack) -> str:
    """The name that leads to the cluster."""
    return str(stack.value({"Fn::GetAtt": ["MemoryDBCluster", "ClusterEndpoint.Address"]}))


@contextmanager
def running(stack: Stack, folder: Path, certificate: Certificate) -> Iterator[Storage]:
    """The stack's cluster with its user, as long as the context lasts. Raises Missing."""
    tls = _server(folder, certificate)
    # As MemoryDB does it: a node is known by a name, which the certificate has to be good for.
    nodes_name = NODES + cluster_name(stack)
    options = ("--cluster-announce-hostname", nodes_name, "--cluster-preferred-endpoint-type", "hostname")
    with servers.cluster(folder / "cluster", *options, tls=tls) as seeds, ExitStack() as connections:
        ports = [urlsplit(seed).port or 0 for seed in seeds.split(",")]
        addresses = {f"{nodes_name}:{port}": port for port in ports} | {f"{cluster_name(stack)}:{PORT}": ports[0]}
        nodes = tuple(connections.enter_context(servers.connect(port, tls)) for port in ports)
        storage = Storage(addresses, nodes, ports[0], tls.authority)
        servers.until(lambda: all(_all_named(node, nodes_name) for node in nodes))
        user = stack.properties("MemoryDBUser")
        passwords = [f">{stack.secret(each)}" for each in user["AuthenticationMode"]["Passwords"]]
        storage.call("ACL", "SETUSER", user["UserName"], *user["AccessString"].split(), *passwords)
        yield storage


def _all_named(node: Redis, name: str) -> bool:
    slots: Any = servers.cluster_command(node, "SLOTS")
    return [primary[0].decode() for _, _, primary, *_ in slots] == [name] * 3


def _server(folder: Path, certificate: Certificate) -> servers.Tls:
    """The first server that starts with TLS: one on the PATH, else that in Debian's package. Raises Missing."""
    tried: list[str] = []
    for program in packages.redis_servers(folder, tried):
        tls = servers.Tls(program, *certificate, password=secrets.token_urlsafe(24))
        try:
            with servers.node(folder / "trial", tls=tls):
                return tls
        except (OSError, RedisConnectionError) as error:
            tried.append(f"{program}: {error}")
    raise Missing(
        "These tests need a server with TLS: put a valkey-server or redis-server of 7.0 or newer that has it on the "
        f"PATH (Debian: apt-get install redis-tools is enough). Tried: {'; '.join(tried)}"
    )
