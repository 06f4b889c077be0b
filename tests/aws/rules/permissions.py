"""Rules about what a function may do: what it calls, and nothing more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.aws.rules.functions import CALLS, CHECKING_TOKENS, PUSHING
from tests.aws.rules.stack import Stack, rule, several, target

CLOSING = frozenset({"WebsocketMessage", "Sweep"})
CONNECTIONS = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebsocketAPI}/api/%s/@connections/*"
# Lambda's own, to join the network: it asks for these on whatever there is of an account.
JOINING = {
    "ec2:CreateNetworkInterface",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
}
LOOKING = {"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"}
NETWORK = "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*/*"
OWN_CODE = {
    "ArnLike": {
        "lambda:SourceFunctionArn": {
            "Fn::Sub": "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-*"
        }
    }
}


def allowed(stack: Stack, function: str) -> set[tuple[str, str]]:
    """What a function's role allows: actions, each with what it may be done to."""
    return {
        (action, _named(resource))
        for statement in stack.statements(function)
        if statement["Effect"] == "Allow"
        for action in several(statement["Action"])
        for resource in several(statement["Resource"])
    }


def _named(resource: Any) -> str:
    return target(resource) or (str(resource["Fn::Sub"]) if isinstance(resource, dict) else str(resource))


def wanted(stack: Stack, function: str) -> set[tuple[str, str]]:
    """What a function needs."""
    secrets = ["RedisSecret"]
    if function in CHECKING_TOKENS:
        secrets.append("JwtSettings")
    pushes = [method for method, who in (("POST", PUSHING), ("DELETE", CLOSING)) if function in who]
    needs = {(action, f"{function}Log") for action in ("logs:CreateLogStream", "logs:PutLogEvents")}
    needs |= {("secretsmanager:GetSecretValue", each) for each in secrets}
    needs |= {("execute-api:ManageConnections", CONNECTIONS % each) for each in pushes}
    if function in CALLS:
        needs.add(("lambda:InvokeFunction", CALLS[function]))
    if function == "Flush":
        needs.add(("sqs:SendMessage", "DeadLetters"))
    return needs | {(each, NETWORK) for each in JOINING} | {(each, "*") for each in LOOKING}


@rule
def every_function_has_a_role_of_its_own(stack: Stack) -> Iterator[str]:
    roles = [target(function["Role"]) for function in stack.functions.values()]
    if len(set(roles)) != len(roles):
        yield f"functions share a role: {roles}"
    for name in roles:
        role = stack.resources[name]["Properties"]
        (trusted,) = role["AssumeRolePolicyDocument"]["Statement"]
        if trusted["Principal"] != {"Service": "lambda.amazonaws.com"} or trusted["Action"] != "sts:AssumeRole":
            yield f"{name} is taken by others than Lambda"
        if role.get("ManagedPolicyArns"):
            yield f"{name} has somebody else's policies, too: {role['ManagedPolicyArns']}"
    for kind in ("IAM::Policy", "IAM::ManagedPolicy", "IAM::RolePolicy"):
        yield from (f"{name}: rights are given in the roles alone" for name in stack.of(kind))


@rule
def functions_may_do_what_they_need_and_nothing_more(stack: Stack) -> Iterator[str]:
    for name in stack.functions:
        may, needs = allowed(stack, name), wanted(stack, name)
        yield from (f"{name} may, and need not: {action} on {what}" for action, what in sorted(may - needs))
        yield from (f"{name} needs, and may not: {action} on {what}" for action, what in sorted(needs - may))


@rule
def no_role_has_a_wildcard(stack: Stack) -> Iterator[str]:
    for name in stack.functions:
        for action, what in allowed(stack, name):
            if "*" in action:
                yield f"{name} may do {action}"
            narrow = what.replace("@connections/*", "") if action == "execute-api:ManageConnections" else what
            if "*" in narrow and (action, what) not in {(each, NETWORK) for each in JOINING} | {
                (each, "*") for each in LOOKING
            }:
                yield f"{name} may do {action} on {what}"
        for statement in stack.statements(name):
            if unknown := statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}:
                yield f"{name} is allowed by exclusion: {unknown}"


@rule
def a_function_s_own_code_leaves_the_network_alone(stack: Stack) -> Iterator[str]:
    for name in stack.functions:
        denied = {
            action
            for each in stack.statements(name)
            if each["Effect"] == "Deny" and each["Resource"] == "*" and each.get("Condition") == OWN_CODE
            for action in several(each["Action"])
        }
        may = {action for action, _ in allowed(stack, name) if action.startswith("ec2:")}
        if may - denied:
            yield f"{name} itself may do {sorted(may - denied)}"


@rule
def each_function_is_called_by_its_own_api_alone(stack: Stack) -> Iterator[str]:
    callers = {"APIHandler": "RestAPI", "Sweep": "SweepSweepEvent"}
    called = []
    for name, permission in stack.of("Lambda::Permission").items():
        function = target(permission["FunctionName"])
        called.append(function)
        source = permission.get("SourceArn")
        if not _is_of(source, callers.get(function, "WebsocketAPI")):
            yield f"{name} lets {function} be called by {source}"
    if sorted(called) != sorted({"WebsocketConnect", "WebsocketMessage", "WebsocketDisconnect", *callers}):
        yield f"AWS may call {called}"


def _is_of(source: Any, caller: str) -> bool:
    match source:
        case {"Fn::Sub": [str(text), names]}:
            (place,) = names
            return text.endswith(f":${{{place}}}/*") and target(names[place]) == caller
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name == caller
    return False
