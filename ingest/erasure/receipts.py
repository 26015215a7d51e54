"""Erasures as rows: asked for by the API or a command, worked off by a duty, kept as receipts without the user's id."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db import connection

from ingest.erasure.tombstones import KEPT_SECONDS, tombstone
from ingest.projects.scope import project_scope

LOCK_SPACE = 7306
LONGEST_REQUEST = timedelta(seconds=8)
"""A web process waits at most so long for its database between looking for tombstones and beginning to store."""

KNOWN_EVERYWHERE = timedelta(seconds=KEPT_SECONDS) + LONGEST_REQUEST
"""How long after its tombstone an erasure begins: until then a web process may not know of it."""


@dataclass(frozen=True)
class Erasure:
    """One erasure. What was received or happened before `requested_at` goes; `user_id` is known until that is done."""

    project_id: int
    number: int
    tombstone: bytes
    user_id: str | None
    requested_at: datetime
    requested_by: str
    due_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    state: Literal["waiting", "running", "done"]
    step: str
    place: str
    counts: dict[str, int]
    sums_before: datetime | None

    def as_json(self) -> dict[str, Any]:
        """The receipt as the API and the command show it."""
        return {
            "receipt": self.number,
            "user": bytes(self.tombstone).hex(),
            "state": self.state,
            "erased_before": _rfc3339(self.requested_at),
            "requested_by": self.requested_by,
            "started_at": _rfc3339(self.started_at),
            "finished_at": _rfc3339(self.finished_at),
            "erased": self.counts,
            "anonymous_sums_kept_before": _rfc3339(self.sums_before),
        }


COLUMNS = tuple(field.name for field in fields(Erasure))
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM erasure WHERE project_id = %s"


def request(project_id: int, user_id: str, *, by: str, now: datetime) -> Erasure:
    """Forbid what is older than `now` to come in and enqueue the erasure; one that is not done yet is returned instead.

    When this returns, both are committed. Raises ImproperlyConfigured without the installation's secret.
    """
    stone = tombstone(project_id, user_id)
    with project_scope(project_id), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK_SPACE, project_id % 2**31])
        cursor.execute(f"{_SELECT} AND tombstone = %s AND state <> 'done'", [project_id, stone])
        if row := cursor.fetchone():
            return _erasure(row)
        cursor.execute(
            """
            INSERT INTO erased_user (project_id, tombstone, erased_at, number)
            SELECT %(project)s, %(stone)s, %(now)s, coalesce(max(number), 0) + 1
            FROM erased_user WHERE project_id = %(project)s
            ON CONFLICT (project_id, tombstone) DO UPDATE SET erased_at = EXCLUDED.erased_at, number = EXCLUDED.number
            """,
            {"project": project_id, "stone": stone, "now": now},
        )
        cursor.execute(
            f"""
            INSERT INTO erasure (project_id, number, tombstone, user_id, requested_at, requested_by, due_at)
            SELECT %(project)s, coalesce(max(number), 0) + 1, %(stone)s, %(user)s, %(now)s, %(by)s, %(due)s
            FROM erasure WHERE project_id = %(project)s
            RETURNING {", ".join(COLUMNS)}
            """,
            {
                "project": project_id,
                "stone": stone,
                "user": user_id,
                "now": now,
                "by": by,
                "due": now + KNOWN_EVERYWHERE,
            },
        )
        return _erasure(cursor.fetchone())


def receipts(project_id: int, user_id: str) -> list[Erasure]:
    """Every erasure of a user, the newest first."""
    with project_scope(project_id), connection.cursor() as cursor:
        cursor.execute(
            f"{_SELECT} AND tombstone = %s ORDER BY number DESC", [project_id, tombstone(project_id, user_id)]
        )
        return [_erasure(row) for row in cursor.fetchall()]


def receipt(project_id: int, number: int) -> Erasure:
    """One erasure of a project. Raises LookupError."""
    with project_scope(project_id), connection.cursor() as cursor:
        cursor.execute(f"{_SELECT} AND number = %s", [project_id, number])
        row = cursor.fetchone()
    if row is None:
        raise LookupError(number)
    return _erasure(row)


def claim(project_id: int, number: int) -> Erasure | None:
    """Lock one erasure for a unit of its work; None when somebody else is at it, or when it is done."""
    with connection.cursor() as cursor:
        query = f"{_SELECT} AND number = %s AND state <> 'done' FOR UPDATE SKIP LOCKED"
        cursor.execute(query, [project_id, number])
        row = cursor.fetchone()
    return _erasure(row) if row else None


def save(erasure: Erasure, step: str, place: str, counts: Mapping[str, int], now: datetime) -> None:
    """Write down how far a claimed erasure has come."""
    query = """
        UPDATE erasure SET state = 'running', step = %s, place = %s, counts = %s, started_at = coalesce(started_at, %s)
        WHERE project_id = %s AND number = %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [step, place, json.dumps(counts), now, erasure.project_id, erasure.number])


def finish(erasure: Erasure, counts: Mapping[str, int], now: datetime) -> None:
    """Make a claimed erasure a receipt: it forgets who the user was and keeps what was done."""
    query = """
        UPDATE erasure e SET state = 'done', step = '', place = '', user_id = NULL, counts = %s, finished_at = %s,
            started_at = coalesce(started_at, %s), sums_before = p.raw_horizon
        FROM project p WHERE p.id = e.project_id AND e.project_id = %s AND e.number = %s
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [json.dumps(counts), now, now, erasure.project_id, erasure.number])


def _erasure(row: Sequence[Any]) -> Erasure:
    values = dict(zip(COLUMNS, row, strict=True))
    counts = values["counts"]
    values["counts"] = json.loads(counts) if isinstance(counts, str) else counts
    return Erasure(**values)


def _rfc3339(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
