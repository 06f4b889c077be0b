"""What a run has measured, as a table of the goals, as JSON, and as a page with a picture."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests import servers
from tests.bench.benches import Measured
from tests.bench.figures import Figure, shown
from tests.bench.goals import GOALS, Goal
from tests.e2e.server import ROOT
from tests.web.programs import node

PAGE, PICTURE = ROOT / "docs/performance.md", ROOT / "docs/pictures/performance.svg"
FIGURES = ROOT / "docs/performance.json"
BEGIN, END = "<!-- begin: {} -->", "<!-- end: {} -->"
# The benches that have a table of their own: what is in a column, and its head.
TABLES = {
    "cold": {"module": "module", "ms": "its own ms of `import app`"},
    "scripts": {
        "script": "script",
        "case": "with",
        "commands": "commands",
        "bytes_in": "bytes in",
        "bytes_out": "out",
        "server_us": "µs in the script",
        "cpu_us": "µs of the server in all",
    },
    "machine": {
        "system": "system",
        "agents": "agents",
        "messages_s": "messages/s",
        "p50_ms": "p50 ms",
        "p99_ms": "p99 ms",
        "server_us": "µs of the server for a delivery",
        "redis_us": "of Redis",
    },
}


class Report(msgspec.Struct, frozen=True):
    """A run: where it ran, what it found, and what could not be measured."""

    machine: dict[str, str]
    figures: list[Figure]
    tables: dict[str, list[dict[str, Any]]]
    missing: list[str]
    quick: bool

    @classmethod
    def of(cls, found: Mapping[str, Measured], quick: bool) -> Report:
        """The benches' findings, by their names."""
        figures = [figure for measured in found.values() for figure in measured.figures]
        tables = {name: measured.rows for name, measured in found.items() if measured.rows}
        missing = [why for measured in found.values() for why in measured.missing]
        return cls(where(), figures, tables, missing, quick)

    @property
    def by_name(self) -> dict[str, Figure]:
        return {figure.name: figure for figure in self.figures}

    def text(self) -> str:
        """All of it, for a terminal."""
        parts = [", ".join(f"{name} {value}" for name, value in self.machine.items()), self.goals()]
        if self.quick:
            parts.insert(1, "Quick: few rounds, and a tenth of the messages and conversations that the goals name.")
        parts += [f"{name}\n{self.table(name)}" for name in self.tables]
        parts += [f"All figures\n{self.others()}"]
        if self.missing:
            parts.append("\n".join(["Not measured:", *self.missing]))
        return "\n\n".join(parts)

    def goals(self) -> str:
        """The goals of which anything was measured; then, for each that was not met, the reason."""
        found = self.by_name
        shown_goals = [goal for goal in GOALS if any(name in found for name in goal.figures)]
        table = _table(
            ("what", "measured", "from … to", "goal", ""),
            [(goal.what, *_values(goal, found), goal.sought, _verdict(goal, found)) for goal in shown_goals],
        )
        reasons = [f"- {goal.what}: {goal.reason}" for goal in shown_goals if goal.reason and goal.met(found) is False]
        return "\n".join([table, *(["", "Why not:", *reasons] if reasons else [])])

    def table(self, name: str) -> str:
        """The rows of a bench that has a table of its own."""
        columns = TABLES[name]
        rows = [row for row in self.tables[name] if "missing" not in row]
        return _table(tuple(columns.values()), [[_cell(row.get(column)) for column in columns] for row in rows])

    def others(self) -> str:
        """Every figure."""
        rows = [(one.name, str(one), _spread(one), one.note) for one in self.figures]
        return _table(("figure", "median", "from … to", ""), rows)


def where() -> dict[str, str]:
    """What the figures depend on."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.M)
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": model[1] if model else platform.machine(),
        "Python": platform.python_version(),
        "storage": _version([servers.binary(), "--version"]),
        "Node": _version([node(), "--version"]),
    }


def _version(command: Sequence[str]) -> str:
    """A program's name, where it says it, and its version."""
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"(?:(\w+) server )?v=?(\d+\.\d+\.\d+)", said)
    return " ".join(word for word in found.groups() if word) if found else said.strip()


def _values(goal: Goal, found: Mapping[str, Figure]) -> tuple[str, str]:
    figures = [found.get(name) for name in goal.figures]
    medians = " / ".join(shown(one.median) if one else "–" for one in figures)
    spreads = " / ".join(_spread(one) if one else "–" for one in figures)
    units = {one.unit for one in figures if one}
    return f"{medians} {''.join(units)}".strip(), "" if set(spreads) <= set(" /–") else spreads


def _spread(one: Figure) -> str:
    return "–" if one.low == one.high else f"{shown(one.low)} … {shown(one.high)}"


def _verdict(goal: Goal, found: Mapping[str, Figure]) -> str:
    return {True: "met", False: "**not met**", None: "not measured"}[goal.met(found)]


def _cell(value: Any) -> str:
    if isinstance(value, Mapping):
        return shown(value["median"])
    return shown(value) if isinstance(value, float) else str("" if value is None else value)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def publish(told: Report) -> None:
    """Writes the page's generated parts, its picture and its figures anew; what stands around them stays."""
    from tests.bench.picture import draw

    draw(told, PICTURE)
    FIGURES.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    page = PAGE.read_text(encoding="utf-8")
    parts = {"machine": _sentence(told), "goals": told.goals(), "figures": told.others()}
    parts |= {f"table of {name}": told.table(name) for name in told.tables}
    for name, part in parts.items():
        page = _between(page, BEGIN.format(name), END.format(name), part)
    PAGE.write_text(page, encoding="utf-8")


def _between(page: str, begin: str, end: str, part: str) -> str:
    before, found, rest = page.partition(begin)
    _, found_too, behind = rest.partition(end)
    if not found or not found_too:
        raise ValueError(f"{PAGE} has no place for what stands between {begin} and {end}")
    return f"{before}{begin}\n{part}\n{end}{behind}"


def _sentence(told: Report) -> str:
    machine = told.machine
    words = f"{machine['cores']} cores ({machine['processor']}), Python {machine['Python']}, {machine['storage']}"
    return f"Measured on {words}, Node {machine['Node']}."
