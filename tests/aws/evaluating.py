"""What CloudFormation makes of a template once the parameters are known: conditions decided, values put in."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

Template = dict[str, Any]

NOTHING = {"Ref": "AWS::NoValue"}
PSEUDO = frozenset(
    f"AWS::{name}" for name in ("AccountId", "NoValue", "Partition", "Region", "StackId", "StackName", "URLSuffix")
)
# `${Name}` and `${Name.Attribute}` in a Fn::Sub; `${!Name}` is the text itself.
PLACE = re.compile(r"\$\{([A-Za-z0-9:]+)(\.[A-Za-z0-9.]+)?\}")


class Evaluation:
    """A template for many sets of parameters. What depends on none of them is shared, so take a copy to change it."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._parameters: Mapping[str, Any] = template["Parameters"]
        self._fixed: set[int] = set()
        self._note_fixed(template["Resources"])
        self._note_fixed(template["Outputs"])
        self._values: dict[str, Any] = {}
        self._decided: dict[str, bool] = {}

    def concrete(self, values: Mapping[str, str]) -> Template:
        """Resources and outputs as they are made of these parameters, and of the defaults of the others."""
        unknown = values.keys() - self._parameters.keys()
        assert not unknown, f"no parameters: {sorted(unknown)}"
        self._values = {name: self._value(name, values) for name in self._parameters}
        self._decided = {}
        return {
            "AWSTemplateFormatVersion": self._template["AWSTemplateFormatVersion"],
            **{section: self._chosen(self._template[section]) for section in ("Resources", "Outputs")},
        }

    def _value(self, name: str, values: Mapping[str, str]) -> str | int:
        form = self._parameters[name]
        value = values[name] if name in values else form["Default"]
        return int(value) if form["Type"] == "Number" else str(value)

    def _note_fixed(self, node: Any) -> bool:
        """Whether a node is the same whatever the parameters are; notes those that are."""
        fixed = True
        if isinstance(node, dict):
            for key, each in node.items():
                if not self._note_fixed(each) or key in {"Fn::If", "Fn::Cidr", "Fn::Select", "Fn::Split", "Condition"}:
                    fixed = False
            if node.get("Ref") in self._parameters or ("Fn::Sub" in node and self._names_parameter(node["Fn::Sub"])):
                fixed = False
            if NOTHING in node.values():
                fixed = False
        elif isinstance(node, list):
            each_fixed = [self._note_fixed(each) for each in node]
            fixed = all(each_fixed) and NOTHING not in node
        if fixed:
            self._fixed.add(id(node))
        return fixed

    def _names_parameter(self, sub: Any) -> bool:
        text = sub if isinstance(sub, str) else sub[0]
        return any(name in self._parameters for name, _ in PLACE.findall(text))

    def _chosen(self, entries: Mapping[str, Any]) -> dict[str, Any]:
        made = {name: entry for name, entry in entries.items() if self._holds(entry.get("Condition"))}
        return {
            name: {key: value for key, value in self._of(entry).items() if key != "Condition"}
            for name, entry in made.items()
        }

    def _holds(self, condition: Any) -> bool:
        match condition:
            case None:
                return True
            case str():
                if condition not in self._decided:
                    self._decided[condition] = self._holds(self._template["Conditions"][condition])
                return self._decided[condition]
            case {"Condition": name}:
                return self._holds(name)
            case {"Fn::Not": [one]}:
                return not self._holds(one)
            case {"Fn::And": several}:
                return all(self._holds(each) for each in several)
            case {"Fn::Or": several}:
                return any(self._holds(each) for each in several)
            case {"Fn::Equals": [one, other]}:
                return str(self._of(one)) == str(self._of(other))
        raise ValueError(f"what is this condition? {condition}")

    def _of(self, node: Any) -> Any:
        if id(node) in self._fixed:
            return node
        match node:
            case {"Ref": str(name)} if name in self._values:
                return self._values[name]
            case {"Fn::If": [condition, one, other]}:
                return self._of(one if self._holds(condition) else other)
            case {"Fn::Sub": str(text)}:
                filled = self._filled(text)
                return {"Fn::Sub": filled} if "${" in filled else filled
            case {"Fn::Sub": [text, names]}:
                return {"Fn::Sub": [self._filled(text), self._of(names)]}
            case {"Fn::Cidr": _} | {"Fn::Select": _} | {"Fn::Split": _}:
                return _computed({name: self._of(each) for name, each in node.items()})
            case dict():
                found = {name: self._of(each) for name, each in node.items()}
                return {name: each for name, each in found.items() if each != NOTHING}
            case list():
                return [each for each in map(self._of, node) if each != NOTHING]
        return node

    def _filled(self, text: str) -> str:
        return PLACE.sub(
            lambda place: str(self._values[place[1]]) if place[1] in self._values else place[0],
            text,
        )


def _computed(call: dict[str, Any]) -> Any:
    match call:
        case {"Fn::Cidr": [str(block), count, bits]}:
            subnets = ipaddress.ip_network(block).subnets(new_prefix=32 - int(bits))
            return [str(next(subnets)) for _ in range(int(count))]
        case {"Fn::Split": [str(sign), str(text)]}:
            return text.split(sign)
        case {"Fn::Select": [place, [*choice]]}:
            return choice[int(place)]
    return call


def references(node: Any) -> Iterator[str]:
    """The names that Ref, Fn::GetAtt and Fn::Sub point at, and those of conditions that are still open."""
    match node:
        case {"Ref": str(name)}:
            yield name
        case {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::GetAtt": str(path)}:
            yield path.split(".")[0]
        case {"Fn::Sub": str(text)}:
            yield from (name for name, _ in PLACE.findall(text))
        case {"Fn::Sub": [str(text), names]}:
            yield from (name for name, _ in PLACE.findall(text) if name not in names)
            yield from references(names)
        case {"Fn::If": [condition, *branches]}:
            yield f"the open condition {condition}"
            yield from references(branches)
        case dict():
            for each in node.values():
                yield from references(each)
        case list():
            for each in node:
                yield from references(each)


def dangling(template: Template) -> list[str]:
    """What a concrete template points at and does not have, in a line each."""
    resources = template["Resources"]
    there = resources.keys() | PSEUDO
    found = []
    for section in ("Resources", "Outputs"):
        for name, entry in template[section].items():
            depends = entry.get("DependsOn", [])
            for target in [*references(entry), *([depends] if isinstance(depends, str) else depends)]:
                if target not in there or target == "AWS::NoValue":
                    found.append(f"{section} {name}: there is no {target}")
    return found
