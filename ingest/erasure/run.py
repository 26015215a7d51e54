"""Working off erasures: unit by unit, each in a transaction that also writes down how far it has come.

A kill costs the unit that was under way. Whoever runs next goes on at the same place, with true counts.
"""

import logging
import math
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from ingest.erasure import receipts, registry
from ingest.erasure.receipts import Erasure
from ingest.erasure.registry import Done, Step, Subject
from ingest.projects.scope import project_scope

WAIT_S = 0.05
REMAINS = """
    SELECT EXISTS (
        SELECT FROM interaction
        WHERE project_id = %s AND coalesce(user_id, session_id, '') = %s AND user_id = %s
          AND least(occurred_at, received_at) < %s)
"""

log = logging.getLogger(__name__)


@dataclass
class ErasureReport:
    """What one slice did: rows deleted, erasures finished; a `failed` one is tried again at the next slice."""

    erased: int = 0
    finished: int = 0
    failed: int = 0
    left: bool = False


def run(now: datetime, *, only: Collection[int] | None = None, budget_s: float | None = 2.0) -> ErasureReport:
    """Work off the erasures that are due, the oldest first; one that fails never stops the others.

    At least one unit of work is done, however small the budget.
    """
    report = ErasureReport()
    deadline = math.inf if budget_s is None else time.monotonic() + budget_s
    for place, (project_id, number) in enumerate(_due(now, only)):
        if place and time.monotonic() > deadline:
            report.left = True
            break
        try:
            _work_off(project_id, number, now, deadline, report)
        except Exception:
            if not connection.is_usable():
                raise
            log.exception("erasure %s of project %s failed; it goes on from there", number, project_id)
            report.failed += 1
    return report


def _due(now: datetime, only: Collection[int] | None) -> list[tuple[int, int]]:
    query = """
        SELECT project_id, number FROM erasure
        WHERE state <> 'done' AND due_at <= %(now)s AND (%(only)s::bigint[] IS NULL OR project_id = ANY(%(only)s))
        ORDER BY due_at, project_id, number
    """
    with connection.cursor() as cursor:
        cursor.execute(query, {"now": now, "only": None if only is None else list(only)})
        return list(cursor.fetchall())


def _work_off(project_id: int, number: int, now: datetime, deadline: float, report: ErasureReport) -> None:
    while True:
        done = _unit(project_id, number, now)
        if done is None:
            return
        report.erased += sum(done.counts.values())
        if done.place is None:
            report.finished += 1
            return
        if time.monotonic() > deadline:
            report.left = True
            return
        if done.waits:
            time.sleep(WAIT_S)


def _unit(project_id: int, number: int, now: datetime) -> Done | None:
    """Do one unit of an erasure. A place of None says that all is done; no answer, that it is not ours to do."""
    with project_scope(project_id):
        erasure = receipts.claim(project_id, number)
        if erasure is None or erasure.user_id is None:
            return None
        subject = Subject(project_id, number, erasure.user_id, erasure.requested_at, now)
        step = _step_of(erasure)
        done = step.work(subject, erasure.place if step.name == erasure.step else "")
        counts = dict(Counter(erasure.counts) + Counter(done.counts))
        following = step if done.place is not None else _after(step)
        if following is None and not _remains(subject):
            receipts.finish(erasure, counts, now)
            return Done(done.counts)
        place = done.place or ""
        receipts.save(erasure, (following or registry.steps()[0]).name, place, counts, now)
        return Done(done.counts, place, done.waits)


def _step_of(erasure: Erasure) -> Step:
    """The step to go on with; the first one for a new erasure, or when a new version has dropped that step."""
    return next((step for step in registry.steps() if step.name == erasure.step), registry.steps()[0])


def _after(step: Step) -> Step | None:
    steps = registry.steps()
    return next(iter(steps[steps.index(step) + 1 :]), None)


def _remains(subject: Subject) -> bool:
    """Whether something came in through a process that did not know the tombstone yet: then all steps are done again."""
    with connection.cursor() as cursor:
        cursor.execute(REMAINS, [subject.project_id, subject.user_id, subject.user_id, subject.before])
        return bool(cursor.fetchone()[0])
