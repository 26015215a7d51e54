"""A metric now against the metric before: effect first, then its interval, then the evidence. Pure: no Django here.

A rate: the difference of two proportions with Newcombe's interval. A mean: the difference with its normal interval. A
quantile: the difference with the interval of both order statistics, beside it the tests on the whole histogram. All
of them with n divided by the design effect. What is no trial and has no histogram goes by its days (Welch).
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from observatory.metrics import formulas
from observatory.metrics.baselines import spreads
from observatory.metrics.baselines.clusters import ClusterDay, Clusters, clusters_of, design_effect, longer
from observatory.metrics.baselines.spreads import Spread
from observatory.metrics.baselines.verdicts import Verdict, thin, verdict_of
from observatory.metrics.codec import Counts
from observatory.metrics.layout import Counter, Distribution
from observatory.metrics.metric import Kind, Metric
from observatory.metrics.reading import Reading, Totals
from observatory.metrics.statistics import Z95, Interval, Sample, newcombe

COMPARABLE = (Kind.COUNT, Kind.RATE, Kind.RATIO, Kind.MEAN, Kind.QUANTILE)
"""Kinds that counters and histograms give; users, events and derived metrics are not frozen with a baseline."""

SIGNAL_OF_COUNTER = {
    Counter.THUMBS_UP: "thumbs_up",
    Counter.CORRECTIONS: "corrections",
    Counter.DISMISSED: "rejections",
    Counter.COMPLETED: "completions",
    Counter.WITH_FEEDBACK: "coverage",
    **{counter: "errors" for counter in Counter if counter.name.startswith("ERRORS")},
    **{counter: "flags" for counter in Counter if counter.name.startswith("FLAG")},
}
"""Whose users tell how users repeat themselves in a rate; a class of errors or flags repeats as all of them do."""

SIGNAL_OF_DISTRIBUTION = {
    Distribution.LATENCY_MS: "latency",
    Distribution.TIME_TO_FIRST_TOKEN_MS: "latency",
    Distribution.RETRIEVAL_LATENCY_MS: "latency",
    Distribution.INPUT_TOKENS: "input_tokens",
    Distribution.OUTPUT_TOKENS: "input_tokens",
    Distribution.COST_NANO: "cost",
}
MEASURED_IN = {
    "latency": Distribution.LATENCY_MS,
    "input_tokens": Distribution.INPUT_TOKENS,
    "cost": Distribution.COST_NANO,
}
"""The histogram of the values whose logarithms a signal sums up."""

WELCH = "welch"
LEAST_DAYS_OF_WELCH = 3


@dataclass(frozen=True)
class Side:
    """One of the two windows: its totals, the counters of each whole local day in it, and user rows' days by signal."""

    totals: Totals
    days: Sequence[Counts] = ()
    users: Mapping[str, Sequence[ClusterDay]] = field(default_factory=dict)
    _spreads: dict[tuple[Distribution, float], Spread] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )
    _tests: dict[tuple[Spread, Spread], "tuple[Evidence, ...]"] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def spread(self, of: Distribution | None, design_effect: float = 1.0) -> Spread:
        """A histogram, the same one for all metrics that ask for it: percentiles share what is computed of it."""
        if of is None:
            return Spread({})
        return self._spreads.setdefault((of, design_effect), Spread(self.totals.histograms.get(of, {}), design_effect))

    def tests(self, before: Spread, now: Spread) -> "tuple[Evidence, ...]":
        """The tests on the shape of a histogram of this side, `now`, against one of the other, once for each two."""
        if (before, now) not in self._tests:
            self._tests[before, now] = tuple(_shape_tests(before, now))
        return self._tests[before, now]


class Evidence(NamedTuple):
    """A test: its statistic and, where there is one, its p-value (of no change, by itself, not of many tests)."""

    test: str
    statistic: float
    p_value: float | None


@dataclass(frozen=True)
class Compared:
    """One metric against the baseline. `difference` is now minus before, with its 95 % interval; `relative` is it
    divided by the value before. `per` is "day" where values are those of a local day.
    """

    metric: str
    verdict: Verdict
    before: float | None
    now: float | None
    difference: float | None
    interval: Interval | None
    relative: float | None
    n_before: int
    n_now: int
    design_effects: tuple[float, float] = (1.0, 1.0)
    evidence: tuple[Evidence, ...] = ()
    warnings: tuple[str, ...] = ()
    per: str = ""

    @property
    def is_by_events(self) -> bool:
        """Whether its interval comes from events, not from days."""
        return all(one.test != WELCH for one in self.evidence)


class _Effect(NamedTuple):
    """Values before and now, and the interval of their difference."""

    before: float
    now: float
    interval: Interval | None
    evidence: tuple[Evidence, ...] = ()
    design_effects: tuple[float, float] = (1.0, 1.0)


def compare(metric: Metric, before: Side, now: Side) -> Compared:
    """One metric of a COMPARABLE kind against the baseline. Too few events on a side have no value: nothing is told."""
    then, present = readings(metric, before, now)
    warnings = tuple(thin(metric, then.sample_size, len(before.days)))
    sizes = then.sample_size, present.sample_size
    effect = None if then.value is None or present.value is None else _Pair(metric, before, now).effect()
    if effect is None:
        return Compared(
            metric.name, Verdict.CANNOT_TELL, then.value, present.value, None, None, None, *sizes, warnings=warnings
        )
    difference = effect.now - effect.before
    return Compared(
        metric.name,
        verdict_of(metric, effect.before, difference, effect.interval),
        effect.before,
        effect.now,
        difference,
        effect.interval,
        difference / effect.before if effect.before else None,
        *sizes,
        effect.design_effects,
        effect.evidence,
        warnings,
        "day" if metric.is_additive else "",
    )


def signals_of(metric: Metric) -> tuple[str, ...]:
    """The signals of user rows that a metric's design effect comes from; none or one."""
    if metric.kind is Kind.RATE:
        signal = SIGNAL_OF_COUNTER.get(metric.parts[0])
    else:
        signal = SIGNAL_OF_DISTRIBUTION.get(metric.distribution) if metric.distribution else None
    return (signal,) if signal else ()


def readings(metric: Metric, before: Side, now: Side) -> tuple[Reading, Reading]:
    """Both sides' values. What was never sent has none: a sum, or what divides by all calls, would be 0."""
    then, present = (formulas.judge(metric, side.totals) for side in (before, now))
    if then.value or _was_sent(metric, before):
        return then, present
    was_sent = present.value or _was_sent(metric, now)
    return formulas.NOT_INSTRUMENTED, present if was_sent else formulas.NOT_INSTRUMENTED


def _was_sent(metric: Metric, side: Side) -> bool:
    """Whether what a metric needs came in a window, as far as counters tell."""
    counted = (source.counters for source in metric.sources if source.counters)
    return all(any(side.totals.counters.get(counter) for counter in counters) for counters in counted)


class _Pair:
    """One metric on both sides."""

    def __init__(self, metric: Metric, before: Side, now: Side) -> None:
        self.metric, self.sides = metric, (before, now)

    def effect(self) -> _Effect | None:
        """By the kind of the metric; None where there is nothing to hold against each other."""
        match self.metric.kind:
            case Kind.COUNT if not self.metric.is_additive:
                return self._highest()
            case Kind.RATE:
                return self._rate()
            case Kind.QUANTILE:
                return self._quantile()
            case Kind.MEAN if self.metric.distribution and all(spread.n for spread in self.spreads):
                return self._mean()
        return self._by_days()

    @cached_property
    def design_effects(self) -> tuple[float, float]:
        """Of the sides, by users where user rows carry what it needs, and by days in any case."""
        before, now = self.sides
        old, new = self._variance(before), self._variance(now)
        one, other = clusters_of(self._days(before), old), clusters_of(self._days(now), new)
        steadier = longer(one, other)
        if self._signal and not other.n:
            # Nobody asked which users there are now: they repeat as they did.
            new, other = old, Clusters(one.user, 0.0, self._size(now), max(1, len(now.days)))
        return design_effect(one, steadier, old), design_effect(other, steadier, new)

    @cached_property
    def spreads(self) -> tuple[Spread, Spread]:
        """The histograms of both sides, with the design effects."""
        before, now = self.sides
        one, other = self.design_effects
        return before.spread(self.metric.distribution, one), now.spread(self.metric.distribution, other)

    @cached_property
    def _signal(self) -> str | None:
        """Whose user rows tell of repeating users; None when the baseline's say nothing of the metric."""
        signals = signals_of(self.metric)
        return signals[0] if signals and self.sides[0].users.get(signals[0]) else None

    def _days(self, side: Side) -> Sequence[ClusterDay]:
        """The days by users; where those are not known, by counters: then events are on their own, and only days differ."""
        if self._signal:
            return side.users.get(self._signal, ())
        variance, metric = self._variance(side), self.metric
        return [
            ClusterDay(number, n, _sum(day, metric.parts) * metric.scale / n, n * variance, n)
            for number, day in enumerate(side.days)
            if metric.of and (n := _sum(day, metric.of)) > 0
        ]

    def _variance(self, side: Side) -> float:
        """The variance of one independent event, in the unit of `_days`."""
        if self.metric.kind is Kind.RATE:
            known = side.users.get(self._signal) if self._signal else None
            n, k = _trials_of(known) if known else _trials(self.metric, side)
            rate = (k + 0.5) / (n + 1)
            return rate * (1 - rate)
        if self._signal:
            return side.spread(MEASURED_IN[self._signal]).log_variance
        return (side.spread(self.metric.distribution).deviation * self._unit) ** 2

    def _size(self, side: Side) -> int:
        return (
            _trials(self.metric, side)[0] if self.metric.kind is Kind.RATE else side.spread(self.metric.distribution).n
        )

    @property
    def _unit(self) -> float:
        """What one unit of the distribution's column is in the metric's unit."""
        of = self.metric.distribution
        return self.metric.scale if of and of.endswith("_nano") else 1.0

    def _rate(self) -> _Effect:
        samples = []
        for side, effect in zip(self.sides, self.design_effects, strict=True):
            n, k = _trials(self.metric, side)
            samples.append(Sample(n - k if self.metric.is_complement else k, n, effect))
        before, now = samples
        z = _z_of(before, now)
        evidence = (Evidence("two_proportions", z, spreads.two_sided(z)),)
        interval = newcombe(before, now)
        return _Effect(before.k / before.n, now.k / now.n, interval, evidence, self.design_effects)

    def _quantile(self) -> _Effect | None:
        if not all(spread.n for spread in self.spreads):
            return None
        before, now = (_scaled(spreads.quantile(spread, self.metric.share), self._unit) for spread in self.spreads)
        interval = spreads.shifted(before, now)
        return _Effect(before[0], now[0], interval, self.sides[1].tests(*self.spreads), self.design_effects)

    def _mean(self) -> _Effect:
        before, now = self.spreads
        old, new = (_ratio(self.metric, side.totals.counters) for side in self.sides)
        error = self._unit * math.hypot(
            before.deviation / math.sqrt(before.effective), now.deviation / math.sqrt(now.effective)
        )
        interval = _around(new - old, Z95 * error) if error else None
        return _Effect(old, new, interval, self.sides[1].tests(*self.spreads), self.design_effects)

    def _highest(self) -> _Effect:
        """Of peaks the highest stands on either side; the highest of all has no interval."""
        before, now = (_sum(side.totals.counters, self.metric.parts) * self.metric.scale for side in self.sides)
        return _Effect(before, now, None)

    def _by_days(self) -> _Effect | None:
        """Welch's interval of the days' sums or, of what is divided, of the ratio with days as clusters."""
        is_count = self.metric.kind is Kind.COUNT
        found = [_daily(self.metric, side.days) if is_count else _clustered(self.metric, side) for side in self.sides]
        before, now = found
        if before is None or now is None:
            return None
        error = math.hypot(before.error, now.error)
        difference = now.value - before.value
        if min(before.days, now.days) < LEAST_DAYS_OF_WELCH or (error == 0 and difference):
            return _Effect(before.value, now.value, None)
        if error == 0:
            return _Effect(before.value, now.value, Interval(0.0, 0.0))
        freedom = error**4 / math.fsum(side.error**4 / (side.days - 1) for side in (before, now))
        return _Effect(
            before.value,
            now.value,
            _around(difference, student95(freedom) * error),
            (Evidence(WELCH, difference / error, None),),
        )


def _shape_tests(before: Spread, now: Spread) -> Iterator[Evidence]:
    yield Evidence("kolmogorov_smirnov", *spreads.kolmogorov_smirnov(before, now))
    yield Evidence("wasserstein", spreads.wasserstein(before, now), None)
    if ranks := spreads.mann_whitney(before, now):
        yield Evidence("mann_whitney", ranks.superiority, ranks.p_value)


class _Estimate(NamedTuple):
    value: float
    error: float
    days: int


def student95(freedom: float) -> float:
    """The two-sided 95 % quantile of Student's t, by the Cornish–Fisher expansion (Abramowitz and Stegun 26.7.5).

    Within 3 % from 2 degrees of freedom on.
    """
    z = Z95
    terms = (
        z,
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return math.fsum(term / freedom**power for power, term in enumerate(terms))


def _daily(metric: Metric, days: Sequence[Counts]) -> _Estimate | None:
    """The mean of the days' sums."""
    if not days:
        return None
    sums = [_sum(day, metric.parts) * metric.scale for day in days]
    mean = math.fsum(sums) / len(sums)
    spread = math.fsum((one - mean) ** 2 for one in sums) / max(1, len(sums) - 1)
    return _Estimate(mean, math.sqrt(spread / len(sums)), len(sums))


def _clustered(metric: Metric, side: Side) -> _Estimate:
    """A ratio of sums whose days are its clusters."""
    whole = _ratio(metric, side.totals.counters)
    pairs = [(_sum(day, metric.of), _sum(day, metric.parts) * metric.scale) for day in side.days]
    pairs = [(n, x) for n, x in pairs if n]
    total = sum(n for n, _ in pairs)
    if total == 0:
        return _Estimate(_turned(metric, whole), 0.0, 0)
    mean = math.fsum(x for _, x in pairs) / total
    squares = math.fsum((x - mean * n) ** 2 for n, x in pairs)
    error = math.sqrt(squares * len(pairs) / max(1, len(pairs) - 1)) / total
    return _Estimate(_turned(metric, whole), error, len(pairs))


def _turned(metric: Metric, value: float) -> float:
    return 1 - value if metric.is_complement else value


def _ratio(metric: Metric, counters: Mapping[int, int]) -> float:
    return _sum(counters, metric.parts) * metric.scale / _sum(counters, metric.of)


def _trials(metric: Metric, side: Side) -> tuple[int, int]:
    """Trials and successes, these not above those: calls and their feedback are counted one after the other."""
    n = _sum(side.totals.counters, metric.of)
    return n, min(n, _sum(side.totals.counters, metric.parts))


def _trials_of(days: Sequence[ClusterDay]) -> tuple[int, float]:
    return sum(day.n for day in days), math.fsum(day.n * day.y for day in days)


def _z_of(before: Sample, now: Sample) -> float:
    """The pooled z of two proportions; 0 when both are all or nothing."""
    rate = (before.k + now.k) / (before.n + now.n)
    error = math.sqrt(rate * (1 - rate) * (before.design_effect / before.n + now.design_effect / now.n))
    return (now.k / now.n - before.k / before.n) / error if error else 0.0


def _scaled(found: tuple[float, Interval], unit: float) -> tuple[float, Interval]:
    value, interval = found
    return value * unit, Interval(interval.low * unit, interval.high * unit)


def _around(centre: float, half: float) -> Interval:
    return Interval(centre - half, centre + half)


def _sum(counters: Mapping[int, int], wanted: Sequence[int]) -> int:
    return sum(counters.get(counter, 0) for counter in wanted)
