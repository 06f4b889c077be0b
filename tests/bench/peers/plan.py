"""What the client is to do, and what it answers: a JSON object on its standard input, one a line on its output."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypedDict

Speech = Literal["plain", "socket.io", "kefu"]
Mode = Literal["paced", "saturation"]
# Where a socket connects, and with what headers.
Address = tuple[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Customers write, and every agent gets what they write. `servers` are the roots of process trees."""

    speech: Speech
    agents: list[Address]
    customers: list[Address]
    seconds: float
    warm_s: float
    servers: list[int]
    redis: int
    conversations: list[str] = field(default_factory=list)
    claimed: bool = False


class Figures(TypedDict):
    """One phase. Times are per delivery, CPU is microseconds per delivery; client_cpu and noise are cores."""

    mode: Mode
    p50_ms: float | None
    p99_ms: float | None
    messages_s: float
    deliveries_s: float
    server_us: float
    redis_us: float
    lost: int
    duplicates: int
    overtaken: int
    replayed: int
    same_order: bool
    client_cpu: float
    noise: float
