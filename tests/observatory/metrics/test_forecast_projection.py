"""Projections of a month's end: arithmetic by hand, coverage by simulation, exceptions, plans, borders of months."""

import math
import random
from dataclasses import replace
from datetime import date, timedelta

import pytest

from observatory.metrics.forecasting import backtest, calming, outlook, projection, smoothing
from observatory.metrics.forecasting.growth import DEFAULT
from observatory.metrics.forecasting.outlook import Range, Recent, Standing
from observatory.metrics.forecasting.smoothing import TooFew

DAY = timedelta(days=1)
FLAT = (1 / 7,) * 7


def looked(amounts, basis):
    try:
        return outlook.made(amounts, basis, smoothing.fit(amounts))
    except TooFew:
        return outlook.made(amounts, basis, None)


def bill(days, seed=0, level=100.0, growth=0.0, spread=0.1):
    luck = random.Random(seed)
    return [
        level * math.exp(growth * day) * (0.5 if day % 7 >= 5 else 1.0) * math.exp(luck.gauss(0, spread))
        for day in range(days)
    ]


def test_coverage_of_the_intervals_by_simulation():
    inside_80 = inside_95 = 0
    for seed in range(70):
        amounts = bill(63 + 15, seed, growth=0.004)
        spent, came = sum(amounts[48:63]), sum(amounts[48:])
        known = outlook.made(amounts[:63], date(2026, 6, 15), smoothing.fit(amounts[:63]))
        end = known.ahead[-1].plus(spent)
        assert len(known.ahead) == 15
        inside_80 += end.low_80 <= came <= end.high_80
        inside_95 += end.low_95 <= came <= end.high_95
    assert 0.70 <= inside_80 / 70 <= 0.93
    assert inside_95 / 70 >= 0.90


def test_ranges_lie_inside_each_other_and_widen():
    known = looked(bill(90), date(2026, 3, 10))
    assert known.standing is Standing.OK
    assert len(known.ahead) == 21
    for one in (*known.ahead, *known.later):
        assert one.low_95 <= one.low_80 <= one.expected <= one.high_80 <= one.high_95
    assert known.ahead[-1].high_95 - known.ahead[-1].low_95 > known.ahead[0].high_95 - known.ahead[0].low_95
    assert len(known.later) == 3


def test_two_weeks_are_enough_for_a_range_and_fewer_are_not():
    assert looked(bill(14), date(2026, 3, 10)).standing is Standing.OK
    assert looked(bill(14), date(2026, 3, 10)).ahead[-1].low_95 is not None
    learning = looked([10.0] * 13, date(2026, 3, 10))
    assert (learning.standing, learning.known_days) == (Standing.LEARNING, 13)
    assert learning.ahead[-1] == Range(210.0), "the rate so far, without a range"
    assert learning.later[0] == Range(300.0), "April"


@pytest.mark.parametrize("amounts", [[0.0] * 60, [5.0] * 30 + [0.0] * 56])
def test_nothing_is_forecast_from_nothing(amounts):
    known = looked(amounts, date(2026, 3, 10))
    assert (known.standing, known.ahead, known.later) == (Standing.NO_DATA, (), ())
    (*_, last) = projection.days_of_month(date(2026, 3, 1), {}, 100.0, known)
    assert last == projection.DayOfMonth(date(2026, 3, 31), None, pytest.approx(100.0), None)


@pytest.mark.parametrize(
    ("basis", "days", "first_later"),
    [
        (date(2026, 1, 31), 28, 31),
        (date(2028, 2, 28), 1, 31),
        (date(2026, 12, 31), 31, 28),
        (date(2026, 12, 1), 30, 31),
    ],
)
def test_months_end_where_they_end(basis, days, first_later):
    known = looked([2.0] * 20, basis)
    assert len(known.ahead) == days
    assert known.later[0].expected == pytest.approx(2.0 * first_later, rel=1e-6)
    assert known.month == (basis + DAY).replace(day=1)


def test_what_has_come_and_what_is_to_come_by_hand():
    known = outlook.Outlook(
        Standing.OK, date(2026, 2, 26), 40, (Range(3.0, 2.0, 4.0, 1.0, 5.0), Range(6.0, 5.0, 7.0, 4.0, 8.0))
    )
    amounts = {date(2026, 2, 1) + number * DAY: 1.0 for number in range(27)}
    days = projection.days_of_month(date(2026, 2, 1), amounts, 56.0, known)
    assert [day.actual for day in days] == [*(float(one) for one in range(1, 28)), None]
    assert [day.plan for day in days] == pytest.approx([2.0 * one for one in range(1, 29)])
    assert days[24].projected is None
    assert days[25].projected == Range(26.0, 26.0, 26.0, 26.0, 26.0), "at its basis it is certain"
    assert days[26].projected == Range(29.0, 28.0, 30.0, 27.0, 31.0)
    assert days[27].projected == Range(32.0, 31.0, 33.0, 30.0, 34.0)
    assert projection.over_plan_on(days, 32.5) is None
    assert projection.over_plan_on(days, 30.0) == date(2026, 2, 28)
    assert projection.over_plan_on(days, 28.0) == date(2026, 2, 27)
    assert projection.over_plan_on(days, 9.5) == date(2026, 2, 10)
    assert projection.over_plan_on(days, 0.0) == date(2026, 2, 1)
    assert projection.over_plan_on(days, None) is None


def test_at_a_months_beginning_everything_is_still_to_come():
    known = looked([2.0] * 30, date(2026, 1, 31))
    days = projection.days_of_month(date(2026, 2, 1), {date(2026, 2, 1): 0.5}, None, known)
    assert days[0].actual == 0.5
    assert days[0].projected.expected == pytest.approx(2.0, rel=0.01)
    assert days[27].projected.expected == pytest.approx(56.0, rel=0.01)
    other = projection.days_of_month(date(2026, 3, 1), {}, None, known)
    assert all(day.projected is None for day in other), "an outlook of February says nothing of March's days"


def test_a_plan_is_laid_on_days_by_their_weekdays():
    amounts = [10.0 if (date(2026, 3, 1) - DAY * back).weekday() < 5 else 2.5 for back in range(60)][::-1]
    shares = outlook.weekday_shares(amounts, date(2026, 3, 1))
    assert shares == pytest.approx([10 / 55] * 5 + [2.5 / 55] * 2)
    plan = projection.plan_by_day(220.0, date(2026, 3, 1), shares)
    assert plan[-1] == pytest.approx(220.0)
    assert len(plan) == 31
    assert (plan[2] - plan[1]) == pytest.approx(4 * plan[0]), "a Tuesday has four times the first's, a Sunday's"
    assert outlook.weekday_shares([], date(2026, 3, 1)) == outlook.weekday_shares([0.0] * 60, date(2026, 3, 1)) == FLAT


def test_scenarios_follow_planned_users_and_else_the_trend():
    known = outlook.Outlook(
        Standing.OK, date(2026, 2, 26), 40, (), (Range(310.0, 300.0, 330.0, 1.0, 9.0), Range(320.0), Range(340.0)),
        recent=Recent(10.0, 1000), multiplier=DEFAULT,
    )  # fmt: skip
    end = Range(280.0, 270.0, 290.0, 260.0, 300.0)
    plans, users = {date(2026, 4, 1): 350.0}, {date(2026, 4, 1): 1200.0, date(2026, 2, 1): 900.0}
    now, march, april, may = projection.scenarios(known, end, plans, users)
    assert (now.by, now.conservative, now.expected, now.aggressive) == ("trend", 270.0, 280.0, 290.0)
    assert (march.month, march.by, march.expected, march.plan) == (date(2026, 3, 1), "trend", 310.0, None)
    assert (april.by, april.plan, april.planned_users) == ("users", 350.0, 1200.0)
    assert april.expected == pytest.approx(300 * 1.2**1.3)
    assert (april.conservative, april.aggressive) == (pytest.approx(300 * 1.2**1.2), pytest.approx(300 * 1.2**1.5))
    assert (may.by, may.conservative) == ("trend", None)
    unknown = replace(known, recent=Recent(10.0, None))
    assert {one.by for one in projection.scenarios(unknown, None, plans, users)} == {"trend"}


def test_one_giant_day_is_an_exception_and_three_are_a_new_level():
    calm, with_one, with_three = bill(60), bill(60), bill(60)
    with_one[-1] *= 40
    with_three[-3:] = [amount * 3 for amount in with_three[-3:]]
    usual, after_one, after_three = (
        outlook.made(one, date(2026, 3, 1), smoothing.fit(one)).ahead[-1].expected
        for one in (calm, with_one, with_three)
    )
    assert after_one == pytest.approx(usual, rel=0.25)
    assert after_three > 1.5 * usual
    expected = outlook.expected_days(smoothing.fit(with_one), date(2026, 1, 1))
    assert expected[-2].held_by(with_one[-1]) > 0.999
    assert expected[-1].quantile(0.0) == pytest.approx(calm[-1], rel=1.2)


def test_only_what_is_rare_is_an_exception():
    series = [math.log(amount) for amount in bill(84, spread=0.05)]
    assert calming.calmed(series) == calming.Calmed(series)
    rare = [value + 3 * (day == 40) - 3 * (day == 60) for day, value in enumerate(series)]
    assert calming.calmed(rare).exceptions == (40, 60)
    assert calming.calmed(rare).series[40] < rare[40] - 2
    often = [value + 3 * (day % 12 == 5) for day, value in enumerate(series)]
    assert calming.calmed(often).series == often, "what comes every twelve days is the nature of the bill"
    doubled = [value + math.log(2) * (day >= 70) for day, value in enumerate(series)]
    assert calming.calmed(doubled).series == doubled
    assert calming.calmed(series[:13]).series == series[:13]


def test_expected_days_are_what_was_known_before_each_of_them():
    amounts = bill(70)
    fitted = smoothing.fit(amounts)
    expected = outlook.expected_days(fitted, date(2026, 1, 1))
    assert [expected[0].day, expected[-1].day] == [date(2026, 1, 29), date(2026, 3, 12)]
    assert [one.known_days for one in expected] == list(range(28, 71))
    inside = [one.held_by(amounts[one.known_days]) <= 0.95 for one in expected[:-1]]
    assert sum(inside) / len(inside) >= 0.85
    one = expected[-1]
    assert one.held_by(one.quantile(1.96)) == pytest.approx(0.95, abs=1e-3)
    assert one.held_by(one.quantile(-1.96)) == pytest.approx(0.95, abs=1e-3)
    assert one.held_by(one.quantile(3.2905)) == pytest.approx(0.999, abs=1e-4)
    assert one.held_by(one.quantile(0.0)) == pytest.approx(0.0, abs=1e-9)


def test_a_bill_that_never_moved_is_not_expected_to_the_cent():
    expected = outlook.expected_days(smoothing.fit([50.0] * 40), date(2026, 1, 1))
    assert expected[-1].held_by(50.5) < 0.95
    assert expected[-1].held_by(60.0) > 0.999


def test_errors_of_month_ends_shrink_as_days_pass():
    found = backtest.month_trials(backtest.simulated()["steady"][:110])
    told = {left: backtest.month_summary(trials) for left, trials in found.items()}
    assert told[21].mean_error > told[3].mean_error
    assert all(one.inside_95 >= 0.9 and one.mean_error < 0.05 for one in told.values())
    assert backtest.month_trials([0.0] * 90) == {21: [], 14: [], 7: [], 3: []}
