"""Rules about who reaches what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.aws.rules.stack import Stack, rule, several, target, targets

TLS, REDIS, REPLICAS = 443, 6379, 6380  # ElastiCache Serverless has its replicas at a port of their own
# What takes the place of "everything" in a group that has nothing to say (CloudFormation would put that in).
NO_EGRESS = ("icmp", 252, 86, "255.255.255.255/32")


@rule
def nothing_comes_in_but_from_functions_to_redis(stack: Stack) -> Iterator[str]:
    wanted = ("RedisSecurityGroup", "tcp", REDIS, _last_port(stack), "FunctionSecurityGroup")
    found = [_incoming(target(each["GroupId"]), each) for each in stack.of("EC2::SecurityGroupIngress").values()]
    for group, properties in stack.of("EC2::SecurityGroup").items():
        found += [_incoming(group, each) for each in properties.get("SecurityGroupIngress", [])]
    if found != [wanted]:
        yield f"these may come in: {found}"


def _last_port(stack: Stack) -> int:
    return REPLICAS if stack.of("ElastiCache::ServerlessCache") else REDIS


def _incoming(group: str, entry: dict[str, Any]) -> tuple[str, str, Any, Any, str]:
    source = target(entry.get("SourceSecurityGroupId")) or str(entry.get("CidrIp") or entry.get("CidrIpv6") or entry)
    return group, entry["IpProtocol"], entry.get("FromPort"), entry.get("ToPort"), source


@rule
def functions_reach_redis_and_tls_alone(stack: Stack) -> Iterator[str]:
    found = set()
    for group, properties in stack.of("EC2::SecurityGroup").items():
        if not properties.get("SecurityGroupEgress"):
            yield f"{group} names nothing that goes out, so everything does"
        found |= {_outgoing(group, each) for each in properties.get("SecurityGroupEgress", [])}
    found |= {_outgoing(target(each["GroupId"]), each) for each in stack.of("EC2::SecurityGroupEgress").values()}
    wanted = {
        ("FunctionSecurityGroup", "tcp", TLS, TLS, "0.0.0.0/0"),
        ("FunctionSecurityGroup", "tcp", REDIS, _last_port(stack), "RedisSecurityGroup"),
        ("RedisSecurityGroup", *NO_EGRESS),
    }
    if found != wanted:
        yield f"these may go out, and should not: {found - wanted}; and these should: {wanted - found}"


def _outgoing(group: str, entry: dict[str, Any]) -> tuple[str, str, Any, Any, str]:
    to = target(entry.get("DestinationSecurityGroupId")) or str(entry.get("CidrIp") or entry)
    return group, entry["IpProtocol"], entry.get("FromPort"), entry.get("ToPort"), to


@rule
def functions_and_storage_are_in_private_subnets(stack: Stack) -> Iterator[str]:
    for name, function in stack.functions.items():
        inside = function.get("VpcConfig", {})
        yield from _private(stack, name, inside.get("SubnetIds", []))
        if targets(inside.get("SecurityGroupIds", [])) != ["FunctionSecurityGroup"]:
            yield f"{name} is not in the functions' group"
    for name, group in (stack.of("MemoryDB::SubnetGroup") | stack.of("ElastiCache::ServerlessCache")).items():
        yield from _private(stack, name, group.get("SubnetIds", []))
    for name, storage in stack.storage.items():
        if targets(storage.get("SecurityGroupIds", [])) != ["RedisSecurityGroup"]:
            yield f"{name} is not in Redis's group"


def _private(stack: Stack, name: str, subnets: list[Any]) -> Iterator[str]:
    placed = targets(subnets)
    zones = {str(stack.resources[each]["Properties"]["AvailabilityZone"]) for each in placed}
    private = [each for each in stack.of("EC2::Subnet") if _way_out(stack, each) == "NatGatewayId"]
    if sorted(placed) != sorted(private) or len(zones) != len(placed) or len(zones) < 2:
        yield f"{name} is in {placed}, and the private subnets are {private}"


def _way_out(stack: Stack, subnet: str) -> str:
    """How a subnet reaches the rest of the world: NatGatewayId, GatewayId, or nothing."""
    tables = [
        target(each["RouteTableId"])
        for each in stack.of("EC2::SubnetRouteTableAssociation").values()
        if target(each["SubnetId"]) == subnet
    ]
    ways = [
        way
        for route in stack.of("EC2::Route").values()
        if target(route["RouteTableId"]) in tables and route["DestinationCidrBlock"] == "0.0.0.0/0"
        for way in ("NatGatewayId", "GatewayId")
        if way in route
    ]
    return ways[0] if len(ways) == 1 else ""


@rule
def every_gateway_is_in_a_public_subnet_of_its_zone(stack: Stack) -> Iterator[str]:
    subnets = stack.of("EC2::Subnet")
    gateways = stack.of("EC2::NatGateway")
    for name, gateway in gateways.items():
        subnet = target(gateway["SubnetId"])
        if _way_out(stack, subnet) != "GatewayId":
            yield f"{name} is in {subnet}, which has no way to the internet"
    # Where there is a gateway in each zone, a zone goes out through its own, or losing one would take two along.
    zones = {str(subnets[target(each["SubnetId"])]["AvailabilityZone"]): name for name, each in gateways.items()}
    if len(zones) == 1:
        return
    for association in stack.of("EC2::SubnetRouteTableAssociation").values():
        zone = str(subnets[target(association["SubnetId"])]["AvailabilityZone"])
        for route in stack.of("EC2::Route").values():
            through = target(route.get("NatGatewayId"))
            if through and route["RouteTableId"] == association["RouteTableId"] and zones.get(zone) != through:
                yield f"{target(association['SubnetId'])} goes out by {through}, of another zone"


@rule
def subnets_do_not_overlap_and_give_no_public_addresses(stack: Stack) -> Iterator[str]:
    blocks = [each["CidrBlock"] for each in stack.of("EC2::Subnet").values()]
    if len(set(blocks)) != len(blocks):
        yield f"two subnets have the same addresses: {blocks}"
    for name, subnet in stack.of("EC2::Subnet").items():
        if subnet.get("MapPublicIpOnLaunch"):
            yield f"{name} gives out public addresses"
    for name, network in stack.of("EC2::VPC").items():
        # Storage is found by name.
        if not network.get("EnableDnsSupport") or not network.get("EnableDnsHostnames"):
            yield f"{name} resolves no names"


@rule
def nobody_else_is_let_in_by_a_policy(stack: Stack) -> Iterator[str]:
    for name, permission in stack.of("Lambda::Permission").items():
        if permission["Principal"] not in {"apigateway.amazonaws.com", "events.amazonaws.com"}:
            yield f"{name} lets {permission['Principal']} call a function"
        if not permission.get("SourceArn"):
            yield f"{name} lets a whole service call a function, for whatever account"
    for name, resource in stack.resources.items():
        for key in ("AssumeRolePolicyDocument", "KeyPolicy", "PolicyDocument", "ResourcePolicy"):
            for statement in resource.get("Properties", {}).get(key, {}).get("Statement", []):
                principal = statement.get("Principal", {})
                who = several(principal) if isinstance(principal, str) else list(principal.values())
                if statement["Effect"] == "Allow" and any("*" in several(each) for each in who):
                    yield f"{name} lets in everybody"
    for kind in ("Lambda::Url", "SQS::QueuePolicy", "SNS::TopicPolicy", "EC2::VPCPeeringConnection"):
        yield from (f"{name}: {kind} is a way in that nobody needs" for name in stack.of(kind))
