"""Rules about what functions are given. What each may do is in permissions.py."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.aws.rules.stack import Stack, rule, target

ROOT = Path(__file__).parents[3]
BEHIND_AN_API = frozenset({"WebsocketConnect", "WebsocketMessage", "WebsocketDisconnect", "APIHandler"})
CALLED_LATER = frozenset({"Flush", "Broadcast", "Sweep"})
# The functions that push, and so have to know where.
PUSHING = frozenset({"WebsocketMessage", "Flush", "Broadcast", "Sweep", "APIHandler"})
CALLS = {"WebsocketConnect": "Flush", "APIHandler": "Broadcast"}
CHECKING_TOKENS = frozenset({"WebsocketConnect", "APIHandler"})
API_GATEWAY_GIVES_UP_S = 29
ENDPOINT = "https://${WebsocketAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"


@cache
def settings_read() -> frozenset[str]:
    """The names of all settings that the deployed code looks for."""
    found = set()
    for module in ("settings", "vault"):
        tree = ast.parse((ROOT / "chalicelib" / f"{module}.py").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and re.fullmatch("[A-Z]+(_[A-Z]+)*", str(node.value)):
                found.add(str(node.value))
    return frozenset(found)


@rule
def every_function_of_the_service_is_there(stack: Stack) -> Iterator[str]:
    if stack.functions.keys() != BEHIND_AN_API | CALLED_LATER:
        yield f"the functions are {sorted(stack.functions)}"


@rule
def functions_have_limits_and_run_on_arm(stack: Stack) -> Iterator[str]:
    for name, function in stack.functions.items():
        if function.get("Architectures") != ["arm64"]:
            yield f"{name} runs on {function.get('Architectures')}"
        if not function.get("MemorySize", 128) >= 512:
            yield f"{name} has memory for nothing but its own start: {function.get('MemorySize')}"
        if not isinstance(function.get("ReservedConcurrentExecutions"), int):
            yield f"{name} may starve the others: {function.get('ReservedConcurrentExecutions')}"
        longest = API_GATEWAY_GIVES_UP_S if name in BEHIND_AN_API else 900
        if not 10 <= function.get("Timeout", 3) <= longest:
            yield f"{name} has {function.get('Timeout')} s, of at most {longest}"


@rule
def functions_log_to_their_own_group(stack: Stack) -> Iterator[str]:
    groups = []
    for name, function in stack.functions.items():
        logs = function.get("LoggingConfig", {})
        groups.append(target(logs.get("LogGroup")))
        if groups[-1] not in stack.of("Logs::LogGroup"):
            yield f"{name} logs to a group that is made by the way, and kept for ever"
        if logs.get("LogFormat") != "JSON" or logs.get("ApplicationLogLevel") != "INFO":
            # The sweep's numbers are fields of a line at INFO.
            yield f"{name} logs {logs.get('LogFormat')} at {logs.get('ApplicationLogLevel')}"
    if len(set(groups)) != len(groups):
        yield f"functions share a log group: {groups}"


@rule
def every_log_is_forgotten_in_time(stack: Stack) -> Iterator[str]:
    for name, group in stack.of("Logs::LogGroup").items():
        if not 1 <= group.get("RetentionInDays", 0) <= 1827:
            yield f"{name} is kept for {group.get('RetentionInDays', 'ever')}"


@rule
def the_environment_is_of_settings_that_are_read(stack: Stack) -> Iterator[str]:
    # It makes the environment another, and so every process a new one; nobody reads it.
    known = settings_read() | {"SECRETS_READ"}
    for name in stack.functions:
        yield from (f"{name}: nobody reads {each}" for each in stack.variables(name).keys() - known)
        for each in ("REDIS_URL", "REDIS_CLUSTER", "REDIS_USERNAME", "SECRETS", "SECRETS_ENDPOINT", "SECRETS_READ"):
            if each not in stack.variables(name):
                yield f"{name} has no {each}"


@rule
def functions_know_where_to_push_and_whom_to_call(stack: Stack) -> Iterator[str]:
    for name in stack.functions:
        variables = stack.variables(name)
        if variables.get("CONNECTIONS_ENDPOINT") != ({"Fn::Sub": ENDPOINT} if name in PUSHING else None):
            yield f"{name} pushes to {variables.get('CONNECTIONS_ENDPOINT')}"
        called = {each: target(value) for each, value in variables.items() if each.endswith("_FUNCTION")}
        wanted = {f"{CALLS[name].upper()}_FUNCTION": CALLS[name]} if name in CALLS else {}
        if called != wanted or ("LAMBDA_ENDPOINT" in variables) != bool(wanted):
            yield f"{name} calls {called}"
        if ("ALLOWED_ORIGINS" in variables, "JWT_PUBLIC_KEY" in variables) != (name in CHECKING_TOKENS,) * 2:
            yield f"{name} checks tokens, and has nothing to check them by, or the other way round"


@rule
def the_sweep_comes_every_minute_and_once(stack: Stack) -> Iterator[str]:
    calls = [
        (each["ScheduleExpression"], target(to["Arn"]), each.get("State", "ENABLED"))
        for each in stack.of("Events::Rule").values()
        for to in each["Targets"]
    ]
    if calls != [("rate(1 minute)", "Sweep", "ENABLED")]:
        yield f"the schedule is {calls}"
    if stack.functions["Sweep"]["ReservedConcurrentExecutions"] < 1 or stack.functions["Sweep"]["Timeout"] >= 60:
        yield "two sweeps would run at once, or none"


@rule
def only_a_replay_is_tried_again_and_then_kept(stack: Stack) -> Iterator[str]:
    retries = {target(each["FunctionName"]): each for each in stack.of("Lambda::EventInvokeConfig").values()}
    # A second broadcast would be heard twice; the next sweep comes anyway.
    wanted = {"Flush": 2, "Broadcast": 0, "Sweep": 0}
    found = {name: each.get("MaximumRetryAttempts", 2) for name, each in retries.items()}
    if found != wanted or any(each["Qualifier"] != "$LATEST" for each in retries.values()):
        yield f"these are tried again: {found}"
    kept = {
        name: target(each["DeadLetterConfig"]["TargetArn"])
        for name, each in stack.functions.items()
        if "DeadLetterConfig" in each
    }
    if kept != {"Flush": "DeadLetters"}:
        yield f"what failed for good is kept of {kept}"


@rule
def dead_letters_wait_as_long_as_they_can(stack: Stack) -> Iterator[str]:
    for name, queue in stack.of("SQS::Queue").items():
        if queue.get("MessageRetentionPeriod") != 14 * 86_400:
            yield f"{name} forgets after {queue.get('MessageRetentionPeriod')} s"
        if not queue.get("SqsManagedSseEnabled") and not queue.get("KmsMasterKeyId"):
            yield f"{name} is not encrypted"
