"""When a delivery that failed is tried again."""

from datetime import timedelta

import pytest

from alerts.retries import SCHEDULE_S, wait_after


def test_the_schedule_is_the_promised_one_and_lasts_three_days():
    hours = [0, 5 / 3600, 30 / 3600, 2 / 60, 5 / 60, 15 / 60, 30 / 60, 1, 2, 5, 10, 14, 20, 24]
    assert pytest.approx([second / 3600 for second in SCHEDULE_S]) == hours
    least = sum((wait_after(attempts, -1.0) for attempts in range(1, len(SCHEDULE_S))), timedelta())
    assert least >= timedelta(hours=60)
    assert sum(SCHEDULE_S) >= 3 * 24 * 3600


@pytest.mark.parametrize(("luck", "seconds"), [(-1, 24.0), (0, 30.0), (1, 36.0)])
def test_waits_are_spread_by_a_fifth(luck, seconds):
    assert wait_after(2, luck) == timedelta(seconds=seconds)


def test_after_the_last_attempt_there_is_none():
    assert wait_after(len(SCHEDULE_S) - 1, 0) is not None
    assert wait_after(len(SCHEDULE_S), 0) is None


@pytest.mark.parametrize(("asked", "seconds"), [(None, 5.0), (1.0, 5.0), (600.0, 600.0), (-3.0, 5.0), (1e9, 86_400.0)])
def test_a_receivers_own_wish_is_honoured_when_it_is_longer_but_never_beyond_a_day(asked, seconds):
    assert wait_after(1, 0, asked) == timedelta(seconds=seconds)
