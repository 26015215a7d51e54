"""Sheets from raw rows: the only place that turns what was recorded into what is counted. For jobs: it loads numpy.

Rows are first summed by minute and dimension values; every set of sheets is summed from those sums. All numbers are
whole (money in nano-dollars, shares in millionths rounded one by one), so the order of rows never shows in a result.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from ingest.dimensions import ABSENT, Dimension, Facts
from ingest.timeline import HOUR, MINUTE, Window, hour_window
from observatory.metrics import counting, raw
from observatory.metrics.codec import Counts
from observatory.metrics.counting import Rows
from observatory.metrics.layout import DOWN_CALLS, OUTAGES, PEAKS, ZERO_BIN, Counter, Distribution
from observatory.metrics.sheets import (
    ALL_FEATURES,
    COMBINATION,
    DIMENSIONS,
    MOST_COMBINATIONS,
    SINGLE,
    TOTAL,
    Sheet,
    SheetKey,
    Sheets,
    capped,
    combined,
    merge,
)
from observatory.metrics.statistics import GAMMA

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's epoch, which binary timestamps count from."""

_MINUTE_US = 60_000_000
SMALLEST = 1e-9
"""Smaller values share a bin: a bin's number fits two bytes."""

HEADLINE = (Dimension.FEATURE, Dimension.MODEL)
COUNTERS = tuple(Counter)
_NUMBERS = tuple(map(int, COUNTERS))
_EDGE_SLACK = 1e-9
"""As in `statistics.bucket_of`: an edge belongs to the bucket below it, whatever its logarithm's last digit."""


@dataclass
class Sums:
    """Rows summed by minute and dimension values; the same group may occur twice.

    `keys`: (1 + dimensions) × groups: minute since 2000, then the values' numbers. `counters`: counters in the order of COUNTERS × groups.
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
    """The headline sheets of disjoint buckets in order of time, whole minutes each, freshly counted from raw rows.

    A bucket without rows has no sheet.
    """
    parts: list[Sums] = []
    kinds = 0
    for ranges in _batches(facts, buckets):
        more, met = _sums(facts, ranges, HEADLINE)
        parts += more
        kinds |= met
    return Recomputed(_headline(_joined(parts, len(HEADLINE)), buckets), kinds)


def recompute_wide(facts: Facts, buckets: Sequence[Window], zone_name: str) -> Sheets:
    """The wide sheets of such buckets, each at most a local day of the zone.

    Combinations are capped as by merging: in each minute, then in each hour, then in the bucket.
    """
    parts: list[Sums] = []
    for ranges in _batches(facts, buckets):
        parts += _sums(facts, ranges, DIMENSIONS)[0]
    whole = _joined(parts, len(DIMENSIONS))
    return _single(whole, buckets) | _combinations(whole, buckets, zone_name)


def _sums(facts: Facts, ranges: Sequence[Window], by: Sequence[Dimension]) -> "tuple[list[Sums], int]":
    if facts is Facts.FEEDBACK:
        verdicts = raw.verdicts(ranges, by)
        return [summed(counting.of_verdicts(verdicts, by))], counting.kinds_in(verdicts)
    calls, costs = raw.interactions(ranges, by), raw.costs(ranges, by)
    return [summed(counting.of_interactions(calls, by)), summed(counting.of_costs(costs, by))], 0


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
    """Sum rows by minute and dimension values."""
    import numpy as np

    keys = np.stack([rows.at // _MINUTE_US, *rows.numbers])
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
    # Most counters are of other kinds of rows, or of what nobody sends: zero all along.
    is_used = columns.any(axis=1)
    used = columns[is_used]
    if used.size and int(max(used.max(), -used.min())) * len(order) >= 2**62:
        # Sums that might not fit 64 bits are added up as Python's integers: no app can make them wrap around.
        used = used.astype(object)
    sums = np.zeros((len(columns), len(starts)), used.dtype)
    if len(starts):
        sums[is_used] = np.add.reduceat(used[:, order], starts, axis=1)
    return ordered[:, starts], sums, number


def _headline(sums: Sums, buckets: Sequence[Window]) -> Sheets:
    """Total, feature, model, and model within each feature."""
    import numpy as np

    sheets: Sheets = {}
    minute, feature, model = sums.keys
    none = np.zeros_like(feature)
    fill = partial(_fill, sheets, buckets)
    fill(TOTAL, sums, np.stack([minute, none, none]))
    fill(Dimension.FEATURE, sums, np.stack([minute, none, feature]))
    fill(Dimension.MODEL, sums, np.stack([minute, none, model]))
    # Feature 0 would be all features: what has none (overhead) has no sheet of its own.
    single = _picked(sums, feature != ALL_FEATURES)
    fill(Dimension.MODEL, single, single.keys)
    return sheets


def _single(sums: Sums, buckets: Sequence[Window]) -> Sheets:
    """The named values of every other dimension, in all and in each feature."""
    import numpy as np

    sheets: Sheets = {}
    feature_row = 1 + DIMENSIONS.index(Dimension.FEATURE)
    for dimension in SINGLE:
        row = 1 + DIMENSIONS.index(dimension)
        named = _picked(sums, sums.keys[row] != ABSENT)
        minute, feature, value = named.keys[0], named.keys[feature_row], named.keys[row]
        _fill(sheets, buckets, dimension, named, np.stack([minute, np.zeros_like(value), value]))
        is_featured = feature != ALL_FEATURES
        keys = np.stack([minute, feature, value])[:, is_featured]
        _fill(sheets, buckets, dimension, _picked(named, is_featured), keys)
    return sheets


def _combinations(sums: Sums, buckets: Sequence[Window], zone_name: str) -> Sheets:
    """The full combinations of each bucket.

    Where a bucket has no more than are kept, none of its minutes has either, and nothing needs to be capped on the way.
    """
    import numpy as np

    known, numbers = np.unique(sums.keys[1:], axis=1, return_inverse=True)
    names = dict(enumerate(combined(numbers) for numbers in known.T.tolist()))
    keys = np.stack([sums.keys[0], np.zeros_like(sums.keys[0]), numbers.reshape(-1)])
    of_buckets = _combined(sums, keys, buckets, names)
    crowded = [key.bucket for key, sheet in of_buckets.items() if len(sheet.counters) > MOST_COMBINATIONS]
    if not crowded:
        return of_buckets
    for bucket in (one for one in buckets if one.start in crowded):
        edges = [(edge - _EPOCH) // MINUTE for edge in (bucket.start, bucket.end)]
        inside = (keys[0] >= edges[0]) & (keys[0] < edges[1])
        starts = (_EPOCH + int(minute) * MINUTE for minute in np.unique(keys[0][inside]))
        minutes = [Window(start, start + MINUTE) for start in starts]
        of_minutes = _combined(_picked(sums, inside), keys[:, inside], minutes, names)
        capped_minutes = [(key, capped(sheet)) for key, sheet in of_minutes.items()]
        if bucket.length > HOUR:
            capped_minutes = list(merge(capped_minutes, lambda at: hour_window(at, zone_name).start).items())
        of_buckets |= merge(capped_minutes, partial(_constant, bucket.start))
    return of_buckets


def _constant(start: datetime, _: datetime) -> datetime:
    return start


def _combined(sums: Sums, keys: "NDArray[Any]", buckets: Sequence[Window], names: Mapping[int, int]) -> Sheets:
    sheets: Sheets = {}
    _fill(sheets, buckets, COMBINATION, sums, keys)
    return {key: sheet.renamed(names) for key, sheet in sheets.items()}


def _joined(parts: Sequence[Sums], dimensions: int) -> Sums:
    """Several sums as one, their groups numbered on."""
    import numpy as np

    offsets = np.cumsum([0, *(part.keys.shape[1] for part in parts)])
    bins: dict[Distribution, list[NDArray[Any]]] = {}
    for part, offset in zip(parts, offsets, strict=False):
        for name, entries in part.bins.items():
            bins.setdefault(name, []).append(entries + np.array([[offset], [0], [0]]))
    return Sums(
        np.concatenate([np.empty((1 + dimensions, 0), np.int64), *(part.keys for part in parts)], axis=1),
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


def _fill(sheets: Sheets, buckets: Sequence[Window], dimension: int, sums: Sums, keys: "NDArray[Any]") -> None:
    """Add the sheets of one set. `keys`: 3 × groups (minute, feature of the sheet, value in it)."""
    import numpy as np

    edges = np.array([(bucket.start - _EPOCH) // MINUTE for bucket in buckets], np.int64)
    by_minute, counters, of_minute = _added(keys, sums.counters)
    _count_minutes(counters)
    in_bucket = np.stack([np.searchsorted(edges, by_minute[0], side="right") - 1, by_minute[1], by_minute[2]])
    groups, summed_up, of_bucket = _added(in_bucket, counters)
    counters = _with_peaks(summed_up, counters, of_bucket)
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
    calls = _row(counters, Counter.CALLS)
    outages = sum(_row(counters, counter) for counter in OUTAGES)
    _row(counters, Counter.MINUTES_WITH_TRAFFIC)[:] = calls > 0
    _row(counters, Counter.MINUTES_DOWN)[:] = (calls >= DOWN_CALLS) & (2 * outages > calls)
    _row(counters, Counter.PEAK_CALLS)[:] = calls
    _row(counters, Counter.PEAK_TOKENS)[:] = _row(counters, Counter.INPUT_TOKENS) + _row(
        counters, Counter.OUTPUT_TOKENS
    )


def _with_peaks(summed_up: "NDArray[Any]", minutes: "NDArray[Any]", group_of: "NDArray[Any]") -> "NDArray[Any]":
    """The sums of groups of minutes with the highest minute's number where that is what counts."""
    import numpy as np

    for peak in PEAKS:
        highest = _row(summed_up, peak)
        highest[:] = 0
        np.maximum.at(highest, group_of, _row(minutes, peak))
    return summed_up


def _row(counters: "NDArray[Any]", counter: Counter) -> "NDArray[Any]":
    row: NDArray[Any] = counters[COUNTERS.index(counter)]
    return row
