"""Raw rows as columns: one `array_agg` a column, in binary, straight into numpy. For jobs, not for the web.

Nulls become -1 in columns of whole numbers and NaN in the others, so that all elements of an array have one width.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import psycopg
from django.db import connection
from psycopg.adapt import Buffer, Loader
from psycopg.pq import Format

from ingest.dimensions import Component, Dimension, Facts, FeedbackKind
from ingest.projects.access import current_project
from ingest.timeline import EPOCH, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_ROWS = 150_000
"""So many rows are read at once: both ends hold them in memory."""

_DTYPES = {1000: "i1", 1005: ">i2", 1007: ">i4", 1016: ">i8", 1022: ">f8", 1185: ">i8"}
"""Array types by oid: bool, int2, int4, int8, float8, timestamptz (microseconds since 2000)."""

_HEADER_BYTES = 20

_INTERACTION_COLUMNS = {
    "at": "i.occurred_at",
    "failed": "(i.status <> 0 OR i.error_class <> 0)",
    "error_class": "i.error_class",
    "flags": "i.flags",
    "cost_source": "i.cost_source",
    "cache": "i.cache",
    "is_replaced": "(t.amount_nano IS NOT NULL)",
    "cost_nano": "coalesce(t.amount_nano, i.cost_nano, -1)",
    "latency_ms": "coalesce(i.latency_ms, 'NaN')",
    "time_to_first_token_ms": "coalesce(i.time_to_first_token_ms, 'NaN')",
    "retrieval_latency_ms": "coalesce(i.retrieval_latency_ms, 'NaN')",
    "retrieval_score": "coalesce(i.retrieval_score::float8, 'NaN')",
    "retrieval_documents": "coalesce(i.retrieval_documents, -1::smallint)",
    "input_tokens": "coalesce(i.input_tokens, -1)",
    "output_tokens": "coalesce(i.output_tokens, -1)",
    "cached_input_tokens": "coalesce(i.cached_input_tokens, 0)",
    "cache_write_tokens": "coalesce(i.cache_write_tokens, 0)",
    "reasoning_tokens": "coalesce(i.reasoning_tokens, 0)",
}
_INTERACTION_ROWS = """
    FROM ranges r
    CROSS JOIN LATERAL (
        SELECT * FROM interaction
        WHERE project_id = %(project)s AND occurred_at >= r.start_at AND occurred_at < r.end_at
        AND occurred_at >= %(first)s AND occurred_at < %(last)s OFFSET 0) i
    LEFT JOIN unnest(%(replaced_at)s::timestamptz[], %(replaced)s::text[], %(amounts)s::bigint[])
        AS t (occurred_at, interaction_id, amount_nano) ON t.occurred_at = i.occurred_at AND t.interaction_id = i.id
"""
_COST_COLUMNS = {
    "at": "c.occurred_at",
    "component": "c.component",
    "amount_nano": "c.amount_nano",
}
_COST_ROWS = """
    FROM ranges r
    CROSS JOIN LATERAL (
        SELECT * FROM cost
        WHERE project_id = %(project)s AND occurred_at >= r.start_at AND occurred_at < r.end_at
        AND occurred_at >= %(first)s AND occurred_at < %(last)s OFFSET 0) c
"""
_DETAIL = """(CASE v.kind
    WHEN %(outcome)s THEN array_position(ARRAY['completed', 'abandoned', 'redone'], v.label) - 1
    WHEN %(flag)s THEN coalesce(array_position(ARRAY['wrong', 'irrelevant', 'inappropriate'], v.name), 4) - 1
    WHEN %(implicit)s THEN array_position(ARRAY['copy', 'share', 'follow'], v.name) - 1
END)::smallint"""
_VERDICT_COLUMNS = {
    "at": "v.interaction_at",
    "kind": "v.kind",
    "value": "coalesce(v.value, 'NaN')",
    "edit_ratio": "coalesce(v.edit_ratio::float8, 'NaN')",
    "interaction": "hashtextextended(v.interaction_id, 0)",
    "detail": f"coalesce({_DETAIL}, -1::smallint)",
}
_VERDICT_ROWS = """
    FROM ranges r
    CROSS JOIN LATERAL (
        SELECT * FROM verdict
        WHERE project_id = %(project)s AND interaction_at >= r.start_at AND interaction_at < r.end_at
        AND interaction_at >= %(first)s AND interaction_at < %(last)s OFFSET 0) v
"""
# OFFSET 0 keeps the planner from joining by comparing every row with every range: each range is one probe of the index.
# Where all ranges begin and end says, before it plans, that most weeks' partitions need no plan.
_RANGES = """
    WITH ranges AS NOT MATERIALIZED (
        SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS r (start_at, end_at)
    )
"""
_REPLACED = f"""
    {_RANGES} SELECT c.occurred_at, c.interaction_id, least(sum(c.amount_nano), 9223372036854775807)::bigint {_COST_ROWS}
    WHERE c.component = %(model_tokens)s AND c.interaction_id IS NOT NULL
    GROUP BY c.occurred_at, c.interaction_id
"""
_COUNTED = {Facts.INTERACTIONS: ("interaction", "occurred_at"), Facts.FEEDBACK: ("verdict", "interaction_at")}


class _AsBytes(Loader):
    """Hands an array's binary form over as it is."""

    format = Format.BINARY

    def load(self, data: Buffer) -> bytes:
        return bytes(data)


def interactions(ranges: Sequence[Window], by: Sequence[Dimension]) -> "dict[str, NDArray[Any]]":
    """The interactions of disjoint windows, in no order. A linked record of model tokens replaces their own cost.

    Columns are named as in the record; the numbers of the dimensions in `by` as Dimension.column says.
    """
    return _columns(_INTERACTION_COLUMNS | _numbers("i", by), _INTERACTION_ROWS, ranges, replaced(ranges))


def costs(ranges: Sequence[Window], by: Sequence[Dimension]) -> "dict[str, NDArray[Any]]":
    """The cost records of disjoint windows, in no order."""
    return _columns(_COST_COLUMNS | _numbers("c", by), _COST_ROWS, ranges)


def verdicts(ranges: Sequence[Window], by: Sequence[Dimension]) -> "dict[str, NDArray[Any]]":
    """The verdicts on the interactions of disjoint windows, in no order."""
    return _columns(_VERDICT_COLUMNS | _numbers("v", by), _VERDICT_ROWS, ranges)


def _numbers(table: str, by: Sequence[Dimension]) -> dict[str, str]:
    return {dimension.column: f"{table}.{dimension.column}" for dimension in by}


def replaced(ranges: Sequence[Window]) -> dict[str, list[Any]]:
    """The calls whose own cost a linked record replaces, as three columns: `replaced_at`, `replaced` (id), `amounts`."""
    with connection.cursor() as cursor:
        cursor.execute(_REPLACED, _parameters(ranges))
        columns = [list(column) for column in zip(*cursor.fetchall(), strict=True)] or [[], [], []]
    return dict(zip(("replaced_at", "replaced", "amounts"), columns, strict=True))


def rows_in(facts: Facts, ranges: Sequence[Window], most: int | None = None) -> list[int]:
    """How many raw rows each window holds; counting stops at `most`."""
    if not ranges:
        return []
    table, column = _COUNTED[facts]
    query = f"""
        SELECT (SELECT count(*) FROM (
            SELECT FROM {table}
            WHERE project_id = %s AND {column} >= r.start_at AND {column} < r.end_at
            AND {column} >= %s AND {column} < %s LIMIT %s) AS counted)
        FROM unnest(%s::timestamptz[], %s::timestamptz[]) WITH ORDINALITY AS r (start_at, end_at, place)
        ORDER BY r.place
    """
    starts, ends = [window.start for window in ranges], [window.end for window in ranges]
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), min(starts), max(ends), most, starts, ends])
        return [row[0] for row in cursor.fetchall()]


def _parameters(ranges: Sequence[Window]) -> dict[str, Any]:
    runs = _runs(ranges)
    return {
        "project": current_project(),
        "starts": [window.start for window in runs],
        "ends": [window.end for window in runs],
        "first": runs[0].start if runs else EPOCH,
        "last": runs[-1].end if runs else EPOCH,
        "model_tokens": int(Component.MODEL_TOKENS),
        "outcome": int(FeedbackKind.OUTCOME),
        "flag": int(FeedbackKind.FLAG),
        "implicit": int(FeedbackKind.IMPLICIT),
    }


def _runs(ranges: Sequence[Window]) -> list[Window]:
    """Windows that follow each other without a gap, as one."""
    runs: list[Window] = []
    for window in sorted(ranges):
        if runs and runs[-1].end == window.start:
            runs[-1] = Window(runs[-1].start, window.end)
        else:
            runs.append(window)
    return runs


def _columns(
    columns: Mapping[str, str], rows: str, ranges: Sequence[Window], more: Mapping[str, Any] | None = None
) -> "dict[str, NDArray[Any]]":
    query = f"{_RANGES} SELECT {', '.join(f'array_agg({column})' for column in columns.values())} {rows}"
    connection.ensure_connection()
    with psycopg.Cursor(connection.connection) as cursor:
        for oid in _DTYPES:
            cursor.adapters.register_loader(oid, _AsBytes)
        cursor.execute(query, {**_parameters(ranges), **(more or {})}, binary=True)
        row = cursor.fetchone() or ()
        described = cursor.description or []
    return {name: _array(data, column.type_code) for name, data, column in zip(columns, row, described, strict=True)}


def _array(data: bytes | None, oid: int) -> "NDArray[Any]":
    """One array in PostgreSQL's binary form: a header of 20 bytes, then a length and the value of each element."""
    import numpy as np

    value: np.dtype[Any] = np.dtype(_DTYPES[oid])
    if data is None:
        return np.empty(0, value.newbyteorder("="))
    elements = np.frombuffer(data, np.dtype([("length", ">i4"), ("value", value)]), offset=_HEADER_BYTES)
    return np.ascontiguousarray(elements["value"].astype(value.newbyteorder("=")))
