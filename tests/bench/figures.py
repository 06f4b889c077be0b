"""What a bench answers: figures. Each is the median of its rounds, with the lowest and the highest of them."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """A measured value by its name in `goals.py`; `note` says under which circumstances."""

    name: str
    unit: str
    median: float
    low: float
    high: float
    rounds: int
    note: str = ""

    def __str__(self) -> str:
        return f"{shown(self.median)} {self.unit}".rstrip()


def figure(name: str, unit: str, rounds: Sequence[float], note: str = "") -> Figure:
    """A figure from the values of its rounds, of which there is at least one."""
    return Figure(name, unit, median(rounds), min(rounds), max(rounds), len(rounds), note)


def ratio(name: str, rounds: Sequence[float], to: Sequence[float], note: str = "") -> Figure:
    """Each round's own ratio: what slows the machine down for a while does so to both."""
    return figure(name, "×", [one / other for one, other in zip(rounds, to, strict=True)], note)


def shown(value: float) -> str:
    """Three digits are all that a measurement is good for."""
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
