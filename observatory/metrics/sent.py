"""What a project, or one of its features, ever sent: zero of what never came is no number. SQL only: pages wait for this."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import connection

from ingest import figures
from ingest.dimensions import Facts, FeedbackKind, UserEvent
from ingest.projects.access import current_project
from ingest.timeline import DAY, Window
from observatory.metrics import presence, provider_limits, reads
from observatory.metrics.formulas import NO_DATA, NOT_INSTRUMENTED
from observatory.metrics.layout import Distribution
from observatory.metrics.metric import Kind, Metric
from observatory.metrics.reading import Reading
from observatory.metrics.shelf import Shelf
from observatory.metrics.sources import COUNTED_AS, Entered, Source

RECENT = 32 * DAY
"""What came in these days is found first: the days before are read only for what did not."""

# The first row of the index in the order of features is the answer: no estimate of how many there are can lead elsewhere.
_SAID = """
    SELECT coalesce((
        SELECT %(feature)s::smallint IS NULL OR f.feature_id = %(feature)s FROM feedback f
        WHERE f.project_id = %(project)s AND f.kind = %(kind)s AND f.feature_id >= coalesce(%(feature)s::smallint, 0)
        ORDER BY f.feature_id LIMIT 1), false)
"""
_ENTERED = {
    Entered.USERS: """
        SELECT CASE WHEN %(feature)s::smallint IS NULL
            THEN EXISTS (SELECT FROM user_month WHERE project_id = %(project)s AND is_user AND is_whole)
            ELSE EXISTS (SELECT FROM user_month WHERE project_id = %(project)s AND is_user
                         AND feature_id = %(feature)s AND feature_id >= 0) END
    """,
    Entered.ACTIVATIONS: f"""
        SELECT EXISTS (SELECT FROM user_event e WHERE e.project_id = %(project)s AND e.event = {int(UserEvent.ACTIVATED)}
                       AND {presence.ABOUT})
    """,
    Entered.CONTROLS: """
        SELECT EXISTS (SELECT FROM user_event e WHERE e.project_id = %(project)s AND e.is_control IS NOT NULL)
    """,
}


T = TypeVar("T")


class _Search(Generic[T]):
    """What stored buckets have counted, found piece by piece of the project's life, the newest first."""

    def __init__(self, left: list[Window], read: Callable[[Window], set[T]]) -> None:
        self._left = left
        self._read = read
        self._found: set[T] = set()

    def finds(self, wanted: set[T]) -> bool:
        """Whether any of these was counted."""
        while self._found.isdisjoint(wanted):
            if not self._left:
                return False
            self._found |= self._read(self._left.pop())
        return True


class Sent:
    """What was ever sent, of one project, as one request asks for it. Keeps what it has read."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._of_all: dict[tuple[Facts, Distribution | None], _Search[int | Distribution]] = {}
        self._of_features: dict[Source, _Search[int]] = {}
        self._known: dict[tuple[Source, int | None], bool] = {}

    def lacks(self, metric: Metric, feature: int | None = None) -> bool:
        """Whether something never came that the metric needs; of a feature: about it, where that can be told."""
        return metric.kind is Kind.NOT_INSTRUMENTED or not all(self.has(source, feature) for source in metric.sources)

    def judged(
        self, metric: Metric, readings: list[Reading], points: Sequence[Window], feature: int | None = None
    ) -> list[Reading]:
        """The readings of some windows or, where none has more than 0 and something never came that the metric needs, why.

        Before the first interaction that is no data: interactions are needed by all. So it is while history waits to be
        counted, which may hold it.
        """
        if any(reading.value for reading in readings) or not self.lacks(metric, feature):
            return readings
        if self._shelf.history_waits_from and metric.kind is not Kind.NOT_INSTRUMENTED:
            return [NO_DATA for _ in points]
        return [NOT_INSTRUMENTED if self._shelf.is_known(point, feature) else NO_DATA for point in points]

    def has(self, source: Source, feature: int | None = None) -> bool:
        """Whether it ever came."""
        if (source, feature) not in self._known:
            self._known[source, feature] = self._has(source, feature)
        return self._known[source, feature]

    def _has(self, source: Source, feature: int | None) -> bool:
        if source.kind is not None and not source.counters:
            return self._was_said(source.kind, feature)
        if source.kind is not None and not self._is_kind_seen(source.kind):
            return False
        if source.kind is not None and feature is None and source.counters == COUNTED_AS.get(source.kind):
            return True
        if source.counters or source.distribution is not None:
            return self._is_counted(source, feature)
        if source.figure is not None:
            return figures.were_sent(source.figure)
        if source.entered is Entered.LIMITS:
            return bool(provider_limits.entered())
        return source.entered is None or _exists(_ENTERED[source.entered], feature)

    def _is_kind_seen(self, kind: FeedbackKind) -> bool:
        return bool(self._shelf.account.kinds_seen >> kind & 1)

    def _was_said(self, kind: FeedbackKind, feature: int | None) -> bool:
        """Of feedback that goes by its own time, and need not be about an interaction. What may have gone counts as said."""
        is_seen = (feature is None and self._is_kind_seen(kind)) or _exists(_SAID, feature, kind)
        return is_seen or not all(self._shelf.is_raw(window) for window in self._windows())

    def _is_counted(self, source: Source, feature: int | None) -> bool:
        """Whether stored buckets ever counted it. Features are looked at only where the project has it."""
        counters, distribution = source.counters, source.distribution
        facts = counters[0].facts if counters else Facts.INTERACTIONS
        wanted: set[int | Distribution] = {distribution} if distribution else set(counters)
        if (facts, distribution) not in self._of_all:
            self._of_all[facts, distribution] = _Search(
                self._windows(),
                lambda window: reads.ever_counted(
                    self._shelf.rows, facts, self._shelf.pieces(facts, window), distribution
                ),
            )
        is_known = self._of_all[facts, distribution].finds(wanted)
        if feature is None or not is_known:
            return is_known
        if source not in self._of_features:
            self._of_features[source] = _Search(
                self._windows(),
                lambda window: reads.features_with(
                    self._shelf.rows, facts, self._shelf.pieces(facts, window), counters, distribution
                ),
            )
        return self._of_features[source].finds({feature})

    def _windows(self) -> list[Window]:
        """The project's whole life, the days of late last."""
        now, first = self._shelf.now, reads.first_bucket(None)
        if first is None:
            return []
        recent = self._shelf.aligned(Window(max(min(first, now), now - RECENT), now + DAY))
        return [self._shelf.aligned(Window(first, recent.start)), recent] if first < recent.start else [recent]


def _exists(query: str, feature: int | None, kind: FeedbackKind | None = None) -> bool:
    parameters = {"project": current_project(), "feature": feature, "kind": kind}
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return bool(cursor.fetchone()[0])
