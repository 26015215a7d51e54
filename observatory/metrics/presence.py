"""Who was there: the users of any local days as sets, from what is kept by day and by month.

What is marked as not merged is read from its days, in the same statement: always what the day rows say at that moment.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

from django.db import connection

from ingest.dimensions import ABSENT, UserEvent
from ingest.projects.access import current_project
from ingest.timeline import DAY
from observatory.metrics import user_bits, user_source
from observatory.metrics.months import Span, cut, month_of, months
from observatory.metrics.user_sets import ALL_FEATURES

SET = "SELECT is_month, day, part, users, NULL::integer AS number, NULL AS cluster FROM user_set WHERE project_id = %(project)s"
READ = f"""
    {SET} AND feature_id = %(month_feature)s AND NOT is_month AND day = ANY(%(days)s::date[])
    UNION ALL {SET} AND feature_id = %(month_feature)s AND is_month AND day = ANY(%(months)s::date[])
    UNION ALL {SET} AND feature_id = %(month_feature)s AND is_month AND day < %(before)s
    UNION ALL
    SELECT NULL, m.month, coalesce(u.active_days, 0), NULL, n.number, m.cluster
    FROM (SELECT DISTINCT month, cluster FROM unmerged_user
          WHERE project_id = %(project)s AND (month = ANY(%(touched)s::date[]) OR month < %(before)s)) m
    LEFT JOIN user_number n ON n.project_id = %(project)s AND n.cluster = m.cluster
    LEFT JOIN LATERAL (
        SELECT bit_or(1 << (extract(day FROM d.day)::integer - 1)) AS active_days FROM user_day d
        WHERE d.project_id = %(project)s AND d.cluster = m.cluster AND d.is_user
            AND d.day >= m.month AND d.day < m.month + interval '1 month'
            AND (%(feature)s::smallint IS NULL OR d.feature_id = %(feature)s)) u ON true
"""
"""The wanted sets, and for each marked pair its active days in the place of the part; all of one moment."""
WAITING = """
    SELECT count(*) FROM (
        SELECT DISTINCT month, cluster FROM unmerged_user
        WHERE project_id = %(project)s AND (month = ANY(%(touched)s::date[]) OR month < %(before)s) LIMIT %(limit)s) AS marked
"""
ABOUT = f"(%(feature)s::smallint IS NULL OR feature_id IN (%(feature)s, {ABSENT}))"
"""The words of users about a feature, or about any: one that names no feature is said of each."""
SAID = f"""
    SELECT user_id, n.number, min(occurred_at) FROM user_event
    LEFT JOIN user_number n ON n.project_id = user_event.project_id AND n.cluster = user_id
    WHERE user_event.project_id = %(project)s AND event = %(activated)s AND occurred_at < %(until)s
        AND {ABOUT}
    GROUP BY user_id, n.number
"""


@dataclass(frozen=True)
class Sets:
    """The users of some days and months, as bits by number, as they stood at one moment."""

    feature: int | None
    days: dict[date, int]
    months: dict[date, int]
    numbers: dict[str, int]
    """Of those users who had none yet, one for this answer."""

    def of(self, span: Span) -> int:
        """The users of some local days, both ends included."""
        whole, rest = cut(*span, date.max)
        return reduce(or_, [self.months.get(month, 0) for month in whole], 0) | reduce(
            or_, [self.days.get(day, 0) for part in rest for day in _days(part)], 0
        )

    def before(self, day: date) -> int:
        """The users of all days before one for which these sets were read."""
        first = month_of(day)
        earlier = reduce(or_, [users for month, users in self.months.items() if month < first], 0)
        return earlier | (self.of((first, day - DAY)) if day > first else 0)

    def said(self, starts: Sequence[datetime], until: datetime) -> list[int]:
        """Whom the app said to have activated: before the first of `starts`, and in each period from one to the next.

        Each user once, where they are first named; the last period ends at `until`.
        """
        parameters: dict[str, Any] = {
            "project": current_project(),
            "activated": int(UserEvent.ACTIVATED),
            "until": until,
            "feature": self.feature,
        }
        with connection.cursor() as cursor:
            cursor.execute(SAID, parameters)
            rows = cursor.fetchall()
        free = 1 + max(self._last(), max((number for _, number, _ in rows if number is not None), default=-1))
        periods: list[list[int]] = [[] for _ in range(len(starts) + 1)]
        for place, (cluster, number, first_at) in enumerate(rows):
            known = self.numbers.get(cluster, number)
            periods[sum(start <= first_at for start in starts)].append(free + place if known is None else known)
        return [user_bits.set_of(numbers) for numbers in periods]

    def _last(self) -> int:
        """The highest number that is taken."""
        return max([users.bit_length() - 1 for users in (*self.days.values(), *self.months.values())], default=-1)


def read(spans: Sequence[Span], feature: int | None, *, before: date | None = None) -> Sets | None:
    """The users of some spans of local days and, when asked for, of all days before one; of a feature (by number) or all.

    None when so many months wait to be merged that they are better read from days.
    """
    asked = [*spans, (month_of(before), before - DAY)] if before and before > month_of(before) else list(spans)
    cuts = [cut(*span, date.max) for span in asked]
    days = sorted({day for _, rest in cuts for part in rest for day in _days(part)})
    whole = sorted({month for of, _ in cuts for month in of})
    parameters: dict[str, Any] = {
        "project": current_project(),
        "feature": feature,
        "month_feature": ALL_FEATURES if feature is None else feature,
        "days": days,
        "months": whole,
        "touched": sorted({month for span in asked for month in months(*span)}),
        "before": month_of(before) if before else date.min,
        "limit": user_source.MERGED_AT_READ + 1,
    }
    with connection.cursor() as cursor:
        cursor.execute(WAITING, parameters)
        if cursor.fetchone()[0] > user_source.MERGED_AT_READ:
            return None
        cursor.execute(READ, parameters)
        return _assembled(feature, days, cursor.fetchall())


def _assembled(feature: int | None, days: Sequence[date], rows: Sequence[tuple[Any, ...]]) -> Sets:
    parts: dict[tuple[bool, date], dict[int, bytes]] = defaultdict(dict)
    for is_month, day, part, users, _, _ in rows:
        if is_month is not None:
            parts[is_month, day][part] = bytes(users)
    found = {key: user_bits.joined(of) for key, of in parts.items()}
    marked = [(day, active, number, cluster) for is_month, day, active, _, number, cluster in rows if is_month is None]
    numbers = _numbered(marked, max((users.bit_length() for users in found.values()), default=0))
    _correct(found, days, [(month, active, numbers[cluster]) for month, active, _, cluster in marked])
    return Sets(
        feature,
        {day: users for (is_month, day), users in found.items() if not is_month},
        {month: users for (is_month, month), users in found.items() if is_month},
        numbers,
    )


def _numbered(marked: Sequence[tuple[date, int, int | None, str]], free: int) -> dict[str, int]:
    """The numbers of those who are marked; who has none gets one that nobody has."""
    numbers = {cluster: number for _, _, number, cluster in marked if number is not None}
    free = max([free, *(number + 1 for number in numbers.values())])
    for _, _, _, cluster in marked:
        if cluster not in numbers:
            numbers[cluster], free = free, free + 1
    return numbers


def _correct(
    found: dict[tuple[bool, date], int], days: Sequence[date], marked: Sequence[tuple[date, int, int]]
) -> None:
    """Let those who are marked be where their days say, in the sets of the days and months in which they are."""
    by_month: defaultdict[date, list[tuple[int, int]]] = defaultdict(list)
    for month, active, number in marked:
        by_month[month].append((active, number))
    for month, users in by_month.items():
        everybody = user_bits.set_of(number for _, number in users)
        of_month = user_bits.set_of(number for active, number in users if active)
        found[True, month] = found.get((True, month), 0) & ~everybody | of_month
        for day in days:
            if month_of(day) == month:
                there = user_bits.set_of(number for active, number in users if active >> day.day - 1 & 1)
                found[False, day] = found.get((False, day), 0) & ~everybody | there


def _days(span: Span) -> list[date]:
    return [span[0] + number * DAY for number in range((span[1] - span[0]).days + 1)]
