"""Chance that keeps its promises: counts follow their shares in every stretch of a stream, not only in the long run.

A replay of two months has too few calls to leave a day's shares to luck: pure chance would draw falls and rises that
nobody planned. These three deal from shares and remember what they still owe.
"""

import random
from collections.abc import Mapping, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


def seeded(part: str) -> random.Random:
    """Give one part of the replay its own chance, the same at every run."""
    return random.Random(f"demo: {part}")  # noqa: S311 (a replay must repeat itself; nothing here is secret)


# How much of a draw is left to chance, in units of one draw: enough to hide the pattern, too little to bend a day.
_WOBBLE = 0.5
# How strongly a coin leans back, per draw it owes: days wobble by one or two points in a hundred tosses, weeks hardly.
_PULL = 0.1


class Quota:
    """Draws keys by their shares; the count of each key stays within about one draw of its share, at any moment."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._owed: dict[str, float] = {}

    def draw(self, shares: Mapping[str, float]) -> str:
        """Draw one key. The shares sum to 1 and may change from draw to draw."""
        for key, share in shares.items():
            if key not in self._owed:
                self._owed[key] = self._rng.random() - 0.5  # else all the rare keys would come due at once
            self._owed[key] += share
        chosen = max(shares, key=lambda key: self._owed[key] + _WOBBLE * self._rng.random() if shares[key] else -1e9)
        self._owed[chosen] -= 1
        return chosen


class Coin:
    """Tosses yes or no at a probability that may differ by key, and leans back when the count leaves what was due."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._owed = 0.0
        self._owed_of: dict[str, float] = {}

    def toss(self, probability: float, key: str = "") -> bool:
        """Toss once: yes at `probability`, corrected by what all keys together and this key alone still owe."""
        owed_of_key = self._owed_of.get(key, 0.0)
        is_yes = self._rng.random() < probability + _PULL * (self._owed + owed_of_key)
        self._owed += probability - is_yes
        self._owed_of[key] = owed_of_key + probability - is_yes
        return is_yes


class Deck(Generic[T]):
    """Deals every card once, in random order, before any card comes again."""

    def __init__(self, cards: Sequence[T], rng: random.Random) -> None:
        self._cards = list(cards)
        self._rng = rng
        self._left: list[T] = []

    def deal(self) -> T:
        """Deal the next card, shuffling anew when the deck is through."""
        if not self._left:
            self._left = self._cards[:]
            self._rng.shuffle(self._left)
        return self._left.pop()
