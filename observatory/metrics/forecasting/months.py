"""Months by their first days. Pure."""

from datetime import date


def first_of(day: date, after: int = 0) -> date:
    """The first day of the month of `day`, or of a month so many after (negative: before) it."""
    months = day.year * 12 + day.month - 1 + after
    return date(months // 12, months % 12 + 1, 1)


def days_of(month: date) -> int:
    """How many days the month has that begins on this day."""
    return (first_of(month, 1) - month).days
