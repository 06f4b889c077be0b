"""The template: Chalice merges the parts in template/ and those made of tables; the result is finished here."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from infra.aws import dashboard, functions
from infra.aws.errors import StageError

PARTS = Path(__file__).parent / "template"
DEPLOYMENT = "WebsocketAPIDeployment"
# What a deployment of a WebSocket API is a picture of.
PICTURED = frozenset({"AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Api"})

Template = dict[str, Any]


class Intrinsics(yaml.SafeLoader):
    """YAML with CloudFormation's short forms (`!Ref`, `!Sub` …)."""


def _intrinsic(loader: Intrinsics, name: str, node: yaml.Node) -> Any:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if name == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {name if name in {"Ref", "Condition"} else f"Fn::{name}": value}


yaml.add_multi_constructor("!", _intrinsic, Intrinsics)


def to_merge() -> Template:
    """What Chalice's own template is to be merged with."""
    whole: Template = {}
    for part in _parts():
        for section, entries in part.items():
            if not isinstance(entries, dict):
                whole[section] = entries
                continue
            known = whole.setdefault(section, {})
            if again := known.keys() & entries.keys():
                raise ValueError(f"{section} has two parts that define {', '.join(sorted(again))}")
            known |= entries
    return whole


def _parts() -> Iterator[Template]:
    for path in sorted(PARTS.glob("*.yaml")):
        yield Intrinsics(path.read_text(encoding="utf-8")).get_single_data()
    yield functions.parts()
    yield dashboard.part()


def _check_functions(resources: Mapping[str, Any]) -> None:
    made = {name for name, each in resources.items() if each.get("Type") == "AWS::Serverless::Function"}
    known = {function.name for function in functions.FUNCTIONS}
    if made != known:
        raise StageError(
            f"app.py and infra/aws/functions.py differ: {', '.join(sorted(made ^ known))} is in one of them only."
        )


def finished(merged: Mapping[str, Any], outputs: Mapping[str, Any]) -> Template:
    """Chalice's template after the merge, with a deployment that follows the routes, and only `outputs`.

    Chalice gives the deployment of a WebSocket API one name for ever, so CloudFormation would never make another, and
    routes that are added would not be reached. Raises StageError where a function is not in the table, or only there.
    """
    _check_functions(merged["Resources"])
    text = json.dumps(merged, sort_keys=True)
    pictured = {name: each for name, each in merged["Resources"].items() if each["Type"] in PICTURED}
    digest = sha256(json.dumps(pictured, sort_keys=True).encode()).hexdigest()[:10]
    template: Template = json.loads(text.replace(f'"{DEPLOYMENT}"', f'"{DEPLOYMENT}{digest}"'))
    template["Outputs"] = dict(outputs)
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            del resource["Properties"]["Tags"]  # Chalice's, of a stage that is not this one; the stack has its own
    return template
