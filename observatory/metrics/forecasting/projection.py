"""A month's cost against its plan: what has come, what is to come, and when the plan is used up. Pure.

The plan of a month is laid on its days by the weekdays' shares, not evenly: where weekends cost half, an even plan
would be overrun every Friday and kept every Monday.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate
from typing import Literal

from observatory.metrics.forecasting.growth import Multiplier
from observatory.metrics.forecasting.outlook import DAY, Outlook, Range, Recent
from observatory.metrics.months import days_of, month_after

Basis = Literal["users", "trend"]


@dataclass(frozen=True)
class DayOfMonth:
    """Sums from the first of the month to the end of this day, in USD; None is what is not known.

    `actual` is there up to the newest day with data (its last one still open), `projected` from the basis on.
    """

    day: date
    actual: float | None
    plan: float | None
    projected: Range | None


@dataclass(frozen=True)
class Scenarios:
    """A month's cost in USD three ways.

    `by` says what they come from: `users` planned users and the growth multiplier; `trend` the middle of the forecast
    and the ends of its range of 80 % (None while that is not known).
    """

    month: date
    by: Basis
    conservative: float | None
    expected: float
    aggressive: float | None
    plan: float | None
    planned_users: float | None


def plan_by_day(plan: float, month: date, shares: Sequence[float]) -> list[float]:
    """The plan's cumulative sum at the end of each day of the month."""
    weights = [shares[(month + number * DAY).weekday()] for number in range(days_of(month))]
    whole = math.fsum(weights)
    return [plan * so_far / whole for so_far in accumulate(weights)]


def days_of_month(
    month: date, actual: Mapping[date, float], plan: float | None, outlook: Outlook | None
) -> tuple[DayOfMonth, ...]:
    """Every day of the month. `actual`: the amounts of its days from the first on, as far as there are any.

    An outlook that is about another month says nothing of this one.
    """
    cumulative: dict[date, float] = {}
    for number in range(days_of(month)):
        day = month + number * DAY
        if day not in actual:
            break
        cumulative[day] = cumulative.get(day - DAY, 0.0) + actual[day]
    planned = plan_by_day(plan, month, outlook.weekday_shares if outlook else (1.0,) * 7) if plan is not None else None
    projected = _projected(month, cumulative, outlook)
    found = []
    for number in range(days_of(month)):
        day = month + number * DAY
        found.append(DayOfMonth(day, cumulative.get(day), planned[number] if planned else None, projected.get(day)))
    return tuple(found)


def _projected(month: date, cumulative: Mapping[date, float], outlook: Outlook | None) -> dict[date, Range]:
    """What has come by the basis and what is to come after it; from the basis itself on, where the month has it."""
    if outlook is None or outlook.month != month or not outlook.ahead:
        return {}
    begin = outlook.basis + DAY
    spent = cumulative.get(outlook.basis, 0.0 if begin == month else None)
    if spent is None:
        return {}
    found = {begin + number * DAY: one.plus(spent) for number, one in enumerate(outlook.ahead)}
    return found if begin == month else {outlook.basis: Range(spent, spent, spent, spent, spent), **found}


def over_plan_on(days: Sequence[DayOfMonth], plan: float | None) -> date | None:
    """The first day whose sum, as it came or else as it is expected, is more than the whole month's plan."""
    if plan is None:
        return None
    for day in days:
        if max(day.actual or 0.0, day.projected.expected if day.projected else 0.0) > plan:
            return day.day
    return None


def scenarios(
    outlook: Outlook, end: Range | None, plans: Mapping[date, float], planned_users: Mapping[date, float]
) -> tuple[Scenarios, ...]:
    """This month (its `end`) and those after it.

    Where a later month's users are planned: the cost of a recent day × its days × (planned / recent users)^k.
    """
    found = []
    if end is not None:
        found.append(_by_trend(outlook.month, end, plans, planned_users))
    for number, trend in enumerate(outlook.later, start=1):
        month = month_after(outlook.month, number)
        users = planned_users.get(month)
        if users and outlook.recent.users:
            found.append(_by_users(month, users, outlook.recent, outlook.multiplier, plans.get(month)))
        else:
            found.append(_by_trend(month, trend, plans, planned_users))
    return tuple(found)


def _by_trend(month: date, end: Range, plans: Mapping[date, float], users: Mapping[date, float]) -> Scenarios:
    return Scenarios(month, "trend", end.low_80, end.expected, end.high_80, plans.get(month), users.get(month))


def _by_users(month: date, users: float, recent: Recent, fitted: Multiplier, plan: float | None) -> Scenarios:
    now = recent.cost_per_day * days_of(month)
    low, expected, high = (now * factor for factor in fitted.times(users / (recent.users or users)))
    return Scenarios(month, "users", low, expected, high, plan, users)
