"""GET /unit-economics: what an active user costs from month to month, and what many times the users would."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, TypedDict

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.api.documented import Documented
from ingest.api.views import OnlyJson
from observatory.metrics import asking, economics, forecasts
from observatory.metrics.asking import Question
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived.unit_economics import MonthPoint, UnitEconomics, unit_economics
from observatory.metrics.economics import Scale
from observatory.metrics.forecasting.growth import LARGEST, SMALLEST
from observatory.metrics.rounding import money
from observatory.metrics.shapes import ReadingShape, reading_shape
from observatory.metrics.windows import BadWindow

USUAL_MONTHS, MOST_MONTHS = 6, 24
GROWTH = f"a number from {SMALLEST} to {LARGEST}, for example 1.3"
PARAMETERS = {
    "months": f"how many, this one included, 1 to {MOST_MONTHS}; {USUAL_MONTHS} unless told",
    "growth": "cost goes with users to this power in what_if, 0.5 to 2; the forecast's growth multiplier unless told",
    "feature": "only this feature",
}


class UnitMonthShape(TypedDict):
    """A local month; `whole` says that it is over and calls had begun by its first day. Unknown is null."""

    month: str
    whole: bool
    users: int | None
    cost_usd: float | None
    cost_per_user: ReadingShape


class ScaleShape(TypedDict):
    """A month with so many `times` the users."""

    times: int
    users: int
    cost_usd: float
    cost_per_user_usd: float


class UnitEconomicsShape(TypedDict):
    """Cost per active user by month in USD, the oldest first; the last month is under way.

    `trend` is falling, flat, creeping up or, with fewer than `needed_months` of `whole_months` that have users and a
    cost, learning. `what_if` is about `scaled_month`, the last of them; `growth_from` is asked, fitted (to the project's
    own months) or planned.
    """

    unit: str
    complete_to: datetime
    trend: str
    whole_months: int
    needed_months: int
    months: list[UnitMonthShape]
    growth: float
    growth_from: str
    scaled_month: str | None
    what_if: list[ScaleShape]


class CostPerUser(APIView):
    """The cost of an active user by month, where it goes, and the last whole month at 10, 100 and 1,000 times its users."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read unit economics", PARAMETERS, UnitEconomicsShape, refusals=(404,))
    }

    def get(self, request: Request) -> HttpResponse:
        """The last local months of the project or of one feature."""

        def read(of: Question) -> UnitEconomicsShape:
            months, growth = asking.number(of.asked, "months", USUAL_MONTHS, 1, MOST_MONTHS), _growth(of.asked)
            fitted = forecasts.multiplier(of.now)
            source = "asked" if growth is not None else "planned" if fitted.is_default else "fitted"
            growth = fitted.value if growth is None else growth
            return shaped(unit_economics(months, growth=growth, feature=of.asked.get("feature"), now=of.now), source)

        return asking.answer(request, PARAMETERS, read)


def shaped(found: UnitEconomics, growth_from: str) -> UnitEconomicsShape:
    """An answer as the API shows it."""
    return {
        "unit": METRICS["cost_per_mau"].unit,
        "complete_to": found.complete_to,
        "trend": found.verdict,
        "whole_months": len(found.whole),
        "needed_months": economics.LEAST_MONTHS,
        "months": [_month(point) for point in found.points],
        "growth": found.growth,
        "growth_from": growth_from,
        "scaled_month": f"{found.whole[-1].month:%Y-%m}" if found.whole else None,
        "what_if": [_scaled(one) for one in found.what_if],
    }


def _month(point: MonthPoint) -> UnitMonthShape:
    return {
        "month": f"{point.month:%Y-%m}",
        "whole": point.is_whole,
        "users": point.users,
        "cost_usd": money(point.cost_usd),
        "cost_per_user": reading_shape(METRICS["cost_per_mau"].unit, point.cost_per_user),
    }


def _scaled(one: Scale) -> ScaleShape:
    return {
        "times": one.times,
        "users": one.users,
        "cost_usd": money(one.cost_usd),
        "cost_per_user_usd": money(one.cost_per_user_usd),
    }


def _growth(asked: Mapping[str, str]) -> float | None:
    """The growth that was asked for. Raises BadWindow."""
    text = asked.get("growth")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9](\.[0-9]{1,6})?", text) or not SMALLEST <= float(text) <= LARGEST:
        raise BadWindow(f"growth is {GROWTH}", "growth", [GROWTH])
    return float(text)
