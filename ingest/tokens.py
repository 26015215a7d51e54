"""How many tokens a text has, roughly, when nobody counted them. Pure.

Checked against counts of real tokenizers (see docs/explanation/estimates.md): English prose and code come out within
8 %, 2 % too high on the average; other languages within 40 %.
"""

import re

# Chinese, Japanese and Korean signs: four of them are about three tokens.
_WIDE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_WIDE_SIGN = re.compile(f"[{_WIDE}]")
_PIECE = re.compile(
    r"[A-Za-z]{1,12}"  # a word, or twelve letters of a longer one
    r"|[0-9]{1,3}"
    r"|\n\s*"  # a new line with what indents the next
    r"|[!-/:-@\[-`{-~]{1,3}"  # signs that stand together
    rf"|[^\x00-\x7f\s{_WIDE}]{{1,3}}"  # letters and signs beyond ASCII
)


def estimate(text: str, characters: int | None = None) -> int:
    """Estimate the tokens of a text; of a text of `characters` in all of which only the beginning is given.

    One token each: a word of up to twelve Latin letters, a number of up to three digits, up to three signs that stand
    together, up to three letters of other alphabets, a line break. Spaces belong to what follows them and count nothing.
    """
    found = len(_PIECE.findall(text)) + (3 * len(_WIDE_SIGN.findall(text)) + 2) // 4
    if characters is None or characters <= len(text) or not text:
        return found
    return round(found * characters / len(text))
