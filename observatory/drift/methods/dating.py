"""When a change began: the weights of a change-point profile.

The log-likelihood of "one level before day s, another from s on" is taken for every s; exp of it, normed, is how much
each day deserves to be called the start.
"""

import math
from collections.abc import Sequence
from datetime import date, timedelta
from typing import TypeVar

from observatory.drift.methods.shape import Counted, Finding, Started

Day = TypeVar("Day", bound=Counted)

TAIL = 0.05
"""Weight cut off at either end: the interval holds 90 %."""

NEAR_BEFORE = timedelta(days=2)
NEAR_AFTER = timedelta(days=1)


def of_finding(days: Sequence[Day], finding: Finding) -> list[Day]:
    """The days that can tell when a finding's change began: from its watch on, until it was resolved."""
    return [
        day
        for day in days
        if day.day >= finding.watched_from and (finding.resolved_day is None or day.day <= finding.resolved_day)
    ]


def started(days: Sequence[date], profile: Sequence[float], alarm_day: date) -> Started:
    """The start from `profile`, the log-likelihood of a change at the beginning of each of `days`.

    No change begins after the alarm it raised. Raises ValueError when no day is left.
    """
    candidates = [(day, fit) for day, fit in zip(days, profile, strict=True) if day <= alarm_day]
    if not candidates:
        raise ValueError("no day until the alarm")
    best = max(fit for _, fit in candidates)
    weights = [math.exp(fit - best) for _, fit in candidates]
    total = math.fsum(weights)
    likeliest = candidates[max(range(len(weights)), key=weights.__getitem__)][0]
    low = high = None
    seen = 0.0
    for (day, _), weight in zip(candidates, weights, strict=True):
        seen += weight / total
        if low is None and seen >= TAIL:
            low = day
        if high is None and seen >= 1 - TAIL:
            high = day
    return Started(likeliest, low or candidates[0][0], high or candidates[-1][0])


def is_near(day: date, start: Started) -> bool:
    """Whether a change event of `day` is listed beside a finding that began at `start`: near, never "the cause"."""
    return start.low - NEAR_BEFORE <= day <= start.high + NEAR_AFTER
