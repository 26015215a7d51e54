"""How wrong forecasts would have been: made again at the end of past days, held against what came. Pure."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean, median

from observatory.metrics.forecasting.outlook import Range, ranges
from observatory.metrics.forecasting.smoothing import LEAST_DAYS, WEEK, Fit, TooFew, fit, paths, project

EVERY_DAYS = 3
AHEAD_DAYS = (7, 28)
SIMULATED_DAYS = 180
MONTH_DAYS, DAYS_LEFT = 30, (21, 14, 7, 3)


@dataclass(frozen=True)
class Trial:
    """The sum of some days: forecast, what came, and what repeating the last week would have said."""

    expected: float
    low: float
    high: float
    came: float
    repeated: float

    @property
    def error(self) -> float:
        """By which share of what came the forecast missed it."""
        return abs(self.expected - self.came) / self.came

    @property
    def error_of_repeating(self) -> float:
        """The same for the last week, repeated."""
        return abs(self.repeated - self.came) / self.came

    @property
    def is_inside(self) -> bool:
        """Whether what came lies in the interval of 95 %."""
        return self.low <= self.came <= self.high


@dataclass(frozen=True)
class Summary:
    """Of some trials: shares of what came, and the share of trials that ended inside the interval of 95 %."""

    trials: int
    median_error: float
    p90_error: float
    median_error_of_repeating: float
    inside: float


def trials(amounts: Sequence[float], ahead: int) -> list[Trial]:
    """Forecast the sum of the next `ahead` days from every third past day on, each time from what was known by then.

    Days in which nothing came at all tell no share and are left out, and so are those before anything had come.
    """
    found = []
    for known, fitted in _fits(tuple(amounts)).items():
        came = sum(amounts[known : known + ahead])
        if known + ahead > len(amounts) or came <= 0:
            continue
        projection = project(fitted, ahead)
        repeated = sum(amounts[known - WEEK : known]) * ahead / WEEK
        found.append(Trial(projection.expected, projection.low, projection.high, came, repeated))
    return found


@lru_cache(maxsize=1)
def _fits(amounts: tuple[float, ...]) -> Mapping[int, Fit]:
    """The fit that could be made at the end of every third past day, by the number of days known then."""
    found = {}
    for known in range(LEAST_DAYS, len(amounts), EVERY_DAYS):
        with suppress(TooFew):
            found[known] = fit(amounts[:known])
    return found


def summary(found: Sequence[Trial]) -> Summary:
    """What the trials say together. Raises StatisticsError for none."""
    errors = sorted(one.error for one in found)
    return Summary(
        len(found),
        median(errors),
        errors[min(len(errors) - 1, int(len(errors) * 0.9))],
        median(one.error_of_repeating for one in found),
        sum(one.is_inside for one in found) / len(found),
    )


@dataclass(frozen=True)
class MonthTrial:
    """A month of `MONTH_DAYS` days: what its sum came to, and how it was projected with some days left."""

    projected: Range
    came: float

    @property
    def error(self) -> float:
        """By which share of what came the projection missed it."""
        return abs(self.projected.expected - self.came) / self.came

    def is_inside(self, low: float | None, high: float | None) -> bool:
        """Whether what came lies in an interval."""
        return low is not None and high is not None and low <= self.came <= high


@dataclass(frozen=True)
class MonthSummary:
    """Of some months with as many days left: mean error, and the shares that ended inside 80 % and 95 %."""

    trials: int
    mean_error: float
    inside_80: float
    inside_95: float


def month_trials(amounts: Sequence[float]) -> Mapping[int, list[MonthTrial]]:
    """Days left → months projected from every third past day on, each time from what was known by then.

    A month is any `MONTH_DAYS` days in a row, so that two months of history hold more than one.
    """
    found: dict[int, list[MonthTrial]] = {left: [] for left in DAYS_LEFT}
    for known, fitted in _fits(tuple(amounts)).items():
        ahead = ranges(paths(fitted, max(DAYS_LEFT)).cumsum(axis=1))
        for left in DAYS_LEFT:
            start, end = known + left - MONTH_DAYS, known + left
            if start >= 0 and end <= len(amounts) and sum(amounts[start:end]) > 0:
                projected = ahead[left - 1].plus(sum(amounts[start:known]))
                found[left].append(MonthTrial(projected, sum(amounts[start:end])))
    return found


def month_summary(found: Sequence[MonthTrial]) -> MonthSummary:
    """What the months say together. Raises StatisticsError for none."""
    ends = [one.projected for one in found]
    return MonthSummary(
        len(found),
        fmean(one.error for one in found),
        fmean(one.is_inside(end.low_80, end.high_80) for one, end in zip(found, ends, strict=True)),
        fmean(one.is_inside(end.low_95, end.high_95) for one, end in zip(found, ends, strict=True)),
    )


def simulated(seed: int = 0) -> Mapping[str, list[float]]:
    """Series of 180 days as bills have them, in USD a day, with a weekend and some luck; always the same for a seed."""
    luck = random.Random(seed)  # noqa: S311 - no secret

    def series(level: Callable[[int], float]) -> list[float]:
        return [
            level(day) * (0.55 if day % WEEK >= 5 else 1.0) * luck.gauss(1.0, 0.08) for day in range(SIMULATED_DAYS)
        ]

    return {
        "steady": series(lambda day: 100.0),
        "growing by a fifth a month": series(lambda day: 100.0 * 1.2 ** (day / 30)),
        "growth that ends on day 90": series(lambda day: 100.0 * 1.2 ** (min(day, 90) / 30)),
        "doubled on day 90": series(lambda day: 100.0 * (1 + (day >= 90))),
        "shrinking by a tenth a month": series(lambda day: 100.0 * 0.9 ** (day / 30)),
    }
