"""The weeks of the big tables: made ahead, and on demand for what nobody foresaw."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection

from ingest.timeline import WEEK, week_start

REACH_BACK = timedelta(days=70)
REACH_AHEAD = timedelta(days=14)


def ensure(now: datetime) -> int:
    """Make every missing partition from 70 days back to 14 ahead; return how many were made."""
    first, last = week_start(now - REACH_BACK), week_start(now + REACH_AHEAD)
    return ensure_for(first + WEEK * n for n in range((last - first) // WEEK + 1))


def ensure_for(instants: Iterable[datetime]) -> int:
    """Make the partitions that hold these instants, each week in its own transaction; return how many were made.

    Outside a transaction only: attaching a partition must not wait inside somebody's insert.
    """
    made = 0
    with connection.cursor() as cursor:
        for week in sorted({week_start(at) for at in instants}):
            cursor.execute("SELECT ensure_partition(%s)", [week])
            made += cursor.fetchone()[0]
    return made
