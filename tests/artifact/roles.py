"""What the functions of a stack may call: the statements of their roles, held against every call that they make."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.artifact.cloudformation import Stack

# No code of ours makes these calls, so none of them is seen here: why a role has them all the same.
NOT_OURS = MappingProxyType(
    {
        "logs": "Lambda writes what a function logs, in the name of the function's role",
        "sqs": "Lambda leaves what it has tried often enough in the dead-letter queue, in the name of the role",
        "ec2": "Lambda gives a function its place in the network, in the name of the function's role",
    }
)


class Call(NamedTuple):
    """A call of a function: a name as IAM knows it, and the ARN of what it is about."""

    function: str
    action: str
    resource: str


class Grant(NamedTuple):
    """One action on one resource that a statement allows, or denies; both may hold `*`."""

    function: str
    action: str
    resource: str

    def covers(self, call: Call) -> bool:
        return (
            self.function == call.function and _like(self.action, call.action) and _like(self.resource, call.resource)
        )


class Roles:
    """The roles of a stack's functions, what was refused by them, and what of them was used."""

    def __init__(self, stack: Stack) -> None:
        roles = {stack.value({"Fn::GetAtt": [role, "Arn"]}): role for role in stack.of_type("AWS::IAM::Role")}
        self._allowed: list[Grant] = []
        self._denied: list[Grant] = []
        for function in stack.of_type("AWS::Serverless::Function"):
            role = stack.properties(roles[stack.properties(function)["Role"]])
            for policy in role["Policies"]:
                for statement in policy["PolicyDocument"]["Statement"]:
                    # A denial counts whatever its condition is: nothing may rest on one that happens not to hold.
                    grants = self._allowed if statement["Effect"] == "Allow" else self._denied
                    grants += _grants(function, statement)
        self._used: set[Grant] = set()
        self.refused: list[Call] = []

    def allow(self, call: Call) -> bool:
        """Whether the function may; either way it is remembered that it did, or wanted to."""
        grants = [grant for grant in self._allowed if grant.covers(call)]
        if not grants or any(grant.covers(call) for grant in self._denied):
            self.refused.append(call)
            return False
        self._used.update(grants)
        return True

    def services(self) -> set[str]:
        """The services of which anything is allowed to anybody."""
        return {grant.action.partition(":")[0] for grant in self._allowed}

    def unused(self) -> list[Grant]:
        """What no function has made use of so far, of what our code is there to use."""
        ours = (grant for grant in self._allowed if grant.action.partition(":")[0] not in NOT_OURS)
        return [grant for grant in ours if grant not in self._used]


def _grants(function: str, statement: dict[str, Any]) -> Iterator[Grant]:
    for action in _listed(statement["Action"]):
        for resource in _listed(statement["Resource"]):
            yield Grant(function, action, resource)


def _listed(one_or_more: str | list[str]) -> list[str]:
    return [one_or_more] if isinstance(one_or_more, str) else one_or_more


def _like(pattern: str, text: str) -> bool:
    anything = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(anything, text) is not None
