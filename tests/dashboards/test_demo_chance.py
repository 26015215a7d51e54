"""The demo's kinds of chance keep their promises, and its texts are counted and edited sensibly."""

import random
from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboards.demo.quotas import Coin, Deck, Quota
from dashboards.demo.texts import count_tokens, edited, language_of


@given(seed=st.integers(0, 1_000), shares=st.lists(st.integers(1, 50), min_size=2, max_size=12))
def test_a_quota_stays_within_two_draws_of_every_share_at_every_moment(seed: int, shares: list[int]) -> None:
    named = {str(number): share / sum(shares) for number, share in enumerate(shares)}
    quota, counts = Quota(random.Random(seed)), Counter[str]()
    for drawn in range(1, 400):
        counts[quota.draw(named)] += 1
        assert all(abs(counts[name] - share * drawn) < 3 for name, share in named.items())


def test_a_key_without_a_share_is_never_drawn() -> None:
    quota = Quota(random.Random(1))
    assert {quota.draw({"a": 0.5, "b": 0.5, "c": 0.0}) for _ in range(100)} == {"a", "b"}


def test_a_coin_keeps_close_to_its_probability_and_is_not_regular() -> None:
    coin = Coin(random.Random(5))
    tosses = [coin.toss(0.3) for _ in range(5_000)]
    gaps = Counter(index - before for before, index in pairwise(i for i, yes in enumerate(tosses) if yes))
    assert abs(sum(tosses) - 1_500) < 15
    assert len(gaps) > 6


def test_a_coin_keeps_close_for_each_key() -> None:
    coin = Coin(random.Random(5))
    ups = Counter[str]()
    for number in range(4_000):
        key, probability = ("strong", 0.9) if number % 4 else ("weak", 0.2)
        ups[key] += coin.toss(probability, key)
    assert abs(ups["strong"] - 2_700) < 15
    assert abs(ups["weak"] - 200) < 15


def test_a_deck_deals_every_card_before_one_comes_again() -> None:
    deck = Deck(range(10), random.Random(3))
    assert sorted(deck.deal() for _ in range(10)) == list(range(10))
    assert sorted(deck.deal() for _ in range(10)) == list(range(10))


def test_tokens_are_counted_from_the_text() -> None:
    assert count_tokens("") == 0
    assert count_tokens("a") == 1
    assert count_tokens("Summarise the attached report in three short sentences.") == 12


def test_english_is_told_from_code_and_formulas() -> None:
    assert language_of("Write a letter to the bank that I can send today") == "en"
    assert language_of("def f(x):\n    return sum(map(int, str(x)))") is None
    assert language_of("7 + 12x = 29") is None


@given(text=st.text(min_size=1), seed=st.integers(0, 50))
def test_an_edited_text_is_never_longer(text: str, seed: int) -> None:
    assert len(edited(text, random.Random(seed))) <= len(text)


def test_an_edit_drops_one_sentence() -> None:
    text = "First things first. Then the second. And a third. At last the end."
    results = {edited(text, random.Random(seed)) for seed in range(30)}
    assert "Then the second. And a third. At last the end." in results
    assert len(results) >= 3
    assert all(0 < len(result) < len(text) for result in results)
