"""Deleting a project: everything of it, from every table, in bounded batches, with a receipt that outlives it.

The doors close first: keys and memberships go, and when no web process remembers them, the rows of every table that
has a `project_id`, which the catalogue tells. Jobs may go on with the project until its own row is gone; what a slice
that was under way then still wrote is swept up after it has ended. A killed deletion is gone on with by its slug, or
finished when the slug has become another project's meanwhile.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from graphlib import TopologicalSorter
from typing import Any

from django.db import IntegrityError, connection, transaction

from ingest.duties import Duty, only_runner
from ingest.erasure import settling
from ingest.projects.models import Project

ROWS = 5_000
ATTEMPTS = 5
DOORS = ("api_key", "membership")

TABLES = """
    SELECT c.relname::text, c.relkind = 'p',
           (SELECT a.attname::text FROM pg_partitioned_table p
            JOIN pg_attribute a ON a.attrelid = p.partrelid AND a.attnum = p.partattrs[0] WHERE p.partrelid = c.oid)
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attname = 'project_id'
    ORDER BY 1
"""
REFERENCES = """
    SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND connamespace = 'public'::regnamespace AND conrelid <> confrelid
"""
# A deletion that did not come to its end, its project gone or not, and its slug free or another project's by now.
NOTED = """
    SELECT project, slug, started_at, finished_at, counts FROM deleted_project d
    WHERE slug = %s AND finished_at IS NULL AND %s = (
        EXISTS (SELECT FROM project p WHERE p.slug = d.slug)
        AND NOT EXISTS (SELECT FROM project p WHERE p.id = d.project))
    ORDER BY started_at LIMIT 1 FOR UPDATE
"""
NOTE = """
    INSERT INTO deleted_project (project, slug, started_at) VALUES (%s, %s, %s)
    RETURNING project, slug, started_at, finished_at, counts
"""


@dataclass(frozen=True)
class Table:
    """A table with a `project_id`; a partitioned one is deleted from in portions of its time column `at`."""

    name: str
    is_partitioned: bool
    at: str | None


@dataclass
class Departure:
    """A project that is being deleted, or was: the receipt."""

    project_id: int
    slug: str
    started_at: datetime
    finished_at: datetime | None
    counts: dict[str, int] = field(default_factory=dict)


def begin(slug: str, now: datetime) -> Departure:
    """Close the doors of a project: from this commit on its keys are unknown and nobody is a member.

    Goes on with a deletion of this slug that did not come to its end, unless another project has the slug by now.
    Raises Project.DoesNotExist.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NOTED, [slug, False])
        row = cursor.fetchone()
        if row is None:
            project = Project.objects.select_for_update().get(slug=slug)
            cursor.execute(NOTE, [project.pk, slug, now])
            row = cursor.fetchone()
        departure = _departure(row)
        for table in DOORS:
            cursor.execute(f"DELETE FROM {table} WHERE project_id = %s", [departure.project_id])
            _add(departure, table, cursor.rowcount)
    return departure


def left_behind(slug: str) -> Departure | None:
    """A deletion that did not come to its end, though another project has its slug already: it is to be finished."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(NOTED, [slug, True])
        row = cursor.fetchone()
    return _departure(row) if row else None


def empty(departure: Departure) -> Iterator[tuple[str, int]]:
    """Delete the rows of all tables, those first that refer to others; gives after each batch what went."""
    for table in tables():
        while count := _batch(departure, table):
            yield table.name, count


def close(departure: Departure) -> None:
    """Delete the project's own row, and with it what jobs have written meanwhile. Raises IntegrityError."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _delete_project(departure)
        except IntegrityError:  # a job has just written something that refers to what we deleted
            if attempt == ATTEMPTS:
                raise
    return None


def wait_for_jobs(pause: Callable[[], object], clock: Callable[[], datetime]) -> None:
    """Wait until every slice of a duty that may still know the project has ended, and every transaction with it."""
    for duty in Duty:
        with only_runner(duty, wait=True):
            pass
    settling.wait(pause, clock)


def finish(departure: Departure, now: datetime) -> None:
    """Write down that nothing is left."""
    departure.finished_at = now
    with connection.cursor() as cursor:
        cursor.execute("UPDATE deleted_project SET finished_at = %s WHERE project = %s", [now, departure.project_id])


def tables() -> list[Table]:
    """Every table with a `project_id`, in an order in which no row is deleted that another one refers to."""
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        found = {name: Table(name, is_partitioned, at) for name, is_partitioned, at in cursor.fetchall()}
        cursor.execute(REFERENCES)
        references = cursor.fetchall()
    order: TopologicalSorter[str] = TopologicalSorter({name: set() for name in found})
    for referring, referred in references:
        if referring in found and referred in found:
            order.add(referred, referring)
    return [found[name] for name in order.static_order()]


def _batch(departure: Departure, table: Table) -> int:
    """Delete some rows of a table and note how many, in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_portion(table), {"project": departure.project_id, "rows": ROWS})
        count = int(cursor.rowcount)
        _add(departure, table.name, count)
        return count


def _portion(table: Table) -> str:
    """SQL that deletes about `rows` rows: of a plain table by where they lie, of a partitioned one by their time."""
    if not table.is_partitioned:
        return f"""
            DELETE FROM {table.name} WHERE ctid = ANY(ARRAY(
                SELECT ctid FROM {table.name} WHERE project_id = %(project)s LIMIT %(rows)s))
        """
    return f"""
        DELETE FROM {table.name} WHERE project_id = %(project)s AND {table.at} <= (
            SELECT max({table.at}) FROM (
                SELECT {table.at} FROM {table.name} WHERE project_id = %(project)s
                ORDER BY {table.at} LIMIT %(rows)s) AS first)
    """


def _delete_project(departure: Departure) -> None:
    counted = Counter(departure.counts)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT FROM project WHERE id = %s FOR UPDATE", [departure.project_id])
        for table in tables():
            cursor.execute(f"DELETE FROM {table.name} WHERE project_id = %s", [departure.project_id])
            counted[table.name] += cursor.rowcount
        cursor.execute("DELETE FROM project WHERE id = %s", [departure.project_id])
        counted["project"] += cursor.rowcount
        _note(departure, counted)
    departure.counts = dict(counted)


def _add(departure: Departure, table: str, count: int) -> None:
    departure.counts[table] = departure.counts.get(table, 0) + count
    _note(departure, departure.counts)


def _note(departure: Departure, counts: dict[str, int]) -> None:
    query = "UPDATE deleted_project SET counts = %s WHERE project = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [json.dumps({name: n for name, n in sorted(counts.items()) if n}), departure.project_id])


def _departure(row: Sequence[Any]) -> Departure:
    counts = json.loads(row[4]) if isinstance(row[4], str) else row[4]
    return Departure(row[0], row[1], row[2], row[3], counts)
