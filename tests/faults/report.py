"""What a soak found: tables in Markdown, and two pictures."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from tests.faults.pulse import recovery
from tests.faults.scenarios import SCENARIOS, Window

# The checker's rules, as a table's columns.
COLUMNS = {
    "lost": {"delivered", "stored", "replay"},
    "duplicated": {"once"},
    "out of order": {"one order", "order", "offsets"},
    "two claimers": {"one claimer", "two claimers"},
    "strangers": {"walls"},
}
OTHER = "other"
LATENCY_HEADS = ("while", "messages", "p50", "p90", "p99", "max")
# After a fault some messages still wait for their retries: they are neither calm nor during it.
AFTERMATH_S = 1.0
PIECE_S = 0.5


@dataclass(frozen=True, slots=True)
class Latency:
    """A message: when it was sent, on the monotonic clock, and after how many seconds the first other side had it."""

    at: float
    took: float


@dataclass(slots=True)
class Round:
    """Some people's work, from their first connection to the checker's verdict."""

    kind: str
    number: int
    seed: int
    messages: int = 0
    pushes: int = 0
    replays: int = 0
    connections: int = 0
    broken: Counter[str] = field(default_factory=Counter)
    windows: list[Window] = field(default_factory=list)
    latencies: list[Latency] = field(default_factory=list)
    beats: list[list[float]] = field(default_factory=list)

    @property
    def names(self) -> set[str]:
        return {window.scenario for window in self.windows}

    def during(self, window: Window) -> list[float]:
        """The latencies of what was sent in that window."""
        return [latency.took for latency in self.latencies if window.began <= latency.at < window.ended]

    def calm(self) -> list[float]:
        """The latencies of what was sent, and had, while nothing was broken."""
        return [
            latency.took
            for latency in self.latencies
            if not any(
                latency.at < window.ended + AFTERMATH_S and window.began < latency.at + latency.took
                for window in self.windows
            )
        ]


@dataclass(slots=True)
class Story:
    """A whole soak."""

    seed: int
    began: float
    rounds: list[Round] = field(default_factory=list)
    bystanders: Mapping[str, Sequence[float]] = field(default_factory=dict)

    @property
    def broken(self) -> Counter[str]:
        return sum((each.broken for each in self.rounds), Counter[str]())

    @property
    def played(self) -> set[str]:
        """The scenarios that have run."""
        return {name for each in self.rounds for name in each.names}


def write(story: Story, folder: Path) -> Path:
    """Write the report and its pictures into `folder`; the report's path."""
    folder.mkdir(parents=True, exist_ok=True)
    draw_latency(story, folder / "latency.svg")
    draw_recovery(story, folder / "recovery.svg")
    path = folder / "report.md"
    path.write_text(markdown(story), encoding="utf-8")
    return path


def markdown(story: Story) -> str:
    """The report's text."""
    rounds = story.rounds
    lasted = max((latency.at for each in rounds for latency in each.latencies), default=story.began) - story.began
    totals = (
        f"Seed {story.seed}, {lasted / 60:.1f} minutes, {len(rounds)} rounds on {_listed({r.kind for r in rounds})}: "
        f"{sum(r.messages for r in rounds):,} messages, {sum(r.pushes for r in rounds):,} live pushes with an offset, "
        f"{sum(r.replays for r in rounds):,} replayed entries, {sum(r.connections for r in rounds):,} connections. "
        f"Violations: {_violations(story.broken)}."
    )
    return "\n\n".join(
        [
            "# Soak",
            totals,
            "## What broke",
            "Messages are the sends that were replied to during the fault; recovery is the time from the fault's end "
            "until messages came live again in each of three stores. A violation counts for every scenario of its "
            "round.",
            _scenario_table(story),
            "## Latency",
            "Milliseconds from sending a message, its sender's retries included, until the first person of the other "
            "side had it live.",
            _latency_table(story),
            "### While one recipient is dead or slow",
            "Milliseconds until each of the other recipients had the same message; nobody else was at work then.",
            _table(LATENCY_HEADS, [_latency_line(name, took) for name, took in story.bystanders.items()]),
            "![Latency over time](latency.svg)",
            "![Recovery by scenario](recovery.svg)",
            "",
        ]
    )


def _scenario_table(story: Story) -> str:
    heads = ["scenario", "runs", "messages", *COLUMNS, OTHER, "recovery p50, s", "recovery max, s"]
    lines = []
    for name in _in_order(story):
        mine = [(each, window) for each in story.rounds for window in each.windows if window.scenario == name]
        broken = sum((each.broken for each in story.rounds if name in each.names), Counter[str]())
        recoveries = [found for each, window in mine if (found := recovery(each.beats, window.ended)) is not None]
        counts = [sum(broken[rule] for rule in rules) for rules in COLUMNS.values()]
        lines.append(
            [
                *(name, str(len(mine)), f"{sum(window.replied for _, window in mine):,}"),
                *(str(count) for count in (*counts, broken.total() - sum(counts))),
                *(("–", "–") if not recoveries else (f"{median(recoveries):.2f}", f"{max(recoveries):.2f}")),
            ]
        )
    return _table(heads, lines)


def _latency_table(story: Story) -> str:
    lines = [_latency_line("calm", [took for each in story.rounds for took in each.calm()])]
    for name in _in_order(story):
        windows = [(each, window) for each in story.rounds for window in each.windows if window.scenario == name]
        lines.append(_latency_line(name, [took for each, window in windows for took in each.during(window)]))
    return _table(LATENCY_HEADS, lines)


def _latency_line(name: str, seconds: Sequence[float]) -> list[str]:
    figures = [f"{1000 * percentile(seconds, share):,.0f}" if seconds else "–" for share in (0.5, 0.9, 0.99, 1.0)]
    return [name, f"{len(seconds):,}", *figures]


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that at least that share of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _in_order(story: Story) -> list[str]:
    return [scenario.name for scenario in SCENARIOS if scenario.name in story.played]


def _listed(words: Iterable[str]) -> str:
    return " and ".join(sorted(words)) or "nothing"


def _violations(broken: Counter[str]) -> str:
    return ", ".join(f"{count} of “{rule}”" for rule, count in sorted(broken.items())) or "none"


def draw_latency(story: Story, path: Path) -> None:
    """Median and 99th percentile over time, with the faults shaded."""
    from matplotlib import colormaps
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4.5), layout="constrained")
    axes = figure.subplots()
    names = _in_order(story)
    colours = {name: colormaps["gist_rainbow"](number / len(names)) for number, name in enumerate(names)}
    labelled: set[str] = set()
    for each in story.rounds:
        for window in each.windows:
            label = None if window.scenario in labelled else window.scenario
            labelled.add(window.scenario)
            began, ended = window.began - story.began, window.ended - story.began
            axes.axvspan(began, ended, color=colours[window.scenario], alpha=0.25, linewidth=0, label=label)
    pieces: dict[int, list[float]] = {}
    for each in story.rounds:
        for latency in each.latencies:
            pieces.setdefault(int((latency.at - story.began) / PIECE_S), []).append(latency.took)
    moments = sorted(pieces)
    for share, style in ((0.5, "k."), (0.99, "r.")):
        values = [1000 * percentile(pieces[moment], share) for moment in moments]
        axes.plot([moment * PIECE_S for moment in moments], values, style, markersize=2, label=f"p{share * 100:g}")
    axes.set_yscale("log")
    axes.set_xlabel("seconds")
    axes.set_ylabel(f"latency, ms (per {PIECE_S:g} s)")
    axes.set_title("From sending a message until the other side has it, and what was broken then")
    axes.legend(fontsize=6, ncols=2, loc="center left", bbox_to_anchor=(1.0, 0.5))
    _save(figure, path)


def draw_recovery(story: Story, path: Path) -> None:
    """Each recovery as a dot, by scenario."""
    from matplotlib.figure import Figure

    names = _in_order(story)[::-1]
    figure = Figure(figsize=(9, 1 + 0.28 * max(1, len(names))), layout="constrained")
    axes = figure.subplots()
    for place, name in enumerate(names):
        found = [
            recovery(each.beats, window.ended)
            for each in story.rounds
            for window in each.windows
            if window.scenario == name
        ]
        seconds = [value for value in found if value is not None]
        axes.plot(seconds, [place] * len(seconds), "o", color="C0", alpha=0.5, markersize=4)
    axes.set_yticks(range(len(names)), names)
    axes.set_xlim(left=0)
    axes.set_xlabel("seconds from the fault's end until messages come live again in each of three stores")
    axes.grid(axis="x", alpha=0.3)
    _save(figure, path)


def _save(figure: object, path: Path) -> None:
    import matplotlib
    from matplotlib.figure import Figure

    assert isinstance(figure, Figure)
    # The same figures make the same file.
    with matplotlib.rc_context({"svg.hashsalt": "kefu", "svg.fonttype": "none"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
