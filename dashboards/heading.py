"""Where the month's cost is heading: the chart against its plan, its sentence, the scenarios, each day's expected range."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime

from dashboards import formatting, panels
from dashboards.charts.data import Frame, Point
from dashboards.charts.projected import Sum, projected
from dashboards.charts.timeseries import Around, timeseries
from dashboards.components import Breakdown, Empty, Field, Heading, Panel, Row, not_enough
from dashboards.view import View
from ingest.timeline import DAY, Window, day_start, day_window, local_day
from observatory.metrics import forecasts
from observatory.metrics.definitions import METRICS
from observatory.metrics.forecasting.growth import LEAST_CHANGES
from observatory.metrics.forecasting.outlook import ExpectedDay, Range, Standing
from observatory.metrics.forecasting.projection import DayOfMonth, Scenarios
from observatory.metrics.forecasts import NEEDED_DAYS, CostForecast

TITLE, SCENARIOS = "This month against its plan", "Three scenarios"
DEFINITION = "What has come, the plan laid on days by their weekdays, and the middle of the forecast in its bands of 80 % and 95 %."
HEADINGS = (
    Heading("Month"),
    Heading(
        "Conservative", numeric=True, definition="The low end: of the growth multiplier, or of the forecast's 80 %."
    ),
    Heading("Expected", numeric=True),
    Heading(
        "Aggressive", numeric=True, definition="The high end: of the growth multiplier, or of the forecast's 80 %."
    ),
    Heading("Plan", numeric=True, definition="The figure forecast_cost_usd."),
    Heading("Against plan", numeric=True, definition="The expected cost against the plan."),
    Heading("From"),
)


def forecast_panel(view: View, forecast: CostForecast) -> Panel:
    """The month's running sum, its plan and the way ahead."""
    note = f"{_month(forecast.month)}, running sum, the whole project"
    if forecast.actual is None and forecast.end is None and forecast.plan is None:
        return panels.panel(view, "forecast", TITLE, None, note, _nothing(forecast))
    zone, first = view.project.time_zone, forecast.month
    window = Window(day_start(first, zone), day_window(forecast.days[-1].day, zone).end)
    frame = Frame(window.start, window.end, DAY, view.zone)
    sums = [_sum(one, zone, view.now) for one in forecast.days]
    over = forecast.over_plan_on
    chart = projected(frame, TITLE, "usd", sums, day_start(over, zone) if over else None)
    made = panels.panel(view, "forecast", TITLE, chart, note, None, DEFINITION)
    return replace(made, footnote=sentence(forecast))


def _nothing(forecast: CostForecast) -> Empty:
    if forecast.waits_from is not None:
        return Empty("not enough", _counting(forecast.waits_from))
    if forecast.standing is Standing.LEARNING:
        return not_enough(forecast.known_days, NEEDED_DAYS, "whole days", "A forecast needs two weeks of whole days.")
    return Empty("nothing in window", "Nothing to forecast from.", "No cost is known of the last eight weeks.")


def _counting(waits_from: date) -> str:
    return f"History from {_day(waits_from)} on is still being counted."


def on_part(forecast: CostForecast | None) -> str:
    """That a forecast rests on part of a history; empty where all of it is counted."""
    waits_from = forecast.waits_from if forecast else None
    return f"{_counting(waits_from)} This rests on part of it." if waits_from else ""


def _said(*sentences: str) -> str:
    return " ".join(filter(None, sentences))


def _sum(one: DayOfMonth, zone: str, now: datetime) -> Sum:
    ahead = one.projected
    return Sum(
        day_start(one.day, zone),
        one.actual,
        one.plan,
        ahead.expected if ahead else None,
        _pair(ahead.low_80, ahead.high_80) if ahead else None,
        _pair(ahead.low_95, ahead.high_95) if ahead else None,
        complete=one.actual is not None and day_window(one.day, zone).end <= now,
    )


def _pair(low: float | None, high: float | None) -> tuple[float, float] | None:
    return None if low is None or high is None else (low, high)


def sentence(forecast: CostForecast) -> str:
    """What the chart says, in words."""
    end, plan, over = forecast.end, forecast.plan, forecast.over_plan_on
    if end is None:
        words = "No cost is known of the last eight weeks: nothing to forecast from"
        if forecast.standing is Standing.LEARNING:
            words = f"Learning: {forecast.known_days} of {NEEDED_DAYS} whole days"
        return _said(f"{words}.", _planless(plan), on_part(forecast))
    parts = [f"Heading for {formatting.amount(end.expected)}{_interval(end)}"]
    if plan is not None:
        parts.append(formatting.against(end.expected, plan, "usd", "plan"))
    if over is not None:
        verb = "ran" if forecast.basis is not None and over <= forecast.basis else "runs"
        parts.append(f"{verb} over it on {_day(over)}")
    rate = f"The rate so far: {forecast.known_days} of {NEEDED_DAYS} whole days are known."
    return _said(f"{', '.join(parts)}.", _planless(plan), rate if _is_rate(forecast) else "", on_part(forecast))


def _is_rate(forecast: CostForecast) -> bool:
    return forecast.standing is Standing.LEARNING


def _planless(plan: float | None) -> str:
    return "No plan: send the figure forecast_cost_usd." if plan is None else ""


def _interval(end: Range) -> str:
    ends = formatting.interval(end.low_95, end.high_95, "usd")
    return f" (95{formatting.NBSP}%: {ends})" if ends else ""


def scenarios_table(view: View, forecast: CostForecast) -> Breakdown | None:
    """This month and the next ones three ways; None before there is a forecast."""
    if not forecast.scenarios:
        return None
    rows = tuple(_scenario(one, is_current=one.month == forecast.month) for one in forecast.scenarios)
    footnote = _said(_multiplier(forecast), on_part(forecast))
    return Breakdown("scenarios", SCENARIOS, HEADINGS, rows, "the whole project", footnote)


def _scenario(one: Scenarios, *, is_current: bool) -> Row:
    against = formatting.difference(one.expected, one.plan, "usd") if one.plan is not None else formatting.DASH
    source = f"{formatting.count(one.planned_users)} planned users" if one.by == "users" else "the trend"
    users = source.replace(" ", formatting.NBSP)
    amounts = (one.conservative, one.expected, one.aggressive, one.plan)
    fields = (
        Field(_month(one.month)),
        *(Field(formatting.amount(usd)) for usd in amounts),
        Field(against),
        Field(users),
    )
    return Row(fields, is_current)


def _multiplier(forecast: CostForecast) -> str:
    fitted = forecast.multiplier
    words = f"Growth multiplier {fitted.value:.2f} ({fitted.low:.2f}–{fitted.high:.2f}): users that grow by 10{formatting.NBSP}% bring {formatting.rate(1.1**fitted.value - 1, 0)} more cost"
    if fitted.is_default:
        return f"{words}. The planning default, until {LEAST_CHANGES + 1} whole months of moving users are known."
    return f"{words}. Fitted from {fitted.changes} changes between whole months."


def expected_panel(view: View, forecast: CostForecast | None) -> Panel:
    """Each day's cost over the range that the days before it let expect; without a forecast nobody can tell that they are few."""
    metric, shown, zone = METRICS["cost_anomaly"], view.choice.window, view.project.time_zone
    first, last = local_day(shown.start, zone), local_day(min(shown.end, view.now), zone)
    ranges = forecasts.expected_days(first, last)
    window = Window(day_start(first, zone), day_window(last, zone).end)
    points = [
        Point(one.window.start, one.reading.value, *_range_of(ranges, local_day(one.window.start, zone)), complete=one.complete, seam=one.seam)
        for one in view.reader.series("cost_total", window, "1d")
    ]  # fmt: skip
    note = f"daily{panels.whole_days(view, '1d')}, tint: the range of 95 % that the days before let expect; the whole project"
    if not ranges:
        why = "A day has a range when two weeks before it are known."
        known_days = forecast.known_days if forecast else NEEDED_DAYS
        empty = not_enough(known_days, NEEDED_DAYS, "whole days", why) if known_days < NEEDED_DAYS else None
        return panels.panel(view, "cost_anomaly", metric.title, None, note, empty, metric.doc)
    around = Around(marks=panels.marks(view, window), spans=panels.spans(view, metric.name, window))
    chart = timeseries(panels.frame(view, window, grain="1d"), "Cost a day", "usd", points, around)
    made = panels.panel(view, "cost_anomaly", metric.title, chart, note, None, metric.doc)
    return replace(made, footnote=on_part(forecast))


def _range_of(ranges: Mapping[date, ExpectedDay], day: date) -> tuple[float | None, float | None, int]:
    """The ends of 95 %, and how many days they rest on."""
    found = ranges.get(day)
    return (found.quantile(-1.96), found.quantile(1.96), found.known_days) if found else (None, None, 0)


def _month(month: date) -> str:
    return f"{formatting.MONTHS[month.month - 1]} {month.year}"


def _day(day: date) -> str:
    return f"{day.day}{formatting.NBSP}{formatting.MONTHS[day.month - 1]}"
