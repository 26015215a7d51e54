"""Why lines of a file were refused, in few words: the commonest reasons, and what the items look like. Pure."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, get_args

from msgspec.structs import fields

from ingest.contract import Feedback
from ingest.imports.columns import DROPPED, Columns
from ingest.imports.progress import Refused
from ingest.kinds import BY_WORD, Kind, struct_of

MIXED = "mixed"
MOST = 3
MOST_COLUMNS = 20
SAMPLE = 1_000


def commonest(refused: Iterable[Refused]) -> list[str]:
    """The three commonest reasons, each with how often it is given, and where it is first."""
    counts: Counter[tuple[str, str]] = Counter()
    firsts: dict[tuple[str, str], Refused] = {}
    for one in refused:
        reason = (one.problem.path, one.problem.expected)
        counts[reason] += 1
        firsts.setdefault(reason, one)
    return [
        f"{count:,} × {path}: expected {expected} (line {firsts[path, expected].line:,}: {firsts[path, expected].problem.got})"
        for (path, expected), count in counts.most_common(MOST)
    ]


def lookalike(refused: Iterable[Refused], own: str, *, is_table: bool) -> str:
    """The `--kind` that most of the first 1,000 items fit better, by their fields, than their own; nothing where none does.

    `own` is empty where each item has named its kind itself: then nothing is guessed.
    """
    items = [_object(one.content) for one in islice(refused, SAMPLE)] if own else []
    votes = Counter(_nearest(item, own, is_table) for item in items)
    word, count = votes.most_common(1)[0] if votes else ("", 0)
    return word if word != own and count * 2 > len(items) else ""


def strangers(header: Sequence[str], columns: Columns, kind: Kind) -> list[str]:
    """The columns from which no field of this kind is read; in brackets what one of them is mapped to."""
    structs = get_args(kind.types) or (kind.types,)
    known = {"type", DROPPED, *(name for struct in structs for name in _fields(struct))}
    meant = {column: columns.fields.get(column, column) for column in header}
    found = [c if meant[c] == c else f"{c} ({meant[c]})" for c in header if meant[c] not in known]
    return found if len(found) <= MOST_COLUMNS else [*found[:MOST_COLUMNS], "…"]


def _object(content: str) -> dict[str, Any]:
    """An item as plain values; empty for what is no JSON object."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _nearest(item: Mapping[str, Any], own: str, is_table: bool) -> str:
    said = item.get("type")
    if isinstance(said, str) and said in BY_WORD and said != own and not is_table:
        return MIXED
    fits = {word: _fit(item, kind) for word, kind in BY_WORD.items()}
    nearest = max(fits, key=lambda word: (fits[word], word == own))
    return nearest if fits[nearest] else ""


def _fit(item: Mapping[str, Any], kind: Kind) -> int:
    """How many fields of an item are a kind's; none where it lacks one that the kind requires."""
    struct = struct_of(kind, item)
    if struct is Feedback or any(field.required and field.name not in item for field in fields(struct)):
        return 0
    return len(item.keys() & _fields(struct))


def _fields(struct: Any) -> set[str]:
    return {*struct.__struct_fields__, struct.__struct_config__.tag_field} - {None}
