"""How far a project's history was imported: alerting judges no window that holds any of it.

Each feature has its own mark, the project as a whole one of its own, with the newest imported event of all.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from ingest import dictionary, timeline
from ingest.dimensions import Dimension, RecordKind
from ingest.identity import key_of
from ingest.imports.items import Line, Subject, feature_of, reaches_to, subject_of
from ingest.projects.models import Feature, Project
from ingest.projects.scope import current_project, project_scope
from ingest.trails import Target, Trail, targets

PROJECT = 0
"""The number under which the mark of the project as a whole is read."""

READ = f"""
    SELECT number, imported_to FROM {Feature._meta.db_table} WHERE project_id = %(project)s AND imported_to IS NOT NULL
    UNION ALL
    SELECT {PROJECT}, imported_to FROM {Project._meta.db_table} WHERE id = %(project)s AND imported_to IS NOT NULL
"""
LEAVE_ON_FEATURE = f"""
    UPDATE {Feature._meta.db_table} SET imported_to = %(at)s
    WHERE project_id = %(project)s AND number = %(number)s AND (imported_to IS NULL OR imported_to < %(at)s)
"""
LEAVE_ON_PROJECT = f"""
    UPDATE {Project._meta.db_table} SET imported_to = %(at)s
    WHERE id = %(project)s AND (imported_to IS NULL OR imported_to < %(at)s)
"""
NAMED = """
    SELECT s.position, k.occurred_at, s.id
    FROM unnest(%(positions)s::integer[], %(keys)s::bytea[], %(ids)s::text[]) AS s (position, key, id)
    CROSS JOIN LATERAL (
        SELECT occurred_at FROM record_key WHERE project_id = %(project)s AND key = s.key LIMIT 1
    ) k
"""
FEATURES = """
    SELECT s.position, i.feature_id
    FROM unnest(%(positions)s::integer[], %(times)s::timestamptz[], %(ids)s::text[]) AS s (position, at, id)
    CROSS JOIN LATERAL (
        SELECT feature_id FROM interaction WHERE project_id = %(project)s AND occurred_at = s.at AND id = s.id LIMIT 1
    ) i
"""


def read() -> dict[int, datetime]:
    """Feature number → its newest imported event, in the project in scope; PROJECT is the newest of all."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"project": current_project()})
        marks = dict(cursor.fetchall())
    return marks | {PROJECT: max(marks.values())} if marks else {}


def leave(project_id: int, lines: Sequence[Line]) -> None:
    """Say how far the history in these lines reaches, before any of it can be seen.

    What is said about interactions that are there marks their features, too; those that are not there yet are imported
    themselves, or come live.
    """
    now = timeline.now()
    zone = Project.objects.values_list("time_zone", flat=True).get(pk=project_id)
    dated = [(line, at) for line in lines if (at := reaches_to(line, now, zone))]
    if not dated:
        return
    found: dict[int, datetime] = {}
    names = {name for line, _ in dated if (name := feature_of(line))}
    numbers = dictionary.numbers(project_id, {Dimension.FEATURE: names}, now=now)
    with project_scope(project_id):
        about = _interactions_of([subject_of(line, at) for line, at in dated])
        for position, (line, at) in enumerate(dated):
            name = feature_of(line)
            if name:
                _reach(found, numbers[Dimension.FEATURE, name], at)
            if position in about:
                number, counted_at = about[position]
                _reach(found, number, min(counted_at, now))
            else:
                _reach(found, PROJECT, at)
        _write(found)


def _reach(found: dict[int, datetime], number: int, at: datetime) -> None:
    for one in {number, PROJECT}:
        found[one] = max(found.get(one, at), at)


def _write(marks: Mapping[int, datetime]) -> None:
    project_id = current_project()
    rows: list[dict[str, Any]] = [
        {"project": project_id, "number": number, "at": at} for number, at in sorted(marks.items())
    ]
    with connection.cursor() as cursor:
        cursor.executemany(LEAVE_ON_FEATURE, [row for row in rows if row["number"] != PROJECT])
        cursor.executemany(LEAVE_ON_PROJECT, [row for row in rows if row["number"] == PROJECT])


def _interactions_of(subjects: Sequence[Subject | None]) -> dict[int, tuple[int, datetime]]:
    """Position → the feature of the interaction that something is about, and when it counts; without one it is left out."""
    known = {position: subject for position, subject in enumerate(subjects) if subject}
    if not known:
        return {}
    found = _named({position: subject.interaction_id for position, subject in known.items() if subject.interaction_id})
    loose = {position: subject for position, subject in known.items() if not subject.interaction_id}
    trails = [Trail(one.said_at, one.span_id, one.trace_id, one.session_id) for one in loose.values()]
    places = list(loose)
    found |= {places[number]: target for number, target in targets(trails).items()}
    return {
        position: (number, found[position].occurred_at if known[position].counts_there else known[position].said_at)
        for position, number in _features(found)
    }


def _named(ids: Mapping[int, str]) -> dict[int, Target]:
    parameters: dict[str, Any] = {
        "project": current_project(),
        "positions": list(ids),
        "keys": [key_of(RecordKind.INTERACTION, id) for id in ids.values()],
        "ids": list(ids.values()),
    }
    with connection.cursor() as cursor:
        cursor.execute(NAMED, parameters)
        return {position: Target(at, id) for position, at, id in cursor.fetchall()}


def _features(found: Mapping[int, Target]) -> list[tuple[int, int]]:
    parameters: dict[str, Any] = {
        "project": current_project(),
        "positions": list(found),
        "times": [target.occurred_at for target in found.values()],
        "ids": [target.id for target in found.values()],
    }
    with connection.cursor() as cursor:
        cursor.execute(FEATURES, parameters)
        return list(cursor.fetchall())
