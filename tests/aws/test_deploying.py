"""A stack is planned, made, changed, renewed and removed: the commands and the `aws` that they call, against moto.

Unverified without AWS: that CloudFormation makes this stack (moto runs no transformation, so the real template stops at
ExecuteChangeSet), and that outputs are said (moto has none for what a change set made). Both are asserted where moto
stops. To moto a network changes each time, so what happens when nothing changes begins with the word of the CLI for it.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pytest
from awscli.clidriver import create_clidriver
from awscli.customizations.cloudformation.deployer import Deployer
from awscli.customizations.cloudformation.exceptions import ChangeEmptyError
from botocore.exceptions import ClientError
from moto.cloudformation.models import Event, Stack, cloudformation_backends
from moto.core.config import default_user_config

from infra.aws import deploy, package, programs
from infra.aws.package import Package
from tests.aws.calls import archive
from tests.aws.cloud import REGION, Cloud, Run
from tests.aws.evaluating import Template

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse:UserWarning")  # moto's, of what it does not carry
ACCOUNT, STACK = "123456789012", "kefu-trial"
# What moto's CloudFormation carries, and enough to see that a stack is made.
SMALL = ("Alarms", "AlarmsKey", "DeadLetters", "FlushLog", "Vpc")
TOPIC = {"Resources": {"Alarms": {"Type": "AWS::SNS::Topic"}}}


def client(service: str) -> Any:
    return boto3.client(service, region_name=REGION)


def stack() -> dict[str, Any]:
    found: dict[str, Any] = client("cloudformation").describe_stacks(StackName=STACK)["Stacks"][0]
    return found


def within_moto() -> Stack:
    return cloudformation_backends[ACCOUNT][REGION].get_stack(STACK)


def parameters() -> dict[str, str]:
    return {each["ParameterKey"]: each["ParameterValue"] for each in stack()["Parameters"]}


@pytest.fixture
def commanded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Runs `aws` in this process, which takes a quarter of the time; the arguments of every command."""
    seen: list[tuple[str, ...]] = []

    def here(name: str, *arguments: str | Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        texts = tuple(map(str, arguments))
        seen.append(texts)
        out, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            status = create_clidriver().main(list(texts))
        return subprocess.CompletedProcess(texts, status, out.getvalue(), errors.getvalue())

    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(programs, "run", here)
    return seen


@pytest.fixture
def small(run: Run, sam: Template, commanded: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the package, one whose stack moto can make."""
    function = {"CodeUri": "./deployment.zip", "Handler": "app.flush", "Runtime": "python3.11"}
    resources = {name: sam["Resources"][name] for name in SMALL}
    resources["Flush"] = {"Type": "AWS::Serverless::Function", "Properties": function}
    outputs = {"DeadLettersUrl": sam["Outputs"]["DeadLettersUrl"]}
    template = {key: each for key, each in sam.items() if key != "Rules"} | {"Resources": resources, "Outputs": outputs}

    def build(out: Path) -> Package:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        (out / "template.json").write_text(json.dumps(template), encoding="utf-8")
        (out / "deployment.zip").write_bytes(archive())
        return Package(out / "template.json", out / "deployment.zip")

    monkeypatch.setattr(package, "build", build)


def test_the_real_template_goes_as_far_as_moto_goes(aws: Cloud, run: Run, built: Package) -> None:
    """Unverified: that CloudFormation makes the stack. moto fails at ExecuteChangeSet, for want of a transformation."""
    status, said, errors = run("deploy", "prod")
    assert (status, errors.count("\n")) == (2, 1)
    assert "kefu-prod was not deployed." in errors
    assert "run make deploy STAGE=prod again" in errors
    assert aws.failed == ["ExecuteChangeSet"]
    resource = {"StackName": deploy.ARTIFACTS_STACK, "LogicalResourceId": "Bucket"}
    made = client("cloudformation").describe_stack_resource(**resource)
    bucket = made["StackResourceDetail"]["PhysicalResourceId"]
    storage = client("s3")
    assert storage.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    with pytest.raises(ClientError, match="NoSuchPublicAccessBlock"):  # moto's CloudFormation leaves that out
        storage.get_public_access_block(Bucket=bucket)
    packed, template = sorted(
        (each["Key"] for each in storage.list_objects_v2(Bucket=bucket)["Contents"]), key=lambda key: Path(key).suffix
    )
    assert (Path(packed).suffix, Path(template).suffix) == ("", ".template")
    assert packed.startswith("kefu-prod/")
    assert storage.get_object(Bucket=bucket, Key=packed)["Body"].read() == built.archive.read_bytes()
    uploaded = json.loads(storage.get_object(Bucket=bucket, Key=template)["Body"].read())
    functions = [each for each in uploaded["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    assert {each["Properties"]["CodeUri"] for each in functions} == {f"s3://{bucket}/{packed}"}
    assert f"{built.archive.stat().st_size / 1e6:.1f} MB" in said


@pytest.mark.usefixtures("small")
def test_a_stack_is_made_and_protected(aws: Cloud, run: Run) -> None:
    """Unverified: that the outputs are said. moto has none for what a change set made."""
    status, said, errors = run("deploy", "trial")
    assert (status, errors) == (0, "")
    assert not aws.failed
    assert stack()["StackStatus"] == "CREATE_COMPLETE"
    assert not stack().get("Outputs")
    assert "Deploying kefu-trial to eu-central-1" in said
    assert len(client("sqs").list_queues()["QueueUrls"]) == 1
    assert parameters()["Storage"] == "elasticache"
    assert parameters()["ZoneNames"] == "eu-central-1a,eu-central-1b"
    assert int(parameters()["FlushConcurrency"]) >= 5
    assert {each["Key"]: each["Value"] for each in stack()["Tags"]} == {"service": "kefu", "kefu:stage": "trial"}
    assert json.loads(client("cloudformation").get_stack_policy(StackName=STACK)["StackPolicyBody"]) == deploy.POLICY
    assert aws.protected == {STACK: True}


@pytest.mark.usefixtures("small")
def test_a_secret_is_on_no_command_line_and_in_no_file_and_is_kept(
    run: Run, commanded: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, aws: Cloud
) -> None:
    secret = "a secret that the marketplace knows, too"
    monkeypatch.setenv("JWT_SECRET", secret)
    status, said, _ = run("deploy", "trial")
    assert status == 0
    assert parameters()["JwtSecret"] == secret
    assert secret not in str(commanded) + said
    assert not [path for path in tmp_path.rglob("*.json") if secret in path.read_text(encoding="utf-8")]
    monkeypatch.setenv("JWT_SECRET", "a secret of another stage, in somebody's shell")
    status, said, _ = run("deploy", "trial")
    assert status == 0
    assert "JWT_SECRET is not used" in said
    assert parameters()["JwtSecret"] == secret


@pytest.mark.usefixtures("small")
def test_a_plan_says_what_would_change_and_changes_nothing(aws: Cloud, run: Run, stages: Path) -> None:
    status, said, errors = run("plan", "trial")
    assert (status, errors) == (0, "")
    assert "Add     DeadLetters AWS::SQS::Queue" in said
    assert f"{len(SMALL) + 1} changes. make deploy STAGE=trial carries them out." in said
    with pytest.raises(ClientError, match="does not exist"):
        stack()
    assert "QueueUrls" not in client("sqs").list_queues()
    assert run("deploy", "trial")[0] == 0
    before = stack()
    aws.calls.clear()
    status, said, _ = run("plan", "trial")
    assert status == 0
    assert "DeadLetters" not in said
    assert stack() == before
    assert aws.changing[-1] == "DeleteChangeSet"


@pytest.mark.usefixtures("small")
def test_nothing_to_change_is_no_failure(run: Run, aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("deploy", "trial")[0] == 0

    def nothing(*_: Any, **__: Any) -> None:
        raise ChangeEmptyError(stack_name=STACK)

    monkeypatch.setattr(Deployer, "create_and_wait_for_changeset", nothing)
    status, said, errors = run("plan", "trial")
    assert (status, errors) == (0, "")
    assert said.endswith("Nothing would change.\n")
    aws.calls.clear()
    assert run("deploy", "trial")[::2] == (0, "")
    assert "ExecuteChangeSet" not in aws.calls
    assert aws.protected == {STACK: True}


@pytest.mark.usefixtures("small")
def test_a_failure_is_said_in_one_line(run: Run, aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("deploy", "trial")[0] == 0
    for name, reason in (("Vpc", "Resource creation cancelled"), ("Flush", "The quota\n  is used up (Lambda)")):
        event = Event(stack()["StackId"], STACK, name, name, "AWS::X::Y", "CREATE_FAILED", reason, None)
        within_moto().events.append(event)
    aws.broken.add("ExecuteChangeSet")
    status, _, errors = run("deploy", "trial")
    assert (status, errors.count("\n")) == (2, 1)
    assert errors.startswith("kefu: kefu-trial was not deployed. Flush (AWS::X::Y): The quota is used up (Lambda)")
    assert "run make deploy STAGE=trial again" in errors


@pytest.mark.usefixtures("small")
def test_a_stack_that_never_came_up_is_made_anew(run: Run, aws: Cloud) -> None:
    assert run("deploy", "trial")[0] == 0
    first = stack()["StackId"]
    within_moto().status = "ROLLBACK_COMPLETE"
    status, said, _ = run("deploy", "trial")
    assert status == 0
    assert "kefu-trial never came up (ROLLBACK_COMPLETE): it is removed first." in said
    assert stack()["StackId"] != first


@pytest.mark.parametrize(
    ("name", "value"), [("Storage", "memorydb"), ("RestoreFrom", "a-snapshot"), ("VpcCidr", "10.9.0.0/16")]
)
def test_what_would_begin_anew_is_refused(name: str, value: str, run: Run, aws: Cloud) -> None:
    texts = {name: {"Type": "String", "Default": value}}
    client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps({**TOPIC, "Parameters": texts}))
    aws.calls.clear()
    status, _, errors = run("deploy", "trial")
    assert (status, errors.count("\n")) == (2, 1)
    assert f"{name} cannot be changed, it is '{value}'" in errors
    assert not aws.changing


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("state", "said"),
    [("UPDATE_IN_PROGRESS", "wait until that is over"), ("UPDATE_ROLLBACK_FAILED", "continue-update-rollback")],
)
def test_a_stack_that_takes_no_change_is_left_alone(state: str, said: str, run: Run, aws: Cloud) -> None:
    client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps(TOPIC))
    within_moto().status = state
    aws.calls.clear()
    status, _, errors = run("deploy", "trial")
    assert (status, errors.count("\n")) == (2, 1)
    assert said in errors
    assert stack()["StackStatus"] == state
    assert "DeleteStack" not in aws.calls


def test_renewing_changes_the_one_parameter(run: Run, aws: Cloud) -> None:
    texts = {"SecretsRead": {"Type": "String", "Default": "0"}, "LogDays": {"Type": "String", "Default": "7"}}
    client("cloudformation").create_stack(
        StackName=STACK,
        TemplateBody=json.dumps({**TOPIC, "Parameters": texts}),
        Parameters=[{"ParameterKey": "LogDays", "ParameterValue": "30"}],
    )
    status, said, _ = run("renew", "trial")
    assert status == 0
    assert "reads its secrets as they are" in said
    assert parameters()["LogDays"] == "30"
    assert int(parameters()["SecretsRead"]) > 1_600_000_000
    assert stack()["StackStatus"] == "UPDATE_COMPLETE"


def test_dead_letters_are_handed_over_once_each(run: Run, aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(default_user_config, "lambda", {"use_docker": False})
    role = client("iam").create_role(RoleName="flush", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    client("lambda").create_function(
        FunctionName="flush", Role=role, Runtime="python3.11", Handler="app.flush", Code={"ZipFile": archive()}
    )
    queue = client("sqs").create_queue(QueueName="letters")["QueueUrl"]
    for number in range(12):
        client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps({"connection": f"c{number}"}))
    outputs = {"DeadLettersUrl": {"Value": queue}, "FlushName": {"Value": "flush"}}
    client("cloudformation").create_stack(StackName=STACK, TemplateBody=json.dumps({**TOPIC, "Outputs": outputs}))
    aws.calls.clear()
    status, said, _ = run("replay", "trial")
    assert status == 0
    assert "12 dead letters were handed to flush again." in said
    assert aws.calls.count("POST invocations") == 12
    left = client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["All"])["Attributes"]
    assert (left["ApproximateNumberOfMessages"], left["ApproximateNumberOfMessagesNotVisible"]) == ("0", "0")


@pytest.mark.usefixtures("small")
def test_destroying_asks_first(run: Run, aws: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("deploy", "trial")[0] == 0
    aws.calls.clear()
    for typed in ("", "yes", "kefu"):
        monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n" if typed else ""))
        status, _, errors = run("destroy", "trial")
        assert (status, errors) == (2, "kefu: Nothing was removed.\n")
    assert not aws.changing
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{STACK}\n"))
    assert run("destroy", "trial")[0] == 0
    assert aws.protected == {STACK: False}
    with pytest.raises(ClientError, match="does not exist"):
        stack()
    assert "QueueUrls" not in client("sqs").list_queues()
    assert len(client("s3").list_buckets()["Buckets"]) == 1  # the packages stay
