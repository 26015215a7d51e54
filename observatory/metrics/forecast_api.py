"""GET /forecasts/cost: a month's cost so far, its plan, where it is heading, and the months after it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import ClassVar, TypedDict

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.api.documented import Documented
from ingest.api.views import OnlyJson
from observatory.metrics import asking, forecasts
from observatory.metrics.asking import Question
from observatory.metrics.forecasting.outlook import Range
from observatory.metrics.forecasting.projection import DayOfMonth, Scenarios
from observatory.metrics.forecasts import NEEDED_DAYS, CostForecast
from observatory.metrics.rounding import money

PARAMETERS = {"month": "a year and a month, for example 2026-01; the current month of the project unless told"}


class RangeShape(TypedDict):
    """A sum in USD: `expected`, and where 80 and 95 % of all paths end; null while that is not known."""

    expected: float
    interval_80: tuple[float, float] | None
    interval_95: tuple[float, float] | None


class ForecastDayShape(TypedDict):
    """Sums from the first of the month to the end of a day, in USD."""

    day: str
    actual: float | None
    plan: float | None
    projected: RangeShape | None


class ScenarioShape(TypedDict):
    """A month's cost in USD three ways; `by` is `users` (planned users and the multiplier) or `trend` (the forecast)."""

    month: str
    by: str
    conservative: float | None
    expected: float
    aggressive: float | None
    plan: float | None
    planned_users: float | None


class MultiplierShape(TypedDict):
    """How cost follows users: cost goes with users to the power `value`; `changes` of months it was fitted from."""

    value: float
    low: float
    high: float
    changes: int
    is_default: bool


class ForecastShape(TypedDict):
    """A month's forecast; `state` is ok, learning (`known_days` of `needed_days`) or no_data. Days are the project's own.

    Before `complete_to` everything that it rests on is counted; `warnings` say when history still waits.
    """

    month: str
    unit: str
    state: str
    known_days: int
    needed_days: int
    basis: str | None
    made_at: datetime | None
    complete_to: datetime
    warnings: list[str]
    actual: float | None
    projected: RangeShape | None
    plan: float | None
    over_plan_on: str | None
    multiplier: MultiplierShape
    scenarios: list[ScenarioShape]
    days: list[ForecastDayShape]


class CostForecasts(APIView):
    """The forecast of a month's cost, made once a day from whole days: interval, plan, scenarios, day by day."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Forecast a month's cost", PARAMETERS, ForecastShape)
    }

    def get(self, request: Request) -> HttpResponse:
        """The current month, or another one. A month that cannot be is a 400 that says what can."""

        def read(of: Question) -> ForecastShape:
            month = forecasts.month_named(of.asked["month"]) if "month" in of.asked else None
            return shaped(forecasts.current(of.now, month))

        return asking.answer(request, PARAMETERS, read)


def shaped(forecast: CostForecast) -> ForecastShape:
    """A forecast as the API shows it."""
    fitted = forecast.multiplier
    return {
        "month": f"{forecast.month:%Y-%m}",
        "unit": "usd",
        "state": forecast.standing,
        "known_days": forecast.known_days,
        "needed_days": NEEDED_DAYS,
        "basis": _day(forecast.basis),
        "made_at": forecast.made_at,
        "complete_to": forecast.complete_to,
        "warnings": forecast.warnings,
        "actual": money(forecast.actual),
        "projected": _range(forecast.end),
        "plan": money(forecast.plan),
        "over_plan_on": _day(forecast.over_plan_on),
        "multiplier": {
            "value": fitted.value,
            "low": fitted.low,
            "high": fitted.high,
            "changes": fitted.changes,
            "is_default": fitted.is_default,
        },
        "scenarios": [_scenario(one) for one in forecast.scenarios],
        "days": [_of_day(one) for one in forecast.days],
    }


def _scenario(one: Scenarios) -> ScenarioShape:
    return {
        "month": f"{one.month:%Y-%m}",
        "by": one.by,
        "conservative": money(one.conservative),
        "expected": money(one.expected),
        "aggressive": money(one.aggressive),
        "plan": money(one.plan),
        "planned_users": one.planned_users,
    }


def _of_day(one: DayOfMonth) -> ForecastDayShape:
    return {
        "day": one.day.isoformat(),
        "actual": money(one.actual),
        "plan": money(one.plan),
        "projected": _range(one.projected),
    }


def _range(one: Range | None) -> RangeShape | None:
    if one is None:
        return None
    return {
        "expected": money(one.expected),
        "interval_80": _pair(one.low_80, one.high_80),
        "interval_95": _pair(one.low_95, one.high_95),
    }


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (money(low), money(high))


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None
