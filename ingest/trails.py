"""Which interaction feedback means that names only a span, a trace or a session.

Of the interactions with its span (if none has it: its trace, then its session) the latest that is not after what was
said; if all are after it, the earliest. Of two at one instant the greater id. This looks at all that is in the record
and at nothing else, so that the order of arrival plays no part.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from ingest.projects.scope import current_project

NAMES = ("span_id", "trace_id", "session_id")


@dataclass(frozen=True)
class Trail:
    """When something was said, and the names it gives; an absent one is None."""

    said_at: datetime
    span_id: str | None
    trace_id: str | None
    session_id: str | None


@dataclass(frozen=True)
class Target:
    """An interaction."""

    occurred_at: datetime
    id: str


def targets(trails: Sequence[Trail]) -> dict[int, Target]:
    """The interaction that each trail leads to, by its position, in the project in scope; without one it is left out."""
    found: dict[int, Target] = {}
    for name in NAMES:
        wanted = {
            position: value
            for position, trail in enumerate(trails)
            if position not in found and (value := getattr(trail, name))
        }
        if wanted:
            found |= _targets(name, wanted, trails)
    return found


def _targets(name: str, wanted: Mapping[int, str], trails: Sequence[Trail]) -> dict[int, Target]:
    parameters: dict[str, Any] = {
        "project": current_project(),
        "positions": list(wanted),
        "names": list(wanted.values()),
        "times": [trails[position].said_at for position in wanted],
    }
    with connection.cursor() as cursor:
        cursor.execute(_query(name), parameters)
        return {position: Target(at, id) for position, at, id in cursor.fetchall()}


def _query(name: str) -> str:
    """The second look is made only where the first has found nothing. Both end at the first row of an index."""
    having = f"SELECT occurred_at, id FROM interaction WHERE project_id = %(project)s AND {name} = s.name"
    return f"""
    SELECT s.position, coalesce(b.occurred_at, a.occurred_at), coalesce(b.id, a.id)
    FROM unnest(%(positions)s::integer[], %(names)s::text[], %(times)s::timestamptz[]) AS s (position, name, said_at)
    LEFT JOIN LATERAL (
        {having} AND occurred_at <= s.said_at ORDER BY occurred_at DESC, id DESC LIMIT 1
    ) b ON true
    LEFT JOIN LATERAL (
        {having} AND occurred_at > s.said_at AND b.id IS NULL ORDER BY occurred_at, id DESC LIMIT 1
    ) a ON true
    WHERE coalesce(b.id, a.id) IS NOT NULL
    """
