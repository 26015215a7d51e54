"""From the bytes of a body to items of the contract; a bad item never costs its neighbours. Pure.

The fast way decodes the whole array at once. Whatever fails there is taken apart item by item, so that an item's fate
and its fingerprint never depend on its neighbours or on whether it came alone.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import msgspec

from ingest import text
from ingest.contract import DEEPEST, MOST_ITEMS, Item, Kind, struct_of
from ingest.refusals import OUT_OF_RANGE, Malformed, Problem, TooLarge, Unusable, explain

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
INCOMPLETE = "The body is not one complete JSON document."
BLANKS = b" \t\r\n"
NUL_ESCAPE = b"\\u0000"
# Beyond these only a hostile sender goes; what they bound is memory and seconds.
MOST_COMMAS = 200_000
MOST_TOKENS = 500_000

_ANYTHING = msgspec.json.Decoder()
_PIECES = msgspec.json.Decoder(list[msgspec.Raw])
_DEPTH = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{},"]', re.DOTALL)


@dataclass
class Batch:
    """The usable items of a body, by their position in it, and why the others are not."""

    count: int
    items: dict[int, Item] = field(default_factory=dict)
    extras: dict[int, dict[str, Any]] = field(default_factory=dict)
    problems: dict[int, Problem] = field(default_factory=dict)
    is_clean: bool = True
    """Whether no text can hold anything that needs repair."""


def read(body: bytes, kind: Kind) -> Batch:
    """Decode one object, or an array of at most 1,000. Raises Malformed or TooLarge when there is nothing to use."""
    document = body.removeprefix(BYTE_ORDER_MARK).strip(BLANKS)
    if not document:
        raise Malformed("The body is empty: send a JSON object or an array of objects.")
    is_clean = NUL_ESCAPE not in document
    if document[:1] == b"{":
        batch = _one_by_one([document], kind, is_clean)
        if batch.problems and not _is_json(document):
            raise Malformed(INCOMPLETE)
        return batch
    if document[:1] != b"[":
        raise Malformed("The body must be a JSON object or an array of objects, in UTF-8.")
    if document.count(b"{") > MOST_ITEMS:
        split(document)  # counts the items before any of them takes memory
    try:
        items = kind.many.decode(document)
    except (ValueError, RecursionError):
        return _one_by_one(split(document), kind, is_clean)
    if not items:
        raise Malformed("The array is empty: there is nothing to store.")
    return Batch(len(items), dict(enumerate(items)), is_clean=is_clean)


def split(document: bytes) -> list[bytes]:
    """Give the bytes of each item of a JSON array, even when some items are no JSON. Raises Malformed or TooLarge."""
    pieces = _decoded(document) or list(islice(_torn_apart(document), MOST_ITEMS + 1))
    if len(pieces) > MOST_ITEMS:
        raise TooLarge(f"The array has more than {MOST_ITEMS:,} items: send fewer at once.")
    if pieces in ([], [b""]):
        raise Malformed("The array is empty: there is nothing to store.")
    return pieces


def _decoded(document: bytes) -> list[bytes]:
    """The items by way of the JSON decoder; none when it refuses, or when there may be too many for the memory."""
    if document.count(b",") > MOST_COMMAS:
        return []
    try:
        return [bytes(piece) for piece in _PIECES.decode(document)]
    except (ValueError, RecursionError):
        return []


def _torn_apart(document: bytes) -> Iterator[bytes]:
    """Split by brackets alone, without recursion: for arrays in which an item is too deep or no JSON."""
    depth, start = 0, 1
    for token in islice(_TOKEN.finditer(document), MOST_TOKENS):
        if token[0] == b'"':  # a text that never ends
            raise Malformed(INCOMPLETE)
        mark = token[0][:1]
        depth += _DEPTH.get(mark, 0)
        if depth == 0 or (depth == 1 and mark == b","):
            yield document[start : token.start()].strip(BLANKS)
            start = token.end()
        if depth == 0:
            break
    if depth or start < len(document):
        raise Malformed(INCOMPLETE)


def _one_by_one(pieces: list[bytes], kind: Kind, is_clean: bool) -> Batch:
    batch = Batch(len(pieces), is_clean=is_clean)
    for index, piece in enumerate(pieces):
        try:
            item, extras, is_whole = read_item(piece, kind)
        except Unusable as refused:
            batch.problems[index] = refused.problem
            continue
        batch.items[index] = item
        batch.is_clean &= is_whole
        if extras:
            batch.extras[index] = extras
    return batch


def read_item(piece: bytes, kind: Kind) -> tuple[Item, dict[str, Any], bool]:
    """Decode one item, the fields the contract does not know, and whether its texts are whole. Raises Unusable."""
    try:
        return (*_decode(piece, kind), True)
    except UnicodeDecodeError:
        raise Unusable("$", "text in UTF-8", "bytes that are not") from None
    except RecursionError:
        raise Unusable("$", f"at most {DEEPEST} levels of nesting", "more") from None
    except msgspec.DecodeError:
        return (*_with_surrogates(piece, kind), False)


def _decode(piece: bytes, kind: Kind) -> tuple[Item, dict[str, Any]]:
    try:
        return kind.strict.decode(piece), {}
    except msgspec.ValidationError:
        pass  # an unknown field, or a wrong type: the lenient decoder tells which
    try:
        item: Item = kind.lenient.decode(piece)
    except msgspec.ValidationError as error:
        raise _unusable(error, kind, _plain(piece)) from None
    sent = _plain(piece)
    if sent is None:
        raise Unusable("$", "numbers that JSON readers can hold", OUT_OF_RANGE)
    return item, _extras(item, sent)


def _with_surrogates(piece: bytes, kind: Kind) -> tuple[Item, dict[str, Any]]:
    """Decode an item that msgspec refuses because a text holds half a surrogate pair; such text is repaired later."""
    try:
        sent = json.loads(piece, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Unusable("$", "a JSON object", "something that is no JSON") from None
    if not isinstance(sent, dict):
        raise Unusable("$", "an object", type(sent).__name__)
    known = {name: value for name, value in sent.items() if text.is_holdable(name)}
    try:
        item: Item = msgspec.convert(known, kind.types)
    except msgspec.ValidationError as error:
        raise _unusable(error, kind, known) from None
    except UnicodeEncodeError:
        raise Unusable("$", "whole characters in fields with a fixed choice", "half a surrogate pair") from None
    return item, _extras(item, sent)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _finite(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise ValueError(digits)
    return number


def _extras(item: Item, sent: dict[str, Any]) -> dict[str, Any]:
    known = item.__struct_fields__
    tag = item.__struct_config__.tag_field
    return {name: value for name, value in sent.items() if name not in known and name != tag}


def _plain(piece: bytes) -> Any:
    """The item as plain JSON values, or None when it holds a number that cannot be one."""
    try:
        return _ANYTHING.decode(piece)
    except (ValueError, RecursionError):
        return None


def _unusable(error: msgspec.ValidationError, kind: Kind, sent: object) -> Unusable:
    problem = explain(error, struct_of(kind, sent), sent)
    return Unusable(problem.path, problem.expected, problem.got)


def _is_json(piece: bytes) -> bool:
    """Whether the brackets and signs are those of JSON, whatever becomes of the texts and numbers inside."""
    try:
        json.loads(piece.decode(errors="replace"))
    except RecursionError:
        return True
    except ValueError:
        return False
    return True
