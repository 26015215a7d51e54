"""A sheet in memory: all values of one dimension in one bucket, their counters and histograms. Pure: no Django here."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from observatory.metrics import codec
from observatory.metrics.codec import Counts
from observatory.metrics.layout import Distribution

TOTAL = 0
"""The dimension of sheets that tell nothing apart, and their only value."""

ALL_FEATURES = 0
"""The feature of sheets that are about all features."""

COLUMNS = tuple(Distribution)


class SheetKey(NamedTuple):
    """Which sheet of a level and facts: the headline sets are (TOTAL, 0), (FEATURE, 0), (MODEL, 0) and (MODEL, f)."""

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
        _add_rows(self.counters, other.counters)
        for name, rows in other.histograms.items():
            _add_rows(self.histograms.setdefault(name, {}), rows)


Sheets = dict[SheetKey, Sheet]


def merge(parts: Iterable[tuple[SheetKey, Sheet]], bucket_of: Callable[[datetime], datetime]) -> Sheets:
    """Sheets of coarser buckets from finer ones; `bucket_of` says in which coarser bucket a finer one lies."""
    whole: Sheets = {}
    for key, sheet in parts:
        whole.setdefault(SheetKey(bucket_of(key.bucket), key.dimension, key.feature), Sheet()).add(sheet)
    return whole


def _add_rows(into: dict[int, Counts], rows: Mapping[int, Counts]) -> None:
    for value, counts in rows.items():
        if value in into:
            codec.add(into[value], counts)
        else:
            into[value] = dict(counts)
