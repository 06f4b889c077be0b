"""A stage's file: what it may say, what follows from it, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from infra.aws import stage
from infra.aws.capacity import concurrency
from infra.aws.errors import StageError
from infra.aws.stage import KEPT, STAGES, Stage, load

REGION = {"AWS_REGION": "eu-central-1"}
SECRET = "a secret of the tests, long enough for HS256"


def stage_of(tmp_path: Path, text: str, **environ: str) -> Stage:
    """The stage `prod` of a file with this text."""
    (tmp_path / "prod.toml").write_text(text, encoding="utf-8")
    return load("prod", REGION | environ, tmp_path)


def refused(tmp_path: Path, text: str, **environ: str) -> str:
    with pytest.raises(StageError) as refusal:
        stage_of(tmp_path, text, **environ)
    assert "\n" not in str(refusal.value)
    return str(refusal.value)


@pytest.mark.parametrize("path", sorted(STAGES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_stages_that_come_with_it_can_be_deployed(path: Path) -> None:
    made = load(path.stem, REGION)
    assert (made.name, made.stack, made.region) == (path.stem, f"kefu-{path.stem}", "eu-central-1")
    assert made.tags["kefu:stage"] == path.stem


def test_what_is_not_said_has_its_default(tmp_path: Path) -> None:
    made = stage_of(tmp_path, "connections = 500")
    assert made.parameters["Storage"] == "memorydb"
    assert made.parameters["LogDays"] == "30"
    assert made.parameters["AlarmEmail"] == ""


def test_what_is_said_is_a_text_for_the_template(tmp_path: Path) -> None:
    made = stage_of(tmp_path, 'connections = 500\n[parameters]\nLogDays = 7\n[tags]\nteam = "chat"')
    assert made.parameters["LogDays"] == "7"
    assert made.tags == {"team": "chat", "kefu:stage": "prod"}


@pytest.mark.parametrize("connections", [1, 20_000, 1_000_000])
def test_how_many_functions_run_follows_from_the_connections(connections: int, tmp_path: Path) -> None:
    made = stage_of(tmp_path, f"connections = {connections}")
    assert made.concurrency == concurrency(connections)
    assert made.parameters["FlushConcurrency"] == str(concurrency(connections)["Flush"])


def test_how_many_functions_run_can_be_said(tmp_path: Path) -> None:
    made = stage_of(tmp_path, "connections = 500\n[parameters]\nSweepConcurrency = 3")
    assert made.concurrency == {**concurrency(500), "Sweep": 3}


def test_what_nobody_has_set_stays_as_it_is_in_the_stack(tmp_path: Path) -> None:
    assert not made_parameters(tmp_path) & set(KEPT)
    assert made_parameters(tmp_path, JWT_SECRET=SECRET) & set(KEPT) == {"JwtSecret"}


def made_parameters(tmp_path: Path, **environ: str) -> set[str]:
    return set(stage_of(tmp_path, "connections = 500", **environ).parameters)


def test_a_secret_is_in_no_representation(tmp_path: Path) -> None:
    made = stage_of(tmp_path, "connections = 500", JWT_SECRET=SECRET)
    assert made.parameters["JwtSecret"] == SECRET
    assert SECRET not in repr(made)


@pytest.mark.parametrize(
    ("file", "environ", "region"),
    [
        ("", {"AWS_REGION": "us-east-1"}, "us-east-1"),
        ("", {"AWS_DEFAULT_REGION": "us-east-1"}, "us-east-1"),
        ("", {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-west-2"}, "us-east-1"),
        ('region = "eu-west-1"', {"AWS_REGION": "us-east-1"}, "eu-west-1"),
        ('region = "cn-north-1"', {}, "cn-north-1"),
    ],
)
def test_the_file_names_the_region_or_else_the_environment(
    file: str, environ: dict[str, str], region: str, tmp_path: Path
) -> None:
    (tmp_path / "prod.toml").write_text(f"{file}\nconnections = 500", encoding="utf-8")
    assert load("prod", environ, tmp_path).region == region


def test_without_any_region_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    (tmp_path / "prod.toml").write_text("connections = 500", encoding="utf-8")
    with pytest.raises(StageError, match="No region"):
        load("prod", {}, tmp_path)


@pytest.mark.parametrize("name", ["prod", "a1", "eu-west-2", "a" * 20])
def test_a_name_makes_a_stack(name: str) -> None:
    assert stage.stack_of(name) == f"kefu-{name}"


@pytest.mark.parametrize("name", ["", "p", "Prod", "1st", "-a", "a-", "a--b", "a_b", "a.b", "../a", "a" * 21, "prod\n"])
def test_what_is_no_name_makes_none(name: str) -> None:
    with pytest.raises(StageError, match="no name of a stage"):
        stage.stack_of(name)


def test_the_stack_of_the_packages_is_no_stage() -> None:
    with pytest.raises(StageError, match="holds the packages"):
        stage.stack_of("artifacts")


def test_a_stage_without_a_file_names_those_that_have_one(tmp_path: Path) -> None:
    (tmp_path / "trial.toml").touch()
    with pytest.raises(StageError, match=r"There is no prod.toml in infra/aws/stages \(there are trial\)"):
        load("prod", REGION, tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("connections = ", "prod.toml is no TOML"),
        ("", "connections must be a whole number"),
        ("connections = 0", "connections must be a whole number"),
        ("connections = true", "connections must be a whole number"),
        ('connections = "500"', "connections must be a whole number"),
        ("connections = 50_000_001", "connections must be a whole number"),
        ("connections = 500\nparameters = 5", r"parameters must be a table"),
        ("connections = 500\ntags = []", r"tags must be a table"),
        ("connections = 500\nstorage = 5", "'storage' is not known"),
        ('connections = 500\nregion = "eu-central-9"', "'eu-central-9' is no region of AWS that has memorydb"),
        ('connections = 500\n[parameters]\nDomain = "a.example"', "there is no parameter 'Domain'"),
        ('connections = 500\n[parameters]\nSecretsRead = "3"', "SecretsRead is for make renew STAGE=prod"),
        (f'connections = 500\n[parameters]\nJwtSecret = "{SECRET}"', "a secret has no place in a file"),
        ('connections = 500\n[parameters]\nStorage = "redis"', "Storage: 'redis' is none of memorydb, elasticache"),
        ("connections = 500\n[parameters]\nLogDays = 8", "LogDays: '8' is none of 1, 3, 5"),
        ("connections = 500\n[parameters]\nRedisShards = 501", "RedisShards: '501' is no whole number from 1 to 500"),
        ("connections = 500\n[parameters]\nRateLimit = 1.5", "RateLimit: '1.5' is no whole number"),
        ("connections = 500\n[parameters]\nSweepConcurrency = 0", "SweepConcurrency: '0' is no whole number"),
        ('connections = 500\n[parameters]\nVpcCidr = "10.0.0.0/24"', "VpcCidr: '10.0.0.0/24' is not of the form"),
        ('connections = 500\n[parameters]\nAllowedOrigins = "shop.example"', "shop.example is no origin"),
        ('connections = 500\n[parameters]\nJwtPublicKey = "nonsense"', "JWT_PUBLIC_KEY is not a public key"),
        (
            'connections = 500\n[parameters]\nDomainName = "a.example"\nSocketDomainName = "a.example"\n'
            'CertificateArn = "arn:aws:acm:eu-central-1:123456789012:certificate/1"',
            "must differ",
        ),
        ('connections = 500\n[parameters]\nDomainName = "a.example"', "DomainName needs SocketDomainName"),
    ],
)
def test_what_cannot_be_deployed_is_refused(text: str, said: str, tmp_path: Path) -> None:
    assert said in refused(tmp_path, text)


@pytest.mark.parametrize("secret", ["short", 'a secret with a " that would end its JSON before its time'])
def test_a_secret_that_cannot_be_used_is_refused_and_not_shown(secret: str, tmp_path: Path) -> None:
    assert secret not in refused(tmp_path, "connections = 500", JWT_SECRET=secret)


def test_a_public_key_with_its_line_ends_written_out_is_taken(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode().strip().replace("\n", "\\n")
    made = stage_of(tmp_path, f"connections = 500\n[parameters]\nJwtPublicKey = '{pem}'")
    assert made.parameters["JwtPublicKey"] == pem
