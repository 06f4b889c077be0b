"""A stack in moto, resource by resource, each by the calls that CloudFormation makes for it (calls.py).

moto's own CloudFormation knows two thirds of the types, and forgets a function's architecture or a group's way out.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from tests.aws.calls import ACCOUNT, CALLS, REGION, STACK, prepare
from tests.aws.evaluating import PLACE, Template, references

PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::StackName": STACK,
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{STACK}/0123",
}


class Made:
    """A stack that has been made, except for what moto cannot make (`missing`: logical ids and types)."""

    def __init__(self, template: Template) -> None:
        # By logical id, and by `id.Attribute`.
        self.ids: dict[str, str] = {**PSEUDO, **prepare()}
        self.missing: dict[str, str] = {}
        waiting: dict[str, dict[str, Any]] = copy.deepcopy(template["Resources"])
        attributes = set(_attributes(waiting))
        while waiting:
            ready = [name for name, each in waiting.items() if not waiting.keys() & set(_needs(each))]
            assert ready, f"these wait for one another: {list(waiting)}"
            for name in ready:
                self._make(name, waiting.pop(name), attributes)

    def _make(self, name: str, resource: dict[str, Any], attributes: set[str]) -> None:
        properties = filled(resource.get("Properties", {}), self.ids)
        if make := CALLS.get(resource["Type"]):
            found = make(name, properties)
            self.ids[name] = found.pop("Ref")
            self.ids |= {f"{name}.{attribute}": value for attribute, value in found.items()}
        else:  # its names stand for it
            self.missing[name] = resource["Type"]
            self.ids[name] = name
            self.ids |= {each: each for each in attributes if each.split(".")[0] == name}


def _needs(resource: Mapping[str, Any]) -> Iterator[str]:
    yield from references(resource)
    depends = resource.get("DependsOn", [])
    yield from [depends] if isinstance(depends, str) else depends


def _attributes(node: Any) -> Iterator[str]:
    match node:
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            yield f"{name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            yield from (place[0][2:-1] for place in PLACE.finditer(text) if place[2])
        case dict():
            for each in node.values():
                yield from _attributes(each)
        case list():
            for each in node:
                yield from _attributes(each)


def filled(node: Any, ids: Mapping[str, str]) -> Any:
    """A node as it is once everything that it refers to is there."""
    match node:
        case {"Ref": str(name)}:
            return ids[name]
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return ids[f"{name}.{attribute}"]
        case {"Fn::Sub": str(text)}:
            return PLACE.sub(lambda place: ids[place[0][2:-1]], text)
        case {"Fn::Sub": [str(text), names]}:
            return filled({"Fn::Sub": text}, {**ids, **filled(names, ids)})
        case {"Fn::Join": [str(sign), [*parts]]}:
            return sign.join(filled(parts, ids))
        case {"Fn::Split": [str(sign), text]}:
            return filled(text, ids).split(sign)
        case {"Fn::Select": [place, choice]}:
            return filled(choice, ids)[int(place)]
        case {"Fn::GetAZs": _}:
            return [f"{REGION}{zone}" for zone in "abc"]
        case dict():
            return {key: filled(each, ids) for key, each in node.items()}
        case list():
            return [filled(each, ids) for each in node]
    return node
