"""What chat messages say, and texts as the search table has them. Pure.

The search table and what is sought go through the same `folded`, so that they meet whatever the database's locale:
small letters without accents between blanks, and each sign of scripts that write no blanks as a word of its own (a run
of them is then found as a phrase).
"""

import json
import re
import unicodedata

LONGEST = 8_000
"""So many characters of a text are searched and looked at."""
MOST_WORDS = 40
"""So many words of a query count."""

_SIGNS = bytes(byte if chr(byte).isalnum() else 32 for byte in range(128)).lower()
_ASCII = _SIGNS + bytes(128)
# Accents of Latin, Greek and Cyrillic, and the vowel points of Hebrew and Arabic.
_POINTS = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670]")
# Thai, Lao, Burmese, Khmer, kana, ideographs.
_APART = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_TERM = re.compile(r'(-?)(?:"([^"]*)"?|([^\s"]+))')
_CONTENT = re.compile(r'"(?:content|text)":\s*"([^"\\]*(?:\\.[^"\\]*)*)', re.DOTALL)
_HALF_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")
_KEYS = re.compile(r'"(\w+)":')
_ONLY_WORDS = {"role", "content", "type", "text", "name", "id"}


def folded(text: str) -> str:
    """A text as words between blanks; at most LONGEST characters of it, before and after."""
    text = text[:LONGEST]
    if text.isascii():
        return text.encode().translate(_ASCII).decode()
    text = unicodedata.normalize("NFC", _POINTS.sub("", unicodedata.normalize("NFKD", text[:LONGEST])))[:LONGEST]
    text = text.casefold()
    for sign in set(text):
        if unicodedata.category(sign)[0] in "PSZC":
            text = text.replace(sign, " ")
    return _APART.sub(lambda run: f" {' '.join(run[0])} ", text)


def query(sought: str) -> str:
    """What is sought as `websearch_to_tsquery` reads it: words, "phrases", -without, or; empty when it names no word.

    Everything but `or` is quoted, so that nothing else has a meaning of its own.
    """
    terms: list[str] = []
    left = MOST_WORDS
    for minus, phrase, word in _TERM.findall(sought):
        if word.lower() == "or" and not minus:
            terms.append("or")
            continue
        words = folded(phrase or word).split()[:left]
        left -= len(words)
        if words:
            terms.append(f'{minus}"{" ".join(words)}"')
    return " ".join(terms) if left < MOST_WORDS else ""


def said(messages: str) -> str:
    """What chat messages say: their contents, from JSON text that may end anywhere."""
    return "\n".join(_unescaped(content) for content in _CONTENT.findall(messages))


def asked(messages: str) -> str:
    """What the last user message says; empty where there is none, or the JSON text is not whole."""
    try:
        sent = json.loads(messages)
    except ValueError:
        return ""
    mine = [one for one in sent if isinstance(one, dict) and one.get("role") == "user"]
    return said(json.dumps(mine[-1], ensure_ascii=False)) if mine else ""


def is_blank(text: str, is_messages: bool) -> bool:
    """Whether there is nothing to read: no word, and in messages nothing else either (a call of a tool is no blank)."""
    if not is_messages:
        return not text.strip()
    return not said(text).strip() and set(_KEYS.findall(text)) <= _ONLY_WORDS


def _unescaped(content: str) -> str:
    """The text of a JSON string without its quotes, of which the end may be missing."""
    for whole in (content, _HALF_ESCAPE.sub("", content)):
        try:
            text: str = json.loads(f'"{whole}"', strict=False)
        except ValueError:
            continue
        return text
    return content
