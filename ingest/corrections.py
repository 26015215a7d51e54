"""How much of an output a user changed. Pure, and bounded in time whatever the texts are."""

import re
from collections import Counter
from collections.abc import Sequence

MOST_PAIRS = 200_000_000
_WORD = re.compile(r"\S+")


def edit_ratio(output: str, final: str) -> float:
    """The share of words that were changed: 0 for the same words in the same order, 1 for nothing kept.

    Words kept are the longest common subsequence of both texts' words, taken against the longer text, so that what was
    taken away counts and what was added. What begins and ends both texts alike is set aside first. When the rest is
    beyond some 14,000 words on each side, words in common are counted without their order.
    """
    before, after = _WORD.findall(output), _WORD.findall(final)
    longer = max(len(before), len(after))
    if not longer:
        return 0.0
    head = _alike(before, after)
    before, after = before[head:], after[head:]
    tail = _alike(before[::-1], after[::-1])
    before, after = before[: len(before) - tail], after[: len(after) - tail]
    kept = _in_order if len(before) * len(after) <= MOST_PAIRS else _in_any_order
    return 1.0 - (head + tail + kept(before, after)) / longer


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many words at the beginning are the same."""
    for count, (word, opposite) in enumerate(zip(one, other, strict=False)):
        if word != opposite:
            return count
    return min(len(one), len(other))


def _in_order(before: Sequence[str], after: Sequence[str]) -> int:
    """The length of the longest common subsequence, a row of the table at a time in the bits of one integer.

    Hyyrö, "Bit-parallel LCS-length computation revisited" (2004): V' = (V + (V & M)) | (V & ~M); the zeros of the last
    row are the common words.
    """
    places: dict[str, int] = {}
    for place, word in enumerate(before):
        places[word] = places.get(word, 0) | (1 << place)
    every = (1 << len(before)) - 1
    row = every
    for word in after:
        matches = row & places.get(word, 0)
        if matches:
            row = ((row + matches) | (row - matches)) & every
    return len(before) - row.bit_count()


def _in_any_order(before: Sequence[str], after: Sequence[str]) -> int:
    return (Counter(before) & Counter(after)).total()
