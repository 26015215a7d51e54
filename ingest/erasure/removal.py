"""Deleting rows of the record with all that hangs on them, marked to be counted again.

Everything runs in the caller's transaction, in the project in scope, and can be done twice.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from ingest import moves
from ingest.dimensions import Facts, RecordKind
from ingest.identity import key_of

Row = tuple[datetime, str]
"""When something counts, and its id."""

ROWS = "unnest(%(times)s::timestamptz[], %(ids)s::text[]) AS g (at, id)"

WORDS = f"""
    WITH gone AS (
        DELETE FROM search s USING {ROWS}
        WHERE s.project_id = %(project)s AND s.occurred_at = g.at AND s.id = g.id RETURNING 1)
    SELECT count(*) FROM gone
"""
# A waiting line holds the interactions of a request in one row.
UNQUEUED = tuple(
    f"""
    UPDATE {table} q SET (occurred_at, id) = (
        SELECT coalesce(array_agg(w.at), '{{}}'), coalesce(array_agg(w.id), '{{}}')
        FROM unnest(q.occurred_at, q.id) AS w (at, id) WHERE w.id <> ALL(%(ids)s))
    WHERE q.project_id = %(project)s AND q.id && %(ids)s
    """
    for table in ("unread", "uncopied")
)
VERDICTS = f"""
    WITH gone AS (
        DELETE FROM verdict v USING {ROWS}
        WHERE v.project_id = %(project)s AND v.interaction_at = g.at AND v.interaction_id = g.id
        RETURNING v.interaction_at, v.said_at, v.feedback_id
    ), buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        SELECT DISTINCT %(project)s, date_trunc('minute', interaction_at), {Facts.FEEDBACK:d} FROM gone
    )
    SELECT said_at, feedback_id FROM gone
"""
FEEDBACK_ON = (
    "DELETE FROM feedback WHERE project_id = %(project)s AND interaction_id = ANY(%(ids)s) RETURNING occurred_at, id"
)
FEEDBACK = f"""
    DELETE FROM feedback f USING {ROWS}
    WHERE f.project_id = %(project)s AND f.occurred_at = g.at AND f.id = g.id RETURNING f.occurred_at, f.id
"""


def _costs(match: str) -> str:
    """SQL that deletes costs and marks their minutes; gives when each counted and its id."""
    return f"""
        WITH gone AS (
            DELETE FROM cost c USING {ROWS}
            WHERE c.project_id = %(project)s AND c.occurred_at = g.at AND {match}
            RETURNING c.occurred_at, c.id
        ), buckets AS (
            INSERT INTO dirty_bucket (project_id, bucket, facts)
            SELECT DISTINCT %(project)s, date_trunc('minute', occurred_at), {Facts.INTERACTIONS:d} FROM gone
        )
        SELECT occurred_at, id FROM gone
    """


COSTS_ON, COSTS = _costs("c.interaction_id = g.id"), _costs("c.id = g.id")
WAITING = (
    "DELETE FROM orphan WHERE project_id = %s AND interaction_key = ANY(%s) RETURNING record_kind, occurred_at, id"
)
ORPHANS = f"""
    DELETE FROM orphan o USING {ROWS}
    WHERE o.project_id = %(project)s AND o.record_kind = %(kind)s AND o.occurred_at = g.at AND o.id = g.id
"""
KEYS = """
    WITH gone AS (DELETE FROM record_key WHERE project_id = %s AND key = ANY(%s) RETURNING 1)
    SELECT count(*) FROM gone
"""


@dataclass(frozen=True)
class Gone:
    """Rows of one project."""

    project_id: int
    rows: Sequence[Row]

    @property
    def ids(self) -> list[str]:
        """Their ids."""
        return [id for _, id in self.rows]

    @property
    def parameters(self) -> dict[str, Any]:
        """What `ROWS` asks for."""
        return {"project": self.project_id, "times": [at for at, _ in self.rows], "ids": self.ids}


def after_interactions(gone: Gone) -> Counter[str]:
    """Delete what hangs on interactions that are gone; how much of it, by the receipt's names."""
    project_id, parameters = gone.project_id, gone.parameters
    keys = [key_of(RecordKind.INTERACTION, id) for id in gone.ids]
    waiting = _rows(WAITING, [project_id, keys])
    verdicts = _rows(VERDICTS, parameters)
    said = [*verdicts, *((at, id) for kind, at, id in waiting if kind == RecordKind.FEEDBACK)]
    spent = [(at, id) for kind, at, id in waiting if kind == RecordKind.COST]
    with connection.cursor() as cursor:
        for query in UNQUEUED:
            cursor.execute(query, parameters)
    counts = Counter(search_entries=_count(WORDS, parameters), verdicts=len(verdicts))
    counts += after_feedback(Gone(project_id, _rows(FEEDBACK_ON, parameters) + _deleted(FEEDBACK, project_id, said)))
    counts += after_costs(Gone(project_id, _rows(COSTS_ON, parameters) + _deleted(COSTS, project_id, spent)))
    counts["keys"] += _count(KEYS, [project_id, keys])
    return counts


def feedback(gone: Gone) -> Counter[str]:
    """Delete feedback; where it had the last word about somebody else's interaction, the word before it counts again."""
    moves.withdraw(gone.rows)
    return after_feedback(Gone(gone.project_id, _deleted(FEEDBACK, gone.project_id, gone.rows)))


def after_feedback(gone: Gone) -> Counter[str]:
    """Delete what hangs on feedback that is gone: its key, and its waiting to be bound."""
    return _after("feedback", RecordKind.FEEDBACK, gone)


def after_costs(gone: Gone) -> Counter[str]:
    """Delete what hangs on costs that are gone: their keys, and their waiting to be bound."""
    return _after("costs", RecordKind.COST, gone)


def forget_keys(project_id: int, kind: RecordKind, ids: Iterable[str]) -> int:
    """Forget that records of a kind were ever sent; how many were known."""
    return _count(KEYS, [project_id, [key_of(kind, id) for id in ids]])


def _after(name: str, kind: RecordKind, gone: Gone) -> Counter[str]:
    if not gone.rows:
        return Counter()
    with connection.cursor() as cursor:
        cursor.execute(ORPHANS, {**gone.parameters, "kind": int(kind)})
    return Counter({name: len(gone.rows), "keys": forget_keys(gone.project_id, kind, gone.ids)})


def _deleted(query: str, project_id: int, rows: Iterable[Row]) -> list[Row]:
    return _rows(query, Gone(project_id, list(rows)).parameters)


def _rows(query: str, parameters: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _count(query: str, parameters: Any) -> int:
    (found,) = _rows(query, parameters)
    return int(found[0])
