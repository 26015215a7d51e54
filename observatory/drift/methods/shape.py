"""What every drift method takes and gives back, so that signals, pages and alerts know one shape.

A method is a module with a day type, a baseline type (`to_dict`, `from_dict`) and the functions `collecting(days)`,
`fit(days)`, `fold(baseline, days, sides)`, `effect(baseline, days, window)`, `band(baseline, n)` and
`started(baseline, days, finding)`. Days are closed, mature, in order, each at most once. Days flagged by a person are
left out by the caller; a day without trials may be left out or be zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from observatory.metrics.statistics import Interval

BASELINE_DAYS = 28
EFFECT_DAYS = 7
RESOLVE_DAYS = 14
RESOLVE_STREAK = 3
FALSE_ALARM_DAYS = 90
"""H: a side alarms falsely with probability at most α in this many days, however often it is read."""

ALPHA = 0.05


class Direction(StrEnum):
    """Where a series moves."""

    DOWN = "down"
    UP = "up"


@dataclass(frozen=True, slots=True)
class Side:
    """One direction that is watched, with its false-alarm probability per FALSE_ALARM_DAYS."""

    direction: Direction
    alpha: float


FALLING = (Side(Direction.DOWN, ALPHA),)
RISING = (Side(Direction.UP, ALPHA),)
BOTH_WAYS = (Side(Direction.DOWN, ALPHA / 2), Side(Direction.UP, ALPHA / 2))


class Missing(StrEnum):
    """What a series lacks before it can have a baseline."""

    DAYS = "days"
    TRIALS_A_DAY = "trials a day"
    TRIALS = "trials"
    RARER_OUTCOMES = "of the rarer outcome"


@dataclass(frozen=True, slots=True)
class Collecting:
    """No baseline yet: `have` of `need` of `missing`."""

    missing: Missing
    have: int
    need: int


@dataclass(frozen=True, slots=True)
class Point:
    """What the detector thinks at the end of a day.

    `log_m` is the natural logarithm of the mixture, `evidence` the same on 0–100 where 100 raises the alarm; with two
    sides both belong to the `direction` that is nearer to its alarm. `is_alarm`: a finding is open on this day.
    """

    day: date
    log_m: float
    evidence: float
    direction: Direction
    is_alarm: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One alarm, raised at the end of `alarm_day` by the days from `watched_from` on; open without a `resolved_day`."""

    direction: Direction
    alpha: float
    watched_from: date
    alarm_day: date
    resolved_day: date | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """The whole life of a series since its baseline: a point per watched day, findings in order of their alarms."""

    points: tuple[Point, ...]
    findings: tuple[Finding, ...]

    @property
    def open(self) -> Finding | None:
        """The latest finding that is not resolved."""
        return next((finding for finding in reversed(self.findings) if finding.resolved_day is None), None)

    @property
    def alarm_day(self) -> date | None:
        """The day of the open finding's alarm."""
        return self.open.alarm_day if self.open else None

    @property
    def direction(self) -> Direction | None:
        """The open finding's direction."""
        return self.open.direction if self.open else None


@dataclass(frozen=True, slots=True)
class Effect:
    """How far a window of days is from the baseline.

    `value`, `interval` and `baseline_value` are in the unit of the series (a rate, or a typical value: the geometric
    mean). `change` with its interval is a difference of rates (−0.05 = 5 points down) or a relative change of means
    (0.2 = 20 % up). `n_effective` is what n is worth: n divided by the design effect, or the number of days of a mean.
    """

    first_day: date
    last_day: date
    n: int
    n_effective: float
    value: float
    interval: Interval
    baseline_value: float
    change: float
    change_interval: Interval

    def is_strong(self, direction: Direction, limit: float) -> bool:
        """Whether even the end of the interval nearer to no change lies beyond `limit` (> 0, unit of `change`)."""
        if direction is Direction.DOWN:
            return self.change_interval.high <= -limit
        return self.change_interval.low >= limit


@dataclass(frozen=True, slots=True)
class Started:
    """When a change began: the likeliest first day of the new level and the days that hold 5–95 % of the weight."""

    day: date
    low: date
    high: date


class Counted(Protocol):
    """A day of any method."""

    @property
    def day(self) -> date:
        """The project's local day."""

    @property
    def n(self) -> int:
        """How many trials or values it has."""


def lacks_days(days: Sequence[Counted], trials_a_day: int, need_days: int) -> Collecting | None:
    """What is missing in length and volume: `need_days` calendar days, half of them with at least `trials_a_day`."""
    if not days:
        return Collecting(Missing.DAYS, 0, need_days)
    span = (days[-1].day - days[0].day).days + 1
    if span < need_days:
        return Collecting(Missing.DAYS, span, need_days)
    by_volume = sorted((day.n for day in days), reverse=True) + [0] * (span - len(days))
    middle = by_volume[(span - 1) // 2]
    return Collecting(Missing.TRIALS_A_DAY, middle, trials_a_day) if middle < trials_a_day else None
