"""User rows read back: distinct users, and the daily rows with clustered sums that drift is computed from."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby

from django.db import connection

from ingest.projects.access import current_project
from observatory.metrics import clustered, presence
from observatory.metrics.clustered import MEANS, RATES
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


def rate_days(signal: str, feature: int | None, first: date, last: date) -> list[RateDay]:
    """The days of a rate, in order, of one feature (by number) or all; days without trials are left out.

    Raises UnknownSignal.
    """
    found = _sums(RATES, signal, feature, first, last)
    return [RateDay(day, s.n, s.x, s.within, s.users) for day, s in found.items()]


def mean_days(signal: str, feature: int | None, first: date, last: date) -> list[MeanDay]:
    """The days of a mean of logarithms, in order, of one feature (by number) or all; empty days are left out.

    Raises UnknownSignal.
    """
    found = _sums(MEANS, signal, feature, first, last)
    return [MeanDay(day, s.n, s.x / s.n / MICRO, s.variance / MICRO**2, s.users) for day, s in found.items()]


def day_sums(column: str, feature: int, first: date, last: date) -> dict[date, int]:
    """The sums of a counted column (input_tokens, cost_nano …) by day, of one feature; empty days are left out."""
    query = f"""
        SELECT day, sum({column})::bigint FROM user_day
        WHERE project_id = %s AND day + 0 BETWEEN %s AND %s AND feature_id = %s GROUP BY day
    """
    with connection.cursor() as cursor:
        cursor.execute(query, [current_project(), first, last, feature])
        return dict(cursor.fetchall())


def first_day(feature: int) -> date | None:
    """The first local day with calls of a feature; None when there is none."""
    query = "SELECT day FROM user_day WHERE project_id = %s AND feature_id = %s AND calls > 0 ORDER BY day + 0 LIMIT 1"
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
                       WHERE u.project_id = %(project)s AND u.day + 0 BETWEEN s.first AND s.last AND NOT u.is_user
                           AND (%(feature)s::smallint IS NULL OR u.feature_id = %(feature)s))
        FROM unnest(%(firsts)s::date[], %(lasts)s::date[]) WITH ORDINALITY AS s (first, last, place) ORDER BY s.place
    """
    parameters = {"project": current_project(), "feature": feature, **day_parameters(spans)}
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return [row[0] for row in cursor.fetchall()]


def _sums(
    known: Collection[str], signal: str, feature: int | None, first: date, last: date
) -> Mapping[date, clustered.Sums]:
    if signal not in known:
        raise UnknownSignal(f"{signal!r} is none of {', '.join(known)}")
    return clustered.read([signal], feature, first, last)[signal]
