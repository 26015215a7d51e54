"""From rows of a table to items of the contract: which column is which field, and what a cell means. Pure."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec

from ingest.kinds import Kind, struct_of
from ingest.timeline import zone

TIMES = {"occurred_at", "period_from", "period_to"}
DROPPED = ""


class BadColumns(ValueError):
    """A column map that cannot be."""


@dataclass(frozen=True)
class Columns:
    """Column → field (an empty field drops the column), fields that every row has, and how times are written."""

    fields: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    time_format: str = ""
    time_zone: str = "UTC"


def pairs(words: Iterable[str]) -> dict[str, str]:
    """Read `COLUMN=FIELD` words; the last `=` separates. Raises BadColumns."""
    found = {}
    for word in words:
        column, separator, name = word.rpartition("=")
        if not separator or not column.strip():
            raise BadColumns(f"{word!r} is not COLUMN=FIELD")
        found[column.strip()] = name.strip()
    return found


def check_header(header: Sequence[str], columns: Columns) -> None:
    """Raise BadColumns for columns that are mapped and not there, nameless, or there twice."""
    missing = sorted(set(columns.fields) - set(header))
    if missing:
        raise BadColumns(
            f"there is no column {', '.join(map(repr, missing))}; there are {', '.join(map(repr, header))}"
        )
    names = [columns.fields.get(column, column) for column in header]
    kept = [*(name for name in names if name != DROPPED), *columns.fixed]
    doubled = sorted({name for name in kept if kept.count(name) > 1})
    if doubled:
        raise BadColumns(f"more than one column is {', '.join(doubled)}")
    if any(not column.strip() and column not in columns.fields for column in header):
        raise BadColumns("a column has no name: map it, or drop it with --map ' ='")


def item_of(header: Sequence[str], row: Sequence[str], columns: Columns, kind: Kind) -> bytes:
    """One row as a JSON object; empty cells are absent, and what no field is called becomes metadata, as everywhere."""
    cells = {columns.fields.get(column, column): cell for column, cell in zip(header, row, strict=False)}
    given = {name: cell for name, cell in {**cells, **columns.fixed}.items() if name != DROPPED and cell != ""}
    hints = _hints(struct_of(kind, given))
    return msgspec.json.encode({name: _value(name, cell, hints, columns) for name, cell in given.items()})


def _value(name: str, cell: str, hints: Mapping[str, Any], columns: Columns) -> Any:
    """A cell as its field wants it; one that cannot be is left as it is, for the judge to say so."""
    if name in TIMES:
        return _time(cell, columns)
    wanted = hints.get(name)
    for kind, read in ((int, _whole), (float, _finite), (bool, _yes), (dict, _json)):
        if wanted is kind:
            try:
                return read(cell)
            except (ValueError, RecursionError):
                return cell
    return cell


def _time(cell: str, columns: Columns) -> str:
    """An instant with its zone; one without is meant in the project's."""
    try:
        at = datetime.strptime(cell, columns.time_format) if columns.time_format else datetime.fromisoformat(cell)  # noqa: DTZ007 (the zone follows)
    except ValueError:
        return cell
    return (at if at.tzinfo else at.replace(tzinfo=zone(columns.time_zone))).isoformat()


def _whole(cell: str) -> int:
    return int(_as_sent(cell))


def _finite(cell: str) -> float:
    number = float(_as_sent(cell))
    if not math.isfinite(number):
        raise ValueError(cell)
    return number


def _as_sent(cell: str) -> str:
    """A number as JSON could say it: Python reads more, `1_000` and digits of every script. Raises ValueError."""
    if "_" in cell or not cell.isascii():
        raise ValueError(cell)
    return cell


def _json(cell: str) -> Any:
    """What JSON in a cell says; half a surrogate pair goes on as it is written, as from a line of JSON. Raises ValueError."""
    try:
        return msgspec.json.decode(cell)
    except msgspec.DecodeError:
        json.loads(cell, parse_constant=_finite)
        return msgspec.Raw(cell.encode())


def _yes(cell: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if cell.lower() not in words:
        raise ValueError(cell)
    return words[cell.lower()]


_known: dict[type[msgspec.Struct], Mapping[str, Any]] = {}


def _hints(struct: type[msgspec.Struct]) -> Mapping[str, Any]:
    """Field → the plain type that its cells are read as: int, float, bool, dict; text for everything else."""
    if struct not in _known:
        _known[struct] = {name: _plain(hint) for name, hint in get_type_hints(struct, include_extras=True).items()}
    return _known[struct]


def _plain(hint: Any) -> Any:
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        kinds = {_plain(part) for part in get_args(hint)} - {NoneType}
        return kinds.pop() if len(kinds) == 1 else str
    if origin is Annotated:
        return _plain(get_args(hint)[0])
    return origin or hint
