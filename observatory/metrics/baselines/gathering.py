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


class UserRows:
    """What user rows tell of the local days that one request asks about: each is read once, for all that is expected."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._expected: set[str] = set()
        self._known: dict[tuple[int | None, str], dict[int, ClusterDay | None]] = {}

    def expect(self, signals: Collection[str]) -> None:
        """Read these as well when anything is read: they will be asked for."""
        self._expected |= set(signals)

    def of(
        self, window: Window, feature: int | None, signals: Collection[str], there: Collection[str] = SIGNALS
    ) -> UserDays:
        """A window's whole local days by signal; a signal without events is left out. Of the expected those that are `there`."""
        zone = self._shelf.zone
        ordinals = [local_day(day.start, zone).toordinal() for day in whole_days(window, zone)]
        known = [self._known.setdefault((feature, signal), {}) for signal in signals]
        lacking = [ordinal for ordinal in ordinals if any(ordinal not in days for days in known)]
        if lacking:
            self._read(sorted({*signals, *self._expected.intersection(there)}), feature, lacking[0], lacking[-1])
        told = {
            signal: [day for ordinal in ordinals if (day := days[ordinal])]
            for signal, days in zip(signals, known, strict=True)
        }
        return {signal: days for signal, days in told.items() if days}

    def _read(self, signals: Collection[str], feature: int | None, first: int, last: int) -> None:
        found = clustered.read(signals, feature, date.fromordinal(first), date.fromordinal(last))
        for signal, by_day in found.items():
            days = self._known.setdefault((feature, signal), {})
            days |= dict.fromkeys(range(first, last + 1))
            days |= {day.toordinal(): _cluster_day(day, sums, signal) for day, sums in by_day.items()}


def _cluster_day(day: date, sums: clustered.Sums, signal: str) -> ClusterDay:
    unit = MICRO if signal in clustered.MEANS else 1
    return ClusterDay(day.toordinal(), sums.n, sums.x / sums.n / unit, sums.within / unit**2, sums.users)


def _points(window: Window, inside: Sequence[Window]) -> list[Window]:
    """The window as points without a gap: its whole days, and what is left before and after them."""
    if not inside:
        return [window]
    ends = [Window(window.start, inside[0].start), Window(inside[-1].end, window.end)]
    return [part for part in (ends[0], *inside, ends[1]) if part.start < part.end]
