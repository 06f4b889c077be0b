"""The checker can fail: it catches every deliberate fault by the rule that the fault breaks, and nothing without."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from pathlib import Path

import pytest

from tests.faults.checker import check
from tests.faults.control import Faults
from tests.faults.drills import DRILLS
from tests.faults.faulty import Service
from tests.faults.mutants import MUTANTS
from tests.faults.violation import Violation
from tests.faults.workload import Plan, Workload

SEED = 20_261_125
SETTLE_S = 30.0
LOST_AFTER_S = 3.5  # longer than what is owed may stay undelivered, with the times below
OVERDUE_MS = "1000"
SWEEP_S = 1.0


async def violations(
    home: Path, redis_url: str, drills: Collection[str], *, mutant: str = "", dying: float = 0.0, seconds: float = 0.0
) -> Sequence[Violation]:
    """What the checker says of a run of the service: the drills, and then so many seconds of work at random."""
    print(f"seed {SEED}, recorded in {home / 'recording'}")
    env = {"REDIS_URL": redis_url, "KEFU_OVERDUE_MS": OVERDUE_MS, "KEFU_MUTANT": mutant}
    async with Service(home, env, seed=SEED, sweep_s=SWEEP_S) as service:
        workload = Workload(service.url, service.secret, Plan(SEED, patience_s=2.0, drills=drills))
        try:
            await workload.prepare()
            service.set(Faults(death=dying))
            await workload.run(seconds)
            service.set()
            await workload.settle(LOST_AFTER_S if mutant else SETTLE_S)
        finally:
            await workload.close()
    workload.recording.save(home / "recording")
    return check(workload.recording)


@pytest.mark.parametrize("name", MUTANTS)
def test_a_deliberate_fault_is_caught_by_the_rule_that_it_breaks(name: str, one_node: str, tmp_path: Path) -> None:
    mutant = MUTANTS[name]

    found = asyncio.run(violations(tmp_path, one_node, mutant.drills, mutant=name, dying=mutant.dying))

    caught = {violation.rule for violation in found}
    assert caught & set(mutant.caught_by), f"{mutant.breaks} Broken rules: {sorted(caught)}"


def test_without_a_deliberate_fault_there_is_nothing_to_catch(one_node: str, tmp_path: Path) -> None:
    assert list(asyncio.run(violations(tmp_path, one_node, tuple(DRILLS), seconds=3.0))) == []


def test_functions_that_die_are_no_fault_of_the_service(one_node: str, tmp_path: Path) -> None:
    dying = max(mutant.dying for mutant in MUTANTS.values())

    assert list(asyncio.run(violations(tmp_path, one_node, {"abandon"}, dying=dying, seconds=2.0))) == []
