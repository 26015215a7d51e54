"""Intervals and histograms against published values and against counting."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.metrics.statistics import (
    GAMMA,
    Histogram,
    Interval,
    Sample,
    apart,
    bucket_of,
    clustered_variance,
    merged,
    newcombe,
    squared_deviations,
    sum_of_known,
    value_of,
    weighted_mean,
    wilson,
    z_of,
)

values = st.floats(min_value=1e-6, max_value=1e9)


ROUNDING = 1e-12


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_values_newcombe_published(k, n, low, high):
    interval = wilson(k, n)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("now", "before", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_a_difference_has_the_interval_newcombe_published(now, before, low, high):
    interval = newcombe(before=Sample(*before), now=Sample(*now))
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=5e-5)


def test_a_design_effect_of_four_is_a_quarter_of_the_trials():
    assert wilson(40, 100, design_effect=4) == wilson(10, 25)


def test_nothing_is_known_of_no_trials():
    assert wilson(0, 0) == Interval(0.0, 1.0)
    assert newcombe(Sample(0, 0), Sample(3, 4)) == Interval(-1.0, 1.0)


@pytest.mark.parametrize("arguments", [(-1, 10), (11, 10), (1, 10, 1.96, 0.5)])
def test_impossible_samples_are_refused(arguments):
    with pytest.raises(ValueError):
        wilson(*arguments)


@given(n=st.integers(1, 10**6), share=st.floats(0, 1), effect=st.floats(1, 50))
def test_wilson_holds_the_rate_and_widens_with_the_design_effect(n, share, effect):
    k = round(n * share)
    narrow, wide = wilson(k, n), wilson(k, n, design_effect=effect)
    assert 0 <= wide.low <= narrow.low + ROUNDING
    assert narrow.low <= k / n <= narrow.high
    assert narrow.high - ROUNDING <= wide.high <= 1


def test_normal_quantiles():
    assert z_of(0.95) == pytest.approx(1.959964, abs=1e-6)
    with pytest.raises(ValueError):
        z_of(1.0)


def test_users_who_always_agree_with_themselves_count_once():
    assert squared_deviations([(10, 10), (10, 0)]) == 2 * 5.0**2
    assert squared_deviations([(1, 1)] * 10 + [(1, 0)] * 10) == pytest.approx(20 * 0.25)
    assert squared_deviations([]) == 0


@given(st.lists(st.tuples(st.integers(1, 50), st.floats(0, 1)), min_size=1, max_size=40))
def test_squared_deviations_are_what_their_definition_says(raw):
    users = [(n, round(n * share)) for n, share in raw]
    p = sum(k for _, k in users) / sum(n for n, _ in users)
    assert squared_deviations(users) == pytest.approx(sum((k - p * n) ** 2 for n, k in users), abs=1e-9)


def test_without_clusters_the_clustered_variance_is_that_of_a_mean():
    x = [1.0, 2.0, 4.0, 9.0]
    assert clustered_variance([(1, value) for value in x]) == pytest.approx(np.var(x) / len(x))
    assert clustered_variance([(4, sum(x))]) == 0
    assert clustered_variance([]) == 0


@given(values)
def test_a_value_is_read_back_within_one_percent(value):
    assert abs(value_of(bucket_of(value)) / value - 1) <= 0.01


@given(st.integers(-500, 1500))
def test_an_edge_belongs_to_the_bucket_below_it(bucket):
    assert bucket_of(GAMMA**bucket) == bucket


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan, math.inf])
def test_a_bucket_refuses_what_is_not_a_positive_number(value):
    with pytest.raises(ValueError):
        bucket_of(value)


@given(st.lists(st.just(0.0) | values, min_size=1), st.floats(0, 1))
def test_a_quantile_is_within_one_percent_of_the_exact_one(sample, share):
    exact = np.quantile(sample, share, method="inverted_cdf")
    assert Histogram.of(sample).quantile(share) == pytest.approx(exact, rel=0.01)


@given(st.lists(st.just(0.0) | values), st.lists(values), st.lists(values))
def test_merging_is_the_same_as_counting_all_in_any_order(a, b, c):
    parts = [Histogram.of(part) for part in (a, b, c)]
    together = Histogram.of([*a, *b, *c])
    assert merged(parts) == merged(reversed(parts)) == together
    assert together.n == len(a) + len(b) + len(c)


def test_an_empty_histogram_has_no_quantile():
    assert Histogram().quantile(0.5) is None
    with pytest.raises(ValueError):
        Histogram().quantile(1.5)


def test_two_estimates_are_apart_by_their_difference_with_newcombes_interval_where_both_are_rates():
    now, before = Sample(56, 70), Sample(48, 80)
    ends = wilson(now.k, now.n), wilson(before.k, before.n)
    found = apart(now.k / now.n, ends[0], before.k / before.n, ends[1])
    known = newcombe(before=before, now=now)
    assert (found.low, found.high) == pytest.approx((known.low, known.high))
    assert apart(1.0, Interval(0.0, 2.0), 5.0, Interval(5.0, 5.0)) == Interval(-5.0, -3.0)


def test_a_mean_of_means_goes_by_how_many_each_rests_on():
    assert weighted_mean([(0.1, 1), (0.4, 2), (None, 5), (0.9, 0)]) == pytest.approx(0.3)
    assert weighted_mean([(0.0, 4)]) == 0
    assert weighted_mean([(None, 5), (0.9, 0)]) is None


def test_a_sum_leaves_out_what_is_unknown_and_of_nothing_known_is_none():
    assert sum_of_known([1.5, None, 0.0, 2.0]) == 3.5
    assert sum_of_known([0.0]) == 0
    assert sum_of_known([None, None]) is None
