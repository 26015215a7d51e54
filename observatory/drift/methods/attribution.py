"""Who changed: the difference of two rates split into mix and within (Kitagawa, JASA 50, 1955)."""

from collections.abc import Mapping
from dataclasses import dataclass

Counts = Mapping[str, tuple[int, int]]
"""(n, k) of each segment or model: n trials, k successes."""


@dataclass(frozen=True, slots=True)
class Part:
    """One segment's part in the difference of the overall rate.

    `mix` comes from its share of the trials, `within` from its own rate; a rate without trials is None.
    """

    name: str
    share_before: float
    share_now: float
    rate_before: float | None
    rate_now: float | None
    mix: float
    within: float

    @property
    def total(self) -> float:
        """Mix and within together."""
        return self.mix + self.within


def kitagawa(before: Counts, now: Counts) -> list[Part]:
    """The parts of every segment with trials in either sample, lowest total first; the totals add up to the difference.

    within = mean share · Δrate; mix = Δshare · (mean rate − overall mean rate): measured against the overall rate, the
    growth of a segment that is worse than the others counts down. Taking the overall rate off leaves the sum as it is,
    since shares add to 1. A segment without trials on one side keeps the rate it has on the other, so all of it is mix.
    Empty when either sample has no trials.
    """
    n_before, n_now = _trials(before), _trials(now)
    if n_before == 0 or n_now == 0:
        return []
    overall = (_successes(before) / n_before + _successes(now) / n_now) / 2
    parts = []
    for name in before.keys() | now.keys():
        old, new = before.get(name, (0, 0)), now.get(name, (0, 0))
        if old[0] or new[0]:
            parts.append(_part(name, (old[0] / n_before, _rate(old)), (new[0] / n_now, _rate(new)), overall))
    return sorted(parts, key=lambda part: (part.total, part.name))


def _part(name: str, before: tuple[float, float | None], now: tuple[float, float | None], overall: float) -> Part:
    """One segment from its (share, rate) on both sides."""
    share_before, rate_before = before
    share_now, rate_now = now
    known = [rate for rate in (rate_before, rate_now) if rate is not None]
    within = (share_before + share_now) / 2 * (known[-1] - known[0])
    mix = (share_now - share_before) * ((known[0] + known[-1]) / 2 - overall)
    return Part(name, share_before, share_now, rate_before, rate_now, mix, within)


def _rate(counts: tuple[int, int]) -> float | None:
    n, k = counts
    return k / n if n else None


def _trials(counts: Counts) -> int:
    return sum(n for n, _ in counts.values())


def _successes(counts: Counts) -> int:
    return sum(k for _, k in counts.values())
