"""What a page's numbers are held against: the comparison that the address chooses, or the usual one of each number."""

from collections.abc import Sequence
from datetime import timedelta

from dashboards.charts.text import short
from dashboards.filters import PINNED
from dashboards.view import View
from ingest.timeline import DAY, Window, day_start, local_day
from observatory.metrics import reading, windows
from observatory.metrics.baselines.comparing import COMPARABLE
from observatory.metrics.definitions import Kind, Metric

EARLIER = {"previous": "period before", "weekday": "weeks before"}
"""Comparisons with an earlier window, whose own way can be drawn → how a chart calls it."""
LONGEST_NAME, LONGEST_LABEL = 28, 14
_INSTANT = timedelta(microseconds=1)
SUMS = (Kind.COUNT, Kind.EVENTS)
NOT_FROZEN = "not frozen with a baseline"


def wanted(view: View, metric: Metric, usual: str | None) -> str | None:
    """What a number is compared with. None where nothing would be fair, or where no baseline is frozen with it.

    Sums keep their usual comparison: a baseline is as long as it is, and a longer one has more.
    """
    chosen = view.choice.compare
    if usual is None or not chosen:
        return usual
    if chosen.startswith("baseline") and metric.kind in SUMS:
        return None if usual.startswith("baseline") else usual
    return None if chosen.startswith(PINNED) and metric.kind not in COMPARABLE else chosen


def baseline_words(kind: str) -> str:
    """'baseline', or 'baseline “before launch”' of one that somebody pinned."""
    name = kind.removeprefix(PINNED) if kind.startswith(PINNED) else ""
    return f"baseline “{short(name, LONGEST_NAME)}”" if name else "baseline"


def baseline_label(kind: str) -> str:
    """The same beside a chart, where there is little room for words."""
    return f"“{short(kind.removeprefix(PINNED), LONGEST_LABEL)}”" if kind.startswith(PINNED) else "baseline"


def earlier(window: Window, kind: str, grain: str, zone_name: str) -> Window:
    """The window before one, or the same weekdays: as many local days where points are days."""
    if kind == "weekday":
        return windows.weeks_before(window, zone_name, windows.weeks_in(window.length))
    if grain != "1d":
        return Window(window.start - window.length, window.start)
    first, last = local_day(window.start, zone_name), local_day(window.end - _INSTANT, zone_name)
    return Window(day_start(first - (last - first + DAY), zone_name), day_start(first, zone_name))


def moved(points: Sequence[reading.Point], onto: Sequence[reading.Point]) -> list[reading.Point]:
    """Points of an earlier window at the times of those of a window, one by one."""
    return [
        reading.Point(here.window, there.reading, there.complete, there.mature)
        for there, here in zip(points, onto, strict=False)
    ]
