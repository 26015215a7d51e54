"""User-month rows: what a cluster's day rows of one month of local days add up to, per feature and over all of them.

A pure function of `user_day`: whatever changes a day row appends a mark for its (month, cluster) in the same
transaction, and marked pairs are added up anew under the roller's lock of users. Marks are only appended, so a claim takes what
it can see and never more: what is committed after it keeps its mark. `people` reads these rows, and adds up itself
what is marked.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

import psycopg
from django.db import connection

from ingest import arrays
from ingest.projects.access import current_project
from observatory.metrics import user_sets
from observatory.metrics.months import month_of
from observatory.metrics.user_sets import ActiveDays

ALL_FEATURES = user_sets.ALL_FEATURES
"""The feature of rows over all features; 0 is what named none."""

COLUMNS = (
    "month", "feature_id", "cluster", "is_user", "calls", "cost_nano", "active_days", "tier_id", "segment_id", "is_whole",
)  # fmt: skip
PAIRS_AT_ONCE = 2_000
PAIRS_AT_LEISURE = 20_000
"""At once in a run over everything: nobody waits for its slices."""

# As for user rows: a slice that took longer rests so many times as long, for those who store.
LONG_S = 0.2
REST = 6.0

SUMS = """
    w.month, coalesce(u.feature_id, -1) AS feature_id, w.cluster, u.is_user, sum(u.calls)::bigint AS calls,
    least(sum(u.cost_nano), 9223372036854775807)::bigint AS cost_nano,
    bit_or(1 << (extract(day FROM u.day)::integer - 1)) AS active_days,
    (coalesce(max((u.day - w.month) << 16 | u.tier_id) FILTER (WHERE u.tier_id <> 0), 0) & 65535)::smallint AS tier_id,
    (coalesce(max((u.day - w.month) << 16 | u.segment_id) FILTER (WHERE u.segment_id <> 0), 0) & 65535)::smallint
        AS segment_id
"""
SETS = "GROUPING SETS ((w.month, w.cluster, u.is_user, u.feature_id), (w.month, w.cluster, u.is_user))"
"""A day's tier stands in all features' rows of that day, so the latest day alone decides."""

# As in `user_rows`: a month is sent once, and its users name its place.
WANTED = """
    SELECT (%(months)s::date[])[place] AS month, cluster
    FROM unnest(%(places)b, %(clusters)b) AS p (place, cluster)
"""
MERGED = f"""
    SELECT month, feature_id, cluster, is_user, calls, cost_nano, active_days, tier_id, segment_id,
        feature_id = {ALL_FEATURES} OR features = 1
    FROM (
        SELECT *, count(*) OVER (PARTITION BY month, cluster, is_user) - 1 AS features
        FROM (
            SELECT {SUMS}
            FROM ({WANTED}) w
            CROSS JOIN LATERAL (
                SELECT * FROM user_day
                WHERE project_id = %(project)s AND cluster = w.cluster
                    AND day >= w.month AND day < w.month + interval '1 month'
                OFFSET 0) u
            GROUP BY {SETS}) AS added) AS counted
    WHERE feature_id <> {ALL_FEATURES} OR features > 1
"""
"""The rows of the wanted (month, cluster) pairs, in the order of COLUMNS."""

_rest_until: dict[int, float] = {}
_behind: set[int] = set()


class UserMonth(NamedTuple):
    """A cluster in one month, named by its first day."""

    month: date
    cluster: str


def marking(change: str) -> str:
    """SQL that deletes or inserts rows of `user_day` and marks their months; gives how many rows."""
    return f"""
        WITH changed AS ({change} RETURNING user_day.project_id, user_day.day, user_day.cluster), marked AS (
            INSERT INTO unmerged_user (project_id, month, cluster)
            SELECT DISTINCT project_id, date_trunc('month', day)::date, cluster FROM changed)
        SELECT count(*) FROM changed
    """


def mark_from(day: date) -> None:
    """Say that all day rows from a day on have changed: they are about to be deleted, for the time zone is another."""
    query = """
        INSERT INTO unmerged_user (project_id, month, cluster)
        SELECT DISTINCT project_id, month, cluster FROM user_month WHERE project_id = %s AND month >= %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), month_of(day)])


def merge_due(*, is_due: bool, is_everything: bool) -> bool:
    """Add some marked pairs up anew, the latest months first; whether more wait for this run. Under the lock of users.

    What is behind goes on in runs in which nothing is due, resting after long slices.
    """
    began = time.monotonic()
    project = current_project()
    is_resting = began < _rest_until.get(project, 0.0)
    if not is_everything and (is_resting or not (is_due or project in _behind)):
        return False
    pairs, is_left = due(PAIRS_AT_LEISURE if is_everything else PAIRS_AT_ONCE)
    if pairs:
        replace(pairs)
    (_behind.add if is_left else _behind.discard)(project)
    taken = time.monotonic() - began
    if taken > LONG_S:
        _rest_until[project] = began + (1 + REST) * taken
    return is_left


def due(limit: int) -> tuple[list[UserMonth], bool]:
    """The pairs of so many marks, the latest months first, and whether there are more than were looked at."""
    query = """
        SELECT month, array_agg(cluster) FROM (
            SELECT month, cluster FROM unmerged_user WHERE project_id = %s ORDER BY month DESC LIMIT %s) AS marks
        GROUP BY month ORDER BY month DESC
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), limit])
        marks = cursor.fetchall()
    pairs = [UserMonth(month, cluster) for month, clusters in marks for cluster in dict.fromkeys(clusters)]
    return pairs, sum(len(clusters) for _, clusters in marks) == limit


def replace(pairs: Sequence[UserMonth]) -> None:
    """Claim these pairs' marks, then put what their day rows add up to in the place of what was stored, and in the sets."""
    claim = f"""
        DELETE FROM unmerged_user m USING ({WANTED}) w
        WHERE m.project_id = %(project)s AND m.month = w.month AND m.cluster = w.cluster
    """
    # Each pair's rows are looked up, and deleted by their place: joined, the whole table would be read for a few.
    delete = f"""
        DELETE FROM user_month WHERE ctid = ANY(ARRAY(
            SELECT u.ctid FROM ({WANTED}) w CROSS JOIN LATERAL (
                SELECT ctid FROM user_month
                WHERE project_id = %(project)s AND cluster = w.cluster AND month = w.month OFFSET 0) u))
    """
    insert = f"""
        INSERT INTO user_month (project_id, {", ".join(COLUMNS)}) SELECT %(project)s, r.* FROM ({MERGED}) r
    """
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(claim, parameters(pairs))
        before, after = (_active_days(cursor, change, pairs) for change in (delete, insert))
    user_sets.store(before, after, [pair.cluster for pair in pairs])


def _active_days(cursor: Any, change: str, pairs: Sequence[UserMonth]) -> ActiveDays:
    """The users in the rows that a statement takes or puts; who had a single feature is one of all features, too."""
    query = f"""
        WITH changed AS ({change} RETURNING month, feature_id, cluster, is_user, is_whole, active_days)
        SELECT month, feature_id, is_whole, array_agg(cluster), array_agg(active_days)
        FROM changed WHERE is_user GROUP BY month, feature_id, is_whole
    """
    cursor.execute(query, parameters(pairs))
    found: defaultdict[tuple[date, int], dict[str, int]] = defaultdict(dict)
    for month, feature, is_whole, clusters, days in cursor.fetchall():
        of = dict(zip(clusters, days, strict=True))
        for key in {feature, ALL_FEATURES} if is_whole else {feature}:
            found[month, key].update(of)
    return found


def named(cluster: str) -> list[UserMonth]:
    """Every month in which there is a row or a mark of a cluster."""
    query = """
        SELECT month, cluster FROM user_month WHERE project_id = %(project)s AND cluster = %(cluster)s
        UNION SELECT month, cluster FROM unmerged_user WHERE project_id = %(project)s AND cluster = %(cluster)s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, {"project": current_project(), "cluster": cluster})
        return [UserMonth(*row) for row in cursor.fetchall()]


def waiting(months: Sequence[date], limit: int) -> int:
    """How many pairs of these months are marked, counted up to a limit."""
    query = """
        SELECT count(*) FROM (
            SELECT DISTINCT month, cluster FROM unmerged_user
            WHERE project_id = %s AND month = ANY(%s::date[]) LIMIT %s) AS marked
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), list(months), limit])
        return int(cursor.fetchone()[0])


def waits_before(month: date) -> bool:
    """Whether any pair of an earlier month is marked."""
    query = "SELECT EXISTS (SELECT FROM unmerged_user WHERE project_id = %s AND month < %s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), month])
        return bool(cursor.fetchone()[0])


def parameters(pairs: Sequence[UserMonth]) -> dict[str, Any]:
    """What WANTED takes."""
    place_of = {month: place for place, month in enumerate(dict.fromkeys(pair.month for pair in pairs), start=1)}
    return {
        "project": current_project(),
        "months": list(place_of),
        "places": arrays.integers([place_of[pair.month] for pair in pairs]),
        "clusters": arrays.texts([pair.cluster for pair in pairs]),
    }
