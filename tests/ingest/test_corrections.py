"""The edit ratio: the share of words that a user changed; and the changes themselves."""

import itertools
import json
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import corrections
from ingest.corrections import changes, edit_ratio, ratio, said, words

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
        ("今日は天気がいい。", "今日は天気が悪い。", 1 / 9),
        ("我们明天见", "我们后天见", 1 / 5),
        ("나는 학교에 간다", "나는 집에 간다", 1 / 3),
        ("สวัสดี", "สวัสดิ", 1 / 6),
        ("GPT写的文章", "GPT写的诗", 2 / 5),
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
    longer = max(len(one), len(other))
    assert ratio(one, other) == (1 - longest_common(one, other) / longer if longer else 0)


@given(WORDS, WORDS)
def test_changes_keep_a_longest_common_subsequence_and_leave_nothing_out(one, other):
    found = changes(one, other)
    assert [token for part in found for token in one[part.i1 : part.i2]] == one
    assert [token for part in found for token in other[part.j1 : part.j2]] == other
    assert all(one[part.i1 : part.i2] == other[part.j1 : part.j2] for part in found if part.is_same)
    assert sum(part.i2 - part.i1 for part in found if part.is_same) == longest_common(one, other)
    assert all(part.is_same != after.is_same for part, after in itertools.pairwise(found))


@given(WORDS, WORDS)
def test_anchors_change_no_ratio_of_texts_that_have_them_everywhere(one, other):
    """Each word numbered, so that it is met once on each side: then the anchors are on a longest chain."""
    frame = [f"w{number}" for number in range(30)]
    before, after = frame[:15] + one + frame[15:], ["new", *frame[:15], *other, *frame[15:], "end"]
    exact = ratio(before, after)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corrections, "MOST_PAIRS", 20 * 20)  # less than the whole, and enough for what lies between
        assert ratio(before, after) == pytest.approx(exact)


def test_marks_are_compared_as_words_are():
    marks = {word: bytes([number, 7]) for number, word in enumerate(["one", "two", "three", "four", "2"])}
    before, after = words("one two three four"), words("one 2 three four")
    assert ratio([marks[word] for word in before], [marks[word] for word in after]) == 0.25


@pytest.mark.parametrize(
    ("output", "text"),
    [
        ([{"role": "assistant", "content": "one two"}], "one two"),
        (
            [{"content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}, {"content": "3"}],
            "one\ntwo\n3",
        ),
        ([{"role": "tool", "content": None}, {"content": [{"type": "image"}]}], ""),
        ({"content": "no list"}, None),
    ],
)
def test_of_chat_messages_what_they_say_is_compared(output, text):
    assert said(json.dumps(output)) == text


def test_messages_that_were_cut_say_nothing_that_could_be_compared():
    assert said('[{"content": "one tw') is None


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


def han(chance: random.Random, length: int) -> str:
    """Chinese-looking text: few characters often, many rarely."""
    return "".join(chr(0x4E00 + int(chance.paretovariate(0.5)) % 5000) for _ in range(length))


def test_long_texts_that_differ_do_not_pass_for_alike_because_they_share_their_characters():
    chance = random.Random(1)
    text = han(chance, 60_000)
    edited = text[:9_000] + "改改改" + text[9_010:50_000] + text[51_000:] + "完"
    started = time.process_time()
    assert edit_ratio(text, edited) == pytest.approx(1_010 / 60_000, abs=0.001)
    assert edit_ratio(text, han(chance, 60_000)) > 0.6
    assert time.process_time() - started < 2
    parts = changes(words(text), words(edited))
    assert [part.is_same for part in parts] == [True, False, True, False, True, False]
