"""What so many connected users need of an account's quotas and of Redis: arithmetic alone, nothing is asked of AWS.

`python -m infra.aws.capacity 10000000` prints it for so many connections.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from infra.aws import work

# --- assumptions about a whole marketplace; those about one chat are in work.py -------------------------------------

STAY_S = 900.0  # how long a connection lives on average: shoppers come and go, consoles reconnect every 110 minutes
TALKING = 1 / 600  # messages a second for each connection: one in twenty is in a conversation and writes each 30 s
VISIBLE = 0.5  # connections whose page somebody looks at
FAN_OUT = 5.0  # agents of a store, who are told while a conversation waits
BUSIEST_STORE = 0.01  # of all messages are the busiest store's
PEAK = 5.0  # the busiest second has so many times the day's average
KEPT_DAYS = 365.0  # days of history in Redis; nothing deletes any

CONNECTION_LIFE_S = 7_200.0  # API Gateway ends every connection then
BACK_OFF_S = 30.0  # after an outage the clients come back within so long (web/lib/environment.js)
FRAMES_AT_ONCE = 64  # posts that one function has under way at once (chalicelib/gateway.py)
BROADCAST_S = 900.0  # a function runs no longer

# --- what is promised to a function or a node -----------------------------------------------------------------------

CALLS_A_SECOND = 10.0  # that one running function is given, however short they are (Lambda quotas)
HEADROOM = 2.0  # times what the arithmetic says: traffic comes in bursts
LEAST = 5  # running functions of each kind, however few the connections
UNRESERVED = 100  # running functions that Lambda keeps back for whatever else is in the account
BUSY = 0.6  # of a Redis core: past that scripts wait for one another
FULL = 0.75  # of a node's memory: the rest is for copies while it replicates, snapshots and grows
# What a node has for data, GiB. Not confirmed: compare them with the console before you rely on them.
NODES: Mapping[str, float] = MappingProxyType(
    {
        "db.r7g.large": 13.07,
        "db.r7g.xlarge": 26.32,
        "db.r7g.2xlarge": 52.82,
        "db.r7g.4xlarge": 105.81,
        "db.r7g.8xlarge": 209.55,
        "db.r7g.12xlarge": 317.77,
        "db.r7g.16xlarge": 419.09,
    }
)
LEAST_SHARDS = 2  # the default of the template's RedisShards
GIB = 2.0**30


@dataclass(frozen=True, slots=True)
class Quotas:
    """Of one account in one region, as AWS sets them for a new one; some regions and very new accounts have less."""

    new_connections: float = 500  # a second
    requests: float = 10_000  # a second, frames and posts alike, with bursts of 5,000
    concurrency: float = 1_000
    cluster_nodes: float = 90
    node_connections: float = 65_000
    nat_ports: float = 55_000  # connections to one destination, for each address of the gateway
    nat_mbit: float = 100_000  # a second, for each gateway


DEFAULTS = Quotas()
# How Service Quotas calls those that it raises. MemoryDB's are asked for there by name.
CODES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "new_connections": ("apigateway", "L-9ED1E49A"),
        "requests": ("apigateway", "L-8A5B8E43"),
        "concurrency": ("lambda", "L-B99A9384"),
    }
)


@dataclass(frozen=True, slots=True)
class Demand:
    """The busiest second of a stage. Rates are a second."""

    connections: float
    opened: float
    frames: float
    posts: float
    messages: float
    fan_out: float
    frame_s: float  # the mean time of the function for messages
    pages: float
    redis_s: float  # cores of Redis
    stored_bytes: float

    @classmethod
    def of(
        cls,
        connections: float,
        *,
        messages: float | None = None,
        fan_out: float = FAN_OUT,
        visible: float = VISIBLE,
        stay_s: float = STAY_S,
        kept_days: float = KEPT_DAYS,
    ) -> Demand:
        """What so many connections ask for, by the assumptions above where nothing else is said."""
        if messages is None:
            messages = connections * TALKING
        opened = connections / min(stay_s, CONNECTION_LIFE_S)
        second = (
            work.chat(messages / 2, messages / 2, fan_out)
            + work.connected(connections / 3_600, visible)
            + work.STAY * opened
        )
        return cls(
            connections=connections,
            opened=opened,
            frames=second.frames,
            posts=second.posts,
            messages=messages,
            fan_out=fan_out,
            frame_s=second.frame_s / second.frames if second.frames else 0.0,
            pages=second.pages,
            redis_s=second.redis_s,
            stored_bytes=stored_bytes(messages / PEAK * 86_400, connections, kept_days),
        )


@dataclass(frozen=True, slots=True)
class Need:
    """So much of a quota is needed; `quota` is a field of Quotas, `default` what there is, `how` the arithmetic."""

    quota: str
    what: str
    needed: float
    default: float
    how: str

    @property
    def enough(self) -> bool:
        return self.needed <= self.default


@dataclass(frozen=True, slots=True)
class Cluster:
    """A kind of node, and how many shards of it; a primary and `replicas` each."""

    node: str
    shards: int
    replicas: int

    @property
    def nodes(self) -> int:
        return self.shards * (1 + self.replicas)


def stored_bytes(messages_a_day: float, connections: float, kept_days: float, text_bytes: float = 100) -> float:
    """What Redis holds after so many days of history, with everybody's offline lists acknowledged."""
    message = work.MESSAGE_BYTES + text_bytes - work.TEXT_BYTES + work.CONVERSATION_BYTES / work.MESSAGES
    ids = work.ID_BYTES * min(kept_days, work.ID_DAYS)
    return messages_a_day * (message * kept_days + ids) + connections * work.CONNECTION_BYTES


def cluster(stored: float, redis_s: float, *, replicas: int = 1, most_nodes: float = DEFAULTS.cluster_nodes) -> Cluster:
    """The smallest nodes of which `most_nodes` are enough, for so many bytes and so many busy cores.

    Small nodes first: memory costs the same in all of them, and a shard runs its scripts on one core, however large its
    node. Where even the largest are too many, the answer has more than `most_nodes`.
    """
    for node in NODES:
        found = Cluster(node, max(LEAST_SHARDS, shards_of(node, stored, redis_s) or 0), replicas)
        if found.nodes <= most_nodes:
            break
    return found


def shards_of(node: str, stored: float, redis_s: float) -> int | None:
    """How many shards of a kind of node so many bytes and busy cores need; None for a kind that is not in NODES."""
    gib = NODES.get(node)
    return max(math.ceil(redis_s / BUSY), math.ceil(stored / (gib * GIB * FULL))) if gib else None


def concurrency(connections: int) -> dict[str, int]:
    """The reserved concurrency of each function for so many connections at once, by Chalice's logical names.

    Reserved, so that no function can starve another one. Each is the larger of two: how many run at once (rate times
    duration), and how many it takes at ten calls a second each; times two for bursts, and at least five. $connect and
    flush must also take everybody coming back after an outage, as fast as a new account lets them in (500 a second).
    The account's own limit has to be larger by 100, which Lambda never lets anybody reserve.
    """
    return _concurrency(Demand.of(connections))


def _concurrency(demand: Demand) -> dict[str, int]:
    returning = max(demand.opened, min(demand.connections / BACK_OFF_S, DEFAULTS.new_connections))
    return {
        "WebsocketConnect": _running(returning, work.CONNECT_S),
        "WebsocketMessage": _running(demand.frames, demand.frame_s),
        "WebsocketDisconnect": _running(demand.opened, work.DISCONNECT_S),
        "Flush": _running(returning, work.FLUSH_S),
        "Broadcast": 2,
        "Sweep": 1,
        "APIHandler": _running(demand.pages, work.API_S),
    }


def _running(rate: float, seconds: float) -> int:
    return max(LEAST, math.ceil(HEADROOM * max(rate * seconds, rate / CALLS_A_SECOND)))


def needs(demand: Demand, has: Quotas = DEFAULTS) -> list[Need]:
    """What a demand needs of each quota, in the order in which a connection meets them."""
    functions = _concurrency(demand)
    running = sum(functions.values())
    redis = cluster(demand.stored_bytes, demand.redis_s, most_nodes=has.cluster_nodes)
    sockets = functions["WebsocketMessage"] * min(FRAMES_AT_ONCE, 1 + demand.fan_out)
    return [
        Need(
            "new_connections",
            "new connections a second",
            demand.opened,
            has.new_connections,
            f"{_n(demand.connections)} connections, each of which lives {_n(demand.connections / demand.opened)} s",
        ),
        Need(
            "requests",
            "API Gateway requests a second",
            demand.frames + demand.posts + demand.pages,
            has.requests,
            f"{_n(demand.frames)} frames, {_n(demand.posts)} posts, {_n(demand.pages)} HTTP requests",
        ),
        Need(
            "concurrency",
            "functions at once",
            running + UNRESERVED,
            has.concurrency,
            f"{_n(functions['WebsocketMessage'])} for messages, {_n(running - functions['WebsocketMessage'])} others, "
            f"{UNRESERVED} that nobody may reserve",
        ),
        Need(
            "cluster_nodes",
            "nodes of the Redis cluster",
            redis.nodes,
            has.cluster_nodes,
            f"{_n(redis.shards)} shards of {redis.node} with a replica each: {demand.redis_s:,.1f} busy cores, "
            f"{_n(demand.stored_bytes / GIB)} GiB",
        ),
        Need(
            "node_connections",
            "connections to one Redis node",
            running,
            has.node_connections,
            "each running function has one to each node",
        ),
        Need(
            "nat_ports",
            "NAT connections to one destination",
            sockets,
            has.nat_ports,
            f"{_n(functions['WebsocketMessage'])} functions for messages, each with {_n(1 + demand.fan_out)} to "
            "@connections; more addresses give more",
        ),
        Need(
            "nat_mbit",
            "Mbit a second through NAT",
            demand.posts * work.POST_BYTES * 8 / 1e6,
            has.nat_mbit,
            f"{_n(demand.posts)} posts of {_n(work.POST_BYTES)} bytes; one gateway a zone shares it",
        ),
    ]


def limits(has: Quotas = DEFAULTS, demand_of: Callable[[float], Demand] = Demand.of) -> list[tuple[float, str]]:
    """At how many connections each quota is used up, by its field's name; the first one first."""
    found = []
    for place, need in enumerate(needs(demand_of(1), has)):
        least, most = 1.0, 1e10
        while most / least > 1 + 1e-6:  # needs grow with the connections, so the place can be closed in on
            middle = math.sqrt(least * most)
            if needs(demand_of(middle), has)[place].enough:
                least = middle
            else:
                most = middle
        found.append((least, need.quota))
    return sorted(found)


def busiest_store(demand: Demand) -> tuple[float, float]:
    """Messages a second of the busiest store, and how many one store can have: it is one slot, and so one core."""
    return demand.messages * BUSIEST_STORE, BUSY / work.STORE_S


def seconds_until_all_are_back(connections: float, has: Quotas = DEFAULTS) -> float:
    """How long everybody takes to connect again after an outage."""
    return max(BACK_OFF_S, connections / has.new_connections)


def most_broadcast() -> float:
    """How many connections one broadcast to everybody reaches before its function's time is over."""
    return BROADCAST_S * FRAMES_AT_ONCE / work.POST_S


def table(connections: float, has: Quotas = DEFAULTS) -> str:
    """The needs of so many connections, as Markdown; what is used up first comes first."""
    needed = {need.quota: need for need in needs(Demand.of(connections), has)}
    lines = [
        f"| quota | there is | used up at connections | {_n(connections)} connections need | how |",
        "|---|---:|---:|---:|---|",
    ]
    for used_up_at, quota in limits(has):
        need = needed[quota]
        code = f" (`{CODES[quota][1]}`)" if quota in CODES else ""
        numbers = (need.default, _two_digits(used_up_at), need.needed)
        lines.append(f"| {need.what}{code} | {' | '.join(_n(number) for number in numbers)} | {need.how} |")
    return "\n".join(lines) + "\n"


def _n(number: float) -> str:
    return f"{math.ceil(number - 1e-9):,}"


def _two_digits(number: float) -> float:
    """Rounded to what the assumptions bear."""
    step = 10.0 ** (math.floor(math.log10(number)) - 1)
    return round(number / step) * step


if __name__ == "__main__":
    sys.stdout.write(table(float(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000))
