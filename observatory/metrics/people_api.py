"""GET /people/costs and GET /people/cohorts: what users cost, and who stays."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.api.documented import Documented
from observatory.metrics import asking, series
from observatory.metrics.asking import Question
from observatory.metrics.definitions import METRICS, Metric
from observatory.metrics.people import UserCosts
from observatory.metrics.people_reader import MOST_LISTED, MOST_PERIODS, CohortTable
from observatory.metrics.people_shapes import (
    CohortShape,
    CohortsShape,
    RetainedShape,
    RetentionShape,
    SampledShape,
    SpenderShape,
    UserCostsShape,
)
from observatory.metrics.reading import State
from observatory.metrics.retention import Cohort, Retention
from observatory.metrics.rounding import money
from observatory.metrics.statistics import wilson

FILTERS = {"feature": "only this feature"}
COSTS = {
    **asking.TIMES,
    "window": "for example 30d, or today, week, month; this month unless told",
    **FILTERS,
    "tier": "only users last seen with this plan tier",
    "segment": "only users last seen in this segment",
    "limit": "how many of the largest users, 0 to 100; 20 unless told",
}
SAMPLED = {
    **{f"p{percent}_usd": f"user_cost_p{percent}" for percent in (90, 95, 99)},
    "top1_share": "user_cost_top1_share",
}
"""Numbers that need many users → the metric that says how many."""

COHORTS = {"period": "month or week; month unless told", "count": "how many, 2 to 12; 6 unless told", **FILTERS}


class Costs(APIView):
    """What users cost: percentiles, the Lorenz curve, the share of the top 1 % and the largest users."""

    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read user costs", COSTS, UserCostsShape, refusals=(404,))
    }

    def get(self, request: Request) -> HttpResponse:
        """The users of a window's local days; calls without a user are nobody's."""

        def read(of: Question) -> UserCostsShape:
            window = of.window(METRICS["user_cost_p90"].window)
            largest = asking.number(of.asked, "limit", 20, 0, MOST_LISTED)
            chosen = {name: of.asked.get(name) for name in ("feature", "tier", "segment")}
            return costs_shape(series.users(window, **chosen, largest=largest, now=of.now))

        return asking.answer(request, COSTS, read)


class Cohorts(APIView):
    """Who stays: users by the month or week they activated in, and retention after 30, 60 and 90 days."""

    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read cohorts", COHORTS, CohortsShape, refusals=(404,))
    }

    def get(self, request: Request) -> HttpResponse:
        """The cohorts of the last periods, and how many of each called in each later one."""

        def read(of: Question) -> CohortsShape:
            period, feature = of.asked.get("period", "month"), of.asked.get("feature")
            count = asking.number(of.asked, "count", 6, 2, MOST_PERIODS)
            return cohorts_shape(series.cohorts(period=period, count=count, feature=feature, now=of.now), of.now)

        return asking.answer(request, COHORTS, read)


def costs_shape(found: UserCosts) -> UserCostsShape:
    """An answer as the API shows it."""
    of = {share: money(cost) for share, cost in found.percentiles.items()}
    largest: list[SpenderShape] = [
        {
            "user_id": one.user_id,
            "calls": one.calls,
            "cost_usd": None if found.total_usd is None else money(one.cost_usd),
            "multiple": one.multiple,
        }
        for one in found.largest
    ]
    return {
        "first_day": found.first,
        "last_day": found.last,
        "complete": found.is_complete,
        "users": found.users,
        "total_usd": money(found.total_usd),
        "mean_usd": money(found.mean_usd),
        "p50_usd": of.get(0.5),
        "p90_usd": of.get(0.9),
        "p95_usd": of.get(0.95),
        "p99_usd": of.get(0.99),
        "top1_share": found.top1_share,
        "states": {name: _state(METRICS[metric], found) for name, metric in SAMPLED.items()},
        "lorenz": [*found.lorenz],
        "largest": largest,
    }


def _state(metric: Metric, found: UserCosts) -> SampledShape:
    """As the metric of this number would say it of so many users."""
    is_few = found.users < metric.minimum_sample
    state = State.NO_DATA if found.total_usd is None else State.LEARNING if is_few else State.OK
    return {"state": state, "minimum_sample": metric.minimum_sample}


def cohorts_shape(found: CohortTable, now: datetime) -> CohortsShape:
    """A table as the API shows it."""
    return {
        "period": found.period,
        "asked_at": now,
        "complete": found.is_complete,
        "earlier_users": found.earlier,
        "cohorts": [_cohort(cohort) for cohort in found.cohorts],
        "retention": [_retention(one) for one in found.retention],
    }


def _cohort(cohort: Cohort) -> CohortShape:
    return {
        "first_day": cohort.first,
        "last_day": cohort.last,
        "users": cohort.n,
        "periods": [_retained(active, cohort.n) for active in cohort.active],
    }


def _retention(one: Retention) -> RetentionShape:
    return {
        "after_days": one.after,
        "last_day": one.last,
        "users": one.n,
        "activated": _retained(one.active, one.n),
        "control_users": one.control,
        "never_activated": _retained(one.control_seen, one.control),
    }


def _retained(active: int, n: int) -> RetainedShape:
    if n == 0:
        return {"active": 0, "rate": None, "interval": None}
    interval = wilson(active, n)
    return {"active": active, "rate": active / n, "interval": (interval.low, interval.high)}
