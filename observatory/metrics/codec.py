"""How a sheet's counters and histograms become bytes and come back. Standard library only: web processes decode.

Counters: values × counters, column by column, each column in the narrowest width that holds it (1, 2, 4 or 8 bytes
without a sign, else 16 with one: nothing an app may send can sum up to more):

    u16 values, i16 × values, then for each counter that is not zero everywhere: u8 counter, u8 width code, its numbers

Histograms: for each value that has one, its bins ascending, the first as it is and then the gaps:

    i16 value, u16 bins, i16 first bin, u8 width code of gaps, u8 width code of counts, gaps, counts

In front stand a version byte and a byte that says whether the rest is compressed (zlib 1). Everything is
little-endian, ascending and therefore canonical: equal contents are equal bytes.
"""

import struct
import sys
import zlib
from array import array
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import accumulate, pairwise

VERSION = 1
PLAIN, DEFLATED = 0, 1
WORTH_DEFLATING = 160
WIDTHS = "BHIQ"
WIDE = 4
SIZES = (1, 2, 4, 8, 16)
IS_FOREIGN = sys.byteorder == "big"

Counts = dict[int, int]
"""Counter → sum, or bin → count. What is zero is left out: whoever makes them sees to it."""

HEAD = struct.Struct("<hHhBB")


class BadSheet(ValueError):
    """Stored bytes that no version of this codec wrote."""


def pack_counters(rows: Mapping[int, Mapping[int, int]]) -> bytes:
    """Bytes of value → counter → sum. Sums are whole."""
    values = sorted(rows)
    parts = [struct.pack(f"<H{len(values)}h", len(values), *values)]
    for counter, sums in _columns([rows[value] for value in values]):
        code, column = _narrowed(sums)
        parts.append(b"%c%c%b" % (counter, code, column))
    return sealed(b"".join(parts))


def _columns(rows: Sequence[Mapping[int, int]]) -> Iterable[tuple[int, Sequence[int]]]:
    """The sums of each counter, one per row; most sheets have one row."""
    if len(rows) == 1:
        return [(counter, (total,)) for counter, total in sorted(rows[0].items())]
    counters = sorted({counter for row in rows for counter in row})
    return [(counter, [row.get(counter, 0) for row in rows]) for counter in counters]


def unpack_counters(
    data: bytes, wanted: Collection[int] | None = None, only: Collection[int] | None = None
) -> dict[int, Counts]:
    """Value → counter → sum, of all values or of some only, and of all counters or of the wanted ones."""
    body = opened(data)
    size = int.from_bytes(body[:2], "little")
    offset = 2 + 2 * size
    values = struct.unpack_from(f"<{size}h", body, 2)
    places = [(place, value) for place, value in enumerate(values) if only is None or value in only]
    if not places:
        return {}
    rows: dict[int, Counts] = {known: {} for _, known in places}
    while offset < len(body):
        counter, code = body[offset], body[offset + 1]
        end = offset + 2 + size * SIZES[code]
        if wanted is None or counter in wanted:
            column = _numbers(code, body[offset + 2 : end])
            for place, known in places:
                if column[place]:
                    rows[known][counter] = column[place]
        offset = end
    return rows


def counters_in(data: bytes) -> set[int]:
    """The counters that are not zero in a sheet, of any value, without their numbers."""
    body = opened(data)
    size = int.from_bytes(body[:2], "little")
    offset, found = 2 + 2 * size, set[int]()
    while offset < len(body):
        found.add(body[offset])
        offset += 2 + size * SIZES[body[offset + 1]]
    return found


def pack_histograms(rows: Mapping[int, Mapping[int, int]]) -> bytes | None:
    """Bytes of value → bin → count; None when nothing was counted."""
    parts = [_packed_bins(value, rows[value]) for value in sorted(rows) if rows[value]]
    return sealed(b"".join(parts)) if parts else None


def unpack_histograms(data: bytes | None, only: Collection[int] | None = None) -> dict[int, Counts]:
    """Value → bin → count, of all values or of some only."""
    rows: dict[int, Counts] = {}
    body = opened(data) if data else b""
    offset = 0
    while offset < len(body):
        known, size, first, gap, width = HEAD.unpack_from(body, offset)
        gaps = offset + HEAD.size
        counts = gaps + (size - 1) * SIZES[gap]
        offset = counts + size * SIZES[width]
        if only is None or known in only:
            bins = accumulate(_numbers(gap, body[gaps:counts]), initial=first)
            rows[known] = dict(zip(bins, _numbers(width, body[counts:offset]), strict=True))
    return rows


def add(into: Counts, more: Mapping[int, int]) -> None:
    """Add counts to counts, in place."""
    for key, count in more.items():
        into[key] = into.get(key, 0) + count


def _packed_bins(value: int, counts: Mapping[int, int]) -> bytes:
    if len(counts) == 1:
        bins, gap, gaps = list(counts), 0, b""
    else:
        bins = sorted(counts)
        gap, gaps = _narrowed([after - before for before, after in pairwise(bins)])
    width, numbers = _narrowed([counts[known] for known in bins])
    return HEAD.pack(value, len(bins), bins[0], gap, width) + gaps + numbers


def _narrowed(numbers: Sequence[int]) -> tuple[int, bytes]:
    """The code of the narrowest width that holds all of the numbers, of which there are some, and their bytes."""
    largest = max(numbers)
    try:
        if largest < 256:
            return 0, bytes(numbers)
        code = 1 if largest < 2**16 else 2 if largest < 2**32 else 3
        column = array(WIDTHS[code], numbers)
    except (ValueError, OverflowError):  # below zero, or beyond 8 bytes
        return WIDE, b"".join(number.to_bytes(SIZES[WIDE], "little", signed=True) for number in numbers)
    if IS_FOREIGN:
        column.byteswap()
    return code, column.tobytes()


def _numbers(code: int, data: bytes) -> Sequence[int]:
    if code == 0:
        return data
    if code == WIDE:
        size = SIZES[WIDE]
        return [int.from_bytes(data[at : at + size], "little", signed=True) for at in range(0, len(data), size)]
    column = array(WIDTHS[code], data)
    if IS_FOREIGN:
        column.byteswap()
    return column


def sealed(body: bytes) -> bytes:
    """Bytes with the version in front, compressed when it is worth it."""
    if len(body) < WORTH_DEFLATING:
        return bytes((VERSION, PLAIN)) + body
    return bytes((VERSION, DEFLATED)) + zlib.compress(body, 1)


def opened(data: bytes) -> bytes:
    """What `sealed` sealed. Raises BadSheet."""
    if len(data) < 2 or data[0] != VERSION or data[1] not in (PLAIN, DEFLATED):
        raise BadSheet(f"a sheet begins with version {VERSION}, not {bytes(data[:2])!r}")
    return zlib.decompress(data[2:]) if data[1] == DEFLATED else bytes(data[2:])
