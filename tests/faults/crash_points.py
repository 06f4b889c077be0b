"""Every scene at every step. `python -m tests.faults.crash_points` prints what becomes of what dies there."""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from tests import servers
from tests.faults import crash_scenes, crash_scenes_apart
from tests.faults.crash_scenes import Fate, Scene
from tests.faults.crash_stage import Died, Theatre, theatre
from tests.faults.crashing import When

BOTH: tuple[When, When] = ("before", "after")
SENDING: list[type[Scene]] = [
    crash_scenes.FirstMessage,
    crash_scenes.FirstMessageSettledFirst,
    crash_scenes.ToClaimer,
    crash_scenes.FromClaimer,
    crash_scenes.Retry,
    crash_scenes.SystemMessage,
    crash_scenes.AbsentClaimer,
]
CHANGING: list[type[Scene]] = [crash_scenes.Claim, crash_scenes.Release, crash_scenes.Close, crash_scenes.Transfer]
APART: list[type[Scene]] = [
    crash_scenes_apart.Connecting,
    crash_scenes_apart.Flushing,
    crash_scenes_apart.Disconnecting,
    crash_scenes_apart.Removing,
    crash_scenes_apart.Sweeping,
]


def fates(scene: type[Scene], stages: Theatre) -> Counter[Fate]:
    """Dies before and after every step of a scene, each on a stage of its own; what became of it, how often.

    Raises AssertionError where a promise is broken.
    """
    found: Counter[Fate] = Counter()
    before, after = (_walk(scene, stages, when, found) for when in BOTH)
    assert before == after
    return found


def _walk(scene: type[Scene], stages: Theatre, when: When, found: Counter[Fate]) -> list[str]:
    """The steps of the scene, at each of which its function died, until it was through."""
    walked: list[str] = []
    for step in count(1):
        stage = stages.stage()
        played = scene(stage)
        stage.mortal.dies(when, step, settles_first=scene.settles_first)
        try:
            played.act(stage.doomed)
            died = False
        except Died:
            died = True
            walked.append(stage.mortal.steps[-1])
        steps = stage.mortal.steps
        assert steps == walked, "the steps are the same each time"
        try:
            fate = played.fate()
        except AssertionError as broken:
            broken.add_note(f"{scene.title}: {when} step {step} of {steps}")
            raise
        stage.close()
        if not died:
            assert fate == "done"
            break
        found[fate] += 1
    return walked


def row(title: str, found: Counter[Fate]) -> str:
    """A line of the table."""
    cells = [title, found.total(), found["not done"], found["done"], found["sweep"], found["again"]]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


HEAD = "| function | deaths | nothing done | whole by itself | whole after a sweep | whole after a repeat |"


def main() -> None:
    """The table, as it is on one node."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = stack.enter_context(servers.node(folder))
        stages = stack.enter_context(theatre({"REDIS_URL": f"redis://127.0.0.1:{port}"}))
        print(HEAD, "|" + "---|" * 6, sep="\n")
        for scene in (*SENDING, *CHANGING, *APART):
            print(row(scene.title, fates(scene, stages)))


if __name__ == "__main__":
    main()
