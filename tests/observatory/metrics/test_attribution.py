"""Mix and within add up to the difference, and say which is which."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from observatory.metrics.attribution import Cause, Part, Split, kitagawa

counts = st.dictionaries(
    st.sampled_from("abcdef"),
    st.tuples(st.integers(0, 10_000), st.floats(0, 1)).map(lambda pair: (pair[0], round(pair[0] * pair[1]))),
    min_size=1,
)


def rate(sample):
    return sum(k for _, k in sample.values()) / sum(n for n, _ in sample.values())


@given(counts, counts)
def test_the_parts_add_up_to_the_difference(before, now):
    assume(sum(n for n, _ in before.values()) and sum(n for n, _ in now.values()))
    parts = kitagawa(before, now)
    assert sum(part.total for part in parts) == pytest.approx(rate(now) - rate(before), abs=1e-12)
    assert sum(part.share_now for part in parts) == pytest.approx(1)


def test_a_model_that_is_worse_and_grows_is_all_mix():
    before = {"strong": (310, 295), "weak": (20, 8), "others": (670, 450)}
    now = {"strong": (120, 114), "weak": (210, 84), "others": (670, 450)}
    parts = {part.name: part for part in kitagawa(before, now)}
    assert parts["weak"].mix < -0.04
    assert parts["weak"].within == 0
    assert parts["strong"].mix < -0.04
    assert parts["others"].total == pytest.approx(0)


def test_a_segment_whose_own_rate_falls_is_all_within():
    parts = kitagawa({"a": (50, 40), "b": (50, 40)}, {"a": (50, 30), "b": (50, 40)})
    assert [(part.name, part.mix) for part in parts] == [("a", 0), ("b", 0)]
    assert parts[0].within == pytest.approx(-0.1)


def test_a_new_segment_has_no_rate_before_and_is_all_mix():
    new = next(part for part in kitagawa({"a": (100, 80)}, {"a": (50, 40), "b": (50, 20)}) if part.name == "b")
    assert new.rate_before is None
    assert (new.share_before, new.share_now) == (0, 0.5)
    assert new.within == 0
    assert new.mix < 0


def test_without_trials_on_a_side_there_is_nothing_to_split():
    assert kitagawa({}, {"a": (3, 1)}) == []
    assert kitagawa({"a": (3, 1)}, {"a": (0, 0)}) == []


def part(mix, within):
    return Part("a", 0.5, 0.5, 0.8, 0.7, mix, within)


def test_parts_are_added_up_side_by_side():
    split = Split([part(-0.04, 0.01), part(-0.02, -0.03)])
    assert (split.mix, split.within, split.total) == pytest.approx((-0.06, -0.02, -0.08))
    assert split.mix_share == pytest.approx(0.75)


@pytest.mark.parametrize(
    ("mix", "within", "cause"),
    [
        (-0.06, -0.04, Cause.MIX),
        (0.06, 0.05, Cause.BOTH),
        (-0.04, -0.06, Cause.WITHIN),
        (0.02, -0.05, Cause.WITHIN),
        (-0.05, 0.02, Cause.MIX),
        (0.05, -0.05, None),
    ],
)
def test_most_of_a_move_has_a_cause(mix, within, cause):
    assert Split([part(mix, within)]).cause is cause


def test_nothing_has_no_cause():
    assert (Split([]).total, Split([]).mix_share, Split([]).cause) == (0, None, None)
