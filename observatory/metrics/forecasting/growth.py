"""How cost follows the number of users: the growth multiplier. Pure.

Cost goes with a power of the users, cost ∝ users^k: where users grow by a fifth, cost grows by 1.2^k. k is above 1 where
heavy users stay, prompts lengthen and people find more to ask; 1.2 to 1.5 are usual, and 1.3 is what one plans with.

It is fitted from changes between consecutive whole months, u = Δ ln users and c = Δ ln cost a day, by least squares
through zero, b = Σuc / Σu² with variance v = s² / Σu² (changes, not levels: a price that falls once moves one change and
not all later months). What one plans with is the prior, k ~ N(1.3, 0.15²), of which the usual range is two standard
deviations wide; so the estimate is (b/v + 1.3/τ²) / (1/v + 1/τ²), and a few months of hardly moving users leave it
where it was. Its range, −0.1 and +0.2 at first, shrinks as the standard deviation does.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from observatory.metrics.months import month_after

PLANNED, CAUTIOUS, BOLD = 1.3, 1.2, 1.5
PRIOR_DEVIATION = 0.15
LEAST_CHANGES = 3
LEAST_MOVEMENT = 0.01
"""Σu²: below it users hardly moved (three months by six per cent), and that tells nothing of what follows them."""
LEAST_RESIDUAL = 0.05
"""No month's cost is explained by its users alone: a smaller residual is luck."""
SMALLEST, LARGEST = 0.5, 2.0


@dataclass(frozen=True)
class MonthOfUse:
    """A whole month: cost in USD per day, and its distinct users (None: not known)."""

    month: date
    cost_per_day: float
    users: int | None


@dataclass(frozen=True)
class Multiplier:
    """k with its range; `changes`: of how many months it was fitted from, 0 where it is what one plans with."""

    value: float = PLANNED
    low: float = CAUTIOUS
    high: float = BOLD
    changes: int = 0

    @property
    def is_default(self) -> bool:
        """Whether one's own history says too little so far."""
        return self.changes == 0

    def times(self, growth: float) -> tuple[float, float, float]:
        """What users × `growth` make of the cost: the conservative, the expected and the aggressive factor, in order."""
        low, high = sorted((growth**self.low, growth**self.high))
        return low, growth**self.value, high


DEFAULT = Multiplier()
"""What one plans with."""


def multiplier(months: Sequence[MonthOfUse]) -> Multiplier:
    """Fit k from whole months in order; the default for under `LEAST_CHANGES` changes or `LEAST_MOVEMENT`."""
    changes = _changes(months)
    movement = math.fsum(users * users for users, _ in changes)
    if len(changes) < LEAST_CHANGES or movement < LEAST_MOVEMENT:
        return DEFAULT
    slope = math.fsum(users * cost for users, cost in changes) / movement
    left = math.fsum((cost - slope * users) ** 2 for users, cost in changes) / (len(changes) - 1)
    weight = movement / max(left, LEAST_RESIDUAL**2)
    prior = 1 / PRIOR_DEVIATION**2
    value = (slope * weight + PLANNED * prior) / (weight + prior)
    narrowed = math.sqrt(prior / (weight + prior))
    low, high = value - (PLANNED - CAUTIOUS) * narrowed, value + (BOLD - PLANNED) * narrowed
    return Multiplier(_bounded(value), _bounded(low), _bounded(high), len(changes))


def _changes(months: Sequence[MonthOfUse]) -> list[tuple[float, float]]:
    """(Δ ln users, Δ ln cost) of months that follow each other and have both."""
    return [
        (math.log(now.users / then.users), math.log(now.cost_per_day / then.cost_per_day))
        for then, now in pairwise(months)
        if month_after(then.month, 1) == now.month
        and then.users and now.users
        and then.cost_per_day > 0 and now.cost_per_day > 0
    ]  # fmt: skip


def _bounded(value: float) -> float:
    return min(LARGEST, max(SMALLEST, value))
