"""What an operator may choose: every parameter is explained, bounded, and good as it is."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.aws import template
from tests.aws import combinations
from tests.aws.evaluating import Template, references

PARAMETERS: dict[str, dict[str, Any]] = template.to_merge()["Parameters"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_is_explained_and_its_default_is_valid(name: str) -> None:
    form = PARAMETERS[name]
    assert len(str(form.get("Description"))) > 15
    if name.endswith("Concurrency"):  # reckoned from the connections, which nobody can guess
        assert "Default" not in form
        return
    default = str(form["Default"])
    if "AllowedValues" in form:
        assert form["Default"] in form["AllowedValues"]
    if "AllowedPattern" in form:
        assert re.fullmatch(str(form["AllowedPattern"]), default)
    if form["Type"] == "Number" and "AllowedValues" not in form:
        assert int(str(form["MinValue"])) <= int(default) <= int(str(form["MaxValue"]))


def test_every_parameter_is_used(sam: Template) -> None:
    used = {*references(sam["Resources"]), *references(sam["Outputs"]), *references(sam["Conditions"])}
    assert not PARAMETERS.keys() - used
    assert sam["Parameters"] == PARAMETERS


def test_a_secret_is_shown_to_nobody(sam: Template) -> None:
    """Its text goes into Secrets Manager, and into nothing else."""
    hidden = {name for name, form in PARAMETERS.items() if form.get("NoEcho")}
    assert hidden == {"JwtSecret"}
    assert {name for name, each in sam["Resources"].items() if hidden & set(references(each))} == {"JwtSettings"}
    assert not hidden & set(references(sam["Outputs"]))


@pytest.mark.parametrize("text", ["short", 'with " quotes, and long enough by far, one would think', "a\nline" * 9])
def test_a_secret_that_spoils_its_json_is_refused(text: str) -> None:
    pattern = str(PARAMETERS["JwtSecret"]["AllowedPattern"])
    assert not re.fullmatch(pattern, text)
    assert re.fullmatch(pattern, combinations.SECRET)


@pytest.mark.parametrize("choice", combinations.pairs())
def test_what_the_tests_choose_is_allowed(choice: combinations.Choice) -> None:
    for name, value in combinations.parameters(choice, {"Parameters": PARAMETERS}).items():
        form = PARAMETERS[name]
        assert value in form.get("AllowedValues", [value])
        assert re.fullmatch(str(form.get("AllowedPattern", ".*")), value)


def test_a_domain_needs_its_other_half(sam: Template) -> None:
    """CloudFormation refuses it before it makes anything."""
    (rule,) = sam["Rules"].values()
    asserted = {name for each in rule["Assertions"] for name in references(each["Assert"])}
    assert set(references(rule["RuleCondition"])) == {"DomainName"}
    assert asserted == {"SocketDomainName", "CertificateArn"}
