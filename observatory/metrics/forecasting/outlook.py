"""What the days up to a basis say of those after it: this month day by day, and the three months that follow. Pure.

Sums of days are quantiles of sums along simulated paths, never sums of quantiles: days err together where the level or
the trend does. Only `made` loads numpy; what it gives are plain numbers that can be stored and read by a page.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from statistics import fmean
from typing import TYPE_CHECKING, Any

from observatory.metrics.forecasting.growth import DEFAULT, Multiplier
from observatory.metrics.forecasting.smoothing import LEAST_DAYS, TREND_DAYS, WEEK, Fit, paths
from observatory.metrics.months import days_of, month_after

if TYPE_CHECKING:
    from numpy.typing import NDArray

MONTHS_AFTER = 3
RECENT_DAYS = 30
SHARES = (0.025, 0.1, 0.5, 0.9, 0.975)
DAY = timedelta(days=1)
LEAST_DEVIATION = 0.02
"""No day is expected more closely than within 2 %: a bill that never moved has moved by then."""


class Standing(StrEnum):
    """Whether there is a forecast, and why not."""

    OK = "ok"
    LEARNING = "learning"
    NO_DATA = "no_data"


@dataclass(frozen=True)
class Range:
    """A sum in USD: the middle one of all paths, and where 80 % and 95 % of them end (None: not known)."""

    expected: float
    low_80: float | None = None
    high_80: float | None = None
    low_95: float | None = None
    high_95: float | None = None

    def plus(self, amount: float) -> "Range":
        """The same with what is certain added."""
        low_95, low_80, expected, high_80, high_95 = (
            None if one is None else one + amount
            for one in (self.low_95, self.low_80, self.expected, self.high_80, self.high_95)
        )
        return Range(expected or 0.0, low_80, high_80, low_95, high_95)


@dataclass(frozen=True)
class ExpectedDay:
    """What the days before it let expect of one day: ln(amount + offset) is normal, with this middle and deviation."""

    day: date
    middle: float
    deviation: float
    offset: float
    known_days: int

    def quantile(self, errors: float) -> float:
        """The amount so many standard errors above the middle."""
        return max(0.0, math.exp(self.middle + errors * self.deviation) - self.offset)

    def held_by(self, amount: float) -> float:
        """The share of days that a range around the middle must hold to hold this amount, too: 0 to 1.

        Over 0.95 the amount lies outside the range of 95 %, above or below it.
        """
        errors = (math.log(max(0.0, amount) + self.offset) - self.middle) / self.deviation
        return math.erf(abs(errors) / math.sqrt(2))


@dataclass(frozen=True)
class Recent:
    """The last days up to the basis, at most `RECENT_DAYS`: cost in USD per day, and distinct users (None: not known)."""

    cost_per_day: float
    users: int | None = None


@dataclass(frozen=True)
class Outlook:
    """`ahead`: the sum of the days after the basis up to each one, to the end of their month. `later`: the sums of the
    months after it. `weekday_shares`: of an amount, from Monday on. Both are empty when there is NO_DATA.
    """

    standing: Standing
    basis: date
    known_days: int
    ahead: tuple[Range, ...] = ()
    later: tuple[Range, ...] = ()
    weekday_shares: tuple[float, ...] = (1 / WEEK,) * WEEK
    recent: Recent = Recent(0.0)
    multiplier: Multiplier = DEFAULT

    @property
    def month(self) -> date:
        """The first day of the month that is under way after the basis."""
        return (self.basis + DAY).replace(day=1)


def made(amounts: Sequence[float], basis: date, fitted: Fit | None) -> Outlook:
    """The outlook from daily amounts in USD up to and including the basis; without a fit, at the rate so far.

    `recent.users` and `multiplier` are not known here.
    """
    recent = Recent(fmean(amounts[-RECENT_DAYS:]) if amounts else 0.0)
    if not amounts or not any(amounts[-8 * WEEK :]):
        short = len(amounts) < LEAST_DAYS
        return Outlook(Standing.LEARNING if short else Standing.NO_DATA, basis, len(amounts), recent=recent)
    lengths = [(month_after(basis + DAY, 1) - basis).days - 1]
    lengths += [days_of(month_after(basis + DAY, after)) for after in range(1, MONTHS_AFTER + 1)]
    if fitted is None:
        ahead = tuple(Range(recent.cost_per_day * number) for number in range(1, lengths[0] + 1))
        later = tuple(Range(recent.cost_per_day * length) for length in lengths[1:])
        return Outlook(Standing.LEARNING, basis, len(amounts), ahead, later, recent=recent)
    ways = paths(fitted, sum(lengths))
    ahead = ranges(ways[:, : lengths[0]].cumsum(axis=1))
    starts = [sum(lengths[:number]) for number in range(1, len(lengths))]
    later = tuple(
        ranges(ways[:, start : start + length].sum(axis=1, keepdims=True))[0]
        for start, length in zip(starts, lengths[1:], strict=True)
    )
    return Outlook(Standing.OK, basis, len(amounts), ahead, later, weekday_shares(amounts, basis), recent)


def ranges(sums: "NDArray[Any]") -> tuple[Range, ...]:
    """The range of each column of sums along paths; nothing is below zero."""
    import numpy as np

    found = np.quantile(sums.clip(0.0), SHARES, axis=0).T.tolist()
    return tuple(Range(middle, low_80, high_80, low_95, high_95) for low_95, low_80, middle, high_80, high_95 in found)


def expected_days(fitted: Fit, first: date) -> list[ExpectedDay]:
    """The expected range of each day that a forecast could have been made for, and of the one after the last.

    `first` is the day of the first amount. The first weeks made the first state: nothing was expected of them.
    """
    deviation = max(LEAST_DEVIATION, fitted.deviation)
    middles = [*fitted.expected, fitted.state.expected(fitted.weights.damping)]
    begin = TREND_DAYS if fitted.known_days >= TREND_DAYS else LEAST_DAYS
    return [
        ExpectedDay(first + number * DAY, middle, deviation, fitted.offset, number)
        for number, middle in enumerate(middles)
        if number >= begin
    ]


def weekday_shares(amounts: Sequence[float], basis: date) -> tuple[float, ...]:
    """The mean of each weekday's amounts in the last eight weeks as its share of a week, from Monday on."""
    known = amounts[-8 * WEEK :]
    sums: list[list[float]] = [[] for _ in range(WEEK)]
    for back, amount in enumerate(reversed(known)):
        sums[(basis - back * DAY).weekday()].append(max(0.0, amount))
    means = [fmean(one) if one else 0.0 for one in sums]
    total = math.fsum(means)
    return tuple(mean / total for mean in means) if total > 0 else (1 / WEEK,) * WEEK
