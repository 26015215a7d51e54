"""Estimated token counts: what counts as one token, and how far estimates are from the usual rules of thumb."""

import gzip
import json
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.demo.answers import DATA
from ingest import tokens


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("   ", 0),
        ("Hello, world!", 4),
        ("internationalisation", 2),
        ("1234567", 3),
        ("日本語です", 4),
        ("привет", 2),
        ("a_b(c)", 6),
        ("});\n    return x", 4),
    ],
)
def test_words_numbers_signs_and_letters_of_other_alphabets_are_counted(text, count):
    assert tokens.estimate(text) == count


@given(st.text(max_size=50), st.text(max_size=50))
def test_a_text_and_another_have_about_as_many_tokens_as_both(one, other):
    together = tokens.estimate(f"{one} {other}")
    assert abs(together - tokens.estimate(one) - tokens.estimate(other)) <= 1


def test_of_a_beginning_the_whole_is_estimated():
    text = "word and word; " * 100
    assert tokens.estimate(text[:300], len(text)) == pytest.approx(tokens.estimate(text), rel=0.02)
    assert tokens.estimate(text, 3) == tokens.estimate(text)
    assert tokens.estimate("", 100) == 0


def test_estimates_of_real_answers_lie_between_the_usual_rules(capsys):
    """Four characters a token overcounts prose, four tokens for three words undercounts code: most answers lie between."""
    with gzip.open(DATA, "rt") as lines:
        outputs = [json.loads(line)["output"] for line in lines]
    outputs = [output for output in outputs if len(output) > 100 and output.isascii()]
    against = {
        "characters / 4": [tokens.estimate(output) / (len(output) / 4) for output in outputs],
        "words * 4/3": [tokens.estimate(output) / (len(output.split()) * 4 / 3) for output in outputs],
    }
    found = {}
    for rule, ratios in against.items():
        cuts = quantiles(ratios, n=20)
        found[rule] = (cuts[0], cuts[9], cuts[-1])
    with capsys.disabled():
        told = "; ".join(
            f"{rule}: {low:.2f} to {high:.2f}, median {mid:.2f}" for rule, (low, mid, high) in found.items()
        )
        print(f"\nestimated tokens of {len(outputs):,} answers against {told}")
    assert 0.7 < found["characters / 4"][1] < 1
    assert 0.85 < found["words * 4/3"][1] < 1.15
