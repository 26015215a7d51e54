"""Totals of local days, and of the days up to each of some windows."""

from collections.abc import Sequence

from ingest.timeline import DAY, Window, day_window, days, local_day
from observatory.metrics import formulas, reads, windows
from observatory.metrics.metric import Metric
from observatory.metrics.reading import Totals
from observatory.metrics.shelf import Filter, Shelf


def before(
    shelf: Shelf, metric: Metric, points: Sequence[Window], chosen: Filter, count: int, ago: int
) -> list[Totals]:
    """What a metric needs of the `count` local days that ended `ago` days before each window does."""
    lasts = [windows.last_days(point.end, 1, shelf.zone)[1] - ago * DAY for point in points]
    first = min(lasts) - (count - 1) * DAY
    whole = [day_window(day, shelf.zone) for day in days(first, max(lasts))]
    found = shelf.totals([metric], whole, chosen.selection)
    daily = [reads.chosen_of(groups, chosen.selection, metric) for groups in found]
    ends = [(last - first).days + 1 for last in lasts]
    return [formulas.merged(daily[end - count : end]) for end in ends]


def cut(shelf: Shelf, points: Sequence[Window]) -> list[tuple[int, Window]]:
    """Windows that follow each other, cut at local midnights: which one each piece is of, and the piece."""
    found = []
    for place, point in enumerate(points):
        _, last = windows.last_days(point.end, 1, shelf.zone)
        for day in days(local_day(point.start, shelf.zone), last):
            whole = day_window(day, shelf.zone)
            found.append((place, Window(max(whole.start, point.start), min(whole.end, point.end))))
    return found
