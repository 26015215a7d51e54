"""Exponential smoothing of logarithms with a damped trend and a rhythm of seven days. Pure; only paths into the future load numpy.

Bills grow by shares and their weekends shrink by shares, so what is smoothed is ln(amount + c); c, a twentieth of the mean
of the last eight weeks, keeps days without anything finite. The model is ETS(A,Ad,A) of Hyndman and Athanasopoulos,
Forecasting: Principles and Practice (3rd ed.), section 8.5: with level l, trend b, rhythm s, damping φ and error e,

    z(t) = l + φ·b + s(t−7) + e,   l' = l + φ·b + α·e,   b' = φ·b + β·e,   s' = s(t−7) + γ·e.

Intervals come from paths into the future with errors drawn by a fixed seed (section 8.7): the same days give the same.
Each path also begins with an error of its own in the level, σ/√n, since that is fitted and not known.
Two to four weeks say too little about a trend: level and rhythm are then smoothed with fixed weights.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

from observatory.metrics.forecasting.calming import calmed
from observatory.metrics.forecasting.simplex import lowest

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEEK = 7
LEAST_DAYS = 14
"""Fewer say too little about a rhythm of a week."""
TREND_DAYS = 28
"""Fewer say too little about a trend."""
OFFSET_SHARE = 0.05
PATHS = 4_000
SLOW_START, QUICK_START = (-1.0, -2.0, -2.0, 1.0), (1.0, -2.0, -3.0, -1.0)
"""Where the search for weights begins, as logits: a series that hardly moves, and one whose level jumps."""
TAKEN_FROM_DATA, TAKEN_AT_FIRST = 12, 8
"""Four weights, level, trend and six free days of the rhythm; at first no weights and no trend, but a deviation."""


class TooFew(Exception):
    """There are fewer days than a model needs."""


@dataclass(frozen=True)
class Weights:
    """How quickly each part follows what is seen (α, β, γ, each 0 to 1); how much of a trend the next day keeps (φ)."""

    level: float
    trend: float
    rhythm: float
    damping: float


@dataclass(frozen=True)
class State:
    """Where the series stands after a day; `rhythm` has the coming seven days in order."""

    level: float
    trend: float
    rhythm: tuple[float, ...]

    def expected(self, damping: float) -> float:
        """The next day."""
        return self.level + damping * self.trend + self.rhythm[0]

    def after(self, error: float, weights: Weights) -> "State":
        """The state after a day that missed its expectation by `error`."""
        kept = weights.damping * self.trend
        return State(
            self.level + kept + weights.level * error,
            kept + weights.trend * error,
            (*self.rhythm[1:], self.rhythm[0] + weights.rhythm * error),
        )


@dataclass(frozen=True)
class Fit:
    """Fitted logarithms: weights, the state at their end, the standard deviation of an error, and c.

    `expected` has, for every day known, what the days before it let expect, `known_days` in all.
    """

    weights: Weights
    state: State
    deviation: float
    offset: float
    expected: tuple[float, ...]

    @property
    def known_days(self) -> int:
        """How many days it was fitted from."""
        return len(self.expected)


@dataclass(frozen=True)
class Projection:
    """The sum of some coming days: the middle one of all paths, and where 95 % of them end."""

    expected: float
    low: float
    high: float


def project(fit: Fit, ahead: int) -> Projection:
    """The sum of the next days; never below zero, as amounts are."""
    import numpy as np

    low, expected, high = np.quantile(paths(fit, ahead).sum(axis=1).clip(0.0), (0.025, 0.5, 0.975))
    return Projection(float(expected), float(low), float(high))


def paths(fit: Fit, ahead: int) -> "NDArray[Any]":
    """`PATHS` ways that the amounts of the next days may take: an array of paths × days.

    Its luck has a fixed seed. An amount may be below zero by c at most: sums are what has to be cut off there.
    """
    import numpy as np

    luck = np.random.default_rng(0)
    weights, state = fit.weights, fit.state
    errors = luck.normal(0.0, fit.deviation, (ahead, PATHS))
    level = state.level + luck.normal(0.0, fit.deviation / math.sqrt(fit.known_days), PATHS)
    trend = np.full(PATHS, state.trend)
    rhythm = [np.full(PATHS, day) for day in state.rhythm]
    amounts = np.empty((PATHS, ahead))
    for day, error in enumerate(errors):
        place, trend = day % WEEK, weights.damping * trend
        amounts[:, day] = np.exp(level + trend + rhythm[place] + error) - fit.offset
        level = level + trend + weights.level * error
        trend = trend + weights.trend * error
        rhythm[place] = rhythm[place] + weights.rhythm * error
    return amounts


def fit(amounts: Sequence[float]) -> Fit:
    """Fit the amounts of consecutive days, the oldest first, by least squares of one day's errors.

    Raises TooFew for less than `LEAST_DAYS`, or when nothing came in the last eight weeks.
    """
    offset = OFFSET_SHARE * fmean(amounts[-8 * WEEK :] or [0.0])
    if len(amounts) < LEAST_DAYS or offset <= 0:
        raise TooFew(f"{len(amounts)} days; a forecast needs {LEAST_DAYS}, and something in them")
    logarithms = calmed([math.log(max(0.0, amount) + offset) for amount in amounts]).series
    if len(amounts) < TREND_DAYS:
        return _fitted(logarithms, _first_weeks(logarithms), FIXED, offset, TAKEN_AT_FIRST)
    begin = first_state(logarithms)

    def squares(free: Sequence[float]) -> float:
        return smoothed(logarithms, begin, _weights(free))[1]

    found, _ = min((lowest(squares, start) for start in (QUICK_START, SLOW_START)), key=lambda one: one[1])
    return _fitted(logarithms, begin, _weights(found), offset, TAKEN_FROM_DATA)


def _fitted(series: Sequence[float], begin: State, weights: Weights, offset: float, taken: int) -> Fit:
    """With the deviation of few days widened as Student's distribution is: by (z² + 1) / 4 of a free day's share."""
    state, squares = smoothed(series, begin, weights)
    free_days = max(1, len(series) - taken)
    deviation = math.sqrt(squares / free_days) * (1 + (1.96**2 + 1) / (4 * free_days))
    return Fit(weights, state, deviation, offset, tuple(expectations(series, begin, weights)))


def expectations(series: Sequence[float], begin: State, weights: Weights) -> Iterator[float]:
    """What was to be expected of each day of a series by those before it."""
    state = begin
    for seen in series:
        expected = state.expected(weights.damping)
        yield expected
        state = state.after(seen - expected, weights)


def smoothed(series: Sequence[float], begin: State, weights: Weights) -> tuple[State, float]:
    """Go through the days of a series: the state after the last one, and the sum of the squares of all errors."""
    level, trend, rhythm = begin.level, begin.trend, list(begin.rhythm)
    alpha, beta, gamma, phi = weights.level, weights.trend, weights.rhythm, weights.damping
    squares = 0.0
    for number, seen in enumerate(series):
        place, kept = number % WEEK, phi * trend
        error = seen - (level + kept + rhythm[place])
        level += kept + alpha * error
        trend = kept + beta * error
        rhythm[place] += gamma * error
        squares += error * error
    turn = len(series) % WEEK
    return State(level, trend, (*rhythm[turn:], *rhythm[:turn])), squares


def first_state(series: Sequence[float]) -> State:
    """A plain guess from the first four weeks: means of weeks give level and trend, what is left gives the rhythm."""
    weeks = [fmean(series[start : start + WEEK]) for start in range(0, TREND_DAYS, WEEK)]
    trend = (weeks[-1] + weeks[-2] - weeks[0] - weeks[1]) / (4 * WEEK)
    level = fmean(weeks) - trend * (TREND_DAYS + 1) / 2
    left = [seen - level - trend * (number + 1) for number, seen in enumerate(series[:TREND_DAYS])]
    days = [fmean(left[day::WEEK]) for day in range(WEEK)]
    return State(level, trend, tuple(day - fmean(days) for day in days))


def _first_weeks(series: Sequence[float]) -> State:
    """Where two or three weeks begin: their mean, no trend, and the means of their days of the week."""
    level = fmean(series)
    days = [fmean(series[day::WEEK]) - level for day in range(WEEK)]
    return State(level, 0.0, tuple(day - fmean(days) for day in days))


FIXED = Weights(level=0.2, trend=0.0, rhythm=0.1, damping=0.9)
"""Weights for the first weeks, which are too few to fit any."""

_LEAST_DAMPING, _MOST_DAMPING = 0.8, 0.98
"""The usual bounds: below them a trend is gone at once, above them it hardly ends."""


def _weights(free: Sequence[float]) -> Weights:
    """Any four numbers as weights within their bounds: 0 < β < α < 1 and 0 < γ < 1 − α."""
    level, trend, rhythm, damping = (1 / (1 + math.exp(-max(-30.0, min(30.0, one)))) for one in free)
    found = Weights(level, trend * level, rhythm * (1 - level), damping)
    return replace(found, damping=_LEAST_DAMPING + (_MOST_DAMPING - _LEAST_DAMPING) * damping)
