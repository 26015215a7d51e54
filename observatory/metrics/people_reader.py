"""Answers to questions about users by name of feature, tier and segment, in the project's local days."""

from dataclasses import dataclass
from datetime import date, datetime

from ingest import dictionary
from ingest.dimensions import Dimension
from ingest.timeline import DAY, Window, day_window, local_day
from observatory.metrics import months, people, retention, user_rows, windows
from observatory.metrics.months import Span
from observatory.metrics.people import UserCosts
from observatory.metrics.retention import Cohort, Retention
from observatory.metrics.shelf import Shelf, no_value
from observatory.metrics.windows import BadWindow

PERIODS = ("month", "week")
MOST_PERIODS = 12
MOST_LISTED = 100
NUMBERS = {"limit": f"a whole number from 0 to {MOST_LISTED}", "count": f"a whole number from 2 to {MOST_PERIODS}"}
"""What parameters that are numbers can be."""
WEEK_DAYS = 7


@dataclass(frozen=True, slots=True)
class CohortTable:
    """Cohorts, the earliest first, and retention as it stands on the last whole local day; the last period is under way.

    `earlier` users activated before the first cohort; None while that is not known.
    """

    period: str
    cohorts: tuple[Cohort, ...]
    retention: tuple[Retention, ...]
    is_complete: bool
    earlier: int | None = 0


class PeopleReader:
    """One project's users as they stand at `now`."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._shelf = Shelf(now)

    @property
    def _today(self) -> date:
        return local_day(self.now, self._shelf.zone)

    def users(
        self, window: Window, *, feature: str | None, tier: str | None, segment: str | None, largest: int
    ) -> UserCosts:
        """See `series.users`. Raises UnknownValue and BadWindow."""
        windows.refuse_reversed(window)
        if not 0 <= largest <= MOST_LISTED:
            raise BadWindow(f"limit is {NUMBERS['limit']}", "limit", [NUMBERS["limit"]])
        chosen = people.Chosen(
            self._shelf.filter(feature, None).feature,
            _number(Dimension.TIER, tier),
            _number(Dimension.SEGMENT, segment),
        )
        span = months.touched(window, self._shelf.zone)
        return people.user_costs(
            span, self._today, chosen, largest=largest, is_complete=not user_rows.are_waiting(self._instants(span))
        )

    def cohorts(self, *, period: str, count: int, feature: str | None) -> CohortTable:
        """See `series.cohorts`. Raises UnknownValue and BadWindow."""
        if not 2 <= count <= MOST_PERIODS:
            raise BadWindow(f"count is {NUMBERS['count']}", "count", [NUMBERS["count"]])
        chosen, zone = self._shelf.filter(feature, None).feature, self._shelf.zone
        periods = self._periods(period, count)
        found, earlier = retention.cohorts(periods, chosen, zone)
        yesterday = self._today - DAY
        kept = tuple(retention.retention(yesterday, after, chosen, zone) for after in retention.AFTER)
        span = min(periods[0][0], retention.joined_span(yesterday, max(retention.AFTER))[0]), self._today
        return CohortTable(period, tuple(found), kept, not user_rows.are_waiting(self._instants(span)), earlier)

    def _periods(self, period: str, count: int) -> list[Span]:
        """The last so many calendar months, or weeks from Monday on; the last one holds today."""
        if period == "week":
            monday = self._today - self._today.weekday() * DAY
            starts = [monday - number * WEEK_DAYS * DAY for number in reversed(range(count))]
            return [(start, start + (WEEK_DAYS - 1) * DAY) for start in starts]
        if period != "month":
            raise BadWindow(f"period is one of {', '.join(PERIODS)}", "period", PERIODS)
        month, found = months.month_of(self._today), list[Span]()
        for _ in range(count):
            found.append((month, months.last_of(month)))
            month = months.month_after(month, -1)
        return found[::-1]

    def _instants(self, span: Span) -> Window:
        zone = self._shelf.zone
        return Window(day_window(span[0], zone).start, day_window(span[1], zone).end)


def _number(dimension: Dimension, name: str | None) -> int | None:
    if name is None:
        return None
    number = dictionary.number_of(dimension, name)
    if number is None:
        raise no_value(dimension, name, dictionary.values(dimension).values())
    return number
