"""What is stored, read back: sheets added up over windows. Standard library and SQL only: pages wait for this."""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import psycopg
from django.db import connection

from ingest.dimensions import ABSENT, Dimension, Facts, FeedbackKind
from ingest.projects.access import current_project
from ingest.timeline import EPOCH, MINUTE, Window
from observatory.metrics import codec
from observatory.metrics.layout import COST_COUNTERS, Counter, Distribution
from observatory.metrics.metric import Metric
from observatory.metrics.reading import Totals
from observatory.metrics.sheets import (
    ALL_FEATURES,
    COMBINATION,
    TOTAL,
    Combinations,
    Family,
    add_counters,
)
from observatory.metrics.windows import Level, Piece

Groups = dict[int, Totals]
"""Dictionary number of a value → its totals."""

Row = tuple[Any, ...]

UNTOLD = -1
"""The group of what combinations leave out: rows beyond the largest ones of their bucket."""
KEPT_BYTES = 8_000_000

_COSTS = frozenset(COST_COUNTERS.values())
_WEIGHED = frozenset({Counter.CALLS, Counter.COST_RECORDS})


@dataclass(frozen=True)
class Selection:
    """Which sheets, and which value in them; all values when it is None.

    Of combinations those that have all the numbers of `match`: together, or told apart by one more dimension.
    """

    dimension: int = TOTAL
    feature: int = ALL_FEATURES
    value: int | None = TOTAL
    match: tuple[tuple[Dimension, int], ...] = ()
    by: Dimension | None = None

    @property
    def family(self) -> Family:
        """The family of these sheets."""
        return Family.WIDE if self.dimension > Family.HEADLINE.value[1] else Family.HEADLINE

    @property
    def rests(self) -> bool:
        """Whether what has no value of the dimension is asked for: wide sheets hold named values only."""
        is_single = self.family is Family.WIDE and self.dimension != COMBINATION
        return is_single and self.value in (None, ABSENT)

    def told(self, combinations: Combinations) -> dict[int, int]:
        """The combinations that match, by place, and the group that each belongs to."""
        places: Iterable[int] = range(len(combinations))
        for dimension, wanted in self.match:
            numbers = combinations.numbers(dimension)
            places = [place for place in places if numbers[place] == wanted]
        if self.by is None:
            groups = dict.fromkeys(places, TOTAL)
        else:
            numbers = combinations.numbers(self.by)
            groups = {place: numbers[place] for place in places}
        return groups | {0: UNTOLD} if combinations.has_others else groups


def chosen_of(groups: Groups, selection: Selection, metric: Metric) -> Totals:
    """The totals of the one value that a selection is of; of combinations with what they leave out of the metric."""
    found = groups.get(selection.value or TOTAL, Totals())
    return replace(found, untold=untold(groups, metric)) if selection.dimension == COMBINATION else found


def untold(groups: Groups, metric: Metric) -> int:
    """The calls that combinations leave out and, of a metric of costs, the cost records, which may be of no call."""
    beyond = groups.get(UNTOLD, Totals()).counters
    return sum(beyond.get(counter, 0) for counter in _WEIGHED & Needs.of([metric]).counters)


@dataclass(frozen=True)
class Needs:
    """The counters and distributions that some metrics are computed from."""

    counters: frozenset[Counter]
    distributions: frozenset[Distribution]

    @classmethod
    def of(cls, metrics: Iterable[Metric]) -> "Needs":
        """What these metrics need together. Calls tell an unknown sum from none, as records do of costs."""
        found = list(metrics)
        counters = {counter for metric in found for counter in (*metric.parts, *metric.of, *metric.known_by)}
        distributions = {metric.distribution for metric in found if metric.distribution}
        counters |= _WEIGHED if counters & _COSTS else {Counter.CALLS}
        return cls(frozenset(counters), frozenset(distributions))

    @property
    def facts(self) -> list[Facts]:
        """Which kinds of sheets hold them."""
        return sorted({item.facts for item in self.counters} | {item.facts for item in self.distributions})


class Rows:
    """Stored sheets as one request reads them: what several of its questions are about is fetched once.

    No more than KEPT_BYTES of them are kept.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[Any, ...], list[Row]] = {}
        self._room = KEPT_BYTES

    def of(
        self, facts: Facts, pieces: Sequence[Piece], chosen: Selection, distributions: Sequence[Distribution]
    ) -> list[Row]:
        """(bucket, combinations, counters, *histograms) of each sheet of the set, whatever value is chosen in it."""
        asked = (facts, tuple(pieces), chosen.dimension, chosen.feature, tuple(distributions))
        found = self._known.get(asked)
        if found is None:
            found = _fetched(facts, pieces, chosen, distributions)
            size = sum(len(blob) for row in found for blob in row[1:] if blob)
            if size <= self._room:
                self._room -= size
                self._known[asked] = found
        return found


def totals(
    rows: Rows, facts: Facts, pieces: Sequence[Piece], points: Sequence[Window], chosen: Selection, needs: Needs
) -> list[Groups]:
    """The stored buckets of `pieces` added up per point. Points are disjoint, in order, and no bucket spans two."""
    distributions = sorted(name for name in needs.distributions if name.facts is facts)
    starts = [point.start for point in points]
    found: list[Groups] = [{} for _ in points]
    for bucket, combinations, counters, *histograms in rows.of(facts, pieces, chosen, distributions):
        place = bisect_right(starts, bucket) - 1
        if place < 0 or bucket >= points[place].end:
            continue
        groups, told = found[place], chosen.told(Combinations(combinations)) if combinations else None
        only = told if told is not None else (chosen.value,) if chosen.value is not None else None
        for value, counts in codec.unpack_counters(counters, needs.counters, only).items():
            group = told[value] if told is not None else value
            add_counters(groups.setdefault(group, Totals()).counters, counts)
        for name, data in zip(distributions, histograms, strict=True):
            for value, bins in codec.unpack_histograms(data, only).items():
                group = told[value] if told is not None else value
                codec.add(groups.setdefault(group, Totals()).histograms.setdefault(name, {}), bins)
    return found


def ever_counted(
    rows: Rows, facts: Facts, pieces: Sequence[Piece], distribution: Distribution | None
) -> set[int | Distribution]:
    """The counters that are not zero in any of these buckets, of all features together, and the histogram if it counted."""
    found: set[int | Distribution] = set()
    for _, _, counters, *histograms in rows.of(facts, pieces, Selection(), [distribution] if distribution else []):
        found |= codec.counters_in(counters)
        if distribution and any(histograms):
            found.add(distribution)
    return found


def features_with(
    rows: Rows, facts: Facts, pieces: Sequence[Piece], counters: Collection[Counter], distribution: Distribution | None
) -> set[int]:
    """The features of which any of these counters is not zero in any of these buckets, or that the histogram counted."""
    chosen = Selection(int(Dimension.FEATURE), ALL_FEATURES, None)
    found: set[int] = set()
    for _, _, data, *histograms in rows.of(facts, pieces, chosen, [distribution] if distribution else []):
        found |= {feature for feature, counts in codec.unpack_counters(data, counters).items() if counts}
        found |= {feature for histogram in histograms for feature in codec.unpack_histograms(histogram)}
    return found


def _fetched(
    facts: Facts, pieces: Sequence[Piece], chosen: Selection, distributions: Sequence[Distribution]
) -> list[Row]:
    query = f"""
        SELECT s.* FROM unnest(%s::smallint[], %s::timestamptz[], %s::timestamptz[]) AS r (level, start_at, end_at)
        CROSS JOIN LATERAL (
            SELECT {", ".join(("bucket", "combinations", "counters", *distributions))} FROM sheet
            WHERE project_id = %s AND facts = %s AND dimension = %s AND feature_id = %s
                AND level = r.level AND bucket >= r.start_at AND bucket < r.end_at OFFSET 0) s
    """
    parameters = [
        [int(piece.level) for piece in pieces],
        [piece.window.start for piece in pieces],
        [piece.window.end for piece in pieces],
        current_project(),
        int(facts),
        chosen.dimension,
        chosen.feature,
    ]
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query, parameters, binary=True)
        return cursor.fetchall()


def waiting(facts: Collection[Facts]) -> Window | None:
    """From the first to the last bucket that has to be counted again; None when nothing waits."""
    query = """
        SELECT min(first), max(last) FROM unnest(%s::smallint[]) AS f (facts) CROSS JOIN LATERAL (
            SELECT (SELECT min(bucket) FROM dirty_bucket d WHERE d.project_id = %s AND d.facts = f.facts) AS first,
                   (SELECT max(bucket) FROM dirty_bucket d WHERE d.project_id = %s AND d.facts = f.facts) AS last) w
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [sorted(facts), current_project(), current_project()])
        first, last = cursor.fetchone()
        return Window(first, last + MINUTE) if first else None


def first_waiting(facts: Facts, window: Window, came_before: datetime | None = None) -> datetime | None:
    """The first bucket of a window that has to be counted again, for what came before an instant or ever; None when
    nothing in it waits.
    """
    query = """
        SELECT min(bucket) FROM dirty_bucket
        WHERE project_id = %s AND facts = %s AND bucket >= %s AND bucket < %s AND marked_at < coalesce(%s, 'infinity'::timestamptz)
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), int(facts), window.start, window.end, came_before])
        first: datetime | None = cursor.fetchone()[0]
        return first


def are_waiting(facts: Collection[Facts], points: Sequence[Window]) -> list[bool]:
    """Whether each point holds a bucket that has to be counted again."""
    query = """
        SELECT EXISTS (SELECT FROM dirty_bucket d WHERE d.project_id = %s AND d.facts = ANY (%s)
                       AND d.bucket >= p.start_at AND d.bucket < p.end_at)
        FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS p (start_at, end_at, place) ORDER BY p.place
    """
    starts, ends = [point.start for point in points], [point.end for point in points]
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), sorted(facts), starts, ends])
        return [row[0] for row in cursor.fetchall()]


def first_bucket(feature: int | None) -> datetime | None:
    """The first bucket with calls or costs, of one feature or of all; None when there is none."""
    # One hop through the primary key per level, never a scan.
    query = """
        SELECT min(first) FROM (
            SELECT (SELECT min(bucket) FROM sheet s WHERE s.project_id = %s AND s.level = l.level AND s.facts = %s
                    AND s.dimension = %s AND s.feature_id = %s) AS first
            FROM unnest(%s::smallint[]) AS l (level)) AS firsts
    """
    levels = [int(level) for level in Level]
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), int(Facts.INTERACTIONS), *_set_of(feature), levels])
        first: datetime | None = cursor.fetchone()[0]
        return first


def first_call(feature: int | None) -> datetime | None:
    """The first bucket with calls, of one feature or of all; None when there is none. A bill may be older."""
    firsts = [found for level in Level if (found := _first_call(level, feature))]
    return min(firsts, default=None)


def _first_call(level: Level, feature: int | None) -> datetime | None:
    query = """
        SELECT bucket, counters FROM sheet
        WHERE project_id = %s AND level = %s AND facts = %s AND dimension = %s AND feature_id = %s AND bucket > %s
        ORDER BY bucket LIMIT 100
    """
    after: datetime = EPOCH
    while True:
        with connection.cursor() as cursor:
            place = [current_project(), int(level), int(Facts.INTERACTIONS), *_set_of(feature)]
            cursor.execute(query, [*place, after])
            rows = cursor.fetchall()
        for after, counters in rows:
            if any(row for row in codec.unpack_counters(counters, (Counter.CALLS,)).values()):
                return after
        if not rows:
            return None


def _set_of(feature: int | None) -> tuple[int, int]:
    """The dimension and feature of the sheets that hold all of a feature, or of a project."""
    return (TOTAL, ALL_FEATURES) if feature is None else (int(Dimension.MODEL), feature)


def calls_by_model(feature: int) -> list[tuple[datetime, dict[int, int]]]:
    """The calls of a feature's merged days by the model's number."""
    query = """
        SELECT bucket, counters FROM sheet
        WHERE project_id = %s AND level = %s AND facts = %s AND dimension = %s AND feature_id = %s ORDER BY bucket
    """
    wanted: Collection[int] = (Counter.CALLS,)
    parameters = [current_project(), int(Level.DAY), int(Facts.INTERACTIONS), int(Dimension.MODEL), feature]
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [
            (
                bucket,
                {model: counts.get(Counter.CALLS, 0) for model, counts in codec.unpack_counters(data, wanted).items()},
            )
            for bucket, data in cursor.fetchall()
        ]


def events(kind: FeedbackKind, points: Sequence[Window], feature: int | None) -> list[int]:
    """How many feedback events of a kind each point holds, by the event's own time."""
    query = """
        SELECT (SELECT count(*) FROM feedback f
                WHERE f.project_id = %s AND f.occurred_at >= p.start_at AND f.occurred_at < p.end_at
                    AND f.kind = %s AND (%s::smallint IS NULL OR f.feature_id = %s))
        FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS p (start_at, end_at, place) ORDER BY p.place
    """
    starts, ends = [point.start for point in points], [point.end for point in points]
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), int(kind), feature, feature, starts, ends])
        return [row[0] for row in cursor.fetchall()]
