"""Adding up columns over equal keys, exactly. Pure: arrays in, arrays out. For jobs: it loads numpy.

Keys are whole numbers, not negative. Where they lie close together they are counted in place, which needs no sorting.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

CLOSE = 16
"""A range of so many times as many keys as there are is still counted in place."""

ALWAYS_CLOSE = 1 << 16
_EXACT_FLOATS = 2**53
_EXACT_INTS = 2**62


def _is_close(span: int, size: int) -> bool:
    """Whether so many keys from a range are counted in place."""
    return span <= CLOSE * size + ALWAYS_CLOSE


def coded(columns: "NDArray[Any]") -> "NDArray[Any]":
    """One key for each column of numbers, in the order in which the columns would be sorted, the first row first."""
    import numpy as np

    codes = np.zeros(columns.shape[1], np.int64)
    if not len(codes):
        return codes
    span = 1
    for row in columns:
        lowest = int(row.min())
        width = int(row.max()) - lowest + 1
        if span * width >= _EXACT_INTS:
            distinct, codes = numbered(codes)
            span = len(distinct)
        codes, span = codes * width + (row - lowest), span * width
    return codes


def numbered(keys: "NDArray[Any]") -> "tuple[NDArray[Any], NDArray[Any]]":
    """The distinct keys, ascending, and the place of each key among them."""
    import numpy as np

    span = int(keys.max()) + 1 if len(keys) else 0
    if not _is_close(span, len(keys)):
        distinct, places = np.unique(keys, return_inverse=True)
        return distinct, places.reshape(-1)
    is_met = np.zeros(span, bool)
    is_met[keys] = True
    distinct = np.flatnonzero(is_met)
    place = np.empty(span, np.int64)
    place[distinct] = np.arange(len(distinct))
    return distinct, place[keys]


def tallied(keys: "NDArray[Any]", counts: "NDArray[Any]") -> "tuple[NDArray[Any], NDArray[Any]]":
    """The distinct keys, ascending, and the sum of each one's counts, all above zero."""
    import numpy as np

    span = int(keys.max()) + 1 if len(keys) else 0
    if _is_close(span, len(keys)) and _bound(counts) < _EXACT_FLOATS:
        sums = np.bincount(keys, counts, span)
        distinct = np.flatnonzero(sums)
        return distinct, sums[distinct].astype(np.int64)
    distinct, places = numbered(keys)
    return distinct, added(counts, places, len(distinct))


def added(column: "NDArray[Any]", places: "NDArray[Any]", size: int) -> "NDArray[Any]":
    """The sum at each of `size` places. What might not fit 64 bits is added up as Python's integers: no app can make
    a sum wrap around."""
    import numpy as np

    bound = _bound(column)
    if bound < _EXACT_FLOATS:
        return np.bincount(places, column.astype(np.int64), size).astype(np.int64)
    sums: NDArray[Any] = np.zeros(size, object if bound >= _EXACT_INTS else np.int64)
    np.add.at(sums, places, column.astype(sums.dtype))
    return sums


def most(column: "NDArray[Any]", places: "NDArray[Any]", size: int) -> "NDArray[Any]":
    """The largest value at each of `size` places, none below zero."""
    import numpy as np

    highest: NDArray[Any] = np.zeros(size, column.dtype)
    np.maximum.at(highest, places, column)
    return highest


def _bound(column: "NDArray[Any]") -> int:
    """What no sum of some of these values exceeds."""
    if not len(column):
        return 0
    return max(int(column.max()), -int(column.min())) * len(column)
