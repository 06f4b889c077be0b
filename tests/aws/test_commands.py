"""What cannot be deployed is refused in one line, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.aws.package import Package
from tests.aws.cloud import READING, Cloud, Run

COMMANDS = ["plan", "deploy", "renew", "replay", "destroy"]


def refusal(said: tuple[int, str, str]) -> str:
    """The one line of a command that refused."""
    status, _, errors = said
    assert status == 2
    assert errors.startswith("kefu: ")
    assert errors.count("\n") == 1
    return errors


def test_a_package_is_made_without_an_account(built: Package) -> None:
    """The fixture has run the command; what is in the zip is looked at where it is run."""
    assert built.template.stat().st_size < 460_800  # CloudFormation takes no more from a bucket; as a parameter, 51,200
    assert built.sizes[1] < 250 * 2**20  # nor Lambda


@pytest.mark.parametrize("command", COMMANDS)
def test_without_credentials_nothing_is_asked(
    command: str, aws: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "There are no AWS credentials" in refusal(run(command, "prod"))
    assert not aws.calls


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Prod", "no name of a stage"),
        ("-", "no name of a stage"),
        ("prod_2", "no name of a stage"),
        ("../prod", "no name of a stage"),
        ("a-name-that-is-much-too-long", "no name of a stage"),
        ("two--hyphens", "no name of a stage"),
        ("artifacts", "is the name of the stack that holds the packages"),
        ("staging", "There is no staging.toml"),
        ("", "Which stage?"),
    ],
)
def test_a_stage_that_is_none_is_refused(command: str, name: str, said: str, aws: Cloud, run: Run) -> None:
    assert said in refusal(run(command, name) if name else run(command))
    assert not aws.calls


@pytest.mark.parametrize("region", ["eu-central-9", "Frankfurt"])
def test_a_wrong_region_is_refused(region: str, aws: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    assert "is no region of AWS that has memorydb" in refusal(run("deploy", "prod"))
    assert not aws.calls


def test_no_region_is_refused(aws: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    assert "No region" in refusal(run("deploy", "prod"))
    assert not aws.calls


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('DomainName = "kefu.shop.example"', "DomainName needs SocketDomainName, too"),
        (
            'DomainName = "kefu.shop.example"\nSocketDomainName = "kefu-socket.shop.example"',
            "DomainName needs CertificateArn, too",
        ),
        ('DomainNames = "kefu.shop.example"', "there is no parameter 'DomainNames'"),
        ('JwtSecret = "one that everybody with the sources would know"', "a secret has no place in a file"),
        ("Zones = 4", "Zones: '4' is none of 2, 3"),
    ],
)
def test_parameters_that_cannot_be_deployed_are_refused(
    line: str, said: str, aws: Cloud, stages: Path, run: Run
) -> None:
    (stages / "prod.toml").write_text(f"connections = 100\n[parameters]\n{line}\n", encoding="utf-8")
    assert said in refusal(run("deploy", "prod"))
    assert not aws.calls


def test_a_secret_that_is_too_short_is_refused(aws: Cloud, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JWT_SECRET", "swordfish")
    line = refusal(run("deploy", "prod"))
    assert "JWT_SECRET must have at least 32 bytes" in line
    assert "swordfish" not in line
    assert not aws.calls


@pytest.mark.parametrize("command", ["plan", "deploy"])
def test_an_account_that_is_too_small_is_refused(command: str, aws: Cloud, run: Run) -> None:
    aws.concurrency = 400
    line = refusal(run(command, "prod"))
    assert "this account has 300 to reserve" in line
    assert "L-B99A9384" in line
    assert aws.calls
    assert set(aws.calls) <= READING


@pytest.mark.parametrize("command", ["renew", "replay", "destroy"])
def test_a_stack_that_is_not_there_is_not_looked_for_further(command: str, aws: Cloud, run: Run) -> None:
    assert "There is no stack kefu-prod in eu-central-1" in refusal(run(command, "prod"))
    assert set(aws.calls) <= READING
