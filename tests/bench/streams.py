"""Labelled streams for the drift benchmark: many runs at once, with users who come back, differ and leave.

A product's ratings are not coin throws. Here regular users give 60 % of them: their volume is Zipf-like, each is active
on some days only and has a rate of its own, and each is replaced by somebody else now and then. The rest come from
people seen once. Weekends are quieter and a little different, and every day has a small luck of its own. "Unchanged"
means that the population these users are drawn from does not change.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from observatory.drift.methods.means import MeanDay
from observatory.drift.methods.rates import RateDay

Floats = NDArray[np.float64]

FIRST_DAY = date(2025, 1, 6)
BASELINE = 28
WATCHED = 90
CHUNK = 250
"""Runs simulated at once; bounds the memory."""

WEEK_VOLUME = np.array([1.15, 1.2, 1.2, 1.15, 1.1, 0.6, 0.6])
WEEK_SHIFT = np.array([0.0, 0.0, 0.0, 0.0, 0.0, -0.08, -0.08])


@dataclass(frozen=True)
class People:
    """Who uses the product. Standard deviations are on the logit scale (rates) or in log units (means)."""

    regular_share: float = 0.6
    regulars_per_daily_call: float = 1.0
    most_regulars: int = 400
    rank_shift: float = 10.0
    active_share: float = 0.5
    taste_sd: float = 0.8
    day_sd: float = 0.05
    leave_within_days: float = 180.0


@dataclass(frozen=True)
class Table:
    """Daily figures of many runs, each array (runs, days)."""

    n: NDArray[np.int64]
    k: NDArray[np.int64]
    s: Floats
    users: NDArray[np.int64]

    def runs(self) -> Iterator[list[RateDay]]:
        """Each run as the days that a method takes."""
        dates = _dates(self.n)
        columns = zip(self.n.tolist(), self.k.tolist(), self.s.tolist(), self.users.tolist(), strict=True)
        for rows in columns:
            days = zip(*rows, strict=True)
            yield [RateDay(day, *numbers) for day, numbers in zip(dates, days, strict=True)]


def unchanged(rate: float, days: int = BASELINE + WATCHED) -> Floats:
    """A population rate that stays."""
    return np.full(days, rate)


def slide(before: float, after: float, length: int, days: int = BASELINE + WATCHED) -> Floats:
    """A population rate that moves linearly in `length` days, beginning with the first watched day."""
    path = np.interp(np.arange(1, days - BASELINE + 1), [0, length], [before, after])
    return np.concatenate([np.full(BASELINE, before), path])


def rates(rng: np.random.Generator, runs: int, per_day: float, path: Floats, people: People) -> Table:
    """Ratings of `runs` products with `per_day` a day on average, whose population rate follows `path`."""
    parts = [_rates(rng, min(CHUNK, runs - start), per_day, path, people) for start in range(0, runs, CHUNK)]
    return Table(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("n", "k", "s", "users")))


def _rates(rng: np.random.Generator, runs: int, per_day: float, path: Floats, people: People) -> Table:
    days = len(path)
    n, k, users = (np.zeros((runs, days), dtype=np.int64) for _ in range(3))
    s = np.zeros((runs, days))
    volume = _volumes(per_day, people)
    taste = rng.normal(0, people.taste_sd, (runs, len(volume)))
    for d in range(days):
        shift = WEEK_SHIFT[d % 7] + rng.normal(0, people.day_sd, (runs, 1))
        taste = _replaced(rng, taste, people)
        chance = _mixed(path[d], people.taste_sd, shift + taste)
        calls = volume * WEEK_VOLUME[d % 7] * (rng.random(taste.shape) < people.active_share) / people.active_share
        good = rng.poisson(calls * chance)
        bad = rng.poisson(calls * (1 - chance))
        once = rng.poisson(per_day * (1 - people.regular_share) * WEEK_VOLUME[d % 7], runs)
        once_good = rng.binomial(once, _mixed(path[d], 0.0, shift[:, 0]))
        n[:, d] = (good + bad).sum(1) + once
        k[:, d] = good.sum(1) + once_good
        p = (k[:, d] / np.maximum(1, n[:, d]))[:, None]
        of_regulars = ((good * (1 - p) - bad * p) ** 2).sum(1)
        s[:, d] = of_regulars + once_good * (1 - p[:, 0]) ** 2 + (once - once_good) * p[:, 0] ** 2
        users[:, d] = (good + bad > 0).sum(1) + once
    return Table(n, k, s, users)


@dataclass(frozen=True)
class MeanTable:
    """Daily figures of a mean in many runs, each array (runs, days)."""

    n: NDArray[np.int64]
    mean_ln: Floats
    v: Floats
    users: NDArray[np.int64]

    def runs(self) -> Iterator[list[MeanDay]]:
        """Each run as the days that a method takes; the plain sum is that of the typical value."""
        dates = _dates(self.n)
        columns = zip(self.n.tolist(), self.mean_ln.tolist(), self.v.tolist(), self.users.tolist(), strict=True)
        for rows in columns:
            days = zip(*rows, strict=True)
            yield [
                MeanDay(day, n, y, v, users, n * math.exp(y)) for day, (n, y, v, users) in zip(dates, days, strict=True)
            ]


def means(
    rng: np.random.Generator, runs: int, per_day: float, path: Floats, people: People, sd: float = 1.0
) -> MeanTable:
    """Log tokens of `runs` products whose population mean follows `path`; `sd` is that of one user's calls."""
    days = len(path)
    n, users = (np.zeros((runs, days), dtype=np.int64) for _ in range(2))
    mean_ln, v = np.zeros((runs, days)), np.zeros((runs, days))
    volume = _volumes(per_day, people)
    taste = rng.normal(0, people.taste_sd, (runs, len(volume)))
    for d in range(days):
        level = path[d] + WEEK_SHIFT[d % 7] + rng.normal(0, people.day_sd, (runs, 1))
        taste = _replaced(rng, taste, people)
        active = rng.random(taste.shape) < people.active_share
        calls = rng.poisson(volume * WEEK_VOLUME[d % 7] * active / people.active_share)
        sums = calls * (level + taste) + np.sqrt(calls) * sd * rng.normal(size=calls.shape)
        once = rng.poisson(per_day * (1 - people.regular_share) * WEEK_VOLUME[d % 7], runs)
        once_sd = np.hypot(sd, people.taste_sd)
        once_mean = level[:, 0] + once_sd * rng.normal(size=runs) / np.sqrt(np.maximum(1, once))
        n[:, d] = calls.sum(1) + once
        many = np.maximum(1, n[:, d])
        mean_ln[:, d] = (sums.sum(1) + once * once_mean) / many
        once_squares = once_sd**2 * rng.chisquare(np.maximum(1, once - 1)) + once * (once_mean - mean_ln[:, d]) ** 2
        v[:, d] = (((sums - calls * mean_ln[:, d, None]) ** 2).sum(1) + once_squares) / many**2
        users[:, d] = (calls > 0).sum(1) + once
    return MeanTable(n, mean_ln, v, users)


def _dates(table: NDArray[np.int64]) -> list[date]:
    return [FIRST_DAY + timedelta(days=number) for number in range(table.shape[1])]


def _volumes(per_day: float, people: People) -> Floats:
    """Mean calls a day of each regular user, by rank."""
    regulars = int(min(people.most_regulars, max(10, people.regulars_per_daily_call * per_day)))
    weight: Floats = 1 / (np.arange(regulars) + people.rank_shift)
    volumes: Floats = per_day * people.regular_share * weight / weight.sum()
    return volumes


def _replaced(rng: np.random.Generator, taste: Floats, people: People) -> Floats:
    """The tastes after a day on which some users left and others took their place."""
    leaves = rng.random(taste.shape) < 1 / people.leave_within_days
    taste[leaves] = rng.normal(0, people.taste_sd, int(leaves.sum()))
    return taste


def _mixed(rate: float, taste_sd: float, shift: Floats) -> Floats:
    """Rates whose mean over tastes is `rate`: a logistic-normal mean is pulled to one half by sqrt(1 + 0.346 sd²)."""
    centre = np.log(rate / (1 - rate)) * np.sqrt(1 + 0.346 * taste_sd**2)
    mixed: Floats = 1 / (1 + np.exp(-(centre + shift)))
    return mixed
