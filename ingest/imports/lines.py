"""The lines of a file, plain or gzip, JSON or CSV, each as one item's JSON with its number in the file."""

import csv
import gzip
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ingest.contract import LARGEST_BODY
from ingest.imports.columns import Columns, check_header, item_of
from ingest.kinds import Kind
from ingest.refusals import Problem

GZIP = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
TOO_LONG = Problem("$", f"a line of at most {LARGEST_BODY // 2**20} MiB", "a longer one")
Numbered = tuple[int, bytes | Problem]


@dataclass
class File:
    """An opened file; `position` tells how many of its `size` bytes have been read, packed ones if it is gzip."""

    stream: BinaryIO
    raw: BinaryIO
    size: int

    @property
    def position(self) -> int:
        """Bytes read so far."""
        return self.raw.tell()


def opened(path: Path) -> File:
    """Open a file, whatever its name says: gzip is told by its first bytes. Raises OSError."""
    raw = path.open("rb")
    is_gzip = raw.read(2) == GZIP
    raw.seek(0)
    stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if is_gzip else raw
    return File(stream, raw, os.fstat(raw.fileno()).st_size)


def json_lines(file: File, after: int = 0) -> Iterator[Numbered]:
    """The lines with number and bytes, those after the first `after`; empty ones are passed over.

    Raises OSError or EOFError when the file is damaged.
    """
    number = 0
    while piece := file.stream.readline(LARGEST_BODY + 1):
        number += 1
        is_long = len(piece) > LARGEST_BODY
        while len(piece) > LARGEST_BODY and not piece.endswith(b"\n"):
            piece = file.stream.readline(LARGEST_BODY + 1)
        content = (piece.removeprefix(BYTE_ORDER_MARK) if number == 1 else piece).strip()
        if number > after and (content or is_long):
            yield number, TOO_LONG if is_long else content


def header_of(path: Path) -> list[str]:
    """The names of a table's columns. Raises UnicodeDecodeError, csv.Error, OSError or EOFError."""
    file = opened(path)
    with file.raw:
        return next(csv.reader(io.TextIOWrapper(file.stream, "utf-8-sig", newline=""), strict=True), [])


def table_rows(file: File, columns: Columns, kind: Kind, after: int = 0) -> Iterator[Numbered]:
    """The rows of a CSV table with a header, each as JSON, with the number of the line on which it begins.

    Raises BadColumns, UnicodeDecodeError, csv.Error, OSError or EOFError.
    """
    csv.field_size_limit(LARGEST_BODY)
    text = io.TextIOWrapper(file.stream, "utf-8-sig", newline="")
    try:
        reader = csv.reader(text, strict=True)
        header = next(reader, [])
        check_header(header, columns)
        begins = reader.line_num + 1
        for row in reader:
            number, begins = begins, reader.line_num + 1
            if number <= after or not row:
                continue
            if len(row) != len(header):
                yield number, Problem("$", f"{len(header)} cells, as the header has", str(len(row)))
            else:
                yield number, item_of(header, row, columns, kind)
    finally:
        text.detach()  # the file is not its own to close
