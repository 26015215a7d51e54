"""Seams: where a changed time zone has left days of the old one, since no raw rows were left to count them again from.

A seam stands at the raw horizon of its moment. Inside a project's scope.
"""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from django.db import connection

from ingest.dimensions import Facts
from ingest.projects.access import current_project
from ingest.timeline import DAY, EPOCH, day_window, local_day
from observatory.metrics.reading import Seam
from observatory.metrics.sheets import ALL_FEATURES, TOTAL
from observatory.metrics.windows import Level

_INSTANT = timedelta(microseconds=1)


class _Stored(NamedTuple):
    at: datetime
    zone: str
    changed_at: datetime


def known(zone_name: str) -> tuple[Seam, ...]:
    """The project's seams, the earliest first; its days are days of `zone_name` now."""
    found = _stored()
    zones = [*(one.zone for one in found), zone_name]
    return tuple(Seam(one.at, *zones_of, one.changed_at) for one, zones_of in zip(found, pairwise(zones), strict=True))


def record(horizon: datetime, old_zone: str, zone_name: str, now: datetime) -> None:
    """Say that days before the raw horizon stay days of the old zone, where they are no days of the new one.

    Since a seam at the same horizon everything after it is counted again, so it is between its own old zone and the
    new one; where those have the same days it is none any more.
    """
    found = {one.at: one.zone for one in _stored()}
    zone = found.pop(horizon, old_zone)
    since = max((at for at in found if at < horizon), default=EPOCH)
    forget(horizon, since)
    if differ(_days_kept(since, horizon), zone, zone_name):
        query = "INSERT INTO zone_seam (project_id, at, zone, changed_at) VALUES (%s, %s, %s, %s)"
        with connection.cursor() as cursor:
            cursor.execute(query, [current_project(), horizon, zone, now])


def first_day(horizon: datetime, zone_name: str) -> date:
    """The first local day whose rows are made from what came after the raw horizon, and no frozen day bears its date."""
    day = local_day(horizon, zone_name)
    frozen = [local_day(horizon - _INSTANT, one.zone) for one in _stored() if one.at == horizon]
    return max([day, *(last + DAY for last in frozen)])


def differ(instants: Iterable[datetime], zone: str, other: str) -> bool:
    """Whether the local day of any of these instants is not the same stretch of time in both zones."""
    return any(day_window(local_day(at, zone), zone) != day_window(local_day(at, other), other) for at in instants)


def forget(to: datetime, after: datetime = EPOCH) -> None:
    """Drop the seams up to an instant: no day before them is kept any more, or they are about to be recorded anew."""
    with connection.cursor() as cursor:
        query = "DELETE FROM zone_seam WHERE project_id = %s AND at > %s AND at <= %s"
        cursor.execute(query, [current_project(), after, to])


def _stored() -> list[_Stored]:
    query = "SELECT at, zone, changed_at FROM zone_seam WHERE project_id = %s ORDER BY at"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project()])
        return [_Stored(*row) for row in cursor.fetchall()]


def _days_kept(since: datetime, before: datetime) -> list[datetime]:
    """The stored days that begin in [since, before)."""
    query = """
        SELECT DISTINCT bucket FROM sheet
        WHERE project_id = %s AND level = %s AND facts = ANY (%s) AND dimension = %s AND feature_id = %s
            AND bucket >= %s AND bucket < %s
    """
    every = [int(facts) for facts in Facts]
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), int(Level.DAY), every, TOTAL, ALL_FEATURES, since, before])
        return [bucket for (bucket,) in cursor.fetchall()]
