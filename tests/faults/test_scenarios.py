"""Each fault by itself, with people at work before, during and after it: nothing that is promised breaks."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.faults.checker import Verdict
from tests.faults.faulty import Service
from tests.faults.scenarios import SCENARIOS, Ground, Scenario, play
from tests.faults.storage import Cluster, OneNode, Storage
from tests.faults.workload import Plan, Workload

SEED = 20_261_125
BEFORE_S, DURING_S, AFTER_S = 0.7, 2.0, 0.7


@pytest.fixture(scope="module")
def storages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Storage]]:
    folder = tmp_path_factory.mktemp("storages")
    started: dict[str, Storage] = {"one-node": OneNode(folder / "node"), "cluster": Cluster(folder / "cluster")}
    try:
        for storage in started.values():
            asyncio.run(storage.start())
        yield started
    finally:
        for storage in started.values():
            storage.stop()


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_promise_is_kept_with(scenario: Scenario, storages: dict[str, Storage], tmp_path: Path) -> None:
    storage = storages[scenario.kind or "one-node"]
    verdict = asyncio.run(survive(scenario, storage, tmp_path))
    assert not verdict.violations
    assert verdict.messages


async def survive(scenario: Scenario, storage: Storage, folder: Path) -> Verdict:
    """What the checker says of people who were at work through the scenario."""
    env = {**storage.env, "KEFU_OVERDUE_MS": "1000"}
    async with Service(folder / "home", env, seed=SEED) as service:
        people = Workload(service.url, service.secret, Plan(SEED, drills=()))
        try:
            await people.prepare()
            await people.run(BEFORE_S)
            async with asyncio.TaskGroup() as group:
                ground = Ground(service, storage, people, Random(SEED))
                played = group.create_task(play(scenario, ground, min(DURING_S, scenario.seconds)))
                while not played.done():
                    await people.run(DURING_S)
            await people.run(AFTER_S)
            await people.settle()
        finally:
            people.recording.save(folder / "recording")
            await people.close()
    return Verdict.of(people.recording)
