"""Who changed: the difference of two rates split into mix and within (Kitagawa, JASA 50, 1955). Pure: no Django here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

Counts = Mapping[str, tuple[int, int]]
"""(n, k) of each segment or model: n trials, k successes."""

MOSTLY = 0.6
"""From this share of a difference on, one of its two sides is most of it."""


class Cause(StrEnum):
    """What most of a difference comes from."""

    MIX = "mix"
    WITHIN = "within"
    BOTH = "both"


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


@dataclass(frozen=True, slots=True)
class Split:
    """Some parts of a difference together."""

    parts: Sequence[Part]

    @property
    def mix(self) -> float:
        """What comes from shares of the trials."""
        return sum(part.mix for part in self.parts)

    @property
    def within(self) -> float:
        """What comes from the parts' own rates."""
        return sum(part.within for part in self.parts)

    @property
    def total(self) -> float:
        """Mix and within together: of all parts, the difference of the overall rates."""
        return self.mix + self.within

    @property
    def mix_share(self) -> float | None:
        """The share of the total that is mix: below 0 or above 1 where both work against each other; None without a total."""
        return self.mix / self.total if self.total else None

    @property
    def cause(self) -> Cause | None:
        """What most of the total comes from; None without a total."""
        share = self.mix_share
        if share is None:
            return None
        return Cause.MIX if share >= MOSTLY else Cause.WITHIN if share <= 1 - MOSTLY else Cause.BOTH


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
