"""The two forms of an export, CSV and JSON Lines, cell by cell. Pure: no Django here.

A stream that breaks off must not look like one that ended, and the server ends every answer of ours in good order,
whatever went wrong: so a broken one ends in a line that no reader takes for a row.
"""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

Cell = None | bool | int | float | str | datetime | list[str] | msgspec.Raw
"""`Raw` is JSON, or a number with all its digits, as it stands."""

Row = Sequence[Cell]

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A text that begins so is run by spreadsheets, or hides one that is."""

_JSON = msgspec.json.Encoder()


@dataclass(frozen=True)
class Form:
    """A form of an export: what stands before its rows, the rows, and what stands in the place of the rest of a broken one."""

    name: str
    media_type: str
    head: Callable[[Sequence[str]], bytes]
    rows: Callable[[Sequence[str], Iterable[Row]], bytes]
    broken_off: Callable[[str], bytes]


def instant(at: datetime) -> str:
    """RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def harmless(text: str) -> str:
    """A text that no spreadsheet runs as a formula: an apostrophe stands before one that it would."""
    return "'" + text if text.startswith(FORMULA) else text


def json_text(stored: str | None) -> msgspec.Raw | None:
    """JSON as it was stored, on one line: outside of its strings a line end is a blank, inside there is none."""
    return None if stored is None else msgspec.Raw(stored.replace("\r", " ").replace("\n", " ").encode())


def dollars(nano: int | None) -> msgspec.Raw | None:
    """Nano-dollars as a number in dollars, exact."""
    if nano is None:
        return None
    whole, rest = divmod(abs(nano), 1_000_000_000)
    digits = f"{whole}.{rest:09d}".rstrip("0").rstrip(".")
    return msgspec.Raw(("-" if nano < 0 else "").encode() + digits.encode())


def _written(cell: Cell) -> str:
    """A cell of CSV: unknown is empty, a list has blanks between."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return harmless(cell)
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return instant(cell)
    if isinstance(cell, list):
        return harmless(" ".join(cell))
    return bytes(cell).decode() if isinstance(cell, msgspec.Raw) else repr(cell)


def _csv(rows: Iterable[Row]) -> bytes:
    """Lines of RFC 4180."""
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([_written(cell) for cell in row] for row in rows)
    return buffer.getvalue().encode()


def _lines(names: Sequence[str], rows: Iterable[Row]) -> bytes:
    """One JSON object a row and a line."""
    return b"".join(_JSON.encode(dict(zip(names, row, strict=True))) + b"\n" for row in rows)


CSV = Form(
    "csv",
    "text/csv; charset=utf-8",
    head=lambda names: _csv([names]),
    rows=lambda _, rows: _csv(rows),
    broken_off=lambda why: f'"broken off: {why.replace(chr(34), chr(39))}'.encode(),
)
LINES = Form(
    "jsonl",
    "application/x-ndjson",
    head=lambda _: b"",
    rows=_lines,
    broken_off=lambda why: f'{{"broken_off": {json.dumps(why)}'.encode(),
)
FORMS: Mapping[str, Form] = {form.name: form for form in (CSV, LINES)}
