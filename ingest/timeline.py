"""Time: the only clock of the product, half-open windows, buckets and local days.

Everything is aware and in UTC. `now()` is the only reader of the clock; all other code takes `now` as an argument.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
WEEK = timedelta(days=7)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def now() -> datetime:
    """The current instant, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, order=True)
class Window:
    """A half-open interval of time: `start` belongs to it, `end` does not."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """End minus start."""
        return self.end - self.start

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies inside."""
        return self.start <= at < self.end


def floor(at: datetime, step: timedelta) -> datetime:
    """The latest multiple of `step` since the epoch that is not after `at`."""
    return at - (at - EPOCH) % step


def ceil(at: datetime, step: timedelta) -> datetime:
    """The earliest multiple of `step` since the epoch that is not before `at`."""
    lower = floor(at, step)
    return lower if lower == at else lower + step


@lru_cache(maxsize=512)
def zone(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises ValueError for an unknown one."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


def local_day(at: datetime, zone_name: str) -> date:
    """The calendar day of an instant in a zone."""
    return at.astimezone(zone(zone_name)).date()


@lru_cache(maxsize=4096)
def day_start(day: date, zone_name: str) -> datetime:
    """The first instant of a local day, in UTC. A zone that skips midnight starts the day at the first instant there is.

    A day that a zone skips as a whole (Samoa, 30 December 2011) starts where the next one does: its window is empty.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone(zone_name))
    before, start = midnight.replace(fold=1).astimezone(UTC), midnight.astimezone(UTC)
    # Only where the clock leaves midnight out does its second reading lie before the first: the leap is between them.
    while before + SECOND < start:
        middle = before + (start - before) // 2 // SECOND * SECOND
        is_reached = middle.astimezone(zone(zone_name)).date() >= day
        before, start = (before, middle) if is_reached else (middle, start)
    return start


def day_window(day: date, zone_name: str) -> Window:
    """The instants of one local day: mostly 23, 24 or 25 hours."""
    return Window(day_start(day, zone_name), day_start(day + DAY, zone_name))


def hour_window(at: datetime, zone_name: str) -> Window:
    """The hour of its local day in which an instant lies: hours are counted from the day's first instant.

    So they tile every day. Where the clocks change by half an hour, the day's last one is half as long.
    """
    day = day_window(local_day(at, zone_name), zone_name)
    start = at - (at - day.start) % HOUR
    return Window(start, min(start + HOUR, day.end))


def hours(window: Window, zone_name: str) -> Iterator[Window]:
    """Every local hour that a window touches, in order of time."""
    start = window.start
    while start < window.end:
        hour = hour_window(start, zone_name)
        yield hour
        start = hour.end


def days(first: date, last: date) -> Iterator[date]:
    """Every day from `first` up to and including `last`."""
    day = first
    while day <= last:
        yield day
        day += DAY


def week_start(at: datetime) -> datetime:
    """Monday 00:00 UTC of an instant's week: the lower bound of its partition."""
    midnight = floor(at, DAY)
    return midnight - DAY * midnight.weekday()


class OutOfRange(ValueError):
    """A time outside the years that are taken."""


def parse(text: str) -> datetime:
    """Read RFC 3339 with a zone, to microseconds. Raises ValueError otherwise, and OutOfRange outside the years 1970 to 9998."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("not a time like 2026-01-31T12:00:00Z") from None
    if at.tzinfo is None:
        raise ValueError("a time needs a zone, for example 2026-01-31T12:00:00Z")
    if not 1970 <= at.year <= 9998:
        raise OutOfRange("a year from 1970 to 9998")
    return at.astimezone(UTC)
