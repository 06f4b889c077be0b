"""Two minutes of everything at once: people at work on one node and on a cluster, every fault in rotation."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import report, soak
from tests.faults.report import Latency, Round, Story
from tests.faults.scenarios import SCENARIOS, Window

SEED = 7


def test_two_minutes_of_every_fault_break_no_promise(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    status = soak.main(["--minutes", "2", "--seed", str(SEED), "--out", str(tmp_path)])
    shown = capfd.readouterr().out
    assert status == 0, shown
    table = (tmp_path / "report.md").read_text(encoding="utf-8").partition("## Latency")[0]
    for scenario in SCENARIOS:
        assert f"| {scenario.name} |" in table, shown
    assert f"seed {SEED}" in shown


def test_the_report_says_what_was_broken_and_how_long_it_took_to_recover(tmp_path: Path) -> None:
    killed, calm = Window("Redis killed", "one-node", 10.0, 12.0, 3), Window("clocks apart", "one-node", 20.0, 22.0, 9)
    latencies = [Latency(9.0, 0.010), Latency(11.0, 1.5), Latency(21.0, 0.020), Latency(22.25, 0.25)]
    rounds = [Round("one-node", 1, 5, messages=4, windows=[killed, calm], latencies=latencies)]
    rounds[0].beats = [[11.0, 12.25, 22.5], [12.5, 22.25]]
    rounds[0].broken["walls"] = 2

    text = report.write(Story(5, 0.0, rounds, {"slow": [0.015]}), tmp_path).read_text(encoding="utf-8")

    assert "Violations: 2 of “walls”." in text
    assert "| Redis killed | 1 | 3 | 0 | 0 | 0 | 0 | 2 | 0 | 0.50 | 0.50 |" in text
    assert "| clocks apart | 1 | 9 | 0 | 0 | 0 | 0 | 2 | 0 | 0.50 | 0.50 |" in text
    assert "| calm | 1 | 10 | 10 | 10 | 10 |" in text
    assert "| Redis killed | 1 | 1,500 | 1,500 | 1,500 | 1,500 |" in text
    assert "| slow | 1 | 15 | 15 | 15 | 15 |" in text
    assert (tmp_path / "latency.svg").stat().st_size
    assert (tmp_path / "recovery.svg").stat().st_size


def test_the_same_figures_make_the_same_files(tmp_path: Path) -> None:
    story = Story(5, 0.0, [Round("cluster", 1, 5, latencies=[Latency(1.0, 0.1)])])
    for name in ("first", "second"):
        report.write(story, tmp_path / name)
    for name in ("report.md", "latency.svg", "recovery.svg"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
