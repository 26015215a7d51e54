"""Model changes are noticed once, with both sides, and never out of luck or in a feature's first week."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from observatory.metrics.changes import NoticedKind, noticed

FIRST = date(2025, 1, 1)


def day(number):
    return FIRST + timedelta(days=number - 1)


def traffic(days, shares, calls=200):
    """Calls by model for days 1 to `days`; `shares` gives each day's shares by its number."""
    return {day(d): {model: round(share * calls) for model, share in shares(d).items()} for d in range(1, days + 1)}


def between_45_and_52(d):
    moved = 0.19 * min(max(d - 44, 0), 8) / 8
    return {"gpt-4-1106-preview": 0.31 - moved, "Llama-2-70b-chat": 0.02 + moved, "others": 0.67}


def test_a_gradual_shift_is_one_change_that_names_both_sides():
    (change,) = noticed(traffic(60, between_45_and_52), FIRST)
    assert change.kind is NoticedKind.SHIFTED
    assert change.reason == "gpt-4-1106-preview 31 → 12 %, Llama-2-70b-chat 2 → 21 %"
    assert change.model == "Llama-2-70b-chat"
    assert day(45) <= change.day <= day(52)


def test_a_change_keeps_its_key_while_it_goes_on():
    keys = {tuple(change.key for change in noticed(traffic(days, between_45_and_52), FIRST)) for days in range(52, 80)}
    assert len(keys) == 1


def test_a_sudden_shift_is_dated_on_its_day():
    (change,) = noticed(traffic(60, lambda d: {"a": 0.8, "b": 0.2} if d < 30 else {"a": 0.2, "b": 0.8}), FIRST)
    assert (change.day, change.reason) == (day(30), "a 80 → 20 %, b 20 → 80 %")


def test_a_shift_there_and_a_shift_back_are_two_changes():
    days = traffic(90, lambda d: {"a": 0.3, "b": 0.7} if 40 <= d < 60 else {"a": 0.7, "b": 0.3})
    assert [(change.day, change.model) for change in noticed(days, FIRST)] == [(day(40), "b"), (day(60), "a")]


@pytest.mark.parametrize(("moved", "expected"), [(0.09, 0), (0.11, 1)])
def test_a_shift_needs_ten_points(moved, expected):
    days = traffic(60, lambda d: {"a": 0.5 - moved * (d >= 30), "b": 0.5 + moved * (d >= 30)}, calls=2000)
    assert len(noticed(days, FIRST)) == expected


def test_a_shift_of_few_calls_is_luck():
    days = traffic(60, lambda d: {"a": 0.5 - 0.2 * (d >= 30), "b": 0.5 + 0.2 * (d >= 30)}, calls=10)
    assert noticed(days, FIRST) == []


def test_a_new_model_is_noticed_on_its_first_day_of_some_weight():
    days = traffic(30, lambda d: {"old": 1.0})
    for number, calls in ((10, 1), (12, 2), (20, 150)):
        days[day(number)] = {"old": 200, "new": calls}
    (change,) = noticed(days, FIRST)
    assert (change.kind, change.model, change.day) == (NoticedKind.APPEARED, "new", day(20))
    assert change.reason == "new appeared: 150 of 350 calls that day"


def test_a_new_model_with_twenty_calls_counts_in_any_crowd():
    days = traffic(30, lambda d: {"old": 1.0}, calls=100_000)
    days[day(15)] = {"old": 100_000, "new": 20}
    assert [change.model for change in noticed(days, FIRST)] == ["new"]


def test_a_switch_to_a_new_model_is_an_appearance_and_a_shift_on_the_same_day():
    changes = noticed(traffic(40, lambda d: {"old": 1.0} if d < 20 else {"new": 1.0}), FIRST)
    assert {(change.kind, change.day) for change in changes} == {
        (NoticedKind.APPEARED, day(20)),
        (NoticedKind.SHIFTED, day(20)),
    }


def test_nothing_is_noticed_in_the_first_seven_days():
    assert noticed(traffic(7, lambda d: {f"model {d}": 1.0}), FIRST) == []
    assert noticed({}, FIRST) == []


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_steady_shares_are_never_a_change(seed):
    rng = np.random.default_rng(seed)
    shares = rng.dirichlet(np.full(6, 4.0))
    days = {day(d): dict(enumerate(rng.multinomial(150, shares).tolist())) for d in range(1, 61)}
    named = {when: {f"m{model}": n for model, n in calls.items()} for when, calls in days.items()}
    assert [change for change in noticed(named, FIRST) if change.kind is NoticedKind.SHIFTED] == []
