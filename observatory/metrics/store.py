"""The rollups' tables: dirty marks claimed, sheets replaced, what is not merged yet, and each project's account.

Everything here happens inside a project's scope. The roller's laws live in the order of its statements: lock, then
claim, then read (a later statement sees every row whose mark the claim took), then replace, all in one transaction.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from enum import IntEnum
from itertools import islice
from typing import Any, NamedTuple

import psycopg
from django.db import connection
from django.db.models import Max

from ingest import arrays
from ingest.dimensions import Facts
from ingest.projects.access import current_project
from ingest.projects.models import Feature, Project
from ingest.timeline import DAY, EPOCH, QUARTER, Window, floor
from observatory.metrics import packing, raw, spans
from observatory.metrics.cells import Cells
from observatory.metrics.packing import Blobs
from observatory.metrics.sheets import COLUMNS, Family, SheetKey
from observatory.metrics.windows import STEPS, Level

MINUTES_KEPT = timedelta(hours=48)
LIVE = timedelta(minutes=2)
"""Marks of so recent minutes are claimed at every tick."""

RECENT = DAY
"""Older marks than LIVE up to this age wait for the pass every 60 s, still older ones for that every 15 minutes."""

HISTORY = 1_000
"""So many marks that are still older are a history that somebody sends: it comes with the pass every 60 s, too."""

LAYOUT = 1
"""Counted up when sheets of raw rows change their look: accounts of an older one have everything counted again."""

_PORTION = 4000
_WIDE = 10
_SETS = """
    -- The sets that exist, by hopping through the primary key: asking by bucket alone would read the whole level.
    WITH RECURSIVE sets AS (
        (SELECT dimension, feature_id FROM sheet
         WHERE project_id = %(project)s AND level = %(level)s AND facts = %(facts)s
            AND dimension BETWEEN %(lowest)s AND %(highest)s
         ORDER BY dimension, feature_id LIMIT 1)
        UNION ALL
        SELECT following.* FROM sets, LATERAL (
            SELECT dimension, feature_id FROM sheet
            WHERE project_id = %(project)s AND level = %(level)s AND facts = %(facts)s AND dimension <= %(highest)s
                AND (dimension, feature_id) > (sets.dimension, sets.feature_id)
            ORDER BY dimension, feature_id LIMIT 1) following
    )
"""


class Mark(NamedTuple):
    """Something to count again: a minute, or a quarter where minutes are no longer kept."""

    facts: Facts
    level: Level
    bucket: datetime

    @property
    def window(self) -> Window:
        """The bucket's instants."""
        return Window(self.bucket, self.bucket + STEPS[self.level])


@dataclass
class Account:
    """How far a project is rolled up. `recent_at`, `late_at`: when a pass over older marks last came to its end.

    `minutes_from`: since when minutes of the headline sets are kept; `wide_from` and `hours_from`: minutes and hours of
    the wide ones, which were last looked at `wide_at`. `changed_at` is when a pass last changed anything. `kinds_seen` are the kinds of feedback that ever came, as bits (1 << kind).
    """

    rolled_at: datetime
    complete_to: datetime
    feedback_complete_to: datetime
    minutes_from: datetime
    recent_at: datetime
    late_at: datetime
    last_interaction_at: datetime | None
    kinds_seen: int
    time_zone: str
    changed_at: datetime
    wide_from: datetime
    hours_from: datetime
    wide_at: datetime
    layout: int


_ACCOUNT = tuple(field.name for field in fields(Account))


class Share(IntEnum):
    """A share of the rollups that is written apart from the others; the number is its advisory lock."""

    SHEETS = 7304
    USERS = 7307


def lock(*shares: Share, wait: bool) -> bool:
    """Become the project's only roller of these shares (of none given: of all) until the transaction ends.

    False when we do not wait and another one rolls.
    """
    function = "pg_advisory_xact_lock" if wait else "pg_try_advisory_xact_lock"
    with connection.cursor() as cursor:
        for share in sorted(shares or Share):  # in one order, so that nobody waits for somebody who waits for them
            cursor.execute(f"SELECT {function}(%s, %s)", [int(share), current_project() % 2**31])
            if cursor.fetchone()[0] is False:
                return False
    return True


def settle_in() -> None:
    """Let the transaction wait for locks as long as it takes, and sort in memory: making files costs a fifth of the time."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = 0; SET LOCAL work_mem = '64MB'")


def database_clock() -> datetime:
    """The clock that stamps dirty marks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
        return moment


def account() -> Account | None:
    """The project's account; None before its first roll."""
    query = f"SELECT {', '.join(_ACCOUNT)} FROM rolled WHERE project_id = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project()])
        row = cursor.fetchone()
    return Account(*row) if row else None


def opened_account() -> Account:
    """The account of a project that a run has begun on. Raises LookupError before any has."""
    found = account()
    if found is None:
        raise LookupError("a run begins by opening the account")
    return found


def raw_horizon() -> datetime:
    """Before it nothing is counted again. Ask under the lock of a share: it moves only under all, and rows go only after that."""
    return Project.objects.values_list("raw_horizon", flat=True).get(pk=current_project()) or EPOCH


def rolled_at() -> dict[int, datetime]:
    """When each project was last rolled, for the job that visits all of them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT project_id, rolled_at FROM rolled")
        return dict(cursor.fetchall())


def opened(now: datetime, time_zone: str) -> Account:
    """The account a first roll starts with."""
    kept = (floor(now, QUARTER) - MINUTES_KEPT, *spans.kept_from(now, time_zone))
    return Account(now, EPOCH, EPOCH, kept[0], EPOCH, EPOCH, None, 0, time_zone, now, kept[1], kept[2], EPOCH, LAYOUT)


def save(stored: Account) -> None:
    """Write the account."""
    values = asdict(stored)
    updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in _ACCOUNT)
    query = f"""
        INSERT INTO rolled (project_id, {", ".join(_ACCOUNT)}) VALUES (%s{", %s" * len(_ACCOUNT)})
        ON CONFLICT (project_id) DO UPDATE SET {updates}
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), *(values[name] for name in _ACCOUNT)])


def due_marks(minutes_from: datetime, bucket_from: datetime, marked_by: datetime | None, limit: int) -> list[Mark]:
    """What is dirty from `bucket_from` on, the latest first; only what was marked by an instant, if one is given."""
    query = """
        SELECT DISTINCT facts, CASE WHEN bucket >= %(kept)s THEN 1 ELSE 2 END AS level,
            CASE WHEN bucket >= %(kept)s THEN bucket ELSE date_bin('15 minutes', bucket, 'epoch') END AS start_at
        FROM dirty_bucket
        WHERE project_id = %(project)s AND bucket >= %(from)s AND marked_at <= coalesce(%(by)s, 'infinity'::timestamptz)
        ORDER BY start_at DESC, facts
        LIMIT %(limit)s
    """
    parameters: dict[str, Any] = {
        "project": current_project(),
        "kept": minutes_from,
        "from": bucket_from,
        "by": marked_by,
        "limit": limit,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [Mark(Facts(facts), Level(level), start) for facts, level, start in cursor.fetchall()]


def sizes(marks: Sequence[Mark]) -> list[int]:
    """How many raw rows stand behind each mark; more than can be read at once are not counted on."""
    found: dict[Mark, int] = {}
    for facts in Facts:
        chosen = [mark for mark in marks if mark.facts is facts]
        found |= zip(chosen, raw.rows_in(facts, [mark.window for mark in chosen], raw.MOST_ROWS + 1), strict=True)
    return [found[mark] for mark in marks]


def claim(marks: Sequence[Mark]) -> None:
    """Take the marks away: from the next statement on, every row they stood for is visible."""
    query = """
        DELETE FROM dirty_bucket
        WHERE project_id = %s AND bucket >= %s AND bucket < %s AND (
            (facts, bucket) IN (SELECT * FROM unnest(%s::smallint[], %s::timestamptz[]))
            OR (facts, date_bin('15 minutes', bucket, 'epoch')) IN (SELECT * FROM unnest(%s::smallint[], %s::timestamptz[])))
    """
    parameters: list[Any] = [
        current_project(),
        min(mark.window.start for mark in marks),
        max(mark.window.end for mark in marks),
    ]
    for level in (Level.MINUTE, Level.QUARTER):
        chosen = [mark for mark in marks if mark.level is level]
        parameters += [[int(mark.facts) for mark in chosen], [mark.bucket for mark in chosen]]
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)


def earliest_mark(facts: Facts, bucket_from: datetime, marked_by: datetime) -> datetime | None:
    """The earliest minute from `bucket_from` on that is still dirty though it was marked by an instant."""
    query = """
        SELECT min(bucket) FROM dirty_bucket
        WHERE project_id = %s AND facts = %s AND bucket >= %s AND marked_at <= %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), int(facts), bucket_from, marked_by])
        earliest: datetime | None = cursor.fetchone()[0]
        return earliest


def has_history(now: datetime) -> bool:
    """Whether so many calls or costs of over a day ago wait to be counted that they are more than some late ones."""
    query = """
        SELECT count(*) >= %s FROM (
            SELECT FROM dirty_bucket WHERE project_id = %s AND facts = %s AND bucket < %s LIMIT %s) AS late
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [HISTORY, current_project(), int(Facts.INTERACTIONS), now - RECENT, HISTORY])
        return bool(cursor.fetchone()[0])


def longest_maturity() -> timedelta:
    """How long the feature whose feedback takes longest waits for it; a day where there is no feature."""
    hours = Feature.objects.aggregate(hours=Max("maturity_hours"))["hours"]
    return timedelta(hours=hours if hours is not None else 24)


def last_interaction_at() -> datetime | None:
    """When the latest interaction occurred."""
    query = "SELECT occurred_at FROM interaction WHERE project_id = %s ORDER BY occurred_at DESC LIMIT 1"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project()])
        row = cursor.fetchone()
        return row[0] if row else None


def replace(
    level: Level, facts: Facts, buckets: Collection[datetime], fresh: Cells, family: Family = Family.HEADLINE
) -> None:
    """Put freshly computed sheets in the place of all that these buckets had of a family."""
    delete = f"""
        {_SETS}
        DELETE FROM sheet s USING sets, unnest(%(buckets)s::timestamptz[]) AS b (bucket)
        WHERE s.project_id = %(project)s AND s.level = %(level)s AND s.facts = %(facts)s
            AND s.dimension = sets.dimension AND s.feature_id = sets.feature_id AND s.bucket = b.bucket
    """
    with connection.cursor() as cursor:
        cursor.execute(delete, _place(level, facts, family) | {"buckets": list(buckets)})
    remaining = packing.packed(fresh)
    while portion := list(islice(remaining, _PORTION)):
        _insert(level, facts, portion)


def _place(level: Level, facts: Facts, family: Family) -> dict[str, Any]:
    lowest, highest = family.value
    place = {"project": current_project(), "level": int(level), "facts": int(facts)}
    return place | {"lowest": lowest, "highest": highest}


def _insert(level: Level, facts: Facts, portion: Sequence[tuple[SheetKey, Blobs]]) -> None:
    names = ("bucket", "dimension", "feature_id", "counters", *COLUMNS, "combinations")
    query = f"""
        INSERT INTO sheet (project_id, level, facts, {", ".join(names)})
        SELECT %s, %s, %s, u.* FROM unnest({", ".join(["%b"] * len(names))}) AS u
    """
    keys = [key for key, _ in portion]
    columns_of = zip(*(blobs for _, blobs in portion), strict=True)
    columns: list[Any] = [
        arrays.times([arrays.microseconds(key.bucket) for key in keys]),
        arrays.smalls([key.dimension for key in keys]),
        arrays.smalls([key.feature for key in keys]),
        *(arrays.blobs(column) for column in columns_of),
    ]
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query, [current_project(), int(level), int(facts), *columns])


def fetch(level: Level, facts: Facts, ranges: Sequence[Window], family: Family = Family.HEADLINE) -> Cells:
    """All sheets of a level and family whose buckets start inside one of these disjoint windows."""
    query = f"""
        {_SETS}
        SELECT s.* FROM sets, unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS r (start_at, end_at)
        CROSS JOIN LATERAL (
            SELECT bucket, dimension, feature_id, combinations, counters, {", ".join(COLUMNS)} FROM sheet
            WHERE project_id = %(project)s AND level = %(level)s AND facts = %(facts)s
                AND dimension = sets.dimension AND feature_id = sets.feature_id
                AND bucket >= r.start_at AND bucket < r.end_at OFFSET 0) s
    """
    parameters = _place(level, facts, family)
    parameters |= {"starts": [window.start for window in ranges], "ends": [window.end for window in ranges]}
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query, parameters, binary=True)
        return packing.unpacked(cursor.fetchall())


def set_unmerged(level: Level, facts: Facts, buckets: Iterable[datetime], family: Family = Family.HEADLINE) -> None:
    """Say that these buckets' finer rows have changed."""
    query = """
        INSERT INTO unmerged (project_id, level, facts, bucket)
        SELECT %s, %s, %s, b.bucket FROM unnest(%s::timestamptz[]) AS b (bucket) ON CONFLICT DO NOTHING
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), marked_as(level, family), int(facts), sorted(set(buckets))])


def marked_as(level: Level, family: Family) -> int:
    """What stands in `unmerged.level` for a level of a family."""
    return int(level) + (_WIDE if family is Family.WIDE else 0)


def set_merged(level: Level, facts: Facts, buckets: Collection[datetime], family: Family = Family.HEADLINE) -> None:
    """Say that these buckets are what their finer rows add up to."""
    query = "DELETE FROM unmerged WHERE project_id = %s AND level = %s AND facts = %s AND bucket = ANY(%s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), marked_as(level, family), int(facts), list(buckets)])


def unmerged(level: Level, family: Family = Family.HEADLINE) -> dict[Facts, list[datetime]]:
    """The buckets whose finer rows have changed since they were merged, the earliest first."""
    query = "SELECT facts, bucket FROM unmerged WHERE project_id = %s AND level = %s ORDER BY bucket"
    found: dict[Facts, list[datetime]] = {facts: [] for facts in Facts}
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), marked_as(level, family)])
        for facts, bucket in cursor.fetchall():
            found[Facts(facts)].append(bucket)
    return found


def days_unmerged(before: datetime) -> int:
    """How many days that begin before an instant are not what their finer rows add up to, in whichever family."""
    levels = [marked_as(Level.DAY, family) for family in Family]
    query = "SELECT count(DISTINCT bucket) FROM unmerged WHERE project_id = %s AND level = ANY(%s) AND bucket < %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), levels, before])
        return int(cursor.fetchone()[0])


def prune(level: Level, before: datetime, family: Family = Family.HEADLINE) -> None:
    """Drop buckets of a level that are no longer kept."""
    query = """
        DELETE FROM sheet
        WHERE project_id = %(project)s AND level = %(level)s AND dimension BETWEEN %(lowest)s AND %(highest)s
            AND bucket < %(before)s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, _place(level, Facts.INTERACTIONS, family) | {"before": before})
