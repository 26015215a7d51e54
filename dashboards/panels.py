"""Panels: a metric over the page's window with everything around it, or the reason why there is nothing to draw."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import structlog

from alerts.models import Incident
from dashboards import asks, changes, comparing, formatting, judged, maturing
from dashboards.charts.data import Chart, Frame, Mark, Point, Size, Span
from dashboards.charts.timeseries import Around, timeseries
from dashboards.components import (
    Empty,
    Link,
    Panel,
    State,
    Tile,
    not_enough,
    not_instrumented,
    nothing_in_window,
)
from dashboards.filters import RANGES, rfc3339
from dashboards.present import MATURING, band, chart_points, models_of, where
from dashboards.view import View
from ingest import timeline
from ingest.dimensions import FeedbackKind
from ingest.models import ChangeEvent
from ingest.timeline import DAY, HOUR, MINUTE, QUARTER, SECOND, Window
from observatory.metrics import reading, windows
from observatory.metrics.definitions import METRICS, Metric
from observatory.metrics.reader import BY_DAYS

GRAINS = {"1m": MINUTE, "15m": QUARTER, "1h": HOUR, "1d": DAY}
COARSER = {"1m": "15m", "15m": "1h", "1h": "1d"}
FEWEST_BUCKETS = 3
MOST_MARKS = 6
MARK_LENGTH = 40
A_BUCKET = {"1m": "a minute", "15m": "in 15 minutes", "1h": "an hour", "1d": "a day"}
Points = Sequence[reading.Point]
T = TypeVar("T")
NOUNS = {FeedbackKind.THUMB: "ratings", FeedbackKind.ACCEPTANCE: "decisions", FeedbackKind.OUTCOME: "outcomes"}


def frame(view: View, window: Window | None = None, grain: str | None = None, size: Size = "normal") -> Frame:
    """The time axis of a chart on this page: every bucket that its window touches, the first and the last one whole."""
    shown = drawn(view, grain or view.choice.grain, window)
    return Frame(shown.start, shown.end, GRAINS[grain or view.choice.grain], view.zone, size)


def drawn(view: View, grain: str, window: Window | None = None) -> Window:
    """From the start of the first bucket that a window touches to the end of the last one."""
    buckets = windows.points(window or view.choice.window, windows.Grain(grain), view.project.time_zone)
    return Window(buckets[0].start, buckets[-1].end)


def marks(view: View, shown: Window) -> list[Mark]:
    """The change events of a window, newest kept when there are many, and the seams of its time zone."""
    found = ChangeEvent.objects.filter(occurred_at__gte=shown.start, occurred_at__lt=shown.end)
    events = found.order_by("-occurred_at")[:MOST_MARKS]
    titles = [(event.occurred_at, changes.title_of(event, view.feature_names)) for event in events]
    seams = [
        Mark(seam.at, "time zone changed: days before", f"are days of {seam.old_zone}", "seam")
        for seam in view.reader.seams(shown)
    ]
    return seams + [Mark(at, title[:MARK_LENGTH]) for at, title in reversed(titles)]


def spans(view: View, metric: str, shown: Window) -> list[Span]:
    """The incidents of a metric in a window, each leading to its page."""
    feature = view.choice.feature
    found = Incident.objects.filter(rule__metric=metric, since__lt=shown.end).select_related("rule").order_by("since")
    return [
        Span(
            max(judged.bad_from(one, view.project.time_zone), shown.start),
            min(one.resolved_at or view.now, shown.end),
            f"incident {one.pk}",
            "incident",
            view.url(f"incidents/{one.pk}/"),
        )
        for one in found
        if (one.resolved_at or view.now) > shown.start and feature in {None, one.feature}
    ]


def is_readable(points: Points) -> bool:
    """Whether at least half of the buckets with anything in them have a value."""
    busy = [point for point in points if point.reading.sample_size]
    return 2 * sum(point.reading.value is not None for point in busy) >= len(busy)


def readable(view: View, metric: Metric, grain: str, points: Points | None = None) -> tuple[str, Points]:
    """The finest grain from `grain` on at which most busy buckets have a value, and the series at it.

    A rate over four calls is no value: little traffic is drawn in wider buckets, as long as some remain. `points` is
    the series at `grain`, where it is known already.
    """
    choice, chosen = view.choice, where(view, metric)
    while True:
        if points is None:
            points = view.reader.series(metric.name, choice.window, grain, feature=choice.feature, where=chosen)
        wider = COARSER.get(grain)
        if wider is None or is_readable(points) or choice.window.length < FEWEST_BUCKETS * GRAINS[wider]:
            return grain, points
        grain, points = wider, None


def empty_for(view: View, read: reading.Reading, metric: Metric, points: Points, per: str) -> Empty | None:
    """Why a chart has nothing to draw, and what to do about it. `per`: how wide a bucket is, in words."""
    ask = asks.missing(view, metric.name, read, points)
    if ask:
        return ask.empty
    if "not_instrumented" in {read.state, *(point.reading.state for point in points)}:
        what = " and ".join(source.what for source in metric.sources) or f"data for {metric.title.lower()}"
        return not_instrumented(what, view.choice.feature or "")
    most = max((point.reading.sample_size for point in points), default=0)
    if not most:
        return nothing_here(view)
    if most >= metric.minimum_sample:
        waits = maturing.note(view, metric, read, where(view, metric))
        text = f"{waits[0].upper()}{waits[1:]}." if waits else "Feedback is judged when it has had its time."
        return Empty("not enough", text, progress=MATURING)
    what = f"{NOUNS.get(metric.needs, 'calls') if metric.needs else 'calls'} {per}"
    return not_enough(most, metric.minimum_sample, what, "Too few for a value in this range.", wider_range(view))


def wider_range(view: View) -> Link | None:
    """The next longer range of the same page; None from the longest on."""
    longer = [name for name, (_, length) in RANGES.items() if length > view.choice.window.length and length > DAY]
    if not longer:
        return None
    absent = {"from": None, "to": None}
    return Link(RANGES[longer[0]][0], view.url(view.path, range=longer[0], **absent))


def nothing_here(view: View) -> Empty:
    """Nothing in this window: where the last data are."""
    last = view.coverage.last_interaction_at
    if last is None:
        return nothing_in_window()
    window = timeline.day_window(timeline.local_day(last, view.project.time_zone), view.project.time_zone)
    parameters = {"range": None, "from": rfc3339(window.start), "to": rfc3339(window.end)}
    is_inside = view.choice.window.holds(last)
    address = "" if is_inside else view.url(view.path, **parameters)
    return nothing_in_window("" if is_inside else formatting.moment(last, view.zone, view.now), address)


@dataclass(frozen=True)
class Drawn:
    """One time-series panel's question."""

    metric: str
    title: str = ""
    rolling_days: int | None = None
    compare: str = "baseline"
    size: Size = "normal"


def series_panel(view: View, asked: Drawn) -> Panel:
    """A metric over the page's window, over its baseline, with limits, incidents and change events."""
    metric, choice = METRICS[asked.metric], view.choice
    chosen, days = where(view, metric), asked.rolling_days
    grain = "1d" if days or metric.kind in BY_DAYS else choice.grain
    compare = comparing.wanted(view, metric, asked.compare)
    answer = view.reader.read(
        metric.name, choice.window, grain=grain, feature=choice.feature, where=chosen, compare=compare
    )
    if days:
        points: Points = view.reader.series(
            metric.name, choice.window, grain, feature=choice.feature, where=chosen, rolling_days=days
        )
        has_interval = any(point.reading.interval for point in points)
        note = f"{days} days rolling{', 95 % interval' if has_interval else ''}{whole_days(view, grain)}"
        per = f"in {days} days"
    else:
        grain, points = readable(view, metric, grain, answer.series)
        note, per = f"{words_of_grain(grain)}{whole_days(view, grain)}", A_BUCKET[grain]
    title, note = asked.title or metric.title, f"{note}{models_of(view, metric)}"
    if not any(point.reading.value is not None for point in points):
        empty = empty_for(view, answer.reading, metric, points, per)
        return panel(view, asked.metric, title, None, note, empty, metric.doc)
    shown = drawn(view, grain)
    around = Around(
        band=band(answer),
        limits=judged.limits_of(view.rule_states, metric.name, choice.feature),
        marks=marks(view, shown),
        spans=spans(view, metric.name, shown),
        previous=earlier(view, metric, grain, points, days),
        previous_name=comparing.EARLIER.get(choice.compare, ""),
    )
    chart = timeseries(frame(view, grain=grain, size=asked.size), title, metric.unit, chart_points(points), around)
    return panel(view, asked.metric, title, chart, note, None, metric.doc)


def earlier(view: View, metric: Metric, grain: str, points: Points, days: int | None) -> list[Point]:
    """The way of the window that the address chose to compare with, moved onto this one; nothing where it chose none."""
    choice = view.choice
    if choice.compare not in comparing.EARLIER:
        return []
    window = comparing.earlier(choice.window, choice.compare, grain, view.project.time_zone)
    before = view.reader.series(
        metric.name, window, grain, feature=choice.feature, where=where(view, metric), rolling_days=days
    )
    return chart_points(comparing.moved(before, points))


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
        empty = nothing_here(view)
    csv = view.url(view.path, csv=name) if chart else ""
    return Panel(name, title, note, chart, empty, csv_url=csv, definition=definition)


def words_of_grain(grain: str) -> str:
    """How wide a bucket is, in words."""
    return {"1m": "by minute", "15m": "by quarter of an hour", "1h": "hourly", "1d": "daily"}[grain]


def whole_days(view: View, grain: str) -> str:
    """', whole days 21 Nov – 22 Nov' where days are drawn that reach beyond the page's window; else empty."""
    shown = drawn(view, grain)
    if grain != "1d" or shown == view.choice.window:
        return ""
    first, last = formatting.day(shown.start, view.zone), formatting.day(shown.end - SECOND, view.zone)
    return f", whole day {first}" if first == last else f", whole days {first} – {last}"


def guarded(name: str, title: str, make: Callable[[], T]) -> T | Panel:
    """The panel or table, or in its place the note that this one failed: the rest of the page stands."""
    try:
        return make()
    except Exception:
        return Panel(name, title, error=report(name))


def guarded_tile(name: str, title: str, make: Callable[[], Tile]) -> Tile:
    """The tile, or in its place the note that this one failed."""
    try:
        return make()
    except Exception:
        lines = (f"could not be computed, reference {report(name)}",)
        return Tile(title, formatting.DASH, name, State.NO_DATA, lines=lines)


def report(name: str) -> str:
    """Log the error under way; gives the reference that the page shows."""
    reference = secrets.token_hex(2)
    structlog.get_logger("dashboards").exception("panel failed", panel=name, reference=reference)
    return reference
