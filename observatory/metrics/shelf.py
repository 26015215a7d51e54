"""What all questions of one request share: the project's account, names, and totals of stored buckets.

Standard library and SQL only: pages wait for this.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from ingest import dictionary
from ingest.dimensions import ABSENT, OTHER, Dimension, Facts, FeedbackKind
from ingest.projects.access import current_project
from ingest.projects.models import Feature, Project
from ingest.timeline import DAY, Window
from observatory.metrics import codec, reads, store, windows
from observatory.metrics.layout import Counter
from observatory.metrics.metric import Kind, Metric
from observatory.metrics.reading import Coverage, Totals
from observatory.metrics.reads import Groups, Needs, Selection
from observatory.metrics.sheets import ALL_FEATURES
from observatory.metrics.windows import BadWindow, Level, Stored

DIMENSIONS = {"feature": Dimension.FEATURE, "model": Dimension.MODEL}
NAMELESS = {ABSENT: "(none)", OTHER: "(other)"}
DEFAULT_MATURITY_HOURS = 24
SENT_AS = {FeedbackKind.CORRECTION: Counter.CORRECTIONS, FeedbackKind.FLAG: Counter.FLAGGED}
"""Kinds whose rates divide by all calls: only whether any ever came tells none from not sent."""
NOT_BY_MODEL = (Kind.USERS, Kind.PER_USER, Kind.EVENTS, Kind.DERIVED)


class UnknownValue(LookupError):
    """No metric, feature or model of this name; the text says which there are."""


@dataclass(frozen=True)
class Filter:
    """A feature and a model by number; None is all."""

    feature: int | None = None
    model: int | None = None

    @property
    def selection(self) -> Selection:
        """The sheets, and the value in them, that hold just this."""
        if self.model is not None:
            return Selection(int(Dimension.MODEL), self.feature or ALL_FEATURES, self.model)
        if self.feature is not None:
            return Selection(int(Dimension.FEATURE), ALL_FEATURES, self.feature)
        return Selection()

    def grouped(self, by: Dimension) -> Selection:
        """The sheets that hold all values of a dimension under this filter. Raises BadWindow for what is not stored."""
        if by is Dimension.MODEL:
            return Selection(int(by), self.feature or ALL_FEATURES, self.model)
        if self.model is not None:
            raise BadWindow("features of one model: ask for each feature with the model as a filter")
        return Selection(int(by), ALL_FEATURES, self.feature)


class Shelf:
    """One project's stored numbers as they stand at `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._first: dict[int | None, datetime | None] = {}
        self._sent: dict[FeedbackKind, set[int]] = {}
        self._waiting: dict[frozenset[Facts], Window | None] = {}

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
    def names(self) -> dict[Dimension, dict[int, str]]:
        """The dictionary of each dimension that can be asked by: number → name."""
        return {dimension: NAMELESS | dictionary.values(dimension) for dimension in DIMENSIONS.values()}

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

    def filter(self, feature: str | None, model: str | None) -> Filter:
        """The filter of these names. Raises UnknownValue."""
        return Filter(
            None if feature is None else self._number(Dimension.FEATURE, feature),
            None if model is None else self._number(Dimension.MODEL, model),
        )

    def _number(self, dimension: Dimension, name: str) -> int:
        for number, known in self.names[dimension].items():
            if known == name:
                return number
        known_names = [known for number, known in self.names[dimension].items() if number not in NAMELESS]
        raise UnknownValue(
            f"no {dimension.name.lower()} {name!r}; there are {', '.join(known_names[:50]) or 'none yet'}"
        )

    def aligned(self, window: Window) -> Window:
        """The window moved outwards to what is stored. Raises BadWindow."""
        return windows.aligned(window, self._stored[Facts.INTERACTIONS])

    def grain(self, window: Window, wanted: str) -> windows.Grain:
        """The grain of a series over the window. Raises BadWindow."""
        return windows.grain_of(window, self._stored[Facts.INTERACTIONS], wanted)

    def coverage(self, chosen: Filter) -> Coverage:
        """How far the numbers reach: of one feature, or of all (the one that matures slowest counts)."""
        if chosen.feature is None:
            hours = max(self._maturities.values(), default=DEFAULT_MATURITY_HOURS)
        else:
            hours = self._maturities.get(chosen.feature, DEFAULT_MATURITY_HOURS)
        complete_to = min(self.now, self.account.complete_to)
        mature_to = min(self.now - timedelta(hours=hours), complete_to, self.account.feedback_complete_to)
        return Coverage(complete_to, mature_to, self.account.last_interaction_at, self.account.changed_at)

    def first_call(self, feature: int | None) -> datetime | None:
        """The earliest stored bucket with a call, of one feature or of all."""
        return reads.first_call(feature)

    def is_known(self, window: Window, feature: int | None) -> bool:
        """Whether nothing in a window means none: not before the first row, nor after the last run of the roller."""
        if feature not in self._first:
            self._first[feature] = reads.first_bucket(feature)
        first = self._first[feature]
        return first is not None and first < window.end and window.start < self.account.rolled_at

    def are_counted(self, metric: Metric, points: Sequence[Window]) -> list[bool]:
        """Whether everything that had come when the roller last looked is in each point: no bucket of it waits."""
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

    def lacks(self, metric: Metric, feature: int | None = None) -> bool:
        """Whether the app never sent what the metric is computed from; of a feature, not from its calls."""
        if metric.kind is Kind.NOT_INSTRUMENTED:
            return True
        if metric.needs is None or metric.kind is Kind.EVENTS:
            return False
        if not self.account.kinds_seen >> metric.needs & 1:
            return True
        return feature is not None and metric.needs in SENT_AS and feature not in self._senders(metric.needs)

    def _senders(self, kind: FeedbackKind) -> set[int]:
        """The features whose calls ever got feedback of a kind."""
        if kind not in self._sent:
            counters = frozenset({SENT_AS[kind]})
            first = reads.first_bucket(None) or self.now
            whole = windows.aligned(Window(first, max(self.now, first) + DAY), self._stored[Facts.FEEDBACK])
            pieces = windows.pieces(whole, self._stored[Facts.FEEDBACK], Level.DAY)
            by_feature = Selection(int(Dimension.FEATURE), ALL_FEATURES, None)
            (found,) = reads.totals(Facts.FEEDBACK, pieces, [whole], by_feature, Needs(counters, frozenset()))
            self._sent[kind] = {number for number, totals in found.items() if any(totals.counters.values())}
        return self._sent[kind]

    def totals(
        self, metrics: Iterable[Metric], points: Sequence[Window], selection: Selection, coarsest: Level = Level.DAY
    ) -> list[Groups]:
        """What the metrics need, added up per point and dictionary value. Points follow each other without a gap."""
        needs = Needs.of(metrics)
        whole = Window(points[0].start, points[-1].end)
        found: list[Groups] = [{} for _ in points]
        for facts in needs.facts:
            pieces = windows.pieces(whole, self._stored[facts], coarsest)
            for groups, more in zip(found, reads.totals(facts, pieces, points, selection, needs), strict=True):
                for value, totals in more.items():
                    mine = groups.setdefault(value, Totals())
                    codec.add(mine.counters, totals.counters)
                    mine.histograms.update(totals.histograms)
        return found
