"""Carrying dimensions that were written later, such as a detected language, to the verdicts and costs that copy them.

Feedback that is being stored may have read its interaction just before, and commits its copy just after. So the copying
is done when every statement that could have is over: half a minute is far beyond the web's time limits. Copying sooner
as well does no harm, as long as it is done again then.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from ingest.dimensions import COLUMNS, Facts
from ingest.projects.scope import current_project

WAIT = timedelta(seconds=30)

_SAME = ", ".join(f"{column} = i.{column}" for column in COLUMNS)


def _differs(alias: str) -> str:
    mine, theirs = (", ".join(f"{name}.{column}" for column in COLUMNS) for name in (alias, "i"))
    return f"({mine}) IS DISTINCT FROM ({theirs})"


CLAIM = """
    DELETE FROM uncopied WHERE ctid = ANY(ARRAY(
        SELECT ctid FROM uncopied WHERE project_id = %(project)s AND written_at <= %(until)s
        ORDER BY written_at LIMIT %(most)s FOR UPDATE SKIP LOCKED))
    RETURNING occurred_at, id
"""
LOOK = """
    SELECT occurred_at, id FROM uncopied
    WHERE project_id = %(project)s AND written_at > %(after)s AND written_at <= %(until)s ORDER BY written_at
"""
WAITING = """
    SELECT DISTINCT project_id FROM uncopied
    WHERE written_at <= %(until)s AND (%(only)s::bigint[] IS NULL OR project_id = ANY(%(only)s)) ORDER BY 1
"""
COPY = f"""
    WITH i AS MATERIALIZED (
        SELECT found.* FROM unnest(%(times)s::timestamptz[], %(ids)s::text[]) AS w (occurred_at, id)
        CROSS JOIN LATERAL (
            SELECT occurred_at, id, coalesce(user_id, session_id, '') AS cluster, {", ".join(COLUMNS)} FROM interaction
            WHERE project_id = %(project)s AND occurred_at = w.occurred_at AND id = w.id LIMIT 1) found
    ),
    said AS (
        UPDATE verdict v SET {_SAME} FROM i
        WHERE v.project_id = %(project)s AND v.interaction_at = i.occurred_at AND v.interaction_id = i.id
          AND v.interaction_at >= %(first)s AND v.interaction_at <= %(last)s AND {_differs("v")}
        RETURNING i.occurred_at, i.cluster, {Facts.FEEDBACK:d} AS facts
    ),
    spent AS (
        UPDATE cost c SET {_SAME} FROM i
        WHERE c.project_id = %(project)s AND c.occurred_at = i.occurred_at AND c.interaction_id = i.id
          AND c.occurred_at >= %(first)s AND c.occurred_at <= %(last)s AND {_differs("c")}
        RETURNING i.occurred_at, i.cluster, {Facts.INTERACTIONS:d} AS facts
    ),
    changed AS (SELECT * FROM said UNION ALL SELECT * FROM spent),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project)s, date_trunc('minute', occurred_at), facts FROM changed
    ),
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT %(project)s, date_bin('15 minutes', occurred_at, '2000-01-01T00:00:00Z'), cluster FROM changed
    )
    SELECT FROM changed
"""


@dataclass(frozen=True)
class Copied:
    """How many interactions' dimensions were carried on, and whether more wait."""

    interactions: int = 0
    left: bool = False


def remember(written_at: datetime, places: Sequence[tuple[datetime, str]]) -> None:
    """Have the dimensions of these interactions of the project in scope copied, once that is safe."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO uncopied (project_id, written_at, occurred_at, id) VALUES (%s, %s, %s, %s)",
            [current_project(), written_at, [at for at, _ in places], [id for _, id in places]],
        )


def waiting(until: datetime, only: Collection[int] | None = None) -> list[int]:
    """The projects in which something written up to then is to be copied."""
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"until": until, "only": None if only is None else list(only)})
        return [row[0] for row in cursor.fetchall()]


def copy(now: datetime, most: int) -> Copied:
    """Copy what at most so many batches have written long enough ago, in the project in scope."""
    return _copy(CLAIM, {"until": now - WAIT, "most": most}, most)


def copy_early(now: datetime) -> Copied:
    """Copy what was written just now, too; it is left to be copied again."""
    return _copy(LOOK, {"after": now - WAIT, "until": now})


def _copy(query: str, parameters: dict[str, Any], most: int | None = None) -> Copied:
    project = {"project": current_project()}
    with connection.cursor() as cursor:
        cursor.execute(query, {**project, **parameters})
        rows = cursor.fetchall()
        places = [place for times, ids in rows for place in zip(times, ids, strict=True)]
        if not places:
            return Copied()
        times = [at for at, _ in places]
        written: dict[str, Any] = {"times": times, "ids": [id for _, id in places]}
        cursor.execute(COPY, {**project, **written, "first": min(times), "last": max(times)})
        return Copied(len(places), len(rows) == most)
