"""What the package holds, for both architectures, and that it is enough to start from."""

from __future__ import annotations

import asyncio
import re
import zipfile
from collections.abc import Mapping
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path, PurePosixPath

import pytest

from infra.aws.package import ROOT, Package
from infra.local.functions import InvocationError
from tests.artifact.conftest import HERE
from tests.artifact.deployed import Deployed
from tests.artifact.functions import Instance

PACKED_LIMIT, UNPACKED_LIMIT = 50_000_000, 250_000_000  # Lambda's, of what is uploaded as it is, and of what it becomes
MACHINES = {"x86_64": (62, "x86_64-linux-gnu"), "arm64": (183, "aarch64-linux-gnu")}  # ELF's e_machine, and in names
OURS = {"app.py", "chalicelib"}
PACKAGES = {"cffi", "chalice", "cryptography", "hiredis", "jwt", "minify", "msgspec", "pycparser", "redis"}
DESCRIBED = PACKAGES - {"chalice", "jwt", "minify"} | {"pyjwt", "tdewolff_minify"}
UNCHECKED = b"\1\0\0\0"  # by its hash, and the source is not looked at
UNWANTED = {"boto3", "botocore", "infra", "pip", "setuptools", "test", "tests", ".chalice"}


def files(package: Package) -> dict[str, bytes]:
    """All files of a package, by path."""
    with zipfile.ZipFile(package.archive) as archive:
        assert len(set(archive.namelist())) == len(archive.namelist())
        return {name: archive.read(name) for name in archive.namelist()}


def is_description(name: str) -> bool:
    return PurePosixPath(name).parts[0].endswith(".dist-info")


@pytest.fixture(scope="module", params=MACHINES)
def architecture(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def held(packages: Mapping[str, Package], architecture: str) -> dict[str, bytes]:
    return files(packages[architecture])


def test_a_package_is_within_lambda_s_limits(
    packages: Mapping[str, Package], architecture: str, capsys: pytest.CaptureFixture[str]
) -> None:
    packed, unpacked = packages[architecture].sizes
    with capsys.disabled():
        print(f"\nThe package for {architecture}: {packed:,} bytes, unpacked {unpacked:,} bytes.")
    assert 1_000_000 < packed < PACKED_LIMIT
    assert packed < unpacked < UNPACKED_LIMIT


def test_it_holds_what_runs_and_nothing_else(held: dict[str, bytes], architecture: str) -> None:
    top = {PurePosixPath(name).parts[0] for name in held}
    described = {re.sub(r"-[0-9.]+\.dist-info$", "", name) for name in top if is_description(name)}
    assert described == DESCRIBED
    (backend,) = {name for name in top if name.startswith("_cffi_backend.")}
    assert {name for name in top if not is_description(name)} == OURS | PACKAGES | {backend, "__pycache__"}
    assert not [name for name in held if UNWANTED & set(PurePosixPath(name).parts)]


def test_every_module_has_its_bytecode_which_is_never_compared(held: dict[str, bytes]) -> None:
    bytecode = {name: body for name, body in held.items() if "__pycache__" in PurePosixPath(name).parts}
    assert bytecode.keys() == {cache_from_source(name) for name in held if name.endswith(".py")}
    for name, body in bytecode.items():
        assert body[:8] == MAGIC_NUMBER + UNCHECKED, name


def test_it_holds_the_sources_as_they_are(held: dict[str, bytes]) -> None:
    sources = [ROOT / "app.py", *(path for path in (ROOT / "chalicelib").rglob("*") if path.is_file())]
    wanted = {path.relative_to(ROOT).as_posix(): path for path in sources if "__pycache__" not in path.parts}
    ours = {
        name: body
        for name, body in held.items()
        if PurePosixPath(name).parts[0] in OURS and "__pycache__" not in PurePosixPath(name).parts
    }
    assert ours == {name: path.read_bytes() for name, path in wanted.items()}


def test_what_is_compiled_is_for_the_machine(held: dict[str, bytes], architecture: str) -> None:
    machine, _ = MACHINES[architecture]
    compiled = {name: body for name, body in held.items() if ".so" in PurePosixPath(name).suffixes}
    assert len(compiled) == 5
    for name, body in compiled.items():
        assert body[:6] == b"\x7fELF\x02\x01", f"{name} is no ELF file of 64 bits, little-endian"
        assert int.from_bytes(body[18:20], "little") == machine, name
    assert not [name for name, body in held.items() if body.startswith(b"\x7fELF") and name not in compiled]


def test_the_architectures_differ_in_what_is_compiled_alone(packages: Mapping[str, Package]) -> None:
    def without_machine(architecture: str) -> dict[str, bytes]:
        _, word = MACHINES[architecture]
        return {name.replace(word, "MACHINE"): body for name, body in files(packages[architecture]).items()}

    one, other = without_machine("x86_64"), without_machine("arm64")
    assert one.keys() == other.keys()
    differing = {name for name in one if one[name] != other[name] and not is_description(name)}
    assert differing == {name for name in one if name.endswith(".so")}


def test_the_same_sources_make_the_same_bytes(packages: Mapping[str, Package]) -> None:
    assert packages["again"].archive.read_bytes() == packages["arm64"].archive.read_bytes()
    assert packages["again"].template.read_bytes() == packages["arm64"].template.read_bytes()


def test_what_runs_writes_nothing_beside_it(
    deployed: Deployed, unpacked: Path, packages: Mapping[str, Package]
) -> None:
    # Lambda's disk is read-only there.
    there = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*") if path.is_file()}
    assert there == files(packages[HERE]).keys()


@pytest.mark.parametrize("name", ["pytest", "aiohttp", "boto3", "botocore", "chalice.cli", "pip", "infra", "tests"])
def test_a_function_has_nothing_at_hand_but_the_package(
    deployed: Deployed, unpacked: Path, tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvocationError, match=f"ModuleNotFoundError: No module named '{name}'"):
        asyncio.run(imported(deployed, unpacked, tmp_path, name))


@pytest.mark.parametrize("name", ["hiredis", "msgspec", "minify", "cryptography.hazmat.bindings._rust", "json"])
def test_a_function_has_the_package_and_the_standard_library(
    deployed: Deployed, unpacked: Path, tmp_path: Path, name: str
) -> None:
    # It was imported, but a module is nothing that Lambda could hand on.
    with pytest.raises(InvocationError, match="MarshalError: Object of type module is not JSON serializable"):
        asyncio.run(imported(deployed, unpacked, tmp_path, name))


async def imported(deployed: Deployed, package: Path, folder: Path, name: str) -> None:
    """Have a function import a module: any callable that takes two arguments can be a handler."""
    environment = {**deployed.functions.environment("Sweep"), "_HANDLER": "importlib.import_module"}
    instance = await Instance.start(package, environment, {}, folder / "log", at_once=1)
    try:
        await instance.call(name, timeout_s=20)
    finally:
        await instance.stop()
