"""What is usual for each feature: the 99.9th percentiles of its last four weeks, kept in `usual_limit`.

Measured from raw rows, at most 300 of each hour (the first ones), so that a busy project costs no more than 200,000 rows.
Runs in the project in scope.
"""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ingest.digest.marks import MINIMUM_SAMPLE, Limits
from ingest.projects.scope import current_project
from ingest.timeline import DAY, HOUR, ceil

REACH = timedelta(days=28)
ROWS_AN_HOUR = 300
CHEAP_SAMPLE = 20_000
"""Up to so many rows are measured again every hour: a young project is not without limits for its first day."""

_NAMES = tuple(field.name for field in fields(Limits))
_PERCENTILES = ",\n            ".join(
    f"CASE WHEN count({name}) >= {MINIMUM_SAMPLE} THEN percentile_disc(0.999) WITHIN GROUP (ORDER BY {name}) END"
    for name in _NAMES
)
MEASURE = f"""
    WITH sample AS MATERIALIZED (
        SELECT i.* FROM generate_series(%(since)s, %(until)s - interval '1 hour', interval '1 hour') AS hour (start_at)
        CROSS JOIN LATERAL (
            SELECT feature_id, {", ".join(_NAMES)} FROM interaction
            WHERE project_id = %(project)s AND occurred_at >= hour.start_at
              AND occurred_at < hour.start_at + interval '1 hour' AND status = 0
            ORDER BY occurred_at, id LIMIT {ROWS_AN_HOUR}) i
    )
    INSERT INTO usual_limit (project_id, feature_id, measured_at, sample, {", ".join(_NAMES)})
    SELECT %(project)s, 0, %(now)s, count(*){", NULL" * len(_NAMES)} FROM sample
    UNION ALL
    SELECT %(project)s, feature_id, %(now)s, count(*),
            {_PERCENTILES}
    FROM sample WHERE feature_id <> 0 GROUP BY feature_id
    ON CONFLICT (project_id, feature_id) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in ("measured_at", "sample", *_NAMES))}
"""


def refresh(now: datetime) -> bool:
    """Measure again when that is due: every day, of few rows every hour. Says whether it was."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT measured_at, sample FROM usual_limit WHERE project_id = %s AND feature_id = 0", [current_project()]
        )
        row = cursor.fetchone()
        if row is not None and now - row[0] < (HOUR if row[1] <= CHEAP_SAMPLE else DAY):
            return False
        until = ceil(now, HOUR)
        parameters: dict[str, Any] = {"project": current_project(), "now": now, "since": until - REACH, "until": until}
        cursor.execute(MEASURE, parameters)
        cursor.execute("DELETE FROM usual_limit WHERE project_id = %s AND measured_at < %s", [current_project(), now])
    return True


def of_features() -> dict[int, Limits]:
    """The limits of every feature that has any, by its number."""
    query = f"SELECT feature_id, {', '.join(_NAMES)} FROM usual_limit WHERE project_id = %s AND feature_id <> 0"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project()])
        return {row[0]: Limits(*row[1:]) for row in cursor.fetchall()}
