"""What the commands ask of AWS: stacks by boto3, and the two commands of the AWS CLI that package and deploy."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from infra.aws import programs
from infra.aws.errors import StageError

CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")
# A stack whose first deployment failed holds nothing and takes no update.
NEVER_CAME_UP = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS"})
FAILED_ALONG = "Resource creation cancelled"  # what CloudFormation says of those that were stopped by another's failure


@contextmanager
def in_one_line() -> Iterator[None]:
    """AWS's refusals become one line."""
    try:
        yield
    except NoCredentialsError:
        raise StageError("There are no AWS credentials: run `aws configure`, or set AWS_PROFILE.") from None
    except ClientError as refusal:
        said = refusal.response["Error"]
        words = " ".join(f"{said['Code']}: {said['Message']}".split())
        raise StageError(f"AWS refuses {refusal.operation_name}: {words}") from None
    except BotoCoreError as trouble:
        raise StageError(f"AWS cannot be asked: {trouble}") from None


class Cloud:
    """One account in one region."""

    def __init__(self, region: str) -> None:
        self.region = region
        self._session = boto3.Session(region_name=region)

    def client(self, service: str) -> Any:
        """A client of one of AWS's services."""
        return self._session.client(service)

    @cached_property
    def _formation(self) -> Any:
        return self.client("cloudformation")

    def account(self) -> str:
        """The account's number. Raises StageError without credentials that AWS takes."""
        if self._session.get_credentials() is None:
            raise NoCredentialsError
        return str(self.client("sts").get_caller_identity()["Account"])

    def stack(self, name: str) -> dict[str, Any] | None:
        """What is known of a stack; None where there is none."""
        try:
            found: dict[str, Any] = self._formation.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as refusal:
            if "does not exist" in refusal.response["Error"]["Message"]:
                return None
            raise
        return None if found["StackStatus"] == "DELETE_COMPLETE" else found

    def outputs(self, name: str) -> dict[str, str]:
        """The outputs of a stack. Raises StageError where there is no such stack."""
        stack = self.stack(name)
        if stack is None:
            raise StageError(f"There is no stack {name} in {self.region}.")
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}

    def template(self, name: str) -> str | None:
        """The template of a stack, as it was sent; None where there is no stack."""
        if self.stack(name) is None:
            return None
        body = self._formation.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        return body if isinstance(body, str) else json.dumps(body)

    def resource(self, stack: str, name: str) -> str:
        """What AWS calls a resource of a stack."""
        found = self._formation.describe_stack_resource(StackName=stack, LogicalResourceId=name)
        return str(found["StackResourceDetail"]["PhysicalResourceId"])

    def remove(self, name: str) -> None:
        """Deletes a stack, and waits until it is gone. Raises StageError where something will not go."""
        since = datetime.now(UTC)
        self._formation.delete_stack(StackName=name)
        self._wait("stack_delete_complete", name, since)

    def protect(self, name: str, policy: Mapping[str, Any]) -> None:
        """No update may do what the policy denies, and nobody deletes the stack by accident."""
        self._formation.set_stack_policy(StackName=name, StackPolicyBody=json.dumps(policy))
        self._formation.update_termination_protection(StackName=name, EnableTerminationProtection=True)

    def unprotect(self, name: str) -> None:
        """The stack may be deleted."""
        self._formation.update_termination_protection(StackName=name, EnableTerminationProtection=False)

    def change(self, name: str, parameters: Mapping[str, str]) -> None:
        """Gives a stack other parameters, and leaves the rest as it is. Raises StageError where it fails."""
        stack = self.stack(name)
        if stack is None:
            raise StageError(f"There is no stack {name} in {self.region}.")
        kept = [each["ParameterKey"] for each in stack["Parameters"] if each["ParameterKey"] not in parameters]
        since = datetime.now(UTC)
        self._formation.update_stack(
            StackName=name,
            UsePreviousTemplate=True,
            Parameters=[{"ParameterKey": each, "UsePreviousValue": True} for each in kept]
            + [{"ParameterKey": each, "ParameterValue": value} for each, value in parameters.items()],
            Capabilities=list(CAPABILITIES),
        )
        self._wait("stack_update_complete", name, since)

    def changes(self, change_set: str) -> list[tuple[str, str, str, str]]:
        """What a change set would do: action, logical id, type, and whether something new takes the old one's place."""
        pages = self._formation.get_paginator("describe_change_set").paginate(ChangeSetName=change_set)
        found = [each["ResourceChange"] for page in pages for each in page["Changes"]]
        return [
            (each["Action"], each["LogicalResourceId"], each["ResourceType"], each.get("Replacement", ""))
            for each in found
        ]

    def forget_change_set(self, change_set: str) -> None:
        """Takes back a change set that is not to be carried out."""
        self._formation.delete_change_set(ChangeSetName=change_set)

    def forget_empty_change_sets(self, name: str) -> None:
        """Takes back the change sets that failed since there was nothing to change: a stack has room for a thousand."""
        pages = self._formation.get_paginator("list_change_sets").paginate(StackName=name)
        for each in (each for page in pages for each in page["Summaries"] if each["Status"] == "FAILED"):
            self.forget_change_set(each["ChangeSetId"])

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """`aws cloudformation …` by the CLI that is pinned; what it says comes back, and its status counts."""
        environ = {"AWS_PAGER": "", "AWS_DEFAULT_REGION": self.region}
        return programs.run("aws", "cloudformation", *arguments, "--region", self.region, environ=environ)

    def failure(self, name: str, since: datetime) -> str | None:
        """What made a stack fail since then, in one line; None where nothing of it did."""
        events = self._formation.get_paginator("describe_stack_events").paginate(StackName=name)
        failed = [
            event
            for page in events
            for event in page["StackEvents"]
            # The clocks of two machines.
            if event["Timestamp"] >= since - timedelta(seconds=30)
            and event["ResourceStatus"].endswith("_FAILED")
            and not event.get("ResourceStatusReason", "").startswith(FAILED_ALONG)
        ]
        if not failed:
            return None
        first = min(failed, key=lambda event: event["Timestamp"])
        reason = " ".join(first.get("ResourceStatusReason", "no reason is given").split())
        return f"{first['LogicalResourceId']} ({first['ResourceType']}): {reason}"

    def _wait(self, waiter: str, name: str, since: datetime) -> None:
        from botocore.exceptions import WaiterError

        stack = self.stack(name)
        # By its id, since a name that is deleted is no stack's any more.
        known = stack["StackId"] if stack else name
        try:
            self._formation.get_waiter(waiter).wait(StackName=known, WaiterConfig={"Delay": 15, "MaxAttempts": 480})
        except WaiterError as error:
            raise StageError(f"{name}: {self.failure(known, since) or error}") from None
