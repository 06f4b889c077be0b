"""Where the peers and the client run: a venv and node_modules of their own, made once for each version of the pins."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
REQUIREMENTS, PACKAGE = HERE / "requirements.txt", HERE / "package.json"


class Missing(Exception):
    """What cannot be measured here, and why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`without_node` says why there is no Node, where there is none; `node_modules` is empty then."""

    python: Path
    node_modules: Path
    without_node: str | None


def environment() -> Environment:
    """The environment, made if need be (a minute, by pip and npm). Raises Missing when pip cannot."""
    pins = REQUIREMENTS.read_bytes() + PACKAGE.read_bytes() + sys.version.encode()
    folder = _home() / hashlib.sha256(pins).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # Two benches may begin at once.
        if not (folder / "python-ready").exists():
            _make_python(folder)
        without_node = _without_node(folder)
    return Environment(folder / "venv" / "bin" / "python", folder / "node_modules", without_node)


def _home() -> Path:
    if home := os.environ.get("KEFU_BENCH_HOME"):
        return Path(home)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kefu-bench"


def _make_python(folder: Path) -> None:
    venv = folder / "venv"
    shutil.rmtree(venv, ignore_errors=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for command in ([sys.executable, "-m", "venv", str(venv)], [*pip, "-r", str(REQUIREMENTS)]):
        if complaint := _complaint(command, folder):
            raise Missing(complaint)
    (folder / "python-ready").touch()


def _without_node(folder: Path) -> str | None:
    """Why there is no Node with the packages, once they have been tried to be installed."""
    if not shutil.which("node"):
        return "there is no Node.js on the PATH"
    ready = folder / "node-ready"
    if ready.exists():
        return None
    if not shutil.which("npm"):
        return "there is no npm on the PATH"
    shutil.copy(PACKAGE, folder)
    quiet = ("--silent", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock")
    if complaint := _complaint(["npm", "install", *quiet], folder):
        return complaint
    ready.touch()
    return None


def _complaint(command: Sequence[str], folder: Path) -> str | None:
    """Run it; the end of what it wrote when it failed."""
    ran = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if ran.returncode == 0:
        return None
    said = (ran.stderr or ran.stdout).strip().splitlines() or [f"exit status {ran.returncode}"]
    return f"{Path(command[0]).name} failed: {said[-1]}"
