"""Sheets from raw rows: the only place that turns what was recorded into what is counted. For jobs: it loads numpy.

Rows are first summed by (minute, feature, model); every set of sheets is summed from those sums. All numbers are whole
(money in nano-dollars, shares in millionths rounded one by one), so the order of rows never shows in a result.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.dimensions import Dimension, Facts
from ingest.timeline import MINUTE, Window
from observatory.metrics import counting, raw
from observatory.metrics.codec import Counts
from observatory.metrics.counting import Rows
from observatory.metrics.layout import DOWN_CALLS, OUTAGES, ZERO_BIN, Counter, Distribution
from observatory.metrics.sheets import ALL_FEATURES, TOTAL, Sheet, SheetKey, Sheets
from observatory.metrics.statistics import GAMMA

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's epoch, which binary timestamps count from."""

_MINUTE_US = 60_000_000
SMALLEST = 1e-9
"""Smaller values share a bin: a bin's number fits two bytes."""

COUNTERS = tuple(Counter)
_NUMBERS = tuple(map(int, COUNTERS))
_EDGE_SLACK = 1e-9
"""As in `statistics.bucket_of`: an edge belongs to the bucket below it, whatever its logarithm's last digit."""


@dataclass
class Sums:
    """Rows summed by minute, feature and model; the same group may occur twice.

    `keys`: 3 × groups (minute since 2000, feature, model). `counters`: counters in the order of COUNTERS × groups.
    `bins`: distribution → 3 × entries (number of the group, bin, count).
    """

    keys: "NDArray[Any]"
    counters: "NDArray[Any]"
    bins: "dict[Distribution, NDArray[Any]]"


@dataclass(frozen=True)
class Recomputed:
    """The sheets of some buckets, and which kinds of feedback were among their rows (bits, 1 << kind)."""

    sheets: Sheets
    kinds: int = 0


def recompute(facts: Facts, buckets: Sequence[Window]) -> Recomputed:
    """The sheets of disjoint buckets in order of time, whole minutes each, freshly counted from raw rows.

    A bucket without rows has no sheet.
    """
    parts: list[Sums] = []
    kinds = 0
    for ranges in _batches(facts, buckets):
        if facts is Facts.FEEDBACK:
            verdicts = raw.verdicts(ranges)
            kinds |= counting.kinds_in(verdicts)
            parts.append(summed(counting.of_verdicts(verdicts)))
        else:
            parts.append(summed(counting.of_interactions(raw.interactions(ranges))))
            parts.append(summed(counting.of_costs(raw.costs(ranges))))
    return Recomputed(sheets_of(parts, buckets), kinds)


def _batches(facts: Facts, buckets: Sequence[Window]) -> Iterator[list[Window]]:
    """The buckets in portions of at most `raw.MOST_ROWS` rows, longer ones cut into their minutes."""
    batch: list[Window] = []
    size = 0
    for window, rows in _cut(buckets, raw.rows_in(facts, buckets)):
        if batch and size + rows > raw.MOST_ROWS:
            yield batch
            batch, size = [], 0
        batch.append(window)
        size += rows
    if batch:
        yield batch


def _cut(buckets: Sequence[Window], sizes: Sequence[int]) -> Iterator[tuple[Window, int]]:
    for bucket, rows in zip(buckets, sizes, strict=True):
        minutes = bucket.length // MINUTE
        if rows <= raw.MOST_ROWS or minutes == 1:
            yield bucket, rows
        else:
            for number in range(minutes):
                start = bucket.start + number * MINUTE
                yield Window(start, start + MINUTE), rows // minutes


def summed(rows: Rows) -> Sums:
    """Sum rows by minute, feature and model."""
    import numpy as np

    keys = np.stack([rows.at // _MINUTE_US, rows.feature, rows.model])
    nothing = np.zeros(keys.shape[1], np.int64)
    columns = np.stack([rows.counters.get(counter, nothing).astype(np.int64) for counter in COUNTERS])
    groups, counters, group_of = _added(keys, columns)
    return Sums(groups, counters, {name: _binned(values, group_of) for name, values in rows.values.items()})


def _binned(values: "NDArray[Any]", group_of: "NDArray[Any]") -> "NDArray[Any]":
    """Count the values that were sent (not negative, not NaN) by group and bin."""
    import numpy as np

    is_sent = values >= 0
    sent = values[is_sent].astype(np.float64)
    is_zero = sent == 0
    logs = np.log(np.where(is_zero, 1.0, np.maximum(sent, SMALLEST))) / math.log(GAMMA)
    bins = np.where(is_zero, ZERO_BIN, np.ceil(logs - _EDGE_SLACK)).astype(np.int64)
    return _counted(np.stack([group_of[is_sent], bins, np.ones_like(bins)]))


def _counted(entries: "NDArray[Any]") -> "NDArray[Any]":
    """Add up the counts of entries with the same group and bin."""
    import numpy as np

    keys, counts, _ = _added(entries[:2], entries[2:])
    return np.concatenate([keys, counts])


def _added(keys: "NDArray[Any]", columns: "NDArray[Any]") -> "tuple[NDArray[Any], NDArray[Any], NDArray[Any]]":
    """Add up columns over equal keys: the distinct keys ascending, their sums, and the number of each row's key."""
    import numpy as np

    order = np.lexsort(keys[::-1])
    ordered = keys[:, order]
    is_new = np.ones(len(order), bool)
    is_new[1:] = (ordered[:, 1:] != ordered[:, :-1]).any(axis=0)
    number = np.empty(len(order), np.int64)
    number[order] = np.cumsum(is_new) - 1
    starts = np.flatnonzero(is_new)
    if columns.size and int(max(columns.max(), -columns.min())) * len(order) >= 2**62:
        # Sums that might not fit 64 bits are added up as Python's integers: no app can make them wrap around.
        columns = columns.astype(object)
    sums = np.add.reduceat(columns[:, order], starts, axis=1) if len(starts) else columns
    return ordered[:, starts], sums, number


def sheets_of(parts: Sequence[Sums], buckets: Sequence[Window]) -> Sheets:
    """The headline sheets of these buckets from sums."""
    import numpy as np

    sheets: Sheets = {}
    whole = _joined(parts)
    minute, feature, model = whole.keys
    edges = np.array([(bucket.start - _EPOCH) // MINUTE for bucket in buckets], np.int64)
    all_features, total = np.zeros_like(feature), np.zeros_like(feature)
    _fill(sheets, TOTAL, buckets, edges, whole, np.stack([minute, all_features, total]))
    _fill(sheets, Dimension.FEATURE, buckets, edges, whole, np.stack([minute, all_features, feature]))
    _fill(sheets, Dimension.MODEL, buckets, edges, whole, np.stack([minute, all_features, model]))
    # Feature 0 would be all features: what has none (overhead) has no sheet of its own.
    single = _picked(whole, feature != ALL_FEATURES)
    _fill(sheets, Dimension.MODEL, buckets, edges, single, single.keys)
    return sheets


def _joined(parts: Sequence[Sums]) -> Sums:
    """Several sums as one, their groups numbered on."""
    import numpy as np

    offsets = np.cumsum([0, *(part.keys.shape[1] for part in parts)])
    bins: dict[Distribution, list[NDArray[Any]]] = {}
    for part, offset in zip(parts, offsets, strict=False):
        for name, entries in part.bins.items():
            bins.setdefault(name, []).append(entries + np.array([[offset], [0], [0]]))
    return Sums(
        np.concatenate([np.empty((3, 0), np.int64), *(part.keys for part in parts)], axis=1),
        np.concatenate([np.empty((len(COUNTERS), 0), np.int64), *(part.counters for part in parts)], axis=1),
        {name: np.concatenate(entries, axis=1) for name, entries in bins.items()},
    )


def _picked(sums: Sums, where: "NDArray[Any]") -> Sums:
    """Only some groups."""
    import numpy as np

    number = np.cumsum(where) - 1
    bins = {}
    for name, entries in sums.bins.items():
        kept = entries[:, where[entries[0]]]
        bins[name] = np.stack([number[kept[0]], kept[1], kept[2]])
    return Sums(sums.keys[:, where], sums.counters[:, where], bins)


def _fill(
    sheets: Sheets, dimension: int, buckets: Sequence[Window], edges: "NDArray[Any]", sums: Sums, keys: "NDArray[Any]"
) -> None:
    """Add the sheets of one set. `keys`: 3 × groups (minute, feature of the sheet, value in it)."""
    import numpy as np

    by_minute, counters, of_minute = _added(keys, sums.counters)
    _count_minutes(counters)
    in_bucket = np.stack([np.searchsorted(edges, by_minute[0], side="right") - 1, by_minute[1], by_minute[2]])
    groups, counters, of_bucket = _added(in_bucket, counters)
    places = [
        (SheetKey(buckets[bucket].start, int(dimension), feature), value)
        for bucket, feature, value in groups.T.tolist()
    ]
    rows: list[Counts] = [{} for _ in places]
    group_of, counter_of = np.nonzero(counters.T)
    for group, counter, total in zip(
        group_of.tolist(), counter_of.tolist(), counters[counter_of, group_of].tolist(), strict=True
    ):
        rows[group][_NUMBERS[counter]] = total
    for (key, value), row in zip(places, rows, strict=True):
        if key not in sheets:
            sheets[key] = Sheet()
        sheets[key].counters[value] = row
    for name, entries in sums.bins.items():
        moved = np.stack([of_bucket[of_minute[entries[0]]], entries[1], entries[2]])
        for group, known, count in _counted(moved).T.tolist():
            key, value = places[group]
            sheets[key].histograms.setdefault(name, {}).setdefault(value, {})[known] = count


def _count_minutes(counters: "NDArray[Any]") -> None:
    """Set the counters of minutes, in place: columns are single minutes here."""
    calls = counters[COUNTERS.index(Counter.CALLS)]
    outages = sum(counters[COUNTERS.index(counter)] for counter in OUTAGES)
    counters[COUNTERS.index(Counter.MINUTES_WITH_TRAFFIC)] = calls > 0
    counters[COUNTERS.index(Counter.MINUTES_DOWN)] = (calls >= DOWN_CALLS) & (2 * outages > calls)
