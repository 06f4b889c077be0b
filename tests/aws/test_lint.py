"""The template is sound as it is, and as SAM makes it, in every region."""

from __future__ import annotations

import copy
import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from infra.aws import deploy
from tests.aws import combinations
from tests.aws.combinations import Choice
from tests.aws.evaluating import Evaluation, Template
from tests.aws.linting import Complaint, complaints
from tests.aws.transforming import transformed

# What is known and meant, with its reason.
MEANT = {
    # The default is empty, and then there is no domain that would take it; cfn-lint does not look at the condition.
    ("W1030", "Resources/SocketDomain/Properties/DomainNameConfigurations/0/CertificateArn/Ref"),
}
# All 576 would take half an hour; in these every two choices come together. No condition hangs on more than two
# (a domain and its zone; zones and gateways), and what they have to do with one another is in the rules.
PAIRS = combinations.pairs()


@pytest.fixture(scope="module")
def found(sam: Template, evaluation: Evaluation) -> dict[Choice | None, list[Complaint]]:
    """What is complained of in each combination; None stands for the template before SAM."""
    templates: dict[Choice | None, str] = {None: json.dumps(sam)}
    for choice in PAIRS:
        templates[choice] = json.dumps(evaluation.concrete(combinations.parameters(choice, sam)))
    # Two to three seconds each.
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("spawn")) as workers:
        return dict(zip(templates, workers.map(complaints, templates.values()), strict=True))


def test_the_sam_template_is_sound(found: dict[Choice | None, list[Complaint]]) -> None:
    assert {each[:2] for each in found[None]} == MEANT, found[None]


@pytest.mark.parametrize("choice", PAIRS)
def test_what_is_made_of_it_is_sound(choice: Choice, found: dict[Choice | None, list[Complaint]]) -> None:
    # A zone that is named has been chosen by whoever deploys.
    assert not [each for each in found[choice] if each[0] != "W3010"]


@pytest.mark.parametrize("choice", PAIRS)
def test_sam_makes_the_same_whatever_the_parameters_are(choice: Choice, sam: Template) -> None:
    """AWS gives it their values; here they are put in after it, once for all combinations."""
    values = {name: str(form.get("Default")) for name, form in sam["Parameters"].items()}
    assert transformed(sam, values | combinations.parameters(choice, sam)) == transformed(sam)


def test_the_stack_for_packages_is_sound() -> None:
    assert not complaints(deploy.ARTIFACTS.read_text(encoding="utf-8"))


def test_the_linter_would_complain(sam: Template, evaluation: Evaluation) -> None:
    """Of a property that nobody knows, a value of the wrong kind, an attribute and a resource that are not there."""
    choice = next(combinations.every())
    made = copy.deepcopy(evaluation.concrete(combinations.parameters(choice, sam)))
    template = {"Resources": {name: made["Resources"][name] for name in ("MemoryDBCluster", "Vpc", "DeadLetters")}}
    template["Resources"]["MemoryDBCluster"]["Properties"]["TlsEnabled"] = True
    template["Resources"]["DeadLetters"]["Properties"]["MessageRetentionPeriod"] = "long"
    template["Resources"]["Quantum"] = {"Type": "AWS::QBusiness::Index"}
    template["Outputs"] = {"Vpc": {"Value": {"Fn::GetAtt": ["Vpc", "Arn"]}}}
    assert {"E3002", "E3012", "E3006", "E6101"} <= {rule for rule, _, _ in complaints(json.dumps(template))}
