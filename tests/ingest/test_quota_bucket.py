"""Token buckets, what headers tell of them, and the memory they may take."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ingest.quotas import bucket
from ingest.quotas.bucket import Level, Limit
from ingest.quotas.headers import OverQuota, Told, fields
from ingest.quotas.meters import Meter

LIMIT = Limit.steady(100)


def test_a_bucket_starts_full_and_holds_ten_seconds():
    after, reading = bucket.take(LIMIT, None, 400, 0.0)
    assert (after.units, reading.left, reading.is_admitted) == (600, 600, True)
    assert bucket.level(LIMIT, after, 3.0).units == 900
    assert bucket.level(LIMIT, after, 60.0).units == 1000


def test_whoever_finds_anything_may_take_more_than_is_left_and_then_waits_until_it_is_paid():
    level, first = bucket.take(LIMIT, Level(1.0, 0.0), 1000, 0.0)
    assert (first.is_admitted, first.left, level.units) == (True, 0, -999)
    level, second = bucket.take(LIMIT, level, 1, 5.0)
    assert (second.is_admitted, second.again_s) == (False, 5)
    _, third = bucket.take(LIMIT, level, 1, 10.1)
    assert third.is_admitted


def test_what_is_refused_takes_nothing():
    level, _ = bucket.take(LIMIT, Level(-50.0, 0.0), 1_000_000, 0.0)
    assert level.units == -50


def test_a_clock_that_stands_still_or_goes_back_gives_nothing():
    assert bucket.level(LIMIT, Level(5.0, 10.0), 10.0).units == 5
    assert bucket.level(LIMIT, Level(5.0, 10.0), 4.0).units == 5


def test_a_smaller_limit_holds_at_once():
    assert bucket.level(Limit.steady(1), Level(900.0, 0.0), 0.0).units == 10


@given(some.lists(some.tuples(some.floats(0, 2), some.integers(1, 500)), min_size=1, max_size=60))
def test_over_time_nobody_gets_more_than_the_rate_the_capacity_and_one_overdraft(steps):
    level, now, taken, largest = None, 0.0, 0, 0
    for pause, units in steps:
        now += pause
        level, reading = bucket.take(LIMIT, level, units, now)
        taken += units if reading.is_admitted else 0
        largest = max(largest, units)
    assert taken <= LIMIT.capacity + LIMIT.per_second * now + largest


@given(some.floats(-5_000, 1_000), some.floats(0.01, 10_000))
def test_after_the_told_seconds_there_is_something_left(units, per_second):
    limit = Limit.steady(per_second)
    found = bucket.level(limit, Level(units, 0.0), 0.0)
    wait = bucket.again_s(limit, found)
    assert wait >= (1 if found.units <= 0 else 0)
    assert bucket.level(limit, found, float(wait) + 1e-6).units > 0


def told(units, taken, name="events", unit="events"):
    _, reading = bucket.take(LIMIT, Level(units, 0.0), taken, 0.0)
    return Told(name, unit, LIMIT, reading)


def test_the_headers_name_policies_and_where_the_client_stands():
    both = [told(1000, 250), told(0, 1, "bytes", "content-bytes")]
    assert fields(both) == {
        "RateLimit-Policy": '"events";q=1000;qu="events";w=10, "bytes";q=1000;qu="content-bytes";w=10',
        "RateLimit": '"events";r=750;t=3, "bytes";r=0;t=1',
    }
    assert fields([]) == {}


def test_a_refusal_names_what_is_used_up_and_the_longest_wait():
    used = [told(5, 1), told(-250, 1, "bytes"), told(-30, 1, "key")]
    refused = OverQuota(used)
    assert refused.violated == ["bytes", "key"]
    assert refused.headers["Retry-After"] == "3"
    assert "bytes and of key" in str(refused)


def test_a_refusal_by_a_quota_that_is_not_shown_names_none_and_always_the_same_wait():
    refused = OverQuota([told(5, 1)])
    assert refused.violated == []
    assert refused.headers["RateLimit"].startswith('"events";')
    assert refused.headers["Retry-After"] == "60"
    assert "events" not in str(refused)


def test_the_meter_forgets_the_one_that_was_used_least_recently():
    meter = Meter(most=3)
    for name in ("a", "b", "c", "a", "d"):
        meter.take(name, LIMIT, 10, 0.0)
    assert meter.take("a", LIMIT, 0, 0.0).left == 980
    assert meter.take("b", LIMIT, 0, 0.0).left == 1000


@pytest.mark.parametrize("per_second", [1, 3, 7, 10_000])
def test_a_window_is_the_time_in_which_the_capacity_comes_back(per_second):
    policy = fields([Told("x", "events", Limit.steady(per_second), bucket.take(LIMIT, None, 0, 0.0)[1])])
    assert policy["RateLimit-Policy"].endswith("w=10")


@pytest.mark.parametrize(("units", "is_admitted"), [(1, True), (0.001, True), (0, False)])
def test_exactly_nothing_left_is_nothing(units, is_admitted):
    _, reading = bucket.take(LIMIT, Level(units, 0.0), 1, 0.0)
    assert reading.is_admitted == is_admitted
    level, last = bucket.take(LIMIT, Level(10.0, 0.0), 10, 0.0)  # what is there may be used up
    assert (last.is_admitted, last.left, last.again_s, level.units) == (True, 0, 1, 0)
    assert not bucket.take(LIMIT, level, 0, 0.0)[1].is_admitted
