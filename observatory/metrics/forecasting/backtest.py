"""How wrong forecasts would have been: made again at the end of past days, held against what came. Pure."""

import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from statistics import median

from observatory.metrics.forecasting.smoothing import LEAST_DAYS, WEEK, TooFew, fit, project

EVERY_DAYS = 3
AHEAD_DAYS = (7, 28)
SIMULATED_DAYS = 180


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
    for known in range(LEAST_DAYS, len(amounts) - ahead + 1, EVERY_DAYS):
        came = sum(amounts[known : known + ahead])
        if came <= 0:
            continue
        with suppress(TooFew):
            projection = project(fit(amounts[:known]), ahead)
            repeated = sum(amounts[known - WEEK : known]) * ahead / WEEK
            found.append(Trial(projection.expected, projection.low, projection.high, came, repeated))
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
