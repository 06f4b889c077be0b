"""kefu's own application, made mortal: its functions die, its clock is wrong, and its code has a fault put in.

The environment says how: KEFU_FAULTS names the file of `control`, KEFU_MUTANT a deliberate fault of `mutants`, and
KEFU_OVERDUE_MS the time after which what the outbox owes is overdue.
"""

from __future__ import annotations

import fcntl
import importlib.util
import itertools
import os
import time
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, SupportsIndex, TypeVar

from chalicelib.http import Host, Outcome
from chalicelib.store import conversations, scripts
from tests.faults import control

ROOT = Path(__file__).resolve().parents[3]
FAULTS = control.path()

P = ParamSpec("P")
R = TypeVar("R")


def place() -> int:
    """The lowest number that no living worker has. It is kept, with our process id, until this process ends."""
    for number in itertools.count():
        descriptor = os.open(FAULTS.with_suffix(f".worker-{number}"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
        else:
            os.truncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())
            return number
    raise AssertionError("numbers do not end")


PLACE = place()
RANDOM = control.random(f"worker {PLACE}")


def mortal(step: Callable[P, R]) -> Callable[P, R]:
    """A step before and after which its function may die."""

    @wraps(step)
    def taken(*args: P.args, **kwargs: P.kwargs) -> R:
        perhaps_die()
        result = step(*args, **kwargs)
        perhaps_die()
        return result

    return taken


def mortal_among(ask: Callable[..., list[Outcome]]) -> Callable[..., list[Outcome]]:
    """Requests before and after each of which their function may die; those before are made, and nothing else."""

    @wraps(ask)
    def taken(host: Host, requests: Sequence[bytes], **options: Any) -> list[Outcome]:
        made = next((made for made in range(len(requests) + 1) if dies()), None)
        if made is None:
            return ask(host, requests, **options)
        if made < len(requests):
            options["meanwhile"] = None
        ask(host, requests[:made], **options)
        raise death()

    return taken


def dies() -> bool:
    return RANDOM.random() < control.read(FAULTS).death


def death() -> SystemExit:
    # Nothing of the application catches it, and the worker goes on with its other functions, as Lambda does.
    return SystemExit("a function dies here, as it was asked to")


def perhaps_die() -> None:
    if dies():
        raise death()


def wrong_clock() -> None:
    """Put this worker's clock ahead by what the faults say."""
    right_time, right_gmtime = time.time, time.gmtime

    def shown() -> float:
        return right_time() + control.read(FAULTS).skew_s

    def shown_gmtime(seconds: float | SupportsIndex | None = None) -> time.struct_time:
        return right_gmtime(shown() if seconds is None else seconds)

    time.time, time.gmtime = shown, shown_gmtime


if mutant := os.environ.get("KEFU_MUTANT"):
    from tests.faults import mutants

    mutants.apply(mutant)
scripts._pipelined = mortal(scripts._pipelined)
setattr(Host, "ask", mortal_among(Host.ask))  # noqa: B010 - mypy lets no method be assigned
if PLACE % 2:
    wrong_clock()
if overdue_ms := os.environ.get("KEFU_OVERDUE_MS"):
    conversations.OVERDUE_MS = int(overdue_ms)

specification = importlib.util.spec_from_file_location("kefu_itself", ROOT / "app.py")
assert specification is not None
assert specification.loader is not None
kefu = importlib.util.module_from_spec(specification)
specification.loader.exec_module(kefu)
app = kefu.app
