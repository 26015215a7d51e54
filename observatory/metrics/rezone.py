"""A project's time zone has changed: its local days and hours are others now, as far back as raw rows reach.

Quarters are UTC and stay; days are merged from them again, hours and user rows counted again.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from ingest.dimensions import Facts
from ingest.projects.access import current_project
from ingest.timeline import day_start, hour_window, local_day
from observatory.metrics import seams, store, user_months
from observatory.metrics.sheets import Family
from observatory.metrics.windows import Level


def rezone(first: datetime, old_zone: str, zone_name: str, now: datetime) -> None:
    """Drop the days and hours of the old zone from the raw horizon, `first`, on and mark those of the new one.

    Days before it stay what they are: there is a seam.
    """
    drop = """
        WITH merged AS (
            DELETE FROM sheet WHERE project_id = %(project)s AND level = ANY (%(local)s) AND bucket >= %(first)s
        ), waiting AS (
            DELETE FROM unmerged WHERE project_id = %(project)s AND level = ANY (%(marks)s) AND bucket >= %(first_mark)s
        )
        DELETE FROM user_day WHERE project_id = %(project)s AND day + 0 >= %(first_day)s
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
    marks = [store.marked_as(level, family) for level in (Level.HOUR, Level.DAY) for family in Family]
    parameters: dict[str, Any] = {
        "project": current_project(),
        "first": first,
        "first_mark": day_start(local_day(first, old_zone), old_zone),
        "first_day": seams.first_day(first, old_zone),
        "quarter": int(Level.QUARTER),
        "local": [int(Level.HOUR), int(Level.DAY)],
        "marks": marks,
    }
    seams.record(first, old_zone, zone_name, now)
    user_months.mark_from(parameters["first_day"])
    with connection.cursor() as cursor:
        cursor.execute(drop, parameters)
        cursor.execute(users, parameters)
        cursor.execute(quarters, parameters)
        found = cursor.fetchall()
    for facts in Facts:
        buckets = [bucket for of, bucket in found if of == facts]
        days = {day_start(local_day(bucket, zone_name), zone_name) for bucket in buckets}
        store.set_unmerged(Level.DAY, facts, days)
        store.set_unmerged(Level.HOUR, facts, {hour_window(at, zone_name).start for at in buckets}, Family.WIDE)


def count_again(first: datetime) -> None:
    """Mark everything that raw rows reach: what a sheet holds has changed since it was counted."""
    query = """
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT project_id, bucket, facts FROM sheet
        WHERE project_id = %s AND level = ANY (%s) AND dimension = 0 AND bucket >= %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), [int(Level.MINUTE), int(Level.QUARTER)], first])
