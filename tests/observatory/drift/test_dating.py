"""Weights of a change-point profile, and how often the interval holds the true day."""

from datetime import date, timedelta

import numpy as np
import pytest

from observatory.drift.methods import dating, rates
from observatory.drift.methods.shape import FALLING, Started
from tests.bench import streams

FIRST = date(2025, 3, 1)


def days(count):
    return [FIRST + timedelta(days=number) for number in range(count)]


def test_the_interval_cuts_five_percent_of_the_weight_at_either_end():
    profile = np.log([0.04, 0.02, 0.80, 0.10, 0.04]).tolist()
    start = dating.started(days(5), profile, FIRST + timedelta(days=4))
    assert start == Started(days(5)[2], low=days(5)[1], high=days(5)[3])


def test_no_change_begins_after_its_alarm():
    start = dating.started(days(5), [0.0, 0.0, 0.0, 50.0, 90.0], FIRST + timedelta(days=2))
    assert start.high == FIRST + timedelta(days=2)
    with pytest.raises(ValueError):
        dating.started(days(5), [0.0] * 5, FIRST - timedelta(days=1))


def test_a_profile_of_huge_differences_stays_a_number():
    assert dating.started(days(3), [-1e6, 0.0, -1e6], days(3)[2]) == Started(*[days(3)[1]] * 3)


def test_events_count_as_near_from_two_days_before_to_one_day_after():
    start = Started(days(9)[4], days(9)[3], days(9)[5])
    assert [dating.is_near(day, start) for day in days(9)] == [False, *[True] * 6, False, False]


@pytest.mark.parametrize("per_day", [50, 300])
def test_nine_intervals_in_ten_hold_the_day_of_a_step(per_day):
    path = streams.unchanged(0.75)
    path[58:] = 0.65
    table = streams.rates(np.random.default_rng(5), 150, per_day, path, streams.People())
    step, held = streams.FIRST_DAY + timedelta(days=58), []
    for run in table.runs():
        baseline = rates.fit(run[:28])
        for finding in rates.fold(baseline, run, FALLING).findings:
            if finding.alarm_day >= step:
                known = [day for day in run if day.day <= finding.alarm_day]
                start = rates.started(baseline, known, finding)
                held.append(start.low <= step <= start.high)
    assert len(held) >= 140
    assert np.mean(held) >= 0.88
