"""The bytes of a body taken apart into the bytes of its items, before any of them is decoded. Pure.

All of it is linear in time, and stops at what only a hostile sender reaches.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice

import msgspec

from ingest.contract import MOST_ITEMS, MOST_VALUES
from ingest.refusals import Malformed, TooLarge

INCOMPLETE = "The body is not one complete JSON document."
BLANKS = b" \t\r\n"
MOST_BRACKETS = 300_000
# So few bytes cannot hold more values than a tenth of a second and some ten mebibytes are enough for.
HARMLESS = 512 * 1024
# Python keeps a text with one sign beyond the first 65,536 in four bytes a sign, any other in two at most.
LARGEST_DECODED = 40 * 1024 * 1024

Piece = bytes | memoryview
"""The bytes of an item: a view where there are several, for copies would be the whole body once more."""

_PIECES = msgspec.json.Decoder(list[msgspec.Raw])
_DOCUMENT = msgspec.json.Decoder(msgspec.Raw)
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_TO_COMMA = re.compile(rb'(?:[^",]++|%b)*+,' % _STRING, re.DOTALL)
_TO_BRACKET = re.compile(rb'(?:[^"\[\]{}]++|%b)*+([\[{]++|[\]}]++)' % _STRING, re.DOTALL)
_TO_BRACKET_OR_COMMA = re.compile(rb'(?:[^"\[\]{},]++|%b)*+([\[{]++|[\]}]++|,)' % _STRING, re.DOTALL)
_LINE = re.compile(rb"[^ \t\r\n][^\n]*+")
# How a sign beyond the first 65,536 begins: by a byte of UTF-8, or by the escape of half a pair.
_WIDE = tuple(bytes([first]) for first in range(0xF0, 0xF5))
_WIDE_ESCAPED = tuple(f"\\u{d}{second}".encode() for d in "dD" for second in "89abAB")


class Incomplete(Malformed):
    """A body whose brackets do not go together, or end too soon."""


def array(document: bytes) -> list[Piece]:
    """Give the bytes of each item of a JSON array, even when some items are no JSON. Raises Malformed or TooLarge."""
    pieces = _decoded(document) or list(islice(_torn_apart(document), MOST_ITEMS + 1))
    if len(pieces) > MOST_ITEMS:
        raise TooLarge(f"The array has more than {MOST_ITEMS:,} items: send fewer at once.")
    if pieces in ([], [b""]):
        raise Malformed("The array is empty: there is nothing to store.")
    return [memoryview(piece) for piece in pieces]


def lines(document: bytes) -> list[Piece]:
    """Give each line that is not blank, from its first sign on. Raises TooLarge."""
    whole = memoryview(document)
    found: list[Piece] = [whole[slice(*line.span())] for line in islice(_LINE.finditer(document), MOST_ITEMS + 1)]
    if len(found) > MOST_ITEMS:
        raise TooLarge(f"The body has more than {MOST_ITEMS:,} lines: send fewer at once.")
    return found


def are_lines(document: bytes) -> bool:
    """Whether a body that begins with an object is several of them, one a line, and not one over several lines."""
    end = document.find(b"\n")
    if end < 0:
        return False
    return _is_whole(document[:end].rstrip(BLANKS)) or all(line[0][:1] == b"{" for line in _LINE.finditer(document))


def has_too_many_values(document: bytes) -> bool:
    """Whether more than 100,000 commas stand outside of texts: decoded, each value takes many times its bytes."""
    if len(document) <= HARMLESS or document.count(b",") <= MOST_VALUES:
        return False
    at = 0
    for _ in range(MOST_VALUES + 1):
        found = _TO_COMMA.match(document, at)
        if found is None:
            return False
        at = found.end()
    return True


def may_be_wide(document: bytes) -> bool:
    """Whether texts may take more than 40 MiB when decoded: no document does in which each sign takes two bytes."""
    return len(document) > LARGEST_DECODED // 4 and _has_wide_signs(document)


def most_decoded(piece: Piece) -> int:
    """The bytes that an item's texts take at most when decoded."""
    return len(piece) * (4 if _has_wide_signs(bytes(piece)) else 2)


def _has_wide_signs(data: bytes) -> bool:
    """Look for each beginning by itself, which takes a tenth of the time of a pattern with all of them."""
    return any(sign in data for sign in _WIDE) or (b"\\u" in data and any(sign in data for sign in _WIDE_ESCAPED))


def _is_whole(piece: bytes) -> bool:
    try:
        _DOCUMENT.decode(piece)
    except (ValueError, RecursionError):
        return False
    return True


def _decoded(document: bytes) -> Sequence[bytes | msgspec.Raw]:
    """The items by way of the JSON decoder, still inside the document; none when it refuses."""
    try:
        return _PIECES.decode(document)
    except (ValueError, RecursionError):
        return []


def _torn_apart(document: bytes) -> Iterator[bytes]:
    """Split by brackets alone, without recursion: for arrays in which an item is too deep or no JSON."""
    depth, start, at = 1, 1, 1
    for _ in range(MOST_BRACKETS):
        found = (_TO_BRACKET_OR_COMMA if depth == 1 else _TO_BRACKET).match(document, at)
        if found is None:  # a text that never ends, or the end
            break
        at, run = found.end(), found[1]
        if run[0] in b"[{":
            depth += len(run)
        elif run == b",":
            yield document[start : at - 1].strip(BLANKS)
            start = at
        elif len(run) < depth:
            depth -= len(run)
        else:
            end = found.start(1) + depth
            yield document[start : end - 1].strip(BLANKS)
            if end == len(document):
                return
            break
    raise Incomplete(INCOMPLETE)
