"""What breaks the rules about functions and what they may do."""

from __future__ import annotations

from tests.aws.breaking.changes import GONE, Change, add, make, put

POLICY = "Properties|Policies|0|PolicyDocument|Statement"

FUNCTIONS: dict[str, list[Change]] = {
    "every_function_of_the_service_is_there": [put("Broadcast", {"Type": "AWS::SNS::Topic"})],
    "functions_have_limits_and_run_on_arm": [
        put("Flush|Properties|Architectures", ["x86_64"]),
        put("Flush|Properties|ReservedConcurrentExecutions", GONE),
        put("WebsocketMessage|Properties|Timeout", 60),
        put("WebsocketConnect|Properties|Timeout", GONE),
        put("Sweep|Properties|MemorySize", GONE),
    ],
    "functions_log_to_their_own_group": [
        put("Flush|Properties|LoggingConfig", GONE),
        put("Flush|Properties|LoggingConfig|LogGroup|Ref", "SweepLog"),
        put("Sweep|Properties|LoggingConfig|LogFormat", "Text"),
        put("Sweep|Properties|LoggingConfig|ApplicationLogLevel", "ERROR"),
    ],
    "every_log_is_forgotten_in_time": [
        put("FlushLog|Properties|RetentionInDays", GONE),
        put("RestAPIAccessLog|Properties|RetentionInDays", GONE),
    ],
    "the_environment_is_of_settings_that_are_read": [
        put("Flush|Properties|Environment|Variables|REDIS_HOST", "redis"),
        put("Flush|Properties|Environment|Variables|SECRETS", GONE),
    ],
    "functions_know_where_to_push_and_whom_to_call": [
        put("Flush|Properties|Environment|Variables|CONNECTIONS_ENDPOINT", GONE),
        put("WebsocketConnect|Properties|Environment|Variables|FLUSH_FUNCTION|Ref", "Sweep"),
        put("APIHandler|Properties|Environment|Variables|LAMBDA_ENDPOINT", GONE),
        put("WebsocketConnect|Properties|Environment|Variables|ALLOWED_ORIGINS", GONE),
    ],
    "the_sweep_comes_every_minute_and_once": [
        put("SweepSweepEvent|Properties|ScheduleExpression", "rate(1 hour)"),
        put("SweepSweepEvent|Properties|State", "DISABLED"),
        put("Sweep|Properties|Timeout", 300),
    ],
    "only_a_replay_is_tried_again_and_then_kept": [
        put("BroadcastEventInvokeConfig|Properties|MaximumRetryAttempts", GONE),
        put("SweepEventInvokeConfig|Properties|MaximumRetryAttempts", 1),
        put("Flush|Properties|DeadLetterConfig", GONE),
    ],
    "dead_letters_wait_as_long_as_they_can": [
        put("DeadLetters|Properties|SqsManagedSseEnabled", False),
        put("DeadLetters|Properties|MessageRetentionPeriod", GONE),
    ],
}

PERMISSIONS: dict[str, list[Change]] = {
    "every_function_has_a_role_of_its_own": [
        put("Flush|Properties|Role|Fn::GetAtt|0", "SweepRole"),
        put("FlushRole|Properties|ManagedPolicyArns", ["arn:aws:iam::aws:policy/AdministratorAccess"]),
        put("FlushRole|Properties|AssumeRolePolicyDocument|Statement|0|Principal", {"AWS": "123456789012"}),
        make("IAM::Policy", PolicyDocument={"Statement": []}),
    ],
    "functions_may_do_what_they_need_and_nothing_more": [
        add(f"FlushRole|{POLICY}", {"Effect": "Allow", "Action": "s3:GetObject", "Resource": {"Ref": "Alarms"}}),
        put(f"FlushRole|{POLICY}|1", {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Ref": "Alarms"}}),
        put(f"APIHandlerRole|{POLICY}|3|Resource|Fn::GetAtt|0", "Flush"),
        put(f"WebsocketMessageRole|{POLICY}|2|Resource|0|Fn::Sub", "arn:aws:execute-api:*:*:*/api/POST/@connections/*"),
    ],
    "no_role_has_a_wildcard": [
        add(f"FlushRole|{POLICY}", {"Effect": "Allow", "Action": "sqs:*", "Resource": {"Ref": "DeadLetters"}}),
        put(f"FlushRole|{POLICY}|1|Resource", "*"),
        put(f"WebsocketMessageRole|{POLICY}|2|Resource|0|Fn::Sub", "arn:aws:execute-api:*:*:*/api/POST/@connections/*"),
        add(f"FlushRole|{POLICY}", {"Effect": "Allow", "NotAction": "iam:*", "Action": [], "Resource": []}),
    ],
    "a_function_s_own_code_leaves_the_network_alone": [
        put(f"WebsocketDisconnectRole|{POLICY}|4|Effect", "Allow"),
        put(f"WebsocketDisconnectRole|{POLICY}|4|Action", ["ec2:DescribeSubnets"]),
        put(f"WebsocketDisconnectRole|{POLICY}|4|Condition", {"ArnLike": {"lambda:SourceFunctionArn": "nobody"}}),
    ],
    "each_function_is_called_by_its_own_api_alone": [
        put("WebsocketConnectInvokePermission|Properties|SourceArn|Fn::Sub|1|WebsocketAPIId|Ref", "RestAPI"),
        put("WebsocketConnectInvokePermission|Properties|FunctionName|Ref", "Broadcast"),
        put("SweepSweepEventPermission|Properties|SourceArn", "arn:aws:events:*:*:*"),
    ],
}
