"""A day's cost against the range that the days before it let expect. For the web: no numpy here."""

from collections.abc import Sequence
from datetime import timedelta

from ingest.timeline import Window, day_window, days, local_day
from observatory.metrics import foreseen, formulas
from observatory.metrics.definitions import METRICS
from observatory.metrics.forecasting.outlook import ExpectedDay
from observatory.metrics.reading import Reading, State
from observatory.metrics.shelf import Filter, Shelf

_INSTANT = timedelta(microseconds=1)


def cost_anomaly(shelf: Shelf, points: Sequence[Window], chosen: Filter) -> list[Reading]:
    """Per window, its most unusual whole day: the share of days that a range must hold to hold that one's cost.

    Ranges are the whole project's, and so is what is chosen.
    """
    if not points:
        return []
    found = _by_day(shelf, Window(min(point.start for point in points), max(point.end for point in points)), chosen)
    return [_worst([reading for day, reading in found if _is_in(day, point)]) for point in points]


def _by_day(shelf: Shelf, window: Window, chosen: Filter) -> list[tuple[Window, Reading]]:
    """Each local day that the window touches, with its reading."""
    first, last = local_day(window.start, shelf.zone), local_day(window.end - _INSTANT, shelf.zone)
    expected = foreseen.expected(first, last)
    touched = [(day, day_window(day, shelf.zone)) for day in days(first, last)]
    metric = METRICS["cost_total"]
    totals = shelf.totals([metric], [window for _, window in touched], chosen.selection)
    found = []
    for (day, whole), groups in zip(touched, totals, strict=True):
        known = groups.get(chosen.selection.value or 0)
        cost = formulas.judge(metric, known).value if known else 0.0
        is_over = whole.end <= shelf.account.complete_to and shelf.is_known(whole, None)
        is_judged = is_over and cost is not None
        found.append((whole, _judged(expected.get(day), cost or 0.0) if is_judged else formulas.NO_DATA))
    return found


def _judged(expected: ExpectedDay | None, cost: float) -> Reading:
    """A day of which nothing was expected is LEARNING: too few days came before it."""
    if expected is None:
        return Reading(State.LEARNING)
    return Reading(State.OK, expected.held_by(cost), None, expected.known_days)


def _is_in(day: Window, window: Window) -> bool:
    return window.start <= day.start and day.end <= window.end


def _worst(readings: Sequence[Reading]) -> Reading:
    known = [reading for reading in readings if reading.value is not None]
    if known:
        return max(known, key=lambda reading: reading.value or 0.0)
    return next((reading for reading in readings if reading.state is State.LEARNING), formulas.NO_DATA)
