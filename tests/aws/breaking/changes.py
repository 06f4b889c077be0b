"""How a stack is changed for the worse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.aws.evaluating import Template

Change = Callable[[Template], None]
GONE = object()


def put(path: str, value: Any) -> Change:
    """Sets what is at a path below the resources (or, with `..` in front, below the template); GONE removes it."""

    def change(template: Template) -> None:
        node: Any = template if path.startswith("..") else template["Resources"]
        *way, last = [int(each) if each.isdigit() else each for each in path.removeprefix("..").split("|")]
        for each in way:
            node = node[each]
        if value is GONE:
            del node[last]
        else:
            node[last] = value

    return change


def add(path: str, value: Any) -> Change:
    """Appends to the list at a path."""

    def change(template: Template) -> None:
        node: Any = template["Resources"]
        for each in path.split("|"):
            node = node[int(each) if each.isdigit() else each]
        node.append(value)

    return change


def make(kind: str, **properties: Any) -> Change:
    """Another resource."""
    return put("Another", {"Type": f"AWS::{kind}", "Properties": properties})
