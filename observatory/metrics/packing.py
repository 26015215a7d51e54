"""Tables of cells to stored bytes and back, thousands of sheets in one go. Pure: no Django here; it loads numpy.

The bytes are those of `codec`, which says what stands where and packs one thing at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from observatory.metrics import codec
from observatory.metrics.cells import Cells
from observatory.metrics.sheets import (
    COLUMNS,
    COMBINATION,
    COMBINATION_BYTES,
    OTHER_COMBINATIONS,
    Combinations,
    SheetKey,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

Blobs = tuple[bytes | None, ...]
"""The stored columns of a sheet: its counters, each distribution of COLUMNS, and its combinations."""

_LIMITS = tuple(2 ** (8 * size) for size in codec.SIZES[: codec.WIDE])


def packed(cells: Cells) -> Iterator[tuple[SheetKey, Blobs]]:
    """Every sheet with its stored columns."""
    import numpy as np

    edges = np.searchsorted(cells.sheet, np.arange(len(cells.keys) + 1))
    place = np.arange(len(cells)) - edges[cells.sheet]
    is_combined = np.array([key.dimension == COMBINATION for key in cells.keys], bool)
    value = np.where(is_combined[cells.sheet], place, cells.value) if len(cells) else cells.value
    columns: list[Iterable[bytes | None]] = [_counters(cells, value, place, edges)]
    for name in COLUMNS:
        entries = cells.bins.get(name)
        columns.append(_histograms(entries, value, edges) if entries is not None else [None] * len(cells.keys))
    columns.append(_names(cells, edges, is_combined))
    return zip(cells.keys, zip(*columns, strict=True), strict=True)


def _counters(
    cells: Cells, value: "NDArray[Any]", place: "NDArray[Any]", edges: "NDArray[Any]"
) -> Iterator[bytes | None]:
    import numpy as np

    if not cells.keys:
        return iter(())
    lengths = np.diff(edges)
    wanted = [(counter, _Widths(column, edges[:-1])) for counter, column in sorted(cells.counters.items())]
    sizes = [np.where(widths.is_used, 2 + lengths * widths.size, 0) for _, widths in wanted]
    ends = np.cumsum([2 + 2 * lengths, *sizes], axis=0)
    starts = np.concatenate([[0], np.cumsum(ends[-1])])
    out = np.zeros(starts[-1], np.uint8)
    _put(out, starts[:-1], lengths, 2)
    _put(out, starts[cells.sheet] + 2 + 2 * place, value, 2)
    for (counter, widths), begun in zip(wanted, ends, strict=False):
        begin = (starts[:-1] + begun)[widths.is_used]
        out[begin], out[begin + 1] = counter, widths.code[widths.is_used]
        is_here = widths.is_used[cells.sheet]
        sheet = cells.sheet[is_here]
        at = starts[sheet] + begun[sheet] + 2 + place[is_here] * widths.size[sheet]
        widths.put(out, at, cells.counters[counter][is_here], sheet)
    return _sealed(out, starts)


def _histograms(entries: "NDArray[Any]", value: "NDArray[Any]", edges: "NDArray[Any]") -> Iterator[bytes | None]:
    import numpy as np

    cell, bins, counts = entries
    if not len(cell):
        return iter([None] * (len(edges) - 1))
    firsts = np.flatnonzero(np.concatenate([[True], cell[1:] != cell[:-1]]))
    group = np.cumsum(np.concatenate([[False], cell[1:] != cell[:-1]]))
    lengths = np.diff([*firsts, len(cell)])
    place = np.arange(len(cell)) - firsts[group]
    gaps = np.diff(bins, prepend=0)
    gaps[firsts] = 0
    gap, width = _Widths(gaps, firsts), _Widths(counts, firsts)
    head = codec.HEAD.size
    sizes = head + (lengths - 1) * gap.size + lengths * width.size
    starts = np.concatenate([[0], np.cumsum(sizes)])
    out = np.zeros(starts[-1], np.uint8)
    begin = starts[:-1]
    _put(out, begin, value[cell[firsts]], 2)
    _put(out, begin + 2, lengths, 2)
    _put(out, begin + 4, bins[firsts], 2)
    out[begin + 6], out[begin + 7] = gap.code, width.code
    is_gap = place > 0
    inside = group[is_gap]
    gap.put(out, begin[inside] + head + (place[is_gap] - 1) * gap.size[inside], gaps[is_gap], inside)
    counts_from = begin + head + (lengths - 1) * gap.size
    width.put(out, counts_from[group] + place * width.size[group], counts, group)
    return _sealed(out, starts[np.searchsorted(cell[firsts], edges)])


class _Widths:
    """The narrowest width of each run of a column that holds all its numbers, and how to write them."""

    def __init__(self, column: "NDArray[Any]", starts: "NDArray[Any]") -> None:
        import numpy as np

        largest, smallest = np.maximum.reduceat(column, starts), np.minimum.reduceat(column, starts)
        self.is_used = ((largest != 0) | (smallest != 0)).astype(bool)
        self.code = np.sum([largest >= limit for limit in _LIMITS], axis=0).astype(np.int64)
        self.code[(smallest < 0).astype(bool)] = codec.WIDE
        self.size = np.array(codec.SIZES)[self.code]

    def put(self, out: "NDArray[Any]", at: "NDArray[Any]", numbers: "NDArray[Any]", run: "NDArray[Any]") -> None:
        """Write each number of a run to where it belongs."""
        import numpy as np

        codes = self.code[run]
        for code in np.unique(self.code):
            is_such = codes == code
            _put(out, at[is_such], numbers[is_such], codec.SIZES[code])


def _put(out: "NDArray[Any]", at: "NDArray[Any]", numbers: "NDArray[Any]", size: int) -> None:
    """Write numbers of so many bytes, the lowest first."""
    import numpy as np

    if size == codec.SIZES[codec.WIDE]:
        data = b"".join(int(number).to_bytes(size, "little", signed=True) for number in numbers)
        out[at[:, None] + np.arange(size)] = np.frombuffer(data, np.uint8).reshape(-1, size)
        return
    wide = np.ascontiguousarray(numbers.astype("<u8" if numbers.dtype == object else "<i8"))
    for place, column in enumerate(wide.view(np.uint8).reshape(-1, 8).T[:size]):
        out[at + place] = column


def _sealed(out: "NDArray[Any]", starts: "NDArray[Any]") -> Iterator[bytes | None]:
    """The bytes between these places, each sealed; None for none."""
    data = out.tobytes()
    return (codec.sealed(data[start:end]) if end > start else None for start, end in pairwise(starts.tolist()))


def _names(cells: Cells, edges: "NDArray[Any]", is_combined: "NDArray[Any]") -> Iterator[bytes | None]:
    import numpy as np

    rows = [combination.to_bytes(COMBINATION_BYTES, signed=True) for combination in cells.combinations]
    table = np.frombuffer(b"".join(rows), np.uint8).reshape(-1, COMBINATION_BYTES)
    for number, (start, end) in enumerate(pairwise(edges.tolist())):
        yield codec.sealed(table[cells.value[start:end]].tobytes()) if is_combined[number] else None


def _runs(
    data: "NDArray[Any]",
    at: "NDArray[Any]",
    lengths: "NDArray[Any]",
    codes: "NDArray[Any]",
    into: "NDArray[Any]",
    size: int,
) -> "NDArray[Any]":
    """So many numbers out of runs: where each begins, how many it has, how wide, and where they go to. Zero elsewhere."""
    import numpy as np

    found: NDArray[Any] = np.zeros(size, np.int64)
    for code in np.unique(codes).tolist():
        chosen = codes == code
        step, width = _steps(lengths[chosen]), codec.SIZES[code]
        places = np.repeat(at[chosen], lengths[chosen]) + step * width
        numbers = _as_numbers(np.ascontiguousarray(data[places[:, None] + np.arange(width)]), code)
        if numbers.dtype == object:
            found = found.astype(object)
        found[np.repeat(into[chosen], lengths[chosen]) + step] = numbers
    return found


def _as_numbers(taken: "NDArray[Any]", code: int) -> "NDArray[Any]":
    import numpy as np

    if code == codec.WIDE:
        return np.array([int.from_bytes(row.tobytes(), "little", signed=True) for row in taken], object)
    plain: NDArray[Any] = taken.view(f"<u{codec.SIZES[code]}").reshape(-1)
    return plain.astype(object if plain.size and plain.max() >= 2**63 else np.int64)


def _steps(lengths: "NDArray[Any]") -> "NDArray[Any]":
    """0, 1, 2 … up to each of these lengths, one after the other."""
    import numpy as np

    ends = np.cumsum(lengths)
    places: NDArray[Any] = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
    return places


def unpacked(rows: Sequence[Sequence[Any]]) -> Cells:
    """The cells of stored sheets: bucket, dimension, feature, combinations, counters, each distribution of COLUMNS.

    Raises BadSheet.
    """
    import numpy as np

    keys = [SheetKey(*row[:3]) for row in rows]
    lengths, stored, counters = _read_counters([row[4] for row in rows])
    sheet = np.repeat(np.arange(len(rows)), lengths)
    value, combinations = _read_values(stored, lengths, [row[3] for row in rows])
    bins = {}
    for place, name in enumerate(COLUMNS, start=5):
        if any(row[place] for row in rows):
            bins[name] = _read_histograms([row[place] for row in rows], sheet, stored)
    return Cells(keys, sheet, value, counters, bins, combinations)


def _opened(blobs: Sequence[bytes | None]) -> "tuple[NDArray[Any], NDArray[Any]]":
    """All bodies in one, and where each begins; at last, where the last one ends."""
    import numpy as np

    bodies = [codec.opened(blob) if blob else b"" for blob in blobs]
    return np.frombuffer(b"".join(bodies), np.uint8), np.cumsum([0, *map(len, bodies)])


def _shorts(data: "NDArray[Any]", at: "NDArray[Any]") -> "NDArray[Any]":
    """The numbers of two bytes that stand there."""
    import numpy as np

    shorts: NDArray[Any] = data[at].astype(np.int64) | data[at + 1].astype(np.int64) << 8
    return shorts


def _signed(shorts: "NDArray[Any]") -> "NDArray[Any]":
    """The same as numbers with a sign."""
    import numpy as np

    return np.where(shorts >= 2**15, shorts - 2**16, shorts)


def _walked(
    at: "NDArray[Any]", ends: "NDArray[Any]", heads: Callable[["NDArray[Any]", "NDArray[Any]"], "list[NDArray[Any]]"]
) -> "NDArray[Any]":
    """What stands at the heads of all blocks of all sheets, a block of each at a time.

    `heads`: of the numbers of sheets and where their next blocks begin, some numbers, the last one where the block ends.
    Gives sheet, begin and those numbers of every block, sheet after sheet.
    """
    import numpy as np

    sheets, met = np.arange(len(at)), []
    while (is_open := at < ends[sheets]).any():
        sheets, at = sheets[is_open], at[is_open]
        numbers = heads(sheets, at)
        met.append(np.stack([sheets, at, *numbers]))
        at = numbers[-1]
    blocks = np.concatenate(met, axis=1) if met else np.empty((7, 0), np.int64)
    return blocks[:, np.argsort(blocks[0], kind="stable")]


def _read_counters(blobs: Sequence[bytes]) -> "tuple[NDArray[Any], NDArray[Any], dict[int, NDArray[Any]]]":
    """How many values each sheet has, all values as they are stored, and the counters of all."""
    import numpy as np

    data, begins = _opened(blobs)
    widths = np.array(codec.SIZES)
    lengths = _shorts(data, begins[:-1])
    cells, total = np.cumsum(lengths) - lengths, int(lengths.sum())

    def heads(sheets: "NDArray[Any]", at: "NDArray[Any]") -> "list[NDArray[Any]]":
        code = data[at + 1].astype(np.int64)
        return [data[at].astype(np.int64), code, at + 2 + lengths[sheets] * widths[code]]

    blocks = _walked(begins[:-1] + 2 + 2 * lengths, begins[1:], heads)
    counters = {}
    for counter in np.unique(blocks[2]).tolist():
        sheets, at, _, code, _ = blocks[:5, blocks[2] == counter]
        counters[counter] = _runs(data, at + 2, lengths[sheets], code, cells[sheets], total)
    values = _shorts(data, np.repeat(begins[:-1] + 2, lengths) + 2 * _steps(lengths))
    return lengths, values, counters


def _read_values(
    stored: "NDArray[Any]", lengths: "NDArray[Any]", blobs: Sequence[bytes | None]
) -> "tuple[NDArray[Any], list[int]]":
    """The values of all cells, those of sheets of combinations as places in the list of all combinations."""
    import numpy as np

    names = {number: Combinations(blob).whole() for number, blob in enumerate(blobs) if blob}
    known = set(chain.from_iterable(names.values())) - {OTHER_COMBINATIONS}
    combinations = [OTHER_COMBINATIONS, *sorted(known)]
    place_of = {name: place for place, name in enumerate(combinations)}
    value, starts = stored.copy(), np.cumsum(lengths) - lengths
    for number, of_sheet in names.items():
        value[starts[number] : starts[number] + lengths[number]] = [place_of[name] for name in of_sheet]
    return value, combinations


def _read_histograms(blobs: Sequence[bytes | None], sheet: "NDArray[Any]", stored: "NDArray[Any]") -> "NDArray[Any]":
    """The entries of one distribution of all cells."""
    import numpy as np

    data, begins = _opened(blobs)
    widths, size = np.array(codec.SIZES), codec.HEAD.size

    def heads(_: "NDArray[Any]", at: "NDArray[Any]") -> "list[NDArray[Any]]":
        length, gap, width = _shorts(data, at + 2), data[at + 6].astype(np.int64), data[at + 7].astype(np.int64)
        return [
            length,
            gap,
            width,
            at + size + (length - 1) * widths[gap],
            at + size + (length - 1) * widths[gap] + length * widths[width],
        ]

    of_sheet, at, lengths, gap, width, counts_at, _ = _walked(begins[:-1], begins[1:], heads)
    start, total = np.cumsum(lengths) - lengths, int(lengths.sum())
    gone = np.cumsum(_runs(data, at + size, lengths - 1, gap, start + 1, total))
    bins = gone - np.repeat(gone[start] - _signed(_shorts(data, at + 4)), lengths)
    span = int(stored.max()) + 1
    cell = np.searchsorted(sheet * span + stored, of_sheet * span + _shorts(data, at))
    counts = _runs(data, counts_at, lengths, width, start, total)
    return np.stack([np.repeat(cell, lengths), bins, counts])
