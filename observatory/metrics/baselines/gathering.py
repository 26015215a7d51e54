"""What a comparison needs of a window, as it is counted now. Inside a project's scope."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from ingest.dimensions import Dimension
from ingest.timeline import Window, day_window, days, local_day
from observatory.metrics import formulas, users
from observatory.metrics.baselines.clusters import ClusterDay
from observatory.metrics.baselines.comparing import Side
from observatory.metrics.layout import Counter, Distribution
from observatory.metrics.metric import Direction, Kind, Metric, Unit
from observatory.metrics.reading import Totals
from observatory.metrics.shelf import Filter, Shelf

SIGNALS = (*users.RATES, *users.MEANS)
EVERYTHING = (
    Metric("all counters", "", Unit.COUNT, Direction.NEUTRAL, Kind.COUNT, "", parts=tuple(Counter)),
    *(Metric(name, "", Unit.COUNT, Direction.NEUTRAL, Kind.QUANTILE, "", distribution=name) for name in Distribution),
)
"""What asks the shelf for all that sheets hold."""

_INSTANT = timedelta(microseconds=1)


def of_feature(number: int | None) -> Filter:
    """The filter of a feature by its number; None is all."""
    return Filter(number)


def side(
    shelf: Shelf,
    window: Window,
    chosen: Filter,
    metrics: Sequence[Metric] = EVERYTHING,
    signals: Collection[str] = SIGNALS,
) -> Side:
    """A window's totals, its whole local days and, of the signals, its users; of the filter's model, where it names one.

    What user rows know is of the whole feature.
    """
    inside = whole_days(window, shelf.zone)
    points = _points(window, inside)
    selection = chosen.selection
    found = [groups.get(selection.value or 0, Totals()) for groups in shelf.totals(metrics, points, selection)]
    by_point = dict(zip(points, found, strict=True))
    daily = [by_point[day].counters for day in inside]
    return Side(formulas.merged(found), daily, user_days(inside, shelf.zone, chosen.feature, signals))


def models(shelf: Shelf, window: Window, chosen: Filter) -> Mapping[int, Totals]:
    """The totals of each model, by its number."""
    (found,) = shelf.totals(EVERYTHING, [window], chosen.grouped(Dimension.MODEL))
    return found


def calls(shelf: Shelf, window: Window, chosen: Filter) -> int:
    """How many calls a window holds."""
    (found,) = shelf.totals(EVERYTHING[:1], [window], chosen.selection)
    return sum(totals.counters.get(Counter.CALLS, 0) for totals in found.values())


def whole_days(window: Window, zone_name: str) -> list[Window]:
    """The local days that lie in a window as a whole."""
    last = local_day(window.end - _INSTANT, zone_name)
    touched = [day_window(day, zone_name) for day in days(local_day(window.start, zone_name), last)]
    return [day for day in touched if window.start <= day.start and day.end <= window.end]


def user_days(
    inside: Sequence[Window], zone_name: str, feature: int | None, signals: Collection[str]
) -> dict[str, Sequence[ClusterDay]]:
    """What user rows tell of the days, by signal; a signal without events is left out."""
    if not inside:
        return {}
    first, last = local_day(inside[0].start, zone_name), local_day(inside[-1].start, zone_name)
    found = {signal: _user_days(signal, feature, first, last) for signal in signals}
    return {signal: of_signal for signal, of_signal in found.items() if of_signal}


def _user_days(signal: str, feature: int | None, first: date, last: date) -> list[ClusterDay]:
    if signal in users.RATES:
        rates = users.rate_days(signal, feature, first, last)
        return [ClusterDay(d.day.toordinal(), d.n, d.k / d.n, d.s, d.n_users) for d in rates]
    means = users.mean_days(signal, feature, first, last)
    return [ClusterDay(d.day.toordinal(), d.n, d.y, d.v * d.n * d.n, d.n_users) for d in means]


def _points(window: Window, inside: Sequence[Window]) -> list[Window]:
    """The window as points without a gap: its whole days, and what is left before and after them."""
    if not inside:
        return [window]
    ends = [Window(window.start, inside[0].start), Window(inside[-1].end, window.end)]
    return [part for part in (ends[0], *inside, ends[1]) if part.start < part.end]
