"""The programs that came with the requirements: Chalice's and AWS's command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def run(
    name: str, *arguments: str | Path, environ: Mapping[str, str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program of this Python's own folder, with `environ` beside our own environment; it has no terminal."""
    return subprocess.run(  # noqa: S603 - a file of our own environment, and no shell
        [Path(sys.executable).with_name(name), *arguments],
        cwd=cwd,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
