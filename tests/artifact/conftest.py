"""The packages, made once, and one of them deployed on this machine; every test opens stores and brings people."""

from __future__ import annotations

import json
import platform
import zipfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from infra.aws import package
from infra.aws.package import Package
from tests.artifact import certificates, storage
from tests.artifact.cloudformation import Stack
from tests.artifact.deployed import Deployed
from tests.artifact.front import Names
from tests.e2e import conftest as e2e
from tests.e2e.conftest import Marketplace

# The operator and a store, as in the tests of the service, here at the package.
shop = e2e.shop

HERE = {"x86_64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}[platform.machine()]
# As a stage chooses; the rest is the template's own.
PARAMETERS = {"AllowedOrigins": "https://market.example", "RateLimit": "1000", "ClaimGraceS": "77"}


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Package]:
    """By architecture; `again` is the second one of arm64."""
    folder = tmp_path_factory.mktemp("packages")
    wanted = {"x86_64": "x86_64", "arm64": "arm64", "again": "arm64"}

    def built(name: str) -> Package:
        return package.build(folder / name, architecture=wanted[name])

    with ThreadPoolExecutor() as side_by_side:
        return dict(zip(wanted, side_by_side.map(built, wanted), strict=True))


@pytest.fixture(scope="session")
def unpacked(packages: Mapping[str, Package], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with nothing in it but the package for this machine."""
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(packages[HERE].archive) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def stack(packages: Mapping[str, Package]) -> Stack:
    """What the template makes, with the parameters of a stage."""
    template = json.loads(packages[HERE].template.read_text(encoding="utf-8"))
    concurrency = {f"{name}Concurrency": "10" for name in _functions(template)}
    return Stack(template, "kefu-artifact", {**PARAMETERS, **concurrency})


def _functions(template: Mapping[str, Mapping[str, Mapping[str, object]]]) -> list[str]:
    return [name for name, each in template["Resources"].items() if each["Type"] == "AWS::Serverless::Function"]


@pytest.fixture(scope="session")
def deployed(stack: Stack, unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """The package as a running service, with a cluster of its own."""
    folder = tmp_path_factory.mktemp("deployed")
    certificate = certificates.made(folder, [*Names(stack).called(), *storage.names(stack)])
    with (
        storage.running(stack, folder, certificate) as cluster,
        Deployed(stack, cluster, certificate, folder).running(unpacked) as service,
    ):
        yield service


@pytest.fixture
def market(deployed: Deployed) -> Iterator[Marketplace]:
    """The operator's view of it. Whatever failed behind it, or was refused to a function, fails the test."""
    with deployed.flawless():
        marketplace = Marketplace(deployed)
        yield marketplace
        marketplace.close()
