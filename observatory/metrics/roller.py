"""The duty that keeps rollups true: dirty buckets are counted again from raw rows, coarser ones merged from finer ones.

Killed, late or run twice, it gives the same rows: a claim and its replacement are one transaction, nothing is ever
added to a stored sum, and no mark of progress decides what is counted.
"""

import gc
import math
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from ingest import partitions
from ingest.dimensions import Facts
from ingest.projects.access import every_project, project_scope
from ingest.projects.models import Project
from ingest.timeline import EPOCH, HOUR, QUARTER, Window, floor
from ingest.turns import Turns
from observatory.metrics import (
    cells,
    foreseeing,
    noticing,
    raw,
    recompute,
    rezone,
    seams,
    store,
    user_months,
    user_rows,
    wide,
)
from observatory.metrics.baselines import pinning
from observatory.metrics.beside import beside
from observatory.metrics.passing import Pass, RollReport
from observatory.metrics.store import Mark, Share
from observatory.metrics.windows import Level

RECENT_EVERY = timedelta(seconds=60)
LATE_EVERY = timedelta(minutes=15)
BUCKETS_AT_ONCE = 500
COUNTED_FIRST = 20
USERS_AT_ONCE = 2_000
# A slice of user rows that took longer rests so many times as long: a busy user's day is counted again as a whole, and
# under load that would take half a processor from those who store. A quiet project's rows never wait.
LONG_USERS_S = 0.2
USERS_REST = 6.0
USERS_AT_LEISURE = 50_000
"""At once in a run over everything: what lies together is met once."""

MANY_USERS = 2_000
"""More than so many are worth a line of work of their own there."""

QUARTERS_AT_ONCE = 500
DAYS_AT_ONCE = 14
ORPHANS_AT_ONCE = 1_000
ORPHANS_BUDGET_S = 0.5
WIDE_EVERY = timedelta(seconds=60)
# They may wait, but not for ever behind a busy project's headline numbers: once a minute they get their time.
WIDE_BUDGET_S = 1.0
# Days that a late run did not get to are not left to the next one.
WIDE_AGAIN = timedelta(seconds=10)
THIN_DAY = 1_000

Step = Callable[[Pass], RollReport]

_users_rest_until: dict[int, float] = {}
_wide_days_left: set[int] = set()
_turns = Turns[tuple[Project, datetime]]("rolling project", key=lambda one: one[0].pk, since=lambda one: one[1])


def roll(
    now: datetime, *, only: Collection[int] | None = None, everything: bool = False, budget_s: float = 2.0
) -> RollReport:
    """Count again what is dirty, project by project, the one that waited longest first.

    `everything` treats older marks, which wait in ordinary runs, as due and knows no budget. One failing project does
    not stop the others.
    """
    deadline = math.inf if everything else time.monotonic() + budget_s
    report = RollReport()
    partitions.analyse_new()

    def roll_one(waiting: tuple[Project, datetime]) -> None:
        nonlocal report
        report += _roll_project(waiting[0], now, everything, deadline)

    taken = _turns.take(_waiting(only), roll_one, now, deadline)
    return report + RollReport(left=taken.left or taken.failed > 0, failed=taken.failed)


def _waiting(only: Collection[int] | None) -> list[tuple[Project, datetime]]:
    rolled_at = store.rolled_at()
    projects = [project for project in every_project() if only is None or project.pk in only]
    return [(project, rolled_at.get(project.pk, EPOCH)) for project in projects]


def _roll_project(project: Project, now: datetime, everything: bool, deadline: float) -> RollReport:
    work = _begin(project, now, everything, deadline)
    if work is None:
        return RollReport(left=True)
    limit = math.inf if everything else time.monotonic() + ORPHANS_BUDGET_S
    report = _repeated(_bind, replace(work, deadline=min(work.deadline, limit)))
    # What binding has just marked belongs to this run.
    work = replace(work, started=store.database_clock())
    counted, widened = _counted(work)
    report += counted
    _finish(work, is_done=not report.left, is_changed=bool(report.buckets or report.users or widened.wide))
    if work.is_late_due and not report.left:
        with project_scope(project.pk):
            store.lock(wait=True)
            noticing.notice(now, project.time_zone)
            pinning.freeze_due(now)
        foreseeing.foresee(project, now, is_forced=everything)
    return report + widened


def _counted(work: Pass) -> tuple[RollReport, RollReport]:
    """Bring everything up to date; gives what that was without the wide sets, and what of them.

    The rows of many users, which PostgreSQL counts, come at the same time as the sheets, which this process counts.
    """
    if not work.has_many_users:
        found = _each((_count_buckets, _count_users, _merge_months, _merge_quarters, _merge_days), work)
        return found, _widened(work)
    users_alone = partial(_each, (_count_users, _merge_months), work, Share.USERS)
    with _without_collecting(), beside(users_alone, work.stopped.set) as users:
        sheets = _each((_count_buckets, _merge_quarters, _merge_days), work, Share.SHEETS)
        widened = _widened(work, Share.SHEETS)
    return sheets + users.result(), widened


def _each(steps: Iterable[Step], work: Pass, *shares: Share) -> RollReport:
    report = RollReport()
    for step in steps:
        report += _repeated(step, work, *shares)
    return report


def _widened(work: Pass, *shares: Share) -> RollReport:
    """Bring the wide sets to where the headline sets are, when that is due."""
    if not work.is_wide_due:
        return RollReport()
    limit = math.inf if work.is_everything else max(work.deadline, time.monotonic() + WIDE_BUDGET_S)
    project = work.project.pk
    work = replace(work, deadline=limit, is_late_due=work.is_late_due or project in _wide_days_left)
    finer = _each((wide.count_minutes, wide.merge_hours), work, *shares)
    days = _repeated(wide.merge_days, work, *shares)
    (_wide_days_left.add if days.left else _wide_days_left.discard)(project)
    return finer + days


def _repeated(step: Step, work: Pass, *shares: Share) -> RollReport:
    """Do a step, each time in a transaction of its own, until nothing is left of it or the time is spent.

    `shares` of the rollups are all that it writes; none given, that may be anything.
    """
    report = RollReport()
    while not work.is_over:
        with _without_collecting(), project_scope(work.project.pk):
            if work.is_everything:
                store.settle_in()
            if not store.lock(*shares, wait=work.is_everything):
                break
            done = step(work)
        report += replace(done, left=False)
        if not done.left:
            return report
    return replace(report, left=True)


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Many small dicts and no cycle among them: looking for garbage there would take a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _begin(project: Project, now: datetime, everything: bool, deadline: float) -> Pass | None:
    """Open the project's account and see what is due; None when another process is rolling it."""
    with project_scope(project.pk):
        if not store.lock(wait=everything):
            return None
        account = store.account() or store.opened(now, project.time_zone)
        if account.time_zone != project.time_zone:
            rezone.rezone(store.raw_horizon(), account.time_zone, project.time_zone, now)
            account.time_zone = project.time_zone
        if account.layout < store.LAYOUT:
            rezone.count_again(store.raw_horizon())
            account.layout = store.LAYOUT
        minutes_from = max(account.minutes_from, floor(now, QUARTER) - store.MINUTES_KEPT)
        if minutes_from > account.minutes_from:
            account.minutes_from = minutes_from
            # A page may be reading the hour that has just expired.
            store.prune(Level.MINUTE, minutes_from - HOUR)
        wide.expire(account, now)
        store.save(account)
        if everything:
            _wake_orphans()
        since_late = now - account.late_at
        is_late_due = everything or since_late >= LATE_EVERY
        # Somebody posts a history and looks for it: that is no trickle of late events.
        is_late_due = is_late_due or (since_late >= RECENT_EVERY and store.has_history(now))
        wide_every = WIDE_AGAIN if project.pk in _wide_days_left else WIDE_EVERY
        return Pass(
            project,
            now,
            store.database_clock(),
            deadline,
            everything,
            is_recent_due=everything or now - account.recent_at >= RECENT_EVERY,
            is_wide_due=is_late_due or now - account.wide_at >= wide_every,
            is_late_due=is_late_due,
            has_many_users=everything and user_rows.are_more_than(MANY_USERS),
        )


def _wake_orphans() -> None:
    """Let nothing that was looked at in vain wait for its turn."""
    from ingest import binding

    binding.wake()


def _bind(work: Pass) -> RollReport:
    """Bind feedback and costs that came before their interaction."""
    from ingest import binding

    return RollReport(left=binding.bind(work.now, ORPHANS_AT_ONCE).left)


def _count_buckets(work: Pass) -> RollReport:
    """Count dirty buckets again from raw rows: minutes, or quarters where minutes are no longer kept."""
    account = store.opened_account()
    limit = BUCKETS_AT_ONCE * (8 if work.is_everything else 1)
    due = store.due_marks(account.minutes_from, work.dirty_from, work.marked_by, limit)
    marks = _affordable(due)
    if not marks:
        return RollReport()
    store.claim(marks)
    for facts in Facts:
        for level in (Level.MINUTE, Level.QUARTER):
            chosen = [mark for mark in marks if (mark.facts, mark.level) == (facts, level)]
            account.kinds_seen |= _replace(work, facts, level, sorted(mark.bucket for mark in chosen))
    store.save(account)
    return RollReport(len(marks), left=len(marks) < len(due) or len(due) == limit)


def _affordable(marks: Sequence[Mark]) -> list[Mark]:
    """As many of the first marks as one transaction can count: at least one.

    Rows are counted for ever longer runs of marks, so that looking never costs much more than what is then done.
    """
    chosen: list[Mark] = []
    rows, start, length = 0, 0, COUNTED_FIRST
    while start < len(marks):
        portion = marks[start : start + length]
        for mark, size in zip(portion, store.sizes(portion), strict=True):
            rows += size
            if chosen and rows > raw.MOST_ROWS:
                return chosen
            chosen.append(mark)
        start, length = start + length, 2 * length
    return chosen


def _replace(work: Pass, facts: Facts, level: Level, buckets: Sequence[datetime]) -> int:
    """Recompute buckets from raw rows and say what has to be merged then; gives the kinds of feedback met.

    Buckets before the raw horizon are frozen: their marks are gone, their sheets stay.
    """
    horizon = store.raw_horizon() if buckets else EPOCH
    live = [bucket for bucket in buckets if bucket >= horizon]
    if not live:
        return 0
    fresh = recompute.recompute(facts, [Mark(facts, level, bucket).window for bucket in live])
    store.replace(level, facts, live, fresh.sheets)
    if level is Level.MINUTE:
        store.set_unmerged(Level.QUARTER, facts, (floor(bucket, QUARTER) for bucket in live))
    else:
        store.set_merged(Level.QUARTER, facts, live)
    store.set_unmerged(Level.DAY, facts, (work.day_of(bucket) for bucket in live))
    wide.mark(work, facts, level, live)
    return fresh.kinds


def _merge_quarters(work: Pass) -> RollReport:
    """Merge the closed quarters whose minutes have changed."""
    account = store.opened_account()
    merged = 0
    for facts, buckets in store.unmerged(Level.QUARTER).items():
        closed = [bucket for bucket in buckets if bucket + QUARTER <= work.now][:QUARTERS_AT_ONCE]
        kept = [bucket for bucket in closed if bucket >= account.minutes_from]
        if kept:
            windows = [Window(bucket, bucket + QUARTER) for bucket in kept]
            parts = store.fetch(Level.MINUTE, facts, windows)
            store.replace(Level.QUARTER, facts, kept, cells.merged(parts, lambda at: floor(at, QUARTER)))
            store.set_merged(Level.QUARTER, facts, kept)
        _replace(work, facts, Level.QUARTER, [bucket for bucket in closed if bucket < account.minutes_from])
        merged = max(merged, len(closed))
    return RollReport(left=merged == QUARTERS_AT_ONCE)


def _merge_days(work: Pass) -> RollReport:
    """Merge the closed days whose quarters have changed and are all merged themselves."""
    if not work.is_late_due:
        return RollReport()
    horizon = store.raw_horizon()
    open_days = {
        facts: {work.day_of(bucket) for bucket in buckets} for facts, buckets in store.unmerged(Level.QUARTER).items()
    }
    merged = 0
    for facts, buckets in store.unmerged(Level.DAY).items():
        ready = [
            bucket for bucket in buckets if work.day_window(bucket).end <= work.now and bucket not in open_days[facts]
        ]
        ready = [bucket for bucket in ready if work.day_window(bucket).end > horizon][:DAYS_AT_ONCE]
        if ready:
            _replace_days(work, facts, [work.day_window(day) for day in ready])
            store.set_merged(Level.DAY, facts, ready)
        merged = max(merged, len(ready))
    return RollReport(left=merged == DAYS_AT_ONCE)


def _replace_days(work: Pass, facts: Facts, days: Sequence[Window]) -> None:
    """Put the sheets of closed days in their place, merged from their quarters.

    Of a thin day the rows are counted again: they are fewer than its quarters have numbers, and the result is the same.
    A day that the raw horizon cuts in two (its zone has changed) is what came after it, and is kept by that instant: a
    frozen day of the old zone may begin where it does.
    """
    horizon = store.raw_horizon()
    reached = [Window(max(day.start, horizon), day.end) for day in days]
    sizes = raw.rows_in(facts, reached, THIN_DAY + 1)
    thin = [day for day, size in zip(reached, sizes, strict=True) if size <= THIN_DAY]
    if thin:
        store.replace(Level.DAY, facts, [day.start for day in thin], recompute.recompute(facts, thin).sheets)
    rest = [day for day in reached if day not in thin]
    if rest:
        fresh = cells.merged(store.fetch(Level.QUARTER, facts, rest), lambda at: max(work.day_of(at), horizon))
        store.replace(Level.DAY, facts, [day.start for day in rest], fresh)


def _count_users(work: Pass) -> RollReport:
    """Count the dirty users of a day again; the one row of all anonymous calls waits with the older marks."""
    began = time.monotonic()
    if not work.is_everything and began < _users_rest_until.get(work.project.pk, 0.0):
        return RollReport()
    limit = USERS_AT_LEISURE if work.is_everything else USERS_AT_ONCE
    users, has_more = user_rows.due(work.is_recent_due, work.marked_by, work.project.time_zone, limit)
    if users:
        user_rows.claim(users)
        horizon = store.raw_horizon()
        first = seams.first_day(horizon, work.project.time_zone)
        user_rows.replace([user.reached(horizon) for user in users if user.day >= first])
    taken = time.monotonic() - began
    if taken > LONG_USERS_S:
        _users_rest_until[work.project.pk] = began + (1 + USERS_REST) * taken
    return RollReport(users=len(users), left=has_more)


def _merge_months(work: Pass) -> RollReport:
    """Add up the months of users whose days have changed."""
    is_left = user_months.merge_due(is_due=work.is_recent_due, is_everything=work.is_everything)
    return RollReport(left=is_left)


def _finish(work: Pass, *, is_done: bool, is_changed: bool) -> None:
    """Write down how far everything reaches that was committed when this run started."""
    with project_scope(work.project.pk):
        store.lock(wait=True)
        account = store.opened_account()
        longest = store.longest_maturity()
        calls = store.earliest_mark(Facts.INTERACTIONS, work.now - store.RECENT, work.started)
        feedback = store.earliest_mark(Facts.FEEDBACK, work.now - longest - store.RECENT, work.started)
        account.rolled_at = work.now
        if is_changed:
            account.changed_at = work.now
        account.complete_to = min(work.now, calls or work.now)
        account.feedback_complete_to = min(work.now, feedback or work.now)
        # Retention may have deleted the last one there was.
        account.last_interaction_at = store.last_interaction_at() or account.last_interaction_at
        if is_done and work.is_recent_due:
            account.recent_at = work.now
        if is_done and work.is_late_due:
            account.late_at = work.now
        if work.is_wide_due:
            account.wide_at = work.now
        store.save(account)
