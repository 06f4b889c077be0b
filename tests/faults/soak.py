"""The soak: people at work while every fault comes in rotation (`python -m tests.faults.soak --minutes N`).

Its work is in rounds, each with new stores and people, whose recording the checker judges at the end. The exit status
is 1 when anything that is promised was broken; the recording and the seed are then kept.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from random import Random, SystemRandom

from tests.faults import bystanders, report
from tests.faults.checker import Verdict
from tests.faults.drills import DRILLS
from tests.faults.faulty import Service
from tests.faults.pulse import Pulse, recovery
from tests.faults.report import Latency, Round, Story
from tests.faults.scenarios import SCENARIOS, Ground, Scenario, Window, fitting, play
from tests.faults.storage import Cluster, OneNode, Storage
from tests.faults.workload import Plan, Workload

KINDS = ("one-node", "cluster")
ROUND_S = 75.0
# What a round needs beside its work: everybody comes back, everything is read, and the checker thinks.
SETTLE_S = 14.0
START_S = 6.0
DRILLS_FROM_S = 600.0
CALM_S = 1.5
SHORTEST_S = 1.5
RECOVER_WITHIN_S = 20.0
PROGRESS_S = 10.0
SHOWN = 10
ALL = tuple(scenario.name for scenario in SCENARIOS)


class _Half:
    """The part of a soak on one storage."""

    def __init__(
        self, storage: Storage, service: Service, deadline: float, share: list[Scenario], rest: list[Scenario]
    ) -> None:
        self.storage, self.service, self.deadline = storage, service, deadline
        self.due, self.rotation = set(share), cycle([*share, *rest])
        self.rounds = 0

    @property
    def over(self) -> bool:
        """Whether there is no time for one more round."""
        return self.rounds > 0 and self.deadline - time.monotonic() < SETTLE_S + START_S

    def longest(self) -> float:
        """How long a scenario may last, if each that is due is to have its turn."""
        left = self.deadline - SETTLE_S - time.monotonic()
        return max(SHORTEST_S, left / len(self.due) - CALM_S) if self.due else left


@dataclass(slots=True)
class Soak:
    """One soak. `seconds` are for everything; `overdue_ms` is when what the outbox owes is overdue, here too soon."""

    seconds: float
    kinds: Sequence[str]
    seed: int
    folder: Path
    only: Collection[str] = ALL
    overdue_ms: int = 1_000
    actions_s: float = 40.0
    story: Story = field(init=False)

    def __post_init__(self) -> None:
        self.story = Story(self.seed, time.monotonic())

    async def run(self) -> Story:
        """All of it, on one storage after the other."""
        self.story.began = time.monotonic()
        for number, kind in enumerate(self.kinds):
            share = self.seconds / len(self.kinds)
            await self._on(kind, number, self.story.began + share * (number + 1))
        return self.story

    async def _on(self, kind: str, number: int, deadline: float) -> None:
        folder = self.folder / kind
        storage: Storage = OneNode(folder / "redis") if kind == "one-node" else Cluster(folder / "redis")
        async with storage:
            env = {**storage.env, "KEFU_OVERDUE_MS": str(self.overdue_ms)}
            async with Service(folder / "home", env, seed=self.seed) as service:
                if number == 0:
                    self.say("what one dead or slow recipient costs the others …")
                    self.story.bystanders = await bystanders.measure(service, min(5.0, self.seconds / 120))
                half = _Half(storage, service, deadline, *self._shares(kind, number))
                while not half.over:
                    half.rounds += 1
                    await self._round(half)

    def _shares(self, kind: str, number: int) -> tuple[list[Scenario], list[Scenario]]:
        """What must have its turn on this storage (what no other has, and a share of the others), and the rest."""
        able = [scenario for scenario in fitting(kind) if scenario.name in self.only]
        common = [scenario for scenario in able if not scenario.kind]
        share = [scenario for scenario in able if scenario.kind] + common[number :: len(self.kinds)]
        return share, [scenario for scenario in able if scenario not in share]

    async def _round(self, half: _Half) -> None:
        random = Random(f"{self.seed} {half.storage.kind} {half.rounds}")
        found = Round(half.storage.kind, half.rounds, random.randrange(2**31))
        # The drills take ten seconds, which a short soak has not.
        drills = tuple(DRILLS) if half.rounds == 1 and self.seconds > DRILLS_FROM_S else ()
        plan = Plan(found.seed, actions_s=self.actions_s, drills=drills)
        people = Workload(half.service.url, half.service.secret, plan)
        pulse = Pulse(half.service.url, half.service.secret, found.seed)
        self.story.rounds.append(found)
        until = min(half.deadline, time.monotonic() + ROUND_S) - SETTLE_S
        telling = asyncio.create_task(self._tell(people, found))
        try:
            await people.prepare()
            async with asyncio.TaskGroup() as group:
                ground = Ground(half.service, half.storage, people, random)
                beating = group.create_task(pulse.run())
                breaking = group.create_task(self._break(half, ground, pulse, found, until))
                await people.run(max(CALM_S, until - time.monotonic()))
                while not breaking.done():
                    await people.run(CALM_S)
                beating.cancel()
            found.beats = pulse.beats
            await people.settle()
        except TimeoutError as error:
            found.broken["does not come back"] += 1
            self.say(f"{found.kind}, round {found.number}: {error}")
        finally:
            telling.cancel()
            await people.close()
            self._judge(people, found)

    async def _break(self, half: _Half, ground: Ground, pulse: Pulse, found: Round, until: float) -> None:
        last = until >= half.deadline - SETTLE_S
        await asyncio.sleep(CALM_S)
        while time.monotonic() + SHORTEST_S < until or (last and half.due):
            scenario = next(half.rotation)
            window = await play(scenario, ground, min(scenario.seconds, half.longest()))
            found.windows.append(window)
            half.due.discard(scenario)
            await self._recover(pulse, found, window)
            await asyncio.sleep(CALM_S)

    async def _recover(self, pulse: Pulse, found: Round, window: Window) -> None:
        """Wait until messages come live again in every store of the pulse."""
        while recovery(pulse.beats, window.ended) is None:
            if time.monotonic() > window.ended + RECOVER_WITHIN_S:
                found.broken["does not recover"] += 1
                self.say(f"{found.kind}: nothing comes live {RECOVER_WITHIN_S:g} s after {window.scenario}")
                return
            await asyncio.sleep(0.05)

    def _judge(self, people: Workload, found: Round) -> None:
        found.latencies = [Latency(*each) for each in people.latencies]
        verdict = Verdict.of(people.recording)
        found.messages, found.pushes = verdict.messages, verdict.pushes
        found.replays, found.connections = verdict.replays, verdict.connections
        found.broken.update(verdict.broken)
        if found.broken:
            path = self.folder / f"recording-{found.kind}-{found.number}"
            people.recording.save(path)
            self.say(f"VIOLATED in round {found.number} on {found.kind}; --seed {self.seed}; recorded in {path}")
            for violation in verdict.violations[:SHOWN]:
                self.say(f"  {violation.rule}: {violation.what} {violation.records}")
        self.say(
            f"{found.kind}, round {found.number}: {found.messages} messages, {found.pushes} pushes, {found.replays} "
            f"replayed, {found.connections} connections, {len(found.windows)} faults, "
            f"{found.broken.total() or 'no'} violations"
        )

    async def _tell(self, people: Workload, found: Round) -> None:
        while True:
            await asyncio.sleep(PROGRESS_S)
            counts = people.counts
            recent = [took for at, took in people.latencies if at > time.monotonic() - PROGRESS_S]
            figures = [f"{1000 * report.percentile(recent, share):.0f}" for share in (0.5, 0.99) if recent]
            last = found.windows[-1].scenario if found.windows else "nothing yet"
            self.say(
                f"{found.kind}: sent {counts.get('sent', 0)}, replied {counts.get('replied', 0)}, received "
                f"{counts.get('received', 0)}, connects {counts.get('connects', 0)}; p50/p99 "
                f"{'/'.join(figures) or '–'} ms; last broken: {last}"
            )

    def say(self, line: str) -> None:
        """One line of progress, with the time since the beginning."""
        passed = int(time.monotonic() - self.story.began)
        print(f"[{passed // 60:3}:{passed % 60:02}] {line}", flush=True)


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0, or 1 when something that is promised was broken."""
    parser = argparse.ArgumentParser("python -m tests.faults.soak", description="People at work while all breaks.")
    parser.add_argument("--minutes", type=float, default=2.0, help="how long, in all (2)")
    parser.add_argument("--storage", choices=[*KINDS, "both"], default="both", help="both: half of the time each")
    parser.add_argument("--seed", type=int, default=None, help="what everything random follows from")
    parser.add_argument("--out", type=Path, default=None, help="the folder for the report, the logs and recordings")
    parser.add_argument(
        "--only", action="append", choices=ALL, default=None, help="this scenario (and others so named)"
    )
    options = parser.parse_args(arguments)
    seed = SystemRandom().randrange(10**9) if options.seed is None else options.seed
    folder = options.out or Path(tempfile.mkdtemp(prefix="kefu-soak-"))
    folder.mkdir(parents=True, exist_ok=True)
    kinds = KINDS if options.storage == "both" else (options.storage,)
    print(f"seed {seed}, {options.minutes:g} minutes on {' and '.join(kinds)}, everything in {folder}", flush=True)
    story = asyncio.run(Soak(options.minutes * 60, kinds, seed, folder, options.only or ALL).run())
    path = report.write(story, folder)
    print(path.read_text(encoding="utf-8"))
    print(f"The report is {path}. To repeat: --seed {seed}")
    return 1 if story.broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
