"""A project's time zone has changed: its local days are other days now, as far back as raw rows reach.

Quarters are UTC and stay; days are merged from them again, and user rows counted again.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from ingest.dimensions import Facts
from ingest.projects.access import current_project
from ingest.timeline import day_start, local_day
from observatory.metrics import store
from observatory.metrics.windows import Level


def rezone(first: datetime, old_zone: str, zone_name: str) -> None:
    """Drop the days of the old zone from the raw horizon, `first`, on and mark those of the new one."""
    drop = """
        WITH merged AS (DELETE FROM sheet WHERE project_id = %(project)s AND level = %(day)s AND bucket >= %(first)s),
            waiting AS (DELETE FROM unmerged WHERE project_id = %(project)s AND level = %(day)s AND bucket >= %(first)s)
        DELETE FROM user_day WHERE project_id = %(project)s AND day >= %(first_day)s
    """
    quarters = """
        SELECT facts, bucket FROM sheet
        WHERE project_id = %(project)s AND level = %(quarter)s AND bucket >= %(first)s
        UNION
        SELECT facts, bucket FROM unmerged WHERE project_id = %(project)s AND level = %(quarter)s
    """
    users = """
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT project_id, date_bin('15 minutes', occurred_at, 'epoch'), coalesce(user_id, session_id, '')
        FROM interaction WHERE project_id = %(project)s AND occurred_at >= %(first)s
    """
    levels = {"day": int(Level.DAY), "quarter": int(Level.QUARTER)}
    parameters: dict[str, Any] = {"project": current_project(), "first": first, **levels}
    parameters["first_day"] = local_day(first, old_zone)
    with connection.cursor() as cursor:
        cursor.execute(drop, parameters)
        cursor.execute(users, parameters)
        cursor.execute(quarters, parameters)
        found = cursor.fetchall()
    for facts in Facts:
        days = {day_start(local_day(bucket, zone_name), zone_name) for of, bucket in found if of == facts}
        store.set_unmerged(Level.DAY, facts, days)
