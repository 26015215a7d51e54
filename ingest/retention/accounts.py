"""Where retention stands in each project: which horizon was announced, which ones count, and up to where rows are gone."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from ingest.projects.scope import project_scope
from ingest.retention import horizons
from ingest.timeline import DAY, EPOCH

READ = """
    SELECT p.id, p.time_zone, p.raw_days, p.text_days, p.rollup_days, p.raw_horizon, p.text_horizon,
           r.announced, r.announced_at, r.raw_gone, r.text_gone, r.rollups_gone, r.quarters_gone, r.swept_at
    FROM project p LEFT JOIN retained r ON r.project_id = p.id
    WHERE %(only)s::bigint[] IS NULL OR p.id = ANY(%(only)s)
    ORDER BY r.swept_at NULLS FIRST, p.id
"""


@dataclass(frozen=True)
class Standing:
    """One project's settings, horizons and account. `*_gone`: nothing is left from before that instant."""

    project_id: int
    time_zone: str
    raw_days: int
    text_days: int
    rollup_days: int | None
    raw_horizon: datetime | None
    text_horizon: datetime | None
    announced: datetime | None
    announced_at: datetime | None
    raw_gone: datetime | None
    text_gone: datetime | None
    rollups_gone: datetime | None
    quarters_gone: datetime | None
    swept_at: datetime | None

    def raw_wanted(self, now: datetime) -> datetime:
        """Where the raw horizon should stand."""
        return horizons.forward(self.raw_horizon, horizons.target(self.raw_days, self.time_zone, now))

    def text_wanted(self, now: datetime) -> datetime:
        """Where the text horizon should stand: texts never outlive the numbers they belong to."""
        wanted = horizons.forward(self.text_horizon, horizons.target(self.text_days, self.time_zone, now))
        return horizons.forward(self.raw_horizon, wanted)

    def rollups_wanted(self, now: datetime) -> datetime | None:
        """Before which rollups have to be gone; None when they are kept for ever."""
        return horizons.rollup_horizon(self.rollup_days, self.raw_horizon, self.time_zone, now)

    def is_announced(self, now: datetime) -> bool:
        """Whether every writer has known the horizon that is wanted for long enough."""
        known = self.announced == self.raw_wanted(now) and self.announced_at is not None
        return known and now - (self.announced_at or now) >= horizons.ANNOUNCED_FOR

    def is_to_sweep(self, now: datetime) -> bool:
        """Whether rows may stand before a horizon: one has moved, or a day has passed in which stragglers may have come."""
        is_behind = (self.raw_gone or EPOCH) < (self.raw_horizon or EPOCH) or (self.text_gone or EPOCH) < (
            self.text_horizon or EPOCH
        )
        return is_behind or self.swept_at is None or now - self.swept_at >= DAY


def standings(only: Collection[int] | None = None) -> list[Standing]:
    """Every project's standing, the one that waited longest first."""
    with connection.cursor() as cursor:
        cursor.execute(READ, {"only": None if only is None else list(only)})
        return [Standing(*row) for row in cursor.fetchall()]


def announce(project_id: int, horizon: datetime, now: datetime) -> None:
    """Say which raw horizon will count: writers judge by the project's settings, which say the same, within seconds."""
    _write(project_id, announced=horizon, announced_at=now)


def save_swept(standing: Standing, now: datetime) -> None:
    """Say that nothing stands before the horizons of this standing any more."""
    _write(standing.project_id, raw_gone=standing.raw_horizon, text_gone=standing.text_horizon, swept_at=now)


def save_quarters_gone(project_id: int, before: datetime) -> None:
    """Say that no quarter of an hour is kept before an instant any more."""
    _write(project_id, quarters_gone=before)


def save_rollups_gone(project_id: int, before: datetime) -> None:
    """Say that no rollup stands before an instant any more."""
    _write(project_id, rollups_gone=before)


def move_raw_horizon(project_id: int, to: datetime) -> bool:
    """Move the raw horizon, which freezes what stands before it; False when it already stands there or further on."""
    return _move("raw_horizon", project_id, to)


def move_text_horizon(project_id: int, to: datetime) -> bool:
    """Move the text horizon; False when it already stands there or further on."""
    return _move("text_horizon", project_id, to)


def _move(column: str, project_id: int, to: datetime) -> bool:
    query = f"UPDATE project SET {column} = %s WHERE id = %s AND ({column} IS NULL OR {column} < %s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [to, project_id, to])
        return bool(cursor.rowcount)


def _write(project_id: int, **values: datetime | None) -> None:
    names = list(values)
    query = f"""
        INSERT INTO retained (project_id, {", ".join(names)}) VALUES (%s{", %s" * len(names)})
        ON CONFLICT (project_id) DO UPDATE SET {", ".join(f"{name} = EXCLUDED.{name}" for name in names)}
    """
    with project_scope(project_id), connection.cursor() as cursor:
        cursor.execute(query, [project_id, *values.values()])
