"""Whether users' months say what their days say.

Each row is compared on its first active day, so that going through all days compares every row once. Marked pairs are
waiting, not different.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from django.db import connection

from ingest.projects.access import current_project
from observatory.metrics import user_months
from observatory.metrics.months import month_of
from observatory.metrics.user_months import UserMonth

# Bits that name no day stand with the first day, or nobody would ever look at them.
PAIRS = """
    SELECT DISTINCT cluster FROM user_month
    WHERE project_id = %(project)s AND month = %(month)s
        AND (active_days & -active_days = %(bit)s OR active_days = 0 AND %(bit)s = 1)
    UNION
    SELECT cluster FROM user_day d
    WHERE project_id = %(project)s AND day + 0 = %(day)s AND NOT EXISTS (
        SELECT FROM user_day e WHERE e.project_id = d.project_id AND e.cluster = d.cluster
            AND e.feature_id = d.feature_id AND e.is_user = d.is_user AND e.day >= %(month)s AND e.day < %(day)s)
"""
STORED = f"""
    SELECT {", ".join(user_months.COLUMNS)} FROM user_month
    WHERE project_id = %(project)s AND month = %(month)s AND cluster = ANY(%(clusters)b)
"""
MARKED = """
    SELECT DISTINCT cluster FROM unmerged_user
    WHERE project_id = %(project)s AND month = %(month)s AND cluster = ANY(%(clusters)b)
"""


@dataclass(frozen=True)
class Compared:
    """How many month rows were compared, how many wait to be added up, and which differ, in words."""

    rows: int
    waiting: int
    differing: list[str]


def compare(day: date) -> Compared:
    """Compare the month rows of those who called on a day for the first time in its month. Under the lock of users."""
    month = month_of(day)
    parameters: dict[str, Any] = {"project": current_project(), "month": month, "day": day, "bit": 1 << day.day - 1}
    with psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(PAIRS, parameters)
        parameters |= user_months.parameters([UserMonth(month, row[0]) for row in cursor.fetchall()])
        cursor.execute(user_months.MERGED, parameters)
        fresh = {row[:4]: row for row in cursor.fetchall()}
        cursor.execute(STORED, parameters)
        stored = {row[:4]: row for row in cursor.fetchall()}
        cursor.execute(MARKED, parameters)
        marked = {row[0] for row in cursor.fetchall()}
    keys = sorted(fresh.keys() | stored.keys())
    waiting = [key for key in keys if key[2] in marked]
    differing = [key for key in keys if key[2] not in marked and fresh.get(key) != stored.get(key)]
    return Compared(len(keys) - len(waiting), len(waiting), [_named(*key) for key in differing])


def _named(_month: date, feature: int, cluster: str, is_user: bool) -> str:
    return f"feature {feature}, {'user' if is_user else 'cluster'} {cluster!r}"
