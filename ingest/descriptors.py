"""What can be said about a text without its words: the descriptors that text drift watches. Pure, standard library.

The numbers of hash-only projects are taken here before a text is dropped; those of texts that are kept, by a job. Each
looks at the text once and is bounded, so a text costs time in proportion to its length.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence

import msgspec

from ingest.digest.declining import is_refusal

TYPES_AMONG = 200
"""The type–token ratio falls with the length of a text, so only so many words count."""
SCRIPT_AMONG = 400

_DIGITS = b"0123456789"
_URL = re.compile("(?:https?|ftp)://[^\\s]|www\\.[a-z0-9]", re.IGNORECASE)
_LIST = re.compile("\n[ \t]{0,8}(?:[-*•‣◦]|[0-9]{1,3}[.)])[ \t]")
_BOLD = re.compile("\\*\\*[^\\s*][^*\n]{0,200}\\*\\*")
# Where each script begins in Unicode; what lies between named ones is "Other".
_SCRIPTS = (
    (0x41, "Latin"), (0x370, "Greek"), (0x400, "Cyrillic"), (0x530, "Armenian"), (0x590, "Hebrew"), (0x600, "Arabic"),
    (0x700, "Other"), (0x900, "Devanagari"), (0x980, "Bengali"), (0xA00, "Other"), (0xB80, "Tamil"), (0xC00, "Telugu"),
    (0xC80, "Other"), (0xE00, "Thai"), (0xE80, "Other"), (0x10A0, "Georgian"), (0x1100, "Hangul"), (0x1200, "Other"),
    (0x1E00, "Latin"), (0x1F00, "Greek"), (0x2000, "Other"), (0x3040, "Kana"), (0x3100, "Other"), (0x3400, "Han"),
    (0xA000, "Other"), (0xAC00, "Hangul"), (0xD7B0, "Other"), (0xF900, "Han"), (0xFB00, "Latin"), (0xFB1D, "Hebrew"),
    (0xFB50, "Arabic"), (0xFE00, "Other"), (0xFF21, "Latin"), (0xFF66, "Kana"), (0xFFA0, "Other"), (0x20000, "Han"),
)  # fmt: skip
_LATIN_LETTER = re.compile("[A-Za-z]")
_BEGINNINGS = [beginning for beginning, _ in _SCRIPTS]


class Descriptors(msgspec.Struct):
    """One text's numbers. Counts are of characters but for `words`; the length is kept as it is, its logarithm is taken later."""

    chars: int
    words: int
    digits: int
    non_ascii: int
    has_url: bool
    has_code: bool
    has_list: bool
    has_bold: bool
    has_question: bool
    is_refusal: bool
    is_blank: bool
    type_token_ratio: float | None
    script: str | None
    tokens: int | None = None
    """Estimated, where nobody counted them and nobody can any more."""


def describe(text: str, words: Sequence[str], tokens: int | None = None) -> Descriptors:
    """Take the numbers of one text, given with its words (`corrections.words`); of chat messages, of what they say."""
    first = [word.lower() for word in words[:TYPES_AMONG]]
    return Descriptors(
        chars=len(text),
        words=len(words),
        digits=len(text) - len(text.encode("latin-1", "replace").translate(None, _DIGITS)),
        non_ascii=len(text) - len(text.encode("ascii", "ignore")),
        has_url=("://" in text or "www." in text) and _URL.search(text) is not None,
        has_code="```" in text,
        has_list=_LIST.search(text) is not None or _LIST.match(f"\n{text[:16]}") is not None,
        has_bold="**" in text and _BOLD.search(text) is not None,
        has_question=any(mark in text for mark in "?？؟"),
        is_refusal=is_refusal(text),
        is_blank=not text.strip(),
        type_token_ratio=round(len(set(first)) / len(first), 3) if first else None,
        script=script_of(text),
        tokens=tokens,
    )


def script_of(text: str) -> str | None:
    """The script of most letters of a text's beginning; None without a letter."""
    if text.isascii():
        return "Latin" if _LATIN_LETTER.search(text) else None
    counted: Counter[str] = Counter()
    for sign, count in Counter(text[:SCRIPT_AMONG]).items():
        if sign.isalpha():
            counted[_SCRIPTS[bisect_right(_BEGINNINGS, ord(sign)) - 1][1]] += count
    return counted.most_common(1)[0][0] if counted else None
