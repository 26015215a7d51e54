"""Arithmetic of months, figures, answers and growth, for derived metrics. Pure: no Django here."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import combinations
from statistics import median

from ingest.timeline import Window
from observatory.metrics.months import month_after, month_window
from observatory.metrics.statistics import Z95

ALL_TIERS = ""
STANDS_IN = 2
"""The newest figure stands for so many months after its own, until theirs come."""

FLAT = 0.02
"""A cost per user that moves by less than this a month is flat."""

LEAST_MONTHS = 3
WHAT_IF = (10, 100, 1_000)
PROMOTERS_FROM, DETRACTORS_TO = 9, 6


class Verdict(StrEnum):
    """How the cost per user goes from month to month."""

    FALLING = "falling"
    FLAT = "flat"
    CREEPING_UP = "creeping up"
    LEARNING = "learning"


@dataclass(frozen=True, slots=True)
class Scale:
    """What so many times the users would cost in a month, in USD."""

    times: int
    users: int
    cost_usd: float

    @property
    def cost_per_user_usd(self) -> float:
        """The cost of one of them."""
        return self.cost_usd / self.users


def of_all_tiers(by_tier: Mapping[str, Decimal]) -> Decimal:
    """A month's figure: the one sent for all tiers, else the sum of the tiers'."""
    return by_tier[ALL_TIERS] if ALL_TIERS in by_tier else sum(by_tier.values(), Decimal(0))


def standing_for(figures: Mapping[date, Decimal], month: date) -> Decimal | None:
    """A month's figure; while no later one is known either, the newest of at most STANDS_IN months before."""
    if month in figures or not figures:
        return figures.get(month)
    newest = max(figures)
    return figures[newest] if newest < month <= month_after(newest, STANDS_IN) else None


def spread(figures: Mapping[date, Decimal], window: Window, months: Sequence[date], zone_name: str) -> float | None:
    """What months' figures come to in a window, spread evenly over their instants; None where one is unknown."""
    total = 0.0
    for month in months:
        whole = month_window(month, zone_name)
        shared = min(window.end, whole.end) - max(window.start, whole.start)
        figure = standing_for(figures, month)
        if figure is None:
            return None
        total += float(figure) * max(0.0, shared / whole.length)
    return total


def promoter_score(answers: int, promoters: int, detractors: int) -> tuple[float, tuple[float, float]]:
    """Promoters minus detractors as a share of the answers, −1 to 1, and its 95 % interval.

    The normal interval of a difference of two shares of one sample; its variance is that of one promoter and one
    detractor more, so that unanimous answers are not certain.
    """
    score = (promoters - detractors) / answers
    n = answers + 2
    variance = ((promoters + detractors + 2) / n - ((promoters - detractors) / n) ** 2) / n
    half = Z95 * math.sqrt(variance)
    return score, (max(-1.0, score - half), min(1.0, score + half))


def poisson_interval(count: int) -> tuple[float, float]:
    """The 95 % score interval of the mean of a Poisson count: the means m with |count − m| ≤ 1.96 √m."""
    centre, half = count + Z95 * Z95 / 2, Z95 * math.sqrt(count + Z95 * Z95 / 4)
    return max(0.0, centre - half), centre + half


def what_if(users: int, cost_usd: float, growth: float) -> tuple[Scale, ...]:
    """The month at 10, 100 and 1,000 times its users, where 1 % more users costs `growth` % more.

    Compounded, cost ∝ users^growth: ten times and then ten times again is a hundred times.
    """
    return tuple(Scale(times, users * times, cost_usd * times**growth) for times in WHAT_IF)


def value_before(now: float, change: float) -> float | None:
    """What a value was before it changed by so much of itself: change = now / before − 1.

    None where nothing is left of it (−1): that it does not tell.
    """
    return now / (1 + change) if change > -1 else None


def verdict_of(costs_per_user: Sequence[float]) -> Verdict:
    """The median change a month between any two of consecutive months (Theil and Sen, of logarithms)."""
    known = [(number, math.log(cost)) for number, cost in enumerate(costs_per_user) if cost > 0]
    if len(known) < LEAST_MONTHS:
        return Verdict.LEARNING
    slope = median((after[1] - before[1]) / (after[0] - before[0]) for before, after in combinations(known, 2))
    if abs(math.expm1(slope)) < FLAT:
        return Verdict.FLAT
    return Verdict.CREEPING_UP if slope > 0 else Verdict.FALLING
