"""Dropping the weeks that every project's horizon has passed: space goes back to the disk at once."""

from collections.abc import Iterator
from datetime import UTC, datetime

import structlog
from django.db import DatabaseError, connection

from ingest.retention.horizons import MOST_DAYS
from ingest.timeline import WEEK

log = structlog.get_logger(__name__)

ONE_DAY = "interval '1 day'"
PARTITIONS = """
    SELECT c.relname::text FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'partitions' AND c.relkind = 'r' ORDER BY c.relname
"""


def existing() -> list[tuple[str, datetime]]:
    """Every partition: its table's name and the start of its week."""
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS)
        return [_read(name) for (name,) in cursor.fetchall()]


def _read(name: str) -> tuple[str, datetime]:
    table, _, week = name.rpartition("_")
    return table, datetime.strptime(week, "%Y%m%d").replace(tzinfo=UTC)


def drop() -> tuple[int, bool]:
    """Drop what may go; how many partitions went, and whether one could not be locked and is left for the next time.

    Outside a transaction only. The database's function has the last word: it looks at every project's horizon, and it
    never drops a partition that holds rows.
    """
    dropped = 0
    for week in _passed():
        try:
            while name := _drop_one(week):
                dropped += 1
                log.info("partition_dropped", partition=name)
        except DatabaseError as error:
            if not connection.is_usable():
                raise
            log.info("partition_busy", week=week.isoformat(), why=str(error).strip().split("\n")[0])
            return dropped, True
    return dropped, False


def _passed() -> Iterator[datetime]:
    """The weeks that lie before every project's text horizon, which never stands before its raw horizon."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT min(coalesce(text_horizon, now() - least(text_days, {MOST_DAYS}) * {ONE_DAY})) FROM project"
        )
        (horizon,) = cursor.fetchone()
    if horizon is not None:
        yield from sorted({week for _, week in existing() if week + WEEK <= horizon})


def _drop_one(week: datetime) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT drop_partition(%s)", [week])
        name: str | None = cursor.fetchone()[0]
        return name
