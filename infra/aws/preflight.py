"""What AWS has to say before anything is made: whose account it is, what is there, whether its quotas are enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.capacity import CODES, DEFAULTS, UNRESERVED, Demand, Need, Quotas, needs, shards_of
from infra.aws.cloud import NEVER_CAME_UP, Cloud
from infra.aws.errors import StageError
from infra.aws.stage import FIXED, Stage

Stack = Mapping[str, Any]
# Zones, by the ids that mean the same in every account, in which Lambda and MemoryDB cannot be had.
WITHOUT = frozenset({"use1-az3"})


def check(cloud: Cloud, stage: Stage) -> tuple[Stage, list[str]]:
    """The stage as it can be deployed, and remarks for the operator, one line each.

    Raises StageError where the deployment could not succeed.
    """
    cloud.account()
    stack = cloud.stack(stage.stack)
    if stack and stack["StackStatus"] in NEVER_CAME_UP:
        stack = None
    _check_concurrency(cloud, stage, stack)
    if stack:
        _check_fixed(stage, stack)
        stage, remarks = _of_old(stage)
    else:
        stage, remarks = _of_new(cloud, stage), []
    demand = Demand.of(stage.connections)
    return stage, remarks + _quotas_outlook(cloud, demand) + _storage_outlook(stage, demand)


def _of_old(stage: Stage) -> tuple[Stage, list[str]]:
    """A deployment changes no secret: what JWT_SECRET says in somebody's shell may be another stage's."""
    if "JwtSecret" not in stage.parameters:
        return stage, []
    parameters = {name: value for name, value in stage.parameters.items() if name != "JwtSecret"}
    remark = "JWT_SECRET is not used: the stage has its secret, and docs/operations.md says how to rotate it."
    return replace(stage, parameters=parameters), [remark]


def _of_new(cloud: Cloud, stage: Stage) -> Stage:
    """A new stage gets zones in which everything can be had."""
    if "ZoneNames" in stage.parameters:
        return stage
    found = cloud.client("ec2").describe_availability_zones(
        Filters=[{"Name": "zone-type", "Values": ["availability-zone"]}, {"Name": "state", "Values": ["available"]}]
    )["AvailabilityZones"]
    names = sorted(zone["ZoneName"] for zone in found if zone["ZoneId"] not in WITHOUT)
    wanted = int(stage.parameters["Zones"])
    if len(names) < wanted:
        raise StageError(f"{stage.region} has {len(names)} zones for this account: set Zones to fewer than {wanted}.")
    return replace(stage, parameters={**stage.parameters, "ZoneNames": ",".join(names[:wanted])})


def _check_fixed(stage: Stage, stack: Stack) -> None:
    now = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    zones = ("Zones",) if stage.parameters["Storage"] == "elasticache" else ()  # it never changes its subnets
    for name in (*FIXED, *zones):
        if name in now and now[name] != stage.parameters[name]:
            raise StageError(
                f"{name} cannot be changed, it is {now[name]!r}: make another stage, from a snapshot of this one."
            )


def _check_concurrency(cloud: Cloud, stage: Stage, stack: Stack | None) -> None:
    """Lambda refuses to reserve what would leave the account less than 100."""
    asked = sum(stage.concurrency.values())
    limit = cloud.client("lambda").get_account_settings()["AccountLimit"]
    reserved = sum(
        int(each["ParameterValue"])
        for each in (stack["Parameters"] if stack else [])
        if each["ParameterKey"].endswith("Concurrency")
    )
    free = limit["UnreservedConcurrentExecutions"] + reserved - UNRESERVED
    if asked > free:
        service, code = CODES["concurrency"]
        raise StageError(
            f"{stage.connections:,} connections need {asked:,} functions at once, and this account has {max(free, 0):,}"
            f" to reserve: ask Service Quotas for more ({service}, {code}), or lower `connections`."
        )


def _quotas_outlook(cloud: Cloud, demand: Demand) -> list[str]:
    has, unknown = quotas(cloud)
    remarks = [f"The account does not say its quota for {what}; the default is assumed." for what in unknown]
    return remarks + [_remark(need) for need in needs(demand, has) if not need.enough]


def _storage_outlook(stage: Stage, demand: Demand) -> list[str]:
    """Whether the shards have room for a year of messages, and time for the busiest second."""
    node, shards = stage.parameters["RedisNodeType"], int(stage.parameters["RedisShards"])
    needed = shards_of(node, demand.stored_bytes, demand.redis_s)
    if stage.parameters["Storage"] != "memorydb" or needed is None or needed <= shards:
        return []
    return [
        f"So many connections fill {needed} shards of {node} with a year of messages, by the assumptions in "
        f"infra/aws/work.py, and the stage has {shards}: watch the memory, and add shards in time."
    ]


def quotas(cloud: Cloud) -> tuple[Quotas, list[str]]:
    """The account's quotas, and those that could not be asked for."""
    client, found, unknown = cloud.client("service-quotas"), DEFAULTS, []
    for quota, (service, code) in CODES.items():
        try:
            answer = client.get_service_quota(ServiceCode=service, QuotaCode=code)
        except (ClientError, BotoCoreError):  # it takes a right of its own, and is for remarks only
            unknown.append(f"{service} ({code})")
        else:
            found = replace(found, **{quota: answer["Quota"]["Value"]})
    return found, unknown


def _remark(need: Need) -> str:
    return f"There are {need.default:,.0f} {need.what}, and {need.needed:,.0f} will be needed: {need.how}."
