"""Weekdays and windows of days, the same for every method."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import TypeVar

from observatory.drift.methods.shape import BASELINE_DAYS, Collecting, Counted, Missing

Day = TypeVar("Day", bound=Counted)

Week = tuple[float, float, float, float, float, float, float]
"""One number a weekday, Monday first."""

NO_OFFSETS: Week = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)

WEEKDAY_DAYS = 21
"""Weekdays are told apart from this many usable baseline days on."""


def by_weekday(days: Sequence[Day]) -> list[list[Day]]:
    """The days in groups of the same weekday; weekdays that never occur have no group."""
    groups: list[list[Day]] = [[] for _ in range(7)]
    for day in days:
        groups[day.day.weekday()].append(day)
    return [group for group in groups if group]


def shrunken(raw: Mapping[int, tuple[float, float]]) -> Week:
    """Offsets by weekday from pairs (raw offset, its squared standard error): raw · V/(V + se²).

    V is what the offsets vary beyond their errors, so that a week without a rhythm gets no offsets at all.
    """
    spread = max(0.0, sum(offset**2 - error2 for offset, error2 in raw.values()) / len(raw))
    if spread == 0:
        return NO_OFFSETS
    week = [0.0] * 7
    for weekday, (offset, error2) in raw.items():
        week[weekday] = offset * spread / (spread + error2)
    return (week[0], week[1], week[2], week[3], week[4], week[5], week[6])


def first_window(
    days: Sequence[Day],
    collecting: Callable[[Sequence[Day], int], Collecting | None],
    need_days: int = BASELINE_DAYS,
) -> Sequence[Day] | Collecting:
    """The first days that a method's `collecting` accepts as a baseline, or what is lacking on the last of them.

    Normally the first `need_days` days. A feature that lay idle starts with the first ones of real volume; a rare
    outcome takes all days from the first one until enough of it is seen.
    """
    lacking: Collecting | None = None
    for number in range(1, len(days) + 1):
        until = days[:number]
        for window in (last_days(until, need_days), until):
            lacking = collecting(window, need_days)
            if lacking is None:
                return window
    return lacking or Collecting(Missing.DAYS, 0, need_days)


def window_start(days: Sequence[Counted], number: int, length: int) -> int:
    """The number of the first day inside the `length` calendar days that end with day `number`."""
    earliest = days[number].day - timedelta(days=length - 1)
    first = number
    while first > 0 and days[first - 1].day >= earliest:
        first -= 1
    return first


def last_days(days: Sequence[Day], length: int) -> Sequence[Day]:
    """The days inside the last `length` calendar days, counted back from the last one."""
    return days[window_start(days, len(days) - 1, length) :] if days else days
