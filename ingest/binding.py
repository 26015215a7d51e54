"""Binding what came before its interaction: orphaned feedback and linked costs find it once it is there.

Run by the roller inside a project's scope. A thing is bound by the same rules as one that comes after its interaction,
so that the order of arrival plays no part in any number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from ingest import edits
from ingest.dimensions import COLUMNS, Facts, FeedbackKind, RecordKind
from ingest.projects.scope import current_project
from ingest.statements import IS_COUNTED, LAST_WORD, VERDICT_KEY, VERDICT_REST, columns

READY = f"""
    SELECT o.record_kind, o.occurred_at, o.id, k.occurred_at, o.interaction_key, f.kind, f.interaction_id, f.final_text
    FROM orphan o
    JOIN record_key k ON k.project_id = %(project)s AND k.key = o.interaction_key
    LEFT JOIN LATERAL (
        SELECT kind, interaction_id, final_text FROM feedback
        WHERE o.record_kind = {RecordKind.FEEDBACK:d} AND project_id = %(project)s
          AND occurred_at = o.occurred_at AND id = o.id
        LIMIT 1
    ) f ON true
    WHERE o.project_id = %(project)s
    ORDER BY o.interaction_key, o.record_kind, o.occurred_at, o.id
    LIMIT %(limit)s
"""


def _statement(table: str, kind: RecordKind, body: str) -> str:
    """SQL over `target`: the rows of a table to be bound, beside the interactions they are about."""
    return f"""
    WITH ready AS MATERIALIZED (
        SELECT * FROM unnest(%(times)s::timestamptz[], %(ids)s::text[], %(targets)s::timestamptz[], %(ratios)s::real[])
            AS r (was_at, record_id, target_at, ratio)
    ),
    target AS MATERIALIZED (
        SELECT r.*, s.*, i.*
        FROM ready r
        CROSS JOIN LATERAL (
            SELECT * FROM {table} WHERE project_id = %(project)s AND occurred_at = r.was_at AND id = r.record_id LIMIT 1
        ) s
        CROSS JOIN LATERAL (
            SELECT coalesce(user_id, session_id, '') AS target_cluster, {columns(COLUMNS)} FROM interaction
            WHERE project_id = %(project)s AND occurred_at = r.target_at AND id = s.interaction_id LIMIT 1
        ) i ({columns(["target_cluster", *(f"target_{name}" for name in COLUMNS)])})
    ),
    {body},
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT %(project)s, date_bin('15 minutes', target_at, '2000-01-01T00:00:00Z'), target_cluster FROM target
    )
    DELETE FROM orphan o USING ready r
    WHERE o.project_id = %(project)s AND o.record_kind = {kind:d} AND o.occurred_at = r.was_at AND o.id = r.record_id
    """


_MINUTE = "date_trunc('minute', target_at)"
_FROM_TARGET = {"said_at": "was_at", "cluster": "target_cluster", "feedback_id": "record_id", "edit_ratio": "ratio"}
_FROM_TARGET |= {name: f"target_{name}" for name in COLUMNS}
BIND_FEEDBACK = _statement(
    "feedback",
    RecordKind.FEEDBACK,
    f"""
    history AS (
        UPDATE feedback f SET interaction_at = t.target_at, edit_ratio = t.ratio, feature_id = t.target_feature_id
        FROM target t WHERE f.project_id = %(project)s AND f.occurred_at = t.was_at AND f.id = t.record_id
    ),
    said AS (
        INSERT INTO verdict (project_id, {columns(VERDICT_KEY)}, {columns(VERDICT_REST)})
        SELECT DISTINCT ON (target_at, interaction_id, kind, name) %(project)s, target_at, interaction_id, kind, name,
               {", ".join(_FROM_TARGET.get(name, name) for name in VERDICT_REST)}
        FROM target WHERE {IS_COUNTED}
        ORDER BY target_at, interaction_id, kind, name, was_at DESC, record_id DESC{LAST_WORD}
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project)s, {_MINUTE}, {Facts.FEEDBACK:d} FROM target WHERE {IS_COUNTED}
    )""",
)
BIND_COSTS = _statement(
    "cost",
    RecordKind.COST,
    f"""
    moved AS (
        UPDATE cost c SET occurred_at = t.target_at, cluster = t.target_cluster,
            {", ".join(f"{name} = t.target_{name}" for name in COLUMNS)}
        FROM target t WHERE c.project_id = %(project)s AND c.occurred_at = t.was_at AND c.id = t.record_id
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT %(project)s, {_MINUTE}, {Facts.INTERACTIONS:d} FROM target
        UNION SELECT %(project)s, date_trunc('minute', was_at), {Facts.INTERACTIONS:d} FROM target
    )""",
)


@dataclass(frozen=True)
class _Ready:
    """An orphan whose interaction is known now; `ratio` is for corrections."""

    record_kind: int
    occurred_at: datetime
    id: str
    target_at: datetime
    interaction_key: bytes
    kind: int | None
    interaction_id: str | None
    final_text: str | None


def bind(now: datetime, limit: int = 1_000) -> int:
    """Bind up to `limit` orphans of the project in scope whose interaction has come; return how many were bound.

    `now` is the tick's instant, as for every step of a duty; binding looks at what is there and needs no clock.
    """
    with connection.cursor() as cursor:
        cursor.execute(READY, {"project": current_project(), "limit": limit})
        ready = [_Ready(*row) for row in cursor.fetchall()]
    feedback = [one for one in ready if one.record_kind == RecordKind.FEEDBACK]
    costs = [one for one in ready if one.record_kind == RecordKind.COST]
    corrected = _compare(feedback)
    feedback = [one for position, one in enumerate(feedback) if position not in corrected.left]
    ratios = [corrected.ratios.get(position) for position in range(len(ready)) if position not in corrected.left]
    _execute(BIND_FEEDBACK, feedback, ratios[: len(feedback)])
    _execute(BIND_COSTS, costs, [None] * len(costs))
    return len(feedback) + len(costs)


def _compare(feedback: Sequence[_Ready]) -> edits.Edits:
    corrections = {position: one for position, one in enumerate(feedback) if one.kind == FeedbackKind.CORRECTION}
    if not corrections:
        return edits.Edits({}, frozenset(), frozenset())
    return edits.compare(
        {position: one.interaction_key for position, one in corrections.items()},
        {position: one.interaction_id or "" for position, one in corrections.items()},
        {position: one.final_text or "" for position, one in corrections.items()},
    )


def _execute(sql: str, bound: Sequence[_Ready], ratios: Sequence[float | None]) -> None:
    if not bound:
        return
    parameters: dict[str, Any] = {
        "project": current_project(),
        "times": [one.occurred_at for one in bound],
        "ids": [one.id for one in bound],
        "targets": [one.target_at for one in bound],
        "ratios": list(ratios),
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
