"""The commands: what `make package`, `plan`, `deploy`, `renew`, `replay` and `destroy` do."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from infra.aws import package, preflight
from infra.aws.cloud import CAPABILITIES, NEVER_CAME_UP, Cloud
from infra.aws.errors import StageError
from infra.aws.stage import Stage

BUILD = package.ROOT / "build"
ARTIFACTS = Path(__file__).with_name("artifacts.yaml")
ARTIFACTS_STACK = "kefu-artifacts"
# What holds data is not replaced by an update, whatever a parameter says.
POLICY = {
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"},
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": ["Update:Replace", "Update:Delete"],
            "Resource": ["LogicalResourceId/MemoryDBCluster", "LogicalResourceId/ElastiCacheServerless"],
        },
    ]
}
REPLACED = {"True": " (a new one takes its place)", "Conditional": " (perhaps a new one takes its place)"}
Say = Callable[[str], None]


def make_package(name: str, say: Say) -> package.Package:
    """Builds what is deployed. Raises StageError."""
    say(f"Packaging {name} (the first time, packages are fetched) …")
    made = package.build(BUILD / name)
    packed, unpacked = made.sizes
    say(f"{made.archive}: {packed / 1e6:.1f} MB, {unpacked / 1e6:.1f} MB unpacked")
    say(f"{made.template}")
    return made


def plan(stage: Stage, say: Say) -> None:
    """Says what a deployment would change, and changes nothing but the bucket of packages. Raises StageError."""
    cloud, ready = _prepared(stage, say)
    is_new = cloud.stack(stage.stack) is None
    with _arguments(ready) as arguments:
        run = cloud.command(*arguments, "--no-execute-changeset")
    found = re.search(r"arn:\S+:changeSet/\S+", run.stdout)
    if run.returncode or not found:
        if "No changes to deploy" in run.stdout + run.stderr:
            cloud.forget_empty_change_sets(stage.stack)
            say("Nothing would change.")
            return
        raise StageError(f"CloudFormation makes no plan: {_last_line(run.stderr or run.stdout)}")
    changes = cloud.changes(found[0])
    for action, logical_id, kind, replacement in changes:
        replaced = REPLACED.get(replacement, "")
        say(f"{action:7} {logical_id} {kind}{replaced}")
    say(f"{len(changes)} changes. make deploy STAGE={stage.name} carries them out.")
    if is_new:  # CloudFormation has noted the name of a stack that is not there
        cloud.remove(stage.stack)
    else:
        cloud.forget_change_set(found[0])


def deploy(stage: Stage, say: Say) -> None:
    """Makes the stack, or changes it to what it should be. Raises StageError; the same command then goes on."""
    cloud, ready = _prepared(stage, say)
    _make_way(cloud, stage.stack, say)
    if cloud.stack(stage.stack):
        cloud.protect(stage.stack, POLICY)
    say(f"Deploying {stage.stack} to {stage.region}; a new one may take half an hour, most of it for storage …")
    since = datetime.now(UTC)
    with _arguments(ready) as arguments:
        run = cloud.command(*arguments, "--no-fail-on-empty-changeset")
    if run.returncode:
        stack = cloud.stack(stage.stack)
        status = stack["StackStatus"] if stack else ""
        if status.endswith("_IN_PROGRESS") and status not in NEVER_CAME_UP:
            raise StageError(
                f"{stage.stack} takes longer than an hour; AWS goes on with it. Run the same command later."
            )
        failed = (stack and cloud.failure(stage.stack, since)) or _last_line(run.stderr or run.stdout)
        raise StageError(
            f"{stage.stack} was not deployed. {failed.rstrip('.')}. "
            f"Mend that, and run make deploy STAGE={stage.name} again: it goes on from where it stands."
        )
    cloud.forget_empty_change_sets(stage.stack)
    cloud.protect(stage.stack, POLICY)
    for name, value in sorted(cloud.outputs(stage.stack).items()):
        say(f"{name}: {value}")


def renew(stage: Stage, say: Say) -> None:
    """Lets every function start anew, and so read its secrets again. No socket is closed. Raises StageError."""
    Cloud(stage.region).change(stage.stack, {"SecretsRead": str(int(time.time()))})
    say(f"From now on every function of {stage.stack} begins anew, and reads its secrets as they are.")


def replay(stage: Stage, say: Say) -> None:
    """Hands the dead letters to `flush` again, each at most once in this run."""
    cloud = Cloud(stage.region)
    outputs = cloud.outputs(stage.stack)
    queue, functions, sent = cloud.client("sqs"), cloud.client("lambda"), 0
    while letters := queue.receive_message(
        QueueUrl=outputs["DeadLettersUrl"], MaxNumberOfMessages=10, WaitTimeSeconds=1
    ).get("Messages"):
        for letter in letters:
            functions.invoke(FunctionName=outputs["FlushName"], InvocationType="Event", Payload=letter["Body"])
            # Only then, since a replay that is begun twice does no harm, and one that is lost does.
            queue.delete_message(QueueUrl=outputs["DeadLettersUrl"], ReceiptHandle=letter["ReceiptHandle"])
            sent += 1
    say(f"{sent} dead letters were handed to {outputs['FlushName']} again.")


def destroy(stage: Stage, say: Say, ask: Callable[[str], str]) -> None:
    """Removes the stack once its name has been typed. Raises StageError where something will not go."""
    cloud = Cloud(stage.region)
    if cloud.stack(stage.stack) is None:
        raise StageError(f"There is no stack {stage.stack} in {stage.region}.")
    say(f"This removes {stage.stack} in {stage.region}: every socket closes, and the service is gone.")
    say("A last snapshot of the storage stays, and so do the secret that tokens are signed with and the packages.")
    if ask(f"Type {stage.stack} to go on: ") != stage.stack:
        raise StageError("Nothing was removed.")
    cloud.unprotect(stage.stack)
    say("Removing … (Lambda gives its network interfaces back within some twenty minutes)")
    cloud.remove(stage.stack)
    say(f"{stage.stack} is removed. docs/operations.md says how to begin again from its snapshot.")


@dataclass(frozen=True, slots=True)
class Ready:
    """A stage that can be deployed: its template names what lies in the bucket."""

    stage: Stage
    template: Path
    bucket: str


def _prepared(stage: Stage, say: Say) -> tuple[Cloud, Ready]:
    """The account, asked and found fit; and what was uploaded to it."""
    cloud = Cloud(stage.region)
    stage, remarks = preflight.check(cloud, stage)
    for remark in remarks:
        say(f"Note: {remark}")
    made = make_package(stage.name, say)
    packaged = made.template.with_name("packaged.json")
    bucket = _bucket(cloud, say)
    run = cloud.command(
        *("package", "--template-file", made.template, "--s3-bucket", bucket, "--s3-prefix", stage.stack),
        *("--output-template-file", packaged, "--use-json"),
    )
    if run.returncode:
        raise StageError(f"The package could not be uploaded to {bucket}: {_last_line(run.stderr or run.stdout)}")
    return cloud, Ready(stage, packaged, bucket)


def _make_way(cloud: Cloud, name: str, say: Say) -> None:
    """A stack that takes no change is removed where it holds nothing, else the operator is told what to do."""
    stack = cloud.stack(name)
    status = stack["StackStatus"] if stack else ""
    if status in NEVER_CAME_UP:
        say(f"{name} never came up ({status}): it is removed first.")
        cloud.remove(name)
    elif status == "DELETE_FAILED":
        raise StageError(f"{name} was being removed, and something would not go: finish that with make destroy.")
    elif status == "UPDATE_ROLLBACK_FAILED":
        raise StageError(
            f"{name} could not go back after a failure: mend what the CloudFormation console says, then run "
            f"`aws cloudformation continue-update-rollback --stack-name {name} --region {cloud.region}`."
        )
    elif status.endswith("_IN_PROGRESS"):
        raise StageError(f"{name} is being changed at the moment ({status}): wait until that is over.")


def _bucket(cloud: Cloud, say: Say) -> str:
    _make_way(cloud, ARTIFACTS_STACK, say)
    # Each empty change would leave a change set behind, of which a stack has room for a thousand.
    if cloud.template(ARTIFACTS_STACK) != ARTIFACTS.read_text(encoding="utf-8"):
        run = cloud.command(
            *("deploy", "--template-file", ARTIFACTS, "--stack-name", ARTIFACTS_STACK, "--tags", "service=kefu"),
            "--no-fail-on-empty-changeset",
        )
        if run.returncode:
            raise StageError(f"The bucket for packages could not be made: {_last_line(run.stderr or run.stdout)}")
    return cloud.resource(ARTIFACTS_STACK, "Bucket")


@contextmanager
def _arguments(ready: Ready) -> Iterator[list[str | Path]]:
    """Those of `aws cloudformation deploy`. The parameters are in a file meanwhile: everybody sees a command line."""
    stage = ready.stage
    path = BUILD / stage.name / "parameters.json"
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump([f"{name}={value}" for name, value in stage.parameters.items()], file)
    try:
        yield [
            *(
                "deploy",
                "--template-file",
                ready.template,
                "--stack-name",
                stage.stack,
                "--capabilities",
                *CAPABILITIES,
            ),
            # The template is too large to be sent along.
            *("--s3-bucket", ready.bucket, "--s3-prefix", stage.stack),
            *("--parameter-overrides", f"file://{path}"),
            *("--tags", *(f"{key}={value}" for key, value in sorted(stage.tags.items()))),
        ]
    finally:
        path.unlink()


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "it says nothing."
