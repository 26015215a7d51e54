"""The record's part of the daily duty: text horizons move, then rows go, then weeks.

Raw horizons are moved by those who measure (observatory.metrics.freezing), who know that nothing before one waits to be
counted. Every step may be cut off at any point and done again: what is gone is gone, the account is written last.
"""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from ingest.projects.scope import project_scope
from ingest.retention import accounts, clearing, sweeps, weeks
from ingest.retention.accounts import Standing
from ingest.turns import Turns

_turns = Turns[Standing]("retention of project", key=attrgetter("project_id"), since=attrgetter("swept_at"))


@dataclass
class RetainReport:
    """What one slice did; `failed` projects are tried again at the next, `left`: the time ended before the work did."""

    rows_deleted: int = 0
    partitions_dropped: int = 0
    failed: int = 0
    left: bool = False


def run(now: datetime, *, only: Collection[int] | None = None, budget_s: float = 2.0) -> RetainReport:
    """Delete what no project keeps any more; one that fails never stops the others."""
    report, deadline = RetainReport(), time.monotonic() + budget_s
    standings = accounts.standings(only)
    taken = _turns.take(standings, lambda standing: _retain(standing, now, deadline, report), now, deadline)
    report.partitions_dropped, is_busy = weeks.drop()
    report.failed, report.left = taken.failed, report.left or taken.left or is_busy
    return report


def _has_texts_to_go(standing: Standing, now: datetime) -> bool:
    """Whether a text horizon is to be moved: before the first text has to go, a project may still decide to keep longer."""
    if standing.text_horizon is not None:
        return standing.text_wanted(now) > standing.text_horizon
    with project_scope(standing.project_id):
        wanted = standing.text_wanted(now)
        large = (*sweeps.TEXTS, sweeps.SAID, sweeps.SPENT, sweeps.LIVED)
        return sweeps.has_rows(large, wanted) or clearing.has_texts(wanted, standing.time_zone)


def _retain(standing: Standing, now: datetime, deadline: float, report: RetainReport) -> None:
    """Move the text horizon; then delete what stands before both horizons, which are what the database says now."""
    if _has_texts_to_go(standing, now) and accounts.move_text_horizon(standing.project_id, standing.text_wanted(now)):
        (standing,) = accounts.standings([standing.project_id])
    if not standing.is_to_sweep(now):
        return
    for portion in sweeps.portions(standing, now):
        while True:
            if time.monotonic() > deadline:
                report.left = True
                return
            with project_scope(standing.project_id):
                gone, is_left = portion()
            report.rows_deleted += gone
            if not is_left:
                break
    accounts.save_swept(standing, now)
