"""The e-detector against its definition, and the life of a finding."""

import math
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observatory.drift.methods import engine
from observatory.drift.methods.shape import BOTH_WAYS, FALLING, Direction, Evidence, Finding, Point, Side

SIDE = FALLING[0]
FIRST = date(2025, 3, 1)
ratios = st.lists(st.lists(st.floats(-3, 3), min_size=3, max_size=3), min_size=1, max_size=30)


def days(count):
    return [FIRST + timedelta(days=number) for number in range(count)]


def never(number):
    return False


def test_the_alarm_stands_at_the_log_of_ninety_days_over_alpha():
    assert engine.threshold(0.05) == pytest.approx(7.4955, abs=1e-4)


@given(ratios)
def test_log_m_is_the_log_of_the_recursion_in_plain_numbers(rows):
    evidence = engine.watch(days(len(rows)), rows, SIDE, never)
    plain = [0.0, 0.0, 0.0]
    for point, row in zip(evidence.points, rows, strict=True):
        plain = [(1 + m) * math.exp(ratio) for m, ratio in zip(plain, row, strict=True)]
        assert point.log_m == pytest.approx(math.log(sum(plain) / 3), abs=1e-9)


@given(ratios, st.integers(0, 29), st.floats(0.01, 2))
def test_more_evidence_on_one_day_never_lowers_the_evidence_of_any(rows, number, more):
    number %= len(rows)
    raised = [[ratio + more for ratio in row] if i == number else row for i, row in enumerate(rows)]
    before, after = (engine.watch(days(len(rows)), series, SIDE, never) for series in (rows, raised))
    assert all(b.evidence <= a.evidence for b, a in zip(before.points, after.points, strict=True))
    assert before.points[:number] == after.points[:number]


@given(ratios)
def test_evidence_stays_between_0_and_100_and_reaches_100_with_the_alarm(rows):
    evidence = engine.watch(days(len(rows)), rows, SIDE, never)
    assert all(0 <= point.evidence <= 100 for point in evidence.points)
    first = next((point.day for point in evidence.points if point.log_m >= engine.threshold(SIDE.alpha)), None)
    assert evidence.alarm_day == first
    assert [point.is_alarm for point in evidence.points] == [bool(first) and p.day >= first for p in evidence.points]


def test_even_endless_evidence_stays_a_number():
    evidence = engine.watch(days(400), [[50.0, 0.0]] * 400, SIDE, never)
    assert evidence.points[-1].log_m == pytest.approx(400 * 50, rel=1e-3)


def test_a_finding_is_resolved_after_three_days_whose_window_touches_normal():
    rows = [[8.0]] + [[-1.0]] * 29
    evidence = engine.watch(days(30), rows, SIDE, lambda number: number not in {16, 17})
    # The window that ends on day 13 is the first without a day from before the alarm; 13, 14, 15 would do.
    assert evidence.findings == (Finding(Direction.DOWN, SIDE.alpha, FIRST, FIRST, FIRST + timedelta(days=15)),)
    late = engine.watch(days(30), rows, SIDE, lambda number: number not in {14, 17})
    assert late.findings[0].resolved_day == FIRST + timedelta(days=20)
    assert late.open is None
    assert late.alarm_day is None


def test_after_resolving_the_detector_starts_anew_and_may_find_again():
    rows = [[8.0]] + [[-1.0]] * 19 + [[8.0]] * 3
    evidence = engine.watch(days(23), rows, SIDE, lambda number: True)
    assert [finding.alarm_day for finding in evidence.findings] == [FIRST, FIRST + timedelta(days=20)]
    assert evidence.findings[1].watched_from == FIRST + timedelta(days=16)
    assert evidence.points[16].log_m == -1.0
    assert evidence.open == evidence.findings[1]
    assert evidence.direction is Direction.DOWN


def test_of_two_sides_the_day_shows_the_nearer_one():
    def side(direction, *evidences):
        points = (Point(d, e, e, direction, False) for d, e in zip(days(len(evidences)), evidences, strict=True))
        return Evidence(tuple(points), ())

    both = engine.joined([side(Direction.DOWN, 1.0, 9.0), side(Direction.UP, 5.0, 3.0)])
    assert [point.direction for point in both.points] == [Direction.UP, Direction.DOWN]


def test_two_sides_share_the_budget_of_one():
    assert sum(side.alpha for side in BOTH_WAYS) == pytest.approx(SIDE.alpha)
    assert engine.threshold(BOTH_WAYS[0].alpha) > engine.threshold(Side(Direction.DOWN, 0.05).alpha)
