"""The dashboard: one row for each question. docs/operations.md says what is normal."""

from __future__ import annotations

import json
from typing import Any

from infra.aws.functions import API_STAGE, FUNCTIONS

WIDTH, HEIGHT = 8, 6
Row = list[dict[str, Any]]


def part() -> dict[str, Any]:
    """The part of the template with the dashboard."""
    widgets = [
        {
            "type": "metric",
            "x": column * WIDTH,
            "y": row * HEIGHT,
            "width": WIDTH,
            "height": HEIGHT,
            "properties": shown,
        }
        for row, across in enumerate(_rows())
        for column, shown in enumerate(across)
    ]
    # The two kinds of storage have metrics of different names, and only one kind is there.
    storage = {"Fn::If": ["MemoryDB", _storage("MemoryDB", len(_rows())), _storage("ElastiCache", len(_rows()))]}
    body = json.dumps({"widgets": [*widgets, "STORAGE"]}, separators=(",", ":"))
    return {
        "Resources": {
            "Dashboard": {
                "Type": "AWS::CloudWatch::Dashboard",
                "Properties": {
                    "DashboardName": {"Ref": "AWS::StackName"},
                    "DashboardBody": {
                        "Fn::Sub": [body.replace('"STORAGE"', "${StorageWidgets}"), {"StorageWidgets": storage}]
                    },
                },
            }
        }
    }


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
            _widget("Throttled", [_function(name, "Throttles") for name in names], "Sum"),
            _widget("Running at once", [_function(name, "ConcurrentExecutions") for name in names], "Maximum"),
        ],
    ]


def _storage(kind: str, row: int) -> Any:
    if kind == "MemoryDB":
        search = (
            "SEARCH('{AWS/MemoryDB,ClusterName,NodeName} ClusterName=\"${MemoryDBCluster}\" MetricName=\"%s\"', '%s')"
        )
        shown = [
            _widget(title, [[{"expression": search % (metric, statistic)}]], statistic)
            for title, metric, statistic in (
                ("Redis: memory used (%)", "DatabaseMemoryUsagePercentage", "Maximum"),
                ("Redis: busy (%)", "EngineCPUUtilization", "Maximum"),
                ("Redis: connections", "CurrConnections", "Maximum"),
            )
        ]
    else:
        shown = [
            _widget(title, [["AWS/ElastiCache", metric, "clusterId", "${ElastiCacheServerless}"]], statistic)
            for title, metric, statistic in (
                ("Redis: bytes stored", "BytesUsedForCache", "Maximum"),
                ("Redis: processing units", "ElastiCacheProcessingUnits", "Sum"),
                ("Redis: commands refused", "ThrottledCmds", "Sum"),
            )
        ]
    widgets = [
        {"type": "metric", "x": column * WIDTH, "y": row * HEIGHT, "width": WIDTH, "height": HEIGHT, "properties": each}
        for column, each in enumerate(shown)
    ]
    return {"Fn::Sub": json.dumps(widgets, separators=(",", ":"))[1:-1]}


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
