"""kefu and its peers on one machine: the same client and Redis, turn about, so ratios compare neighbours in time.

One customer writes (paced), or eight do (saturation), and N agents get every message. kefu's customers have a
conversation each, which waits: so all agents of the store get its messages, each by an offline list, and each agent
acknowledges them. All of that is in kefu's figures. The peers relay in one room: none of them has accounts, claims,
offline lists or acknowledgements, and only the floor stores anything.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from tests.bench import cpu
from tests.bench.peers.environment import Environment, Missing, environment
from tests.bench.systems import Kefu, Shared, System, Times, kefu, peer
from tests.e2e.server import ROOT, StartError
from tests.servers import connect, node

Row = dict[str, Any]
Item = TypeVar("Item")

KEFU, FAITHFUL, CLAIMED = "kefu", "kefu, pushes over HTTP", "kefu, claimed"
CHANNELS, PYTHON_SOCKETIO, STREAMS, FLOOR = "Django Channels", "python-socketio", "Socket.IO streams", "floor"
PEERS = (CHANNELS, PYTHON_SOCKETIO, STREAMS, FLOOR)
# The share of `seconds` that a phase runs before it is measured.
WARM = 0.3
QUIET_WITHIN_S = 3.0
QUIET_CORES = 0.1
LOOK_EVERY_S = 0.1
# Cores that the client uses, or others do: above that, the client is the limit, or the figures are disturbed.
CLIENT_LIMIT, NOISE_LIMIT = 0.85, 0.35
# What a figure is taken from.
FIGURES = {
    "p50_ms": "paced",
    "p99_ms": "paced",
    "messages_s": "saturation",
    "deliveries_s": "saturation",
    "server_us": "saturation",
    "redis_us": "saturation",
    "total_us": "saturation",
}


def measure(rounds: int, seconds: float, agents: Sequence[int]) -> list[Row]:
    """Every system for each number of agents, `rounds` times, each phase for so many seconds.

    A row is one phase of one system: `Figures` with `system`, `agents`, `round`, and `total_us` (server and Redis).
    What could not be measured is a row with `missing`: why not.
    """
    rows: list[Row] = []
    with ExitStack() as stack:
        try:
            made = environment()
        except Missing as reason:
            return [{"system": system, "missing": str(reason)} for system in (KEFU, FAITHFUL, CLAIMED, *PEERS)]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kefu-bench-")))
        port = stack.enter_context(node(folder / "redis"))
        with connect(port) as client:
            redis = int(client.info("server")["process_id"])
        shared = Shared(made, f"redis://127.0.0.1:{port}/0", redis, folder)
        running: dict[str, System] = {}
        for name, starting in _systems(shared):
            try:
                running[name] = stack.enter_context(starting)
            except (Missing, StartError, TimeoutError) as reason:
                rows.append({"system": name, "missing": _last_line(str(reason))})
        if made.without_node:
            rows.append({"system": STREAMS, "missing": made.without_node})
        times = Times(seconds, seconds * WARM)
        for number in range(rounds):
            for count in agents:
                for name, system in turned(_taking_part(running, count), number):
                    rows += _measured(made, name, system, count, number, times)
    return rows


def summary(rows: Sequence[Row]) -> list[Row]:
    """One row for each system and number of agents: {"median", "low", "high"} over the rounds of every figure.

    `ratios` of kefu's rows: {peer: {figure: median of the rounds' own kefu / peer}}. Lost and duplicates are sums.
    """
    measured = [row for row in rows if "missing" not in row]
    places = dict.fromkeys((row["system"], row["agents"]) for row in measured)
    found = [_summed(measured, system, agents) for system, agents in sorted(places, key=lambda place: place[1])]
    return found + [row for row in rows if "missing" in row]


def turned(systems: Sequence[Item], by: int) -> list[Item]:
    """The systems in an order that begins with another one each round."""
    start = by % len(systems) if systems else 0
    return [*systems[start:], *systems[:start]]


def _summed(rows: Sequence[Row], system: str, agents: int) -> Row:
    mine = [row for row in rows if (row["system"], row["agents"]) == (system, agents)]
    row: Row = {"system": system, "agents": agents}
    for figure in FIGURES:
        if values := list(_by_round(rows, system, agents, figure).values()):
            row[figure] = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    for count in ("lost", "duplicates", "overtaken", "replayed"):
        row[count] = sum(each[count] for each in mine)
    row["same_order"] = all(each["same_order"] for each in mine)
    row["client_cpu"], row["noise"] = max(each["client_cpu"] for each in mine), max(each["noise"] for each in mine)
    row["client_limits"], row["disturbed"] = row["client_cpu"] > CLIENT_LIMIT, row["noise"] > NOISE_LIMIT
    if system in (KEFU, FAITHFUL):
        row["ratios"] = {other: _ratios(rows, system, other, agents) for other in PEERS}
    return row


def _ratios(rows: Sequence[Row], system: str, other: str, agents: int) -> dict[str, float]:
    ratios = {}
    for figure in FIGURES:
        ours, theirs = (_by_round(rows, name, agents, figure) for name in (system, other))
        if common := [ours[number] / theirs[number] for number in ours if theirs.get(number)]:
            ratios[figure] = statistics.median(common)
    return ratios


def _by_round(rows: Sequence[Row], system: str, agents: int, figure: str) -> dict[int, float]:
    wanted = system, agents, FIGURES[figure]
    return {
        row["round"]: row[figure]
        for row in rows
        if (row["system"], row["agents"], row["mode"]) == wanted and row[figure] is not None
    }


def _systems(shared: Shared) -> Iterator[tuple[str, AbstractContextManager[System]]]:
    python = str(shared.environment.python)
    uvicorn = [python, "-m", "uvicorn", "--host", "127.0.0.1", "--port", "{port}", "--loop", "uvloop"]
    silent = ["--log-level", "error", "--no-access-log"]
    yield KEFU, kefu(shared, "kefu", {"PUSHES": "pipe"})
    yield FAITHFUL, kefu(shared, "faithful", {"PUSHES": "http"})
    yield CHANNELS, peer(shared, "channels", [*uvicorn, *silent, "django_channels:application"], "plain")
    yield PYTHON_SOCKETIO, peer(shared, "psio", [*uvicorn, *silent, "python_socketio:application"], "socket.io")
    if not shared.environment.without_node:
        yield STREAMS, peer(shared, "streams", ["node", "socketio_streams.js", "{port}"], "socket.io")
    yield FLOOR, peer(shared, "floor", [python, "floor.py", "{port}"], "plain")


def _taking_part(running: Mapping[str, System], agents: int) -> list[tuple[str, System]]:
    """The systems, kefu's once more where one agent is enough for all that is said: that one has claimed it."""
    part = list(running.items())
    ours = running.get(KEFU)
    if agents == 1 and isinstance(ours, Kefu):
        part.append((CLAIMED, ours.claiming()))
    return part


def _measured(made: Environment, name: str, system: System, agents: int, number: int, times: Times) -> list[Row]:
    _wait_until_quiet(system.root)
    place = {"system": name, "agents": agents, "round": number}
    try:
        plan = system.plan(agents, times)
        client = subprocess.run(
            [str(made.python), "-m", "tests.bench.peers.client"],
            cwd=ROOT,
            input=json.dumps(asdict(plan)),
            capture_output=True,
            text=True,
            check=False,
            timeout=60 + 4 * times.seconds,
        )
    except (Missing, OSError, subprocess.TimeoutExpired) as reason:
        return [{**place, "missing": str(reason)}]
    rows = [{**place, **json.loads(line)} for line in client.stdout.splitlines()]
    for row in rows:
        row["total_us"] = row["server_us"] + row["redis_us"]
    if client.returncode or client.stderr:
        said = _last_line(client.stderr) or f"exit status {client.returncode}"
        rows.append({**place, "missing": f"the client: {said}"})
    return rows


def _wait_until_quiet(root: int) -> None:
    """What the sockets of the last run left to do when they closed must not be counted in this one."""
    end = time.monotonic() + QUIET_WITHIN_S
    before = cpu.used_by_trees_s([root])
    while time.monotonic() < end:
        time.sleep(LOOK_EVERY_S)
        now = cpu.used_by_trees_s([root])
        if now - before < QUIET_CORES * LOOK_EVERY_S:
            return
        before = now


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2]
