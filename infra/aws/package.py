"""From the sources to what CloudFormation takes: build/STAGE/template.json and, beside it, deployment.zip."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from infra.aws import programs, template
from infra.aws.errors import StageError

ROOT = Path(__file__).resolve().parents[2]
# Chalice's runtime is put into the package by Chalice itself, and nothing deployed imports boto3 (decision 0018).
NOT_PACKAGED = frozenset({"chalice", "boto3"})
REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+)(\[[^\]]*\])?==([^;\s]+)")
PYTHONS = frozenset({(3, 11), (3, 12), (3, 13)})
# The oldest date that a zip can say: the same sources make the same bytes.
DATE = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True)
class Package:
    """The files that were made."""

    template: Path
    archive: Path

    @property
    def sizes(self) -> tuple[int, int]:
        """Bytes of the archive, packed and unpacked."""
        with zipfile.ZipFile(self.archive) as archive:
            return self.archive.stat().st_size, sum(entry.file_size for entry in archive.infolist())


def build(out: Path, *, architecture: str = "arm64", source: Path = ROOT) -> Package:
    """Package `source` (app.py, chalicelib, requirements.txt, .chalice) into the folder `out`. Raises StageError."""
    if sys.version_info[:2] not in PYTHONS:
        raise StageError("The functions get the Python that packages them: use 3.11, 3.12 or 3.13 (make PYTHON=…).")
    project, made, unpacked = out / "project", out / "chalice", out / "unpacked"
    shutil.rmtree(out, ignore_errors=True)
    requirements = _copy(source, project, architecture)
    merging = template.to_merge()
    (out / "merge.json").write_text(json.dumps(merging, indent=1), encoding="utf-8")
    _chalice(project, out / "merge.json", made)
    package = Package(out / "template.json", out / "deployment.zip")
    _compile(made / "deployment.zip", unpacked)
    _pack(unpacked, package.archive)
    _check_complete(package.archive, requirements)
    merged = json.loads((made / "sam.json").read_text(encoding="utf-8"))
    finished = template.finished(merged, merging["Outputs"])
    package.template.write_text(json.dumps(finished, indent=1, sort_keys=True), encoding="utf-8")
    return package


def _copy(source: Path, project: Path, architecture: str) -> list[str]:
    """A project with nothing in it but what is shipped; the names of the packages that it needs."""
    (project / ".chalice").mkdir(parents=True)
    shutil.copy(source / "app.py", project)
    shutil.copytree(
        source / "chalicelib", project / "chalicelib", ignore=shutil.ignore_patterns("__pycache__", "*.pyc")
    )
    config = json.loads((source / ".chalice" / "config.json").read_text(encoding="utf-8"))
    (project / ".chalice" / "config.json").write_text(json.dumps({**config, "lambda_architecture": architecture}))
    found = REQUIREMENT.finditer((source / "requirements.txt").read_text(encoding="utf-8"))
    wanted = {match[1]: match[0] for match in found if match[1] not in NOT_PACKAGED}
    constraints = f"-c {source / 'constraints.txt'}"
    # Without their markers, which ask for the machine that packages, not for the one that runs.
    (project / "requirements.txt").write_text("\n".join([constraints, *wanted.values(), ""]), encoding="utf-8")
    return list(wanted)


def _chalice(project: Path, merging: Path, made: Path) -> None:
    # Any region will do: the template names none.
    environ = {"AWS_DEFAULT_REGION": os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"}
    options = ("--merge-template", merging.resolve(), "--template-format", "json")
    run = programs.run("chalice", "package", *options, made.resolve(), environ=environ, cwd=project)
    if run.returncode:
        print(run.stdout, run.stderr, sep="\n", file=sys.stderr)
        raise StageError("Chalice could not make the package: its words are above. Is there a network, and room?")


def _compile(made: Path, unpacked: Path) -> None:
    """Unpacks what Chalice made, and adds bytecode: Lambda's disk is read-only, so no process could keep its own.

    It is that of this very Python, which is also the one that the functions get, and it is never compared with the
    sources, whose dates a zip does not keep.
    """
    with zipfile.ZipFile(made) as packed:
        packed.extractall(unpacked)
    options = ("-q", "--invalidation-mode", "unchecked-hash", "-s", unpacked, "-p", "/var/task")
    run = programs.run(
        Path(sys.executable).name, "-m", "compileall", *options, unpacked, environ={"PYTHONHASHSEED": "0"}
    )
    if run.returncode:
        print(run.stdout, run.stderr, sep="\n", file=sys.stderr)
        raise StageError("Something in the package does not compile: see above.")


def _pack(unpacked: Path, archive: Path) -> None:
    files = sorted(path for path in unpacked.rglob("*") if path.is_file())
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as target:
        for path in files:
            entry = zipfile.ZipInfo(path.relative_to(unpacked).as_posix(), DATE)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            target.writestr(entry, path.read_bytes())


def _check_complete(archive: Path, requirements: list[str]) -> None:
    """Chalice only mentions what it found no build of, and goes on without it."""
    with zipfile.ZipFile(archive) as packed:
        folders = {name.split("/")[0].split("-")[0].lower() for name in packed.namelist() if ".dist-info/" in name}
    missing = [name for name in requirements if re.sub(r"[-.]+", "_", name).lower() not in folders]
    if missing:
        raise StageError(f"The package is not whole: there is no build of {', '.join(missing)} for Lambda.")
