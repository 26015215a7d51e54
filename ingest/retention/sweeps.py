"""Deleting what stands before a horizon, portion by portion: each portion is one short transaction.

The key of a record goes in the transaction that deletes its row, while the row still tells which it is: a kill between
two portions leaves every record either whole or gone. Everything happens inside a project's scope.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from ingest import binding
from ingest.dimensions import RecordKind, UserEvent
from ingest.identity import key_of
from ingest.projects.scope import current_project
from ingest.retention import clearing
from ingest.retention.accounts import Standing
from ingest.retention.clearing import Swept
from ingest.timeline import local_day

PORTION = 2_000
KEPT_ASIDE = timedelta(days=30)
"""So long late events are counted."""


@dataclass(frozen=True)
class Sweep:
    """Rows of one big table. `at` is the column of its weeks, `rest` what follows in its primary key after that.

    `keeps_key` is a condition on rows whose key is still needed by others of the same record.
    """

    table: str
    at: str = "occurred_at"
    rest: tuple[str, ...] = ("id",)
    kind: RecordKind | None = None
    keeps_key: str = "false"


SAID = Sweep("feedback", kind=RecordKind.FEEDBACK)
# A cost over a period is one row a day: the key goes with the last of them.
SPENT = Sweep("cost", kind=RecordKind.COST, keeps_key="coalesce(period_to > %(before)s, false)")
RAW = (
    Sweep("interaction", kind=RecordKind.INTERACTION),
    SAID,
    Sweep("verdict", "interaction_at", ("interaction_id", "kind", "name")),
    SPENT,
)
LIVED = Sweep("user_event", kind=RecordKind.USER)
TEXTS = (Sweep("payload"), Sweep("search"))
FIGURES = Sweep("figure", "month", ("name", "tier", "id"), RecordKind.FIGURE)

# Where a user stands is told by the first activation and the last word of each feature, and the last that was said of
# being without. Those of a portion are found among its rows and what portions before it kept of the same users.
SETTLED = f"""
    WITH oldest AS MATERIALIZED (
        SELECT occurred_at, id, user_id, feature_id, event, is_control, is_kept FROM user_event
        WHERE project_id = %(project)s AND occurred_at < %(before)s AND NOT is_kept
        ORDER BY occurred_at, id LIMIT %(limit)s
    ), looked AS (
        SELECT * FROM oldest
        UNION ALL
        SELECT k.* FROM (SELECT user_id, max(occurred_at) AS last_at FROM oldest GROUP BY user_id) u
        CROSS JOIN LATERAL (
            SELECT occurred_at, id, user_id, feature_id, event, is_control, is_kept FROM user_event
            WHERE project_id = %(project)s AND user_id = u.user_id AND occurred_at <= u.last_at AND is_kept OFFSET 0) k
    ), judged AS MATERIALIZED (
        SELECT occurred_at, id, is_kept,
            event = {UserEvent.ACTIVATED:d} AND row_number() OVER (
                PARTITION BY user_id, feature_id, event ORDER BY occurred_at, id) = 1
            OR event <> {UserEvent.SEEN:d} AND row_number() OVER (
                PARTITION BY user_id, feature_id, event = {UserEvent.SEEN:d} ORDER BY occurred_at DESC, id DESC) = 1
            OR is_control IS NOT NULL AND row_number() OVER (
                PARTITION BY user_id, is_control IS NULL ORDER BY occurred_at DESC, id DESC) = 1 AS is_needed
        FROM looked
    ), kept AS (
        UPDATE user_event e SET is_kept = true, metadata = NULL FROM judged j
        WHERE e.project_id = %(project)s AND e.occurred_at = j.occurred_at AND e.id = j.id AND j.is_needed
            AND NOT j.is_kept
    ), gone AS (
        DELETE FROM user_event e USING judged j
        WHERE e.project_id = %(project)s AND e.occurred_at = j.occurred_at AND e.id = j.id AND NOT j.is_needed
        RETURNING e.id
    )
    SELECT (SELECT count(*) FROM oldest), (SELECT array_agg(id) FROM gone)
"""


def has_rows(of: Sequence[Sweep], before: datetime) -> bool:
    """Whether any of these tables holds rows from before an instant."""
    asked = [
        f"EXISTS (SELECT FROM {sweep.table} WHERE project_id = %(project)s AND {sweep.at} < %(before)s)" for sweep in of
    ]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {' OR '.join(asked)}", {"project": current_project(), "before": before})
        return bool(cursor.fetchone()[0])


def delete(sweep: Sweep, before: datetime | date, limit: int) -> int:
    """Delete the oldest rows before an instant, with their keys; how many."""
    order = (sweep.at, *sweep.rest)
    names = ", ".join(order)
    edge = f"""
        SELECT {names} FROM {sweep.table} WHERE project_id = %(project)s AND {sweep.at} < %(before)s
        ORDER BY {names} LIMIT 1 OFFSET %(skipped)s
    """
    parameters: dict[str, Any] = {"project": current_project(), "before": before, "skipped": limit - 1}
    with connection.cursor() as cursor:
        cursor.execute(edge, parameters)
        last = cursor.fetchone()
        where = f"project_id = %(project)s AND {sweep.at} < %(before)s"
        if last:
            # The time alone lets the planner leave out later weeks; the whole key ends the portion within an instant.
            places = ", ".join(f"%(last_{number})s" for number in range(len(order)))
            where += f" AND {sweep.at} <= %(last_0)s AND ({names}) <= ({places})"
            parameters |= {f"last_{number}": value for number, value in enumerate(last)}
        told = "id, NOT " + sweep.keeps_key if sweep.kind else "NULL, false"
        cursor.execute(f"DELETE FROM {sweep.table} WHERE {where} RETURNING {told}", parameters)
        gone = cursor.fetchall()
        if sweep.kind:
            _delete_keys(sweep.kind, [id for id, is_last in gone if is_last])
    return len(gone)


def settle_words(before: datetime, limit: int) -> int:
    """Go through the oldest user events before an instant; how many.

    What tells where their users stand is kept without its metadata, the others are deleted with their keys.
    """
    with connection.cursor() as cursor:
        cursor.execute(SETTLED, {"project": current_project(), "before": before, "limit": limit})
        looked_at, gone = cursor.fetchone()
    _delete_keys(RecordKind.USER, gone or [])
    return int(looked_at)


def _delete_keys(kind: RecordKind, ids: Sequence[str]) -> None:
    query = "DELETE FROM record_key WHERE project_id = %s AND key = ANY(%s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), [key_of(kind, id) for id in dict.fromkeys(ids)]])


def delete_late(received_before: datetime, limit: int) -> int:
    """Delete late events that came before an instant, and their keys."""
    query = """
        WITH gone AS (
            DELETE FROM late WHERE project_id = %(project)s AND key IN (
                SELECT key FROM late WHERE project_id = %(project)s AND received_at < %(before)s
                ORDER BY received_at LIMIT %(limit)s)
            RETURNING key
        ), keys AS (
            DELETE FROM record_key WHERE project_id = %(project)s AND key IN (SELECT key FROM gone)
        )
        SELECT count(*) FROM gone
    """
    with connection.cursor() as cursor:
        cursor.execute(query, {"project": current_project(), "before": received_before, "limit": limit})
        return int(cursor.fetchone()[0])


def delete_changes(before: datetime, limit: int) -> int:
    """Delete change events from before an instant, and the keys of those that apps sent."""
    query = """
        DELETE FROM change_event WHERE project_id = %(project)s AND id IN (
            SELECT id FROM change_event WHERE project_id = %(project)s AND occurred_at < %(before)s
            ORDER BY occurred_at LIMIT %(limit)s)
        RETURNING CASE WHEN source = 'api' THEN id_sent END
    """
    with connection.cursor() as cursor:
        cursor.execute(query, {"project": current_project(), "before": before, "limit": limit})
        gone = [row[0] for row in cursor.fetchall()]
    _delete_keys(RecordKind.CHANGE, [id for id in gone if id is not None])
    return len(gone)


Portion = Callable[[], Swept]


def portions(standing: Standing, now: datetime) -> list[Portion]:
    """All there is to delete in a project, in order: each entry is done again until it has nothing left."""
    work: list[Portion] = []
    raw, text, rollups = standing.raw_horizon, standing.text_horizon, standing.rollups_wanted(now)
    if text is not None:
        work += [_deleting(partial(delete, sweep, text)) for sweep in TEXTS]
        for rows in (*clearing.LARGE, *clearing.SMALL):
            work.append(partial(clearing.clear, rows, text, standing.time_zone, PORTION))
    if raw is not None:
        work += [_deleting(partial(delete, sweep, raw)) for sweep in RAW]
        work.append(_deleting(partial(settle_words, raw)))
    if rollups is not None:
        work += [_deleting(partial(delete, LIVED, rollups)), _deleting(partial(delete_changes, rollups))]
        # A month's figures stay while any of its days does.
        month = local_day(rollups, standing.time_zone).replace(day=1)
        work.append(_deleting(partial(delete, FIGURES, month)))
    return [*work, _deleting(partial(delete_late, now - KEPT_ASIDE)), _deleting(partial(binding.prune, now))]


def _deleting(delete_some: Callable[[int], int]) -> Portion:
    """A portion that deletes some rows, as many as are left or PORTION."""
    limit = PORTION

    def portion() -> Swept:
        gone = delete_some(limit)
        return Swept(gone, gone >= limit)

    return portion
