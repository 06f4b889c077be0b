"""Every combination of parameters makes a stack that is whole and keeps the rules."""

from __future__ import annotations

import pytest

from tests.aws import combinations
from tests.aws.combinations import Choice
from tests.aws.evaluating import Evaluation, Template, dangling
from tests.aws.rules import RULES, Stack
from tests.aws.rules.functions import CHECKING_TOKENS


def test_nothing_points_at_what_is_not_made(stacks: dict[Choice, Stack]) -> None:
    assert len(stacks) == 576
    loose = {
        line for stack in stacks.values() for line in dangling({"Resources": stack.resources, "Outputs": stack.outputs})
    }
    assert not loose


@pytest.mark.parametrize("name", RULES)
def test_the_rule_holds(name: str, stacks: dict[Choice, Stack]) -> None:
    broken: dict[str, Choice] = {}
    for choice, stack in stacks.items():
        for complaint in RULES[name](stack):
            broken.setdefault(complaint, choice)
    assert not broken


def test_every_choice_makes_something_else(stacks: dict[Choice, Stack], sam: Template, evaluation: Evaluation) -> None:
    """Otherwise the combinations would be fewer than they seem."""
    first = {name: next(iter(options)) for name, options in combinations.CHOICES.items()}
    base = stacks[tuple(first.values())]
    for name, options in combinations.CHOICES.items():
        for option in list(options)[1:]:
            other = stacks[tuple({**first, name: option}.values())]
            assert (other.resources, other.outputs) != (base.resources, base.outputs), (name, option)


def test_every_condition_is_met_and_not_met(stacks: dict[Choice, Stack], evaluation: Evaluation, sam: Template) -> None:
    """Nothing conditional is always there, or never."""
    conditional = {name for name, each in sam["Resources"].items() if "Condition" in each}
    always = set.intersection(*(set(stack.resources) for stack in stacks.values()))
    ever = set.union(*(set(stack.resources) for stack in stacks.values()))
    assert conditional <= ever
    assert not conditional & always
    assert ever - always == conditional
    used = {each["Condition"] for each in sam["Resources"].values() if "Condition" in each}
    used |= {each["Condition"] for each in sam["Outputs"].values() if "Condition" in each}
    text = str(sam["Resources"]) + str(sam["Outputs"]) + str(sam["Conditions"])
    unused = {name for name in sam["Conditions"] if name not in used and f"'{name}'" not in text}
    assert not unused


@pytest.mark.parametrize(
    ("zones", "nat", "gateways"), [("2", "one", 1), ("3", "one", 1), ("2", "zone", 2), ("3", "zone", 3)]
)
def test_there_are_as_many_zones_and_gateways_as_asked_for(
    zones: str, nat: str, gateways: int, stacks: dict[Choice, Stack]
) -> None:
    for choice, stack in stacks.items():
        if choice[1:3] == (zones, nat):
            assert len(stack.of("EC2::NatGateway")) == gateways
            assert len(stack.functions["Flush"]["VpcConfig"]["SubnetIds"]) == int(zones)


def test_chosen_zones_are_the_ones_that_are_used(stacks: dict[Choice, Stack]) -> None:
    for choice, stack in stacks.items():
        zones = [str(each["AvailabilityZone"]) for each in stack.of("EC2::Subnet").values()]
        if choice[1] == "3":
            assert set(zones) == {"eu-central-1a", "eu-central-1b", "eu-central-1c"}
        else:
            assert all("Fn::GetAZs" in zone for zone in zones)


def test_only_who_checks_tokens_reads_what_they_are_signed_with(stacks: dict[Choice, Stack]) -> None:
    for stack in stacks.values():
        readers = {name for name in stack.functions if "JwtSettings" in str(stack.variables(name)["SECRETS"])}
        assert readers == CHECKING_TOKENS
