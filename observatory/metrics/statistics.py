"""Closed-form statistics from the standard library alone: web processes call this while a page waits.

Rates are 0–1. `k` successes of `n` trials may be fractions, because a design effect divides both.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import NormalDist

GAMMA = 1.0198
"""Ratio of neighbouring histogram bucket edges: a value read back is at most 1 % off."""

Z95 = 1.96

_LN_GAMMA = math.log(GAMMA)
_EDGE_SLACK = 1e-9
"""A value that *is* an edge, γ^i, must fall into bucket i although its logarithm is a rounding error above i."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A closed interval in the unit of the number it belongs to."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Whether `value` lies inside, edges included."""
        return self.low <= value <= self.high


def z_of(confidence: float) -> float:
    """The two-sided normal quantile: 1.96 for 0.95. Raises ValueError outside 0 < confidence < 1."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1, not {confidence}")
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(k: float, n: float, z: float = Z95, design_effect: float = 1.0) -> Interval:
    """Wilson score interval of a rate (E. B. Wilson, JASA 22, 1927) with n/design_effect trials.

    Of no trials nothing is known: 0 to 1. Raises ValueError unless 0 ≤ k ≤ n and design_effect ≥ 1.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} successes of {n} trials cannot be")
    if design_effect < 1:
        raise ValueError(f"a design effect is at least 1, not {design_effect}")
    if n == 0:
        return Interval(0.0, 1.0)
    rate, trials = k / n, n / design_effect
    shrink = 1 + z * z / trials
    centre = (rate + z * z / (2 * trials)) / shrink
    half = z / shrink * math.sqrt(rate * (1 - rate) / trials + z * z / (4 * trials * trials))
    low = 0.0 if k == 0 else max(0.0, centre - half)
    high = 1.0 if k == n else min(1.0, centre + half)
    return Interval(low, high)


@dataclass(frozen=True, slots=True)
class Sample:
    """k successes of n trials, worth n/design_effect independent ones."""

    k: float
    n: float
    design_effect: float = 1.0


def newcombe(before: Sample, now: Sample, z: float = Z95) -> Interval:
    """Interval of the difference of two rates, now − before (Newcombe, Statistics in Medicine 17, 1998, method 10).

    When either sample is empty nothing is known: −1 to 1.
    """
    if before.n == 0 or now.n == 0:
        return Interval(-1.0, 1.0)
    old = wilson(before.k, before.n, z, before.design_effect)
    new = wilson(now.k, now.n, z, now.design_effect)
    rate_old, rate_new = before.k / before.n, now.k / now.n
    difference = rate_new - rate_old
    below = math.hypot(rate_new - new.low, old.high - rate_old)
    above = math.hypot(new.high - rate_new, rate_old - old.low)
    return Interval(max(-1.0, difference - below), min(1.0, difference + above))


def squared_deviations(users: Iterable[tuple[int, int]]) -> float:
    """Σ over users of (k_u − p n_u)², p the rate of all of them together; `users` are pairs (n_u, k_u).

    Divided by n it is the variance of one trial with users counted as they are: it exceeds p(1 − p) when users repeat
    themselves. This is the `s` of a rate's day.
    """
    n = k = nn = nk = kk = 0
    for n_u, k_u in users:
        n, k = n + n_u, k + k_u
        nn, nk, kk = nn + n_u * n_u, nk + n_u * k_u, kk + k_u * k_u
    if n == 0:
        return 0.0
    # Whole numbers to the last step: the three terms nearly cancel when users agree.
    return (kk * n * n - 2 * nk * k * n + nn * k * k) / (n * n)


def clustered_variance(users: Iterable[tuple[int, float]]) -> float:
    """Variance of a mean whose values come in clusters: Σ over users of (Σx − n_u y)² / n², y the mean of all.

    `users` are pairs (n_u, sum of the user's values). Of no values it is 0.
    """
    pairs = [(n_u, total) for n_u, total in users if n_u > 0]
    n = sum(n_u for n_u, _ in pairs)
    if n == 0:
        return 0.0
    mean = math.fsum(total for _, total in pairs) / n
    return math.fsum((total - n_u * mean) ** 2 for n_u, total in pairs) / (n * n)


def bucket_of(value: float) -> int:
    """The histogram bucket of a positive value: ceil(ln x / ln γ), which holds (γ^(i−1), γ^i].

    Raises ValueError for zero (counted apart), negative and non-finite values.
    """
    if not 0 < value < math.inf:
        raise ValueError(f"a histogram bucket holds positive finite values, not {value}")
    return math.ceil(math.log(value) / _LN_GAMMA - _EDGE_SLACK)


def value_of(bucket: int) -> float:
    """The value a bucket is read back as: the one whose relative error to both edges is the same, 0.98 %."""
    return 2 * math.exp(bucket * _LN_GAMMA) / (GAMMA + 1)


@dataclass(frozen=True, slots=True)
class Histogram:
    """Counts of non-negative values in buckets of constant ratio; adding two loses nothing."""

    zeros: int = 0
    counts: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Iterable[float]) -> "Histogram":
        """Count single values. Raises ValueError for negative and non-finite ones."""
        zeros, counts = 0, dict[int, int]()
        for value in values:
            if value == 0:
                zeros += 1
            else:
                bucket = bucket_of(value)
                counts[bucket] = counts.get(bucket, 0) + 1
        return cls(zeros, counts)

    @property
    def n(self) -> int:
        """How many values were counted."""
        return self.zeros + sum(self.counts.values())

    def quantile(self, share: float) -> float | None:
        """The value below or at which `share` of the values lie, within 1 %; None when nothing was counted.

        The quantile is the ceil(share · n)-th smallest value, as in NumPy's "inverted_cdf".
        """
        if not 0 <= share <= 1:
            raise ValueError(f"a quantile is asked for a share between 0 and 1, not {share}")
        if self.n == 0:
            return None
        # 0.07 · 100 is 7.000000000000001: without the slack that would be the eighth value.
        rank = max(1, math.ceil(share * self.n - _EDGE_SLACK))
        seen = self.zeros
        if rank <= seen:
            return 0.0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if rank <= seen:
                return value_of(bucket)
        raise AssertionError("a rank never exceeds the number of values")


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """One histogram with the counts of all: the same as counting every value anew."""
    zeros, counts = 0, dict[int, int]()
    for histogram in histograms:
        zeros += histogram.zeros
        for bucket, count in histogram.counts.items():
            counts[bucket] = counts.get(bucket, 0) + count
    return Histogram(zeros, counts)


def weighted_mean(values: Iterable[tuple[float | None, float]]) -> float | None:
    """Σ n·x / Σ n over pairs (x, n): of rates and means what all their events together have.

    What is unknown, or rests on nothing, is left out; None when that is everything.
    """
    known = [(value, n) for value, n in values if value is not None and n]
    weight = sum(n for _, n in known)
    return sum(value * n for value, n in known) / weight if weight else None


def sum_of_known(values: Iterable[float | None]) -> float | None:
    """What counts or amounts come to without those that are unknown; None when all are."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def apart(one: float, one_ends: Interval, other: float, other_ends: Interval) -> Interval:
    """The 95 % interval of one estimate minus an independent other, from the interval of each (Zou and Donner 2008)."""
    low = math.hypot(one - one_ends.low, other_ends.high - other)
    high = math.hypot(one_ends.high - one, other - other_ends.low)
    return Interval(one - other - low, one - other + high)
