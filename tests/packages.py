"""Servers that pip does not bring: those of this machine, and that in Debian's package."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

INSTALLED_WITHIN_S = 300


def redis_servers(folder: Path, tried: list[str]) -> Iterator[str]:
    """Paths of Redis-compatible servers: those on the PATH, then Debian's; what stood in the way is added to `tried`.

    Debian's is installed without a question where that can be done, and gets its name by a link in `folder`.
    """
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            yield path
    # The package of the tools starts no service, and puts no server on the PATH, where other tests would take it; but
    # its checker is the server under another name.
    if not shutil.which("redis-check-rdb"):
        try:
            _install("redis-tools")
        except (OSError, subprocess.SubprocessError) as error:
            tried.append(f"apt-get install redis-tools: {error}")
    if path := shutil.which("redis-check-rdb"):
        server = folder / "redis-server"
        server.symlink_to(path)
        yield str(server)


def _install(package: str) -> None:
    before = [] if os.geteuid() == 0 else ["sudo", "-n"]
    unasked = [*before, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    for words in (["update"], ["install", "-y", package]):
        subprocess.run(
            [*unasked, *words], check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=INSTALLED_WITHIN_S
        )
