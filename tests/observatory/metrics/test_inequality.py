"""Shares, curves and calendar months: the arithmetic behind what users cost."""

import itertools
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.timeline import DAY
from observatory.metrics import inequality, months

COSTS = st.lists(st.integers(0, 10**12), min_size=1, max_size=300).map(sorted)
SOME_DAY = st.dates(date(2020, 1, 1), date(2030, 12, 31))


@given(COSTS, st.floats(0, 1))
def test_a_quantile_is_numpys_inverted_cdf(ordered: list[int], share: float) -> None:
    share = round(share, 3)
    expected = sorted(ordered)[max(1, int(np.ceil(round(share * len(ordered), 6)))) - 1]
    assert inequality.quantile(ordered, share) == expected
    low, high = inequality.quantile_ends(ordered, share)
    assert low <= expected <= high


def test_nobody_has_no_quantile() -> None:
    with pytest.raises(ValueError, match="nobody"):
        inequality.quantile([], 0.9)


@given(COSTS)
def test_the_curve_rises_ever_faster_and_never_above_equality(ordered: list[int]) -> None:
    curve = inequality.lorenz(ordered)
    if not sum(ordered):
        assert curve == ()
        return
    assert (curve[0], curve[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert len(curve) <= 101
    assert all(cost <= users + 1e-12 for users, cost in curve)
    slopes = [(d[1] - c[1]) / (d[0] - c[0]) for c, d in itertools.pairwise(curve)]
    assert all(after >= before - 1e-9 for before, after in itertools.pairwise(slopes))


@pytest.mark.parametrize(("n", "top"), [(1, 1), (99, 1), (100, 1), (101, 2), (700, 7)])
def test_one_per_cent_of_users_is_at_least_one(n: int, top: int) -> None:
    assert inequality.top_share([1] * n, 0.01) == pytest.approx(top / n)


def test_of_nothing_nobody_has_a_share() -> None:
    assert inequality.top_share([0, 0], 0.01) is None


@given(SOME_DAY, SOME_DAY)
def test_the_bits_of_all_months_are_the_days_of_a_span(one: date, other: date) -> None:
    first, last = min(one, other), max(one, other)
    counted = sum(months.days_in(month, first, last).bit_count() for month in months.months(first, last))
    assert counted == (last - first).days + 1
    assert months.days_in(months.month_after(last), first, last) == 0


@given(SOME_DAY, SOME_DAY, SOME_DAY)
def test_cutting_a_span_into_months_loses_no_day_that_has_come(one: date, other: date, today: date) -> None:
    first, last = min(one, other), max(one, other)
    whole, rest = months.cut(first, last, today)
    covered = {month + number * DAY for month in whole for number in range((months.last_of(month) - month).days + 1)}
    for start, end in rest:
        days = {start + number * DAY for number in range((end - start).days + 1)}
        assert not covered & days
        covered |= days
    wanted = {first + number * DAY for number in range((last - first).days + 1)}
    assert wanted <= covered
    assert all(day > today for day in covered - wanted)


@pytest.mark.parametrize(
    ("last", "this", "before"),
    [
        (date(2026, 3, 12), (date(2026, 3, 1), date(2026, 3, 12)), (date(2026, 2, 1), date(2026, 2, 12))),
        (date(2026, 3, 31), (date(2026, 3, 1), date(2026, 3, 28)), (date(2026, 2, 1), date(2026, 2, 28))),
        (date(2026, 1, 31), (date(2026, 1, 1), date(2026, 1, 31)), (date(2025, 12, 1), date(2025, 12, 31))),
    ],
)
def test_like_days_are_as_many_in_both_months(last: date, this: months.Span, before: months.Span) -> None:
    assert months.like_days(last) == (this, before)
