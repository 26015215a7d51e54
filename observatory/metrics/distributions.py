"""From a stored histogram to a distribution with its meaning. Pure: no Django here."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from ingest.timeline import Window
from observatory.metrics import formulas
from observatory.metrics.codec import Counts
from observatory.metrics.definitions import METRICS
from observatory.metrics.layout import ZERO_BIN
from observatory.metrics.metric import Kind, Metric
from observatory.metrics.reading import Coverage, Reading, Seam, State, Totals
from observatory.metrics.statistics import GAMMA
from observatory.metrics.windows import BadWindow

SHARES = (0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99)
FEWEST_BEYOND = 1
"""A quantile is told when at least so many values, and five in all, are expected to lie beyond it."""

USUAL_BINS, MOST_BINS = 60, 1000
STARS = 5
STAR_SLACK = 1.0115
"""A rating is known within its bin: one that may be a whole number of stars is that many. More than half a bin, √γ."""

DISTRIBUTED: Mapping[str, Metric] = {name: metric for name, metric in METRICS.items() if metric.distribution}
"""The metrics that have a distribution."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The values above `low` and up to `high`, in the metric's unit; `low` equals `high` for the zeros."""

    low: float
    high: float
    count: int


@dataclass(frozen=True, slots=True)
class Distributed:
    """How the single values behind a metric are spread over a window.

    `judged` is the part of the window that it is about: a maturing metric's ends at `mature_to`. `bins` are those that
    hold anything, in order; their edges are in constant ratio, and exact: a value that is one belongs to the bin below it.
    `quantiles`: share of the values → reading, within 1 %. `n` values were counted. `untold` is as in a `Reading`,
    `seams` as in an `Answer`.
    """

    metric: str
    unit: str
    window: Window
    judged: Window
    complete_to: datetime
    mature_to: datetime
    state: State
    n: int
    bins: tuple[Bin, ...]
    quantiles: Mapping[float, Reading]
    untold: int | None = None
    seams: tuple[Seam, ...] = ()


def refuse_without(metric: Metric) -> None:
    """Raise BadWindow for a metric that has no distribution."""
    if metric.distribution is None:
        raise BadWindow(f"{metric.name} has no distribution; {', '.join(DISTRIBUTED)} have one", "metric", DISTRIBUTED)


def shown(
    metric: Metric,
    window: Window,
    judged: Window | None,
    cover: Coverage,
    answered: tuple[Reading, Totals],
    most: int = USUAL_BINS,
) -> Distributed:
    """The distribution behind a reading and its totals; without a `judged` window nothing of it is ripe to be told."""
    reading, totals = answered
    counts = totals.histograms.get(metric.distribution, {}) if metric.distribution else {}
    n = sum(counts.values())
    state = State.OK if n and judged else State.LEARNING if n else State.NO_DATA
    return Distributed(
        metric=metric.name,
        unit=metric.unit,
        window=window,
        judged=judged or window,
        complete_to=cover.complete_to,
        mature_to=cover.mature_to,
        state=State.NOT_INSTRUMENTED if reading.state is State.NOT_INSTRUMENTED else state,
        n=n,
        bins=bins_of(counts, unit_of(metric), most) if state is State.OK else (),
        quantiles=quantiles_of(metric, totals) if state is State.OK else {},
        untold=totals.untold,
    )


def bins_of(counts: Counts, unit: float, most: int = USUAL_BINS) -> tuple[Bin, ...]:
    """A histogram's bins in the metric's unit; neighbours are joined until at most `most` cover what is above zero.

    Joining loses nothing: bins are joined by multiples of their number, so those of two windows have the same edges
    when as many are joined.
    """
    known = [number for number in counts if number != ZERO_BIN]
    joined = _joined(min(known), max(known), most) if known else 1
    found: dict[int, int] = {}
    for number in known:
        found[-(-number // joined)] = found.get(-(-number // joined), 0) + counts[number]
    zeros = [Bin(0.0, 0.0, counts[ZERO_BIN])] if counts.get(ZERO_BIN) else []
    above = [
        Bin(unit * GAMMA ** ((number - 1) * joined), unit * GAMMA ** (number * joined), found[number])
        for number in sorted(found)
    ]
    return (*zeros, *above)


def quantiles_of(metric: Metric, totals: Totals) -> dict[float, Reading]:
    """Share of the values → the value that they do not exceed, with its interval."""
    found = {}
    for share in SHARES:
        fewest = max(5, round(FEWEST_BEYOND / min(share, 1 - share)))
        quantile = replace(metric, kind=Kind.QUANTILE, share=share, minimum_sample=fewest)
        found[share] = formulas.judge(quantile, totals)
    return found


def shares_by_star(bins: Iterable[Bin]) -> list[float]:
    """The shares of ratings (0–1, in bins that were not joined) with one star to five; all 0 of no ratings.

    A rating between two stars counts for the upper one, and the lowest rating for one star.
    """
    counts = [0] * STARS
    for one in bins:
        star = math.ceil(math.sqrt(one.low * one.high) * STARS / STAR_SLACK)
        counts[min(STARS, max(1, star)) - 1] += one.count
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def unit_of(metric: Metric) -> float:
    """What one unit of the histogram's column is in the metric's unit: only money is stored in another one."""
    return metric.scale if metric.distribution and metric.distribution.endswith("_nano") else 1.0


def _joined(first: int, last: int, most: int) -> int:
    """How many neighbours make one bin, so that those from the first to the last are at most so many."""
    joined = max(1, -(-(last - first + 1) // most))
    while -(-last // joined) - -(-first // joined) + 1 > most:
        joined += 1
    return joined
