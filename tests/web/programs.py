"""The programs that the tests of the pages need, wherever this machine has them: a Chromium and a Node.

What is missing is installed where that can be done without a question; where it cannot, whoever asks is told how.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OLDEST_NODE = 20
ANSWERS_WITHIN_S = 60
INSTALLED_WITHIN_S = 900


class Missing(Exception):
    """There is no such program, and none could be installed; `str()` says how to get one."""


@cache
def chromium() -> str:
    """The path of a Chromium: `CHROMIUM`, one on the PATH, Debian's package, Playwright's own. Raises Missing."""
    if named := os.environ.get("CHROMIUM"):
        if problem := _trouble(named):
            raise Missing(f"CHROMIUM={named} is no browser that starts: {problem}.")
        return named
    tried: list[str] = []
    for path in _candidates(tried):
        if problem := _trouble(path):
            tried.append(f"{path}: {problem}")
        else:
            return path
    raise Missing(
        "These tests need a Chromium. Install one (Debian: apt-get install chromium; anywhere: .venv/bin/playwright "
        "install --with-deps chromium), or name one by CHROMIUM=/path/to/it. Tried: " + "; ".join(tried)
    )


@cache
def node() -> str:
    """The path of a Node.js: the one on the PATH where it is new enough, else the one inside Playwright's package."""
    own = Path(playwright.__file__).parent / "driver" / "node"
    tried: list[str] = []
    for path in (shutil.which("node"), str(own)):
        if path is None:
            continue
        try:
            version = _output([path, "--version"])
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"{path}: {error}")
            continue
        if (number := re.match(r"v(\d+)\.", version)) and int(number[1]) >= OLDEST_NODE:
            return path
        tried.append(f"{path} is {version.strip()}")
    raise Missing(f"These tests need Node.js {OLDEST_NODE} or newer on the PATH. Tried: {'; '.join(tried)}")


def _candidates(tried: list[str]) -> Iterator[str]:
    """Paths of browsers, each way of getting one tried when those before have brought none that starts."""
    yield from _on_the_path()
    if (before := _debian()) is not None:
        try:
            _run([*before, "apt-get", "update"])
            _run([*before, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "chromium"])
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"apt-get: {_words(error)}")
        yield from _on_the_path()
    else:
        tried.append("apt-get: not here, or not allowed")
    try:
        _run([sys.executable, "-m", "playwright", "install", "chromium"])
        yield _playwright_s_own()
    except (OSError, subprocess.SubprocessError) as error:
        tried.append(f"playwright install chromium: {_words(error)}")


def _on_the_path() -> list[str]:
    return [path for name in BROWSERS if (path := shutil.which(name))]


def _debian() -> list[str] | None:
    """What has to stand before `apt-get`, or None where there is none or it would ask for a password."""
    if not shutil.which("apt-get"):
        return None
    if os.geteuid() == 0:
        return []
    if (
        shutil.which("sudo")
        and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0
    ):
        return ["sudo", "-n"]
    return None


def _playwright_s_own() -> str:
    program = "from playwright.sync_api import sync_playwright as p\nwith p() as q: print(q.chromium.executable_path)"
    return _output([sys.executable, "-c", program]).strip()


def _trouble(path: str) -> str | None:
    """Why that browser does not start, None where it does. A stub that stands for a package only says so here."""
    try:
        _output([path, "--version"])
    except (OSError, subprocess.SubprocessError) as error:
        return _words(error)
    return None


def _output(command: Sequence[str]) -> str:
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=ANSWERS_WITHIN_S)
    return run.stdout


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, capture_output=True, text=True, check=True, timeout=INSTALLED_WITHIN_S)


def _words(error: Exception) -> str:
    said = getattr(error, "stderr", None)
    lines = [line.strip() for line in said.splitlines() if line.strip()] if isinstance(said, str) else []
    telling = [line for line in lines if re.search(r"error|failed|unable|not ", line, re.I)]
    return (telling or lines or [str(error)])[0]
