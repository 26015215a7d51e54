"""Storing a request: one statement for each kind in it, one transaction, committed before anybody answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import psycopg
from django.db import connection
from psycopg.types.numeric import Int8

from ingest import arrays, partitions
from ingest.arrays import POSTGRES_EPOCH, BinaryArray
from ingest.database import steadfast
from ingest.projects.scope import project_scope
from ingest.statements import Statement

KNOWN = "SELECT key, content FROM record_key WHERE project_id = $1 AND key = ANY($2)"
PREPARE_AFTER = 2
_ENCODERS: dict[str, Callable[[Sequence[Any]], BinaryArray]] = {
    "texts": arrays.texts,
    "blobs": arrays.blobs,
    "smalls": arrays.smalls,
    "integers": arrays.integers,
    "bigs": arrays.bigs,
    "floats": arrays.floats,
    "times": arrays.times,
    "smalls_or_0": lambda column: arrays.smalls(column if any(column) else ()),
    "integers_or_0": lambda column: arrays.integers(column if any(column) else ()),
}


@dataclass(frozen=True)
class Stored:
    """What became of the keys of a request: those stored now, and the fingerprints of those known before."""

    fresh: frozenset[bytes]
    known: Mapping[bytes, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Part:
    """What a request has for one statement: the keys, sorted, and the columns, which may be asked for again.

    The columns hold `keys` with their `times` and `contents`, and what else the statement names. Those of a later part
    are asked for inside the transaction, when the earlier parts' rows can be seen.
    """

    statement: Statement
    keys: Sequence[bytes]
    columns: Callable[[], Mapping[str, Sequence[Any]]]


def encode(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str]) -> dict[str, BinaryArray]:
    """Make an array of each column."""
    return {name: _ENCODERS[kind](columns[name]) for name, kind in types.items()}


def store(project_id: int, parts: Sequence[Part], received_at: datetime) -> Stored:
    """Commit a request's rows, all of them or none.

    Raises Unavailable when the commit cannot be made; what it had done then counts as not done, and sending again is safe.
    """
    if not parts:
        return Stored(frozenset())
    scalars = {"project_id": Int8(project_id), "received_at": received_at}
    first = _parameters(parts[0], scalars)
    try:
        return steadfast(lambda: _commit(project_id, parts, first, scalars))
    except psycopg.errors.CheckViolation:  # a week that nobody made yet
        for table, instants in _instants(parts):
            steadfast(partial(partitions.ensure_for, instants, table))
        return steadfast(lambda: _commit(project_id, parts, first, scalars))


def _parameters(part: Part, scalars: Mapping[str, Any]) -> list[Any]:
    """What belongs in the places of a part's statement, in order."""
    found = {**scalars, **encode(part.columns(), part.statement.types)}
    return [found[name] for name in part.statement.order]


def _instants(parts: Sequence[Part]) -> Iterator[tuple[str, list[datetime]]]:
    """For which instants there have to be weeks, by table."""
    for part in parts:
        if part.statement.is_weekly:
            columns = part.columns()
            found = {at for name in ("times", "occurred_at") for at in columns.get(name, ())}
            yield part.statement.table, [POSTGRES_EPOCH + timedelta(microseconds=at) for at in found]


def _commit(project_id: int, parts: Sequence[Part], first: Sequence[Any], scalars: Mapping[str, Any]) -> Stored:
    fresh: set[bytes] = set()
    is_one_statement = len(parts) == 1 and parts[0].statement.opens_scope
    with nullcontext() if is_one_statement else project_scope(project_id):
        for part in parts:
            parameters = first if part is parts[0] else _parameters(part, scalars)
            fresh.update(row[0] for row in _rows(part.statement.sql, parameters))
    missing = [key for part in parts for key in part.keys if key not in fresh]
    if not missing:
        return Stored(frozenset(fresh))
    # Another statement sees what others committed while the first ones waited for them.
    with project_scope(project_id):
        return Stored(frozenset(fresh), dict(_rows(KNOWN, [Int8(project_id), arrays.blobs(missing)])))


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What a statement gives, asked by a cursor of psycopg's own; from the third time on it is prepared."""
    connection.ensure_connection()
    raw = connection.connection
    raw.prepare_threshold = PREPARE_AFTER  # Django turns this off; its own cursors never prepare
    with psycopg.RawCursor(raw) as cursor:
        return cursor.execute(sql, parameters, binary=True).fetchall()
