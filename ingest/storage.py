"""Storing a request: one statement, one transaction, committed before anybody answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
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


def encode(columns: Mapping[str, Sequence[Any]], types: Mapping[str, str]) -> dict[str, BinaryArray]:
    """Make an array of each column."""
    return {name: _ENCODERS[kind](columns[name]) for name, kind in types.items()}


def store(project_id: int, statement: Statement, columns: Mapping[str, Sequence[Any]], received_at: datetime) -> Stored:
    """Commit a request's rows. `columns` holds `keys`, sorted, with their `times` and `contents`, and the statement's own.

    Raises Unavailable when the commit cannot be made; what it had done then counts as not done, and sending again is safe.
    """
    scalars = {"project_id": Int8(project_id), "received_at": received_at}
    parameters = {**scalars, **encode(columns, statement.types)}
    ordered = [parameters[name] for name in statement.order]
    keys = columns["keys"]
    try:
        return steadfast(lambda: _commit(project_id, statement.sql, ordered, keys))
    except psycopg.errors.CheckViolation:  # a week that nobody made yet
        weeks = {at for name in ("times", "occurred_at") for at in columns.get(name, ())}
        steadfast(lambda: partitions.ensure_for(POSTGRES_EPOCH + timedelta(microseconds=at) for at in weeks))
        return steadfast(lambda: _commit(project_id, statement.sql, ordered, keys))


def _commit(project_id: int, sql: str, parameters: Sequence[Any], keys: Sequence[bytes]) -> Stored:
    with _cursor(project_id) as cursor:
        cursor.execute(sql, parameters, binary=True)
        fresh = frozenset(row[0] for row in cursor.fetchall())
        if len(fresh) == len(keys):
            return Stored(fresh)
        # A second statement sees what others committed while the first one waited for them.
        missing = arrays.blobs([key for key in keys if key not in fresh])
        cursor.execute(KNOWN, [Int8(project_id), missing], binary=True)
        return Stored(fresh, dict(cursor.fetchall()))


@contextmanager
def _cursor(project_id: int) -> Iterator["psycopg.RawCursor[tuple[Any, ...]]"]:
    """A cursor of psycopg's own, inside the project's scope; its statements are prepared from the third time on.

    Large requests leave in one go: libpq waits inside its send, without Python's lock. Otherwise it would move the rest
    of a large buffer to the front each time the socket takes a piece.
    """
    with project_scope(project_id):
        raw = connection.connection
        raw.prepare_threshold = PREPARE_AFTER  # Django turns this off; its own cursors never prepare
        raw.pgconn.nonblocking = 0
        try:
            with psycopg.RawCursor(raw) as cursor:
                yield cursor
        finally:
            with suppress(psycopg.Error):  # a connection that is lost cannot be set to anything
                raw.pgconn.nonblocking = 1
