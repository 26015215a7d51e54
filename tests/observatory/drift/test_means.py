"""Baselines, verdicts, effects and dates of a mean of logarithms."""

import math
from datetime import date, timedelta

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatory.drift.methods import means
from observatory.drift.methods.means import MeanBaseline, MeanDay
from observatory.drift.methods.shape import BOTH_WAYS, FALLING, RISING, Collecting, Direction, Missing

MONDAY = date(2025, 3, 3)
LEVEL = math.log(400)


def day(number, mean_ln, n=200, v=0.02**2):
    return MeanDay(MONDAY + timedelta(days=number), n, mean_ln, v, n, n * math.exp(mean_ln + 0.5))


def series(*blocks, luck=0.02, seed=1):
    """Days from blocks (how many, level) with a luck of their own."""
    rng = np.random.default_rng(seed)
    levels = [level for count, level in blocks for _ in range(count)]
    return [day(number, level + luck * float(rng.normal())) for number, level in enumerate(levels)]


def test_a_day_is_made_of_its_users():
    made = MeanDay.from_users(MONDAY, [(1, 2.0), (1, 4.0), (0, 0.0)], sum_x=62.0)
    assert made == MeanDay(MONDAY, n=2, mean_ln=3.0, v=0.5, n_users=2, sum_x=62.0)


def test_a_series_says_what_it_lacks():
    assert means.collecting(series((20, LEVEL))) == Collecting(Missing.DAYS, 20, 28)
    assert means.collecting([day(d, LEVEL, n=29) for d in range(28)]) == Collecting(Missing.TRIALS_A_DAY, 29, 30)
    assert means.collecting(series((28, LEVEL))) is None


def test_a_baseline_is_the_mean_of_its_days():
    days = series((28, LEVEL))
    baseline = means.fit(days)
    assert baseline.mu0 == pytest.approx(np.mean([one.mean_ln for one in days]))
    assert baseline.mean_v == pytest.approx(0.02**2)
    assert baseline.se0 == pytest.approx(math.sqrt((0.02**2 + baseline.tau2) / 28))
    assert baseline.edge(Direction.UP) == pytest.approx(baseline.mu0 + baseline.se0 + 0.03)
    assert baseline.arithmetic == pytest.approx(math.exp(LEVEL + 0.5), rel=0.02)


def test_days_that_differ_more_than_their_values_explain_leave_a_variance_between_days():
    days = [day(d, LEVEL + 0.1 * (-1) ** d, v=0.0001) for d in range(14)]
    assert means.fit(days).tau2 == pytest.approx(0.01 * 14 / 13 - 0.0001)
    assert means.fit([day(d, LEVEL) for d in range(28)]).tau2 == 0


def test_a_weekly_rhythm_is_an_offset_and_not_a_spread():
    baseline = means.fit([day(d, LEVEL - 0.3 * (d % 7 >= 5)) for d in range(28)])
    assert baseline.weekday_offsets[6] - baseline.weekday_offsets[0] == pytest.approx(-0.3, rel=0.02)
    assert baseline.tau2 == 0


def test_a_stored_baseline_comes_back_equal_through_json():
    baseline = means.fit(series((28, LEVEL)))
    assert MeanBaseline.from_dict(msgspec.json.decode(msgspec.json.encode(baseline.to_dict()))) == baseline


def test_the_evidence_is_the_formula_in_plain_numbers():
    days = series((28, LEVEL), (5, LEVEL + 0.08))
    baseline = means.fit(days[:28])
    q = baseline.mu0 + baseline.se0 + 0.03
    detectors = [0.0] * 6
    for one, point in zip(days[28:], means.fold(baseline, days, RISING).points, strict=True):
        for j, d in enumerate((0.03, 0.06, 0.10, 0.15, 0.25, 0.50)):
            y = one.mean_ln - baseline.weekday_offsets[one.day.weekday()]
            ratio = math.exp((d * (y - q) - d * d / 2) / (one.v + baseline.tau2))
            detectors[j] = (1 + detectors[j]) * ratio
        assert point.log_m == pytest.approx(math.log(sum(detectors) / 6), abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_change_is_found_in_its_direction_and_dated(sign):
    days = series((28, LEVEL), (20, LEVEL), (20, LEVEL + sign * 0.15))
    baseline = means.fit(days[:28])
    (finding,) = means.fold(baseline, days, BOTH_WAYS).findings
    assert finding.direction is (Direction.UP if sign > 0 else Direction.DOWN)
    start = means.started(baseline, days, finding)
    assert start.low <= MONDAY + timedelta(days=48) <= start.high
    other = FALLING if sign > 0 else RISING
    assert means.fold(baseline, days, other).findings == ()


def test_a_difference_nobody_minds_is_not_found():
    days = series((28, LEVEL), (90, LEVEL + 0.02))
    assert means.fold(means.fit(days[:28]), days, BOTH_WAYS).findings == ()


def test_a_finding_is_resolved_when_the_level_is_back():
    days = series((28, LEVEL), (15, LEVEL + 0.2), (40, LEVEL))
    (finding,) = means.fold(means.fit(days[:28]), days, RISING).findings
    assert finding.resolved_day is not None
    assert finding.resolved_day >= MONDAY + timedelta(days=28 + 15)


def test_the_effect_is_relative_and_stands_beside_the_plain_mean():
    days = series((28, LEVEL), (7, LEVEL + math.log(1.25)), luck=0.0)
    effect = means.effect(means.fit(days[:28]), days)
    assert effect.value == pytest.approx(500)
    assert effect.baseline_value == pytest.approx(400)
    assert effect.change == pytest.approx(0.25)
    assert effect.is_strong(Direction.UP, 0.20)
    assert not effect.is_strong(Direction.UP, 0.25)
    assert means.arithmetic(days) == pytest.approx(500 * math.exp(0.5))
    assert means.rolling(means.fit(days[:28]), days)[-1] == effect
    assert means.band(means.fit(days[:28]), 7).holds(400)
    assert means.effect(means.fit(days[:28]), []) is None
    assert means.arithmetic([]) is None


def test_a_series_of_one_value_has_a_baseline_and_finds_a_change():
    days = [day(d, LEVEL, v=0.0) for d in range(40)] + [day(d, LEVEL + 0.1, v=0.0) for d in range(40, 44)]
    baseline = means.fit(days[:28])
    (finding,) = means.fold(baseline, days, RISING).findings
    assert means.started(baseline, days, finding).day == MONDAY + timedelta(days=40)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=40, max_size=60), st.integers(30, 60))
def test_later_days_never_change_earlier_points(moves, until):
    days = [day(number, LEVEL + move) for number, move in enumerate(moves)]
    baseline = means.fit(days[:28])
    whole, part = (means.fold(baseline, some, BOTH_WAYS) for some in (days, days[:until]))
    assert msgspec.json.encode(whole.points[: len(part.points)]) == msgspec.json.encode(part.points)
