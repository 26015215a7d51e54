"""The edit ratio: the share of words that a user changed."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.corrections import _in_order, edit_ratio

WORDS = st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=12)


@pytest.mark.parametrize(
    ("output", "final", "ratio"),
    [
        ("one two three four", "one two three four", 0.0),
        ("one two three four", "one  two\nthree four ", 0.0),
        ("one two three four", "one 2 three four", 0.25),
        ("one two three four", "one two", 0.5),
        ("one two", "one two three four", 0.5),
        ("one two", "", 1.0),
        ("", "one two", 1.0),
        ("", "  ", 0.0),
        ("a b c", "c b a", 2 / 3),
        ("x a b c d y", "x d a b c y", 1 / 6),
    ],
)
def test_it_is_the_share_of_words_not_kept_in_order(output, final, ratio):
    assert edit_ratio(output, final) == pytest.approx(ratio)


def longest_common(one: list[str], other: list[str]) -> int:
    """The textbook table, as the oracle."""
    row = [0] * (len(other) + 1)
    for word in one:
        below = [0]
        for place, opposite in enumerate(other):
            below.append(row[place] + 1 if word == opposite else max(row[place + 1], below[place]))
        row = below
    return row[-1]


@given(WORDS, WORDS)
def test_the_bit_parallel_table_agrees_with_the_textbook(one, other):
    assert _in_order(one, other) == longest_common(one, other)


@given(WORDS, WORDS)
def test_it_is_symmetric_and_between_0_and_1(one, other):
    there, back = edit_ratio(" ".join(one), " ".join(other)), edit_ratio(" ".join(other), " ".join(one))
    assert there == back
    assert 0.0 <= there <= 1.0


@pytest.mark.parametrize("vocabulary", [1, 2, 20_000])
def test_a_mebibyte_of_words_takes_no_seconds(vocabulary):
    output = " ".join(str(number % vocabulary) for number in range(150_000))
    final = " ".join(str((number * 7 + 3) % vocabulary) for number in range(150_000))
    started = time.process_time()
    assert 0.0 <= edit_ratio("x " + output, final + " y") <= 1.0
    assert time.process_time() - started < 2
