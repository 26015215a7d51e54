"""The mathematics of a token bucket. Pure: `now` is a reading of a monotonic clock, in seconds.

A bucket holds what may be used at once and fills steadily. Whoever finds anything left may take, even more than is left;
the debt is paid before the next one may. So a request is never too large to be let in, and over time the rate is exact.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

WINDOW_S = 10


@dataclass(frozen=True)
class Limit:
    """So many units a second in the long run, and at most `capacity` at once."""

    per_second: float
    capacity: float

    @classmethod
    def steady(cls, per_second: float) -> "Limit":
        """A rate, of which ten seconds' worth may be used at once."""
        return cls(per_second, per_second * WINDOW_S)


class Level(NamedTuple):
    """What a bucket held at an instant; negative is debt."""

    units: float
    at: float


@dataclass(frozen=True)
class Reading:
    """What a taker is told: whether it was let in, what is left, and in how many whole seconds there is more.

    `again_s` is the time until anything is left when there is nothing, else until the bucket is full.
    """

    is_admitted: bool
    left: int
    again_s: int


def level(limit: Limit, last: Level | None, now: float) -> Level:
    """What the bucket holds now; one that was never used is full."""
    if last is None:
        return Level(limit.capacity, now)
    grown = last.units + max(now - last.at, 0.0) * limit.per_second
    return Level(min(grown, limit.capacity), now)


def take(limit: Limit, last: Level | None, units: float, now: float) -> tuple[Level, Reading]:
    """Take units if anything is left; gives the bucket afterwards and what the taker is told."""
    before = level(limit, last, now)
    is_admitted = before.units > 0
    after = Level(before.units - units, now) if is_admitted else before
    return after, Reading(is_admitted, max(0, math.floor(after.units)), again_s(limit, after))


def again_s(limit: Limit, found: Level) -> int:
    """Whole seconds until anything is left or, where something is, until the bucket is full."""
    missing = -found.units if found.units <= 0 else limit.capacity - found.units
    seconds = math.ceil(missing / limit.per_second)
    return max(seconds, 1) if found.units <= 0 else seconds
