"""The calls that make a resource, by its type: what CloudFormation does with the properties."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3

from tests.aws.transforming import PACKAGE

REGION, ACCOUNT, STACK = "eu-central-1", "123456789012", "kefu-prod"
Properties = dict[str, Any]
# Of a logical id and properties; answers with "Ref", and with the attributes that others refer to.
Call = Callable[[str, Properties], dict[str, str]]


@cache
def client(service: str) -> Any:
    """A client of one of AWS's services; making one takes longer than moto does."""
    return boto3.client(service, region_name=REGION)


def archive() -> bytes:
    """A zip that could be a function's."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        packed.writestr("app.py", "")
    return made.getvalue()


def prepare() -> dict[str, str]:
    """What is there before the stack: the uploaded package, and the zone of the domain. Answers with the zone's id."""
    bucket, _, key = PACKAGE.removeprefix("s3://").partition("/")
    client("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    client("s3").put_object(Bucket=bucket, Key=key, Body=archive())
    zone = client("route53").create_hosted_zone(Name="shop.example.", CallerReference=STACK)["HostedZone"]["Id"]
    return {"zone": zone.rsplit("/", 1)[-1]}


def _lower(node: Any) -> Any:
    """With members called as the older services call them."""
    match node:
        case dict():
            return {f"{key[0].lower()}{key[1:]}": _lower(each) for key, each in node.items()}
        case list():
            return [_lower(each) for each in node]
    return node


def _call(
    service: str, operation: str, answer: str = "", *, name: str = "", lower: bool = False, drop: tuple[str, ...] = ()
) -> Call:
    """One call that takes the properties as they are, but for `drop`.

    `name` is the parameter that says the logical id; `answer` is where the id is in the answer or the parameters.
    """

    def make(logical_id: str, properties: Properties) -> dict[str, str]:
        given = {key: each for key, each in properties.items() if key not in drop}
        given = _lower(given) if lower else given
        if name:
            given[name] = logical_id
        found: Any = {**given, **getattr(client(service), operation)(**given)}
        for part in answer.split(".") if answer else []:
            found = found[part]
        return {"Ref": found if answer else logical_id}

    return make


def _vpc(_: str, properties: Properties) -> dict[str, str]:
    network = client("ec2").create_vpc(CidrBlock=properties.pop("CidrBlock"))["Vpc"]["VpcId"]
    for attribute, value in properties.items():
        client("ec2").modify_vpc_attribute(VpcId=network, **{attribute: {"Value": value}})
    return {"Ref": network}


def _address(_: str, properties: Properties) -> dict[str, str]:
    found = client("ec2").allocate_address(**properties)
    return {"Ref": found["PublicIp"], "AllocationId": found["AllocationId"]}


def _group(name: str, properties: Properties) -> dict[str, str]:
    cloud = client("ec2")
    group = cloud.create_security_group(
        GroupName=name, Description=properties["GroupDescription"], VpcId=properties["VpcId"]
    )["GroupId"]
    everything = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    cloud.revoke_security_group_egress(GroupId=group, IpPermissions=everything)
    for each in properties["SecurityGroupEgress"]:
        ranges = [{"CidrIp": each.pop("CidrIp"), "Description": each.pop("Description")}]
        cloud.authorize_security_group_egress(GroupId=group, IpPermissions=[{**each, "IpRanges": ranges}])
    return {"Ref": group}


def _between_groups(operation: str, other: str) -> Call:
    def make(name: str, properties: Properties) -> dict[str, str]:
        group = properties.pop("GroupId")
        pairs = [{"GroupId": properties.pop(other), "Description": properties.pop("Description")}]
        getattr(client("ec2"), operation)(GroupId=group, IpPermissions=[{**properties, "UserIdGroupPairs": pairs}])
        return {"Ref": name}

    return make


def _role(name: str, properties: Properties) -> dict[str, str]:
    roles, called = client("iam"), f"{STACK}-{name}"
    trusts = json.dumps(properties["AssumeRolePolicyDocument"])
    made = roles.create_role(RoleName=called, AssumeRolePolicyDocument=trusts)["Role"]
    for each in properties.get("Policies", []):
        document = json.dumps(each["PolicyDocument"])
        roles.put_role_policy(RoleName=called, PolicyName=each["PolicyName"], PolicyDocument=document)
    return {"Ref": called, "Arn": made["Arn"]}


def _log(_: str, properties: Properties) -> dict[str, str]:
    logs, group = client("logs"), properties["LogGroupName"]
    logs.create_log_group(logGroupName=group)
    logs.put_retention_policy(logGroupName=group, retentionInDays=properties["RetentionInDays"])
    return {"Ref": group, "Arn": logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"][0]["arn"]}


def _queue(name: str, properties: Properties) -> dict[str, str]:
    attributes = {key: str(value).lower() for key, value in properties.items()}
    url = client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return {"Ref": url, "QueueName": name, "Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"}


def _topic(name: str, properties: Properties) -> dict[str, str]:
    return {"Ref": client("sns").create_topic(Name=name, Attributes=properties)["TopicArn"]}


def _key(_: str, properties: Properties) -> dict[str, str]:
    keys = client("kms")
    policy = json.dumps(properties["KeyPolicy"])
    key = keys.create_key(Description=properties["Description"], Policy=policy)["KeyMetadata"]["KeyId"]
    keys.enable_key_rotation(KeyId=key)
    return {"Ref": key}


def _function(name: str, properties: Properties) -> dict[str, str]:
    functions, called = client("lambda"), f"{STACK}-{name}"
    reserved = properties.pop("ReservedConcurrentExecutions")
    tags = {each["Key"]: each["Value"] for each in properties.pop("Tags", [])}
    variables = properties["Environment"]["Variables"]
    variables |= {key: str(value) for key, value in variables.items()}  # CloudFormation's numbers are texts, too
    made = functions.create_function(FunctionName=called, Tags=tags, **properties)
    functions.put_function_concurrency(FunctionName=called, ReservedConcurrentExecutions=reserved)
    return {"Ref": called, "Arn": made["FunctionArn"]}


def _schedule(name: str, properties: Properties) -> dict[str, str]:
    events, targets = client("events"), properties.pop("Targets")
    rule = events.put_rule(Name=name, **properties)["RuleArn"]
    events.put_targets(Rule=name, Targets=targets)
    return {"Ref": name, "Arn": rule}


def _record(name: str, properties: Properties) -> dict[str, str]:
    zones = client("route53")
    zone = zones.list_hosted_zones()["HostedZones"][0]["Id"]  # the only one, whatever the test called it
    target = {**properties["AliasTarget"], "EvaluateTargetHealth": False}
    record = {"Name": properties["Name"], "Type": properties["Type"], "AliasTarget": target}
    changes = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
    zones.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=changes)
    return {"Ref": name}


def _secret(name: str, properties: Properties) -> dict[str, str]:
    vault, text = client("secretsmanager"), properties.get("SecretString")
    if form := properties.get("GenerateSecretString"):
        options = {key: form[key] for key in ("PasswordLength", "ExcludePunctuation")}
        made = {form["GenerateStringKey"]: vault.get_random_password(**options)["RandomPassword"]}
        text = json.dumps({**json.loads(form["SecretStringTemplate"]), **made})
    found = vault.create_secret(Name=name, Description=properties["Description"], SecretString=text)
    return {"Ref": found["ARN"]}


def _user(service: str) -> Call:
    def make(_: str, properties: Properties) -> dict[str, str]:
        # CloudFormation puts the password in the place of the words that ask for it.
        mode = {**properties["AuthenticationMode"], "Passwords": ["p" * 48]}
        client(service).create_user(**{**properties, "AuthenticationMode": mode})
        return {"Ref": properties["UserName"]}

    return make


def _cluster(_: str, properties: Properties) -> dict[str, str]:
    properties.pop("FinalSnapshotName")  # asked for when the cluster goes
    made = client("memorydb").create_cluster(**properties)["Cluster"]
    return {"Ref": made["Name"], "ClusterEndpoint.Address": made["ClusterEndpoint"]["Address"]}


def _account(name: str, properties: Properties) -> dict[str, str]:
    patch = {"op": "replace", "path": "/cloudwatchRoleArn", "value": properties["CloudWatchRoleArn"]}
    client("apigateway").update_account(patchOperations=[patch])
    return {"Ref": name}


def _domain(service: str, *, lower: bool) -> Call:
    def make(_: str, properties: Properties) -> dict[str, str]:
        client(service).create_domain_name(**(_lower(properties) if lower else properties))
        # moto gives it no host of its own.
        host = {"RegionalDomainName": "d-0.execute-api.example", "RegionalHostedZoneId": "Z0"}
        return {"Ref": properties["DomainName"], **host}

    return make


CALLS: dict[str, Call] = {
    "AWS::ApiGateway::Account": _account,
    "AWS::ApiGateway::BasePathMapping": _call("apigateway", "create_base_path_mapping", lower=True),
    "AWS::ApiGateway::DomainName": _domain("apigateway", lower=True),
    "AWS::ApiGateway::RestApi": _call("apigateway", "create_rest_api", "id", lower=True, drop=("Body", "Parameters")),
    # What it logs and measures is set by patches in a second step, which moto does not know.
    "AWS::ApiGateway::Stage": _call(
        "apigateway", "create_stage", "stageName", lower=True, drop=("AccessLogSetting", "MethodSettings")
    ),
    "AWS::ApiGatewayV2::Api": _call("apigatewayv2", "create_api", "ApiId"),
    "AWS::ApiGatewayV2::ApiMapping": _call("apigatewayv2", "create_api_mapping", "ApiMappingId"),
    "AWS::ApiGatewayV2::DomainName": _domain("apigatewayv2", lower=False),
    "AWS::ApiGatewayV2::Integration": _call("apigatewayv2", "create_integration", "IntegrationId"),
    "AWS::ApiGatewayV2::Route": _call("apigatewayv2", "create_route", "RouteId"),
    "AWS::ApiGatewayV2::Stage": _call("apigatewayv2", "create_stage", "StageName"),
    "AWS::CloudWatch::Alarm": _call("cloudwatch", "put_metric_alarm", name="AlarmName"),
    "AWS::CloudWatch::Dashboard": _call("cloudwatch", "put_dashboard", "DashboardName"),
    "AWS::EC2::EIP": _address,
    "AWS::EC2::InternetGateway": _call("ec2", "create_internet_gateway", "InternetGateway.InternetGatewayId"),
    "AWS::EC2::NatGateway": _call("ec2", "create_nat_gateway", "NatGateway.NatGatewayId"),
    "AWS::EC2::Route": _call("ec2", "create_route"),
    "AWS::EC2::RouteTable": _call("ec2", "create_route_table", "RouteTable.RouteTableId"),
    "AWS::EC2::SecurityGroup": _group,
    "AWS::EC2::SecurityGroupEgress": _between_groups("authorize_security_group_egress", "DestinationSecurityGroupId"),
    "AWS::EC2::SecurityGroupIngress": _between_groups("authorize_security_group_ingress", "SourceSecurityGroupId"),
    "AWS::EC2::Subnet": _call("ec2", "create_subnet", "Subnet.SubnetId"),
    "AWS::EC2::SubnetRouteTableAssociation": _call("ec2", "associate_route_table", "AssociationId"),
    "AWS::EC2::VPC": _vpc,
    "AWS::EC2::VPCGatewayAttachment": _call("ec2", "attach_internet_gateway"),
    "AWS::ElastiCache::User": _user("elasticache"),
    "AWS::Events::Rule": _schedule,
    "AWS::IAM::Role": _role,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::EventInvokeConfig": _call("lambda", "put_function_event_invoke_config"),
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::Permission": _call("lambda", "add_permission", name="StatementId"),
    "AWS::Logs::LogGroup": _log,
    "AWS::Logs::MetricFilter": _call("logs", "put_metric_filter", name="filterName", lower=True),
    "AWS::MemoryDB::Cluster": _cluster,
    "AWS::MemoryDB::SubnetGroup": _call("memorydb", "create_subnet_group", "SubnetGroupName"),
    "AWS::MemoryDB::User": _user("memorydb"),
    "AWS::Route53::RecordSet": _record,
    "AWS::SNS::Subscription": _call("sns", "subscribe", "SubscriptionArn"),
    "AWS::SNS::Topic": _topic,
    "AWS::SQS::Queue": _queue,
    "AWS::SecretsManager::Secret": _secret,
}
# What moto does not make, and the call with which it would begin to.
NOT_MADE: dict[str, tuple[str, str, Properties]] = {
    # It reads no Swagger 2.0, so an HTTP API has no routes there, and one without routes cannot be deployed.
    "AWS::ApiGateway::Deployment": (
        "apigateway",
        "import_rest_api",
        {
            "body": json.dumps(
                {"swagger": "2.0", "info": {"title": "kefu", "version": "1", "description": ""}, "paths": {}}
            )
        },
    ),
    "AWS::ApiGatewayV2::Deployment": ("apigatewayv2", "create_deployment", {"ApiId": "a"}),
    "AWS::ElastiCache::ServerlessCache": (
        "elasticache",
        "create_serverless_cache",
        {"ServerlessCacheName": "a", "Engine": "valkey"},
    ),
    "AWS::ElastiCache::UserGroup": ("elasticache", "create_user_group", {"UserGroupId": "a", "Engine": "valkey"}),
    "AWS::MemoryDB::ACL": ("memorydb", "create_acl", {"ACLName": "a"}),
    "AWS::MemoryDB::ParameterGroup": (
        "memorydb",
        "create_parameter_group",
        {"ParameterGroupName": "a", "Family": "memorydb_valkey7"},
    ),
}
