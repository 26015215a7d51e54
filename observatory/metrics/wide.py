"""The wide sets: every other dimension and the full combinations, counted once a minute's headline numbers are.

A minute is counted from raw rows as long as minutes are kept, and an hour merged from its minutes; what is older is
counted from raw rows by the hour, and what is older than the hours that are kept by the day. Each is marked as
unmerged by what lies under it, so that a kill at any moment leaves a mark.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from ingest.dimensions import Facts
from ingest.timeline import DAY, HOUR, MINUTE, Window
from observatory.metrics import cells, raw, recompute, spans, store
from observatory.metrics.cells import Cells
from observatory.metrics.passing import Pass, RollReport
from observatory.metrics.sheets import Family
from observatory.metrics.store import Account
from observatory.metrics.windows import Level

MINUTES_AT_ONCE, HOURS_AT_ONCE, DAYS_AT_ONCE = 240, 96, 7
THIN = 1_000
"""Of so few rows counting is quicker than merging."""

WIDE = Family.WIDE


def expire(account: Account, now: datetime) -> None:
    """Move on since when minutes and hours are kept; what was to be done with older ones is done by hour or day."""
    minutes, hours = spans.kept_from(now, account.time_zone)
    if minutes > account.wide_from:
        account.wide_from = minutes
        # A page may be reading the hour that has just expired.
        store.prune(Level.MINUTE, minutes - HOUR, WIDE)
    if hours > account.hours_from:
        account.hours_from = hours
        store.prune(Level.HOUR, hours - DAY, WIDE)


def mark(work: Pass, facts: Facts, level: Level, buckets: Sequence[datetime]) -> None:
    """Say that the raw rows of these minutes or quarters have changed."""
    if level is Level.MINUTE:
        store.set_unmerged(Level.MINUTE, facts, buckets, WIDE)
    else:
        store.set_unmerged(Level.HOUR, facts, (work.hour_of(bucket) for bucket in buckets), WIDE)


def count_minutes(work: Pass) -> RollReport:
    """Count again the minutes whose headline numbers were; those no longer kept are left to their hour."""
    account = store.opened_account()
    done, is_left = 0, False
    for facts, marked in store.unmerged(Level.MINUTE, WIDE).items():
        old = [minute for minute in marked if minute < account.wide_from]
        _hand_up(work, facts, Level.MINUTE, old)
        recent = [minute for minute in reversed(marked) if minute >= account.wide_from][:MINUTES_AT_ONCE]
        chosen = _affordable(facts, [Window(minute, minute + MINUTE) for minute in recent])
        _replace(work, facts, Level.MINUTE, chosen, _counted(work, facts, chosen))
        done += len(chosen)
        is_left = is_left or len(chosen) + len(old) < len(marked)
    return RollReport(wide=done, left=is_left)


def merge_hours(work: Pass) -> RollReport:
    """Merge the closed hours whose minutes have changed and are all counted; count those whose minutes are gone."""
    account, horizon = store.opened_account(), store.raw_horizon()
    done, is_left = 0, False
    open_minutes = store.unmerged(Level.MINUTE, WIDE)
    for facts, marked in store.unmerged(Level.HOUR, WIDE).items():
        _hand_up(work, facts, Level.HOUR, [hour for hour in marked if hour < account.hours_from])
        waiting = {work.hour_of(minute) for minute in open_minutes[facts]}
        hours = {work.hour_window(hour): hour for hour in reversed(marked) if hour >= account.hours_from}
        _forget_frozen(Level.HOUR, facts, hours, horizon)
        closed = [hour for hour in hours if horizon < hour.end <= work.now and hour.start not in waiting]
        kept = [hour for hour in closed if hour.start >= account.wide_from]
        rest = [hour for hour in closed if hour.start < account.wide_from]
        gone = _affordable(facts, rest[:HOURS_AT_ONCE])
        _replace(work, facts, Level.HOUR, kept, _merged(work, facts, Level.MINUTE, kept))
        reached = [_after(hour, horizon) for hour in gone]
        _replace(work, facts, Level.HOUR, reached, _counted(work, facts, reached))
        store.set_merged(Level.HOUR, facts, [hours[hour] for hour in (*kept, *gone)], WIDE)
        done += len(kept) + len(gone)
        is_left = is_left or len(gone) < len(rest)
    return RollReport(wide=done, left=is_left)


def merge_days(work: Pass) -> RollReport:
    """Merge the closed days whose hours have changed and are all merged; count those whose hours are gone."""
    if not work.is_late_due:
        return RollReport()
    account, horizon = store.opened_account(), store.raw_horizon()
    finer = store.unmerged(Level.MINUTE, WIDE), store.unmerged(Level.HOUR, WIDE)
    done, is_left = 0, False
    for facts, marked in store.unmerged(Level.DAY, WIDE).items():
        waiting = {work.day_of(bucket) for level in finer for bucket in level[facts]}
        days = {work.day_window(day): day for day in reversed(marked)}
        _forget_frozen(Level.DAY, facts, days, horizon)
        closed = [day for day in days if horizon < day.end <= work.now and day.start not in waiting]
        chosen = _affordable(facts, closed[:DAYS_AT_ONCE])
        thin = {day for day, size in zip(chosen, raw.rows_in(facts, chosen, THIN + 1), strict=True) if size <= THIN}
        # Of a day that the raw horizon cuts in two, or that has no hours any more, rows are counted.
        whole_from = max(account.hours_from, horizon)
        counted = [day for day in chosen if day in thin or day.start < whole_from]
        reached = [_after(day, horizon) for day in counted]
        _replace(work, facts, Level.DAY, reached, _counted(work, facts, reached))
        rest = [day for day in chosen if day not in counted]
        _replace(work, facts, Level.DAY, rest, _merged(work, facts, Level.HOUR, rest))
        store.set_merged(Level.DAY, facts, [days[day] for day in chosen], WIDE)
        done += len(chosen)
        is_left = is_left or len(chosen) < len(closed)
    return RollReport(wide=done, left=is_left)


def _after(bucket: Window, horizon: datetime) -> Window:
    """What raw rows reach of a bucket; its sheets are kept by the first instant of that."""
    return Window(max(bucket.start, horizon), bucket.end)


def _forget_frozen(level: Level, facts: Facts, buckets: Mapping[Window, datetime], horizon: datetime) -> None:
    """Take away the marks of buckets that the raw horizon has passed: they stay what they are."""
    store.set_merged(level, facts, [mark for bucket, mark in buckets.items() if bucket.end <= horizon], WIDE)


def _hand_up(work: Pass, facts: Facts, level: Level, buckets: Sequence[datetime]) -> None:
    """Leave buckets that are no longer kept to the coarser one they lie in."""
    if buckets:
        _mark_above(work, facts, level, buckets)
        store.set_merged(level, facts, buckets, WIDE)


def _mark_above(work: Pass, facts: Facts, level: Level, buckets: Collection[datetime]) -> None:
    if level is Level.MINUTE:
        store.set_unmerged(Level.HOUR, facts, (work.hour_of(bucket) for bucket in buckets), WIDE)
    if level is not Level.DAY:
        store.set_unmerged(Level.DAY, facts, (work.day_of(bucket) for bucket in buckets), WIDE)


def _replace(work: Pass, facts: Facts, level: Level, buckets: Sequence[Window], fresh: Cells) -> None:
    if not buckets:
        return
    starts = [bucket.start for bucket in buckets]
    store.replace(level, facts, starts, fresh, WIDE)
    store.set_merged(level, facts, starts, WIDE)
    _mark_above(work, facts, level, starts)


def _counted(work: Pass, facts: Facts, buckets: Sequence[Window]) -> Cells:
    return recompute.recompute_wide(facts, sorted(buckets), work.project.time_zone) if buckets else cells.nothing()


def _merged(work: Pass, facts: Facts, finer: Level, buckets: Sequence[Window]) -> Cells:
    """The sheets of coarser buckets from the finer ones they hold."""
    if not buckets:
        return cells.nothing()
    parts = store.fetch(finer, facts, buckets, WIDE)
    return cells.merged(parts, work.hour_of if finer is Level.MINUTE else work.day_of)


def _affordable(facts: Facts, buckets: Sequence[Window]) -> list[Window]:
    """As many of the first buckets as one transaction can count: at least one."""
    chosen: list[Window] = []
    rows = 0
    for bucket, size in zip(buckets, raw.rows_in(facts, buckets, raw.MOST_ROWS + 1), strict=True):
        rows += size
        if chosen and rows > raw.MOST_ROWS:
            break
        chosen.append(bucket)
    return chosen
