"""How unevenly something is spread over users: exact quantiles, the Lorenz curve, shares. Pure: no Django here.

`ordered` is one whole number for each user, ascending. Standard library only: pages wait for this.
"""

import math
from collections.abc import Sequence
from itertools import accumulate

from observatory.metrics.statistics import Z95

_SLACK = 1e-9
"""0.07 · 100 is 7.000000000000001: without it that would be the eighth user."""

CURVE_STEPS = 100


def quantile(ordered: Sequence[int], share: float) -> int:
    """The ceil(share · n)-th smallest, as in NumPy's "inverted_cdf". Raises ValueError without a user."""
    if not ordered:
        raise ValueError("nobody has no quantile")
    rank = math.ceil(min(1.0, max(0.0, share)) * len(ordered) - _SLACK)
    return ordered[max(1, rank) - 1]


def quantile_ends(ordered: Sequence[int], share: float) -> tuple[int, int]:
    """The order statistics 1.96 standard errors of the rank around a quantile."""
    half = Z95 * math.sqrt(share * (1 - share) / len(ordered))
    return quantile(ordered, share - half), quantile(ordered, share + half)


def top_share(ordered: Sequence[int], share: float) -> float | None:
    """What the ceil(share · n) largest have of all; None when there is nothing to share."""
    total = sum(ordered)
    if not total:
        return None
    return sum(ordered[-math.ceil(share * len(ordered) - _SLACK) :]) / total


def lorenz(ordered: Sequence[int]) -> tuple[tuple[float, float], ...]:
    """Share of users, those with least first → their share of all: at most 101 points from (0, 0) to (1, 1).

    Empty when there is nothing to share.
    """
    total = sum(ordered)
    if not total:
        return ()
    n = len(ordered)
    so_far = [0, *accumulate(ordered)]
    places = sorted({round(step * n / CURVE_STEPS) for step in range(CURVE_STEPS + 1)})
    return tuple((place / n, so_far[place] / total) for place in places)
