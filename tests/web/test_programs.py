"""Finding a browser and a Node on any machine; where there is none, the tests say how to get one."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import playwright
import pytest

from tests.web import programs

Install = Callable[[str, str], str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts programs on a PATH that has no others."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)

    def install(name: str, script: str) -> str:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return str(path)

    return install


def test_a_browser_that_is_named_is_the_one(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    install("chromium", "echo Chromium 1")
    monkeypatch.setenv("CHROMIUM", install("mine", "echo Mine 1"))
    assert programs.chromium.__wrapped__().endswith("/mine")
    monkeypatch.setenv("CHROMIUM", install("broken", "echo no display >&2; exit 1"))
    with pytest.raises(programs.Missing, match=r"CHROMIUM=.*broken.*no display"):
        programs.chromium.__wrapped__()


def test_a_stub_that_stands_for_a_package_is_passed_over(install: Install) -> None:
    install("chromium-browser", "echo 'Command requires the chromium snap to be installed.' >&2; exit 1")
    chrome = install("google-chrome-stable", "echo Google Chrome 150")
    assert programs.chromium.__wrapped__() == chrome


def test_debian_s_package_is_installed_where_that_needs_no_question(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []

    def run(command: list[str]) -> None:
        ran.append(command)
        if "install" in command:
            install("chromium", "echo Chromium 150")

    monkeypatch.setattr(programs, "_run", run)
    install("apt-get", "exit 1")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert programs.chromium.__wrapped__().endswith("/chromium")
    assert [command[command.index("apt-get") + 1] for command in ran] == ["update", "install"]


def test_without_a_browser_the_tests_say_how_to_get_one(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str]) -> None:
        raise subprocess.CalledProcessError(1, command, stderr="Downloading …\nError: no network\n}")

    monkeypatch.setattr(programs, "_run", run)
    with pytest.raises(programs.Missing) as missing:
        programs.chromium.__wrapped__()
    for word in ("apt-get install chromium", "CHROMIUM=", "playwright", "Error: no network"):
        assert word in str(missing.value)


def test_a_node_that_is_too_old_leaves_the_work_to_the_one_in_playwright_s_package(install: Install) -> None:
    own = str(Path(playwright.__file__).parent / "driver" / "node")
    assert programs.node.__wrapped__() == own
    install("node", "echo v18.20.4")
    assert programs.node.__wrapped__() == own
    new = install("node", "echo v22.1.0")
    assert programs.node.__wrapped__() == new
