"""The functions on AWS: what each is given, and what it may call. What is not in this table, none of them can do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Resource = dict[str, Any]

API_STAGE = "api"


@dataclass(frozen=True, slots=True)
class Function:
    """One function, by the name that Chalice gives it; `slow_ms` is the p99 that raises an alarm."""

    name: str
    timeout_s: int
    memory_mb: int
    slow_ms: int
    reads_tokens: bool = False
    posts: bool = False
    closes: bool = False
    invokes: str | None = None
    environment: tuple[str, ...] = ()
    retries: int | None = None  # of what is invoked asynchronously
    dead_letters: bool = False


# A frame or a handshake that takes longer than 29 seconds is given up by API Gateway.
FUNCTIONS = (
    Function("WebsocketConnect", 10, 1024, 3_000, reads_tokens=True, invokes="Flush", environment=("FLUSH_FUNCTION",)),
    Function("WebsocketMessage", 29, 1024, 3_000, posts=True, closes=True),
    Function("WebsocketDisconnect", 10, 512, 3_000),
    # A replay posts up to a thousand entries one after the other.
    Function("Flush", 120, 1024, 60_000, posts=True, retries=2, dead_letters=True),
    # A second try would say the notice twice to those who heard it.
    Function("Broadcast", 900, 1769, 600_000, posts=True, retries=0),
    # The next minute is the retry.
    Function("Sweep", 55, 1024, 40_000, posts=True, closes=True, retries=0),
    Function(
        "APIHandler",
        29,
        1024,
        5_000,
        reads_tokens=True,
        posts=True,
        invokes="Broadcast",
        environment=("BROADCAST_FUNCTION", "SOCKET_URL", "CLAIM_GRACE_S"),
    ),
)

STORAGE_URL = {
    "Fn::If": [
        "MemoryDB",
        {"Fn::Sub": "rediss://${MemoryDBCluster.ClusterEndpoint.Address}:6379"},
        {"Fn::Sub": "rediss://${ElastiCacheServerless.Endpoint.Address}:6379"},
    ]
}
SOCKET_URL = {
    "Fn::If": [
        "OwnDomain",
        {"Fn::Sub": "wss://${SocketDomainName}"},
        {"Fn::Sub": f"wss://${{WebsocketAPI}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{API_STAGE}"},
    ]
}
# A socket has another host than the service's own pages, which therefore are pages of another origin to it. `RestAPI`
# must not be named where the HTTP function is concerned, which the API itself names.
OWN_ORIGINS = {
    "Fn::Join": [
        ",",
        [
            {"Ref": "AllowedOrigins"},
            {"Fn::Sub": "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}"},
            {"Fn::If": ["OwnDomain", {"Fn::Sub": "https://${DomainName}"}, {"Ref": "AWS::NoValue"}]},
        ],
    ]
}


def parts() -> Resource:
    """The part of the template that is about functions: resources, and a parameter for how many of each may run."""
    resources: Resource = {}
    parameters: Resource = {}
    for function in FUNCTIONS:
        parameters[f"{function.name}Concurrency"] = {
            "Type": "Number",
            "MinValue": 1,
            "Description": f"How many of {function.name} may run at once; make deploy reckons it from the connections",
        }
        resources |= {
            function.name: {"Properties": _properties(function)},
            f"{function.name}Role": _role(function),
            f"{function.name}Log": _log(function),
            f"{function.name}FaultMetric": _faults(function),
            f"{function.name}FailingAlarm": _failing(function),
            f"{function.name}ThrottledAlarm": _throttled(function),
            f"{function.name}SlowAlarm": _slow(function),
        }
    return {"Parameters": parameters, "Resources": resources}


def _properties(function: Function) -> Resource:
    properties: Resource = {
        "Timeout": function.timeout_s,
        "MemorySize": function.memory_mb,
        "ReservedConcurrentExecutions": {"Ref": f"{function.name}Concurrency"},
        "Role": {"Fn::GetAtt": [f"{function.name}Role", "Arn"]},
        "LoggingConfig": {
            "LogGroup": {"Ref": f"{function.name}Log"},
            "LogFormat": "JSON",
            "ApplicationLogLevel": "INFO",
            # A line at each start and end of a frame would cost more than the frame.
            "SystemLogLevel": "WARN",
        },
        "VpcConfig": {
            "SecurityGroupIds": [{"Ref": "FunctionSecurityGroup"}],
            "SubnetIds": [
                {"Ref": "PrivateSubnetA"},
                {"Ref": "PrivateSubnetB"},
                {"Fn::If": ["ThreeZones", {"Ref": "PrivateSubnetC"}, {"Ref": "AWS::NoValue"}]},
            ],
        },
        "Environment": {"Variables": _environment(function)},
    }
    if function.retries is not None:
        properties["EventInvokeConfig"] = {
            "MaximumRetryAttempts": function.retries,
            # A socket whose welcome is later than this has been given up by its client.
            "MaximumEventAgeInSeconds": 300 if function.retries else 60,
        }
    if function.dead_letters:
        properties["DeadLetterQueue"] = {"Type": "SQS", "TargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
    return properties


def _environment(function: Function) -> Resource:
    special: Resource = {
        "FLUSH_FUNCTION": {"Ref": "Flush"},
        "BROADCAST_FUNCTION": {"Ref": "Broadcast"},
        "SOCKET_URL": SOCKET_URL,
        "CLAIM_GRACE_S": {"Ref": "ClaimGraceS"},
    }
    variables: Resource = {
        "REDIS_URL": STORAGE_URL,
        "REDIS_CLUSTER": "1",
        "REDIS_USERNAME": {"Ref": "AWS::StackName"},
        "RATE_LIMIT": {"Ref": "RateLimit"},
        "SECRETS": _secrets(function),
        "SECRETS_ENDPOINT": {"Fn::Sub": "https://secretsmanager.${AWS::Region}.${AWS::URLSuffix}"},
        "SECRETS_READ": {"Ref": "SecretsRead"},
        **{name: special[name] for name in function.environment},
    }
    if function.reads_tokens:
        own = {"Ref": "AllowedOrigins"} if function.name == "APIHandler" else OWN_ORIGINS
        variables |= {
            "ALLOWED_ORIGINS": own,
            "JWT_PUBLIC_KEY": {"Ref": "JwtPublicKey"},
            "JWT_PREVIOUS_PUBLIC_KEY": {"Ref": "JwtPreviousPublicKey"},
        }
    if function.posts or function.closes:
        variables["CONNECTIONS_ENDPOINT"] = {
            "Fn::Sub": f"https://${{WebsocketAPI}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/{API_STAGE}"
        }
    if function.invokes:
        variables["LAMBDA_ENDPOINT"] = {"Fn::Sub": "https://lambda.${AWS::Region}.${AWS::URLSuffix}"}
    return variables


def _secrets(function: Function) -> Resource:
    named: list[Resource] = [{"Ref": "RedisSecret"}]
    if function.reads_tokens:
        named.append({"Ref": "JwtSettings"})
    return {"Fn::Join": [",", named]}


def _role(function: Function) -> Resource:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "AssumeRolePolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
                ],
            },
            "Policies": [
                {
                    "PolicyName": "calls",
                    "PolicyDocument": {"Version": "2012-10-17", "Statement": list(_statements(function))},
                }
            ],
        },
    }


def _statements(function: Function) -> Iterator[Resource]:
    yield _allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": [f"{function.name}Log", "Arn"]})
    secrets: list[Resource] = [{"Ref": "RedisSecret"}]
    if function.reads_tokens:
        secrets.append({"Ref": "JwtSettings"})
    yield _allow("ReadSecrets", ["secretsmanager:GetSecretValue"], secrets)
    methods = [method for method, may in (("POST", function.posts), ("DELETE", function.closes)) if may]
    if methods:
        connections = (
            "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebsocketAPI}"
            f"/{API_STAGE}/%s/@connections/*"
        )
        yield _allow("Push", ["execute-api:ManageConnections"], [{"Fn::Sub": connections % each} for each in methods])
    if function.invokes:
        yield _allow("Invoke", ["lambda:InvokeFunction"], {"Fn::GetAtt": [function.invokes, "Arn"]})
    if function.dead_letters:
        yield _allow("LeaveDeadLetters", ["sqs:SendMessage"], {"Fn::GetAtt": ["DeadLetters", "Arn"]})
    yield from _network()


def _network() -> Iterator[Resource]:
    """What Lambda itself needs to join the network, and the function's own code must not have."""
    joins = [
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:AssignPrivateIpAddresses",
        "ec2:UnassignPrivateIpAddresses",
    ]
    # Lambda looks for a right to all of an account's interfaces, and describing knows no narrower one (its
    # documentation, "Giving Lambda functions access to resources in an Amazon VPC").
    looks = ["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"]
    yield _allow("JoinNetwork", joins, {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:*/*"})
    yield _allow("SeeNetwork", looks, "*")
    own = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-*"
    yield {
        "Sid": "OnlyLambdaJoins",
        "Effect": "Deny",
        "Action": joins + looks,
        "Resource": "*",
        "Condition": {"ArnLike": {"lambda:SourceFunctionArn": {"Fn::Sub": own}}},
    }


def _allow(sid: str, actions: list[str], resource: Any) -> Resource:
    return {"Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource}


def _log(function: Function) -> Resource:
    return {
        "Type": "AWS::Logs::LogGroup",
        "DeletionPolicy": "Delete",
        "UpdateReplacePolicy": "Delete",
        "Properties": {
            "LogGroupName": {"Fn::Sub": f"/${{AWS::StackName}}/{function.name}"},
            "RetentionInDays": {"Ref": "LogDays"},
        },
    }


def _metric(function: str, name: str, statistic: str, period_s: int, **more: Any) -> Resource:
    """A metric of a function, as alarms name it."""
    return {
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/Lambda",
                "MetricName": name,
                "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": function}}],
            },
            "Period": period_s,
            "Stat": statistic,
        },
        "ReturnData": False,
        **more,
    }


def _alarm(description: str, threshold: float, **properties: Any) -> Resource:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmDescription": description,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": threshold,
            "EvaluationPeriods": 1,
            "TreatMissingData": "notBreaching",
            "AlarmActions": [{"Ref": "Alarms"}],
            "OKActions": [{"Ref": "Alarms"}],
            **properties,
        },
    }


def _faults(function: Function) -> Resource:
    """What a function logs as an error. It answers such a request all the same, so to Lambda it has not failed."""
    return {
        "Type": "AWS::Logs::MetricFilter",
        "Properties": {
            "LogGroupName": {"Ref": f"{function.name}Log"},
            "FilterPattern": '{ $.level = "ERROR" }',
            "MetricTransformations": [
                {
                    "MetricNamespace": {"Ref": "AWS::StackName"},
                    "MetricName": f"{function.name}Faults",
                    "MetricValue": "1",
                    "DefaultValue": 0,
                }
            ],
        },
    }


def _failing(function: Function) -> Resource:
    logged = {"Namespace": {"Ref": "AWS::StackName"}, "MetricName": f"{function.name}Faults"}
    # A share, since one failure in millions of frames wakes nobody; one of a few is a large share.
    return _alarm(
        f"More than one in a hundred runs of {function.name} failed, or logged an error",
        1,
        Metrics=[
            _metric(function.name, "Errors", "Sum", 300, Id="errors"),
            _metric(function.name, "Invocations", "Sum", 300, Id="runs"),
            {"Id": "faults", "MetricStat": {"Metric": logged, "Period": 300, "Stat": "Sum"}, "ReturnData": False},
            {
                "Id": "share",
                "Label": "percent of runs that failed",
                "Expression": "100 * (errors + FILL(faults, 0)) / runs",
            },
        ],
    )


def _throttled(function: Function) -> Resource:
    return _alarm(
        f"{function.name} is called more often than its reserved concurrency lets it run",
        0,
        Metrics=[_metric(function.name, "Throttles", "Sum", 300, Id="throttles", ReturnData=True)],
    )


def _slow(function: Function) -> Resource:
    return _alarm(
        f"One in a hundred runs of {function.name} takes longer than {function.slow_ms:,} ms",
        function.slow_ms,
        EvaluationPeriods=3,
        Metrics=[_metric(function.name, "Duration", "p99", 300, Id="duration", ReturnData=True)],
    )
