"""The two sides of a correction: what was taken away and what was added, in any script, in bounded time."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.text import word_diff


def marked(pieces, kind):
    return [piece.text for piece in pieces if piece.kind == kind]


@pytest.mark.parametrize(
    ("before", "after", "taken", "added"),
    [
        ("The cat sat.", "The dog sat.", ["cat "], ["dog "]),
        ("one two", "one two three", [], ["three"]),
        ("今日は天気がいい。", "今日は天気が悪い。", ["い"], ["悪"]),
        ("我们明天见", "我们后天见", ["明"], ["后"]),
        ("a, b", "a; b", [", "], ["; "]),
        ("same", "same", [], []),
        ("all gone", "", ["all gone"], []),
        ("", "all new", [], ["all new"]),
        ("  \n", " ", [], []),
    ],
)
def test_it_marks_the_words_that_changed(before, after, taken, added):
    left, right = word_diff(before, after)
    assert (marked(left, "del"), marked(right, "ins")) == (taken, added)


@given(
    st.text(st.sampled_from("ab ,\n今日\u3000é"), max_size=40),
    st.text(st.sampled_from("ab ,\n今日\u3000é"), max_size=40),
)
def test_nothing_is_left_out_and_what_is_the_same_is_said_on_both_sides(before, after):
    left, right = word_diff(before, after)
    assert ("".join(piece.text for piece in left), "".join(piece.text for piece in right)) == (before, after)
    same = ["".join(marked(side, "same")).split() for side in (left, right)]
    assert "".join(same[0]) == "".join(same[1])


def test_a_page_never_waits_for_a_hostile_correction():
    chance = random.Random(1)
    started = time.process_time()
    for before, after in (
        ("a " * 20_000, "a b " * 10_000),
        (" ".join(chance.choices("ab", k=6_000)), " ".join(chance.choices("ab", k=6_000))),
        (" ".join(str(chance.random()) for _ in range(50_000)), " ".join(str(chance.random()) for _ in range(50_000))),
    ):
        word_diff(before, after)
    assert time.process_time() - started < 3
