"""The figures as one picture: kefu beside its peers, and how far each goal's figure is from its limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.bench.goals import GOALS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from tests.bench.report import Report

# Okabe and Ito's colours, which everybody can tell apart.
COLOURS = ("#0072B2", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#999999")
MET, NOT_MET = "#0072B2", "#D55E00"
PARTS = (0.1, 0.2, 0.5, 1, 2, 5, 10)
PANELS = (("messages_s", "messages a second, as many as it can"), ("p50_ms", "p50 at a steady pace, ms"))


def draw(told: Report, path: Path) -> None:
    """Writes the picture; the same figures make the same file."""
    import matplotlib
    from matplotlib.figure import Figure

    rows = [row for row in told.tables.get("machine", []) if "missing" not in row]
    figure = Figure(figsize=(11, 11), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=(1, 2))
    for place, (column, title) in enumerate(PANELS):
        _bars(figure.add_subplot(grid[0, place]), rows, column, title)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=6, fontsize=8)
    _goals(figure.add_subplot(grid[1, :]), told)
    with matplotlib.rc_context({"svg.hashsalt": "kefu", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})


def _bars(axes: Axes, rows: Sequence[Mapping[str, Any]], column: str, title: str) -> None:
    """A group for each number of agents, a bar for each system; on a log scale, since they lie far apart."""
    numbers = sorted({row["agents"] for row in rows})
    systems = [name for name in dict.fromkeys(row["system"] for row in rows) if name != "kefu, claimed"]
    width = 0.85 / max(1, len(systems))
    for place, (system, colour) in enumerate(zip(systems, COLOURS, strict=False)):
        values = {row["agents"]: row[column] for row in rows if row["system"] == system and column in row}
        at = [numbers.index(number) + (place - (len(systems) - 1) / 2) * width for number in values]
        medians = [value["median"] for value in values.values()]
        spread = [[v["median"] - v["low"] for v in values.values()], [v["high"] - v["median"] for v in values.values()]]
        axes.bar(at, medians, width, yerr=spread, color=colour, label=system, error_kw={"elinewidth": 0.8})
    axes.set_yscale("log")
    axes.set_xticks(range(len(numbers)), [f"{number} agent{'s' * (number > 1)}" for number in numbers])
    axes.set_title(title, fontsize=10)
    axes.grid(axis="y", alpha=0.3)


def _goals(axes: Axes, told: Report) -> None:
    """Each figure as a part of its limit: left of the line it is met."""
    found = told.by_name
    lines = [(goal, found[name]) for goal in GOALS for name in goal.figures if name in found][::-1]
    for place, (goal, one) in enumerate(lines):
        part = (goal.limit / one.median) if goal.at_least else (one.median / goal.limit)
        axes.plot([max(part, 0.01)], [place], "o" if part <= 1 else "X", color=MET if part <= 1 else NOT_MET)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xscale("log")
    axes.set_xticks(PARTS, [f"{part:g}" for part in PARTS])
    axes.set_xticks([], minor=True)
    axes.set_yticks(range(len(lines)), [one.name for _, one in lines], fontsize=8)
    axes.set_xlabel("part of the limit that is used (● met, ✖ not met)")
    axes.grid(axis="x", alpha=0.3)
