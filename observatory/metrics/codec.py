"""How a sheet's counters and histograms become bytes and come back. Standard library only: web processes decode.

Counters: values × counters, column by column, each column in the narrowest width that holds it:

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

from observatory.metrics.layout import Counter

VERSION = 1
PLAIN, DEFLATED = 0, 1
WORTH_DEFLATING = 160
WIDTHS = "BHIQ"
SIZES = tuple(array(width).itemsize for width in WIDTHS)
IS_FOREIGN = sys.byteorder == "big"

Counts = dict[int, int]
"""Counter → sum, or bin → count. What is zero is left out: whoever makes them sees to it."""

_HEAD = struct.Struct("<hHhBB")


class BadSheet(ValueError):
    """Stored bytes that no version of this codec wrote."""


def pack_counters(rows: Mapping[int, Mapping[int, int]]) -> bytes:
    """Bytes of value → counter → sum. Sums are whole and not negative."""
    values = sorted(rows)
    sums = [rows[value] for value in values]
    parts = [len(values).to_bytes(2, "little"), _bytes(array("h", values))]
    for counter in sorted(sums[0] if len(sums) == 1 else {counter for row in sums for counter in row}):
        code, column = _narrowed([row.get(counter, 0) for row in sums])
        parts.append(b"%c%c%b" % (counter, code, column))
    return _sealed(b"".join(parts))


def unpack_counters(data: bytes, wanted: Collection[int] | None = None, value: int | None = None) -> dict[int, Counts]:
    """Value → counter → sum, of all values or of one, and of all counters or of the wanted ones."""
    body = _opened(data)
    size = int.from_bytes(body[:2], "little")
    offset = 2 + 2 * size
    values = _numbers("h", body[2:offset])
    if value is not None and value not in values:
        return {}
    places = [(values.index(value), value)] if value is not None else list(enumerate(values))
    rows: dict[int, Counts] = {known: {} for _, known in places}
    while offset < len(body):
        counter, width = body[offset], SIZES[body[offset + 1]]
        end = offset + 2 + size * width
        if wanted is None or counter in wanted:
            column = _numbers(WIDTHS[body[offset + 1]], body[offset + 2 : end])
            for place, known in places:
                if column[place]:
                    rows[known][counter] = column[place]
        offset = end
    return rows


def pack_histograms(rows: Mapping[int, Mapping[int, int]]) -> bytes | None:
    """Bytes of value → bin → count; None when nothing was counted."""
    parts = [part for value in sorted(rows) if rows[value] for part in _packed_bins(value, rows[value])]
    return _sealed(b"".join(parts)) if parts else None


def unpack_histograms(data: bytes | None, value: int | None = None) -> dict[int, Counts]:
    """Value → bin → count, of all values or of one."""
    rows: dict[int, Counts] = {}
    body = _opened(data) if data else b""
    offset = 0
    while offset < len(body):
        known, size, first, gap, width = _HEAD.unpack_from(body, offset)
        gaps = offset + _HEAD.size
        counts = gaps + (size - 1) * SIZES[gap]
        offset = counts + size * SIZES[width]
        if value is None or value == known:
            bins = accumulate(_numbers(WIDTHS[gap], body[gaps:counts]), initial=first)
            rows[known] = dict(zip(bins, _numbers(WIDTHS[width], body[counts:offset]), strict=True))
    return rows


def add(into: Counts, more: Mapping[int, int]) -> None:
    """Add counts to counts, in place."""
    for key, count in more.items():
        into[key] = into.get(key, 0) + count


def counter_name(number: int) -> str:
    """A counter's name for people, even of a number from a newer version."""
    return Counter(number).name.lower() if number in set(Counter) else f"counter {number}"


def _packed_bins(value: int, counts: Mapping[int, int]) -> Iterable[bytes]:
    bins = sorted(counts)
    gap, gaps = _narrowed([after - before for before, after in pairwise(bins)])
    width, numbers = _narrowed([counts[known] for known in bins])
    return _HEAD.pack(value, len(bins), bins[0], gap, width), gaps, numbers


def _narrowed(numbers: Sequence[int]) -> tuple[int, bytes]:
    """The code of the narrowest width that holds all of the numbers, and their bytes."""
    largest = max(numbers) if numbers else 0
    if largest < 256:
        return 0, bytes(numbers)
    code = 1 if largest < 2**16 else 2 if largest < 2**32 else 3
    return code, _bytes(array(WIDTHS[code], numbers))


def _bytes(numbers: "array[int]") -> bytes:
    if IS_FOREIGN:
        numbers.byteswap()
    return numbers.tobytes()


def _numbers(width: str, data: bytes) -> Sequence[int]:
    if width == "B":
        return data
    numbers = array(width, data)
    if IS_FOREIGN:
        numbers.byteswap()
    return numbers


def _sealed(body: bytes) -> bytes:
    if len(body) < WORTH_DEFLATING:
        return bytes((VERSION, PLAIN)) + body
    return bytes((VERSION, DEFLATED)) + zlib.compress(body, 1)


def _opened(data: bytes) -> bytes:
    if len(data) < 2 or data[0] != VERSION or data[1] not in (PLAIN, DEFLATED):
        raise BadSheet(f"a sheet begins with version {VERSION}, not {bytes(data[:2])!r}")
    return zlib.decompress(data[2:]) if data[1] == DEFLATED else bytes(data[2:])
