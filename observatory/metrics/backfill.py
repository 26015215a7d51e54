"""Counting a local day again from its raw rows, though nothing in it is dirty: for a new version of the counting, say.

It only leaves marks, as ingestion does, a portion of the day at a time, and has them taken at once. The mark of the
minute under way is taken first in every portion, and portions are short, so live minutes wait for one at most. What is
interrupted leaves marks that any roller takes: late, never wrong.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db import connection

from ingest.dimensions import Facts
from ingest.projects.access import current_project, project_scope
from ingest.projects.models import Project
from ingest.timeline import HOUR, MINUTE, QUARTER, Window, ceil, day_window
from observatory.metrics import roller, store
from observatory.metrics.passing import RollReport

SHORT_S, LONG_S = 0.5, 1.0
"""Portions that took less are doubled, those that took more are halved."""

HELPS = 0.75
"""A shorter portion that takes more than this share of the time was not slow for its length: a busy machine, few rows."""

LONGEST, SHORTEST = 32 * HOUR, QUARTER
REST = 0.5
"""After each portion, whoever stores has the processors for such a share of the time that it took."""

BUCKETS = """
    INSERT INTO dirty_bucket (project_id, bucket, facts)
    SELECT %(project)s, minute, facts
    FROM generate_series(%(start)s, %(end)s - interval '1 minute', interval '1 minute') AS m (minute)
    CROSS JOIN unnest(%(facts)s::smallint[]) AS f (facts)
"""
USERS = """
    INSERT INTO dirty_user (project_id, quarter, cluster)
    SELECT %(project)s, %(start)s, cluster FROM (
        SELECT coalesce(user_id, session_id, '') AS cluster FROM interaction
        WHERE project_id = %(project)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
        UNION SELECT cluster FROM user_day WHERE project_id = %(project)s AND day + 0 = %(day)s) c
"""


class CannotBeRolled(Exception):
    """The roller failed on the project; its log says why, and the marks stay."""


@dataclass
class Stride:
    """How much of a day is marked at once: as much as is counted in less than a second."""

    length: timedelta = 6 * HOUR
    halved_after: float | None = None

    def took(self, seconds: float) -> None:
        """Learn from a portion."""
        before, self.halved_after = self.halved_after, None
        if before is not None and seconds > HELPS * before:
            self.length = min(self.length * 2, LONGEST)
        elif seconds > LONG_S:
            self.halved_after = seconds
            self.length = max(self.length // 2 // QUARTER * QUARTER, SHORTEST)
        elif seconds < SHORT_S:
            self.length = min(self.length * 2, LONGEST)


def backfill(project: Project, day: date, stride: Stride, clock: Callable[[], datetime]) -> RollReport:
    """Count all that is stored of a local day again, as far as raw rows reach.

    Raises CannotBeRolled.
    """
    whole = day_window(day, project.time_zone)
    last = min(whole.end, ceil(clock(), MINUTE))
    _mark_users(project, day, whole)
    done, start = RollReport(), whole.start
    while start < last:
        began = time.monotonic()
        end = min(start + stride.length, last)
        _mark_buckets(project, Window(start, end))
        report = roller.roll(clock(), only=[project.pk], everything=True)
        if report.failed:
            raise CannotBeRolled(project.slug)
        taken = time.monotonic() - began
        done, start = done + report, end
        stride.took(taken)
        time.sleep(min(REST * taken, LONG_S))
    return done


def _mark_buckets(project: Project, window: Window) -> None:
    """Mark every minute that the raw horizon has left of a window; the roller takes those of an old quarter together."""
    with project_scope(project.pk), connection.cursor() as cursor:
        store.lock(wait=True)
        start = max(window.start, store.raw_horizon())
        if start + MINUTE <= window.end:
            facts = [int(one) for one in Facts]
            cursor.execute(BUCKETS, {"project": current_project(), "start": start, "end": window.end, "facts": facts})


def _mark_users(project: Project, day: date, whole: Window) -> None:
    """Mark everybody who called on a day or has a row of it; a day that the raw horizon has reached is frozen."""
    with project_scope(project.pk), connection.cursor() as cursor:
        store.lock(wait=True)
        if store.raw_horizon() <= whole.start:
            cursor.execute(USERS, {"project": current_project(), "start": whole.start, "end": whole.end, "day": day})
