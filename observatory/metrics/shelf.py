"""What all questions of one request share: the project's account, names, and totals of stored buckets.

Standard library and SQL only: pages wait for this.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, TypeVar

from ingest import dictionary
from ingest.dimensions import ABSENT, OTHER, Dimension, Facts
from ingest.projects.access import current_project
from ingest.projects.models import Feature, Project
from ingest.timeline import EPOCH, QUARTER, Window, day_start, floor, hour_window, local_day
from observatory.metrics import codec, formulas, reads, seams, spans, store, user_rows, windows
from observatory.metrics.definitions import METRICS
from observatory.metrics.metric import Metric
from observatory.metrics.reading import Coverage, Seam, Totals
from observatory.metrics.reads import Groups, Needs, Rows, Selection
from observatory.metrics.sheets import ALL_FEATURES, COMBINATION, TOTAL, Family
from observatory.metrics.spans import StoredWide
from observatory.metrics.windows import Grain, Level, Piece, Stored

DIMENSIONS = {dimension.name.lower(): dimension for dimension in Dimension}
FILTERS = {name: f"only this {name.replace('_', ' ')}" for name in DIMENSIONS}
"""Every dimension as a parameter → what it does."""

NAMELESS = {ABSENT: "(none)", OTHER: "(other)"}
DEFAULT_MATURITY_HOURS = 24
T = TypeVar("T")
_WIDE_COARSEST = {
    Grain.MINUTE: Level.MINUTE,
    Grain.QUARTER: Level.MINUTE,
    Grain.HOUR: Level.HOUR,
    Grain.DAY: Level.DAY,
}


class UnknownValue(LookupError):
    """No metric, feature or model of this name; the text says which there are. `allowed` lists them for a `parameter`."""

    def __init__(self, text: str, parameter: str = "", allowed: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.parameter = parameter
        self.allowed = tuple(allowed)


def metric_of(name: str) -> Metric:
    """A definition by its name. Raises UnknownValue."""
    if name not in METRICS:
        raise UnknownValue(f"no metric {name[:100]!r}; there are {', '.join(METRICS)}", "metric", METRICS)
    return METRICS[name]


def no_value(dimension: Dimension, name: str, known: Iterable[str]) -> UnknownValue:
    """That a dimension has no value of this name, and some that it has."""
    return UnknownValue(*dictionary.unknown(dimension, name, known))


@dataclass(frozen=True)
class Filter:
    """A feature by number, None being all, and the numbers of values of other dimensions."""

    feature: int | None = None
    others: tuple[tuple[Dimension, int], ...] = ()

    @property
    def selection(self) -> Selection:
        """The sheets, and the value in them, that hold just this."""
        if not self.others:
            return Selection() if self.feature is None else Selection(int(Dimension.FEATURE), value=self.feature)
        if len(self.others) == 1 and not self._is_nameless:
            dimension, number = self.others[0]
            return Selection(int(dimension), self.feature or ALL_FEATURES, number)
        return Selection(COMBINATION, value=None, match=self._all)

    def grouped(self, by: Dimension) -> Selection:
        """The sheets that hold all values of a dimension under this filter."""
        rest = [(dimension, number) for dimension, number in self.others if dimension is not by]
        if rest or (self._is_nameless and by is not Dimension.FEATURE):
            return Selection(COMBINATION, value=None, match=self._all, by=by)
        if by is Dimension.FEATURE:
            return Selection(int(by), value=self.feature)
        return Selection(int(by), self.feature or ALL_FEATURES, dict(self.others).get(by))

    def narrowed(self, by: Dimension, number: int) -> "Filter":
        """The same with one value of one more dimension."""
        if by is Dimension.FEATURE:
            return replace(self, feature=number)
        return replace(self, others=(*(other for other in self.others if other[0] is not by), (by, number)))

    @property
    def dimensions(self) -> list[str]:
        """The names of the dimensions that it filters by besides the feature."""
        return [dimension.name.lower() for dimension, _ in self.others]

    @property
    def _is_nameless(self) -> bool:
        """Whether it is about what has no feature: that has no sheets of its own but in combinations."""
        return self.feature == ABSENT

    @property
    def _all(self) -> tuple[tuple[Dimension, int], ...]:
        return self.others if self.feature is None else ((Dimension.FEATURE, self.feature), *self.others)


class Shelf:
    """One project's stored numbers as they stand at `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._first: dict[int | None, datetime | None] = {}
        self._first_call: dict[int | None, datetime | None] = {}
        self._waiting: dict[frozenset[Facts], Window | None] = {}
        self._names: dict[Dimension, dict[int, str]] = {}
        self._pieces: dict[tuple[Facts, Window, Family, Grain], list[Piece]] = {}
        self._made: dict[object, Any] = {}
        self.rows = Rows()

    def once(self, make: Callable[["Shelf"], T]) -> T:
        """What this makes of the shelf; made at the first question that needs it, and kept for the others."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made

    @cached_property
    def account(self) -> store.Account:
        """How far the project is rolled up; before the first roll nothing is complete."""
        found = store.account()
        if found:
            return found
        project = Project.objects.get(pk=current_project())
        unborn = store.opened(project.created_at, project.time_zone)
        unborn.complete_to = unborn.feedback_complete_to = project.created_at
        return unborn

    @cached_property
    def _stored(self) -> dict[Facts, Stored]:
        quarters, open_days = store.unmerged(Level.QUARTER), store.unmerged(Level.DAY)
        zone, kept = self.account.time_zone, self.account.minutes_from
        return {
            facts: Stored(zone, kept, frozenset(quarters[facts]), frozenset(open_days[facts]), self.raw_horizon)
            for facts in Facts
        }

    @cached_property
    def _stored_wide(self) -> dict[Facts, StoredWide]:
        open_hours = store.unmerged(Level.HOUR, Family.WIDE)
        open_days = store.unmerged(Level.DAY, Family.WIDE)
        found = self.account
        return {
            facts: StoredWide(
                found.time_zone,
                found.wide_from,
                found.hours_from,
                frozenset(open_hours[facts]),
                frozenset(open_days[facts]),
            )
            for facts in Facts
        }

    def names(self, dimension: Dimension) -> dict[int, str]:
        """The dictionary of a dimension: number → name."""
        if dimension not in self._names:
            self._names[dimension] = NAMELESS | dictionary.values(dimension)
        return self._names[dimension]

    @cached_property
    def _maturities(self) -> dict[int, int]:
        return dict(Feature.objects.values_list("number", "maturity_hours"))

    @cached_property
    def raw_horizon(self) -> datetime:
        """Since when raw rows are kept, and quarters with them."""
        return store.raw_horizon()

    @property
    def zone(self) -> str:
        """The project's time zone, whose local days are days."""
        return self.account.time_zone

    @cached_property
    def seams(self) -> tuple[Seam, ...]:
        """Where days of another zone end."""
        return seams.known(self.zone)

    def are_cut(self, points: Sequence[Window]) -> list[bool]:
        """Whether a seam lies inside each point: of such a day only what came after it is counted there."""
        return [any(point.start < seam.at < point.end for seam in self.seams) for point in points]

    def filter(self, feature: str | None, where: Mapping[str, str] | None = None) -> Filter:
        """The filter of these names; the feature may stand in `where` too. Raises UnknownValue."""
        asked = dict(where or {})
        feature = asked.pop("feature", feature)
        unknown = [name for name in asked if name not in DIMENSIONS]
        if unknown:
            text = f"no dimension {unknown[0]!r}; there are {', '.join(DIMENSIONS)}"
            raise UnknownValue(text, unknown[0], DIMENSIONS)
        others = tuple((DIMENSIONS[name], self._number(DIMENSIONS[name], value)) for name, value in asked.items())
        return Filter(None if feature is None else self._number(Dimension.FEATURE, feature), others)

    def _number(self, dimension: Dimension, name: str) -> int:
        names = self.names(dimension)
        for number, known in names.items():
            if known == name:
                return number
        raise no_value(dimension, name, (known for number, known in names.items() if number not in NAMELESS))

    def aligned(self, window: Window, family: Family = Family.HEADLINE) -> Window:
        """The window moved outwards to what is stored of a family. Raises BadWindow."""
        if family is Family.WIDE:
            return spans.aligned(window, self._stored_wide[Facts.INTERACTIONS])
        return windows.aligned(window, self._stored[Facts.INTERACTIONS])

    def floored(self, at: datetime, family: Family = Family.HEADLINE) -> datetime:
        """The latest instant up to this one at which buckets of a family begin, however old."""
        if family is Family.HEADLINE:
            return floor(at, QUARTER)
        found = self.account
        return (
            hour_window(at, self.zone).start
            if at >= found.hours_from
            else day_start(local_day(at, self.zone), self.zone)
        )

    def grain(self, window: Window, wanted: str, family: Family = Family.HEADLINE) -> Grain:
        """The grain of a series over the window. Raises BadWindow."""
        if family is Family.WIDE:
            return spans.grain_of(window, self._stored_wide[Facts.INTERACTIONS], wanted)
        return windows.grain_of(window, self._stored[Facts.INTERACTIONS], wanted)

    def coverage(self, chosen: Filter, family: Family = Family.HEADLINE, window: Window | None = None) -> Coverage:
        """How far the numbers reach: of one feature, or of all (the one that matures slowest counts).

        What waits of the last day counts, and of the window asked about, however old that is.
        """
        if chosen.feature is None:
            hours = max(self._maturities.values(), default=DEFAULT_MATURITY_HOURS)
        else:
            hours = self._maturities.get(chosen.feature, DEFAULT_MATURITY_HOURS)
        account, complete_to = self.account, min(self.now, self.account.complete_to)
        mature_to = min(self.now - timedelta(hours=hours), complete_to, account.feedback_complete_to)
        if window:
            complete_to = min(complete_to, self._history_waits_in(window) or complete_to)
        if family is Family.WIDE:
            asked = [window or Window(self.now, self.now), Window(self.now - store.RECENT, self.now)]
            waiting = [at for at in self._wide_waiting if any(of.start <= at < of.end for of in asked)]
            complete_to = min([complete_to, *waiting])
            mature_to = min(mature_to, complete_to)
        waits_from = self.history_waits_from
        return Coverage(complete_to, mature_to, hours, account.last_interaction_at, account.changed_at, waits_from)

    @cached_property
    def history_waits_from(self) -> datetime | None:
        """The first minute of over a day ago whose calls or costs wait to be counted; None when all of them are."""
        return reads.first_waiting(Facts.INTERACTIONS, Window(EPOCH, self.now - store.RECENT))

    def _history_waits_in(self, window: Window) -> datetime | None:
        first, end = self.history_waits_from, min(window.end, self.now - store.RECENT)
        if first is None or max(first, window.start) >= end:
            return None
        return first if first >= window.start else reads.first_waiting(Facts.INTERACTIONS, Window(window.start, end))

    def judged(self, metric: Metric, window: Window, chosen: Filter, family: Family) -> Window | None:
        """The part of an aligned window whose feedback had its time; None when no part of it had."""
        if not metric.maturing:
            return window
        end = min(window.end, self.floored(self.coverage(chosen).mature_to, family))
        return Window(window.start, end) if end > window.start else None

    @cached_property
    def users_complete_to(self) -> datetime:
        """How far numbers of users reach: user rows come after the sheets. As there, only the last day counts."""
        waiting = user_rows.complete_to(Window(self.now - store.RECENT, self.now))
        return min(self.now, self.account.complete_to, waiting or self.now)

    def first_call(self, feature: int | None) -> datetime | None:
        """The earliest stored bucket with a call, of one feature or of all."""
        if feature not in self._first_call:
            self._first_call[feature] = reads.first_call(feature)
        return self._first_call[feature]

    def is_known(self, window: Window, feature: int | None) -> bool:
        """Whether nothing in a window means none: not before the first row, nor after the last run of the roller."""
        if feature not in self._first:
            self._first[feature] = reads.first_bucket(feature)
        first = self._first[feature]
        return first is not None and first < window.end and window.start < self.account.rolled_at

    @cached_property
    def _wide_waiting(self) -> list[datetime]:
        """The buckets of wide sets that have to be counted again: minutes, and coarser ones where minutes are gone."""
        kept = {Level.MINUTE: self.now, Level.HOUR: self.account.wide_from, Level.DAY: self.account.hours_from}
        found = ((level, store.unmerged(level, Family.WIDE)) for level in kept)
        return sorted(at for level, marked in found for of in marked.values() for at in of if at < kept[level])

    def are_counted(self, metric: Metric, points: Sequence[Window], family: Family = Family.HEADLINE) -> list[bool]:
        """Whether everything that had come when the roller last looked is in each point: no bucket of it waits."""
        if family is Family.WIDE:
            told = self.are_counted(metric, points)
            marked = self._wide_waiting
            return [
                is_told and bisect_left(marked, point.start) == bisect_left(marked, point.end)
                for is_told, point in zip(told, points, strict=True)
            ]
        facts = frozenset(Needs.of([metric]).facts)
        if facts not in self._waiting:
            self._waiting[facts] = reads.waiting(facts)
        waiting, complete_to = self._waiting[facts], self.account.complete_to
        known = [point.end <= complete_to for point in points]
        if waiting is None or not any(waiting.start < point.end and point.start < waiting.end for point in points):
            return known
        return [is_known and not waits for is_known, waits in zip(known, reads.are_waiting(facts, points), strict=True)]

    def is_raw(self, window: Window) -> bool:
        """Whether raw rows reach over a window: what is counted from them is unknown before the raw horizon."""
        return window.start >= self.raw_horizon

    def totals(
        self, metrics: Iterable[Metric], points: Sequence[Window], selection: Selection, grain: Grain = Grain.DAY
    ) -> list[Groups]:
        """What the metrics need, added up per point and dictionary value. Points follow each other without a gap."""
        needs = Needs.of(metrics)
        wanted = selection
        if selection.rests:
            # What has no value of a dimension is told by nothing but the rest.
            wanted = replace(selection, value=None)
        whole = Window(points[0].start, points[-1].end)
        found: list[Groups] = [{} for _ in points]
        for facts in needs.facts:
            pieces = self.pieces(facts, whole, selection.family, grain)
            for groups, more in zip(found, reads.totals(self.rows, facts, pieces, points, wanted, needs), strict=True):
                for value, totals in more.items():
                    mine = groups.setdefault(value, Totals())
                    codec.add(mine.counters, totals.counters)
                    mine.histograms.update(totals.histograms)
        return self._with_rest(metrics, points, selection, grain, found) if selection.rests else found

    def pieces(
        self, facts: Facts, window: Window, family: Family = Family.HEADLINE, grain: Grain = Grain.DAY
    ) -> list[Piece]:
        """The stored buckets that make up an aligned window."""
        asked = (facts, window, family, grain)
        if asked not in self._pieces:
            self._pieces[asked] = (
                spans.pieces(window, self._stored_wide[facts], _WIDE_COARSEST[grain])
                if family is Family.WIDE
                else windows.pieces(window, self._stored[facts], grain.coarsest)
            )
        return self._pieces[asked]

    def _with_rest(
        self,
        metrics: Iterable[Metric],
        points: Sequence[Window],
        selection: Selection,
        grain: Grain,
        found: Sequence[Groups],
    ) -> list[Groups]:
        """The groups of a dimension with that of the rows that have no value of it."""
        whole = Filter(selection.feature or None).selection
        for groups, all_of_it in zip(found, self.totals(metrics, points, whole, grain), strict=True):
            rest = formulas.remainder(all_of_it.get(whole.value or TOTAL, Totals()), groups.values())
            if rest.counters or rest.histograms:
                groups[ABSENT] = rest
        return list(found)
