"""Two histograms held against each other: quantiles, ranks, shapes. Closed forms on bins. Pure: no Django here.

A bin stands for the value it is read back as, so equal bins are ties. Design effects divide the numbers of events.
The cost is that of the bins, some hundreds, whatever was counted: pages may ask.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import pairwise

from observatory.metrics.layout import ZERO_BIN
from observatory.metrics.statistics import GAMMA, Z95, Histogram, Interval, value_of


@dataclass(frozen=True, eq=False)
class Spread:
    """A sample's histogram: bin → count, worth n/design_effect independent values. What is asked of it twice is computed once."""

    counts: Mapping[int, int]
    design_effect: float = 1.0

    @cached_property
    def n(self) -> int:
        """How many values were counted."""
        return sum(self.counts.values())

    @property
    def effective(self) -> float:
        """How many independent values tell as much."""
        return self.n / self.design_effect

    @cached_property
    def mean(self) -> float:
        """The mean of the values; 0 of none."""
        return math.fsum(value_in(known) * n for known, n in self.counts.items()) / self.n if self.n else 0.0

    @cached_property
    def deviation(self) -> float:
        """The standard deviation of the values; 0 when fewer than two were counted."""
        if self.n < 2:
            return 0.0
        mean = self.mean
        squares = math.fsum(n * (value_in(known) - mean) ** 2 for known, n in self.counts.items())
        return math.sqrt(squares / (self.n - 1))

    @cached_property
    def log_variance(self) -> float:
        """The variance of the positive values' logarithms; 0 when fewer than two were counted."""
        logs = [(math.log(value_in(known)), n) for known, n in self.counts.items() if known != ZERO_BIN]
        n = sum(count for _, count in logs)
        if n < 2:
            return 0.0
        mean = math.fsum(value * count for value, count in logs) / n
        return math.fsum(count * (value - mean) ** 2 for value, count in logs) / (n - 1)


@dataclass(frozen=True, slots=True)
class Ranks:
    """Mann and Whitney's test: `superiority` is P(now > before) + ½ P(equal), ½ when nothing changed."""

    superiority: float
    interval: Interval
    z: float
    p_value: float


@cache
def value_in(known: int) -> float:
    """The value that a bin stands for."""
    return 0.0 if known == ZERO_BIN else value_of(known)


def quantile(spread: Spread, share: float) -> tuple[float, Interval]:
    """A quantile and its interval: from the lower edge of the bin that holds the order statistic 1.96 standard errors of
    the rank below, to the upper edge of that above. Of no values, nothing is known: 0 to infinity.
    """
    counts = spread.counts
    histogram = Histogram(counts.get(ZERO_BIN, 0), {known: n for known, n in counts.items() if known != ZERO_BIN})
    if histogram.n == 0:
        return 0.0, Interval(0.0, math.inf)
    half = Z95 * math.sqrt(share * (1 - share) / spread.effective)
    value = histogram.quantile(share) or 0.0
    low = (histogram.quantile(max(0.0, share - half)) or 0.0) * (GAMMA + 1) / (2 * GAMMA)
    high = (histogram.quantile(min(1.0, share + half)) or 0.0) * (GAMMA + 1) / 2
    return value, Interval(low, high)


def shifted(before: tuple[float, Interval], now: tuple[float, Interval]) -> Interval:
    """Interval of now − before from the intervals of both (square and add: Newcombe 1998; Zou and Donner 2008)."""
    (old, of_old), (new, of_new) = before, now
    below = math.hypot(new - of_new.low, of_old.high - old)
    above = math.hypot(of_new.high - new, old - of_old.low)
    return Interval(new - old - below, new - old + above)


def kolmogorov_smirnov(before: Spread, now: Spread) -> tuple[float, float]:
    """The largest distance of the distribution functions, and its asymptotic p-value, too large rather than too small
    on bins. Of an empty sample: 0 and 1.
    """
    if not before.n or not now.n:
        return 0.0, 1.0
    distance = max(abs(new - old) for _, old, new in _functions(before, now))
    size = before.effective * now.effective / (before.effective + now.effective)
    return distance, kolmogorov(math.sqrt(size) * distance)


def kolmogorov(x: float) -> float:
    """P(K > x) of Kolmogorov's distribution, by the series that converges fast on either side."""
    if x <= 0:
        return 1.0
    if x < 1.18:
        steps = (math.exp(-((2 * j - 1) ** 2) * math.pi**2 / (8 * x * x)) for j in range(1, 6))
        return 1.0 - math.sqrt(2 * math.pi) / x * math.fsum(steps)
    return min(1.0, 2 * math.fsum((-1) ** (j - 1) * math.exp(-2 * j * j * x * x) for j in range(1, 8)))


def wasserstein(before: Spread, now: Spread) -> float:
    """The earth mover's distance of the values, in standard deviations of the sample before.

    0 of an empty sample; infinite where everything was one value before and is not now.
    """
    if not before.n or not now.n:
        return 0.0
    steps = list(_functions(before, now))
    distance = math.fsum(abs(new - old) * (after - value) for (value, old, new), (after, _, _) in pairwise(steps))
    if distance == 0:
        return 0.0
    return distance / before.deviation if before.deviation else math.inf


def mann_whitney(before: Spread, now: Spread) -> Ranks | None:
    """The rank test with ties, and the probability of superiority with DeLong's interval (Biometrics 44, 1988).

    None when a sample has fewer than two values or all values are one.
    """
    m, n = before.n, now.n
    if m < 2 or n < 2 or len({*before.counts, *now.counts}) < 2:
        return None
    superiority, of_before, of_now = _placements(before, now)
    total = m + n
    ties = math.fsum(t**3 - t for t in _pooled(before, now).values())
    shrink = (1 - ties / (total**3 - total)) * (total + 1) / total
    z = (superiority - 0.5) / math.sqrt((1 / before.effective + 1 / now.effective) / 12 * shrink)
    half = Z95 * math.sqrt(of_before / before.effective + of_now / now.effective)
    interval = Interval(max(0.0, superiority - half), min(1.0, superiority + half))
    return Ranks(superiority, interval, z, two_sided(z))


def two_sided(z: float) -> float:
    """The p-value of a normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2))


def _placements(before: Spread, now: Spread) -> tuple[float, float, float]:
    """The probability of superiority, and the variances of the placements of both samples' values in the other."""
    m, n = before.n, now.n
    of_now, of_before = [], []
    below_old = below_new = 0
    for known in _bins(before, now):
        old, new = before.counts.get(known, 0), now.counts.get(known, 0)
        of_now.append(((below_old + old / 2) / m, new))
        of_before.append((1 - (below_new + new / 2) / n, old))
        below_old, below_new = below_old + old, below_new + new
    superiority = math.fsum(share * count for share, count in of_now) / n
    spread_old = math.fsum(count * (share - superiority) ** 2 for share, count in of_before) / (m - 1)
    spread_new = math.fsum(count * (share - superiority) ** 2 for share, count in of_now) / (n - 1)
    return superiority, spread_old, spread_new


def _functions(before: Spread, now: Spread) -> Iterator[tuple[float, float, float]]:
    """For each value that occurs, in order: the shares of both samples that are not above it."""
    m, n = before.n, now.n
    old = new = 0
    for known in _bins(before, now):
        old, new = old + before.counts.get(known, 0), new + now.counts.get(known, 0)
        yield value_in(known), old / m, new / n


def _bins(before: Spread, now: Spread) -> list[int]:
    return sorted({*before.counts, *now.counts})


def _pooled(before: Spread, now: Spread) -> dict[int, int]:
    return {known: before.counts.get(known, 0) + now.counts.get(known, 0) for known in _bins(before, now)}
