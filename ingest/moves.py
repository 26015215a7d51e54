"""Putting what is in the record beside its interaction, and taking it away again: the roller's half of the SQL.

The half that stores requests (`ingest.statements`) does the same for what comes after its interaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from ingest.dimensions import COLUMNS, Dimension, Facts, RecordKind
from ingest.identity import key_of
from ingest.projects.scope import current_project
from ingest.statements import IS_COUNTED, LAST_WORD, VERDICT_KEY, VERDICT_REST, columns
from ingest.trails import Target

QUARTER_OF = "date_bin('15 minutes', {0}, '2000-01-01T00:00:00Z')"


def _statement(table: str, body: str) -> str:
    """SQL over `target`: the rows of a table to be bound, beside the interactions they are about."""
    return f"""
    WITH target AS MATERIALIZED (
        SELECT r.*, s.*, i.*
        FROM unnest(%(times)s::timestamptz[], %(ids)s::text[], %(targets)s::timestamptz[], %(target_ids)s::text[],
                    %(ratios)s::real[]) AS r (was_at, record_id, target_at, target_id, ratio)
        CROSS JOIN LATERAL (
            SELECT * FROM {table} WHERE project_id = %(project)s AND occurred_at = r.was_at AND id = r.record_id LIMIT 1
        ) s
        CROSS JOIN LATERAL (
            SELECT coalesce(user_id, session_id, '') AS target_cluster, {columns(COLUMNS)} FROM interaction
            WHERE project_id = %(project)s AND occurred_at = r.target_at AND id = r.target_id LIMIT 1
            FOR KEY SHARE
        ) i ({columns(["target_cluster", *(f"target_{name}" for name in COLUMNS)])})
    ),
    {body},
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT %(project)s, {QUARTER_OF.format("target_at")}, target_cluster FROM target
    )
    SELECT count(*) FROM target
    """


_MINUTE = "date_trunc('minute', target_at)"
_FROM_TARGET = {"said_at": "was_at", "cluster": "target_cluster", "feedback_id": "record_id", "edit_ratio": "ratio"}
_FROM_TARGET |= {name: f"target_{name}" for name in COLUMNS}
BIND_FEEDBACK = _statement(
    "feedback",
    f"""
    history AS (
        UPDATE feedback f SET interaction_id = t.target_id, interaction_at = t.target_at, edit_ratio = t.ratio,
            feature_id = t.target_feature_id
        FROM target t WHERE f.project_id = %(project)s AND f.occurred_at = t.was_at AND f.id = t.record_id
    ),
    said AS (
        INSERT INTO verdict (project_id, {columns(VERDICT_KEY)}, {columns(VERDICT_REST)})
        SELECT DISTINCT ON (target_at, target_id, kind, name) %(project)s, target_at, target_id, kind, name,
               {", ".join(_FROM_TARGET.get(name, name) for name in VERDICT_REST)}
        FROM target WHERE {IS_COUNTED}
        ORDER BY target_at, target_id, kind, name, was_at DESC, record_id DESC{LAST_WORD}
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project)s, {_MINUTE}, {Facts.FEEDBACK:d} FROM target WHERE {IS_COUNTED}
    )""",
)
BIND_COSTS = _statement(
    "cost",
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
# Verdicts that are no longer the interaction's go; `REVIVE` finds the last of the words that are left.
WITHDRAW = f"""
    WITH taken AS MATERIALIZED (
        SELECT f.occurred_at, f.id, f.interaction_at, f.interaction_id, f.kind, f.name
        FROM unnest(%(times)s::timestamptz[], %(ids)s::text[]) AS r (was_at, record_id)
        CROSS JOIN LATERAL (
            SELECT * FROM feedback WHERE project_id = %(project)s AND occurred_at = r.was_at AND id = r.record_id LIMIT 1
        ) f
        WHERE f.interaction_at IS NOT NULL
    ),
    history AS (
        UPDATE feedback f SET interaction_id = NULL, interaction_at = NULL, edit_ratio = NULL
        FROM taken t WHERE f.project_id = %(project)s AND f.occurred_at = t.occurred_at AND f.id = t.id
    ),
    gone AS (
        DELETE FROM verdict v USING taken t
        WHERE v.project_id = %(project)s AND v.interaction_at = t.interaction_at AND v.interaction_id = t.interaction_id
          AND v.kind = t.kind AND v.name = t.name AND v.feedback_id = t.id
        RETURNING v.interaction_at, v.interaction_id, v.kind, v.name, v.cluster
    ),
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project)s, date_trunc('minute', interaction_at), {Facts.FEEDBACK:d} FROM gone
    ),
    users AS (
        INSERT INTO dirty_user (project_id, quarter, cluster)
        SELECT DISTINCT %(project)s, {QUARTER_OF.format("interaction_at")}, cluster FROM gone
    )
    SELECT interaction_at, interaction_id, kind, name FROM gone
"""
_FROM_HISTORY = {"said_at": "f.occurred_at", "feedback_id": "f.id"}
_FROM_HISTORY |= {name: f"f.{name}" for name in ("value", "edit_ratio", "label")}
REVIVE = f"""
    INSERT INTO verdict (project_id, {columns(VERDICT_KEY)}, {columns(VERDICT_REST)})
    SELECT %(project)s, g.interaction_at, g.interaction_id, g.kind, g.name,
           {", ".join(_FROM_HISTORY.get(name, f"i.{name}") for name in VERDICT_REST)}
    FROM unnest(%(targets)s::timestamptz[], %(target_ids)s::text[], %(kinds)s::smallint[], %(names)s::text[])
        AS g (interaction_at, interaction_id, kind, name)
    CROSS JOIN LATERAL (
        SELECT * FROM feedback
        WHERE project_id = %(project)s AND interaction_id = g.interaction_id AND interaction_at = g.interaction_at
          AND kind = g.kind AND name = g.name
        ORDER BY occurred_at DESC, id DESC LIMIT 1
    ) f
    CROSS JOIN LATERAL (
        SELECT coalesce(user_id, session_id, '') AS cluster, {columns(COLUMNS)} FROM interaction
        WHERE project_id = %(project)s AND occurred_at = g.interaction_at AND id = g.interaction_id LIMIT 1
        FOR KEY SHARE
    ) i
    {LAST_WORD}
"""


def _set_aside(table: str, rest: str) -> str:
    """SQL that makes rows of a table late events, with the names that their features have."""
    return f"""
    WITH gone AS (
        DELETE FROM {table} g USING unnest(%(times)s::timestamptz[], %(ids)s::text[], %(keys)s::bytea[]) AS r (was_at, record_id, key)
        WHERE g.project_id = %(project)s AND g.occurred_at = r.was_at AND g.id = r.record_id
        RETURNING g.occurred_at, g.received_at, g.feature_id, g.id, r.key
    ){rest}
    INSERT INTO late (project_id, received_at, key, occurred_at, id, record_kind, feature)
    SELECT DISTINCT ON (g.key) %(project)s, g.received_at, g.key, g.occurred_at, g.id, %(kind)s, d.value
    FROM gone g LEFT JOIN dimension_value d
        ON d.project_id = %(project)s AND d.dimension = {Dimension.FEATURE:d} AND d.number = g.feature_id
    ORDER BY g.key, g.occurred_at
    ON CONFLICT DO NOTHING
    """


SET_ASIDE = {
    RecordKind.FEEDBACK: _set_aside("feedback", ""),
    # Until now the cost has counted at its own time.
    RecordKind.COST: _set_aside(
        "cost",
        f""",
    buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project)s, date_trunc('minute', occurred_at), {Facts.INTERACTIONS:d} FROM gone
    )""",
    ),
}


@dataclass(frozen=True)
class Move:
    """A record, by its own time and id, and the interaction it is put beside; `ratio` is for corrections."""

    occurred_at: datetime
    id: str
    target: Target
    ratio: float | None = None


def bind_feedback(moves: Sequence[Move]) -> None:
    """Put feedback of the project in scope beside its interactions, where it counts by its last word."""
    _bind(BIND_FEEDBACK, moves)


def bind_costs(moves: Sequence[Move]) -> None:
    """Put costs of the project in scope beside their interactions: their time, dimensions and user become theirs."""
    _bind(BIND_COSTS, moves)


def withdraw(records: Sequence[tuple[datetime, str]]) -> None:
    """Take feedback, by its own times and ids, away from its interactions; the word before it counts there again."""
    if not records:
        return
    times, ids = zip(*records, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(WITHDRAW, {"project": current_project(), "times": list(times), "ids": list(ids)})
        gone = cursor.fetchall()
        if gone:
            names = ("targets", "target_ids", "kinds", "names")
            lists = (list(column) for column in zip(*gone, strict=True))
            cursor.execute(REVIVE, {"project": current_project(), **dict(zip(names, lists, strict=True))})


def set_aside(kind: RecordKind, records: Sequence[tuple[datetime, str]]) -> None:
    """Make late events of feedback or costs of the project in scope, by their own times and ids (see `ingest.late`).

    What counts at an interaction is withdrawn before.
    """
    if not records:
        return
    times, ids = zip(*records, strict=True)
    parameters: dict[str, Any] = {
        "project": current_project(),
        "times": list(times),
        "ids": list(ids),
        "keys": [key_of(kind, id) for id in ids],
        "kind": int(kind),
    }
    with connection.cursor() as cursor:
        cursor.execute(SET_ASIDE[kind], parameters)


def _bind(sql: str, moves: Sequence[Move]) -> None:
    if not moves:
        return
    parameters: dict[str, Any] = {
        "project": current_project(),
        "times": [move.occurred_at for move in moves],
        "ids": [move.id for move in moves],
        "targets": [move.target.occurred_at for move in moves],
        "target_ids": [move.target.id for move in moves],
        "ratios": [move.ratio for move in moves],
    }
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
