"""Rules about what is watched, and what the dashboard shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.aws.evaluating import PLACE
from tests.aws.rules.stack import Properties, Stack, rule, target

Metric = tuple[str, str, str, dict[str, str]]
# The stack's own, out of what the sweep says; and, for each function, the errors that it logged.
STACK_METRICS = {"OutboxAge": "$.outbox_age_ms", "Online": "$.online"}
FAULTS = '{ $.level = "ERROR" }'


def watched(alarm: Properties) -> Iterator[Metric]:
    """Namespace, name, statistic and dimensions of each metric of an alarm; of one that is a query, its words."""
    if "MetricName" in alarm:
        yield rendered(alarm["Namespace"]), alarm["MetricName"], alarm.get("Statistic", ""), _dimensions(alarm)
    for each in alarm.get("Metrics", []):
        if "MetricStat" in each:
            metric = each["MetricStat"]["Metric"]
            yield rendered(metric["Namespace"]), metric["MetricName"], each["MetricStat"]["Stat"], _dimensions(metric)
        elif "SELECT" in str(each["Expression"]):
            yield "query", rendered(each["Expression"]), "", {}


def _dimensions(metric: Properties) -> dict[str, str]:
    return {each["Name"]: rendered(each["Value"]) for each in metric.get("Dimensions", [])}


def rendered(node: Any) -> str:
    """A text as it will be, with names of resources where their values will be."""
    match node:
        case str():
            return node
        case {"Ref": str(name)}:
            return name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return f"{name}.{attribute}"
        case {"Fn::Sub": [str(text), names]}:
            return PLACE.sub(lambda place: rendered(names[place[1]]) if place[1] in names else _bare(place[0]), text)
        case {"Fn::Sub": str(text)}:
            return PLACE.sub(lambda place: _bare(place[0]), text)
    raise ValueError(f"what will this be? {node}")


def _bare(place: str) -> str:
    return place[2:-1]


@rule
def every_alarm_tells_the_topic_and_says_what_it_is(stack: Stack) -> Iterator[str]:
    for name, alarm in stack.of("CloudWatch::Alarm").items():
        tells = alarm.get("AlarmActions"), alarm.get("OKActions")
        if tells != ([{"Ref": "Alarms"}],) * 2 or alarm.get("ActionsEnabled") is False:
            yield f"{name} tells nobody: {tells}"
        if not alarm.get("AlarmDescription") or not alarm.get("TreatMissingData"):
            yield f"{name} does not say what it means, or what silence means"


@rule
def alarms_get_through(stack: Stack) -> Iterator[str]:
    keys = stack.of("KMS::Key")
    for name, topic in stack.of("SNS::Topic").items():
        key = keys.get(target(topic.get("KmsMasterKeyId")))
        if key is None:
            yield f"{name} is not encrypted by a key that CloudWatch can be let use: {topic.get('KmsMasterKeyId')}"
            continue
        lets = [
            set(each["Action"])
            for each in key["KeyPolicy"]["Statement"]
            if each["Effect"] == "Allow" and each["Principal"] == {"Service": "cloudwatch.amazonaws.com"}
        ]
        if lets != [{"kms:Decrypt", "kms:GenerateDataKey*"}]:
            yield f"CloudWatch may not use the key of {name}: {lets}"
    for name, subscription in stack.of("SNS::Subscription").items():
        if target(subscription["TopicArn"]) != "Alarms" or subscription["Protocol"] != "email":
            yield f"{name} hears of no alarm"


@rule
def every_function_is_watched_for_failures_throttles_and_slowness(stack: Stack) -> Iterator[str]:
    alarms = {name: list(watched(alarm)) for name, alarm in stack.of("CloudWatch::Alarm").items()}
    for name, function in stack.functions.items():
        if not any(("AWS::StackName", f"{name}Faults", "Sum", {}) in metrics for metrics in alarms.values()):
            yield f"nobody watches what {name} answers as internal errors"
        for metric, statistic in (("Errors", "Sum"), ("Throttles", "Sum"), ("Duration", "p99")):
            sought = ("AWS/Lambda", metric, statistic, {"FunctionName": name})
            found = [alarm for alarm, metrics in alarms.items() if sought in metrics]
            if len(found) != 1:
                yield f"{name}: {metric} has the alarms {found}"
                continue
            threshold = stack.of("CloudWatch::Alarm")[found[0]]["Threshold"]
            if metric == "Duration" and not threshold < function["Timeout"] * 1_000:
                yield f"{found[0]} waits for {threshold} ms, and {name} has only {function['Timeout']} s"


@rule
def what_is_promised_is_watched(stack: Stack) -> Iterator[str]:
    metrics = [metric for alarm in stack.of("CloudWatch::Alarm").values() for metric in watched(alarm)]
    queue = ("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", {"QueueName": "DeadLetters.QueueName"})
    sockets = ("AWS/ApiGateway", "ExecutionError", "Sum", {"ApiId": "WebsocketAPI", "Stage": "api"})
    outbox: Metric = ("AWS::StackName", "OutboxAge", "Maximum", {})
    requests = ("AWS/ApiGateway", "5XXError", "Sum", {"ApiName": "AWS::StackName", "Stage": "api"})
    for each in (queue, sockets, requests, outbox):
        if each not in metrics:
            yield f"nobody watches {each}"
    for name, alarm in stack.of("CloudWatch::Alarm").items():
        if outbox in watched(alarm) and (alarm["Threshold"], alarm["TreatMissingData"]) != (120_000, "breaching"):
            yield f"{name} does not say when the two minutes are over, or when the sweep is silent"


@rule
def what_functions_log_becomes_metrics(stack: Stack) -> Iterator[str]:
    wanted = {(name, "Sweep", f"{{ {value} >= 0 }}", value) for name, value in STACK_METRICS.items()}
    wanted |= {(f"{name}Faults", name, FAULTS, "1") for name in stack.functions}
    logs = {target(each.get("LoggingConfig", {}).get("LogGroup")): name for name, each in stack.functions.items()}
    found = set()
    for name, each in stack.of("Logs::MetricFilter").items():
        (metric,) = each["MetricTransformations"]
        writer = logs.get(target(each["LogGroupName"]), "")
        found.add((metric["MetricName"], writer, each["FilterPattern"], metric["MetricValue"]))
        if metric["MetricNamespace"] != {"Ref": "AWS::StackName"}:
            yield f"{name} mixes two stages: {metric['MetricNamespace']}"
    if found != wanted:
        yield f"these metrics are not as they should be: {sorted(found ^ wanted)}"


@rule
def storage_is_watched_for_memory_and_load(stack: Stack) -> Iterator[str]:
    metrics = [metric for alarm in stack.of("CloudWatch::Alarm").values() for metric in watched(alarm)]
    words = [metric[1] for metric in metrics if metric[0] == "query"]
    for name in stack.of("MemoryDB::Cluster"):
        for metric in ("DatabaseMemoryUsagePercentage", "EngineCPUUtilization"):
            if f"SELECT MAX({metric}) FROM \"AWS/MemoryDB\" WHERE ClusterName = '{name}'" not in words:
                yield f"nobody watches {metric} of {name}"
    for name in stack.of("ElastiCache::ServerlessCache"):
        for metric, statistic in (("BytesUsedForCache", "Maximum"), ("ThrottledCmds", "Sum")):
            if ("AWS/ElastiCache", metric, statistic, {"clusterId": name}) not in metrics:
                yield f"nobody watches {metric} of {name}"


@rule
def the_dashboard_shows_what_is_there(stack: Stack) -> Iterator[str]:
    (dashboard,) = stack.of("CloudWatch::Dashboard").values()
    try:
        widgets = json.loads(rendered(dashboard["DashboardBody"]))["widgets"]
    except json.JSONDecodeError as mistake:
        yield f"the body is no JSON: {mistake}"
        return
    places = [(each["x"], each["y"]) for each in widgets]
    if len(set(places)) != len(places) or any(each["x"] + each["width"] > 24 for each in widgets):
        yield f"widgets lie on one another, or outside: {places}"
    for widget in widgets:
        shown = widget["properties"]
        if shown["region"] != "AWS::Region" or not shown["metrics"] or not shown.get("title"):
            yield f"{shown.get('title')} shows nothing of this region"
        for metric in shown["metrics"]:
            if not _is_there(stack, metric):
                yield f"{shown['title']} shows {metric}, which is not there"


def _is_there(stack: Stack, metric: list[Any]) -> bool:
    words = [each for each in metric if isinstance(each, str)]
    match words:
        case ["AWS/Lambda", _, "FunctionName", name]:
            return name in stack.functions
        case ["AWS/ApiGateway", _, "ApiId", api, "Stage", "api"]:
            return api in stack.of("ApiGatewayV2::Api")
        case ["AWS/ApiGateway", _, "ApiName", name, "Stage", "api"]:
            return name in [rendered(each["Name"]) for each in stack.of("ApiGateway::RestApi").values()]
        case ["AWS/SQS", _, "QueueName", name]:
            return name.removesuffix(".QueueName") in stack.of("SQS::Queue")
        case ["AWS/ElastiCache", _, "clusterId", name]:
            return name in stack.of("ElastiCache::ServerlessCache")
        case ["AWS::StackName", name]:
            return name in STACK_METRICS or name.removesuffix("Faults") in stack.functions
        case []:
            expression = metric[0]["expression"]
            clusters = [name for name in stack.of("MemoryDB::Cluster") if f'ClusterName="{name}"' in expression]
            return expression.startswith("SEARCH('{AWS/MemoryDB,ClusterName,NodeName} ") and bool(clusters)
    return False
