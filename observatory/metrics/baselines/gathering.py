"""What a comparison needs of a window, as it is counted now. Inside a project's scope."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

from ingest.dimensions import Dimension
from ingest.timeline import Window, day_window, days, local_day
from observatory.metrics import clustered, formulas
from observatory.metrics.baselines.clusters import ClusterDay
from observatory.metrics.baselines.comparing import Side
from observatory.metrics.layout import MICRO, Counter, Distribution
from observatory.metrics.metric import Direction, Kind, Metric, Unit
from observatory.metrics.reading import Totals
from observatory.metrics.shelf import Filter, Shelf

SIGNALS = (*clustered.RATES, *clustered.MEANS)
EVERYTHING = (
    Metric("all counters", "", Unit.COUNT, Direction.NEUTRAL, Kind.COUNT, "", parts=tuple(Counter)),
    *(Metric(name, "", Unit.COUNT, Direction.NEUTRAL, Kind.QUANTILE, "", distribution=name) for name in Distribution),
)
"""What asks the shelf for all that sheets hold."""

UserDays = Mapping[str, Sequence[ClusterDay]]
"""Signal → its local days with users as clusters."""

_INSTANT = timedelta(microseconds=1)


def of_feature(number: int | None) -> Filter:
    """The filter of a feature by its number; None is all."""
    return Filter(number)


def side(shelf: Shelf, window: Window, chosen: Filter, users: UserDays, metrics: Sequence[Metric] = EVERYTHING) -> Side:
    """A window's totals and its whole local days, with what `users` knows of these; of the filter's model, where it names one.

    What user rows know is of the whole feature.
    """
    inside = whole_days(window, shelf.zone)
    points = _points(window, inside)
    selection = chosen.selection
    found = [groups.get(selection.value or 0, Totals()) for groups in shelf.totals(metrics, points, selection)]
    by_point = dict(zip(points, found, strict=True))
    ordinals = {local_day(day.start, shelf.zone).toordinal() for day in inside}
    of_users = {signal: [day for day in known if day.ordinal in ordinals] for signal, known in users.items()}
    return Side(
        formulas.merged(found),
        [by_point[day].counters for day in inside],
        {signal: known for signal, known in of_users.items() if known},
    )


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


def user_days(shelf: Shelf, window: Window, feature: int | None, signals: Collection[str] = SIGNALS) -> UserDays:
    """What user rows tell of a window's whole local days, by signal, in one pass; a signal without events is left out."""
    inside = whole_days(window, shelf.zone)
    if not inside:
        return {}
    first, last = local_day(inside[0].start, shelf.zone), local_day(inside[-1].start, shelf.zone)
    found = clustered.read(signals, feature, first, last)
    return {
        signal: _cluster_days(of_signal, signal in clustered.MEANS) for signal, of_signal in found.items() if of_signal
    }


def _cluster_days(found: Mapping[date, clustered.Sums], is_mean: bool) -> list[ClusterDay]:
    unit = MICRO if is_mean else 1
    return [ClusterDay(day.toordinal(), s.n, s.x / s.n / unit, s.within / unit**2, s.users) for day, s in found.items()]


def _points(window: Window, inside: Sequence[Window]) -> list[Window]:
    """The window as points without a gap: its whole days, and what is left before and after them."""
    if not inside:
        return [window]
    ends = [Window(window.start, inside[0].start), Window(inside[-1].end, window.end)]
    return [part for part in (ends[0], *inside, ends[1]) if part.start < part.end]
