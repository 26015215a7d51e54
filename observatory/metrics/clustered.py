"""Sums over user rows with users as clusters: what a day's rates and means are worth, of any signals in one pass.

Rates are successes of trials. Means are of x = ln(what was measured), which user rows hold in millionths.
"""

from collections.abc import Collection, Sequence
from datetime import date
from operator import add
from typing import Any, NamedTuple

from django.db import connection

from ingest.projects.access import current_project
from ingest.timeline import days
from observatory.metrics.layout import MICRO

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

_COLUMNS: dict[str, tuple[str, ...]] = {**RATES, **MEANS}
_SPLIT = 31
"""Sums of logarithms are multiplied in two parts, these bits and those above, so that each product fits a bigint."""


class Sums(NamedTuple):
    """Sums over the clusters u of a day: n_u events, x_u what these add up to, and their squares and products.

    `x_u` is a rate's successes, or a mean's logarithms in millionths; `users` counts clusters with events.
    """

    n: int
    x: int
    nn: int
    nx: int
    xx: int
    users: int

    @property
    def within(self) -> float:
        """Σ (x_u − n_u x/n)²; from whole numbers, for the terms nearly cancel."""
        return self._deviations / (self.n * self.n)

    @property
    def variance(self) -> float:
        """Σ (x_u − n_u x/n)² / n², that of the mean x/n."""
        return self._deviations / (self.n**4)

    @property
    def _deviations(self) -> int:
        return self.xx * self.n * self.n - 2 * self.nx * self.x * self.n + self.nn * self.x * self.x


def read(signals: Collection[str], feature: int | None, first: date, last: date) -> dict[str, dict[date, Sums]]:
    """The sums of each signal by local day, in order, of one feature (by number) or all; without events no day.

    One statement, whatever is asked. Each day is looked up by itself: of a feature its own rows are read and no more.
    """
    asked = list(signals)
    found: dict[str, dict[date, Sums]] = {signal: {} for signal in asked}
    if not asked:
        return found
    for day, is_anonymous, *numbers in _rows(asked, feature, list(days(first, last))):
        width = len(numbers) // len(asked)
        for place, signal in enumerate(asked):
            sums = _sums(is_anonymous, [int(part or 0) for part in numbers[place * width : (place + 1) * width]])
            if sums.n:
                known = found[signal].get(day)
                found[signal][day] = Sums(*map(add, known, sums)) if known else sums
    return found


def _rows(signals: Sequence[str], feature: int | None, wanted: list[date]) -> list[tuple[Any, ...]]:
    """Of each day the named clusters, and the cluster '' whose calls are nobody's: what `_sums` takes, signal by signal."""
    columns = sorted({column for signal in signals for column in _COLUMNS[signal]})
    terms = ", ".join(_terms(signal) for signal in signals)
    query = f"""
        SELECT d.day, s.* FROM unnest(%(days)s::date[]) AS d (day)
        CROSS JOIN LATERAL (
            SELECT cluster = '' AS is_anonymous, {terms} FROM ({_clusters(columns, feature)}) AS clusters
            GROUP BY is_anonymous) AS s
        ORDER BY d.day
    """
    with connection.cursor() as cursor:
        cursor.execute(query, {"project": current_project(), "feature": feature, "days": wanted})
        return list(cursor.fetchall())


def _clusters(columns: Sequence[str], feature: int | None) -> str:
    """SQL: the clusters of the day `d.day`; of a single feature each is one row."""
    of_day = "FROM user_day WHERE project_id = %(project)s AND day + 0 = d.day"
    if feature is None:
        summed = ", ".join(f"sum({column})::bigint AS {column}" for column in columns)
        return f"SELECT cluster, {summed} {of_day} GROUP BY cluster"
    single = ", ".join(f"{column}::bigint AS {column}" for column in columns)
    return f"SELECT cluster, {single} {of_day} AND feature_id = %(feature)s"


def _terms(signal: str) -> str:
    """SQL: the numbers of a signal that `_sums` takes."""
    n, x, *others = _COLUMNS[signal]
    ends = f"count(*) FILTER (WHERE {n} > 0)"
    if not others:
        return f"sum({n}), sum({x}), sum({n} * {n}), 0, sum({n} * {x}), 0, 0, sum({x} * {x}), sum({x}), {ends}"
    high, low = f"({x} >> {_SPLIT})", f"({x} & {2**_SPLIT - 1})"
    return f"""
        sum({n}), sum({x}), sum({n} * {n}), sum({n} * {high}), sum({n} * {low}),
        sum({high} * {high}), sum({high} * {low}), sum({low} * {low}), sum({others[0]}) * {MICRO}, {ends}
    """


def _sums(is_anonymous: bool, parts: Sequence[int]) -> Sums:
    """The parts put together. Each anonymous call is a cluster of its own, and `alone` the sum of their squares."""
    n, x, nn, nx_high, nx_low, xx_high, xx_mixed, xx_low, alone, users = parts
    if is_anonymous:
        return Sums(n, x, n, x, alone, n)
    xx = (xx_high << 2 * _SPLIT) + (xx_mixed << _SPLIT + 1) + xx_low
    return Sums(n, x, nn, (nx_high << _SPLIT) + nx_low, xx, users)
