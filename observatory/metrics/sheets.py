"""What sheets there are: all values of one dimension in one bucket, their counters and histograms. Pure: no Django here.

Two families of sets are kept. The *headline* sets (total, feature, model, feature × model) are counted at every tick.
The *wide* ones follow within a minute or two: every other dimension, each of them for every feature, and the full
combinations of all dimensions. A wide sheet of a dimension holds its named values only: the rest is what the total has
besides, so that a dimension that no app sends costs nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from ingest.dimensions import Dimension
from observatory.metrics import codec
from observatory.metrics.codec import Counts
from observatory.metrics.layout import PEAKS, Distribution

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
COMBINATION_BYTES = _BYTES * len(DIMENSIONS)
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


def add_counters(into: Counts, more: Mapping[int, int]) -> None:
    """Merge counters into counters, in place: sums are added up, of peaks the larger stays."""
    highest: Counts = {peak: max(into.get(peak, 0), more[peak]) for peak in PEAKS if peak in more}
    codec.add(into, more)
    into.update(highest)


def combined(numbers: Sequence[int]) -> int:
    """A full combination as one number: the dictionary numbers of all DIMENSIONS, in their order."""
    return int.from_bytes(b"".join(number.to_bytes(_BYTES) for number in numbers))


def number_in(combination: int, dimension: Dimension) -> int:
    """The dictionary number of a dimension in a combination; not in OTHER_COMBINATIONS."""
    return combination >> _SHIFTS[dimension] & 0xFFFF


def unpack_combinations(data: bytes) -> list[int]:
    """The combinations of a stored sheet, ascending; the place of each is its value in the other columns."""
    size, body = COMBINATION_BYTES, codec.opened(data)
    return [int.from_bytes(body[at : at + size], signed=True) for at in range(0, len(body), size)]
