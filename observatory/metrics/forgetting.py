"""What an erasure clears of the rollups: the user's day rows, also those from before the raw horizon.

Sheets hold sums of many and name nobody; where raw rows reach, the record's own steps have marked them to be counted
again. Rows of a user who came back since are counted again from what is there now.
"""

from datetime import date, timedelta
from typing import Any

from django.db import connection

from ingest.erasure.record import SESSION
from ingest.erasure.registry import Done, Step, Subject

DAYS = 28

FIRST_AND_LAST = """
    SELECT (SELECT day FROM user_day WHERE project_id = %(project)s AND day >= %(from)s ORDER BY day LIMIT 1),
           (SELECT day FROM user_day WHERE project_id = %(project)s ORDER BY day DESC LIMIT 1)
"""
_SESSIONS = f"SELECT id FROM erasure_trace WHERE project_id = %(project)s AND number = %(number)s AND kind = {SESSION}"
DELETED = f"""
    DELETE FROM user_day
    WHERE project_id = %(project)s AND day >= %(from)s AND day < %(until)s
      AND (cluster = %(user)s OR NOT is_user AND cluster IN ({_SESSIONS}))
"""
COUNTED_AGAIN = f"""
    INSERT INTO dirty_user (project_id, quarter, cluster)
    SELECT DISTINCT %(project)s, date_bin('15 minutes', i.occurred_at, '2000-01-01T00:00:00Z'), c.cluster
    FROM (SELECT %(user)s UNION {_SESSIONS}) AS c (cluster)
    JOIN interaction i ON i.project_id = %(project)s AND coalesce(i.user_id, i.session_id, '') = c.cluster
"""


def user_days(subject: Subject, place: str) -> Done:
    """Delete the user's rows of some weeks, and those of sessions that were theirs alone."""
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
            cursor.execute(COUNTED_AGAIN, parameters)
            return Done()
        until = first + timedelta(days=DAYS)
        cursor.execute(DELETED, {**parameters, "from": first, "until": until})
        counts = {"user_days": cursor.rowcount}
        if until > last:
            cursor.execute(COUNTED_AGAIN, parameters)
            return Done(counts)
        return Done(counts, until.isoformat())


STEP = Step("user days", user_days, frozenset({"user_day.cluster"}))
