"""Interactions that were stored before there was anything to read them: read from the oldest on, when nothing newer waits.

An upgrade leaves one row a project (migration 0008), and the batch that reads a portion moves it on. So the upgrade takes
no time, a kill costs one batch, and what is the same as something before it finds that in the search table. What was
read after all, since it came later with an older time, is read again, which changes nothing.
"""

from datetime import datetime

from django.db import connection

from ingest.projects.scope import current_project

# Before the text horizon there is nothing to read.
REACHED = """
    SELECT greatest(u.reached, p.text_horizon), u.reached, u.reached_id, u.until
    FROM unread_past u JOIN project p ON p.id = u.project_id
    WHERE u.project_id = %(project)s FOR UPDATE OF u SKIP LOCKED
"""
NEXT = """
    SELECT occurred_at, id FROM interaction
    WHERE project_id = %(project)s AND occurred_at >= %(since)s AND occurred_at < %(until)s
      AND (occurred_at, id) > (%(reached)s, %(reached_id)s)
    ORDER BY occurred_at, id LIMIT %(most)s
"""
MOVE_ON = "UPDATE unread_past SET reached = %(reached)s, reached_id = %(reached_id)s WHERE project_id = %(project)s"
END = "DELETE FROM unread_past WHERE project_id = %(project)s"
OLDEST = """
    SELECT i.occurred_at FROM unread_past u CROSS JOIN LATERAL (
        SELECT occurred_at FROM interaction
        WHERE project_id = u.project_id AND occurred_at >= u.reached AND occurred_at < u.until
        ORDER BY occurred_at LIMIT 1) i
    WHERE u.project_id = %(project)s
"""


def claim(most: int) -> list[tuple[datetime, str]]:
    """The next interactions of the project in scope, at most so many; none when all are read, or another is at them."""
    project = {"project": current_project()}
    with connection.cursor() as cursor:
        cursor.execute(REACHED, project)
        row = cursor.fetchone()
        if row is None:
            return []
        names = ("since", "reached", "reached_id", "until")
        cursor.execute(NEXT, {**project, **dict(zip(names, row, strict=True)), "most": most})
        found: list[tuple[datetime, str]] = cursor.fetchall()
        if len(found) == most:
            cursor.execute(MOVE_ON, {**project, "reached": found[-1][0], "reached_id": found[-1][1]})
        else:
            cursor.execute(END, project)
    return found


def oldest() -> datetime | None:
    """When the oldest interaction happened that still has to be read of the project in scope; None without any."""
    with connection.cursor() as cursor:
        cursor.execute(OLDEST, {"project": current_project()})
        row = cursor.fetchone()
    return row[0] if row else None
