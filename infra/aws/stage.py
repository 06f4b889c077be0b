"""A stage: its file in stages/, what the environment adds, and every check that needs no AWS."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.settings import Settings, SettingsError
from infra.aws import template
from infra.aws.capacity import concurrency
from infra.aws.errors import StageError

STAGES = Path(__file__).parent / "stages"
NAME = r"(?=.{2,20}$)[a-z][a-z0-9]*(-[a-z0-9]+)*"
# The stack of that name holds the packages.
TAKEN = frozenset({"artifacts"})
SECTIONS = {"region", "connections", "parameters", "tags"}
MOST_CONNECTIONS = 50_000_000
# Said when a stage is made, or by `renew`, and kept as they are from then on.
KEPT = ("JwtSecret", "SecretsRead", "ZoneNames")
# What would begin anew with empty storage, or with another network.
FIXED = ("Storage", "RestoreFrom", "VpcCidr")


@dataclass(frozen=True, slots=True)
class Stage:
    """What is to be deployed. `parameters` has every one of the template's but those of KEPT that nobody has set."""

    name: str
    region: str
    connections: int
    parameters: Mapping[str, str] = field(repr=False)
    tags: Mapping[str, str]

    @property
    def stack(self) -> str:
        """The name of the stack, and of most of what is in it."""
        return stack_of(self.name)

    @property
    def concurrency(self) -> dict[str, int]:
        """How many of each function may run at once."""
        return {name: int(self.parameters[f"{name}Concurrency"]) for name in concurrency(self.connections)}


def stack_of(name: str) -> str:
    """The stack of a stage. Raises StageError for what is no stage's name."""
    if not re.fullmatch(NAME, name):
        raise StageError(
            f"{name!r} is no name of a stage: 2 to 20 small letters, digits and single hyphens, a letter first."
        )
    if name in TAKEN:
        raise StageError(f"{name!r} is the name of the stack that holds the packages: choose another one.")
    return f"kefu-{name}"


def load(name: str, environ: Mapping[str, str], folder: Path = STAGES) -> Stage:
    """Reads and checks a stage. Raises StageError at the first thing that cannot be deployed."""
    stack_of(name)
    said = read(name, folder)
    if unknown := sorted(said.keys() - SECTIONS):
        raise StageError(f"{name}.toml: {unknown[0]!r} is not known; there are {', '.join(sorted(SECTIONS))}.")
    connections = said.get("connections")
    if type(connections) is not int or not 1 <= connections <= MOST_CONNECTIONS:
        raise StageError(f"{name}.toml: connections must be a whole number from 1 to {MOST_CONNECTIONS:,}.")
    parameters = _parameters(name, _table(name, said, "parameters"), connections, environ)
    region = _region(said.get("region"), environ, parameters["Storage"])
    tags = {**_table(name, said, "tags"), "kefu:stage": name}
    return Stage(name, region, connections, parameters, {key: str(value) for key, value in tags.items()})


def read(name: str, folder: Path = STAGES) -> dict[str, Any]:
    """What a stage's file says. Raises StageError where there is none, or it is no TOML."""
    path = folder / f"{name}.toml"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml")))
        raise StageError(
            f"There is no {path.name} in infra/aws/stages (there are {known}): copy prod.toml and say what differs."
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as mistake:
        raise StageError(f"{path.name} is no TOML: {mistake}.") from None


def _table(name: str, said: Mapping[str, Any], section: str) -> dict[str, Any]:
    table = said.get(section, {})
    if not isinstance(table, dict):
        raise StageError(f"{name}.toml: {section} must be a table, [{section}].")
    return table


def _region(said: object, environ: Mapping[str, str], storage: str) -> str:
    from botocore.session import Session

    session = Session()
    configured = session.get_config_variable("region") if session.full_config else None
    region = said or environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or configured
    if not region:
        raise StageError("No region: name one in the stage's file, or set AWS_REGION (AWS_REGION=eu-central-1).")
    service = {"memorydb": "memorydb", "elasticache": "elasticache"}[storage]
    known = {
        each
        for partition in session.get_available_partitions()
        for each in session.get_available_regions(service, partition)
    }
    if region not in known:
        raise StageError(f"{region!r} is no region of AWS that has {service}: eu-central-1, for example, is one.")
    return str(region)


def _parameters(name: str, said: Mapping[str, Any], connections: int, environ: Mapping[str, str]) -> dict[str, str]:
    known: Mapping[str, Any] = template.to_merge()["Parameters"]
    if unknown := sorted(said.keys() - known.keys()):
        raise StageError(f"{name}.toml: there is no parameter {unknown[0]!r} (infra/aws/template/parameters.yaml).")
    if "JwtSecret" in said:
        raise StageError(f"{name}.toml: a secret has no place in a file: set JWT_SECRET in the environment.")
    if "SecretsRead" in said:
        raise StageError(f"{name}.toml: SecretsRead is for make renew STAGE={name}.")
    values = {each: str(form["Default"]) for each, form in known.items() if "Default" in form}
    values |= {f"{each}Concurrency": str(count) for each, count in concurrency(connections).items()}
    values |= {each: str(value) for each, value in said.items()}
    values["JwtSecret"] = environ.get("JWT_SECRET") or ""
    _check_settings(values)
    for each, value in values.items():
        _check(each, value, known[each])
    if values["DomainName"]:
        for other in ("SocketDomainName", "CertificateArn"):
            if not values[other]:
                raise StageError(f"{name}.toml: DomainName needs {other}, too.")
        if values["DomainName"] == values["SocketDomainName"]:
            raise StageError(f"{name}.toml: DomainName and SocketDomainName must differ: they are two APIs.")
    return {each: value for each, value in values.items() if each not in KEPT or value != str(known[each]["Default"])}


def _check_settings(values: Mapping[str, str]) -> None:
    """What the functions themselves would refuse to start with."""
    try:
        Settings.load(
            {
                "ALLOWED_ORIGINS": values["AllowedOrigins"],
                "JWT_SECRET": values["JwtSecret"],
                "JWT_PUBLIC_KEY": values["JwtPublicKey"],
                "JWT_PREVIOUS_PUBLIC_KEY": values["JwtPreviousPublicKey"],
            }
        )
    except SettingsError as mistake:
        raise StageError(str(mistake)) from None


def _check(parameter: str, value: str, form: Mapping[str, Any]) -> None:
    shown = "what is set" if form.get("NoEcho") else repr(value)
    allowed = [str(each) for each in form.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise StageError(f"{parameter}: {shown} is none of {', '.join(allowed)}.")
    if (pattern := form.get("AllowedPattern")) and not re.fullmatch(pattern, value):
        raise StageError(f"{parameter}: {shown} is not of the form {pattern}.")
    if form["Type"] == "Number":
        least, most = form.get("MinValue"), form.get("MaxValue")
        if (
            not re.fullmatch(r"-?\d+", value)
            or (least is not None and int(value) < least)
            or (most and int(value) > most)
        ):
            bounds = f"from {least:,} to {most:,}" if most else f"of at least {least}"
            raise StageError(f"{parameter}: {shown} is no whole number {bounds}.")
