"""From the bytes of a body to items of the contract; a bad item never costs its neighbours. Pure.

The fast way decodes the whole array at once. Whatever fails there is taken apart item by item, so that an item's fate
and its fingerprint never depend on its neighbours or on whether it came alone.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import astuple

from ingest import splitting, text
from ingest.contract import DEEPEST, MOST_DIGITS, MOST_ITEMS, MOST_VALUES, Item
from ingest.dimensions import RecordKind
from ingest.kinds import Kind, finite, struct_of
from ingest.refusals import JSON_WORDS, OUT_OF_RANGE, Malformed, Problem, TooLarge, Unusable, echo, explain
from ingest.splitting import BLANKS, HARMLESS, INCOMPLETE, LARGEST_DECODED, Incomplete, Piece

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
NUL_ESCAPE = b"\\u0000"
GZIP = b"\x1f\x8b"
Kinds = Kind | Mapping[str, Kind]
"""One kind, or several by the word that items say as their `type`."""


class _Typed(msgspec.Struct):
    """An item of which only the kind is asked."""

    type: Any = None


# The time to read or write a whole number grows with the square of its digits: this is the least that Python allows.
sys.set_int_max_str_digits(MOST_DIGITS)
_ANYTHING = msgspec.json.Decoder(float_hook=finite)
_TYPED = msgspec.json.Decoder(_Typed)


@dataclass
class Batch:
    """The usable items of a body and their kinds, by their position in it, and why the others are not."""

    count: int
    items: dict[int, Item] = field(default_factory=dict)
    kinds: dict[int, RecordKind] = field(default_factory=dict)
    extras: dict[int, dict[str, Any]] = field(default_factory=dict)
    problems: dict[int, Problem] = field(default_factory=dict)
    is_clean: bool = True
    """Whether no text can hold anything that needs repair."""


def read(body: bytes, kinds: Kinds, *, are_lines: bool = False) -> Batch:
    """Decode one object, an array or lines of at most 1,000. Raises Malformed or TooLarge when there is nothing to use.

    Objects that stand one a line are lines also where nobody said so.
    """
    try:
        return _read(body, kinds, are_lines)
    except Incomplete:
        raise Incomplete(f"{INCOMPLETE[:-1]}{_place_of_flaw(body)}.") from None


def _read(body: bytes, kinds: Kinds, are_lines: bool) -> Batch:
    document = body.removeprefix(BYTE_ORDER_MARK).strip(BLANKS)
    first = document[:1]
    if not document:
        raise Malformed("The body is empty: send a JSON object or an array of objects.")
    if document[:2] == GZIP:
        raise Malformed("The body is gzip: compress it once, and say so with Content-Encoding: gzip.")
    if splitting.has_too_many_values(document):
        raise TooLarge(f"The body has more than {MOST_VALUES:,} values: send fewer items at once.")
    is_clean = NUL_ESCAPE not in document
    is_wide = splitting.may_be_wide(document)
    if are_lines or (first == b"{" and splitting.are_lines(document)):
        return _one_by_one(splitting.lines(document), kinds, is_clean, is_wide)
    if first == b"{":
        batch = _one_by_one([document], kinds, is_clean, is_wide)
        if batch.problems and not _is_json(document):
            raise Incomplete(INCOMPLETE)
        return batch
    if first != b"[":
        raise Malformed("The body must be a JSON object, an array of objects, or objects one a line, in UTF-8.")
    if isinstance(kinds, Kind) and not is_wide:
        return _at_once(document, kinds, is_clean)
    return _one_by_one(splitting.array(document), kinds, is_clean, is_wide)


def _at_once(document: bytes, kind: Kind, is_clean: bool) -> Batch:
    """An array of one kind, by the fast way if it goes."""
    if document.count(b"{") > MOST_ITEMS:
        splitting.array(document)  # counts the items before any of them takes memory
    try:
        items = kind.many.decode(document)
    except (ValueError, RecursionError):
        return _one_by_one(splitting.array(document), kind, is_clean)
    if not items:
        raise Malformed("The array is empty: there is nothing to store.")
    extras = {
        index: own for index, item in enumerate(items) if item.type is not None and (own := _own_type(item, kind))
    }
    records = dict.fromkeys(range(len(items)), kind.record)
    return Batch(len(items), dict(enumerate(items)), records, extras, is_clean=is_clean)


def _one_by_one(pieces: Sequence[Piece], kinds: Kinds, is_clean: bool, is_wide: bool = False) -> Batch:
    """Item by item; where texts may be wide, raises TooLarge before they take more than 40 MiB."""
    batch, weight = Batch(len(pieces), is_clean=is_clean), 0
    for index, piece in enumerate(pieces):
        if is_wide and weight + splitting.most_decoded(piece) > LARGEST_DECODED:
            raise TooLarge(
                f"The texts take more than {LARGEST_DECODED:,} bytes when decoded: send fewer items at once."
            )
        try:
            kind = kinds if isinstance(kinds, Kind) else _kind_of(piece, kinds)
            item, extras, is_whole = read_item(piece, kind)
        except Unusable as refused:
            batch.problems[index] = refused.problem
            continue
        batch.items[index] = item
        batch.kinds[index] = kind.record
        batch.is_clean &= is_whole
        weight += (_weight(astuple(item)) + _weight(extras)) if is_wide else 0
        if extras:
            batch.extras[index] = extras
    return batch


def _weight(value: Any) -> int:
    """The memory that the texts inside plain values take."""
    if isinstance(value, str):
        return sys.getsizeof(value)
    if isinstance(value, dict):
        return sum(map(_weight, (*value.keys(), *value.values())))
    return sum(map(_weight, value)) if isinstance(value, list | tuple) else 0


def _kind_of(piece: Piece, kinds: Mapping[str, Kind]) -> Kind:
    """The kind that an item says it is. Raises Unusable."""
    try:
        said = _TYPED.decode(piece).type
    except (ValueError, RecursionError):  # also half a surrogate pair in some text, and bytes that are none
        said = _object(piece).get("type")
    kind = kinds.get(said) if isinstance(said, str) else None
    if kind is None:
        raise Unusable("$.type", f"one of {', '.join(kinds)}", "nothing" if said is None else echo(said))
    return kind


def read_item(piece: Piece, kind: Kind) -> tuple[Item, dict[str, Any], bool]:
    """Decode one item, the fields the contract does not know, and whether its texts are whole. Raises Unusable."""
    try:
        return (*_decode(piece, kind), True)
    except UnicodeDecodeError:
        raise Unusable("$", "text in UTF-8", "bytes that are not") from None
    except RecursionError:
        raise _too_deep() from None
    except msgspec.DecodeError:
        return (*_with_surrogates(piece, kind), False)


def _decode(piece: Piece, kind: Kind) -> tuple[Item, dict[str, Any]]:
    try:
        known: Any = kind.strict.decode(piece)
        return known, _own_type(known, kind)
    except msgspec.ValidationError:
        pass  # an unknown field, or a wrong type: the lenient decoder tells which
    try:
        item: Item = kind.lenient.decode(piece)
    except msgspec.ValidationError as error:
        raise _unusable(error, kind, _plain(piece)) from None
    sent = _plain(piece)
    if sent is None:
        raise _out_of_range()
    return item, _extras(item, sent, kind)


def _own_type(item: Any, kind: Kind) -> dict[str, Any]:
    """Take the word for an item's kind away, so that it is the same with and without; another word is the app's own."""
    said, item.type = item.type, None
    return {} if said is None or said == kind.word else {"type": said}


def _with_surrogates(piece: Piece, kind: Kind) -> tuple[Item, dict[str, Any]]:
    """Decode an item that msgspec refuses because a text holds half a surrogate pair; such text is repaired later."""
    sent = _object(piece)
    known = {name: value for name, value in sent.items() if text.is_holdable(name)}
    try:
        item: Item = msgspec.convert(known, kind.types)
    except msgspec.ValidationError as error:
        raise _unusable(error, kind, known) from None
    except UnicodeEncodeError:
        raise Unusable("$", "whole characters in fields with a fixed choice", "half a surrogate pair") from None
    return item, _extras(item, sent, kind)


def _object(piece: Piece) -> dict[str, Any]:
    """An item as plain JSON values, by the slow reader that takes half surrogate pairs. Raises Unusable."""
    try:
        sent = json.loads(str(piece, "utf-8"), parse_constant=_refuse, parse_float=finite, parse_int=_whole)
    except UnicodeDecodeError:
        raise Unusable("$", "text in UTF-8", "bytes that are not") from None
    except RecursionError:
        raise _too_deep() from None
    except OverflowError:
        raise _out_of_range() from None
    except ValueError:
        raise Unusable("$", "a JSON object", "something that is no JSON") from None
    if not isinstance(sent, dict):
        raise Unusable("$", "an object", JSON_WORDS[type(sent).__name__])
    return sent


def _too_deep() -> Unusable:
    return Unusable("$", f"at most {DEEPEST} levels of nesting", "more")


def _out_of_range() -> Unusable:
    return Unusable("$", "numbers that JSON readers can hold", OUT_OF_RANGE)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _whole(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise OverflowError(digits)
    return int(digits)


def _extras(item: Item, sent: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """The fields that the contract does not know, but for the word for the item's kind."""
    known = item.__struct_fields__
    tag = item.__struct_config__.tag_field
    extras = {name: value for name, value in sent.items() if name not in known and name != tag}
    if extras.get("type", kind.word) in (None, kind.word):
        extras.pop("type", None)
    return extras


def _plain(piece: Piece) -> Any:
    """The item as plain JSON values, or None when it holds a number that cannot be one."""
    try:
        return _ANYTHING.decode(piece)
    except (ValueError, RecursionError):
        return None


def _unusable(error: msgspec.ValidationError, kind: Kind, sent: object) -> Unusable:
    problem = explain(error, struct_of(kind, sent), sent)
    return Unusable(problem.path, problem.expected, problem.got)


def _place_of_flaw(body: bytes) -> str:
    """Where a body stops being JSON, as far as a quick look tells; large ones are not looked at once more."""
    if len(body) > HARMLESS:
        return ""
    try:
        json.loads(body.removeprefix(BYTE_ORDER_MARK).decode(errors="replace"), parse_int=str, parse_float=str)
    except json.JSONDecodeError as flaw:
        return f": see line {flaw.lineno}, column {flaw.colno}"
    except (ValueError, RecursionError):
        pass
    return ""


def _is_json(piece: bytes) -> bool:
    """Whether the brackets and signs are those of JSON, whatever becomes of the texts and numbers inside."""
    try:
        json.loads(piece.decode(errors="replace"), parse_int=str)
    except RecursionError:
        return True
    except ValueError:
        return False
    return True
