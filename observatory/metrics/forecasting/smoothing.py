"""Exponential smoothing of logarithms with a damped trend and a rhythm of seven days. Pure; only the fit loads numpy and scipy.

Bills grow by shares and their weekends shrink by shares, so what is smoothed is ln(amount + c); c, a twentieth of the mean
of the last eight weeks, keeps days without anything finite. The model is ETS(A,Ad,A) of Hyndman and Athanasopoulos,
Forecasting: Principles and Practice (3rd ed.), section 8.5: with level l, trend b, rhythm s, damping φ and error e,

    z(t) = l + φ·b + s(t−7) + e,   l' = l + φ·b + α·e,   b' = φ·b + β·e,   s' = s(t−7) + γ·e.

Intervals come from paths into the future with errors drawn by a fixed seed (section 8.7): the same days give the same.
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

WEEK = 7
LEAST_DAYS = 28
"""Fewer say too little about a rhythm of a week and a trend."""
OFFSET_SHARE = 0.05
PATHS = 500
SLOW_START, QUICK_START = (-1.0, -2.0, -2.0, 1.0), (1.0, -2.0, -3.0, -1.0)
"""Where the search for weights begins, as logits: a series that hardly moves, and one whose level jumps."""
TAKEN_FROM_DATA = 12
"""Four weights, level, trend and six free days of the rhythm."""


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
    """Fitted logarithms: weights, the state at their end, the standard deviation of an error, and c."""

    weights: Weights
    state: State
    deviation: float
    offset: float

    def path(self, ahead: int, luck: random.Random) -> float:
        """The sum of the amounts of the next days on one way that they may take."""
        state, total = self.state, 0.0
        for _ in range(ahead):
            error = luck.gauss(0.0, self.deviation)
            total += math.exp(state.expected(self.weights.damping) + error) - self.offset
            state = state.after(error, self.weights)
        return max(0.0, total)


@dataclass(frozen=True)
class Projection:
    """The sum of some coming days: the middle one of all paths, and where 95 % of them end."""

    expected: float
    low: float
    high: float


def project(fit: Fit, ahead: int) -> Projection:
    """The sum of the next days; never below zero, as amounts are."""
    luck = random.Random(0)  # noqa: S311 - no secret
    sums = sorted(fit.path(ahead, luck) for _ in range(PATHS))
    return Projection(sums[PATHS // 2], sums[int(PATHS * 0.025)], sums[int(PATHS * 0.975)])


def fit(amounts: Sequence[float]) -> Fit:
    """Fit the amounts of consecutive days, the oldest first, by least squares of one day's errors.

    Raises TooFew for less than `LEAST_DAYS`, or when nothing came in the last eight weeks.
    """
    offset = OFFSET_SHARE * fmean(amounts[-8 * WEEK :] or [0.0])
    if len(amounts) < LEAST_DAYS or offset <= 0:
        raise TooFew(f"{len(amounts)} days; a forecast needs {LEAST_DAYS}, and something in them")
    import numpy as np
    from scipy.optimize import minimize

    logarithms = [math.log(max(0.0, amount) + offset) for amount in amounts]
    begin = first_state(logarithms)

    def squares(free: "NDArray[Any]") -> float:
        return smoothed(logarithms, begin, _weights(free))[1]

    tried = [
        minimize(squares, np.array(start), method="Nelder-Mead", options={"maxiter": 400})
        for start in (QUICK_START, SLOW_START)
    ]
    found = min(tried, key=lambda one: float(one.fun))
    weights = _weights(found.x)
    state, sum_of_squares = smoothed(logarithms, begin, weights)
    free_days = max(1, len(amounts) - TAKEN_FROM_DATA)
    return Fit(weights, state, math.sqrt(sum_of_squares / free_days), offset)


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
    weeks = [fmean(series[start : start + WEEK]) for start in range(0, LEAST_DAYS, WEEK)]
    trend = (weeks[-1] + weeks[-2] - weeks[0] - weeks[1]) / (4 * WEEK)
    level = fmean(weeks) - trend * (LEAST_DAYS + 1) / 2
    left = [seen - level - trend * (number + 1) for number, seen in enumerate(series[:LEAST_DAYS])]
    days = [fmean(left[day::WEEK]) for day in range(WEEK)]
    return State(level, trend, tuple(day - fmean(days) for day in days))


_LEAST_DAMPING, _MOST_DAMPING = 0.8, 0.98
"""The usual bounds: below them a trend is gone at once, above them it hardly ends."""


def _weights(free: "Sequence[float] | NDArray[Any]") -> Weights:
    """Any four numbers as weights within their bounds: 0 < β < α < 1 and 0 < γ < 1 − α."""
    level, trend, rhythm, damping = (1 / (1 + math.exp(-max(-30.0, min(30.0, float(one))))) for one in free)
    found = Weights(level, trend * level, rhythm * (1 - level), damping)
    return replace(found, damping=_LEAST_DAMPING + (_MOST_DAMPING - _LEAST_DAMPING) * damping)
