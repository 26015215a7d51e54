"""Drift of a mean of logarithms: tokens, cost and latency per call.

A day's value is the mean of ln x, which a few giant calls cannot carry away; the arithmetic mean, which is paid,
is shown beside it.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import msgspec

from observatory.drift.methods import dating, engine
from observatory.drift.methods.shape import (
    BASELINE_DAYS,
    EFFECT_DAYS,
    RESOLVE_DAYS,
    Collecting,
    Direction,
    Effect,
    Evidence,
    Finding,
    Side,
    Started,
    lacks_days,
)
from observatory.drift.methods.week import (
    NO_OFFSETS,
    WEEKDAY_DAYS,
    Week,
    by_weekday,
    last_days,
    shrunken,
    window_start,
)
from observatory.metrics.statistics import Z95, Interval, clustered_variance

MINIMUM_A_DAY = 30
"""Days with fewer values are passed over: their clustered variance is itself a guess."""

MARGIN = 0.03
"""In log units, 3 %: a difference that nobody minds."""

STEPS = (0.03, 0.06, 0.10, 0.15, 0.25, 0.50)
"""The alternatives: how far beyond the edge of normal, in log units."""


@dataclass(frozen=True, slots=True)
class MeanDay:
    """One closed, mature day: `n` values x > 0 of `n_users` users.

    `mean_ln` is their mean logarithm, `v` the variance of that mean with users as clusters, `sum_x` the plain sum.
    """

    day: date
    n: int
    mean_ln: float
    v: float
    n_users: int
    sum_x: float

    @classmethod
    def from_users(cls, day: date, users: Sequence[tuple[int, float]], sum_x: float) -> "MeanDay":
        """The day of these users, each as (n_u, Σ ln x); without ids the session or interaction is the user."""
        n = sum(n_u for n_u, _ in users)
        mean_ln = math.fsum(total for _, total in users) / n if n else 0.0
        return cls(day, n, mean_ln, clustered_variance(users), sum(1 for n_u, _ in users if n_u), sum_x)


@dataclass(frozen=True, slots=True)
class MeanBaseline:
    """What is normal for a series, fixed when it is accepted; all but `arithmetic` in log units.

    `mu0` mean of the days' values, `tau2` variance between days beyond that of their values, `weekday_offsets` Monday
    first (to subtract from a day's value), `mean_v` the mean of the days' own variances, `n0` values on `days` usable
    days, `se0` standard error of mu0, `margin` the difference that nobody minds, `arithmetic` the mean of x.
    """

    mu0: float
    tau2: float
    mean_v: float
    weekday_offsets: Week
    n0: int
    days: int
    first_day: date
    last_day: date
    se0: float
    margin: float
    arithmetic: float

    def edge(self, direction: Direction) -> float:
        """q: the value up to which a series is "no worse than before" in this direction."""
        slack = self.se0 + self.margin
        return self.mu0 - slack if direction is Direction.DOWN else self.mu0 + slack

    def steady(self, day: MeanDay) -> float:
        """The day's value as it would be on an average weekday."""
        return day.mean_ln - self.weekday_offsets[day.day.weekday()]

    def variance(self, day: MeanDay) -> float:
        """V_t: how much the day's value varies in all."""
        return max(_SMALLEST_VARIANCE, day.v + self.tau2)

    def to_dict(self) -> dict[str, object]:
        """The baseline as JSON values; from_dict gives the equal baseline back."""
        stored: dict[str, object] = msgspec.to_builtins(self)
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, object]) -> "MeanBaseline":
        """The stored baseline. Raises msgspec.ValidationError, a ValueError, for what to_dict cannot have made."""
        return msgspec.convert(stored, cls)


_SMALLEST_VARIANCE = 1e-9
"""A series of equal values has no variance at all; its smallest change is then still finite evidence."""


def usable(days: Iterable[MeanDay]) -> list[MeanDay]:
    """The days with enough values to be counted."""
    return [day for day in days if day.n >= MINIMUM_A_DAY]


def collecting(days: Sequence[MeanDay], need_days: int = BASELINE_DAYS) -> Collecting | None:
    """What these days lack for a baseline, or None when they can be one."""
    return lacks_days(days, MINIMUM_A_DAY, need_days)


def fit(days: Sequence[MeanDay]) -> MeanBaseline:
    """The baseline of these days, which `collecting` has passed. Raises ValueError when none is usable."""
    used = usable(days)
    if not used:
        raise ValueError("a baseline needs days with values")
    mu0 = math.fsum(day.mean_ln for day in used) / len(used)
    mean_v = math.fsum(day.v for day in used) / len(used)
    groups = by_weekday(used) if len(used) >= WEEKDAY_DAYS else [used]
    tau2 = max(0.0, _around_weekdays(groups) - mean_v)
    n0 = sum(day.n for day in used)
    return MeanBaseline(
        mu0=mu0,
        tau2=tau2,
        mean_v=mean_v,
        weekday_offsets=_weekday_offsets(groups, mu0, mean_v + tau2),
        n0=n0,
        days=len(used),
        first_day=days[0].day,
        last_day=days[-1].day,
        se0=math.sqrt(max(_SMALLEST_VARIANCE, mean_v + tau2) / len(used)),
        margin=MARGIN,
        arithmetic=math.fsum(day.sum_x for day in used) / n0,
    )


def fold(baseline: MeanBaseline, days: Sequence[MeanDay], sides: Sequence[Side]) -> Evidence:
    """Judge the days after the baseline; a pure function: the same days give the same points, byte for byte."""
    watched = _after(baseline, days)
    return engine.joined([_fold_side(baseline, watched, side) for side in sides])


def effect(baseline: MeanBaseline, days: Sequence[MeanDay], window: int = EFFECT_DAYS) -> Effect | None:
    """The typical value of the last `window` calendar days against the baseline; None without a usable day."""
    used = usable(days)
    return _effect(baseline, last_days(used, window)) if used else None


def rolling(baseline: MeanBaseline, days: Sequence[MeanDay], window: int = EFFECT_DAYS) -> list[Effect]:
    """The same for the window that ends on each usable day: the line of the chart."""
    used = usable(days)
    return [_effect(baseline, used[window_start(used, number, window) : number + 1]) for number in range(len(used))]


def arithmetic(days: Sequence[MeanDay], window: int = EFFECT_DAYS) -> float | None:
    """The plain mean of x over the last `window` calendar days, to show beside the typical value."""
    recent = last_days(usable(days), window)
    return math.fsum(day.sum_x for day in recent) / sum(day.n for day in recent) if recent else None


def band(baseline: MeanBaseline, n: float) -> Interval:
    """Where the typical value of `n` days lies in 95 of 100 unchanged windows: the grey band behind a chart."""
    half = Z95 * math.sqrt((baseline.mean_v + baseline.tau2) / n + baseline.se0**2)
    return Interval(math.exp(baseline.mu0 - half), math.exp(baseline.mu0 + half))


def started(baseline: MeanBaseline, days: Sequence[MeanDay], finding: Finding) -> Started:
    """When the change behind a finding began, from a change-point profile: one level before, another from then on."""
    seen = dating.of_finding(_after(baseline, days), finding)
    values = [(1 / baseline.variance(day), baseline.steady(day)) for day in seen]
    normal = (baseline.se0**-2, baseline.mu0)
    profile = [
        _log_likelihood([normal, *values[:number]]) + _log_likelihood(values[number:]) for number in range(len(values))
    ]
    return dating.started([day.day for day in seen], profile, finding.alarm_day)


def _effect(baseline: MeanBaseline, recent: Sequence[MeanDay]) -> Effect:
    """With a variance between days more values a day say little more: `n_effective` counts days."""
    mean, error = _level(baseline, recent)
    change, change_error = mean - baseline.mu0, math.hypot(error, baseline.se0)
    return Effect(
        first_day=recent[0].day,
        last_day=recent[-1].day,
        n=sum(day.n for day in recent),
        n_effective=float(len(recent)),
        value=math.exp(mean),
        interval=Interval(math.exp(mean - Z95 * error), math.exp(mean + Z95 * error)),
        baseline_value=math.exp(baseline.mu0),
        change=math.expm1(change),
        change_interval=Interval(math.expm1(change - Z95 * change_error), math.expm1(change + Z95 * change_error)),
    )


def _after(baseline: MeanBaseline, days: Sequence[MeanDay]) -> list[MeanDay]:
    return [day for day in usable(days) if day.day > baseline.last_day]


def _around_weekdays(groups: Sequence[Sequence[MeanDay]]) -> float:
    """The variance of the days' values around their group's mean."""
    squares, freedom = 0.0, 0
    for group in groups:
        mean = math.fsum(day.mean_ln for day in group) / len(group)
        squares += math.fsum((day.mean_ln - mean) ** 2 for day in group)
        freedom += len(group) - 1
    return squares / freedom if freedom else 0.0


def _weekday_offsets(groups: Sequence[Sequence[MeanDay]], mu0: float, variance: float) -> Week:
    """What a weekday's value is above the mean of all days, shrunk towards none by how well it is known."""
    if len(groups) < 2:
        return NO_OFFSETS
    return shrunken(
        {
            group[0].day.weekday(): (
                math.fsum(day.mean_ln for day in group) / len(group) - mu0,
                variance / len(group),
            )
            for group in groups
        }
    )


def _fold_side(baseline: MeanBaseline, days: Sequence[MeanDay], side: Side) -> Evidence:
    """A rise is a fall of the mirrored series: `beyond` is how far a day lies past the edge in the side's direction."""
    sign = -1.0 if side.direction is Direction.DOWN else 1.0
    edge = baseline.edge(side.direction)
    beyond = [(sign * (baseline.steady(day) - edge), baseline.variance(day)) for day in days]
    ratios = [[(step * far - step * step / 2) / variance for step in STEPS] for far, variance in beyond]

    def touches(number: int) -> bool:
        mean, error = _level(baseline, days[window_start(days, number, RESOLVE_DAYS) : number + 1])
        return sign * (mean - edge) <= Z95 * error

    return engine.watch([day.day for day in days], ratios, side, touches)


def _level(baseline: MeanBaseline, days: Sequence[MeanDay]) -> tuple[float, float]:
    """The mean of the days' steady values and its standard error."""
    mean = math.fsum(baseline.steady(day) for day in days) / len(days)
    return mean, math.sqrt(math.fsum(baseline.variance(day) for day in days)) / len(days)


def _log_likelihood(values: Sequence[tuple[float, float]]) -> float:
    """The largest log-likelihood, up to a constant, of (precision, value) pairs under one level."""
    weight = math.fsum(precision for precision, _ in values)
    if weight == 0:
        return 0.0
    mean = math.fsum(precision * value for precision, value in values) / weight
    return -0.5 * math.fsum(precision * (value - mean) ** 2 for precision, value in values)
