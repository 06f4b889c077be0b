"""What AWS has to say before anything is made: whose account it is, and whether its quotas are enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from infra.aws.capacity import CODES, DEFAULTS, UNRESERVED, Demand, Need, Quotas, needs, shards_of
from infra.aws.cloud import Cloud
from infra.aws.errors import StageError
from infra.aws.stage import Stage


def check(cloud: Cloud, stage: Stage) -> list[str]:
    """Remarks for the operator, one line each. Raises StageError where the deployment could not succeed."""
    cloud.account()
    _check_concurrency(cloud, stage)
    has, unknown = quotas(cloud)
    demand = Demand.of(stage.connections)
    remarks = [f"The account does not say its quota for {what}; the default is assumed." for what in unknown]
    remarks += [_remark(need) for need in needs(demand, has) if not need.enough]
    return remarks + _storage(stage, demand)


def _storage(stage: Stage, demand: Demand) -> list[str]:
    """Whether the shards have room for a year of messages, and time for the busiest second."""
    node, shards = stage.parameters["RedisNodeType"], int(stage.parameters["RedisShards"])
    needed = shards_of(node, demand.stored_bytes, demand.redis_s)
    if stage.parameters["Storage"] != "memorydb" or needed is None or needed <= shards:
        return []
    return [
        f"So many connections fill {needed} shards of {node} with a year of messages, by the assumptions in "
        f"infra/aws/work.py, and the stage has {shards}: watch the memory, and add shards in time."
    ]


def _check_concurrency(cloud: Cloud, stage: Stage) -> None:
    """Lambda refuses to reserve what would leave the account less than 100."""
    asked = sum(stage.concurrency.values())
    limit = cloud.client("lambda").get_account_settings()["AccountLimit"]
    free = limit["UnreservedConcurrentExecutions"] + _reserved(cloud.stack(stage.stack)) - UNRESERVED
    if asked > free:
        service, code = CODES["concurrency"]
        raise StageError(
            f"{stage.connections:,} connections need {asked:,} functions at once, and this account has {max(free, 0):,}"
            f" to reserve: ask Service Quotas for more ({service}, {code}), or lower `connections`."
        )


def _reserved(stack: Mapping[str, Any] | None) -> int:
    """What the stage has reserved already."""
    parameters = stack["Parameters"] if stack else []
    return sum(int(each["ParameterValue"]) for each in parameters if each["ParameterKey"].endswith("Concurrency"))


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
