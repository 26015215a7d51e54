"""The kinds of items, the decoders of each, and the words that explain what each field expects. Pure.

Beside its own fields an item may say its kind as `type`; a body of several kinds has to.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, cast, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from ingest.contract import (
    FEEDBACK,
    MOST_ITEMS,
    Change,
    Cost,
    Document,
    Feedback,
    Figure,
    Interaction,
    Item,
    Name,
    Retrieval,
    User,
)
from ingest.dimensions import RecordKind


@dataclass(frozen=True)
class Kind:
    """One kind of record and the decoders of its items.

    `strict` and `many` refuse unknown fields, which sends an item down the longer way that keeps them as metadata. Of
    their items, and of theirs alone, `type` is the last field.
    """

    record: RecordKind
    types: Any
    lenient: "msgspec.json.Decoder[Any]"
    strict: "msgspec.json.Decoder[Any]"
    many: "msgspec.json.Decoder[list[Any]]"

    @property
    def word(self) -> str:
        """What items say as their `type`."""
        return self.record.name.lower()


def finite(digits: str) -> float:
    """Read a number of an object that is kept as it is. Raises ValueError for what is beyond all numbers.

    The decoder's own reader takes 10 µs for some numbers, which are as quick to send as others.
    """
    number = float(digits)
    if math.isinf(number):
        raise ValueError("Number out of range")
    return number


def _kind(record: RecordKind, *types: type[Item]) -> Kind:
    strict_union = _union([_strict(one) for one in types])
    many: Any = list[strict_union]  # type: ignore[valid-type]  # built from data above
    return Kind(
        record,
        _union(types),
        msgspec.json.Decoder(_union(types), float_hook=finite),
        msgspec.json.Decoder(strict_union, float_hook=finite),
        msgspec.json.Decoder(Annotated[many, Meta(max_length=MOST_ITEMS)], float_hook=finite),
    )


def _strict(struct: type[Struct]) -> type[Struct]:
    name = f"Strict{struct.__name__}"
    return msgspec.defstruct(name, [("type", Any, None)], bases=(struct,), kw_only=True, forbid_unknown_fields=True)


def _union(types: Sequence[type[Struct]]) -> Any:
    return reduce(or_, types)


_ANY_PART = msgspec.defstruct(
    "Patch",
    [("feature", Name | None, None)],
    bases=(Interaction,),
    namespace={"__doc__": "Any fields of an interaction: those that are absent are filled."},
    kw_only=True,
)
Patch = cast("type[Interaction]", _ANY_PART)

INTERACTIONS = _kind(RecordKind.INTERACTION, Interaction)
PATCHES = _kind(RecordKind.INTERACTION, Patch)
FEEDBACKS = _kind(RecordKind.FEEDBACK, *FEEDBACK)
COSTS = _kind(RecordKind.COST, Cost)
CHANGES = _kind(RecordKind.CHANGE, Change)
USERS = _kind(RecordKind.USER, User)
FIGURES = _kind(RecordKind.FIGURE, Figure)
BY_WORD: Mapping[str, Kind] = {kind.word: kind for kind in (INTERACTIONS, FEEDBACKS, COSTS, CHANGES, USERS, FIGURES)}


def _words(hint: Any) -> str:
    """The explaining words of a field's type: the description of its Annotated part, or the choices of a Literal."""
    for part in (hint, *get_args(hint)):
        for meta in getattr(part, "__metadata__", ()):
            return str(meta.description)
        if get_origin(part) is Literal:
            return f"one of {', '.join(get_args(part))}"
    return "a string or a list of chat messages"


def _expectations(struct: type[Struct]) -> dict[str, str]:
    hints = get_type_hints(struct, include_extras=True)
    return {field: _words(hints[field]) for field in struct.__struct_fields__}


KINDS_OF_FEEDBACK = {str(t.__struct_config__.tag): t for t in FEEDBACK}
STRUCTS: tuple[type[Struct], ...] = (Interaction, Patch, Document, Cost, Change, User, Figure, Feedback, *FEEDBACK)
EXPECTED: dict[type[Struct], dict[str, str]] = {struct: _expectations(struct) for struct in STRUCTS} | {
    Retrieval: {"documents": "a list of objects with id and score", "latency_ms": "a number ≥ 0"}
}
EXPECTED[Feedback]["kind"] = f"one of {', '.join(KINDS_OF_FEEDBACK)}"


def struct_of(kind: Kind, sent: object) -> type[Struct]:
    """The struct that a decoded JSON object of this kind has to fit."""
    if kind.record is not RecordKind.FEEDBACK:
        found: type[Struct] = kind.types
        return found
    tag = sent.get("kind") if isinstance(sent, dict) else None
    return KINDS_OF_FEEDBACK.get(tag, Feedback) if isinstance(tag, str) else Feedback
