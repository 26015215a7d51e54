"""The read API of forecasts: a month's cost so far, its plan and where it is heading, as pages, API and alerts get it.

    forecast = forecasts.current(now)

Inside a project's scope. What has come and what is planned are read when asked; what is to come was computed by a job
after the last whole day. For the web: no numpy here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from ingest import figures
from ingest.dimensions import FigureName
from ingest.timeline import DAY, Window, day_start, local_day
from observatory.metrics import foreseen
from observatory.metrics.forecasting import projection
from observatory.metrics.forecasting.growth import DEFAULT, Multiplier
from observatory.metrics.forecasting.outlook import MONTHS_AFTER, ExpectedDay, Outlook, Range, Standing
from observatory.metrics.forecasting.projection import DayOfMonth, Scenarios
from observatory.metrics.forecasting.smoothing import LEAST_DAYS
from observatory.metrics.foreseen import Forecast
from observatory.metrics.months import month_after, month_of
from observatory.metrics.reader import Reader
from observatory.metrics.windows import BadWindow

NEEDED_DAYS = LEAST_DAYS
RESTS_ON_PART = "Calls or costs from {day} on came late and are still being counted: what has come, what is expected and its ranges rest on part of them."


@dataclass(frozen=True, slots=True)
class CostForecast:
    """A month's cost in USD, in the project's time zone.

    `standing`: ok; learning (under `NEEDED_DAYS` whole days are known: `end` is the rate so far, without a range);
    no_data (nothing to forecast from, or nobody made a forecast in that month). `end` is the month's whole sum as
    projected from `basis`, the last whole day that the forecast knew; None where there is no projection. `actual` is
    what has come of the month so far. `over_plan_on`: the first day by whose end more than the month's plan is spent,
    as it came or is expected. `complete_to`: every call and cost before it is in what this rests on; `waits_from`: the
    first day of a history that came late and waits to be counted, if any.
    """

    month: date
    standing: Standing
    known_days: int
    basis: date | None
    made_at: datetime | None
    actual: float | None
    end: Range | None
    plan: float | None
    over_plan_on: date | None
    multiplier: Multiplier
    days: tuple[DayOfMonth, ...]
    scenarios: tuple[Scenarios, ...]
    complete_to: datetime
    waits_from: date | None = None

    @property
    def warnings(self) -> list[str]:
        """In words, what this does not rest on yet."""
        return [RESTS_ON_PART.format(day=self.waits_from)] if self.waits_from else []


def current(now: datetime, month: date | None = None, *, reader: Reader | None = None) -> CostForecast:
    """The forecast of this month, or of another one, given by its first day: what came of it, what was foreseen last."""
    asked = reader or Reader(now)
    this = month_of(local_day(now, asked.zone))
    wanted = month or this
    stored = _stored(wanted, is_current=wanted == this, zone=asked.zone)
    outlook = stored.outlook if stored else None
    plans, planned_users = _figures(wanted)
    amounts = _amounts(asked, wanted)
    days = projection.days_of_month(wanted, amounts, plans.get(wanted), outlook)
    end = days[-1].projected or _foreseen_before(wanted, outlook)
    complete_to, waits_from = _coverage(asked, min(wanted, this), month_after(wanted, 1))
    return CostForecast(
        month=wanted,
        standing=outlook.standing if outlook else Standing.LEARNING if wanted == this else Standing.NO_DATA,
        known_days=outlook.known_days if outlook else 0,
        basis=outlook.basis if outlook else None,
        made_at=stored.made_at if stored else None,
        actual=sum(amounts.values()) if amounts else None,
        end=end,
        plan=plans.get(wanted),
        over_plan_on=projection.over_plan_on(days, plans.get(wanted)),
        multiplier=outlook.multiplier if outlook else DEFAULT,
        days=days,
        scenarios=projection.scenarios(outlook, end, plans, planned_users)
        if outlook and outlook.month == wanted
        else (),
        complete_to=complete_to,
        waits_from=waits_from,
    )


def multiplier(now: datetime) -> Multiplier:
    """How cost follows users, as the forecast of this month has it; without one, what one plans with."""
    zone = Reader(now).zone
    stored = _stored(month_of(local_day(now, zone)), is_current=True, zone=zone)
    return stored.outlook.multiplier if stored else DEFAULT


def _stored(month: date, *, is_current: bool, zone: str) -> Forecast | None:
    """The month's own forecast; at the beginning of the current month, before there is one, the last of those before."""
    stored = foreseen.of_month(month) or (foreseen.latest() if is_current else None)
    return stored if stored and stored.time_zone == zone and stored.outlook.month <= month else None


def _foreseen_before(month: date, outlook: Outlook | None) -> Range | None:
    """What an earlier month's outlook said of the whole of this one."""
    for number, later in enumerate(outlook.later if outlook else (), start=1):
        if outlook and month_after(outlook.month, number) == month:
            return later
    return None


def expected_days(first: date, last: date) -> Mapping[date, ExpectedDay]:
    """What was to be expected of each day from `first` up to and including `last`; days before the third week have none."""
    return foreseen.expected(first, last)


def _coverage(reader: Reader, month: date, until: date) -> tuple[datetime, date | None]:
    """How far what a month's forecast rests on is counted, and from which day on history waits."""
    start = day_start(month - foreseen.LOOK_BACK_DAYS * DAY, reader.zone)
    found = reader.coverage(window=Window(start, max(start, min(reader.now, day_start(until, reader.zone)))))
    waits = found.complete_to < reader.coverage().complete_to
    return found.complete_to, local_day(found.complete_to, reader.zone) if waits else None


def _amounts(reader: Reader, month: date) -> dict[date, float]:
    """The cost of the month's days up to now; empty where none of it is known: too early, or no call has a price."""
    zone = reader.zone
    start, end = day_start(month, zone), min(reader.now, day_start(month_after(month, 1), zone))
    if start >= end:
        return {}
    points = reader.series("cost_total", Window(start, end), "1d")
    known = [point.reading.value for point in points]
    if None in known and not any(known):
        return {}
    return {month + number * DAY: point.reading.value or 0.0 for number, point in enumerate(points)}


def _figures(month: date) -> tuple[dict[date, float], dict[date, float]]:
    """Planned cost and planned users of a month and of those after it."""
    rows = figures.standing(month, month_after(month, MONTHS_AFTER))
    found: dict[FigureName, dict[date, dict[str, float]]] = {}
    for row in rows:
        found.setdefault(FigureName(row.name), {}).setdefault(row.month, {})[row.tier] = float(row.value)

    def whole(name: FigureName) -> dict[date, float]:
        # The figure of all tiers says it; else those of the tiers add up to it.
        return {of: tiers.get("", sum(tiers.values())) for of, tiers in found.get(name, {}).items()}

    return whole(FigureName.FORECAST_COST_USD), whole(FigureName.FORECAST_USERS)


def month_named(text: str) -> date:
    """`YYYY-MM` as the first day of its month. Raises BadWindow for anything else, and before 2000 or after 2099."""
    try:
        month = date.fromisoformat(f"{text}-01")
    except ValueError:
        month = date.min
    if f"{month:%Y-%m}" != text or not 2000 <= month.year <= 2099:
        allowed = "a year and a month from 2000-01 to 2099-12, for example 2026-01"
        raise BadWindow(f"month is {allowed}", "month", [allowed])
    return month
