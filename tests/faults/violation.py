"""A promise that was not kept."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """`rule` names the promise in a word or two, `records` the places in the recording that show it."""

    rule: str
    what: str
    records: tuple[int, ...] = ()
