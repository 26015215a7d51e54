"""From the read API's answers to components: tiles, chart points, marks and panels. Words come from formatting."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.models import Incident
from dashboards import formatting, judged
from dashboards.charts import sparkline
from dashboards.charts.data import Band, Chart, Frame, Mark, Point, Size, Span
from dashboards.charts.timeseries import Around, timeseries
from dashboards.components import (
    Empty,
    Panel,
    State,
    Tile,
    learning_word,
    not_enough,
    not_instrumented,
    nothing_in_window,
)
from dashboards.view import View
from ingest import timeline
from ingest.models import ChangeEvent
from ingest.timeline import DAY, HOUR, MINUTE, QUARTER, Window
from observatory.metrics import reading
from observatory.metrics.definitions import METRICS, Metric
from observatory.metrics.reader import BY_DAYS
from observatory.metrics.shelf import NOT_BY_MODEL

GRAINS = {"1m": MINUTE, "15m": QUARTER, "1h": HOUR, "1d": DAY}
MOST_MARKS = 6
WINDOW_WORDS = {timedelta(days=1): "24 h", timedelta(days=7): "7 d", timedelta(days=28): "28 d", HOUR: "1 h"}


def chart_points(points: Iterable[reading.Point]) -> list[Point]:
    """The read API's points as the charts take them."""
    drawn = []
    for point in points:
        low, high = point.reading.interval or (None, None)
        drawn.append(
            Point(
                point.window.start,
                point.reading.value,
                low,
                high,
                point.reading.sample_size,
                point.complete,
                point.mature,
            )
        )
    return drawn


def frame(view: View, window: Window | None = None, grain: str | None = None, size: Size = "normal") -> Frame:
    """The time axis of a chart on this page."""
    shown = window or view.choice.window
    return Frame(shown.start, shown.end, GRAINS[grain or view.choice.grain], view.zone, size)


def marks(view: View, window: Window | None = None) -> list[Mark]:
    """The change events of a window, newest kept when there are many."""
    shown = window or view.choice.window
    events = ChangeEvent.objects.filter(occurred_at__gte=shown.start, occurred_at__lt=shown.end).order_by(
        "-occurred_at"
    )
    return [Mark(event.occurred_at, event.title[:40]) for event in events[:MOST_MARKS]][::-1]


def spans(view: View, metric: str) -> list[Span]:
    """The incidents of a metric in the window, each leading to its page."""
    shown, feature = view.choice.window, view.choice.feature
    found = Incident.objects.filter(rule__metric=metric, since__lt=shown.end).order_by("since")
    return [
        Span(
            max(one.since, shown.start),
            min(one.resolved_at or shown.end, shown.end),
            f"incident {one.pk}",
            "incident",
            view.url(f"incidents/{one.pk}/"),
        )
        for one in found
        if (one.resolved_at or shown.end) > shown.start and feature in {None, one.feature}
    ]


@dataclass(frozen=True)
class Asked:
    """One tile's question: a metric, its window in words, and what it is compared with."""

    metric: str
    title: str = ""
    window: Window | None = None
    compare: str = "previous"
    id: str = ""


def window_words(view: View, window: Window) -> str:
    """'7 d' for the usual lengths, else the dates."""
    whole = WINDOW_WORDS.get(window.length)
    last_day = window.end - timedelta(seconds=1)
    return whole or f"{formatting.day(window.start, view.zone)} – {formatting.day(last_day, view.zone)}"


def tile(view: View, asked: Asked) -> Tile:
    """A number with its window, against what, how many, its state by the rules, and the way it came."""
    metric = METRICS[asked.metric]
    window = asked.window or view.choice.window
    answer = view.reader.read(
        metric.name,
        window,
        grain=_tile_grain(metric, window),
        feature=view.choice.feature,
        model=model_for(view, metric),
        compare=asked.compare,
    )
    state, word = state_of(view, answer.reading, metric)
    return Tile(
        title=asked.title or f"{metric.title}, {window_words(view, window)}",
        value=formatting.value(answer.reading.value, metric.unit),
        id=asked.id or asked.metric,
        state=state,
        word=word,
        lines=tuple(lines_of(answer, metric.unit)),
        definition=metric.doc,
        sparkline=sparkline.sparkline(chart_points(answer.series), _band(answer)),
    )


def model_for(view: View, metric: Metric) -> str | None:
    """The model filter, for metrics that are kept by model; distinct users, for one, are not."""
    return None if metric.kind in NOT_BY_MODEL else view.choice.model


def _tile_grain(metric: Metric, window: Window) -> str:
    if metric.kind in BY_DAYS:
        return "1d"
    return "1d" if window.length >= 6 * DAY else "1h" if window.length >= 6 * HOUR else "15m"


def _band(answer: reading.Answer) -> Band | None:
    if answer.comparison is None or answer.comparison.kind != "baseline" or answer.comparison.value is None:
        return None
    return Band(answer.comparison.value)


def lines_of(answer: reading.Answer, unit: str) -> list[str]:
    """Against what, and n."""
    lines = []
    if answer.comparison and answer.comparison.value is not None and answer.reading.value is not None:
        name = "baseline" if answer.comparison.kind == "baseline" else "the period before"
        lines.append(formatting.against(answer.reading.value, answer.comparison.value, unit, name))
    if answer.reading.state == "not_instrumented":
        lines.append("not instrumented yet")
    elif answer.reading.sample_size:
        lines.append(f"n = {formatting.count(answer.reading.sample_size)}")
    return lines


def state_of(view: View, read: reading.Reading, metric: Metric) -> tuple[State | None, str]:
    """The mark of a number: what its rules say, else learning or no data, else none."""
    if read.state == "learning":
        return State.LEARNING, learning_word(read.sample_size, metric.minimum_sample)
    if read.state in {"no_data", "not_instrumented"}:
        return State.NO_DATA, ""
    return judged.state_of(metric.name, view.choice.feature), ""


def empty_for(view: View, read: reading.Reading, metric_name: str) -> Empty | None:
    """Why a chart has nothing to draw, or None when it has."""
    metric = METRICS[metric_name]
    if read.state == "not_instrumented":
        return not_instrumented(f"data for {metric.title.lower()}", view.choice.feature or "")
    if read.state == "learning":
        return not_enough(read.sample_size, metric.minimum_sample, "events in this window")
    if read.state == "no_data":
        last = view.coverage.last_interaction_at
        return nothing_in_window(formatting.moment(last, view.zone, view.now) if last else "")
    return None


@dataclass(frozen=True)
class Drawn:
    """One time-series panel's question."""

    metric: str
    title: str = ""
    rolling_days: int | None = None
    compare: str = "baseline"
    note: str = ""
    size: Size = "normal"


def series_panel(view: View, asked: Drawn) -> Panel:
    """A metric over the page's window, over its baseline, with limits, incidents and change events."""
    metric = METRICS[asked.metric]
    choice = view.choice
    grain = "1d" if asked.rolling_days or metric.kind in BY_DAYS else choice.grain
    answer = view.reader.read(
        metric.name,
        choice.window,
        grain=grain,
        feature=choice.feature,
        model=model_for(view, metric),
        compare=asked.compare,
    )
    points = answer.series
    if asked.rolling_days:
        points = view.reader.series(
            metric.name,
            choice.window,
            "1d",
            feature=choice.feature,
            model=model_for(view, metric),
            rolling_days=asked.rolling_days,
        )
    drawn = chart_points(points)
    known = any(point.value is not None for point in drawn)
    around = Around(
        band=_band(answer),
        limits=judged.limits_of(metric.name, view.choice.feature),
        marks=marks(view),
        spans=spans(view, metric.name),
    )
    chart = (
        timeseries(frame(view, grain=grain, size=asked.size), metric.title, metric.unit, drawn, around)
        if known
        else None
    )
    note = asked.note or (
        f"{asked.rolling_days} days rolling, 95 % interval" if asked.rolling_days else words_of_grain(grain)
    )
    return panel(
        view,
        asked.metric,
        asked.title or metric.title,
        chart,
        note,
        None if known else empty_for(view, answer.reading, metric.name),
        metric.doc,
    )


def panel(
    view: View,
    name: str,
    title: str,
    chart: Chart | None,
    note: str = "",
    empty: Empty | None = None,
    definition: str = "",
) -> Panel:
    """A chart's panel, with the address of its table as CSV."""
    if chart is None and empty is None:
        empty = nothing_in_window()
    here = view.request.path.removeprefix(f"/{view.project.slug}/")
    csv = view.url(here, csv=name) if chart else ""
    return Panel(name, title, note, chart, empty, csv_url=csv, definition=definition)


def words_of_grain(grain: str) -> str:
    """How wide a bucket is, in words."""
    return {"1m": "by minute", "15m": "by quarter of an hour", "1h": "hourly", "1d": "daily"}[grain]


def guarded(name: str, title: str, make: Callable[[], Panel]) -> Panel:
    """The panel, or in its place the note that this one failed: the rest of the page stands."""
    import secrets

    import structlog

    try:
        return make()
    except Exception:
        reference = secrets.token_hex(2)
        structlog.get_logger("dashboards").exception("panel failed", panel=name, reference=reference)
        return Panel(name, title, error=reference)


def today(view: View) -> Window:
    """The local day so far, whole."""
    return timeline.day_window(timeline.local_day(view.now, view.project.time_zone), view.project.time_zone)


def last(view: View, length: timedelta) -> Window:
    """The last hours or whole local days up to now."""
    from dashboards.filters import relative

    return relative(length, view.now, view.project.time_zone)


def worst_first(items: Sequence[Incident]) -> list[Incident]:
    """Incidents as people read them: critical before warning, then the newest."""
    return sorted(items, key=lambda one: (one.severity != "critical", -one.opened_at.timestamp()))


def since(at: datetime, now: datetime) -> str:
    """'2 h 5 min'."""
    return formatting.span(now - at)
