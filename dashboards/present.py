"""From the read API's answers to components: tiles and chart points. Words come from formatting."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerts.models import Incident
from dashboards import asks, comparing, formatting, judged, maturing, not_sent
from dashboards.charts import sparkline
from dashboards.charts.data import Band, Point
from dashboards.components import State, Tile, learning_word
from dashboards.filters import relative
from dashboards.shell import USERS_LAG
from dashboards.view import View
from ingest import timeline
from ingest.timeline import DAY, HOUR, QUARTER, WEEK, Window
from observatory.metrics import filtering, reading
from observatory.metrics.definitions import METRICS, Kind, Metric
from observatory.metrics.reader import BY_DAYS

WINDOW_WORDS = {DAY: "24 h", WEEK: "7 d", 28 * DAY: "28 d", 30 * DAY: "30 d", HOUR: "1 h"}
BUSY = 24 * 20
"""Calls a day from which an hour of it usually holds enough for a rate."""
SHARES_OF = {"adoption_rate": "users of the product"}
"""Shares whose samples are their numerators → what they are shares of."""
MATURING = "Learning · maturing"
COUNTED = {"users", "count"}
"""Units whose values are their own sample size."""


def chart_points(points: Iterable[reading.Point]) -> list[Point]:
    """The read API's points as the charts take them."""
    drawn = []
    for point in points:
        read = point.reading
        low, high = read.interval or (None, None)
        states = point.complete, point.mature, point.seam
        drawn.append(Point(point.window.start, read.value, low, high, read.sample_size, *states))
    return drawn


@dataclass(frozen=True)
class Asked:
    """One tile's question: a metric, its window, and what it is compared with (None: nothing would be fair).

    `about` says beside n whose number it is, where no filter on the page does.
    """

    metric: str
    title: str = ""
    window: Window | None = None
    compare: str | None = "previous"
    id: str = ""
    about: str = ""


def window_words(view: View, window: Window) -> str:
    """'7 d' for the usual lengths, else the dates."""
    whole = WINDOW_WORDS.get(window.length)
    last_day = window.end - timedelta(seconds=1)
    return whole or f"{formatting.day(window.start, view.zone)} – {formatting.day(last_day, view.zone)}"


def tile(view: View, asked: Asked) -> Tile:
    """A number with its window, against what, how many, its state by the rules, and the way it came."""
    metric = METRICS[asked.metric]
    window = asked.window or view.choice.window
    judged_window, compare = fair(metric, window, comparing.wanted(view, metric, asked.compare), view.now)
    answer = view.reader.read(
        metric.name,
        judged_window,
        grain=_tile_grain(metric, window),
        feature=view.choice.feature,
        where=where(view, metric),
        compare=compare,
    )
    state, word = state_of(view, answer.reading, metric)
    if waits := maturing.note(view, metric, answer.reading, where(view, metric)):
        state, word = State.LEARNING, word or MATURING
    lines = lines_of(answer, metric, asked, compare)
    if answer.reading.value is not None:
        lines += filter(None, [models_of(view, metric).removeprefix(", ")])
    ask, why = (
        asks.missing(view, metric.name, answer.reading, answer.series),
        asks.reason(view, metric.name, answer.reading),
    )
    lines += [not_sent.sentence(ask)] if ask else list(filter(None, [why, waits]))
    if ask:
        state, word = State.NO_DATA, not_sent.WORD
    if asked.compare and compare is None and answer.reading.value is not None:
        lines.insert(0, comparing.NOT_FROZEN)
    return Tile(
        title=asked.title or f"{metric.title}, {window_words(view, window)}",
        value=formatting.value(answer.reading.value, unit_of(metric)),
        id=asked.id or asked.metric,
        state=state,
        word=word,
        lines=tuple(lines),
        definition=metric.doc,
        sparkline=_sparkline(answer),
        as_of=_as_of(view, metric, answer),
        link=ask.link if ask else None,
    )


def _as_of(view: View, metric: Metric, answer: reading.Answer) -> str:
    """Of when a number is, where that is clearly before the strip's 'complete to': users come later, and so may history."""
    may_lag = metric.kind in BY_DAYS or view.coverage.waits_from
    is_stale = may_lag and view.coverage.complete_to - answer.complete_to >= USERS_LAG
    is_told = bool(is_stale) and answer.reading.value is not None
    return formatting.moment(answer.complete_to, view.zone, view.now) if is_told else ""


def fair(metric: Metric, window: Window, compare: str | None, now: datetime) -> tuple[Window, str | None]:
    """Sums over days that are not over are compared with the same part of the same weekdays before, like with like."""
    adds_up = metric.kind is Kind.COUNT and compare == "previous"
    end = timeline.ceil(now, QUARTER)
    if not adds_up or window.length < WEEK or not window.start < end < window.end:
        return window, compare
    return Window(window.start, end), "weekday"


def where(view: View, metric: Metric) -> dict[str, str]:
    """The filters besides the feature, for metrics that are kept by more; distinct users, for one, are not.

    What is shown without them says so: see `models_of`.
    """
    chosen = view.choice.where
    return chosen if filtering.is_told(metric, list(chosen)) else {}


def models_of(view: View, metric: Metric) -> str:
    """', all models' behind a metric that the page's filter by a model is no filter of."""
    return all_models(view) if where(view, metric) != view.choice.where else ""


def all_models(view: View) -> str:
    """', all models' behind a number that is kept by feature only, where the page is filtered by a model."""
    return ", all models" if view.choice.model else ""


def unit_of(metric: Metric) -> str:
    """How a metric's values are shown: what is −1 to 1 by definition, people know as points from −100 to 100."""
    return "nps" if metric.name.startswith("nps") else metric.unit


def _tile_grain(metric: Metric, window: Window) -> str:
    if metric.kind in BY_DAYS:
        return "1d"
    return "1d" if window.length >= 6 * DAY else "1h" if window.length >= 6 * HOUR else "15m"


def _sparkline(answer: reading.Answer) -> sparkline.Sparkline | None:
    """The settled buckets; nothing when most of them are unknown: a dot is no way."""
    points = chart_points(point for point in answer.series if point.complete and point.mature and not point.seam)
    known = sum(point.value is not None for point in points)
    return sparkline.sparkline(points, band(answer)) if 2 * known >= len(points) else None


def band(answer: reading.Answer) -> Band | None:
    """The baseline as a chart draws it."""
    found = answer.comparison
    if found is None or found.value is None or not found.kind.startswith("baseline"):
        return None
    return Band(found.value, label=comparing.baseline_label(found.kind))


def reference_words(comparison: reading.Comparison, judged: Window) -> str:
    """What a value of the judged window is compared with."""
    if comparison.kind.startswith("baseline"):
        return comparing.baseline_words(comparison.kind)
    if comparison.kind == "weekday":
        # A change of the clocks between them makes it an hour more or less than whole weeks.
        weeks = round((judged.start - comparison.window.start) / WEEK)
        return "the same days a week before" if weeks == 1 else f"the same days {weeks} weeks before"
    return "the period before"


def lines_of(answer: reading.Answer, metric: Metric, asked: Asked, compare: str | None) -> list[str]:
    """Against what, and n. `compare`: what it was meant to be compared with."""
    lines, read = [], answer.reading
    if answer.comparison and answer.comparison.value is not None and read.value is not None:
        name = reference_words(answer.comparison, answer.judged)
        lines.append(formatting.against(read.value, answer.comparison.value, unit_of(metric), name))
    elif compare == "baseline" and read.value is not None:
        lines.append("no baseline yet: the first 28 full days")
    if metric.name in SHARES_OF and read.out_of is not None:
        counted, whole = formatting.count(read.sample_size), formatting.count(read.out_of)
        lines.append(f"{counted} of {whole} {SHARES_OF[metric.name]}")
    elif read.sample_size and metric.unit not in COUNTED:
        lines.append(
            ", ".join(filter(None, (f"n = {too_few(read, metric) or formatting.count(read.sample_size)}", asked.about)))
        )
    return lines


def too_few(read: reading.Reading, metric: Metric) -> str:
    """'18 of 20' for what has too few events for a value; else empty."""
    if read.state != "learning" or read.sample_size >= metric.minimum_sample:
        return ""
    return f"{formatting.count(read.sample_size)} of {formatting.count(metric.minimum_sample)}"


def state_of(view: View, read: reading.Reading, metric: Metric) -> tuple[State | None, str]:
    """The mark of a number: what its rules say, else learning or no data, else none."""
    if read.state == "learning":
        is_young = read.sample_size >= metric.minimum_sample
        return State.LEARNING, MATURING if is_young else learning_word(read.sample_size, metric.minimum_sample)
    if read.state in {"no_data", "not_instrumented"}:
        return State.NO_DATA, ""
    return judged.state_of(view.rule_states, metric.name, view.choice.feature), ""


def today(view: View) -> Window:
    """The local day so far, whole."""
    return timeline.day_window(timeline.local_day(view.now, view.project.time_zone), view.project.time_zone)


def this_week(view: View) -> Window:
    """From Monday on to the end of today, in the project's days."""
    day = timeline.local_day(view.now, view.project.time_zone)
    return Window(timeline.day_start(day - day.weekday() * DAY, view.project.time_zone), today(view).end)


def last(view: View, length: timedelta) -> Window:
    """The last hours or whole local days up to now."""
    return relative(length, view.now, view.project.time_zone)


def is_busy(view: View) -> bool:
    """Whether the last day holds enough calls to look at its hours one by one."""
    return view.reader.reading("calls", last(view, DAY)).sample_size >= BUSY


def worst_first(items: Sequence[Incident]) -> list[Incident]:
    """Incidents as people read them: critical before warning, then the newest."""
    return sorted(items, key=lambda one: (one.severity != "critical", -one.opened_at.timestamp()))


def since(at: datetime, now: datetime) -> str:
    """'2 h 5 min'."""
    return formatting.span(now - at)
