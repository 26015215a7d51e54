"""Moving raw horizons: what stands before one is frozen, so everything before it must have been counted first.

Announce, settle, move; only then does anybody delete. A horizon is announced two minutes before it counts, so that no
request that was judged by an older one is still under way. It moves under the roller's lock, when no mark and no
unmerged bucket stands before it: the sheets before it say what the raw rows said when they were last all there.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from django.db import connection

from ingest.projects.access import current_project, project_scope
from ingest.retention import accounts, sweeps
from ingest.retention.accounts import Standing
from ingest.turns import Turns
from observatory.metrics import store
from observatory.metrics.sheets import Family
from observatory.metrics.windows import Level

_turns = Turns[Standing]("the raw horizon of project", key=attrgetter("project_id"), since=attrgetter("swept_at"))

WAITING = """
    SELECT EXISTS (SELECT FROM dirty_bucket WHERE project_id = %(project)s AND bucket < %(to)s)
        OR EXISTS (SELECT FROM dirty_user WHERE project_id = %(project)s AND quarter < %(to)s)
        OR EXISTS (SELECT FROM unmerged WHERE project_id = %(project)s AND bucket < %(to)s)
"""
FROZEN_MARKS = (
    "DELETE FROM dirty_bucket WHERE project_id = %(project)s AND bucket < %(horizon)s",
    "DELETE FROM dirty_user WHERE project_id = %(project)s AND quarter < %(horizon)s",
    # A day may begin before the horizon and end after it: after a change of the time zone.
    "DELETE FROM unmerged WHERE project_id = %(project)s AND bucket < %(horizon)s"
    " AND (level <> ALL (%(days)s) OR bucket < %(horizon)s - interval '26 hours')",
)


@dataclass
class FreezeReport:
    """How many horizons moved, and how many wait for the roller; `failed` projects are tried again."""

    horizons_moved: int = 0
    waiting_for_rollups: int = 0
    failed: int = 0
    left: bool = False


def advance(now: datetime, *, only: Collection[int] | None = None, budget_s: float = 2.0) -> FreezeReport:
    """Bring every project's raw horizon to where its settings want it, in two steps at least two minutes apart."""
    report, deadline = FreezeReport(), time.monotonic() + budget_s
    standings = accounts.standings(only)
    taken = _turns.take(standings, lambda standing: _advance(standing, now, report), now, deadline)
    report.failed, report.left = taken.failed, taken.left
    return report


def _advance(standing: Standing, now: datetime, report: FreezeReport) -> None:
    wanted = standing.raw_wanted(now)
    if wanted == standing.raw_horizon:
        return
    if standing.raw_horizon is None and not _has_rows(standing.project_id, wanted):
        return  # nothing is to go yet, so a project may still decide to keep longer
    if standing.announced != wanted:
        accounts.announce(standing.project_id, wanted, now)
        return
    if not standing.is_announced(now):
        return
    with project_scope(standing.project_id):
        if store.lock(wait=False) and _is_settled(standing, wanted):
            accounts.move_raw_horizon(standing.project_id, wanted)
            report.horizons_moved += 1
        else:
            report.waiting_for_rollups += 1


def _has_rows(project_id: int, before: datetime) -> bool:
    with project_scope(project_id):
        return sweeps.has_rows((*sweeps.RAW, sweeps.LIVED), before)


def _is_settled(standing: Standing, to: datetime) -> bool:
    """Whether everything before an instant is counted, by the days of the project's present time zone."""
    _forget_frozen_marks(standing.raw_horizon)
    account = store.account()
    if account is None or account.time_zone != standing.time_zone:
        return False
    with connection.cursor() as cursor:
        cursor.execute(WAITING, {"project": current_project(), "to": to})
        return not cursor.fetchone()[0]


def _forget_frozen_marks(horizon: datetime | None) -> None:
    """Marks from before the horizon stand for nothing: the roller would take them and do nothing."""
    if horizon is None:
        return
    parameters: dict[str, Any] = {
        "project": current_project(),
        "horizon": horizon,
        "days": [store.marked_as(Level.DAY, family) for family in Family],
    }
    with connection.cursor() as cursor:
        for query in FROZEN_MARKS:
            cursor.execute(query, parameters)
