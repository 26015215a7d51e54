"""Many sheets at once, as columns: how jobs count and merge them. Pure: no Django here; it loads numpy.

A *cell* is one value of one sheet: its counters, and its histograms' bins. Sheets of one level and facts lie in one
table of cells, whatever their buckets and dimensions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from observatory.metrics.layout import PEAKS, Counter, Distribution
from observatory.metrics.sheets import COMBINATION, MOST_COMBINATIONS, OTHER_COMBINATIONS, SheetKey
from observatory.metrics.tallying import added, most, numbered, tallied

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class Cells:
    """Sheets as columns.

    `keys`: the sheets. `sheet`, `value`: of each cell, the number of its sheet in `keys` and its value, ascending.
    `counters`: counter → a sum for each cell. `bins`: distribution → 3 × entries (number of the cell, bin, count),
    ascending. `combinations`: what the values of sheets of combinations are the places of, ascending, the first of them
    OTHER_COMBINATIONS.
    """

    keys: list[SheetKey]
    sheet: "NDArray[Any]"
    value: "NDArray[Any]"
    counters: "dict[int, NDArray[Any]]"
    bins: "dict[Distribution, NDArray[Any]]"
    combinations: Sequence[int] = field(default=(OTHER_COMBINATIONS,))

    def __len__(self) -> int:
        return len(self.value)


def nothing() -> Cells:
    """No sheet at all."""
    import numpy as np

    return Cells([], np.empty(0, np.int64), np.empty(0, np.int64), {}, {})


def joined(parts: Sequence[Cells]) -> Cells:
    """The sheets of several tables, none of which has another's; those with combinations have the same."""
    import numpy as np

    parts = [part for part in parts if len(part)]
    if len(parts) < 2:
        return parts[0] if parts else nothing()
    sizes = [len(part) for part in parts]
    starts = np.cumsum([0, *sizes])
    sheets = np.cumsum([0, *(len(part.keys) for part in parts)])
    counters = {
        counter: np.concatenate([part.counters.get(counter, np.zeros(len(part), np.int64)) for part in parts])
        for counter in sorted({counter for part in parts for counter in part.counters})
    }
    bins = {}
    for name in Distribution:
        entries = [
            part.bins[name] + np.array([[start], [0], [0]])
            for part, start in zip(parts, starts, strict=False)
            if name in part.bins
        ]
        if entries:
            bins[name] = np.concatenate(entries, axis=1)
    return Cells(
        [key for part in parts for key in part.keys],
        np.concatenate([part.sheet + first for part, first in zip(parts, sheets, strict=False)]),
        np.concatenate([part.value for part in parts]),
        counters,
        bins,
        max((part.combinations for part in parts), key=len),
    )


def merged(cells: Cells, bucket_of: Callable[[datetime], datetime]) -> Cells:
    """Sheets of coarser buckets: sums are added up, of peaks the larger stays, and combinations are capped.

    `bucket_of` says in which coarser bucket a finer one lies.
    """
    import numpy as np

    number_of: dict[SheetKey, int] = {}
    coarser = {bucket: bucket_of(bucket) for bucket in {key.bucket for key in cells.keys}}
    keys = (key._replace(bucket=coarser[key.bucket]) for key in cells.keys)
    moved = np.array([number_of.setdefault(key, len(number_of)) for key in keys], np.int64)
    return capped(_regrouped(cells, list(number_of), moved[cells.sheet], cells.value))


def capped(cells: Cells) -> Cells:
    """The same with the largest combinations of each sheet kept apart: by calls or, of feedback, by interactions that
    have any; the smaller number first among equals. The others are OTHER_COMBINATIONS."""
    import numpy as np

    is_crowded = crowded(cells)[cells.sheet] & (cells.value != 0)
    if not is_crowded.any():
        return cells
    places = np.flatnonzero(is_crowded)
    none = np.zeros(len(cells), np.int64)
    calls = cells.counters.get(Counter.CALLS, none)
    size = np.where(calls == 0, cells.counters.get(Counter.WITH_FEEDBACK, none), calls)[places]
    order = places[np.lexsort((cells.value[places], -size, cells.sheet[places]))]
    _, starts, lengths = np.unique(cells.sheet[order], return_index=True, return_counts=True)
    rank = np.arange(len(order)) - np.repeat(starts, lengths)
    value = cells.value.copy()
    value[order[rank >= MOST_COMBINATIONS]] = 0
    return _regrouped(cells, cells.keys, cells.sheet, value)


def crowded(cells: Cells) -> "NDArray[Any]":
    """Of each sheet, whether it has more combinations than are kept apart."""
    import numpy as np

    is_combined = np.array([key.dimension == COMBINATION for key in cells.keys], bool)
    named = np.bincount(cells.sheet[cells.value != 0], minlength=len(cells.keys))
    of_sheets: NDArray[Any] = is_combined & (named > MOST_COMBINATIONS)
    return of_sheets


def _regrouped(cells: Cells, keys: list[SheetKey], sheet: "NDArray[Any]", value: "NDArray[Any]") -> Cells:
    """Cells with other sheets and values; those that get the same are added up."""
    width = int(value.max()) + 1 if len(value) else 1
    groups, places = numbered(sheet * width + value)
    size = len(groups)
    counters = {
        counter: (most if counter in PEAKS else added)(column, places, size)
        for counter, column in cells.counters.items()
    }
    bins = {name: entries_of(places[entries[0]], entries[1], entries[2]) for name, entries in cells.bins.items()}
    return Cells(keys, groups // width, groups % width, counters, bins, cells.combinations)


def entries_of(cell: "NDArray[Any]", known: "NDArray[Any]", counts: "NDArray[Any]") -> "NDArray[Any]":
    """Entries of a histogram with those of the same cell and bin added up, ascending."""
    import numpy as np

    if not len(cell):
        return np.empty((3, 0), np.int64)
    lowest = int(known.min())
    width = int(known.max()) - lowest + 1
    keys, sums = tallied(cell * width + (known - lowest), counts)
    return np.stack([keys // width, keys % width + lowest, sums])
