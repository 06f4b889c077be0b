"""The benches by name, each with the figures that it answers."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from tests.bench.figures import Figure, figure, ratio
from tests.bench.goals import AGENTS


class Measured(msgspec.Struct, frozen=True):
    """What a bench has found: figures, rows for a table of its own, and what could not be measured."""

    figures: list[Figure] = []
    rows: list[dict[str, Any]] = []
    missing: list[str] = []


def _figures(name: str) -> Callable[[bool], Measured]:
    """A bench whose module answers nothing but figures."""
    return lambda quick: Measured(importlib.import_module(f"tests.bench.{name}").measure(quick))


def _cold(quick: bool) -> Measured:
    from tests.bench import cold

    found = cold.measure(3 if quick else 11)
    return Measured(
        [
            figure(f"cold, {what.removesuffix('_ms')}", "ms" if what.endswith("_ms") else "×", [value])
            for what, value in found.items()
        ],
        [{"module": module, "ms": ms} for module, ms in cold.costly()],
    )


def _scripts(_quick: bool) -> Measured:
    from tests.bench import scripts

    return Measured(rows=scripts.profile())


def _machine(quick: bool) -> Measured:
    from tests.bench import machine

    rows = machine.measure(1, 0.6, AGENTS) if quick else machine.measure(3, 1.5, AGENTS)
    missing = [f"{row['system']}: {row['missing']}" for row in rows if "missing" in row]
    return Measured(_side_by_side(rows), machine.summary(rows), missing)


# A figure of a row, the phase that it comes from, and in which unit it is.
COLUMNS = {
    "messages/s": ("messages_s", "saturation", ""),
    "p50": ("p50_ms", "paced", "ms"),
    "cpu": ("total_us", "saturation", "µs"),
}


def _side_by_side(rows: Sequence[Mapping[str, Any]]) -> list[Figure]:
    """kefu's figures, and each round's ratio of them to every peer's."""
    from tests.bench import machine

    found: list[Figure] = []
    for name, (column, mode, unit) in COLUMNS.items():
        for agents in AGENTS:
            by_system: dict[str, dict[int, float]] = {}
            for row in rows:
                if (row.get("agents"), row.get("mode")) == (agents, mode) and row[column]:
                    by_system.setdefault(row["system"], {})[row["round"]] = row[column]
            ours = by_system.get(machine.KEFU, {})
            if ours:
                found.append(figure(f"machine, {name}, {agents}", unit, list(ours.values())))
            for peer in machine.PEERS:
                rounds = [number for number in ours if number in by_system.get(peer, {})]
                if rounds:
                    one, other = [ours[n] for n in rounds], [by_system[peer][n] for n in rounds]
                    found.append(ratio(f"machine, {name} to {peer}, {agents}", one, other))
    return found


# In this order, and for so many seconds at most, the set-up of the peers included.
BENCHES: dict[str, tuple[Callable[[bool], Measured], float]] = {
    "trips": (_figures("trips"), 60),
    "pushes": (_figures("pushes"), 120),
    "cold": (_cold, 120),
    "posts": (_figures("posts"), 240),
    "functions": (_figures("functions"), 60),
    "scripts": (_scripts, 120),
    "growth": (_figures("growth"), 420),
    "storm": (_figures("storm"), 300),
    "machine": (_machine, 600),
}
