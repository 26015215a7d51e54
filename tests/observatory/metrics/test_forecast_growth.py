"""The growth multiplier: what one plans with, until one's own months say more."""

import math
from datetime import date
from itertools import pairwise

import pytest

from observatory.metrics.forecasting import growth
from observatory.metrics.forecasting.growth import DEFAULT, MonthOfUse, multiplier
from observatory.metrics.months import month_after

START = date(2025, 10, 1)


def history(users, exponent, noise=(), start=START):
    wobble = [*noise, *[0.0] * len(users)]
    return [
        MonthOfUse(month_after(start, number), 2.0 * count**exponent * math.exp(wobble[number]), count)
        for number, count in enumerate(users)
    ]


def test_too_few_months_leave_what_one_plans_with():
    assert multiplier([]) == multiplier(history([100, 200, 300], 2.0)) == DEFAULT
    assert (DEFAULT.low, DEFAULT.value, DEFAULT.high) == (1.2, 1.3, 1.5)
    assert DEFAULT.is_default


def test_users_that_hardly_move_tell_nothing():
    assert multiplier(history([1000, 1010, 1005, 1012, 1003, 1010], 1.9)).is_default


def test_a_history_of_growth_is_followed_and_its_range_is_narrower():
    found = multiplier(history([100, 150, 220, 340, 500, 760, 1100], 1.1))
    assert found.value == pytest.approx(1.1, abs=0.03)
    assert found.changes == 6
    assert found.high - found.low < 0.3 / 2
    assert found.low < found.value < found.high


def test_it_is_the_slope_weighed_against_the_plan_by_hand():
    users, noise = [100, 120, 150, 165], [0.0, 0.10, -0.05, 0.08]
    months = history(users, 1.0, noise)
    u = [math.log(b / a) for a, b in pairwise(users)]
    c = [one + b - a for one, a, b in zip(u, noise, noise[1:], strict=False)]
    slope = sum(x * y for x, y in zip(u, c, strict=True)) / sum(x * x for x in u)
    variance = sum((y - slope * x) ** 2 for x, y in zip(u, c, strict=True)) / 2 / sum(x * x for x in u)
    expected = (slope / variance + 1.3 / 0.15**2) / (1 / variance + 1 / 0.15**2)
    found = multiplier(months)
    assert found.value == pytest.approx(expected)
    assert found.high - found.value == pytest.approx(0.2 * (1 / (1 + 0.15**2 / variance)) ** 0.5)


def test_luck_of_a_few_months_moves_it_little():
    found = multiplier(history([100, 110, 105, 118], 1.0, [0.0, 0.4, -0.3, 0.5]))
    assert not found.is_default
    assert found.value == pytest.approx(1.3, abs=0.15)


def test_months_that_do_not_follow_each_other_or_lack_something_are_no_change():
    months = history([100, 200, 400, 800, 1600], 1.0)
    with_a_gap = [months[0], months[2], months[4]]
    assert multiplier(with_a_gap).is_default
    without_users = [MonthOfUse(one.month, one.cost_per_day, None) for one in months]
    assert multiplier(without_users).is_default
    free = [MonthOfUse(one.month, 0.0, one.users) for one in months]
    assert multiplier(free).is_default


def test_no_history_makes_it_absurd():
    wild = multiplier(history([10, 100, 1_000, 10_000, 100_000], 4.0))
    assert (wild.low, wild.value, wild.high) == (growth.LARGEST,) * 3
    falling = multiplier(history([10, 100, 1_000, 10_000, 100_000], -1.0))
    assert falling.value == growth.SMALLEST


@pytest.mark.parametrize("users", [0.5, 1.0, 1.2, 10.0])
def test_scenarios_stand_in_order_whether_users_grow_or_leave(users):
    low, expected, high = DEFAULT.times(users)
    assert low <= expected <= high
    assert expected == pytest.approx(users**1.3)
