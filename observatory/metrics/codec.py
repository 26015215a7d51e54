"""How a sheet's counters and histograms become bytes and come back. Standard library only: web processes decode.

Counters: values × counters, column by column, each column in the narrowest width that holds it:

    u16 values, i16 × values, then for each counter that is not zero everywhere: u8 counter, u8 width code, its numbers

Histograms: for each value that has one, its bins ascending, the first as it is and then the gaps:

    i16 value, u16 bins, u8 width code of gaps, u8 width code of counts, i16 first bin, gaps, counts

In front stand a version byte and a byte that says whether the rest is compressed (zlib 1). Everything is
little-endian, ascending and therefore canonical: equal contents are equal bytes.
"""

import struct
import zlib
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise

from observatory.metrics.layout import Counter

VERSION = 1
PLAIN, DEFLATED = 0, 1
WORTH_DEFLATING = 160
WIDTHS = "BHIQ"
SIZES = tuple(struct.calcsize(f"<{width}") for width in WIDTHS)
LIMITS = tuple(256**size for size in SIZES)

Counts = dict[int, int]
"""Counter → sum, or bin → count. What is zero is left out."""


class BadSheet(ValueError):
    """Stored bytes that no version of this codec wrote."""


def pack_counters(rows: Mapping[int, Mapping[int, int]]) -> bytes:
    """Bytes of value → counter → sum. Sums are whole and not negative."""
    values = sorted(rows)
    parts = [struct.pack(f"<H{len(values)}h", len(values), *values)]
    for counter in sorted({counter for sums in rows.values() for counter, total in sums.items() if total}):
        column = [rows[value].get(counter, 0) for value in values]
        code = _width(max(column))
        parts.append(struct.pack(f"<BB{len(values)}{WIDTHS[code]}", counter, code, *column))
    return _sealed(b"".join(parts))


def unpack_counters(data: bytes, wanted: Collection[int] | None = None, value: int | None = None) -> dict[int, Counts]:
    """Value → counter → sum, of all values or of one, and of all counters or of the wanted ones."""
    body = _opened(data)
    (size,) = struct.unpack_from("<H", body)
    values = struct.unpack_from(f"<{size}h", body, 2)
    if value is not None and value not in values:
        return {}
    places = [(values.index(value), value)] if value is not None else list(enumerate(values))
    rows: dict[int, Counts] = {known: {} for _, known in places}
    offset = 2 + 2 * size
    while offset < len(body):
        counter, code = body[offset], body[offset + 1]
        if wanted is None or counter in wanted:
            column = struct.unpack_from(f"<{size}{WIDTHS[code]}", body, offset + 2)
            for place, known in places:
                if column[place]:
                    rows[known][counter] = column[place]
        offset += 2 + size * SIZES[code]
    return rows


def pack_histograms(rows: Mapping[int, Mapping[int, int]]) -> bytes | None:
    """Bytes of value → bin → count; None when nothing was counted."""
    parts = [_packed_bins(value, rows[value]) for value in sorted(rows) if rows[value]]
    return _sealed(b"".join(parts)) if parts else None


def unpack_histograms(data: bytes | None, value: int | None = None) -> dict[int, Counts]:
    """Value → bin → count, of all values or of one."""
    rows: dict[int, Counts] = {}
    body = _opened(data) if data else b""
    offset = 0
    while offset < len(body):
        known, size, gap, width = struct.unpack_from("<hHBB", body, offset)
        offset += 6
        length = 2 + (size - 1) * SIZES[gap] + size * SIZES[width]
        if value is None or value == known:
            packed = struct.unpack_from(f"<h{size - 1}{WIDTHS[gap]}{size}{WIDTHS[width]}", body, offset)
            rows[known] = dict(zip(_summed(packed[:size]), packed[size:], strict=True))
        offset += length
    return rows


def add(into: Counts, more: Mapping[int, int]) -> None:
    """Add counts to counts, in place."""
    for key, count in more.items():
        into[key] = into.get(key, 0) + count


def counter_name(number: int) -> str:
    """A counter's name for people, even of a number from a newer version."""
    return Counter(number).name.lower() if number in set(Counter) else f"counter {number}"


def _packed_bins(value: int, counts: Mapping[int, int]) -> bytes:
    bins = sorted(counts)
    gaps = [after - before for before, after in pairwise(bins)]
    gap, width = _width(max(gaps, default=0)), _width(max(counts.values()))
    shape = f"<hHBBh{len(gaps)}{WIDTHS[gap]}{len(bins)}{WIDTHS[width]}"
    return struct.pack(shape, value, len(bins), gap, width, bins[0], *gaps, *(counts[known] for known in bins))


def _summed(first_and_gaps: Sequence[int]) -> list[int]:
    total, bins = 0, []
    for gap in first_and_gaps:
        total += gap
        bins.append(total)
    return bins


def _width(largest: int) -> int:
    for code, limit in enumerate(LIMITS):
        if largest < limit:
            return code
    raise OverflowError(f"{largest} does not fit 64 bits")


def _sealed(body: bytes) -> bytes:
    if len(body) < WORTH_DEFLATING:
        return bytes((VERSION, PLAIN)) + body
    return bytes((VERSION, DEFLATED)) + zlib.compress(body, 1)


def _opened(data: bytes) -> bytes:
    if len(data) < 2 or data[0] != VERSION or data[1] not in (PLAIN, DEFLATED):
        raise BadSheet(f"a sheet begins with version {VERSION}, not {bytes(data[:2])!r}")
    return zlib.decompress(data[2:]) if data[1] == DEFLATED else bytes(data[2:])
