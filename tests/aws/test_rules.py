"""The rules can fail: for each of them, stacks that break it."""

from __future__ import annotations

import copy
import json
import re

import pytest
import yaml

from infra.aws.deploy import ARTIFACTS, POLICY
from infra.aws.template import Intrinsics
from tests.aws.breaking import ELASTICACHE, MEMORYDB, Change
from tests.aws.combinations import Choice
from tests.aws.evaluating import dangling
from tests.aws.rules import RULES, Stack

WHOLE = ("3", "zone", "own with zone", "given", "set", "given", "snapshot")
CASES = [
    pytest.param(storage, name, change, id=f"{name}-{storage}-{number}")
    for storage, broken in (("memorydb", MEMORYDB), ("elasticache", ELASTICACHE))
    for name, changes in broken.items()
    for number, change in enumerate(changes)
]


def test_every_rule_is_broken_by_something() -> None:
    assert MEMORYDB.keys() == RULES.keys()
    assert ELASTICACHE.keys() < RULES.keys()


@pytest.mark.parametrize(("storage", "name", "change"), CASES)
def test_a_broken_stack_is_complained_of(storage: str, name: str, change: Change, stacks: dict[Choice, Stack]) -> None:
    sound = stacks[(storage, *WHOLE)]
    template = copy.deepcopy({"Resources": sound.resources, "Outputs": sound.outputs})
    assert not list(RULES[name](Stack(template)))
    change(template)
    assert list(RULES[name](Stack(template)))


def test_what_points_nowhere_is_found(stacks: dict[Choice, Stack]) -> None:
    sound = stacks[("memorydb", *WHOLE)]
    for name in ("RedisSecret", "WebsocketConnectRoute", "DeadLetters", "JwtSettings", "AlarmsKey"):
        template = copy.deepcopy({"Resources": sound.resources, "Outputs": sound.outputs})
        del template["Resources"][name]
        assert any(line.endswith(f"there is no {name}") for line in dangling(template))


def test_what_an_update_may_not_replace_is_in_the_stack(stacks: dict[Choice, Stack]) -> None:
    protected = set(re.findall(r"LogicalResourceId/(\w+)", json.dumps(POLICY)))
    for stack in stacks.values():
        assert set(stack.storage) <= protected
    assert protected == set.union(*(set(stack.resources) & protected for stack in stacks.values()))


def test_packages_lie_in_a_bucket_that_nobody_else_reads() -> None:
    resources = yaml.load(ARTIFACTS.read_text(encoding="utf-8"), Intrinsics)["Resources"]
    bucket = resources["Bucket"]
    assert bucket["UpdateReplacePolicy"] == "Retain"
    assert bucket["DeletionPolicy"].startswith("Retain")
    assert set(bucket["Properties"]["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["Properties"]["PublicAccessBlockConfiguration"]) == 4
    assert bucket["Properties"]["BucketEncryption"]
    (statement,) = resources["OnlyByTls"]["Properties"]["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": False}}
