"""What waits to be read: one row a request, written in its commit, taken away in the commit that stores what was read.

Behind it waits what was stored before there was anything to read it (`ingest.digest.past`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter

from django.db import connection

from ingest.digest import past
from ingest.projects.scope import current_project

CLAIM = """
    DELETE FROM unread WHERE ctid = ANY(ARRAY(
        SELECT place FROM (
            SELECT place, sum(size) OVER (ORDER BY received_at, place) - size AS before FROM (
                SELECT ctid AS place, received_at, cardinality(id) AS size FROM unread
                WHERE project_id = %(project)s AND received_at <= %(until)s
                ORDER BY received_at LIMIT %(most)s FOR UPDATE SKIP LOCKED) waiting) counted
        WHERE before < %(most)s))
    RETURNING received_at, occurred_at, id
"""
WAITING = """
    SELECT p.id FROM project p
    LEFT JOIN LATERAL (
        SELECT received_at FROM unread WHERE project_id = p.id AND received_at <= %(until)s
        ORDER BY received_at LIMIT 1) oldest ON true
    LEFT JOIN unread_past u ON u.project_id = p.id
    WHERE (oldest.received_at IS NOT NULL OR u.project_id IS NOT NULL)
      AND (%(only)s::bigint[] IS NULL OR p.id = ANY(%(only)s))
    ORDER BY oldest.received_at NULLS LAST, p.id
"""


@dataclass(frozen=True)
class Debt:
    """What is still to be read of a project: how many interactions, and since when the oldest waits.

    `past` is from when the oldest is that was stored before there was anything to read it; how many there are is not known.
    """

    interactions: int
    oldest: datetime | None
    past: datetime | None = None


def enqueue(received_at: datetime, places: Sequence[tuple[datetime, str]]) -> None:
    """Have interactions of the project in scope, given by time and id, read again: something of them has changed."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO unread (project_id, received_at, occurred_at, id) VALUES (%s, %s, %s, %s)",
            [current_project(), received_at, [at for at, _ in places], [id for _, id in places]],
        )


def waiting(until: datetime, only: Collection[int] | None = None) -> list[int]:
    """The projects that have something to be read, the one that waited longest first."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"until": until, "only": None if only is None else list(only)})
        return [row[0] for row in cursor.fetchall()]


def claim(until: datetime, most: int) -> list[tuple[datetime, str]]:
    """Take up to `most` interactions of the oldest requests of the project in scope; without any, of its past."""
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, {"project": current_project(), "until": until, "most": most})
        rows = sorted(cursor.fetchall(), key=itemgetter(0))
    taken: list[tuple[datetime, str]] = []
    for received_at, times, ids in rows:
        places = list(zip(times, ids, strict=True))
        room = most - len(taken)
        taken += places[:room]
        if places[room:]:
            enqueue(received_at, places[room:])
    return list(dict.fromkeys(taken)) or past.claim(most)


def debt() -> Debt:
    """What is still to be read in the project in scope."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(cardinality(id)), 0), min(received_at) FROM unread WHERE project_id = %s",
            [current_project()],
        )
        interactions, oldest = cursor.fetchone()
    return Debt(interactions, oldest, past.oldest())


def complete_to(now: datetime) -> datetime:
    """What was received before this instant has been read, in the project in scope."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT received_at FROM unread WHERE project_id = %s ORDER BY received_at LIMIT 1", [current_project()]
        )
        row = cursor.fetchone()
    return min(at for at in (now, row and row[0], past.oldest()) if at)
