"""Baselines, verdicts, effects and dates of a rate."""

import math
from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatory.drift.methods import rates
from observatory.drift.methods.rates import RateBaseline, RateDay
from observatory.drift.methods.shape import BOTH_WAYS, FALLING, RISING, Collecting, Direction, Missing

MONDAY = date(2025, 3, 3)


def series(*blocks, n=100):
    """Days from blocks (how many, rate), every user with one trial."""
    shares = [rate for count, rate in blocks for _ in range(count)]
    return [day(number, n, round(n * rate)) for number, rate in enumerate(shares)]


def day(number, n, k):
    return RateDay(MONDAY + timedelta(days=number), n, k, k * (n - k) / n if n else 0.0, n)


random_series = st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), min_size=40, max_size=80).map(
    lambda raw: [day(number, n, round(n * share)) for number, (n, share) in enumerate(raw)]
)


def test_a_day_is_made_of_its_users():
    made = RateDay.from_users(MONDAY, [(4, 4), (4, 0), (0, 0)])
    assert made == RateDay(MONDAY, n=8, k=4, s=8.0, n_users=2)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([], Collecting(Missing.DAYS, 0, 28)),
        (series((20, 0.7)), Collecting(Missing.DAYS, 20, 28)),
        (series((28, 0.5), n=4), Collecting(Missing.TRIALS_A_DAY, 4, 5)),
        (series((28, 1.0), n=20), Collecting(Missing.RARER_OUTCOMES, 0, 20)),
    ],
)
def test_a_series_says_what_it_lacks(days, expected):
    assert rates.collecting(days) == expected


def test_fourteen_days_make_a_provisional_baseline_and_need_a_hundred_trials():
    assert rates.collecting(series((14, 0.7)), need_days=14) is None
    assert rates.collecting(series((14, 0.5), n=6), need_days=14) == Collecting(Missing.TRIALS, 84, 100)


def test_weekdays_alone_are_enough_volume():
    weekdays = [one for one in series((28, 0.7)) if one.day.weekday() < 5]
    weekdays.append(day(27, 0, 0))
    assert rates.collecting(weekdays) is None


def test_a_baseline_without_clusters_or_luck_is_that_of_one_large_sample():
    baseline = rates.fit(series((28, 0.75)))
    assert baseline.p0 == pytest.approx(2100.5 / 2801)
    assert (baseline.phi, baseline.tau2) == (pytest.approx(1.0, abs=1e-3), 0.0)
    assert baseline.se0 == pytest.approx(math.sqrt(0.1875 / 2800), rel=1e-3)
    assert baseline.margin == 0.005
    assert baseline.edge(Direction.DOWN) == pytest.approx(baseline.p0 - 0.5 * baseline.se0 - 0.005)
    assert baseline.edge(Direction.UP) == pytest.approx(baseline.p0 + 0.5 * baseline.se0 + 0.005)


def test_a_rare_rate_has_a_margin_in_its_own_measure():
    assert rates.fit(series((28, 0.02))).margin == pytest.approx(0.002, rel=0.05)


def test_users_who_repeat_themselves_raise_the_design_effect():
    agreeing = [RateDay.from_users(MONDAY + timedelta(days=d), [(10, 10)] * 6 + [(10, 0)] * 4) for d in range(28)]
    assert rates.fit(agreeing).phi_user == pytest.approx(10, rel=0.01)


def test_days_that_differ_raise_the_design_effect():
    baseline = rates.fit([day(number, 1000, 700 + 100 * (number % 2)) for number in range(14)])
    assert baseline.tau2 == pytest.approx(0.05**2, rel=0.15)
    assert baseline.phi == pytest.approx(1 + baseline.tau2 * 1000 / (0.75 * 0.25), rel=0.01)


def test_a_weekly_rhythm_is_an_offset_and_not_a_spread():
    baseline = rates.fit([day(number, 1000, 600 if number % 7 >= 5 else 800) for number in range(28)])
    weekend, weekday = baseline.weekday_offsets[5], baseline.weekday_offsets[0]
    assert weekend - weekday == pytest.approx(-0.2, rel=0.02)
    assert baseline.tau2 == 0
    assert rates.fit(series((20, 0.75))).weekday_offsets == (0.0,) * 7


def test_a_stored_baseline_comes_back_equal_through_json():
    baseline = rates.fit(series((27, 0.75), (1, 0.7)))
    assert RateBaseline.from_dict(msgspec.json.decode(msgspec.json.encode(baseline.to_dict()))) == baseline
    with pytest.raises(ValueError):
        RateBaseline.from_dict({**baseline.to_dict(), "weekday_offsets": [0.0]})


def test_the_evidence_is_the_formula_of_the_paper_in_plain_numbers():
    days = series((28, 0.75), (5, 0.60))
    baseline = rates.fit(days[:28])
    q = baseline.p0 - 0.5 * baseline.se0 - baseline.margin
    detectors = [0.0] * 6
    for one, point in zip(days[28:], rates.fold(baseline, days, FALLING).points, strict=True):
        for j, step in enumerate((0.15, 0.3, 0.5, 0.8, 1.2, 2.0)):
            odds = q / (1 - q) * math.exp(-step)
            p = odds / (1 + odds)
            ratio = (p / q) ** (one.k / baseline.phi) * ((1 - p) / (1 - q)) ** ((one.n - one.k) / baseline.phi)
            detectors[j] = (1 + detectors[j]) * ratio
        assert point.log_m == pytest.approx(math.log(sum(detectors) / 6), abs=1e-9)


def test_a_fall_is_found_once_and_a_rise_is_none_of_its_business():
    baseline = rates.fit(series((28, 0.75)))
    fallen, risen = series((28, 0.75), (20, 0.65)), series((28, 0.75), (20, 0.85))
    (finding,) = rates.fold(baseline, fallen, FALLING).findings
    assert finding.direction is Direction.DOWN
    assert finding.alarm_day <= MONDAY + timedelta(days=28 + 7)
    assert rates.fold(baseline, risen, FALLING).findings == ()
    assert rates.fold(baseline, risen, RISING).open is not None
    assert {f.direction for f in rates.fold(baseline, risen, BOTH_WAYS).findings} == {Direction.UP}


def test_failures_rising_are_the_mirror_of_successes_falling():
    days = series((28, 0.75), (20, 0.68))
    mirrored = [RateDay(one.day, one.n, one.n - one.k, one.s, one.n_users) for one in days]
    down = rates.fold(rates.fit(days[:28]), days, FALLING)
    up = rates.fold(rates.fit(mirrored[:28]), mirrored, RISING)
    assert [p.log_m for p in up.points] == pytest.approx([p.log_m for p in down.points], abs=1e-6)


def test_a_finding_is_resolved_when_the_rate_is_back_and_found_again_when_it_falls_again():
    days = series((28, 0.75), (12, 0.6), (40, 0.76), (20, 0.6))
    evidence = rates.fold(rates.fit(days[:28]), days, FALLING)
    first, second = evidence.findings
    back = MONDAY + timedelta(days=28 + 12)
    assert back < first.resolved_day <= back + timedelta(days=20)
    assert second.watched_from > first.resolved_day
    assert second.resolved_day is None
    assert rates.started(rates.fit(days[:28]), days, first).day == MONDAY + timedelta(days=28)
    assert rates.started(rates.fit(days[:28]), days, second).day == MONDAY + timedelta(days=80)


def test_a_finding_stays_open_while_the_rate_stays_down():
    days = series((28, 0.75), (80, 0.65))
    assert rates.fold(rates.fit(days[:28]), days, FALLING).open is not None


def test_days_of_a_trickle_are_passed_over():
    days = series((28, 0.75), (5, 0.75))
    trickle = [*days, day(33, 4, 0)]
    baseline = rates.fit(days[:28])
    assert rates.fold(baseline, trickle, FALLING) == rates.fold(baseline, days, FALLING)


@settings(max_examples=50, deadline=None)
@given(random_series, st.integers(28, 80))
def test_later_days_never_change_earlier_points(days, until):
    baseline = rates.fit([*days[:28], day(28, 40, 20)])
    whole, part = (rates.fold(baseline, some, BOTH_WAYS) for some in (days, days[:until]))
    assert msgspec.json.encode(whole.points[: len(part.points)]) == msgspec.json.encode(part.points)


@settings(max_examples=50, deadline=None)
@given(random_series, st.integers(0, 79))
def test_one_more_thumb_down_never_lowers_the_evidence_of_a_fall(days, number):
    number %= len(days)
    baseline = rates.fit([*days[:28], day(28, 40, 20)])
    worse = list(days)
    worse[number] = RateDay(days[number].day, days[number].n, max(0, days[number].k - 1), days[number].s, 1)
    before, after = (rates.fold(baseline, some, FALLING) for some in (days, worse))
    until = len(before.points)
    if before.findings or after.findings:
        opened = min(f.alarm_day for f in (*before.findings, *after.findings))
        until = next(i for i, point in enumerate(before.points) if point.day == opened)
    assert all(b.log_m <= a.log_m + 1e-9 for b, a in zip(before.points[:until], after.points[:until], strict=True))


@settings(max_examples=50, deadline=None)
@given(random_series)
def test_any_baseline_gives_finite_evidence_and_an_ordered_start(days):
    baseline = rates.fit([*days[:28], day(28, 40, 20)])
    evidence = rates.fold(baseline, days, BOTH_WAYS)
    assert all(math.isfinite(point.log_m) for point in evidence.points)
    for finding in evidence.findings:
        start = rates.started(baseline, days, finding)
        assert finding.watched_from <= start.low <= start.high <= finding.alarm_day
        assert start.low <= start.day <= start.high or start.day in {start.low, start.high}


def test_the_effect_is_the_last_week_against_the_baseline():
    days = series((28, 0.75), (7, 0.75), (7, 0.60))
    effect = rates.effect(rates.fit(days[:28]), days)
    assert (effect.n, effect.value, effect.change) == (700, 0.6, pytest.approx(-0.15))
    assert effect.change_interval.low < -0.15 < effect.change_interval.high
    assert (effect.first_day, effect.last_day) == (days[-7].day, days[-1].day)
    assert rates.effect(rates.fit(days[:28]), days, window=14).value == pytest.approx(0.675)
    assert rates.effect(rates.fit(days[:28]), []) is None


def test_a_finding_is_strong_when_even_the_near_end_of_the_interval_is_beyond_the_limit():
    days = series((28, 0.75), (7, 0.60))
    effect = rates.effect(rates.fit(days[:28]), days)
    assert effect.is_strong(Direction.DOWN, 0.05)
    assert not effect.is_strong(Direction.DOWN, 0.12)
    assert not effect.is_strong(Direction.UP, 0.05)


def test_the_line_of_a_chart_ends_with_the_effect_and_lies_in_the_band_of_normal():
    days = series((28, 0.75), (7, 0.75))
    baseline = rates.fit(days[:28])
    line = rates.rolling(baseline, days)
    assert line[-1] == rates.effect(baseline, days)
    assert [one.n for one in line[:8]] == [100, 200, 300, 400, 500, 600, 700, 700]
    assert all(rates.band(baseline, one.n).holds(one.value) for one in line)
    assert not rates.band(baseline, 700).holds(0.65)
