"""The dashboard: one row for each question. docs/operations.md says what is normal."""

from __future__ import annotations

import json
from typing import Any

from infra.aws.functions import API_STAGE, FUNCTIONS

WIDTH, HEIGHT = 24, 6  # of the whole, and of a row
Row = list[dict[str, Any]]


def part() -> dict[str, Any]:
    """The part of the template with the dashboard."""
    rows = _rows()
    # The two kinds of storage have metrics of different names, and only one kind is there.
    kinds = [_json(_placed(_storage(kind), len(rows))) for kind in ("MemoryDB", "ElastiCache")]
    storage = {"Fn::If": ["MemoryDB", *({"Fn::Sub": text[1:-1]} for text in kinds)]}
    widgets = [widget for number, row in enumerate(rows) for widget in _placed(row, number)]
    body = _json({"widgets": [*widgets, "STORAGE"]}).replace('"STORAGE"', "${StorageWidgets}")
    return {
        "Resources": {
            "Dashboard": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {
                    "DashboardName": {"Ref": "AWS::StackName"},
                    "DashboardBody": {"Fn::Sub": [body, {"StorageWidgets": storage}]},
                },
            }
        }
    }


def _placed(row: Row, number: int) -> list[dict[str, Any]]:
    width = WIDTH // len(row)
    return [
        {"type": "metric", "x": n * width, "y": number * HEIGHT, "width": width, "height": HEIGHT, "properties": shown}
        for n, shown in enumerate(row)
    ]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _rows() -> list[Row]:
    names = [function.name for function in FUNCTIONS]
    return [
        [  # who is there, and is anything late?
            _widget("Sockets open", [["${AWS::StackName}", "Online"]], "Maximum"),
            _widget("Oldest delivery owed (ms)", [["${AWS::StackName}", "OutboxAge"]], "Maximum"),
            _widget("Replays that failed", [_dead_letters()], "Maximum"),
        ],
        [  # how much comes in?
            _widget("New sockets", [_socket("ConnectCount")], "Sum"),
            _widget("Frames in, posts out", [_socket("MessageCount")], "Sum"),
            _widget("HTTP requests", [_http("Count"), _http("4XXError"), _http("5XXError")], "Sum"),
        ],
        [  # how long does it take?
            _widget("Duration, p50 (ms)", [_function(name, "Duration") for name in names], "p50"),
            _widget("Duration, p99 (ms)", [_function(name, "Duration") for name in names], "p99"),
            _widget("Frame to answer, p99 (ms)", [_socket("IntegrationLatency")], "p99"),
        ],
        [  # what fails, and what is refused?
            _widget("Failures", [_function(name, "Errors") for name in names], "Sum"),
            _widget(
                "Errors logged", [["${AWS::StackName}", f"{name}Faults", {"label": name}] for name in names], "Sum"
            ),
            _widget("Throttled", [_function(name, "Throttles") for name in names], "Sum"),
            _widget("Running at once", [_function(name, "ConcurrentExecutions") for name in names], "Maximum"),
        ],
    ]


def _storage(kind: str) -> Row:
    if kind == "MemoryDB":
        search = (
            "SEARCH('{AWS/MemoryDB,ClusterName,NodeName} ClusterName=\"${MemoryDBCluster}\" MetricName=\"%s\"', '%s')"
        )
        return [
            _widget(title, [[{"expression": search % (metric, statistic)}]], statistic)
            for title, metric, statistic in (
                ("Redis: memory used (%)", "DatabaseMemoryUsagePercentage", "Maximum"),
                ("Redis: busy (%)", "EngineCPUUtilization", "Maximum"),
                ("Redis: connections", "CurrConnections", "Maximum"),
            )
        ]
    return [
        _widget(title, [["AWS/ElastiCache", metric, "clusterId", "${ElastiCacheServerless}"]], statistic)
        for title, metric, statistic in (
            ("Redis: bytes stored", "BytesUsedForCache", "Maximum"),
            ("Redis: processing units", "ElastiCacheProcessingUnits", "Sum"),
            ("Redis: commands refused", "ThrottledCmds", "Sum"),
        )
    ]


def _widget(title: str, metrics: list[list[Any]], statistic: str) -> dict[str, Any]:
    return {
        "title": title,
        "metrics": metrics,
        "stat": statistic,
        "period": 60,
        "region": "${AWS::Region}",
        "view": "timeSeries",
    }


def _function(name: str, metric: str) -> list[Any]:
    return ["AWS/Lambda", metric, "FunctionName", f"${{{name}}}", {"label": name}]


def _socket(metric: str) -> list[Any]:
    return ["AWS/ApiGateway", metric, "ApiId", "${WebsocketAPI}", "Stage", API_STAGE]


def _http(metric: str) -> list[Any]:
    return ["AWS/ApiGateway", metric, "ApiName", "${AWS::StackName}", "Stage", API_STAGE]


def _dead_letters() -> list[Any]:
    return ["AWS/SQS", "ApproximateNumberOfMessagesVisible", "QueueName", "${DeadLetters.QueueName}"]
