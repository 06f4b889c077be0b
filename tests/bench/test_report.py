"""What the benches make of what they measured; nothing is timed here."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from tests.bench import report
from tests.bench.__main__ import main
from tests.bench.benches import BENCHES, Measured, _side_by_side
from tests.bench.figures import Figure, figure, ratio, shown
from tests.bench.goals import GOALS, Goal
from tests.bench.management import TAKEN, Management

SMALL, LARGE = figure("small", "ms", [1.0, 2.0, 9.0]), figure("large", "ms", [50.0])
FOUND = {"small": SMALL, "large": LARGE}


def told(*figures: Figure) -> report.Report:
    return report.Report({"cores": "2"}, list(figures), {}, [], False)


def test_a_figure_is_the_median_of_its_rounds_with_lowest_and_highest() -> None:
    assert (SMALL.median, SMALL.low, SMALL.high, SMALL.rounds) == (2.0, 1.0, 9.0, 3)


def test_a_ratio_is_each_rounds_own() -> None:
    # The machine was ten times as slow in the second round.
    assert ratio("r", [1.0, 10.0, 1.0], [2.0, 20.0, 2.0]).median == 0.5


@pytest.mark.parametrize(("value", "text"), [(0.0123456, "0.0123"), (7.0, "7"), (12345.6, "12,346"), (0, "0")])
def test_figures_are_shown_with_three_digits(value: float, text: str) -> None:
    assert shown(value) == text


def test_a_goal_is_met_when_every_figure_keeps_the_limit() -> None:
    assert Goal("both", ("small", "large"), 50).met(FOUND) is True
    assert Goal("both", ("small", "large"), 49).met(FOUND) is False
    assert Goal("both", ("small", "large"), 2, at_least=True).met(FOUND) is True
    assert Goal("both", ("small", "large"), 3, at_least=True).met(FOUND) is False


def test_a_goal_of_which_a_part_was_not_measured_is_neither_met_nor_missed() -> None:
    assert Goal("both", ("small", "gone"), 50).met(FOUND) is None


def test_every_goal_is_in_the_table_as_soon_as_it_was_measured() -> None:
    text = told(*(figure(name, "", [goal.limit]) for goal in GOALS for name in goal.figures)).goals()
    assert text.count("| met |") == len(GOALS)


def test_the_reason_stands_below_the_table_when_a_goal_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    goals = [Goal("slow", ("large",), 1, reason="the light is slow"), Goal("fast", ("small",), 5, reason="never told")]
    monkeypatch.setattr(report, "GOALS", goals)
    text = told(SMALL, LARGE).goals()
    assert "- slow: the light is slow" in text
    assert "never told" not in text


def test_what_was_not_measured_is_said() -> None:
    found = {"trips": Measured([SMALL]), "storm": Measured(missing=["storm: it failed"])}
    text = report.Report.of(found, quick=False).text()
    assert "storm: it failed" in text


def test_a_page_keeps_what_stands_around_its_generated_parts() -> None:
    page = "before <!-- begin: a -->old<!-- end: a --> behind"
    begin, end = "<!-- begin: a -->", "<!-- end: a -->"
    assert report._between(page, begin, end, "new") == f"before {begin}\nnew\n{end} behind"
    with pytest.raises(ValueError, match="no place"):
        report._between("nothing", begin, end, "new")


def test_the_page_has_a_place_for_every_generated_part() -> None:
    page = report.PAGE.read_text(encoding="utf-8")
    for name in ("machine", "goals", "figures", *(f"table of {name}" for name in report.TABLES)):
        assert report.BEGIN.format(name) in page
        assert report.END.format(name) in page


def test_ratios_to_peers_leave_out_rounds_that_one_of_both_missed() -> None:
    def row(system: str, number: int, messages_s: float) -> dict[str, Any]:
        phase = {"system": system, "agents": 1, "mode": "saturation", "round": number}
        return {**phase, "messages_s": messages_s, "total_us": 1.0}

    rows = [row("kefu", 0, 100.0), row("kefu", 1, 900.0), row("floor", 0, 200.0), {"system": "floor", "missing": "no"}]
    found = {one.name: one for one in _side_by_side(rows)}
    assert found["machine, messages/s to floor, 1"].median == 0.5
    assert found["machine, messages/s, 1"].median == 500.0


class _Pipe:
    """What a transport would write."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def write(self, words: bytes) -> None:
        self.written.append(words)


def test_the_stand_in_takes_posts_in_whatever_pieces_they_come() -> None:
    heard: list[tuple[str, bytes]] = []
    management = Management(heard=lambda connection, frame: heard.append((connection, frame)))
    pipe = _Pipe()
    management._transport = cast(asyncio.Transport, pipe)
    posts = b"".join(
        b"POST /prod/%%40connections/%s%%3D HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello" % name for name in (b"a", b"b")
    )
    for place in range(0, len(posts), 7):
        management.data_received(posts[place : place + 7])
    assert heard == [("a=", b"hello"), ("b=", b"hello")]
    assert pipe.written == [TAKEN, TAKEN]


def test_a_run_says_what_it_found_and_exits_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "found.json"
    assert main(["--quick", "--only", "trips", "--out", str(out)]) == 0
    found = json.loads(out.read_bytes())
    assert {one["name"] for one in found["figures"]} >= {"trips, first push, 1", "trips, in all, 100"}
    printed = capsys.readouterr().out
    assert "until the function has ended" in printed
    assert main(["--read", str(out)]) == 0
    assert capsys.readouterr().out == printed


def test_a_bench_that_fails_is_named_and_the_run_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(BENCHES, "trips", (BENCHES["trips"][0], 0.01))
    assert main(["--quick", "--only", "trips"]) == 1
    assert "trips: it took longer than" in capsys.readouterr().out
