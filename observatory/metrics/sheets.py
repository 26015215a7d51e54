"""A sheet in memory: all values of one dimension in one bucket, their counters and histograms. Pure: no Django here.

Two families of sets are kept. The *headline* sets (total, feature, model, feature × model) are counted at every tick.
The *wide* ones follow within a minute or two: every other dimension, each of them for every feature, and the full
combinations of all dimensions. A wide sheet of a dimension holds its named values only: the rest is what the total has
besides, so that a dimension that no app sends costs nothing.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from ingest.dimensions import Dimension
from observatory.metrics import codec
from observatory.metrics.codec import Counts
from observatory.metrics.layout import PEAKS, Counter, Distribution

TOTAL = 0
"""The dimension of sheets that tell nothing apart, and their only value."""

ALL_FEATURES = 0
"""The feature of sheets that are about all features."""

COMBINATION = 100
"""The dimension of sheets whose values are full combinations, one number per Dimension: see `combined`."""

MOST_COMBINATIONS = 2_000
"""So many combinations of a bucket are kept apart, those with most calls; the others are OTHER_COMBINATIONS."""

OTHER_COMBINATIONS = -1

COLUMNS = tuple(Distribution)
DIMENSIONS = tuple(Dimension)
SINGLE = tuple(dimension for dimension in DIMENSIONS if dimension not in (Dimension.FEATURE, Dimension.MODEL))
"""The dimensions of wide sheets."""

_BYTES = 2
_SHIFTS = {dimension: 8 * _BYTES * place for place, dimension in enumerate(reversed(DIMENSIONS))}


class Family(Enum):
    """Which sets of sheets; the value is the range of their dimensions."""

    HEADLINE = (TOTAL, int(Dimension.MODEL))
    WIDE = (int(Dimension.MODEL) + 1, COMBINATION)


class SheetKey(NamedTuple):
    """Which sheet of a level and facts.

    The headline sets are (TOTAL, 0), (FEATURE, 0), (MODEL, 0) and (MODEL, f); the wide ones (d, 0), (d, f) and
    (COMBINATION, 0).
    """

    bucket: datetime
    dimension: int
    feature: int


@dataclass(slots=True)
class Sheet:
    """Value → counter → sum, and distribution → value → bin → count."""

    counters: dict[int, Counts] = field(default_factory=dict)
    histograms: dict[Distribution, dict[int, Counts]] = field(default_factory=dict)

    def pack(self) -> tuple[bytes | None, ...]:
        """The stored columns: counters, then each distribution of COLUMNS."""
        histograms = [self.histograms.get(name) for name in COLUMNS]
        return (
            codec.pack_counters(self.counters),
            *(codec.pack_histograms(rows) if rows else None for rows in histograms),
        )

    @classmethod
    def unpack(cls, counters: bytes, histograms: Iterable[bytes | None]) -> "Sheet":
        """The sheet that `pack` packed."""
        sheet = cls(codec.unpack_counters(counters))
        for name, data in zip(COLUMNS, histograms, strict=True):
            if data:
                sheet.histograms[name] = codec.unpack_histograms(data)
        return sheet

    def add(self, other: "Sheet") -> None:
        """Merge another bucket's sheet of the same set into this one: exact, in any order."""
        for value, counts in other.counters.items():
            add_counters(self.counters.setdefault(value, {}), counts)
        for name, rows in other.histograms.items():
            into = self.histograms.setdefault(name, {})
            for value, counts in rows.items():
                codec.add(into.setdefault(value, {}), counts)

    def renamed(self, names: Mapping[int, int]) -> "Sheet":
        """The same with other values; those that get the same one are added up."""
        sheet = Sheet()
        for value, counts in self.counters.items():
            add_counters(sheet.counters.setdefault(names[value], {}), counts)
        for name, rows in self.histograms.items():
            into = sheet.histograms.setdefault(name, {})
            for value, counts in rows.items():
                codec.add(into.setdefault(names[value], {}), counts)
        return sheet


Sheets = dict[SheetKey, Sheet]


def add_counters(into: Counts, more: Mapping[int, int]) -> None:
    """Merge counters into counters, in place: sums are added up, of peaks the larger stays."""
    highest: Counts = {peak: max(into.get(peak, 0), more[peak]) for peak in PEAKS if peak in more}
    codec.add(into, more)
    into.update(highest)


def merge(parts: Iterable[tuple[SheetKey, Sheet]], bucket_of: Callable[[datetime], datetime]) -> Sheets:
    """Sheets of coarser buckets from finer ones; `bucket_of` says in which coarser bucket a finer one lies."""
    whole: Sheets = {}
    for key, sheet in parts:
        whole.setdefault(SheetKey(bucket_of(key.bucket), key.dimension, key.feature), Sheet()).add(sheet)
    return {key: capped(sheet) if key.dimension == COMBINATION else sheet for key, sheet in whole.items()}


def combined(numbers: Sequence[int]) -> int:
    """A full combination as one number: the dictionary numbers of all DIMENSIONS, in their order."""
    return int.from_bytes(b"".join(number.to_bytes(_BYTES) for number in numbers))


def number_in(combination: int, dimension: Dimension) -> int:
    """The dictionary number of a dimension in a combination; not in OTHER_COMBINATIONS."""
    return combination >> _SHIFTS[dimension] & 0xFFFF


def capped(sheet: Sheet, most: int = MOST_COMBINATIONS) -> Sheet:
    """A sheet of combinations with the largest kept apart: by calls or, of feedback, by interactions that have any."""
    named = [value for value in sheet.counters if value != OTHER_COMBINATIONS]
    if len(named) <= most:
        return sheet

    def size(value: int) -> tuple[int, int]:
        counts = sheet.counters[value]
        return -(counts.get(Counter.CALLS, 0) or counts.get(Counter.WITH_FEEDBACK, 0)), value

    kept = set(sorted(named, key=size)[:most])
    return sheet.renamed({value: value if value in kept else OTHER_COMBINATIONS for value in sheet.counters})


def pack_combinations(values: Iterable[int]) -> bytes:
    """The combinations of a sheet, ascending; the place of each is its value in the other columns."""
    size = _BYTES * len(DIMENSIONS)
    return codec.sealed(b"".join(value.to_bytes(size, signed=True) for value in sorted(values)))


def unpack_combinations(data: bytes) -> list[int]:
    """The combinations that `pack_combinations` packed."""
    size, body = _BYTES * len(DIMENSIONS), codec.opened(data)
    return [int.from_bytes(body[at : at + size], signed=True) for at in range(0, len(body), size)]
