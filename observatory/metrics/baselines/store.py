"""The rows of pinned baselines. Everything here happens inside a project's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from ingest.projects.access import current_project
from ingest.text import is_holdable
from ingest.timeline import Window
from observatory.metrics.baselines.contents import Contents

ALL_FEATURES = 0
_COLUMNS = "feature_id, name, note, from_at, to_at, pinned_at, pinned_by, frozen_at"


@dataclass(frozen=True)
class Baseline:
    """A window that somebody pinned as normal, of one feature (by number) or of all (None). Settling until it is frozen."""

    feature: int | None
    name: str
    note: str
    window: Window
    pinned_at: datetime
    pinned_by: str
    frozen_at: datetime | None = None

    @property
    def state(self) -> str:
        """`settling` or `frozen`."""
        return "settling" if self.frozen_at is None else "frozen"


def insert(baseline: Baseline) -> bool:
    """Keep a new one; False when its feature has one of this name."""
    query = f"""
        INSERT INTO baseline (project_id, {_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, NULL)
        ON CONFLICT (project_id, feature_id, name) DO NOTHING
    """
    values: list[Any] = [
        current_project(),
        _number(baseline.feature),
        baseline.name,
        baseline.note,
        baseline.window.start,
        baseline.window.end,
        baseline.pinned_at,
        baseline.pinned_by,
    ]
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return bool(cursor.rowcount)


def every() -> list[Baseline]:
    """All of the project's, the last pinned first."""
    query = f"SELECT {_COLUMNS} FROM baseline WHERE project_id = %s ORDER BY pinned_at DESC, feature_id, name"
    return [_baseline(row) for row in _read(query, [current_project()])]


def find(name: str, feature: int | None) -> Baseline | None:
    """The one of this name that a feature, or all, has."""
    if not is_holdable(name):
        return None
    query = f"SELECT {_COLUMNS} FROM baseline WHERE project_id = %s AND feature_id = %s AND name = %s"
    rows = _read(query, [current_project(), _number(feature), name])
    return _baseline(rows[0]) if rows else None


def contents(baseline: Baseline) -> Contents | None:
    """What was frozen with it; None while it settles."""
    data = packed(baseline)
    return Contents.unpack(data) if data else None


def packed(baseline: Baseline) -> bytes | None:
    """The same as the bytes that are stored."""
    query = "SELECT contents FROM baseline WHERE project_id = %s AND feature_id = %s AND name = %s"
    rows = _read(query, [current_project(), _number(baseline.feature), baseline.name])
    return bytes(rows[0][0]) if rows and rows[0][0] is not None else None


def settling(ended_by: datetime) -> list[Baseline]:
    """Those whose window is over and that are not frozen yet."""
    query = (
        f"SELECT {_COLUMNS} FROM baseline WHERE project_id = %s AND frozen_at IS NULL AND to_at <= %s ORDER BY to_at"
    )
    return [_baseline(row) for row in _read(query, [current_project(), ended_by])]


def freeze(baseline: Baseline, found: Contents, now: datetime) -> bool:
    """Keep its contents, once and for ever; False when it was frozen, or deleted, meanwhile."""
    query = """
        UPDATE baseline SET contents = %s, frozen_at = %s
        WHERE project_id = %s AND feature_id = %s AND name = %s AND frozen_at IS NULL
    """
    values: list[Any] = [found.pack(), now, current_project(), _number(baseline.feature), baseline.name]
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return bool(cursor.rowcount)


def delete(name: str, feature: int | None) -> bool:
    """Delete one; False when there is none."""
    query = "DELETE FROM baseline WHERE project_id = %s AND feature_id = %s AND name = %s"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), _number(feature), name])
        return bool(cursor.rowcount)


def is_waiting(window: Window) -> bool:
    """Whether anything of a window still has to be counted again or merged."""
    query = """
        SELECT EXISTS (SELECT FROM dirty_bucket WHERE project_id = %(project)s AND bucket >= %(from)s AND bucket < %(to)s)
            OR EXISTS (SELECT FROM dirty_user WHERE project_id = %(project)s AND quarter >= %(from)s AND quarter < %(to)s)
            OR EXISTS (SELECT FROM unmerged WHERE project_id = %(project)s AND bucket >= %(from)s AND bucket < %(to)s)
    """
    parameters: dict[str, Any] = {"project": current_project(), "from": window.start, "to": window.end}
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return bool(cursor.fetchone()[0])


def _read(query: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _number(feature: int | None) -> int:
    return ALL_FEATURES if feature is None else feature


def _baseline(row: tuple[Any, ...]) -> Baseline:
    feature, name, note, start, end, pinned_at, pinned_by, frozen_at = row
    return Baseline(feature or None, name, note, Window(start, end), pinned_at, pinned_by, frozen_at)
