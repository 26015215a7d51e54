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
