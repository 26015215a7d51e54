"""Work that is due once a day for the whole installation: when it was last done, as rows."""

from datetime import datetime

from django.db import connection

from ingest.timeline import DAY


def is_due(name: str, now: datetime) -> bool:
    """Whether a day has passed since this was last done."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT done_at FROM chore WHERE name = %s", [name])
        row = cursor.fetchone()
    return row is None or now - row[0] >= DAY


def done(name: str, now: datetime) -> None:
    """Say that it is done for today."""
    query = (
        "INSERT INTO chore (name, done_at) VALUES (%s, %s) ON CONFLICT (name) DO UPDATE SET done_at = EXCLUDED.done_at"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [name, now])
