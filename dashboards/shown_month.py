"""The calendar month that a page's numbers by month are about: users are kept by month, so that is what is quick."""

from dataclasses import dataclass
from datetime import date, timedelta

from dashboards import formatting
from dashboards.view import View
from ingest.timeline import DAY, Window, day_window, local_day
from observatory.metrics import months

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True)
class ShownMonth:
    """A local month by its first day, and how much of it: 'Nov so far'."""

    first: date
    window: Window
    words: str


def shown_month(view: View) -> ShownMonth:
    """The month of the last whole day that the page shows; of a project born today, today's."""
    zone = view.project.time_zone
    last = local_day(min(view.choice.window.end, view.now) - _INSTANT, zone)
    whole = last if day_window(last, zone).end <= view.now else last - DAY
    born = view.reader.first_day()
    if born is not None:
        whole = max(whole, min(last, local_day(born.start, zone)))
    first = months.month_of(whole)
    window = months.month_window(first, zone)
    name = formatting.MONTHS[first.month - 1]
    name = name if first.year == local_day(view.now, zone).year else f"{name} {first.year}"
    return ShownMonth(first, window, f"{name} so far" if view.now < window.end else name)


def days_words(first: date, last: date) -> str:
    """'1–21 Nov'."""
    return f"{first.day}–{last.day}{formatting.NBSP}{formatting.MONTHS[last.month - 1]}"
