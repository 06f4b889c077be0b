"""What moto can make of the template is made in it, and looked at through AWS's own interfaces.

Unverified here, since moto cannot make it (NOT_MADE in calls.py): the users' lists (ACL, user group) and the
parameter group of the storage, ElastiCache Serverless itself, and the deployments of both APIs, so what a stage shows.
Nor does it keep what a function's log group and dead-letter queue are, and a stage's access log: botocore has looked at
the form of these, and nobody at their effect.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.aws import combinations
from tests.aws.calls import CALLS, NOT_MADE, REGION, STACK, client
from tests.aws.emulating import Made
from tests.aws.evaluating import Evaluation, Template
from tests.aws.rules.alarms import STACK_METRICS
from tests.aws.rules.functions import BEHIND_AN_API, CALLED_LATER

FUNCTIONS = sorted(BEHIND_AN_API | CALLED_LATER)
STAGES = {
    "memorydb": ("memorydb", "3", "zone", "own with zone", "given", "set", "made", "nothing"),
    "elasticache": ("elasticache", "2", "one", "none", "none", "keep", "given", "nothing"),
}


@pytest.fixture(scope="module", params=STAGES)
def storage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def made(storage: str, sam: Template, evaluation: Evaluation) -> Iterator[Made]:
    with mock_aws():
        yield Made(evaluation.concrete(combinations.parameters(STAGES[storage], sam)))


def test_what_moto_does_not_make_is_known(sam: Template, evaluation: Evaluation) -> None:
    kinds = set()
    for choice in STAGES.values():
        concrete = evaluation.concrete(combinations.parameters(choice, sam))
        kinds |= {each["Type"] for each in concrete["Resources"].values()}
    assert kinds == CALLS.keys() | NOT_MADE.keys()


@pytest.mark.parametrize("kind", NOT_MADE)
def test_moto_still_does_not_make_it(kind: str) -> None:
    """When it does, there is more to look at here."""
    service, operation, parameters = NOT_MADE[kind]
    with (
        mock_aws(),
        pytest.raises((NotImplementedError, ClientError), match=r"has not been|Not yet implemented|Only OpenAPI 3"),
    ):
        getattr(client(service), operation)(**parameters)


def test_only_that_is_missing(made: Made) -> None:
    assert set(made.missing.values()) <= NOT_MADE.keys()


def test_the_network_has_its_zones_and_its_ways_out(made: Made, storage: str) -> None:
    zones = int(STAGES[storage][1])
    network, cloud = made.ids["Vpc"], client("ec2")
    of_it = [{"Name": "vpc-id", "Values": [network]}]
    subnets = {each["SubnetId"]: each for each in cloud.describe_subnets(Filters=of_it)["Subnets"]}
    assert {each["CidrBlock"].split("/")[1] for each in subnets.values()} == {"20"}
    tables = cloud.describe_route_tables(Filters=of_it)["RouteTables"]
    ways = {
        association["SubnetId"]: route
        for table in tables
        for association in table["Associations"]
        for route in table["Routes"]
        if "SubnetId" in association and route.get("DestinationCidrBlock") == "0.0.0.0/0"
    }
    private = [subnet for subnet, way in ways.items() if way.get("NatGatewayId")]
    assert {subnets[each]["AvailabilityZone"] for each in private} == {f"{REGION}{zone}" for zone in "abc"[:zones]}
    assert len(private) == zones
    gateways = {each["NatGatewayId"]: each["SubnetId"] for each in cloud.describe_nat_gateways()["NatGateways"]}
    assert len(gateways) == (zones if storage == "memorydb" else 1)
    for subnet in private:
        assert ways[gateways[ways[subnet]["NatGatewayId"]]]["GatewayId"] == made.ids["InternetGateway"]


def test_only_functions_reach_redis(made: Made, storage: str) -> None:
    functions, redis = made.ids["FunctionSecurityGroup"], made.ids["RedisSecurityGroup"]
    groups = {each["GroupId"]: each for each in client("ec2").describe_security_groups()["SecurityGroups"]}
    (incoming,) = groups[redis]["IpPermissions"]
    last = 6379 if storage == "memorydb" else 6380
    assert (incoming["IpProtocol"], incoming["FromPort"], incoming["ToPort"]) == ("tcp", 6379, last)
    assert [each["GroupId"] for each in incoming["UserIdGroupPairs"]] == [functions]
    assert not incoming["IpRanges"]
    assert not groups[functions]["IpPermissions"]
    outgoing = [(each["FromPort"], each["ToPort"]) for each in groups[functions]["IpPermissionsEgress"]]
    assert sorted(outgoing) == [(443, 443), (6379, last)]
    assert [each["IpProtocol"] for each in groups[redis]["IpPermissionsEgress"]] == ["icmp"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_as_it_was_meant(made: Made, name: str) -> None:
    functions = client("lambda")
    found = functions.get_function_configuration(FunctionName=made.ids[name])
    assert found["Architectures"] == ["arm64"]
    assert found["Handler"].startswith("app.")
    assert found["Role"] == made.ids[f"{name}Role.Arn"]
    assert set(found["VpcConfig"]["SecurityGroupIds"]) == {made.ids["FunctionSecurityGroup"]}
    assert set(found["VpcConfig"]["SubnetIds"]) <= {made.ids.get(f"PrivateSubnet{zone}") for zone in "ABC"}
    variables = found["Environment"]["Variables"]
    assert variables["REDIS_URL"].startswith("rediss://")
    assert variables["REDIS_USERNAME"] == STACK
    if "FLUSH_FUNCTION" in variables:
        assert variables["FLUSH_FUNCTION"] == made.ids["Flush"]
    reserved = functions.get_function_concurrency(FunctionName=made.ids[name])
    assert reserved["ReservedConcurrentExecutions"] == 5


@pytest.mark.parametrize(("name", "retries"), [("Flush", 2), ("Broadcast", 0), ("Sweep", 0)])
def test_what_is_called_later_is_retried_as_meant(made: Made, name: str, retries: int) -> None:
    found = client("lambda").get_function_event_invoke_config(FunctionName=made.ids[name])
    assert found["MaximumRetryAttempts"] == retries


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_role_says_what_it_should_of_real_resources(made: Made, name: str) -> None:
    policy = client("iam").get_role_policy(RoleName=made.ids[f"{name}Role"], PolicyName="calls")
    document: dict[str, Any] = policy["PolicyDocument"]
    resources = {each["Sid"]: each["Resource"] for each in document["Statement"]}
    assert resources["Log"] == made.ids[f"{name}Log.Arn"]
    if name == "WebsocketConnect":
        assert resources["Invoke"] == made.ids["Flush.Arn"]
    if name == "APIHandler":
        assert resources["Invoke"] == made.ids["Broadcast.Arn"]
    if "Push" in resources:
        (api,) = {each.split(":")[5].split("/")[0] for each in resources["Push"]}
        assert api == made.ids["WebsocketAPI"]
    assert "${" not in json.dumps(document)


def test_logs_are_kept_for_their_time(made: Made) -> None:
    groups = client("logs").describe_log_groups()["logGroups"]
    assert {each["retentionInDays"] for each in groups} == {30}
    assert {each["logGroupName"] for each in groups} == {
        *(f"/{STACK}/{name}" for name in FUNCTIONS),
        f"/{STACK}/access/http",
        f"/{STACK}/access/socket",
    }


def test_the_sweep_is_scheduled_and_measured(made: Made) -> None:
    events = client("events")
    (rule,) = events.list_rules()["Rules"]
    assert (rule["ScheduleExpression"], rule["State"]) == ("rate(1 minute)", "ENABLED")
    (target,) = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
    assert target["Arn"] == made.ids["Sweep.Arn"]
    filters = client("logs").describe_metric_filters()["metricFilters"]
    metrics = {each["metricTransformations"][0]["metricName"]: each["logGroupName"] for each in filters}
    wanted = dict.fromkeys(STACK_METRICS, made.ids["SweepLog"])
    assert metrics == wanted | {f"{name}Faults": made.ids[f"{name}Log"] for name in FUNCTIONS}
    assert {each["metricTransformations"][0]["metricNamespace"] for each in filters} == {STACK}


def test_alarms_reach_somebody(made: Made, storage: str) -> None:
    alarms = client("cloudwatch").describe_alarms(MaxRecords=100)["MetricAlarms"]
    assert len(alarms) == 3 * len(FUNCTIONS) + 6
    assert {tuple(each["AlarmActions"]) for each in alarms} == {(made.ids["Alarms"],)}
    topics = client("sns")
    key = topics.get_topic_attributes(TopicArn=made.ids["Alarms"])["Attributes"]["KmsMasterKeyId"]
    policy = client("kms").get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    assert "cloudwatch.amazonaws.com" in policy
    told = [each["Endpoint"] for each in topics.list_subscriptions()["Subscriptions"]]
    assert told == (["on-call@shop.example"] if storage == "memorydb" else [])


def test_dead_letters_are_kept_encrypted_for_two_weeks(made: Made) -> None:
    queue = client("sqs").get_queue_attributes(QueueUrl=made.ids["DeadLetters"], AttributeNames=["All"])["Attributes"]
    assert queue["MessageRetentionPeriod"] == str(14 * 86_400)
    assert queue["SqsManagedSseEnabled"] == "true"


def test_sockets_reach_their_functions(made: Made) -> None:
    sockets = client("apigatewayv2")
    api = made.ids["WebsocketAPI"]
    targets = {each["RouteKey"]: each["Target"].split("/")[1] for each in sockets.get_routes(ApiId=api)["Items"]}
    uris = {each["IntegrationId"]: each["IntegrationUri"] for each in sockets.get_integrations(ApiId=api)["Items"]}
    for route, name in (("$connect", "Connect"), ("$default", "Message"), ("$disconnect", "Disconnect")):
        assert uris[targets[route]].endswith(f"function:{made.ids[f'Websocket{name}']}/invocations")
    (stage,) = sockets.get_stages(ApiId=api)["Items"]
    assert stage["StageName"] == "api"
    assert stage["DefaultRouteSettings"]["DataTraceEnabled"] is False


def test_secrets_are_settings(made: Made, storage: str) -> None:
    vault = client("secretsmanager")
    redis = json.loads(vault.get_secret_value(SecretId=made.ids["RedisSecret"])["SecretString"])
    assert redis.keys() == {"REDIS_PASSWORD"}
    tokens = json.loads(vault.get_secret_value(SecretId=made.ids["JwtSettings"])["SecretString"])
    assert tokens.keys() == {"JWT_SECRET"}
    assert (tokens["JWT_SECRET"] == combinations.SECRET) == (storage == "elasticache")
    assert len(tokens["JWT_SECRET"]) >= 32


def test_memorydb_is_a_cluster_with_tls_in_the_private_subnets(made: Made, storage: str) -> None:
    clusters = client("memorydb").describe_clusters(ShowShardDetails=True)["Clusters"]
    if storage == "elasticache":
        assert not clusters
        return
    (cluster,) = clusters
    assert cluster["TLSEnabled"] is True
    assert cluster["SecurityGroups"][0]["SecurityGroupId"] == made.ids["RedisSecurityGroup"]
    assert cluster["SnapshotRetentionLimit"] == 7
    (subnets,) = client("memorydb").describe_subnet_groups(SubnetGroupName=STACK)["SubnetGroups"]
    assert {each["Identifier"] for each in subnets["Subnets"]} == {made.ids[f"PrivateSubnet{zone}"] for zone in "ABC"}


def test_the_dashboard_names_what_was_made(made: Made) -> None:
    body = client("cloudwatch").get_dashboard(DashboardName=STACK)["DashboardBody"]
    assert json.loads(body)["widgets"]
    assert "${" not in body
    assert all(made.ids[name] in body for name in FUNCTIONS)
