"""Which stored buckets make up a window of time: whole days, else quarters, else minutes. Pure: no Django here.

Days are local days of the project; quarters and minutes are UTC. Quarters are kept as long as raw rows, days for ever.
A quarter or day whose finer rows have changed since it was merged is *unmerged* and never read: its finer buckets are.
The open quarter and day are always so. That is how the headline sets are stored; of the wide ones see `spans`.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import IntEnum, StrEnum

from ingest.timeline import (
    DAY,
    EPOCH,
    HOUR,
    MINUTE,
    QUARTER,
    WEEK,
    Window,
    ceil,
    day_start,
    day_window,
    days,
    floor,
    hours,
    local_day,
    zone,
)

MOST_POINTS = 1500
WINDOWS = ("today", "week", "month", "15m", "24h", "7d")
"""What `span` takes: the words, and a number of minutes, hours or days by example."""

MOST_UNITS = 99_999
"""The largest number of minutes, hours or days: more would be a window beyond all calendars."""

BASELINE_DAYS = 28


class Level(IntEnum):
    """The lengths of stored buckets; the numbers are stored."""

    MINUTE = 1
    QUARTER = 2
    HOUR = 3
    DAY = 4


STEPS = {Level.MINUTE: MINUTE, Level.QUARTER: QUARTER}


class Grain(StrEnum):
    """The length of a series' points."""

    MINUTE = "1m"
    QUARTER = "15m"
    HOUR = "1h"
    DAY = "1d"

    @property
    def coarsest(self) -> Level:
        """The longest stored bucket that never spans two points."""
        return {Grain.MINUTE: Level.MINUTE, Grain.DAY: Level.DAY}.get(self, Level.QUARTER)


class BadWindow(ValueError):
    """A window that cannot be answered; the text says what can. `allowed` lists what the `parameter` can be."""

    def __init__(self, text: str, parameter: str = "", allowed: Iterable[str] = ()) -> None:
        super().__init__(text)
        self.parameter = parameter
        self.allowed = tuple(allowed)


@dataclass(frozen=True)
class Stored:
    """What is stored of one project: its zone, since when minutes and quarters are kept, and what is not merged."""

    zone: str
    minutes_from: datetime = EPOCH
    unmerged_quarters: frozenset[datetime] = field(default_factory=frozenset)
    unmerged_days: frozenset[datetime] = field(default_factory=frozenset)
    quarters_from: datetime = EPOCH


@dataclass(frozen=True)
class Piece:
    """A run of stored buckets of one level: those that start inside `window`."""

    level: Level
    window: Window


def aligned(window: Window, stored: Stored) -> Window:
    """The window with both ends moved outwards to what is stored: minutes or quarters while they are kept, else days.

    Raises BadWindow when it ends before it starts.
    """
    refuse_reversed(window)
    first = floor(window.start, MINUTE if window.start >= stored.minutes_from else QUARTER)
    last = ceil(window.end, MINUTE if window.end >= stored.minutes_from else QUARTER)
    if window.start < stored.quarters_from:
        first = day_start(local_day(window.start, stored.zone), stored.zone)
    if window.end < stored.quarters_from:
        last = day_window(local_day(window.end - timedelta(microseconds=1), stored.zone), stored.zone).end
    return Window(first, last)


def refuse_reversed(window: Window) -> None:
    """Raise BadWindow for a window that ends before it starts."""
    if window.end <= window.start:
        after = f"a time after {window.start:%Y-%m-%dT%H:%M:%SZ}"
        raise BadWindow(f"a window ends after it starts: to is {after}", "to", [after])


def in_quarters(window: Window, now: datetime) -> Window:
    """The window moved to whole quarters that are over, so that a window of any age can have the same length.

    Outwards, but not into the open quarter: its end is the last full quarter then, also for a window all inside it.
    """
    end = ceil(window.end, QUARTER)
    end = floor(window.end, QUARTER) if end > now else end
    return Window(min(floor(window.start, QUARTER), end - QUARTER), end)


def pieces(window: Window, stored: Stored, coarsest: Level = Level.DAY) -> list[Piece]:
    """The stored buckets of an aligned window, in order of time, joined into as few runs as possible."""
    return joined(_by_days(window, stored) if coarsest is Level.DAY else _by_quarters(window, stored, coarsest))


def _by_days(window: Window, stored: Stored) -> Iterator[Piece]:
    last = local_day(window.end - timedelta(microseconds=1), stored.zone)
    for day in days(local_day(window.start, stored.zone), last):
        whole = day_window(day, stored.zone)
        if window.start <= whole.start and whole.end <= window.end and whole.start not in stored.unmerged_days:
            yield Piece(Level.DAY, whole)
        else:
            yield from _by_quarters(
                Window(max(whole.start, window.start), min(whole.end, window.end)), stored, Level.QUARTER
            )


def _by_quarters(window: Window, stored: Stored, coarsest: Level) -> Iterator[Piece]:
    if coarsest is Level.MINUTE:
        yield Piece(Level.MINUTE, window)
        return
    start = window.start
    while start < window.end:
        quarter = floor(start, QUARTER)
        end = min(quarter + QUARTER, window.end)
        is_whole = start == quarter and end == quarter + QUARTER
        is_kept = quarter >= stored.minutes_from
        if is_kept and (not is_whole or quarter in stored.unmerged_quarters):
            yield Piece(Level.MINUTE, Window(start, end))
        else:
            yield Piece(Level.QUARTER, Window(quarter, quarter + QUARTER))
        start = end


def joined(parts: Iterator[Piece]) -> list[Piece]:
    """Pieces of one level that follow each other, as one."""
    runs: list[Piece] = []
    for part in parts:
        if runs and runs[-1].level is part.level and runs[-1].window.end == part.window.start:
            runs[-1] = Piece(part.level, Window(runs[-1].window.start, part.window.end))
        else:
            runs.append(part)
    return runs


def grain_of(window: Window, stored: Stored, wanted: str = "auto") -> Grain:
    """The grain asked for, or the one that suits the window's length.

    Raises BadWindow for an unknown grain, too many points, and minutes or quarters that are no longer kept.
    """
    if wanted == "auto":
        return _suiting(window, stored)
    if wanted not in set(Grain):
        raise BadWindow(f"grain is one of auto, {', '.join(Grain)}", "grain", ("auto", *Grain))
    grain = Grain(wanted)
    kept = [other for other in Grain if other is Grain.DAY or window.start >= _kept_from(other, stored)]
    if grain not in kept:
        since = f"{_kept_from(grain, stored):%Y-%m-%dT%H:%MZ}"
        others = fitting(window, kept)
        text = f"grain {grain} is kept from {since} on; {advice(others)}"
        raise BadWindow(text, "grain", (*others, f"{grain} from {since} on"))
    return shown_whole(window, grain, kept)


def shown_whole(window: Window, grain: Grain, kept: Sequence[Grain]) -> Grain:
    """The grain, if a series in it has no more than MOST_POINTS. Raises BadWindow, with those of `kept` that can be."""
    if window.length / length_of(grain) <= MOST_POINTS:
        return grain
    others = fitting(window, kept)
    widest = f"{grain} over at most {widest_of(grain)}"
    text = f"that makes more than {MOST_POINTS} points; {advice(others)}, or {widest}"
    raise BadWindow(text, "grain", (*others, widest))


def fitting(window: Window, kept: Sequence[Grain]) -> list[str]:
    """The grains of these in which a window has no more than MOST_POINTS points."""
    return [str(grain) for grain in kept if window.length / length_of(grain) <= MOST_POINTS]


def advice(others: Sequence[str]) -> str:
    """What to ask for instead of a grain that a window cannot have, where these are the ones that it can."""
    return f"this window can have grain {' or '.join(others)}" if others else "ask for a shorter window"


def widest_of(grain: Grain) -> str:
    """The longest window that a series of this grain may have, as `window=` takes it."""
    unit = {Grain.MINUTE: MINUTE, Grain.DAY: DAY}.get(grain, HOUR)
    letter = {MINUTE: "m", HOUR: "h", DAY: "d"}[unit]
    return f"{MOST_POINTS * length_of(grain) // unit}{letter}"


def _kept_from(grain: Grain, stored: Stored) -> datetime:
    """Since when buckets are kept that points shorter than a day can be made of."""
    return max(stored.minutes_from, stored.quarters_from) if grain is Grain.MINUTE else stored.quarters_from


def _suiting(window: Window, stored: Stored) -> Grain:
    if window.length <= 3 * HOUR and window.start >= stored.minutes_from:
        return Grain.MINUTE
    is_fine = window.start >= stored.quarters_from
    if window.length <= 2 * DAY and is_fine:
        return Grain.QUARTER
    if window.length <= 4 * DAY and is_fine:
        return Grain.HOUR
    if window.length / DAY > MOST_POINTS:
        raise BadWindow(f"a window is at most {MOST_POINTS} days long", "window", [f"at most {widest_of(Grain.DAY)}"])
    return Grain.DAY


def length_of(grain: Grain) -> timedelta:
    """How long a point of a grain is, most of the time."""
    return {Grain.MINUTE: MINUTE, Grain.QUARTER: QUARTER, Grain.HOUR: HOUR, Grain.DAY: DAY}[grain]


def points(window: Window, grain: Grain, zone_name: str) -> list[Window]:
    """The points of a series: every bucket of the grain that the window touches, the first and last one whole."""
    if grain is Grain.DAY:
        last = local_day(window.end - timedelta(microseconds=1), zone_name)
        return [day_window(day, zone_name) for day in days(local_day(window.start, zone_name), last)]
    if grain is Grain.HOUR:
        return list(hours(window, zone_name))
    step = length_of(grain)
    start = floor(window.start, step)
    count = -((start - window.end) // step)
    return [Window(start + step * number, start + step * (number + 1)) for number in range(count)]


def last_days(end: datetime, count: int, zone_name: str) -> tuple[date, date]:
    """The first and last of the `count` local days up to an instant; the day that ends there is the last one."""
    last = local_day(end - timedelta(microseconds=1), zone_name)
    return last - (count - 1) * DAY, last


def span(text: str, now: datetime, zone_name: str) -> Window:
    """A window up to the end of this minute, so that what just came is in it: `15m`, `24h`, `7d`; or what is over of `today`, this `week` or `month`.

    Raises BadWindow for another text, for nothing at all and for more than MOST_UNITS.
    """
    today = local_day(now, zone_name)
    firsts = {"today": today, "week": today - today.weekday() * DAY, "month": today.replace(day=1)}
    if text in firsts:
        return Window(day_start(firsts[text], zone_name), now)
    units = {"m": MINUTE, "h": HOUR, "d": DAY}
    digits, letter = text[:-1], text[-1:]
    unit = units.get(letter)
    if unit is None or not (digits.isascii() and digits.isdecimal()):
        text = "window is a number with m, h or d, for example 15m, 24h or 7d, or today, week or month"
        raise BadWindow(text, "window", WINDOWS)
    number = digits.lstrip("0") or "0"
    if number == "0" or len(number) > len(str(MOST_UNITS)):
        allowed = f"1{letter} to {MOST_UNITS}{letter}"
        text = f"window is from {allowed}; with a series at most {widest_of(Grain.DAY)}"
        raise BadWindow(text, "window", [allowed, f"at most {widest_of(Grain.DAY)} with a series"])
    end = ceil(now, MINUTE)
    return Window(end - int(number) * unit, end)


def weeks_in(length: timedelta) -> int:
    """How many weeks back a window of this length must go to end before it starts.

    An hour more is no further week: a change of the clocks adds one, and moving the ends to what is stored some of it.
    """
    return max(1, math.ceil((length - HOUR) / WEEK))


def weeks_before(window: Window, zone_name: str, weeks: int) -> Window:
    """The same local times so many weeks before: a day stays a day over a change of the clocks."""
    local = zone(zone_name)

    def back(at: datetime) -> datetime:
        return (at.astimezone(local) - 7 * weeks * DAY).astimezone(EPOCH.tzinfo)

    return Window(back(window.start), back(window.end))


def days_before(window: Window, zone_name: str) -> Window:
    """As many whole local days before some: a day stays a day over a change of the clocks."""
    first, after = local_day(window.start, zone_name), local_day(window.end, zone_name)
    return Window(day_start(first - (after - first), zone_name), window.start)


def baseline(first_event: datetime, zone_name: str) -> Window:
    """The first 28 full days: the local day of the first event, from its start, and 27 more. Drift takes the same."""
    first = local_day(first_event, zone_name)
    return Window(day_start(first, zone_name), day_start(first + BASELINE_DAYS * DAY, zone_name))
