"""Working off erasures: unit by unit, each in a transaction that also writes down how far it has come.

A kill costs the unit that was under way. Whoever runs next goes on at the same place, with true counts.
"""

import math
import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from ingest.erasure import receipts, record, registry
from ingest.erasure.receipts import Erasure
from ingest.erasure.registry import Done, Step, Subject
from ingest.projects.scope import project_scope
from ingest.turns import Turns

WAIT_S = 0.05
REMAINS = """
    SELECT EXISTS (
        SELECT FROM interaction
        WHERE project_id = %s AND coalesce(user_id, session_id, '') = %s AND user_id = %s
          AND least(occurred_at, received_at) < %s)
"""

Due = tuple[int, int, datetime]
"""An erasure's project and number, and since when it is due."""

_turns = Turns[Due]("the erasure (project, number)", key=lambda due: due[:2], since=lambda due: due[2])


@dataclass
class ErasureReport:
    """What one slice did: rows deleted, erasures finished; a `failed` one is tried again at the next slice.

    `waits`: it ended while an erasure waited for the transactions of others.
    """

    erased: int = 0
    finished: int = 0
    failed: int = 0
    left: bool = False
    waits: bool = False


def run(now: datetime, *, only: Collection[int] | None = None, budget_s: float | None = 2.0) -> ErasureReport:
    """Work off the erasures that are due, the oldest first; one that fails never stops the others.

    At least one unit of work is done, however small the budget.
    """
    report = ErasureReport()
    deadline = math.inf if budget_s is None else time.monotonic() + budget_s
    taken = _turns.take(_due(now, only), lambda due: _work_off(*due[:2], now, deadline, report), now, deadline)
    report.failed, report.left = taken.failed, report.left or taken.left
    return report


def _due(now: datetime, only: Collection[int] | None) -> list[Due]:
    query = """
        SELECT project_id, number, due_at FROM erasure
        WHERE state <> 'done' AND due_at <= %(now)s AND (%(only)s::bigint[] IS NULL OR project_id = ANY(%(only)s))
        ORDER BY due_at, project_id, number
    """
    with connection.cursor() as cursor:
        cursor.execute(query, {"now": now, "only": None if only is None else list(only)})
        return list(cursor.fetchall())


def waiting(now: datetime, only: Collection[int]) -> int:
    """How many erasures of these projects are asked for and not due yet."""
    query = "SELECT count(*) FROM erasure WHERE state <> 'done' AND due_at > %s AND project_id = ANY(%s)"
    with connection.cursor() as cursor:
        cursor.execute(query, [now, list(only)])
        return int(cursor.fetchone()[0])


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
            report.left, report.waits = True, report.waits or done.waits
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
        following = step if done.place is not None else _after(step, subject)
        if following is None:
            receipts.finish(erasure, counts, now)
            return Done(done.counts)
        place = done.place or ""
        receipts.save(erasure, following.name, place, counts, now)
        return Done(done.counts, place, done.waits)


def _step_of(erasure: Erasure) -> Step:
    """The step to go on with; the first one for a new erasure, or when a new version has dropped that step."""
    steps = [*registry.steps(), record.LAST]
    return next((step for step in steps if step.name == erasure.step), steps[0])


def _after(step: Step, subject: Subject) -> Step | None:
    """What follows a step that is over; what is noted is forgotten last, when nothing is to be done again."""
    if step == record.LAST:
        return None
    steps = registry.steps()
    if step != steps[-1]:
        return steps[steps.index(step) + 1]
    return steps[0] if _remains(subject) else record.LAST


def _remains(subject: Subject) -> bool:
    """Whether something came in through a process that did not know the tombstone yet: then all steps are done again."""
    with connection.cursor() as cursor:
        cursor.execute(REMAINS, [subject.project_id, subject.user_id, subject.user_id, subject.before])
        return bool(cursor.fetchone()[0])
