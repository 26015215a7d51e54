"""Calendar months of local days, and days of a month as bits. Pure: no Django here."""

from collections.abc import Iterator
from datetime import date, timedelta

from ingest.timeline import DAY, Window, day_start, local_day

Span = tuple[date, date]
"""The first and the last of some local days."""

WHOLE = 2**31 - 1
"""Every day of a month."""


_INSTANT = timedelta(microseconds=1)


def touched(window: Window, zone_name: str) -> Span:
    """The local days that a window touches."""
    return local_day(window.start, zone_name), local_day(window.end - _INSTANT, zone_name)


def month_of(day: date) -> date:
    """The first day of a day's month."""
    return day.replace(day=1)


def month_after(day: date, count: int = 1) -> date:
    """The first day of the month so many after a day's, or before it when the count is negative."""
    number = day.year * 12 + day.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)


def month_window(month: date, zone_name: str) -> Window:
    """A local month."""
    return Window(day_start(month, zone_name), day_start(month_after(month), zone_name))


def days_of(month: date) -> int:
    """How many days the month has that begins on this day."""
    return (month_after(month) - month).days


def last_of(day: date) -> date:
    """The last day of a day's month."""
    return month_after(day) - DAY


def months(first: date, last: date) -> Iterator[date]:
    """The months that some days lie in, by their first days."""
    month = month_of(first)
    while month <= last:
        yield month
        month = month_after(month)


def days_in(month: date, first: date, last: date) -> int:
    """The days from `first` to `last` that lie in a month, as bits: bit d - 1 is its day d; 0 when none does."""
    start, end = max(first, month), min(last, last_of(month))
    return sum(1 << day - 1 for day in range(start.day, end.day + 1)) if start <= end else 0


def cut(first: date, last: date, today: date) -> tuple[list[date], list[Span]]:
    """Some days as whole months, and spans of the days left over. Nothing is known yet of days after today."""
    whole: list[date] = []
    rest: list[Span] = []
    for month in months(first, last):
        end = last_of(month)
        if first <= month and (end <= last or last >= today):
            whole.append(month)
        else:
            rest.append((max(first, month), min(end, last)))
    return whole, rest


def like_days(last: date) -> tuple[Span, Span]:
    """Days 1 to d of a day's month and of the month before; d is the day's, or the shorter month's last."""
    this, before = month_of(last), month_after(last, -1)
    d = min(last.day, last_of(before).day)
    return (this, this.replace(day=d)), (before, before.replace(day=d))
