"""What an erasure clears of the rollups: the user's day and month rows, also those from before the raw horizon.

Sheets hold sums of many and name nobody; where raw rows reach, the record's own steps have marked them to be counted
again. Rows of a user who came back since are counted again from what is there now.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from django.db import connection

from ingest.erasure import record
from ingest.erasure.record import SESSION, is_traced
from ingest.erasure.registry import Done, Step, Subject
from observatory.metrics import store, user_months
from observatory.metrics.months import month_of
from observatory.metrics.user_months import UserMonth

DAYS = 28
AGAIN = "again"

FIRST_AND_LAST = """
    SELECT (SELECT day FROM user_day WHERE project_id = %(project)s AND day + 0 >= %(from)s ORDER BY day + 0 LIMIT 1),
           (SELECT day FROM user_day WHERE project_id = %(project)s ORDER BY day + 0 DESC LIMIT 1)
"""
DELETED = f"""
    DELETE FROM user_day
    WHERE project_id = %(project)s AND day + 0 >= %(from)s AND day + 0 < %(until)s
      AND (cluster = %(user)s OR NOT is_user AND {is_traced("cluster", SESSION)})
    RETURNING day, cluster
"""


def _first_quarter(cluster: str, since: str) -> str:
    """SQL for the first quarter of an hour since an instant in which somebody has calls."""
    return f"""(
        SELECT date_bin('15 minutes', occurred_at, '2000-01-01T00:00:00Z') FROM interaction
        WHERE project_id = %(project)s AND coalesce(user_id, session_id, '') = {cluster} AND occurred_at >= {since}
        ORDER BY occurred_at LIMIT 1)"""


# From quarter to quarter: however many calls there are in one, only its first is looked at.
COUNTED_AGAIN = f"""
    WITH RECURSIVE met (cluster, quarter) AS (
        SELECT c.cluster, {_first_quarter("c.cluster", "'-infinity'")} FROM unnest(%(clusters)s::text[]) AS c (cluster)
        UNION ALL
        SELECT m.cluster, {_first_quarter("m.cluster", "m.quarter + interval '15 minutes'")}
        FROM met m WHERE m.quarter IS NOT NULL
    )
    INSERT INTO dirty_user (project_id, quarter, cluster)
    SELECT %(project)s, quarter, cluster FROM met WHERE quarter IS NOT NULL
"""


def user_days(subject: Subject, place: str) -> Done:
    """Delete the user's rows of some weeks, and those of sessions that were theirs alone; have what is left counted."""
    phase, _, after = place.partition(" ")
    if phase == AGAIN:
        chosen = record.sessions_after(subject, after)
        _count_again(subject, chosen)
        return Done(place=f"{AGAIN} {chosen[-1]}" if len(chosen) == record.SESSIONS_AT_ONCE else None)
    # Only who holds the lock of users adds up months.
    store.lock(wait=True)
    parameters: dict[str, Any] = {
        "project": subject.project_id,
        "number": subject.number,
        "user": subject.user_id,
        "from": date.fromisoformat(place) if place else date.min,
    }
    with connection.cursor() as cursor:
        cursor.execute(FIRST_AND_LAST, parameters)
        first, last = cursor.fetchone()
        if first is None:
            return _end(subject, {})
        until = first + timedelta(days=DAYS)
        cursor.execute(DELETED, {**parameters, "from": first, "until": until})
        gone = cursor.fetchall()
    user_months.replace(sorted({UserMonth(month_of(day), cluster) for day, cluster in gone}))
    counts = {"user_days": len(gone)}
    return _end(subject, counts) if until > last else Done(counts, until.isoformat())


def _end(subject: Subject, counts: Mapping[str, int]) -> Done:
    """No day row is left: nothing may be left of the months either, not even a mark."""
    user_months.replace(user_months.named(subject.user_id))
    _count_again(subject, [subject.user_id])
    return Done(counts, f"{AGAIN} ")


def _count_again(subject: Subject, clusters: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(COUNTED_AGAIN, {"project": subject.project_id, "clusters": list(clusters)})


STEP = Step(
    "user days",
    user_days,
    frozenset({"user_day.cluster", "user_month.cluster", "unmerged_user.cluster", "user_number.cluster"}),
)
