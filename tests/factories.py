"""Raw rows straight into the record's tables, with the dirty marks that ingestion would leave.

    interactions(project, [{"at": noon, "feature": "write-draft", "user_id": "u1", "latency_ms": 900.0}])
    verdicts(project, [{"at": noon, "interaction": "i-1", "kind": FeedbackKind.THUMB, "value": 1.0}])
    costs(project, [{"at": noon, "amount_nano": 5, "component": Component.RETRIEVAL}])

A row is a mapping of column names to values. Values of dimensions are names; `at` is the interaction's time. A verdict
takes dimensions and cluster from the interaction it names when that came through `interactions`.
"""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from ingest import dictionary, partitions
from ingest.dimensions import COLUMNS, Component, Dimension, ErrorClass, Facts
from ingest.projects.models import Project
from ingest.projects.scope import project_scope
from ingest.timeline import MINUTE, QUARTER, floor, week_start
from observatory.health import PARTITIONED

Row = Mapping[str, Any]

_serial = itertools.count(1)
_made: dict[tuple[int, str], dict[str, Any]] = {}


def interactions(project: Project, rows: Iterable[Row], *, mark: bool = True) -> list[str]:
    """Insert interactions; gives their ids. A row with an `error_class` has failed."""
    stored = []
    for row in _numbered(project, rows):
        row.setdefault("id", f"i-{next(_serial)}")
        row["occurred_at"] = row.pop("at")
        row.setdefault("received_at", row["occurred_at"])
        row.setdefault("status", int(row.get("error_class", ErrorClass.NONE) != ErrorClass.NONE))
        _made[project.pk, row["id"]] = row
        stored.append(row)
    make_room(row["occurred_at"] for row in stored)
    with project_scope(project.pk):
        _insert("interaction", project, stored)
        if mark:
            _mark(Facts.INTERACTIONS, project, [(row["occurred_at"], _cluster(row)) for row in stored])
    return [row["id"] for row in stored]


def verdicts(project: Project, rows: Iterable[Row], *, mark: bool = True) -> None:
    """Insert verdicts on interactions; a later one on the same (interaction, kind, name) replaces the earlier."""
    stored = []
    for row in _numbered(project, rows):
        row["interaction_id"] = row.pop("interaction")
        about = _made.get((project.pk, row["interaction_id"]), {})
        row["interaction_at"] = row.pop("at", None) or about["occurred_at"]
        for name in COLUMNS:
            row.setdefault(name, about.get(name, 0))
        row.setdefault("cluster", _cluster(about))
        row.setdefault("name", "")
        row.setdefault("said_at", row["interaction_at"])
        row.setdefault("feedback_id", f"f-{next(_serial)}")
        stored.append(row)
    make_room(row["interaction_at"] for row in stored)
    key = ("project_id", "interaction_at", "interaction_id", "kind", "name")
    with project_scope(project.pk):
        _insert("verdict", project, stored, key)
        if mark:
            _mark(Facts.FEEDBACK, project, [(row["interaction_at"], row["cluster"]) for row in stored])


def costs(project: Project, rows: Iterable[Row], *, mark: bool = True) -> None:
    """Insert cost records; `interaction` links one to an interaction made by `interactions`."""
    stored = []
    for row in _numbered(project, rows):
        row["interaction_id"] = row.pop("interaction", None)
        about = _made.get((project.pk, row["interaction_id"] or ""))
        if about:
            row.setdefault("at", about["occurred_at"])
            row.setdefault("cluster", _cluster(about))
            for name in COLUMNS:
                row.setdefault(name, about.get(name, 0))
        row["occurred_at"] = row.pop("at")
        row.setdefault("received_at", row["occurred_at"])
        row.setdefault("component", int(Component.OTHER))
        row.setdefault("id", f"c-{next(_serial)}")
        stored.append(row)
    make_room(row["occurred_at"] for row in stored)
    with project_scope(project.pk):
        _insert("cost", project, stored)
        if mark:
            _mark(Facts.INTERACTIONS, project, [(row["occurred_at"], row.get("cluster") or "") for row in stored])


def _numbered(project: Project, rows: Iterable[Row]) -> list[dict[str, Any]]:
    """The rows with dictionary numbers in the place of names."""
    found = [dict(row) for row in rows]
    wanted = {of: {row[name] for row in found if row.get(name)} for name, of in _DIMENSIONS.items()}
    numbers = dictionary.numbers(project.pk, wanted)
    for row in found:
        for name, dimension in _DIMENSIONS.items():
            value = row.pop(name, None)
            if value:
                row[dimension.column] = numbers[dimension, value]
    return found


def make_room(instants: Iterable[datetime]) -> None:
    """Make the partitions that are missing: another test may have dropped them, and making waits for open transactions."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT week FROM unnest(%s::timestamptz[]) AS w (week), unnest(%s::text[]) AS p (parent) WHERE NOT EXISTS"
            " (SELECT FROM pg_class WHERE relname = parent || '_' || to_char(week AT TIME ZONE 'UTC', 'YYYYMMDD'))",
            [sorted({week_start(at) for at in instants}), list(PARTITIONED)],
        )
        missing = [week for (week,) in cursor.fetchall()]
    partitions.ensure_for(missing)


def _cluster(row: Row) -> str:
    return str(row.get("user_id") or row.get("session_id") or "")


def _insert(table: str, project: Project, rows: Sequence[Row], key: Sequence[str] = ()) -> None:
    """Insert rows column by column; with a key, later rows replace earlier ones."""
    if not rows:
        return
    names = sorted({name for row in rows for name in row})
    defaults = {"name": "", "status": 0, "error_class": 0, "cost_source": 0, "cache": 0, "flags": 0}
    columns = [
        [row.get(name, 0 if name.endswith("_id") and name[:-3] in _DIMENSIONS else defaults.get(name)) for row in rows]
        for name in names
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT attname, format_type(atttypid, -1) FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0",
            [table],
        )
        types = dict(cursor.fetchall())
        updates = ", ".join(f"{name} = EXCLUDED.{name}" for name in names if name not in key)
        conflict = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {updates}" if key else ""
        cursor.execute(
            f"INSERT INTO {table} (project_id, {', '.join(names)}) SELECT %s, u.* FROM"
            f" unnest({', '.join(f'%s::{types[name]}[]' for name in names)}) AS u {conflict}",
            [project.pk, *columns],
        )


def _mark(facts: Facts, project: Project, about: Sequence[tuple[datetime, str]]) -> None:
    minutes = sorted({floor(at, MINUTE) for at, _ in about})
    users = sorted({(floor(at, QUARTER), cluster) for at, cluster in about})
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO dirty_bucket (project_id, bucket, facts) SELECT %s, b, %s FROM unnest(%s::timestamptz[]) AS t (b)",
            [project.pk, int(facts), minutes],
        )
        cursor.execute(
            "INSERT INTO dirty_user (project_id, quarter, cluster)"
            " SELECT %s, q, c FROM unnest(%s::timestamptz[], %s::text[]) AS t (q, c)",
            [project.pk, [quarter for quarter, _ in users], [cluster for _, cluster in users]],
        )


_DIMENSIONS = {dimension.name.lower(): dimension for dimension in Dimension}
