"""How long judgements and messages are kept. What was found stays: incidents and their events are never deleted."""

import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter

from django.db import connection

from ingest.projects.access import current_project, every_project, project_scope
from ingest.projects.models import Project
from ingest.retention import chores
from ingest.turns import Turns

EVALUATIONS_KEPT = timedelta(days=90)
MESSAGES_KEPT = timedelta(days=90)
TOLD_KEPT = timedelta(days=400)
"""Messages about an incident: its page shows who was told. Those of an open incident stay."""

PORTION = 5_000
CHORE = "alerts"
EVALUATIONS = """
    DELETE FROM evaluation WHERE project_id = %(project)s AND ctid = ANY(ARRAY(
        SELECT ctid FROM evaluation WHERE project_id = %(project)s AND window_end < %(judged_before)s LIMIT %(limit)s))
"""
DELIVERIES = """
    DELETE FROM delivery WHERE project_id = %(project)s AND id = ANY(ARRAY(
        SELECT d.id FROM delivery d LEFT JOIN incident i ON i.id = d.incident_id
        WHERE d.project_id = %(project)s AND d.state <> 'pending' AND (
            d.incident_id IS NULL AND d.finished_at < %(sent_before)s
            OR i.resolved_at IS NOT NULL AND d.finished_at < %(told_before)s)
        LIMIT %(limit)s))
"""

_turns = Turns[Project]("old judgements and messages of project", key=attrgetter("pk"), since=lambda project: None)


@dataclass
class ExpiryReport:
    """How many evaluations and messages went; `failed` projects are tried again a day later."""

    evaluations_deleted: int = 0
    messages_deleted: int = 0
    failed: int = 0
    left: bool = False


def run(now: datetime, *, only: Collection[int] | None = None, budget_s: float = 2.0) -> ExpiryReport:
    """Once a day, delete what is older than it is kept; `only` does it at once for these projects."""
    report, deadline = ExpiryReport(), time.monotonic() + budget_s
    if only is None and not chores.is_due(CHORE, now):
        return report

    def expire(project: Project) -> None:
        report.evaluations_deleted += _delete(EVALUATIONS, project.pk, now, deadline, report)
        report.messages_deleted += _delete(DELIVERIES, project.pk, now, deadline, report)

    projects = [project for project in every_project() if only is None or project.pk in only]
    taken = _turns.take(projects, expire, now, deadline)
    report.failed, report.left = taken.failed, report.left or taken.left
    if only is None and not report.left:
        chores.done(CHORE, now)
    return report


def _delete(query: str, project_id: int, now: datetime, deadline: float, report: ExpiryReport) -> int:
    total, gone = 0, PORTION
    edges = {
        "judged_before": now - EVALUATIONS_KEPT,
        "sent_before": now - MESSAGES_KEPT,
        "told_before": now - TOLD_KEPT,
    }
    while gone == PORTION:
        if time.monotonic() > deadline:
            report.left = True
            break
        with project_scope(project_id), connection.cursor() as cursor:
            cursor.execute(query, {"project": current_project(), "limit": PORTION, **edges})
            gone = int(cursor.rowcount)
        total += gone
    return total
