"""A function dies before and after each of its steps, and nobody repeats what it was asked: what is left of it."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest

from tests import servers
from tests.faults.crash_points import APART, BOTH, CHANGING, SENDING, fates, row
from tests.faults.crash_scenes import Scene
from tests.faults.crash_scenes_apart import Flushing, in_order
from tests.faults.crash_stage import Died, Theatre, theatre
from tests.faults.crashing import When


@pytest.fixture(scope="module", params=["one node", "cluster"])
def stages(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    folder = tmp_path_factory.mktemp("redis")
    if request.param == "cluster":
        with servers.cluster(folder) as seeds, theatre({"REDIS_URL": seeds, "REDIS_CLUSTER": "1"}) as opened:
            yield opened
    else:
        with servers.node(folder) as port, theatre({"REDIS_URL": f"redis://127.0.0.1:{port}"}) as opened:
            yield opened


@pytest.mark.parametrize("scene", SENDING, ids=lambda scene: scene.title)
def test_a_message_is_nowhere_or_in_every_list_after_one_sweep(scene: type[Scene], stages: Theatre) -> None:
    print(row(scene.title, fates(scene, stages)))


@pytest.mark.parametrize("scene", CHANGING, ids=lambda scene: scene.title)
def test_a_conversation_is_as_before_or_as_asked_for_and_the_same_for_all(scene: type[Scene], stages: Theatre) -> None:
    print(row(scene.title, fates(scene, stages)))


@pytest.mark.parametrize("scene", APART, ids=lambda scene: scene.title)
def test_what_a_function_left_undone_is_done_by_the_next(scene: type[Scene], stages: Theatre) -> None:
    print(row(scene.title, fates(scene, stages)))


@pytest.mark.parametrize("when", BOTH)
def test_a_replay_that_dies_again_and_again_misses_nothing_in_the_end(when: When, stages: Theatre) -> None:
    stage = stages.stage()
    played = Flushing(stage)
    for step in count(1):
        stage.mortal.dies(when, step)
        try:
            played.act(stage.doomed)
        except Died:
            in_order(played.device.received(), 3)
            continue
        break
    assert step > 5, "it has died at several steps"
    assert in_order(played.device.received(), 3) in {0, 3}
    assert {frame["offset"] for frame in played.device.seen if frame.get("replay")} == {1, 2, 3}
    assert played.device.seen[0]["type"] == "welcome"
    played.is_live(4)
    stage.close()
