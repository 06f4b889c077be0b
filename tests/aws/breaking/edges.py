"""What breaks the rules about the APIs and about what is watched."""

from __future__ import annotations

from tests.aws.breaking.changes import GONE, Change, make, put

DASHBOARD = "Dashboard|Properties|DashboardBody"

APIS: dict[str, list[Change]] = {
    "each_api_has_one_stage_and_it_is_called_api": [
        make("ApiGateway::Stage", StageName="Stage", RestApiId={"Ref": "RestAPI"}),
        put("WebsocketAPIStage|Properties|StageName", "prod"),
    ],
    "every_request_is_logged_without_what_it_says": [
        put("RestAPIapiStage|Properties|AccessLogSetting", GONE),
        put(
            "WebsocketAPIStage|Properties|AccessLogSettings|Format",
            "$context.requestId $context.status $context.authorizer.claims",
        ),
        put("WebsocketAPIStage|Properties|AccessLogSettings|Format", "$context.requestId $context.status $input.body"),
        put("WebsocketAPIStage|Properties|AccessLogSettings|Format", "$context.routeKey"),
    ],
    "bodies_and_frames_are_never_logged": [
        put("RestAPIapiStage|Properties|MethodSettings|0|DataTraceEnabled", True),
        put("WebsocketAPIStage|Properties|DefaultRouteSettings|LoggingLevel", "INFO"),
        put("WebsocketAPIStage|Properties|DefaultRouteSettings", GONE),
        put("WebsocketAPIStage|Properties|RouteSettings", {"$connect": {"DataTraceEnabled": True}}),
    ],
    "stages_log_only_once_the_account_lets_them": [
        put("WebsocketAPI|Properties|Description", "kefu"),
        put("LogAccount|DeletionPolicy", "Delete"),
    ],
    "every_frame_has_its_function": [
        put("WebsocketMessageRoute|Properties|RouteKey", "$other"),
        put(
            "WebsocketMessageAPIIntegration|Properties|IntegrationUri|Fn::Sub|1|WebsocketHandler|Ref",
            "WebsocketConnect",
        ),
    ],
    "a_deployment_comes_after_its_routes_and_is_staged": [
        put("WebsocketAPIStage|Properties|DeploymentId|Ref", "WebsocketAPIDeployment"),
        put("WebsocketMessageRoute|Type", "AWS::ApiGatewayV2::RouteResponse"),
    ],
    "domains_speak_tls_1_2_or_newer": [
        put("Domain|Properties|SecurityPolicy", "TLS_1_0"),
        put("SocketDomain|Properties|DomainNameConfigurations|0|SecurityPolicy", GONE),
    ],
    "both_domains_lead_to_the_stages": [
        put("SocketDomainMapping|Properties|ApiId|Ref", "RestAPI"),
        put("SocketDomainRecord|Properties|AliasTarget|DNSName|Fn::GetAtt|0", "Domain"),
        put("SocketDomain|Type", "AWS::ApiGateway::DomainName"),
    ],
    "the_outputs_say_where_it_is": [
        put("..Outputs|SocketUrl", GONE),
        put("..Outputs|Url|Value", {"Fn::Sub": "https://${RestAPI}.execute-api.${AWS::Region}.${AWS::URLSuffix}/api"}),
        put("..Outputs|Url|Description", GONE),
    ],
}

ALARMS: dict[str, list[Change]] = {
    "every_alarm_tells_the_topic_and_says_what_it_is": [
        put("FlushSlowAlarm|Properties|AlarmActions", GONE),
        put("SocketAlarm|Properties|ActionsEnabled", False),
        put("SocketAlarm|Properties|TreatMissingData", GONE),
    ],
    "alarms_get_through": [
        put("Alarms|Properties|KmsMasterKeyId", "alias/aws/sns"),
        put("Alarms|Properties", {}),
        put("AlarmsKey|Properties|KeyPolicy|Statement|1|Action", ["kms:Decrypt"]),
        put("AlarmsByEmailSubscription|Properties|TopicArn|Ref", "DeadLetters"),
    ],
    "every_function_is_watched_for_failures_throttles_and_slowness": [
        put("SweepFailingAlarm", {"Type": "AWS::SNS::Topic"}),
        put("SweepFailingAlarm|Properties|Metrics|2|MetricStat|Metric|MetricName", "Faults"),
        put("FlushSlowAlarm|Properties|Threshold", 120_000),
        put("FlushThrottledAlarm|Properties|Metrics|0|MetricStat|Metric|Dimensions|0|Value|Ref", "Sweep"),
    ],
    "what_is_promised_is_watched": [
        put("DeadLettersAlarm", {"Type": "AWS::SNS::Topic"}),
        put("OutboxAgeAlarm|Properties|TreatMissingData", "notBreaching"),
        put("OutboxAgeAlarm|Properties|MetricName", "OutboxAges"),
        put("SocketAlarm|Properties|Dimensions|1|Value", "prod"),
        put("HttpAlarm|Properties|Dimensions|0|Value", "kefu"),
    ],
    "what_functions_log_becomes_metrics": [
        put("FlushFaultMetric|Properties|LogGroupName|Ref", "SweepLog"),
        put("OutboxAgeMetric|Properties|LogGroupName|Ref", "FlushLog"),
        put("OutboxAgeMetric|Properties|MetricTransformations|0|MetricName", "Age"),
        put("OnlineMetric|Properties|FilterPattern", "online"),
        put("OnlineMetric|Properties|MetricTransformations|0|MetricNamespace", "kefu"),
    ],
    "storage_is_watched_for_memory_and_load": [
        put("MemoryDBCpuAlarm", {"Type": "AWS::SNS::Topic"}),
        put("MemoryDBMemoryAlarm|Properties|Metrics|0|Expression", "SELECT MAX(Memory)"),
    ],
    "the_dashboard_shows_what_is_there": [
        put(f"{DASHBOARD}|Fn::Sub|0", "{"),
        put(
            f"{DASHBOARD}", '{"widgets":[{"x":20,"y":0,"width":8,"properties":{"region":"AWS::Region","metrics":[]}}]}'
        ),
        put("WebsocketAPI|Type", "AWS::ApiGatewayV2::Model"),
        put("RestAPI|Properties|Name", "kefu"),
        put("DeadLetters|Type", "AWS::SNS::Topic"),
    ],
}
