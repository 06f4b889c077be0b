"""A stack as the rules look at it, and how a rule is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

from tests.aws.evaluating import Template

Properties = dict[str, Any]
Named = dict[str, Properties]


class Stack:
    """A concrete template (evaluating.py), by types and functions."""

    def __init__(self, template: Template) -> None:
        self.resources: dict[str, dict[str, Any]] = template["Resources"]
        self.outputs: dict[str, dict[str, Any]] = template["Outputs"]

    def of(self, kind: str) -> Named:
        """The properties of all resources of a type, by logical id; `kind` goes without `AWS::`."""
        return self._kinds.get(f"AWS::{kind}", {})

    @cached_property
    def _kinds(self) -> dict[str, Named]:
        kinds: dict[str, Named] = {}
        for name, resource in self.resources.items():
            kinds.setdefault(resource["Type"], {})[name] = resource.get("Properties", {})
        return kinds

    @cached_property
    def functions(self) -> Named:
        return self.of("Lambda::Function")

    @cached_property
    def storage(self) -> Named:
        """MemoryDB's cluster, or ElastiCache's."""
        return self.of("MemoryDB::Cluster") | self.of("ElastiCache::ServerlessCache")

    def variables(self, function: str) -> dict[str, Any]:
        """The environment of a function."""
        found: dict[str, Any] = self.functions[function]["Environment"]["Variables"]
        return found

    def statements(self, function: str) -> list[dict[str, Any]]:
        """What the role of a function says, of however many policies."""
        role = self.resources[target(self.functions[function]["Role"])]["Properties"]
        return [each for policy in role.get("Policies", []) for each in policy["PolicyDocument"]["Statement"]]


Rule = Callable[[Stack], Iterator[str]]
RULES: dict[str, Rule] = {}


def rule(check: Rule) -> Rule:
    """Adds a rule to those that every stack is held to; its name is what must hold."""
    RULES[check.__name__] = check
    return check


def target(node: Any) -> str:
    """The logical id that a Ref or Fn::GetAtt names; nothing for anything else."""
    match node:
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), *_]}:
            return name
        case {"Fn::GetAtt": str(path)}:
            return path.split(".")[0]
    return ""


def targets(nodes: Any) -> list[str]:
    """The logical ids that one node or a list of them names."""
    return [target(each) for each in (nodes if isinstance(nodes, list) else [nodes])]


def several(nodes: Any) -> list[Any]:
    """A list of what may be one or many."""
    return nodes if isinstance(nodes, list) else [nodes]
