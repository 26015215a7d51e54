"""User rows read back: distinct users, and the daily rows with clustered sums that drift is computed from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any

from django.db import connection

from ingest.projects.access import current_project
from observatory.metrics import presence
from observatory.metrics.formulas import Users
from observatory.metrics.layout import MICRO
from observatory.metrics.months import Span, days_in, month_of, months
from observatory.metrics.user_source import day_parameters, source


class UnknownSignal(LookupError):
    """A signal that user rows do not carry."""


@dataclass(frozen=True, slots=True)
class RateDay:
    """A rate's local day: `k` of `n` trials by `n_users` clusters; `s` = Σ over clusters (k_u − k/n · n_u)²."""

    day: date
    n: int
    k: int
    s: float
    n_users: int


@dataclass(frozen=True, slots=True)
class MeanDay:
    """A mean's local day: `n` values x = ln(what was measured) with mean `y`, by `n_users` clusters.

    `v` is the mean's clustered variance, Σ over clusters (Σx − n_u y)² / n².
    """

    day: date
    n: int
    y: float
    v: float
    n_users: int


RATES = {
    "thumbs_up": ("thumbs", "thumbs_up"),
    "corrections": ("calls", "corrections"),
    "rejections": ("acceptances", "dismissals"),
    "errors": ("calls", "errors"),
    "completions": ("outcomes", "completions"),
    "flags": ("calls", "flagged"),
    "coverage": ("calls", "with_feedback"),
}
"""Signal → columns of its trials and successes."""

MEANS = {
    "input_tokens": ("n_input_tokens", "ln_input_tokens", "ln2_input_tokens"),
    "cost": ("n_cost", "ln_cost", "ln2_cost"),
    "latency": ("n_latency", "ln_latency", "ln2_latency"),
}
"""Signal → columns of the number of its values, the sum of their logarithms and of those squared."""


def rate_days(signal: str, feature: int | None, first: date, last: date) -> list[RateDay]:
    """The days of a rate, in order, of one feature (by number) or all; days without trials are left out.

    Raises UnknownSignal.
    """
    trials, successes = _columns(RATES, signal)
    query = f"""
        SELECT day, sum(n), sum(k), sum(nn), sum(nk), sum(kk), sum(users) FROM (
            SELECT day, sum({trials}) AS n, sum({successes}) AS k,
                -- Each anonymous call is a cluster of its own: 1 trial, 0 or 1 success.
                CASE cluster WHEN '' THEN sum({trials}) ELSE sum({trials})::numeric * sum({trials}) END AS nn,
                CASE cluster WHEN '' THEN sum({successes}) ELSE sum({trials})::numeric * sum({successes}) END AS nk,
                CASE cluster WHEN '' THEN sum({successes}) ELSE sum({successes})::numeric * sum({successes}) END AS kk,
                CASE cluster WHEN '' THEN sum({trials}) ELSE 1 END AS users
            FROM user_day
            WHERE project_id = %(project)s AND day BETWEEN %(first)s AND %(last)s AND {trials} > 0
                AND (%(feature)s::smallint IS NULL OR feature_id = %(feature)s)
            GROUP BY day, cluster) AS clusters
        GROUP BY day ORDER BY day
    """
    return [
        RateDay(day, int(n), int(k), _squared_deviations(int(n), int(k), int(nn), int(nk), int(kk)), int(users))
        for day, n, k, nn, nk, kk, users in _read(query, feature, first, last)
    ]


def mean_days(signal: str, feature: int | None, first: date, last: date) -> list[MeanDay]:
    """The days of a mean of logarithms, in order, of one feature (by number) or all; empty days are left out.

    Raises UnknownSignal.
    """
    number, total, squares = _columns(MEANS, signal)
    query = f"""
        SELECT day, sum(n), sum(x), sum(nn), sum(nx), sum(xx), sum(users) FROM (
            SELECT day, sum({number}) AS n, sum({total}) AS x,
                CASE cluster WHEN '' THEN sum({number}) ELSE sum({number})::numeric * sum({number}) END AS nn,
                CASE cluster WHEN '' THEN sum({total}) ELSE sum({number})::numeric * sum({total}) END AS nx,
                CASE cluster WHEN '' THEN sum({squares})::numeric * 1000000 ELSE sum({total})::numeric * sum({total}) END AS xx,
                CASE cluster WHEN '' THEN sum({number}) ELSE 1 END AS users
            FROM user_day
            WHERE project_id = %(project)s AND day BETWEEN %(first)s AND %(last)s AND {number} > 0
                AND (%(feature)s::smallint IS NULL OR feature_id = %(feature)s)
            GROUP BY day, cluster) AS clusters
        GROUP BY day ORDER BY day
    """
    return [
        MeanDay(day, int(n), int(x) / int(n) / MICRO, _variance(int(n), int(x), int(nn), int(nx), int(xx)), int(users))
        for day, n, x, nn, nx, xx, users in _read(query, feature, first, last)
    ]


def day_sums(column: str, feature: int, first: date, last: date) -> dict[date, int]:
    """The sums of a counted column (input_tokens, cost_nano …) by day, of one feature; empty days are left out."""
    query = f"""
        SELECT day, sum({column})::bigint FROM user_day
        WHERE project_id = %s AND day BETWEEN %s AND %s AND feature_id = %s GROUP BY day
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), first, last, feature])
        return dict(cursor.fetchall())


def first_day(feature: int) -> date | None:
    """The first local day with calls of a feature; None when there is none."""
    query = "SELECT day FROM user_day WHERE project_id = %s AND feature_id = %s AND calls > 0 ORDER BY day LIMIT 1"
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), feature])
        row = cursor.fetchone()
        return row[0] if row else None


def distinct(spans: Sequence[Span], feature: int | None) -> list[Users]:
    """Distinct users of each span of local days, both ends included."""
    sets = presence.read(spans, feature)
    counts = {span: sets.of(span).bit_count() for span in set(spans)} if sets else _from_days(spans, feature)
    silent = [span for span, users in counts.items() if users == 0]
    others = dict(zip(silent, _have_others(silent, feature), strict=True))
    return [Users(counts[span], others.get(span, False)) for span in spans]


def _from_days(spans: Sequence[Span], feature: int | None) -> dict[Span, int]:
    """The same while so much waits to be merged that days are read instead of months."""
    counts = dict[Span, int]()
    for of_months, group in groupby(sorted(set(spans)), key=lambda span: (month_of(span[0]), month_of(span[1]))):
        counts |= _active(list(months(*of_months)), list(group), feature)
    return counts


def _active(of: Sequence[date], spans: Sequence[Span], feature: int | None) -> dict[Span, int]:
    """The users of each span; all lie in the same months, whose active days are read once for all of them."""
    together = ", ".join(
        f"coalesce(bit_or(active_days) FILTER (WHERE month = '{month}'), 0) AS m{place}"
        for place, month in enumerate(of)
    )
    counted = ", ".join(
        f"count(*) FILTER (WHERE {' OR '.join(f'm{place} & {bits} <> 0' for place, bits in _bits(of, span))})"
        for span in spans
    )
    if len(of) == 1:
        query = f"WITH {{marks}} months AS ({{rows}}) SELECT {counted.replace('m0', 'active_days')} FROM months"
    else:
        query = f"""
            WITH {{marks}} months AS ({{rows}}), people AS (SELECT {together} FROM months GROUP BY cluster)
            SELECT {counted} FROM people
        """
    (row,) = source(of, feature).select(query)
    return dict(zip(spans, row, strict=True))


def _bits(of: Sequence[date], span: Span) -> list[tuple[int, int]]:
    """The place of each month that a span reaches into, and its days there."""
    return [(place, bits) for place, month in enumerate(of) if (bits := days_in(month, *span))]


def _have_others(spans: Sequence[Span], feature: int | None) -> list[bool]:
    """Whether calls without a user are in each span."""
    query = """
        SELECT EXISTS (SELECT FROM user_day u
                       WHERE u.project_id = %(project)s AND u.day BETWEEN s.first AND s.last AND NOT u.is_user
                           AND (%(feature)s::smallint IS NULL OR u.feature_id = %(feature)s))
        FROM unnest(%(firsts)s::date[], %(lasts)s::date[]) WITH ORDINALITY AS s (first, last, place) ORDER BY s.place
    """
    parameters = {"project": current_project(), "feature": feature, **day_parameters(spans)}
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()]


def _columns(known: dict[str, Any], signal: str) -> Any:
    if signal not in known:
        raise UnknownSignal(f"{signal!r} is none of {', '.join(known)}")
    return known[signal]


def _read(query: str, feature: int | None, first: date, last: date) -> list[tuple[Any, ...]]:
    parameters = {"project": current_project(), "feature": feature, "first": first, "last": last}
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def _squared_deviations(n: int, k: int, nn: int, nk: int, kk: int) -> float:
    """Σ (k_u − p n_u)² from the sums of squares and products; in whole numbers, for the terms nearly cancel."""
    return (kk * n * n - 2 * nk * k * n + nn * k * k) / (n * n)


def _variance(n: int, x: int, nn: int, nx: int, xx: int) -> float:
    """Σ (X_u − n_u y)² / n², X_u in millionths."""
    return (xx * n * n - 2 * nx * x * n + nn * x * x) / (n**4) / MICRO**2
