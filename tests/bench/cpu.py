"""CPU time of processes, as Linux counts it. The standard library is enough: the client's own Python imports it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

TICKS_S = os.sysconf("SC_CLK_TCK")
PROC = Path("/proc")
# Where the fields of /proc/PID/stat are that follow the name in parentheses.
PARENT, SESSION, CHILDREN_USER, CHILDREN_SYSTEM = 1, 3, 13, 14


def tree(root: int) -> set[int]:
    """A process, what descends from it, and what is in its session."""
    parents: dict[int, int] = {}
    found = {root}
    for folder in PROC.iterdir():
        if not folder.name.isdecimal() or not (fields := _stat(int(folder.name))) or fields[0] == "Z":
            continue
        pid = int(folder.name)
        parents[pid] = int(fields[PARENT])
        if int(fields[SESSION]) == root:
            found.add(pid)
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found & {*parents, root}


def used_s(pid: int) -> float:
    """CPU seconds of a process and of its children that have ended; 0 when it is gone."""
    try:
        # The kernel's own clock of the process: nanoseconds, where /proc has hundredths of a second.
        own = time.clock_gettime((~pid << 3) | 2)
    except OSError:
        return 0.0
    fields = _stat(pid)
    return own + (int(fields[CHILDREN_USER]) + int(fields[CHILDREN_SYSTEM])) / TICKS_S if fields else own


def used_by_trees_s(roots: Iterable[int]) -> float:
    """CPU seconds of whole process trees."""
    return sum(used_s(pid) for pid in set().union(*map(tree, roots)))


def machine_busy_s() -> float:
    """CPU seconds that the machine has been busy, with those that its host took away."""
    with (PROC / "stat").open() as stat:
        user, nice, system, _idle, _waiting, *rest = (int(field) for field in stat.readline().split()[1:])
    return (user + nice + system + sum(rest[:3])) / TICKS_S


def _stat(pid: int) -> list[str]:
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended meanwhile
        return []
