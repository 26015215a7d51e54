"""Whether the rollups say what the raw rows say: every stored bucket and user row against a fresh recompute.

Buckets that are dirty, or whose finer buckets are not merged yet, are waiting, not different. Those before the raw
horizon are frozen: nothing is left to compare them with.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import connection

from ingest.dimensions import Facts
from ingest.projects.access import current_project, project_scope
from ingest.projects.models import Project
from ingest.timeline import EPOCH, QUARTER, Window, day_window, days, floor, hours, local_day
from observatory.metrics import cells, packing, recompute, store, user_rows, verify_months, verify_sets
from observatory.metrics.cells import Cells
from observatory.metrics.packing import Blobs
from observatory.metrics.sheets import Family, SheetKey
from observatory.metrics.store import Account
from observatory.metrics.user_rows import UserDay
from observatory.metrics.windows import STEPS, Level

ROWS = {
    Facts.INTERACTIONS: (("interaction", "occurred_at"), ("cost", "occurred_at")),
    Facts.FEEDBACK: (("verdict", "interaction_at"),),
}
"""The raw rows that each kind of sheet is counted from, and their time."""

Packed = dict[SheetKey, Blobs]


@dataclass(frozen=True)
class Difference:
    """One bucket, or one user's day, that is not what its raw rows add up to."""

    what: str
    at: datetime | date
    reason: str


@dataclass
class Verification:
    """What was compared and what differs; `waiting` buckets were dirty or not merged and left out."""

    buckets: int
    users: int
    waiting: int
    differences: list[Difference]
    months: int = 0


def verify(project: Project, day: date) -> Verification:
    """Compare one local day of a project. The roller waits meanwhile; apps may go on sending."""
    found = Verification(0, 0, 0, [])
    with project_scope(project.pk):
        store.lock(wait=True)
        account = store.account()
        if account is None:
            return found
        whole = day_window(day, account.time_zone)
        window = _after(whole, store.raw_horizon())
        if window is None:
            return found
        for facts in Facts:
            counted = _counted if _has_rows(facts, window) else _nothing
            for level, buckets in _buckets(window, account.minutes_from, is_whole=window == whole):
                _compare(found, facts, level, buckets, counted)
            for level, buckets in _wide_buckets(window, account, is_whole=window == whole):
                _compare(found, facts, level, buckets, counted, account.time_zone)
        if window == whole:
            _compare_users(found, day, window, account.time_zone)
            _compare_months(found, day)
    return found


def days_of(project: Project, now: datetime) -> list[date]:
    """The local days that hold raw rows or rollups, after the raw horizon and up to now."""
    query = """
        SELECT least((SELECT min(occurred_at) FROM interaction WHERE project_id = %(project)s),
                     (SELECT min(occurred_at) FROM cost WHERE project_id = %(project)s),
                     (SELECT min(bucket) FROM sheet WHERE project_id = %(project)s))
    """
    with project_scope(project.pk), connection.cursor() as cursor:
        cursor.execute(query, {"project": current_project()})
        first = cursor.fetchone()[0]
    if first is None:
        return []
    start = max(first, project.raw_horizon or EPOCH)
    return list(days(local_day(start, project.time_zone), local_day(now, project.time_zone)))


def _after(window: Window, horizon: datetime) -> Window | None:
    """What is left of a day after the raw horizon; None for a frozen one."""
    if horizon <= window.start:
        return window
    return Window(floor(horizon, QUARTER), window.end) if horizon < window.end else None


def _buckets(window: Window, minutes_from: datetime, *, is_whole: bool) -> Iterator[tuple[Level, list[Window]]]:
    """The buckets of each level that should be stored of a day, or of what the raw horizon has left of it."""
    kept = Window(max(window.start, minutes_from), window.end)
    yield Level.MINUTE, list(_cut(kept, Level.MINUTE))
    yield Level.QUARTER, list(_cut(window, Level.QUARTER))
    if is_whole:
        yield Level.DAY, [window]


def _wide_buckets(window: Window, account: Account, *, is_whole: bool) -> Iterator[tuple[Level, list[Window]]]:
    """The same of the wide sets."""
    yield Level.MINUTE, list(_cut(Window(max(window.start, account.wide_from), window.end), Level.MINUTE))
    local_hours = hours(Window(max(window.start, account.hours_from), window.end), account.time_zone)
    yield Level.HOUR, [hour for hour in local_hours if hour.start >= window.start]
    if is_whole:
        yield Level.DAY, [window]


def _cut(window: Window, level: Level) -> Iterator[Window]:
    step, start = STEPS[level], window.start
    while start < window.end:
        yield Window(start, start + step)
        start += step


def _has_rows(facts: Facts, window: Window) -> bool:
    """Whether there is any raw row in a window; of many days there is none."""
    exists = " OR ".join(
        f"EXISTS (SELECT FROM {table} WHERE project_id = %(project)s AND {at} >= %(start)s AND {at} < %(end)s)"
        for table, at in ROWS[facts]
    )
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {exists}", {"project": current_project(), "start": window.start, "end": window.end})
        return bool(cursor.fetchone()[0])


def _counted(facts: Facts, buckets: list[Window], wide_in: str | None) -> Cells:
    """The buckets freshly counted."""
    return recompute.recompute_wide(facts, buckets, wide_in) if wide_in else recompute.recompute(facts, buckets).sheets


def _nothing(_facts: Facts, _buckets: list[Window], _wide_in: str | None) -> Cells:
    """What counting buckets without rows gives."""
    return cells.nothing()


def _compare(
    found: Verification,
    facts: Facts,
    level: Level,
    buckets: list[Window],
    counted: Callable[[Facts, list[Window], str | None], Cells],
    wide_in: str | None = None,
) -> None:
    """Compare the buckets of one level, of the headline sets or, of a time zone, the wide ones.

    Marks are read last: what changed since the raw rows were read is dirty.
    """
    if not buckets:
        return
    family = Family.WIDE if wide_in else Family.HEADLINE
    fresh = dict(packing.packed(counted(facts, buckets, wide_in)))
    stored = dict(packing.packed(store.fetch(level, facts, [Window(buckets[0].start, buckets[-1].end)], family)))
    waiting = _waiting(facts, level, buckets, family)
    found.buckets += len(buckets) - len(waiting)
    found.waiting += len(waiting)
    differing: dict[datetime, str] = {}
    for key in fresh.keys() | stored.keys():
        if key.bucket not in waiting and (reason := _difference(key, fresh, stored)):
            differing.setdefault(key.bucket, reason)
    name = f"{facts.name.lower()} {level.name.lower()}{' wide' if wide_in else ''}"
    found.differences += [Difference(name, at, reason) for at, reason in sorted(differing.items())]


def _difference(key: SheetKey, fresh: Packed, stored: Packed) -> str:
    where = f"dimension {key.dimension}, feature {key.feature}"
    if key not in stored:
        return f"{where}: not stored"
    if key not in fresh:
        return f"{where}: stored, but there are no rows"
    return "" if fresh[key] == stored[key] else f"{where}: other numbers"


def _waiting(facts: Facts, level: Level, buckets: list[Window], family: Family) -> set[datetime]:
    """The buckets that are dirty, or not merged from their finer ones."""
    query = (
        "SELECT DISTINCT bucket FROM dirty_bucket WHERE project_id = %s AND facts = %s AND bucket >= %s AND bucket < %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), int(facts), buckets[0].start, buckets[-1].end])
        dirty = [row[0] for row in cursor.fetchall()]
    finer = [of for of in Level if of <= level] if family is Family.WIDE else [level]
    unmerged = [bucket for of in finer for bucket in store.unmerged(of, family)[facts]]
    return {bucket.start for bucket in buckets if _holds_any(bucket, unmerged) or _holds_any(bucket, dirty)}


def _holds_any(bucket: Window, instants: Iterable[datetime]) -> bool:
    return any(bucket.holds(at) for at in instants)


def _compare_users(found: Verification, day: date, window: Window, zone_name: str) -> None:
    """Compare all user rows of a day, and look for users who have none."""
    pairs = [UserDay(window, day, cluster) for cluster in _clusters(day, window)]
    fresh = {row[1:3]: row for row in user_rows.recomputed(pairs)}
    stored = {row[1:3]: row for row in user_rows.stored(day)}
    waiting = user_rows.dirty_clusters(window)
    found.users += len(fresh.keys() | stored.keys())
    for key in sorted(fresh.keys() | stored.keys()):
        if key[1] in waiting:
            found.waiting += 1
        elif fresh.get(key) != stored.get(key):
            found.differences.append(Difference("user row", day, f"feature {key[0]}, cluster {key[1]!r}"))


def _compare_months(found: Verification, day: date) -> None:
    """Compare the month rows of those who called on a day for the first time in its month."""
    months = verify_months.compare(day)
    found.months += months.rows
    found.waiting += months.waiting
    found.differences += [Difference("user month", day, reason) for reason in months.differing]
    found.differences += [Difference("user set", day, reason) for reason in verify_sets.differing(day)]


def _clusters(day: date, window: Window) -> list[str]:
    """Everybody who called on a day or has a row of it."""
    query = """
        SELECT DISTINCT coalesce(user_id, session_id, '') FROM interaction
        WHERE project_id = %(project)s AND occurred_at >= %(start)s AND occurred_at < %(end)s
        UNION SELECT cluster FROM user_day WHERE project_id = %(project)s AND day + 0 = %(day)s
    """
    parameters: dict[str, Any] = {
        "project": current_project(),
        "start": window.start,
        "end": window.end,
        "day": day,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()]
