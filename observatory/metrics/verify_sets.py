"""Whether the sets of users say what the day rows say. Users who are marked are waiting, not different."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from functools import reduce
from operator import or_
from typing import Any

from django.db import connection

from ingest.projects.access import current_project
from observatory.metrics import user_bits
from observatory.metrics.months import last_of, month_of
from observatory.metrics.user_sets import ALL_FEATURES

CALLED = """
    SELECT d.feature_id, n.number FROM user_day d
    LEFT JOIN user_number n ON n.project_id = d.project_id AND n.cluster = d.cluster
    WHERE d.project_id = %(project)s AND d.day + 0 = %(day)s AND d.is_user AND NOT EXISTS (
        SELECT FROM unmerged_user m WHERE m.project_id = d.project_id AND m.month = %(month)s AND m.cluster = d.cluster)
"""
MARKED = """
    SELECT DISTINCT n.number FROM unmerged_user m JOIN user_number n USING (project_id, cluster)
    WHERE m.project_id = %(project)s AND m.month = %(month)s
"""
SETS = """
    SELECT is_month, feature_id, day, part, users FROM user_set
    WHERE project_id = %(project)s AND (is_month AND day = %(month)s OR NOT is_month AND day BETWEEN %(month)s AND %(last)s)
"""


def differing(day: date) -> list[str]:
    """Which sets of a local day are not its users, and which of its month not those of its days. Under the lock of users."""
    month = month_of(day)
    parameters = {"project": current_project(), "day": day, "month": month, "last": last_of(day)}
    called: dict[int, list[int | None]] = defaultdict(list)
    for feature, number in _rows(CALLED, parameters):
        called[feature].append(number)
        called[ALL_FEATURES].append(number)
    marked = user_bits.set_of(number for (number,) in _rows(MARKED, parameters))
    parts: dict[tuple[bool, int, date], dict[int, bytes]] = defaultdict(dict)
    for is_month, feature, of, part, users in _rows(SETS, parameters):
        parts[is_month, feature, of][part] = bytes(users)
    return list(_compared(day, called, marked, {key: user_bits.joined(of) for key, of in parts.items()}))


def _compared(
    day: date, called: dict[int, list[int | None]], marked: int, sets: dict[tuple[bool, int, date], int]
) -> Iterator[str]:
    for feature in sorted(called.keys() | {feature for _, feature, _ in sets}):
        numbers = called.get(feature, [])
        if None in numbers:
            yield f"feature {feature}: a user without a number"
        users = user_bits.set_of(number for number in numbers if number is not None)
        if sets.get((False, feature, day), 0) & ~marked != users & ~marked:
            yield f"feature {feature}: the set of the day"
        of_days = reduce(or_, [users for (is_month, of, _), users in sets.items() if of == feature and not is_month], 0)
        if sets.get((True, feature, month_of(day)), 0) != of_days:
            yield f"feature {feature}: the set of the month"


def _rows(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())
