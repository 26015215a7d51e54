"""Rollups that nobody keeps any more: quarters of an hour go with raw rows, all others by the project's own days.

Nothing goes while raw rows stand beside it: it would be counted again.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from operator import attrgetter

from django.db import connection

from ingest.projects.access import current_project, project_scope
from ingest.retention import accounts
from ingest.retention.accounts import Standing
from ingest.timeline import EPOCH, local_day
from ingest.turns import Turns
from observatory.metrics import seams, user_months
from observatory.metrics.windows import Level

PORTION = 5_000
SHEETS = """
    WITH gone AS (
        DELETE FROM sheet WHERE project_id = %(project)s AND ctid = ANY(ARRAY(
            SELECT ctid FROM sheet WHERE project_id = %(project)s AND bucket < %(before)s LIMIT %(limit)s))
        RETURNING 1)
    SELECT count(*) FROM gone
"""
QUARTERS = SHEETS.replace("bucket <", f"level = {Level.QUARTER:d} AND bucket <")
USERS = user_months.marking("""
    DELETE FROM user_day WHERE project_id = %(project)s AND ctid = ANY(ARRAY(
        SELECT ctid FROM user_day WHERE project_id = %(project)s AND day + 0 < %(before)s LIMIT %(limit)s))
""")

_turns = Turns[Standing]("the old rollups of project", key=attrgetter("project_id"), since=attrgetter("swept_at"))


@dataclass
class ExpiryReport:
    """How many sheets and user rows went; `failed` projects are tried again."""

    rollups_deleted: int = 0
    failed: int = 0
    left: bool = False


def run(now: datetime, *, only: Collection[int] | None = None, budget_s: float = 2.0) -> ExpiryReport:
    """Delete what stands before each project's horizons."""
    report, deadline = ExpiryReport(), time.monotonic() + budget_s
    standings = accounts.standings(only)
    taken = _turns.take(standings, lambda standing: _expire(standing, now, deadline, report), now, deadline)
    report.failed, report.left = taken.failed, report.left or taken.left
    return report


def _expire(standing: Standing, now: datetime, deadline: float, report: ExpiryReport) -> None:
    """Delete one project's, as far as the time reaches."""
    project_id, quarters, rollups = standing.project_id, standing.raw_horizon, standing.rollups_wanted(now)
    if quarters is not None and (standing.quarters_gone or EPOCH) < quarters:
        if not _delete_all(project_id, QUARTERS, quarters, deadline, report):
            return
        accounts.save_quarters_gone(project_id, quarters)
    if rollups is not None and (standing.rollups_gone or EPOCH) < rollups:
        day = local_day(rollups, standing.time_zone)
        if not _delete_all(project_id, SHEETS, rollups, deadline, report):
            return
        if not _delete_all(project_id, USERS, day, deadline, report):
            return
        with project_scope(project_id):
            seams.forget(rollups)
        accounts.save_rollups_gone(project_id, rollups)


def _delete_all(project_id: int, query: str, before: datetime | date, deadline: float, report: ExpiryReport) -> bool:
    """Delete portion by portion until nothing is left or the time is spent."""
    while time.monotonic() <= deadline:
        with project_scope(project_id):
            gone = _delete(query, before)
        report.rollups_deleted += gone
        if gone < PORTION:
            return True
    report.left = True
    return False


def _delete(query: str, before: datetime | date) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, {"project": current_project(), "before": before, "limit": PORTION})
        return int(cursor.fetchone()[0])
