"""A day or two far outside are an exception, not a new level; a third one in a row makes it one. Pure.

Smoothing follows every error by its share: after one day at fifty times the usual cost it would foresee a month of them.
So what is an exception is brought back to the edge of the usual before anything is smoothed. What was really spent stays
in all sums, and the day itself lies outside its expected range.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median

WEEK = 7
BEFORE = 14
"""A day is held against the median of so many days before it (of those after it, at the beginning)."""
ERRORS = 4.0
LEAST = 0.4
"""Far outside is over four robust standard errors, and over half as much again (ln 1.5)."""
LONGEST = 2
SPACING = 28
"""What happens more often than once in so many days is the nature of the series, and kept."""


@dataclass(frozen=True)
class Calmed:
    """The series without its exceptions, and which days those were."""

    series: list[float]
    exceptions: tuple[int, ...] = ()


def calmed(series: Sequence[float]) -> Calmed:
    """Logarithms of consecutive days' amounts with exceptions brought back to the edge of what is usual."""
    if len(series) < BEFORE:
        return Calmed(list(series))
    off = _off(series)
    bound = max(LEAST, ERRORS * 1.4826 * median(abs(one) for one in off))
    runs = [run for run in _runs(off, bound) if len(run) <= LONGEST]
    if not runs or len(runs) > -(-len(series) // SPACING):
        return Calmed(list(series))
    found = list(series)
    for day in (day for run in runs for day in run):
        found[day] += (bound if off[day] > 0 else -bound) - off[day]
    return Calmed(found, tuple(day for run in runs for day in run))


def _off(series: Sequence[float]) -> list[float]:
    """How far each day lies from the days around it once the rhythm of the week is taken out."""
    usual = [median(series[day::WEEK]) for day in range(WEEK)]
    plain = [seen - usual[day % WEEK] for day, seen in enumerate(series)]
    return [
        seen - median(plain[max(0, day - BEFORE) : day] if day >= WEEK else plain[day + 1 : day + 1 + BEFORE])
        for day, seen in enumerate(plain)
    ]


def _runs(off: Sequence[float], bound: float) -> list[list[int]]:
    """Days in a row that are far outside on the same side."""
    sides = [0 if abs(one) <= bound else 1 if one > 0 else -1 for one in off]
    return [[day for day, _ in group] for side, group in groupby(enumerate(sides), key=lambda one: one[1]) if side]
