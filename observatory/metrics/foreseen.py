"""Stored forecasts: one row for the outlook of a month, one for what was to be expected of each day."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec
from django.db import connection

from ingest.projects.access import current_project
from observatory.metrics.forecasting.growth import MonthOfUse
from observatory.metrics.forecasting.outlook import ExpectedDay, Outlook
from observatory.metrics.months import month_of

LOOK_BACK_DAYS = 400
"""Forecasts are made from so many days, and from all before there are as many."""
COLUMNS = "basis, made_at, time_zone, digest, outlook::text, whole_months::text"


@dataclass(frozen=True)
class Forecast:
    """A stored outlook and what it was made from: `digest` stands for all amounts up to its basis."""

    made_at: datetime
    time_zone: str
    digest: bytes
    outlook: Outlook
    whole_months: tuple[MonthOfUse, ...]


def latest() -> Forecast | None:
    """The one with the newest basis; None before there is one."""
    return _one(f"SELECT {COLUMNS} FROM forecast WHERE project_id = %s ORDER BY month DESC LIMIT 1", [])


def of_month(month: date) -> Forecast | None:
    """The last one that was made for a month while it was under way."""
    return _one(f"SELECT {COLUMNS} FROM forecast WHERE project_id = %s AND month = %s", [month])


def _one(query: str, parameters: Sequence[date]) -> Forecast | None:
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), *parameters])
        row = cursor.fetchone()
    if row is None:
        return None
    _, made_at, time_zone, digest, outlook, months = row
    return Forecast(
        made_at,
        time_zone,
        bytes(digest),
        msgspec.json.decode(outlook, type=Outlook),
        msgspec.json.decode(months, type=tuple[MonthOfUse, ...]),
    )


def replace(made: Forecast, since: date) -> None:
    """Keep a forecast in the place of its month's last one.

    Those of months that were over before `since` go, and one of a later month, which came from another clock.
    """
    query = """
        INSERT INTO forecast (project_id, month, basis, made_at, time_zone, digest, outlook, whole_months)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
        ON CONFLICT (project_id, month) DO UPDATE SET (basis, made_at, time_zone, digest, outlook, whole_months)
            = (EXCLUDED.basis, EXCLUDED.made_at, EXCLUDED.time_zone, EXCLUDED.digest, EXCLUDED.outlook, EXCLUDED.whole_months)
    """
    outlook, months = (msgspec.json.encode(one).decode() for one in (made.outlook, made.whole_months))
    month, basis = made.outlook.month, made.outlook.basis
    parameters: list[Any] = [
        current_project(),
        month,
        basis,
        made.made_at,
        made.time_zone,
        made.digest,
        outlook,
        months,
    ]
    with connection.cursor() as cursor:
        outside = "DELETE FROM forecast WHERE project_id = %s AND (month > %s OR month < %s)"
        cursor.execute(outside, [current_project(), month, month_of(since)])
        cursor.execute(query, parameters)


def replace_days(expected: Sequence[ExpectedDay], before_nano: Sequence[int], since: date) -> None:
    """Keep what was to be expected of days, where nothing was kept or the days before have changed since.

    Days before `since` and after the last one given are forgotten.
    """
    query = """
        INSERT INTO expected_cost (project_id, day, middle, deviation, offset_usd, before_nano, known_days)
        SELECT %s, * FROM unnest(%s::date[], %s::float8[], %s::float8[], %s::float8[], %s::bigint[], %s::smallint[])
        ON CONFLICT (project_id, day) DO UPDATE SET (middle, deviation, offset_usd, before_nano, known_days)
            = (EXCLUDED.middle, EXCLUDED.deviation, EXCLUDED.offset_usd, EXCLUDED.before_nano, EXCLUDED.known_days)
        WHERE expected_cost.before_nano <> EXCLUDED.before_nano
    """
    columns: list[list[Any]] = [
        [one.day for one in expected],
        [one.middle for one in expected],
        [one.deviation for one in expected],
        [one.offset for one in expected],
        list(before_nano),
        [one.known_days for one in expected],
    ]
    last = max((one.day for one in expected), default=date.min)
    with connection.cursor() as cursor:
        outside = "DELETE FROM expected_cost WHERE project_id = %s AND (day > %s OR day < %s)"
        cursor.execute(outside, [current_project(), last, since])
        cursor.execute(query, [current_project(), *columns])


def expected(first: date, last: date) -> dict[date, ExpectedDay]:
    """What was to be expected of the days from `first` up to and including `last`."""
    query = """
        SELECT day, middle, deviation, offset_usd, known_days FROM expected_cost
        WHERE project_id = %s AND day BETWEEN %s AND %s ORDER BY day
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), first, last])
        return {row[0]: ExpectedDay(*row) for row in cursor.fetchall()}
