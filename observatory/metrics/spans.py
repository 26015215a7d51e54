"""Which stored buckets of the wide sets make up a window of time: days, else local hours, else minutes. Pure.

Minutes of them are kept for the last hours, hours for the last 30 days, days for ever. An hour or day whose finer
buckets have changed since it was merged is not read as long as those are kept; later it is what there is.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ingest.timeline import DAY, EPOCH, MINUTE, Window, ceil, day_window, days, floor, hour_window, hours, local_day
from observatory.metrics.windows import (
    BadWindow,
    Grain,
    Level,
    Piece,
    advice,
    fitting,
    joined,
    length_of,
    refuse_reversed,
    shown_whole,
)

MINUTES_KEPT = timedelta(hours=2)
DAYS_OF_HOURS = 30
MOST_AUTO = 200
"""More points than this tell people nothing that fewer do not."""

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class StoredWide:
    """What is stored of one project's wide sets: its zone, since when minutes and hours are kept, what is not merged."""

    zone: str
    minutes_from: datetime = EPOCH
    hours_from: datetime = EPOCH
    unmerged_hours: frozenset[datetime] = field(default_factory=frozenset)
    unmerged_days: frozenset[datetime] = field(default_factory=frozenset)


def kept_from(now: datetime, zone_name: str) -> tuple[datetime, datetime]:
    """Since when minutes and hours are kept: the first minute of an hour, and the first hour of a day."""
    minutes = hour_window(now - MINUTES_KEPT, zone_name).start
    return minutes, day_window(local_day(now, zone_name) - DAYS_OF_HOURS * DAY, zone_name).start


def aligned(window: Window, stored: StoredWide) -> Window:
    """The window with both ends moved outwards to what is stored. Raises BadWindow when it ends before it starts."""
    refuse_reversed(window)
    start, end = floor(window.start, MINUTE), ceil(window.end, MINUTE)
    if start < stored.minutes_from:
        start = _coarse(window.start, stored).start
    if end < stored.minutes_from:
        end = _coarse(window.end - _INSTANT, stored).end
    return Window(start, end)


def _coarse(at: datetime, stored: StoredWide) -> Window:
    if at >= stored.hours_from:
        return hour_window(at, stored.zone)
    return day_window(local_day(at, stored.zone), stored.zone)


def pieces(window: Window, stored: StoredWide, coarsest: Level = Level.DAY) -> list[Piece]:
    """The stored buckets of an aligned window, in order of time, joined into as few runs as possible."""
    if coarsest in (Level.MINUTE, Level.QUARTER):
        return [Piece(Level.MINUTE, window)]
    return joined(_by_days(window, stored, coarsest))


def _by_days(window: Window, stored: StoredWide, coarsest: Level) -> Iterator[Piece]:
    for day in days(local_day(window.start, stored.zone), local_day(window.end - _INSTANT, stored.zone)):
        whole = day_window(day, stored.zone)
        is_whole = window.start <= whole.start and whole.end <= window.end
        is_merged = whole.start not in stored.unmerged_days or whole.start < stored.hours_from
        if is_whole and is_merged and coarsest is Level.DAY:
            yield Piece(Level.DAY, whole)
        else:
            yield from _by_hours(Window(max(whole.start, window.start), min(whole.end, window.end)), stored)


def _by_hours(window: Window, stored: StoredWide) -> Iterator[Piece]:
    for hour in hours(window, stored.zone):
        is_whole = window.start <= hour.start and hour.end <= window.end
        if hour.start >= stored.minutes_from and (not is_whole or hour.start in stored.unmerged_hours):
            yield Piece(Level.MINUTE, Window(max(hour.start, window.start), min(hour.end, window.end)))
        else:
            yield Piece(Level.HOUR, hour)


def grain_of(window: Window, stored: StoredWide, wanted: str = "auto") -> Grain:
    """The grain asked for, or the one that suits the window's length. Raises BadWindow for what is not kept."""
    kept = [Grain.DAY]
    if window.start >= stored.hours_from:
        kept.insert(0, Grain.HOUR)
    if window.start >= stored.minutes_from:
        kept[:0] = [Grain.MINUTE, Grain.QUARTER]
    if wanted == "auto":
        few = [grain for grain in kept if window.length / length_of(grain) <= MOST_AUTO]
        wanted = (few or [Grain.DAY])[0]
    if wanted not in kept:
        others = fitting(window, kept)
        text = f"by this dimension grain {wanted} is not kept since the window's start; {advice(others)}"
        raise BadWindow(text, "grain", others)
    return shown_whole(window, Grain(wanted), kept)
