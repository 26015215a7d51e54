"""Sheets from raw rows: the only place that turns what was recorded into what is counted. For jobs: it loads numpy.

Rows are first summed by minute and dimension values; every set of sheets is summed from those sums. All numbers are
whole (money in nano-dollars, shares in millionths rounded one by one), so the order of rows never shows in a result.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.dimensions import ABSENT, Dimension, Facts
from ingest.timeline import HOUR, MINUTE, Window, hour_window
from observatory.metrics import counting, raw
from observatory.metrics.cells import Cells, capped, crowded, entries_of, joined, merged
from observatory.metrics.counting import Rows
from observatory.metrics.layout import DOWN_CALLS, OUTAGES, ZERO_BIN, Counter, Distribution
from observatory.metrics.sheets import (
    ALL_FEATURES,
    COMBINATION,
    DIMENSIONS,
    OTHER_COMBINATIONS,
    SINGLE,
    TOTAL,
    SheetKey,
    combined,
)
from observatory.metrics.statistics import GAMMA
from observatory.metrics.tallying import added, coded, most, numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL's epoch, which binary timestamps count from."""

_MINUTE_US = 60_000_000
SMALLEST = 1e-9
"""Smaller values share a bin: a bin's number fits two bytes."""

HEADLINE = (Dimension.FEATURE, Dimension.MODEL)
_EDGE_SLACK = 1e-9
"""As in `statistics.bucket_of`: an edge belongs to the bucket below it, whatever its logarithm's last digit."""


@dataclass
class Sums:
    """Rows summed by minute and dimension values; the same group may occur twice.

    `keys`: (1 + dimensions) × groups: minute since 2000, then the values' numbers. `counters`: counter → a sum for each
    group. `bins`: distribution → 3 × entries (number of the group, bin, count).
    """

    keys: "NDArray[Any]"
    counters: "dict[int, NDArray[Any]]"
    bins: "dict[Distribution, NDArray[Any]]"


@dataclass(frozen=True)
class Recomputed:
    """The sheets of some buckets, and which kinds of feedback were among their rows (bits, 1 << kind)."""

    sheets: Cells
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


def recompute_wide(facts: Facts, buckets: Sequence[Window], zone_name: str) -> Cells:
    """The wide sheets of such buckets, each at most a local day of the zone.

    Combinations are capped as by merging: in each minute, then in each hour, then in the bucket.
    """
    parts: list[Sums] = []
    for ranges in _batches(facts, buckets):
        parts += _sums(facts, ranges, DIMENSIONS)[0]
    whole = _joined(parts, len(DIMENSIONS))
    return joined([*_single(whole, buckets), *_combinations(whole, buckets, zone_name)])


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
    groups, places = numbered(coded(keys))
    # Most counters are of other kinds of rows, or of what nobody sends: zero all along.
    counters = {
        int(counter): added(column.astype(np.int64), places, len(groups))
        for counter, column in rows.counters.items()
        if column.any()
    }
    bins = {name: _binned(values, places) for name, values in rows.values.items()}
    return Sums(keys[:, _one_of_each(places, len(groups))], counters, bins)


def _one_of_each(places: "NDArray[Any]", size: int) -> "NDArray[Any]":
    """Of each group the number of one that belongs to it."""
    import numpy as np

    one = np.empty(size, np.int64)
    one[places] = np.arange(len(places))
    return one


def _binned(values: "NDArray[Any]", group_of: "NDArray[Any]") -> "NDArray[Any]":
    """Count the values that were sent (not negative, not NaN) by group and bin."""
    import numpy as np

    is_sent = values >= 0
    sent = values[is_sent].astype(np.float64)
    is_zero = sent == 0
    logs = np.log(np.where(is_zero, 1.0, np.maximum(sent, SMALLEST))) / math.log(GAMMA)
    bins = np.where(is_zero, ZERO_BIN, np.ceil(logs - _EDGE_SLACK)).astype(np.int64)
    return entries_of(group_of[is_sent], bins, np.ones_like(bins))


def _headline(sums: Sums, buckets: Sequence[Window]) -> Cells:
    """Total, feature, model, and model within each feature."""
    import numpy as np

    _, feature, model = sums.keys
    none = np.zeros_like(feature)
    # Feature 0 would be all features: what has none (overhead) has no sheet of its own.
    featured = _picked(sums, feature != ALL_FEATURES)
    return joined(
        [
            _cells(TOTAL, buckets, sums, none, none),
            _cells(Dimension.FEATURE, buckets, sums, none, feature),
            _cells(Dimension.MODEL, buckets, sums, none, model),
            _cells(Dimension.MODEL, buckets, featured, featured.keys[1], featured.keys[2]),
        ]
    )


def _single(sums: Sums, buckets: Sequence[Window]) -> Iterator[Cells]:
    """The named values of every other dimension, in all and in each feature."""
    import numpy as np

    feature_row = 1 + DIMENSIONS.index(Dimension.FEATURE)
    for dimension in SINGLE:
        row = 1 + DIMENSIONS.index(dimension)
        named = _picked(sums, sums.keys[row] != ABSENT)
        value = named.keys[row]
        yield _cells(dimension, buckets, named, np.zeros_like(value), value)
        featured = _picked(named, named.keys[feature_row] != ALL_FEATURES)
        yield _cells(dimension, buckets, featured, featured.keys[feature_row], featured.keys[row])


def _combinations(sums: Sums, buckets: Sequence[Window], zone_name: str) -> Iterator[Cells]:
    """The full combinations of each bucket.

    Where a bucket has no more than are kept, none of its minutes has either, and nothing needs to be capped on the way.
    """
    import numpy as np

    distinct, number = numbered(coded(sums.keys[1:]))
    known = sums.keys[1:, _one_of_each(number, len(distinct))]
    names = [OTHER_COMBINATIONS, *map(combined, known.T.tolist())]

    def combinations(of: Sequence[Window], some: Sums, numbers: "NDArray[Any]") -> Cells:
        return replace(_cells(COMBINATION, of, some, np.zeros_like(numbers), 1 + numbers), combinations=names)

    whole = combinations(buckets, sums, number)
    starts = [bucket.start for bucket in buckets]
    full = {whole.keys[at].bucket for at in np.flatnonzero(crowded(whole))}
    is_full = np.array([start in full for start in starts], bool)
    if not is_full.any():
        yield whole
        return
    is_inside = is_full[_bucket_of(buckets, sums.keys[0])]
    yield combinations(buckets, _picked(sums, ~is_inside), number[~is_inside])
    minutes = [Window(start, start + MINUTE) for start in map(_instant, np.unique(sums.keys[0][is_inside]).tolist())]
    of_minutes = capped(combinations(minutes, _picked(sums, is_inside), number[is_inside]))

    def bucket_of(at: datetime) -> Window:
        return buckets[bisect_right(starts, at) - 1]

    def hour_of(at: datetime) -> datetime:
        bucket = bucket_of(at)
        return hour_window(at, zone_name).start if bucket.length > HOUR else bucket.start

    yield merged(merged(of_minutes, hour_of), lambda at: bucket_of(at).start)


def _instant(minute: int) -> datetime:
    return _EPOCH + minute * MINUTE


def _bucket_of(buckets: Sequence[Window], minutes: "NDArray[Any]") -> "NDArray[Any]":
    """The number of the bucket that each minute lies in."""
    import numpy as np

    edges = np.array([(bucket.start - _EPOCH) // MINUTE for bucket in buckets], np.int64)
    return np.searchsorted(edges, minutes, side="right") - 1


def _joined(parts: Sequence[Sums], dimensions: int) -> Sums:
    """Several sums as one, their groups numbered on."""
    import numpy as np

    sizes = [part.keys.shape[1] for part in parts]
    bins: dict[Distribution, list[NDArray[Any]]] = {}
    for part, offset in zip(parts, np.cumsum([0, *sizes]), strict=False):
        for name, entries in part.bins.items():
            bins.setdefault(name, []).append(entries + np.array([[offset], [0], [0]]))
    counters = {
        counter: np.concatenate(
            [part.counters.get(counter, np.zeros(size, np.int64)) for part, size in zip(parts, sizes, strict=True)]
        )
        for counter in sorted({counter for part in parts for counter in part.counters})
    }
    return Sums(
        np.concatenate([np.empty((1 + dimensions, 0), np.int64), *(part.keys for part in parts)], axis=1),
        counters,
        {name: np.concatenate(entries, axis=1) for name, entries in bins.items()},
    )


def _picked(sums: Sums, where: "NDArray[Any]") -> Sums:
    """Only some groups."""
    import numpy as np

    if where.all():
        return sums
    number = np.cumsum(where) - 1
    bins = {}
    for name, entries in sums.bins.items():
        kept = entries[:, where[entries[0]]]
        bins[name] = np.stack([number[kept[0]], kept[1], kept[2]])
    return Sums(sums.keys[:, where], {counter: column[where] for counter, column in sums.counters.items()}, bins)


def _cells(
    dimension: int, buckets: Sequence[Window], sums: Sums, feature: "NDArray[Any]", value: "NDArray[Any]"
) -> Cells:
    """The sheets of one set. `feature`, `value`: of each group, the feature of its sheet and its value in it."""

    features, values = (int(column.max(initial=0)) + 1 for column in (feature, value))
    place = feature * values + value
    cells, cell_of = numbered(_bucket_of(buckets, sums.keys[0]) * (features * values) + place)
    sheets, sheet = numbered(cells // values)
    minutes = sums.keys[0] - (sums.keys[0].min() if sums.keys.size else 0)
    counters = {counter: added(column, cell_of, len(cells)) for counter, column in sums.counters.items()}
    return Cells(
        [SheetKey(buckets[code // features].start, int(dimension), code % features) for code in sheets.tolist()],
        sheet,
        cells % values,
        counters | _of_minutes(sums.counters, minutes * (features * values) + place, cell_of, len(cells)),
        {name: entries_of(cell_of[entries[0]], entries[1], entries[2]) for name, entries in sums.bins.items()},
    )


def _of_minutes(
    counters: "dict[int, NDArray[Any]]", codes: "NDArray[Any]", cell_of: "NDArray[Any]", size: int
) -> "dict[int, NDArray[Any]]":
    """The counters that go by the minute. `codes` tells minutes and cells apart."""
    import numpy as np

    if Counter.CALLS not in counters:
        return {}
    minutes, minute_of = numbered(codes)

    def by_minute(*names: Counter) -> "NDArray[Any]":
        none = np.zeros(len(minutes), np.int64)
        return sum((added(counters[name], minute_of, len(minutes)) for name in names if name in counters), none)

    calls, outages = by_minute(Counter.CALLS), by_minute(*OUTAGES)
    tokens = by_minute(Counter.INPUT_TOKENS, Counter.OUTPUT_TOKENS)
    cell = cell_of[_one_of_each(minute_of, len(minutes))]
    is_down = (calls >= DOWN_CALLS) & (2 * outages > calls)
    return {
        Counter.MINUTES_WITH_TRAFFIC: added((calls > 0).astype(np.int64), cell, size),
        Counter.MINUTES_DOWN: added(is_down.astype(np.int64), cell, size),
        Counter.PEAK_CALLS: most(calls, cell, size),
        Counter.PEAK_TOKENS: most(tokens, cell, size),
    }
