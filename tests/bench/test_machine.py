"""What the comparison on one machine makes of its figures; nothing is timed here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from tests.bench import cpu, machine
from tests.bench.peers.speech import Held

AS_ALL = {"lost": 0, "duplicates": 0, "overtaken": 0, "replayed": 0, "same_order": True}
PACED = {"mode": "paced", "p50_ms": 4.0, "p99_ms": 9.0, "client_cpu": 0.1, "noise": 0.1}
SATURATION = {"mode": "saturation", "client_cpu": 0.2, "noise": 0.0}


def saturation(system: str, number: int, messages_s: float, **others: Any) -> machine.Row:
    figures = {"messages_s": messages_s, "deliveries_s": messages_s, "server_us": 1.0, "redis_us": 1.0, "total_us": 2.0}
    return {"system": system, "agents": 1, "round": number, **AS_ALL, **SATURATION, **figures, **others}


def summed(rows: list[machine.Row], system: str) -> Mapping[str, Any]:
    return next(row for row in machine.summary(rows) if row["system"] == system)


def test_a_ratio_is_the_median_of_those_within_a_round() -> None:
    ours, theirs = (100.0, 300.0, 900.0), (100.0, 100.0, 1_000.0)
    rows = [saturation(machine.KEFU, number, value) for number, value in enumerate(ours)]
    rows += [saturation(machine.FLOOR, number, value) for number, value in enumerate(theirs)]
    assert summed(rows, machine.KEFU)["ratios"][machine.FLOOR]["messages_s"] == 1.0
    assert summed(rows, machine.KEFU)["messages_s"] == {"median": 300.0, "low": 100.0, "high": 900.0}


def test_a_round_that_a_peer_has_missed_gives_no_ratio() -> None:
    rows = [saturation(machine.KEFU, 0, 50.0), saturation(machine.KEFU, 1, 100.0), saturation(machine.FLOOR, 1, 200.0)]
    assert summed(rows, machine.KEFU)["ratios"] == {
        machine.FLOOR: {"messages_s": 0.5, "deliveries_s": 0.5, "server_us": 1.0, "redis_us": 1.0, "total_us": 1.0},
        **{peer: {} for peer in machine.PEERS if peer != machine.FLOOR},
    }


def test_times_are_those_of_the_paced_phase_and_a_loss_in_either_counts() -> None:
    paced = {**saturation(machine.FLOOR, 0, 7.0), **PACED, "lost": 2}
    row = summed([paced, saturation(machine.FLOOR, 0, 500.0, lost=1, p50_ms=80.0)], machine.FLOOR)
    assert row["p50_ms"]["median"] == 4.0
    assert row["messages_s"]["median"] == 500.0
    assert row["lost"] == 3


def test_a_client_at_its_limit_and_a_loud_neighbour_are_said() -> None:
    row = summed([saturation(machine.FLOOR, 0, 5.0, client_cpu=0.95, noise=0.4)], machine.FLOOR)
    assert (row["client_limits"], row["disturbed"]) == (True, True)
    row = summed([saturation(machine.FLOOR, 0, 5.0)], machine.FLOOR)
    assert (row["client_limits"], row["disturbed"]) == (False, False)


def test_what_is_missing_stays_in_the_summary() -> None:
    missing = {"system": machine.STREAMS, "missing": "there is no Node.js on the PATH"}
    assert machine.summary([missing]) == [missing]


def test_the_order_of_the_systems_turns_by_one_each_round() -> None:
    orders = ["".join(machine.turned(list("abc"), number)) for number in range(4)]
    assert orders == ["abc", "bca", "cab", "abc"]


def test_an_agent_acknowledges_only_what_it_holds_without_a_gap() -> None:
    held = Held()
    assert [held.take(offset) for offset in (1, 3, 3)] == [True, True, False]
    assert held.everything_to == 1
    assert held.take(2)
    assert held.everything_to == 3


def test_an_agent_asks_for_what_is_missing_at_two_looks_in_a_row() -> None:
    held = Held()
    held.take(2)
    held.looked_at = -1
    assert not held.stuck()
    assert held.stuck()
    held.take(1)
    assert not held.stuck()
    assert not held.stuck()  # and now nothing is missing


def test_the_cpu_of_a_tree_counts_children_and_their_children_that_have_ended() -> None:
    spin = "import time\nwhile time.process_time() < 0.3: pass"
    child = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {spin!r}])\nprint('done', flush=True)\ninput()"
    )
    with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"done\n"
        assert parent.pid in cpu.tree(os.getpid())
        assert cpu.used_by_trees_s([parent.pid]) >= 0.25  # the kernel counts ended children in hundredths
        parent.communicate(b"\n")
    assert cpu.used_s(parent.pid) == 0.0
