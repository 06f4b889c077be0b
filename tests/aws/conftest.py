"""One real package for the whole folder, since making it takes some ten seconds; and an account to deploy it to."""

from __future__ import annotations

import fcntl
import functools
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.loaders import JSONFileLoader

from infra.aws import __main__ as commands
from infra.aws import deploy, package, stage
from infra.aws.package import Package
from tests.aws import combinations
from tests.aws.cloud import REGION, Cloud, Run, serving
from tests.aws.combinations import Choice
from tests.aws.evaluating import Evaluation, Template
from tests.aws.rules import Stack
from tests.aws.transforming import transformed

# Every command makes a session, and every session reads the models of the services anew, a second's work.
MODELS = functools.cache(JSONFileLoader().load_file)


@pytest.fixture(scope="package", autouse=True)
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test of this folder finds the credentials or the configuration of whoever runs it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"):
            patch.delenv(name, raising=False)
        nowhere = tmp_path_factory.mktemp("aws") / "none"
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            patch.setenv(name, str(nowhere))
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        # samtranslator asks which partition it is in.
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        yield


@pytest.fixture(scope="package")
def built(tmp_path_factory: pytest.TempPathFactory) -> Package:
    """What `make package STAGE=prod` makes, without credentials and without a region."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # then two at a time need it, and the first one makes it
        shared = shared.parent
    made = Package(shared / "prod" / "template.json", shared / "prod" / "deployment.zip")
    with open(shared / "package.lock", "w") as lock, pytest.MonkeyPatch.context() as patch:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.template.exists():  # it is written last
            patch.setattr(deploy, "BUILD", shared)
            patch.delenv("AWS_DEFAULT_REGION")
            assert commands.main(["package", "prod"]) == 0
    return made


@pytest.fixture(scope="package")
def sam(built: Package) -> Template:
    """The template as it is handed to CloudFormation."""
    template: Template = json.loads(built.template.read_text(encoding="utf-8"))
    return template


@pytest.fixture(scope="package")
def evaluation(sam: Template) -> Evaluation:
    """The template after SAM's transformation, for any parameters."""
    return Evaluation(transformed(sam))


@pytest.fixture(scope="package")
def stacks(sam: Template, evaluation: Evaluation) -> dict[Choice, Stack]:
    """What is made of every combination of choices."""
    return {choice: Stack(evaluation.concrete(combinations.parameters(choice, sam))) for choice in combinations.every()}


@pytest.fixture(scope="module")
def account() -> Iterator[Cloud]:
    with serving() as cloud:
        yield cloud


@pytest.fixture
def aws(account: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """An account with nothing in it, credentials for it, and a region."""
    account.clear()
    monkeypatch.setattr(JSONFileLoader, "load_file", lambda _, path: MODELS(path))
    for name, value in (
        ("AWS_ENDPOINT_URL", account.url),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", REGION),
        ("AWS_MAX_ATTEMPTS", "1"),
    ):
        monkeypatch.setenv(name, value)
    return account


@pytest.fixture
def stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of stages, with prod in it."""
    folder = tmp_path / "stages"
    shutil.copytree(stage.STAGES, folder)
    monkeypatch.setattr(commands, "load", lambda name, environ: stage.load(name, environ, folder))
    return folder


@pytest.fixture
def run(
    stages: Path, tmp_path: Path, built: Package, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """A command: its status, and what it says on both streams. It takes the package that is there already."""

    def build(out: Path) -> Package:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir(parents=True)
        return Package(*(Path(shutil.copy(each, out)) for each in (built.template, built.archive)))

    def command(*arguments: str) -> tuple[int, str, str]:
        status = commands.main(list(arguments))
        return status, *capsys.readouterr()

    monkeypatch.setattr(package, "build", build)
    monkeypatch.setattr(deploy, "BUILD", tmp_path / "build")
    return command
