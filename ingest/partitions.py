"""The weeks of the big tables: made ahead, and on demand for what nobody foresaw."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection

from ingest.timeline import WEEK, week_start

MADE_BEFORE = WEEK
REACH_AHEAD = timedelta(days=14)


def ensure(now: datetime) -> int:
    """Make every missing partition from last week's to that of 14 days ahead; return how many were made.

    Older ones are made when somebody needs them: never before the raw horizon, for what lies there is not stored.
    """
    first, last = week_start(now - MADE_BEFORE), week_start(now + REACH_AHEAD)
    return ensure_for(first + WEEK * n for n in range((last - first) // WEEK + 1))


def ensure_for(instants: Iterable[datetime], table: str = "") -> int:
    """Make the partitions that hold these instants, of all big tables or of one; return how many were made.

    Each week is made in its own transaction. Outside a transaction only: attaching a partition must not wait inside somebody's insert.
    """
    made = 0
    with connection.cursor() as cursor:
        for week in sorted({week_start(at) for at in instants}):
            cursor.execute("SELECT ensure_partition(%s, %s)", [week, table or None])
            made += cursor.fetchone()[0]
    return made


def analyse_new() -> int:
    """Give the planner its first statistics of weeks that have rows by now; return of how many tables."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT analyse_new_partitions()")
        return int(cursor.fetchone()[0])
