"""How much of an output a user changed, and where. Pure, and bounded in time whatever the texts are.

Everything below `words` takes any sequences of hashable tokens, so that texts nobody keeps can be compared by marks of
their words.
"""

import json
import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from typing import Any, NamedTuple

MOST_PAIRS = 200_000_000
MOST_TRACED = 50_000_000
GRAM = 6
# Scripts without blanks between words: each character stands for itself, with the marks that it carries.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3001-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"  # Chinese, Japanese and their signs
    "\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{UNSPACED}][\u0300-\u036f\u3099\u309a\ufe00-\ufe0f\U000e0100-\U000e01ef]*|[^\s{UNSPACED}]+")


class Stretch(NamedTuple):
    """Tokens `i1:i2` of the one side beside `j1:j2` of the other; `is_same`: they are equal, one by one."""

    i1: int
    i2: int
    j1: int
    j2: int
    is_same: bool


def words(text: str) -> list[str]:
    """The words of a text: what stands between blanks; single characters where a script writes no blanks."""
    return _WORD.findall(text)


def said(output: str) -> str | None:
    """What chat messages, as JSON, say; None when they are no whole JSON list of objects."""
    try:
        messages = json.loads(output)
    except ValueError:
        return None
    if not isinstance(messages, list):
        return None
    return "\n".join(text for message in messages if isinstance(message, dict) for text in _parts(message))


def _parts(message: dict[str, Any]) -> Iterator[str]:
    """The texts of one message: its content, or the texts of its content's parts."""
    content = message.get("content")
    for part in content if isinstance(content, list) else [content]:
        text = part.get("text", part.get("content")) if isinstance(part, dict) else part
        if isinstance(text, str):
            yield text


def edit_ratio(output: str, final: str) -> float:
    """The share of words that were changed: 0 for the same words in the same order, 1 for nothing kept."""
    return ratio(words(output), words(final))


def ratio(before: Sequence[Hashable], after: Sequence[Hashable]) -> float:
    """The share of tokens that were changed.

    Kept are those of the longest common subsequence, taken against the longer side, so that what was taken away counts
    and what was added. Between stretches that are alike, more than some 14,000 tokens on each side are counted without
    their order.
    """
    longer = max(len(before), len(after))
    return 1.0 - sum(_kept(before, after, one) for one in stretches(before, after)) / longer if longer else 0.0


def changes(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[Stretch]:
    """Both sides cut into stretches that are the same and stretches that differ, in order, as a diff shows them.

    Stretches too long to compare differ as a whole.
    """
    found: list[Stretch] = []
    for one in stretches(before, after):
        for part in [one] if one.is_same else _traced(before, after, one):
            if found and found[-1].is_same == part.is_same:
                found[-1] = Stretch(found[-1].i1, part.i2, found[-1].j1, part.j2, part.is_same)
            else:
                found.append(part)
    return found


def stretches(before: Sequence[Hashable], after: Sequence[Hashable]) -> Iterator[Stretch]:
    """Set aside what begins and ends both sides alike, and in what is long, runs of tokens that both have just once."""
    head = _alike(before, after)
    tail = _alike(before[head:][::-1], after[head:][::-1])
    i2, j2 = len(before) - tail, len(after) - tail
    if head:
        yield Stretch(0, head, 0, head, is_same=True)
    i1, j1 = head, head
    if (i2 - i1) * (j2 - j1) > MOST_PAIRS:
        for i, j in _anchors(before[i1:i2], after[j1:j2]):
            if head + i > i1 or head + j > j1:
                yield Stretch(i1, head + i, j1, head + j, is_same=False)
            i1, j1 = head + i + 1, head + j + 1
            yield Stretch(i1 - 1, i1, j1 - 1, j1, is_same=True)
    if i2 > i1 or j2 > j1:
        yield Stretch(i1, i2, j1, j2, is_same=False)
    if tail:
        yield Stretch(i2, len(before), j2, len(after), is_same=True)


def _alike(one: Sequence[Hashable], other: Sequence[Hashable]) -> int:
    """How many tokens at the beginning are the same."""
    for count, (token, opposite) in enumerate(zip(one, other, strict=False)):
        if token != opposite:
            return count
    return min(len(one), len(other))


def _anchors(before: Sequence[Hashable], after: Sequence[Hashable]) -> list[tuple[int, int]]:
    """Where runs of GRAM tokens begin that each side has once: the most of them that stand in the same order."""
    there = _once(after)
    pairs = [(i, there[gram]) for gram, i in _once(before).items() if gram in there]
    ends: list[int] = []  # the place on the other side where the best chain of each length ends
    places: list[int] = []  # of each such chain, its last pair
    previous: list[int] = []
    for number, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        previous.append(places[length - 1] if length else -1)
        ends[length : length + 1] = [j]
        places[length : length + 1] = [number]
    chain = []
    number = places[-1] if places else -1
    while number >= 0:
        chain.append(pairs[number])
        number = previous[number]
    return chain[::-1]


def _once(tokens: Sequence[Hashable]) -> dict[int, int]:
    """The hash of each run of GRAM tokens that is met once → where it begins, in order."""
    grams = list(map(hash, zip(*(tokens[start:] for start in range(GRAM)), strict=False)))
    met = Counter(grams)
    return {gram: place for place, gram in enumerate(grams) if met[gram] == 1}


def _kept(before: Sequence[Hashable], after: Sequence[Hashable], one: Stretch) -> int:
    """How many tokens of a stretch were kept."""
    if one.is_same:
        return one.i2 - one.i1
    sides = sorted((before[one.i1 : one.i2], after[one.j1 : one.j2]), key=len)
    if len(sides[0]) * len(sides[1]) > MOST_PAIRS:
        return (Counter(sides[0]) & Counter(sides[1])).total()
    last = (1 << len(sides[0])) - 1
    for row in _rows(*sides):
        last = row
    return len(sides[0]) - last.bit_count()


def _rows(one: Sequence[Hashable], other: Sequence[Hashable]) -> Iterator[int]:
    """The table of the longest common subsequence, a row at a time in the bits of one integer.

    Hyyrö, "Bit-parallel LCS-length computation revisited" (2004): V' = (V + (V & M)) | (V & ~M); a zero in the row of
    `other[:j]` says that one more token is common as soon as `one` reaches so far.
    """
    places: dict[Hashable, int] = {}
    for place, token in enumerate(one):
        places[token] = places.get(token, 0) | (1 << place)
    every = (1 << len(one)) - 1
    row = every
    for token in other:
        matches = row & places.get(token, 0)
        if matches:
            row = ((row + matches) | (row - matches)) & every
        yield row


def _traced(before: Sequence[Hashable], after: Sequence[Hashable], one: Stretch) -> list[Stretch]:
    """Walk the table back from its end: the stretches of a longest common subsequence and what lies between them."""
    old, new = before[one.i1 : one.i2], after[one.j1 : one.j2]
    if not old or not new or len(old) * len(new) > MOST_TRACED:
        return [one]
    rows = [(1 << len(old)) - 1, *_rows(old, new)]
    found: list[Stretch] = []
    i, j = len(old), len(new)
    while i and j:
        if rows[j] >> (i - 1) & 1:  # without this old token no less is common
            i -= 1
        elif not rows[j - 1] >> (i - 1) & 1:  # nor without this new one
            j -= 1
        else:
            i, j = i - 1, j - 1
            found.append(Stretch(one.i1 + i, one.i1 + i + 1, one.j1 + j, one.j1 + j + 1, is_same=True))
    return list(_with_gaps(one, found[::-1]))


def _with_gaps(one: Stretch, same: Sequence[Stretch]) -> Iterator[Stretch]:
    """The stretches that are the same and what lies between them, up to the ends of `one`."""
    i, j = one.i1, one.j1
    for part in same:
        if part.i1 > i or part.j1 > j:
            yield Stretch(i, part.i1, j, part.j1, is_same=False)
        yield part
        i, j = part.i2, part.j2
    if i < one.i2 or j < one.j2:
        yield Stretch(i, one.i2, j, one.j2, is_same=False)
