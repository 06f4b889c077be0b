"""What a month costs, item by item, at the list prices in prices.toml.

`python -m infra.aws.costs` prints the table of docs/operations.md; with a load of your own (`--help`) the bill for it.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Literal

from infra.aws import capacity, work
from infra.aws.functions import FUNCTIONS

PRICES = Path(__file__).with_name("prices.toml")
HOURS, DAYS = 730.0, 730.0 / 24  # of a month
GB = 1e9
# What is there whatever the load: of the template, and of what it makes CloudWatch measure.
ALARMS = 5 * len(FUNCTIONS) + 6  # metrics in alarms: five for each function, and of sweep, queue, both APIs and Redis
DASHBOARDS, SECRETS = 1, 2
METRICS = len(FUNCTIONS) + 2  # what each function logs as an error, and two of the sweep's
SNAPSHOTS, LOG_MONTHS = 7, 1  # the template's SnapshotDays and LogDays
ECPU_S = 2e-6  # assumed: the CPU of a simple command, for which ElastiCache bills one unit; scripts by their time
SOCKETS_AN_HOUR = 3_600 / capacity.STAY_S  # connections that follow one another in an hour of being connected


@dataclass(frozen=True, slots=True)
class Price:
    """Dollars for each unit, in tiers: (up to so many units a month, dollars for each of them)."""

    unit: str
    tiers: tuple[tuple[float, float], ...]

    def of(self, units: float) -> float:
        """Dollars for so many units a month."""
        dollars, below = 0.0, 0.0
        for up_to, each in self.tiers:
            dollars += max(0.0, min(units, up_to) - below) * each
            below = up_to
        return dollars


@dataclass(frozen=True, slots=True)
class Load:
    """A day of a stage."""

    customer_messages: float
    agent_messages: float
    fan_out: float  # agents who are told while a conversation waits
    connected_hours: float  # of all connections together
    peak_connections: float
    text_bytes: float = work.TEXT_BYTES
    visible: float = capacity.VISIBLE  # share of the connected time in which somebody looks at the page
    kept_days: float = 30  # of history, so far

    @property
    def messages(self) -> float:
        return self.customer_messages + self.agent_messages

    def month(self) -> work.Work:
        """What the platform does for it in a month."""
        chat = work.chat(self.customer_messages, self.agent_messages, self.fan_out)
        there = work.connected(self.connected_hours, self.visible)
        return (chat + there + work.STAY * (self.connected_hours * SOCKETS_AN_HOUR)) * DAYS

    @property
    def stored_bytes(self) -> float:
        return capacity.stored_bytes(self.messages, self.peak_connections, self.kept_days, self.text_bytes)


@dataclass(frozen=True, slots=True)
class Stack:
    """What the template's parameters choose."""

    storage: Literal["memorydb", "elasticache"] = "memorydb"
    replicas: int = 1
    nat_gateways: int = 2


DEFAULT = Stack()


Group = Literal["API Gateway", "functions", "Redis", "the rest"]


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the bill."""

    group: Group
    what: str
    price: str  # its name in prices.toml
    quantity: float
    dollars: float


@cache
def prices() -> Mapping[str, Price]:
    """The list prices."""
    entries = tomllib.loads(PRICES.read_text(encoding="utf-8"))
    return {
        name: Price(
            entry["unit"],
            tuple((float(tier.get("up_to", "inf")), float(tier["each"])) for tier in entry["tiers"]),
        )
        for name, entry in entries.items()
        if isinstance(entry, dict)
    }


def bill(load: Load, stack: Stack = DEFAULT) -> list[Item]:
    """The items of a month. Left out: free tiers, taxes, support, and traffic between zones."""
    done = load.month()
    return [
        _item("API Gateway", "messages in and out", "websocket_messages", done.frames + done.posts),
        _item("API Gateway", "connection minutes", "connection_minutes", load.connected_hours * DAYS * 60),
        _item("API Gateway", "HTTP requests", "rest_requests", done.pages),
        _item("functions", "calls", "function_calls", done.calls),
        _item("functions", "GB-seconds", "function_gb_seconds", done.function_s * work.MEMORY_MB / 1_024),
        *(_memorydb(load, done, stack) if stack.storage == "memorydb" else _elasticache(load, done)),
        _item("the rest", "NAT gateways", "nat_hours", stack.nat_gateways * HOURS),
        _item("the rest", "their addresses", "address_hours", stack.nat_gateways * HOURS),
        _item("the rest", "through NAT", "nat_gb", done.posts * work.POST_BYTES / GB),
        _item("the rest", "to the clients", "transfer_out_gb", done.posts * _frame_bytes(load) / GB),
        _item("the rest", "logs, written", "log_gb", done.logged * work.LOG_BYTES / GB),
        _item("the rest", "logs, kept", "log_gb_months", done.logged * work.LOG_BYTES / GB * LOG_MONTHS),
        _item("the rest", "alarms", "alarms", ALARMS),
        _item("the rest", "metrics", "metrics", METRICS),
        _item("the rest", "dashboard", "dashboards", DASHBOARDS),
        _item("the rest", "key of the alarms", "keys", 1),
        _item("the rest", "secrets", "secrets", SECRETS),
        _item("the rest", "reads of secrets", "secret_reads", done.calls * work.COLD_SHARE * SECRETS),
        _item("the rest", "queue", "queue_requests", done.opened * work.LOST_REPLAYS * 3),  # sent, received, deleted
    ]


def total(items: Sequence[Item], group: Group | None = None) -> float:
    """Dollars a month, of one group or of all."""
    return sum(item.dollars for item in items if group in {None, item.group})


def _memorydb(load: Load, done: work.Work, stack: Stack) -> list[Item]:
    second = done.redis_s / (HOURS * 3_600) * capacity.PEAK
    found = capacity.cluster(load.stored_bytes, second, replicas=stack.replicas)
    # The price is of the smallest kind of node; a larger one costs in proportion to its memory.
    size = capacity.NODES[found.node] / next(iter(capacity.NODES.values()))
    return [
        _item("Redis", f"{found.shards} shards of {found.node}", "memorydb_node_hours", found.nodes * size * HOURS),
        _item("Redis", "data written", "memorydb_written_gb", done.written / GB),
        _item("Redis", "snapshots", "memorydb_snapshot_gb_months", SNAPSHOTS * load.stored_bytes / GB),
    ]


def _elasticache(load: Load, done: work.Work) -> list[Item]:
    stored = max(0.1, load.stored_bytes / GB)
    return [
        _item("Redis", "data", "elasticache_gb_hours", stored * HOURS),
        _item("Redis", "processing units", "elasticache_ecpus", done.redis_s / ECPU_S),
        _item("Redis", "snapshots", "elasticache_snapshot_gb_months", SNAPSHOTS * stored),
    ]


def _frame_bytes(load: Load) -> float:
    return work.FRAME_BYTES + load.text_bytes - work.TEXT_BYTES


def _item(group: Group, what: str, price: str, quantity: float) -> Item:
    return Item(group, what, price, quantity, prices()[price].of(quantity))


# --- as Markdown ----------------------------------------------------------------------------------------------------


def table(stack: Stack = DEFAULT) -> str:
    """A month by messages, fan-out and connected hours."""
    titles = ["messages a day", "agents told", "connected hours a day", "API Gateway", "functions", "the rest"]
    titles += ["Redis, 30 days kept", "**a month**", "for 1,000 messages", "Redis, a year kept"]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---:|" * len(titles)]
    lines += [
        _row(messages, fan_out, hours_a_message, stack)
        for messages in (10_000, 100_000, 1_000_000, 10_000_000)
        for fan_out in (2, 10)
        for hours_a_message in (0.1, 1.0)
    ]
    return "\n".join(lines) + "\n"


def _row(messages: int, fan_out: int, hours_a_message: float, stack: Stack) -> str:
    def after(kept_days: float) -> list[Item]:
        hours = messages * hours_a_message
        peak = hours / 24 * capacity.PEAK
        return bill(Load(messages / 2, messages / 2, fan_out, hours, peak, kept_days=kept_days), stack)

    month, year = after(30), after(365)
    cells = [
        *(f"{number:,.0f}" for number in (messages, fan_out, messages * hours_a_message)),
        *(_dollars(total(month, group)) for group in ("API Gateway", "functions", "the rest", "Redis")),
        f"**{_dollars(total(month))}**",
        f"${total(month) / (messages * DAYS / 1_000):,.3f}",
        _dollars(total(year, "Redis")),
    ]
    return "| " + " | ".join(cells) + " |"


def itemised(load: Load, stack: Stack = DEFAULT) -> str:
    """The bill of one load."""
    items = bill(load, stack)
    lines = ["| | what | a month | of | $ |", "|---|---|---:|---|---:|"]
    for item in items:
        unit = prices()[item.price].unit
        lines.append(f"| {item.group} | {item.what} | {item.quantity:,.1f} | {unit} | {item.dollars:,.2f} |")
    lines.append(f"| | **all** | | | **{total(items):,.2f}** |")
    return "\n".join(lines) + "\n"


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount < 10 else f"${amount:,.0f}"


def answer(arguments: Sequence[str]) -> str:
    """The table, or with a load the bill for it. Raises SystemExit for arguments that it does not know."""
    parser = argparse.ArgumentParser(prog="python -m infra.aws.costs", description="What a month costs, in US dollars.")
    for field in fields(Load):
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=float)
    parser.add_argument("--storage", choices=["memorydb", "elasticache"], default=DEFAULT.storage)
    parser.add_argument("--replicas", type=int, default=DEFAULT.replicas)
    parser.add_argument("--nat-gateways", type=int, default=DEFAULT.nat_gateways)
    given = parser.parse_args(arguments)
    stack = Stack(given.storage, given.replicas, given.nat_gateways)
    said = {field.name: value for field in fields(Load) if (value := getattr(given, field.name)) is not None}
    if not said:
        return table(stack)
    load = {"customer_messages": 0.0, "agent_messages": 0.0, "fan_out": capacity.FAN_OUT, "connected_hours": 0.0} | said
    load.setdefault("peak_connections", load["connected_hours"] / 24 * capacity.PEAK)
    return itemised(Load(**load), stack)


if __name__ == "__main__":
    sys.stdout.write(answer(sys.argv[1:]))
