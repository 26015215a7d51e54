"""Which days become the baseline, and weekday offsets that shrink."""

from datetime import date, timedelta

import pytest

from observatory.drift.methods import rates, week
from observatory.drift.methods.rates import RateDay
from observatory.drift.methods.shape import Collecting, Missing

MONDAY = date(2025, 3, 3)


def days(*blocks):
    """Days from blocks (how many, n, k)."""
    counts = [(n, k) for count, n, k in blocks for _ in range(count)]
    return [RateDay(MONDAY + timedelta(days=d), n, k, 0.0, n) for d, (n, k) in enumerate(counts)]


def test_the_first_28_days_are_the_baseline_however_many_follow():
    series = days((60, 100, 75))
    assert list(week.first_window(series, rates.collecting)) == series[:28]
    assert list(week.first_window(series[:28], rates.collecting)) == series[:28]
    assert week.first_window(series[:27], rates.collecting) == Collecting(Missing.DAYS, 27, 28)
    assert list(week.first_window(series[:20], rates.collecting, need_days=14)) == series[:14]
    assert week.first_window([], rates.collecting) == Collecting(Missing.DAYS, 0, 28)


def test_an_idle_beginning_is_not_normal():
    series = days((50, 1, 1), (40, 100, 75))
    window = week.first_window(series, rates.collecting)
    assert not isinstance(window, Collecting)
    assert len(window) == 28
    # Half of the 28 days have volume: the first window that has as much as it needs.
    assert window[-1].day == MONDAY + timedelta(days=50 + 13)


def test_a_rare_outcome_takes_the_days_it_needs():
    series = days((20, 100, 100), (40, 200, 199))
    window = week.first_window(series, rates.collecting)
    assert not isinstance(window, Collecting)
    assert (window[0].day, window[-1].day) == (MONDAY + timedelta(days=12), MONDAY + timedelta(days=39))


def test_without_a_rhythm_there_are_no_offsets():
    assert week.shrunken(dict.fromkeys(range(7), (0.01, 0.01))) == week.NO_OFFSETS


def test_a_clear_rhythm_keeps_most_of_its_offsets():
    offsets = week.shrunken({0: (0.1, 0.0001), 5: (-0.1, 0.0001)})
    assert offsets[0] == pytest.approx(0.1 * 0.0099 / 0.01)
    assert offsets[5] == -offsets[0]
    assert offsets[1] == 0
