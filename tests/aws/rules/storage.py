"""Rules about what is remembered, and about secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from tests.aws.rules.stack import Stack, rule, target, targets

PASSWORD = {"Fn::Sub": "{{resolve:secretsmanager:${RedisSecret}:SecretString:REDIS_PASSWORD}}"}
# Everything, or what runs without asking for a password.
TOO_MUCH = re.compile(r"\+@all|allcommands|allkeys|~\*|nopass|allchannels|\+@(admin|dangerous)")
DATA = ("MemoryDB::Cluster", "ElastiCache::ServerlessCache")


@rule
def there_is_one_storage_and_it_is_spoken_to_by_tls(stack: Stack) -> Iterator[str]:
    if len(stack.storage) != 1:
        yield f"the storage is {list(stack.storage)}"
    for name, cluster in stack.of("MemoryDB::Cluster").items():
        if cluster.get("TLSEnabled") is not True:
            yield f"{name} is not encrypted in transit"
    for name in stack.functions:
        url = str(stack.variables(name).get("REDIS_URL"))
        if not any(re.search(rf"'rediss://\$\{{{each}\.[A-Za-z.]+\}}:6379'", url) for each in stack.storage):
            yield f"{name} speaks to {url}"
        if stack.variables(name).get("REDIS_CLUSTER") != "1":
            yield f"{name} does not know that the storage is a cluster"


@rule
def storage_wants_a_user_and_a_password(stack: Stack) -> Iterator[str]:
    users = stack.of("MemoryDB::User") | stack.of("ElastiCache::User")
    for name, cluster in stack.of("MemoryDB::Cluster").items():
        lists = stack.of("MemoryDB::ACL")
        if targets(lists.get(target(cluster.get("ACLName")), {}).get("UserNames", [])) != list(users):
            yield f"{name} lets others in than {list(users)}"
    for name, cache in stack.of("ElastiCache::ServerlessCache").items():
        groups = stack.of("ElastiCache::UserGroup")
        if targets(groups.get(target(cache.get("UserGroupId")), {}).get("UserIds", [])) != list(users):
            yield f"{name} lets others in than {list(users)}"
    for name, user in users.items():
        how = user.get("AuthenticationMode", {})
        if how.get("Type") != "password" or how.get("Passwords") != [PASSWORD] or user.get("NoPasswordRequired"):
            yield f"{name} has no password out of the secret"
        rights = user["AccessString"]
        if TOO_MUCH.search(rights) or not rights.startswith("on ~kefu:* resetchannels -@all "):
            yield f"{name} may do more than it needs: {rights}"
        # In this order: what comes later counts. Scripts read the name of the history from INFO, which is dangerous.
        if not rights.endswith(" -@dangerous -@admin -@blocking +info"):
            yield f"{name} may do what stops a shard: {rights}"
        for function in stack.functions:
            if stack.variables(function).get("REDIS_USERNAME") != user["UserName"]:
                yield f"{function} does not say that it is {name}"


@rule
def what_holds_data_is_snapshotted_daily_and_at_its_end(stack: Stack) -> Iterator[str]:
    for name, storage in stack.storage.items():
        if not int(storage.get("SnapshotRetentionLimit", 0)) >= 1:
            yield f"{name} keeps no snapshots"
        # Of the stack's own id: the next stack of that name would find the name taken, and could never be removed.
        if "-final-" not in str(storage.get("FinalSnapshotName")) or "AWS::StackId" not in str(
            storage.get("FinalSnapshotName")
        ):
            yield f"{name} makes no last snapshot"


@rule
def what_holds_data_is_not_replaced_unasked(stack: Stack) -> Iterator[str]:
    names = {"MemoryDB::Cluster": "ClusterName", "ElastiCache::ServerlessCache": "ServerlessCacheName"}
    for kind in DATA:
        for name, storage in stack.of(kind).items():
            # CloudFormation replaces nothing that has a name of its own.
            if not storage.get(names[kind]):
                yield f"{name} has no name of its own"
    for name in stack.of("SecretsManager::Secret"):
        resource = stack.resources[name]
        kept = resource.get("DeletionPolicy"), resource.get("UpdateReplacePolicy")
        # The marketplace goes on signing with it; the password is of no use without its Redis.
        if name == "JwtSettings" and kept != ("RetainExceptOnCreate", "Retain"):
            yield f"{name} goes with the stack"


@rule
def a_full_storage_refuses_rather_than_forgets(stack: Stack) -> Iterator[str]:
    groups = stack.of("MemoryDB::ParameterGroup")
    for name, cluster in stack.of("MemoryDB::Cluster").items():
        group = groups.get(target(cluster.get("ParameterGroupName")), {})
        if group.get("Parameters", {}).get("maxmemory-policy") != "noeviction":
            yield f"{name} evicts messages when it is full"


@rule
def passwords_are_made_and_kept_by_secrets_manager(stack: Stack) -> Iterator[str]:
    for name, secret in stack.of("SecretsManager::Secret").items():
        made = secret.get("GenerateSecretString")
        if made and (made["PasswordLength"] < 32 or not made.get("ExcludePunctuation")):
            yield f"{name} is short, or has signs that no JSON and no connection string takes as they are"
        if bool(made) == bool(secret.get("SecretString")):
            yield f"{name} is neither given nor made"
    if not stack.of("SecretsManager::Secret").get("RedisSecret", {}).get("GenerateSecretString"):
        yield "the password of Redis is not made"


@rule
def no_secret_is_said_aloud(stack: Stack) -> Iterator[str]:
    secret = given(stack)
    for name, resource in stack.resources.items():
        text = json.dumps(resource)
        if secret and secret in text and name != "JwtSettings":
            yield f"{name} says the secret"
        if "{{resolve:" in text and resource["Type"] not in {"AWS::MemoryDB::User", "AWS::ElastiCache::User"}:
            yield f"{name} reads a secret into the template"
    for name in stack.functions:
        for variable in stack.variables(name):
            if re.search(r"SECRET$|PASSWORD|TOKEN", variable):
                yield f"{name} has {variable} in its environment"
    for name, output in stack.outputs.items():
        text = json.dumps(output)
        if "{{resolve:" in text or (secret and secret in text):
            yield f"the output {name} says a secret"


def given(stack: Stack) -> str | None:
    """The secret that the marketplace gave, where it gave one."""
    text: Any = stack.of("SecretsManager::Secret").get("JwtSettings", {}).get("SecretString")
    return json.loads(text)["JWT_SECRET"] if text else None
