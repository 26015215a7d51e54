"""From counters and histograms to a reading, and from two readings to a comparison. Pure: no Django here."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from ingest.timeline import Window
from observatory.metrics.codec import Counts, add
from observatory.metrics.layout import OF_MINUTES, ZERO_BIN, Counter
from observatory.metrics.metric import Kind, Metric
from observatory.metrics.reading import Comparison, Reading, State, Totals
from observatory.metrics.sheets import add_counters
from observatory.metrics.statistics import Z95, Histogram, Interval, Sample, newcombe, value_of, wilson

NO_DATA = Reading(State.NO_DATA)
NOT_INSTRUMENTED = Reading(State.NOT_INSTRUMENTED)


@dataclass(frozen=True, slots=True)
class Users:
    """Who called in some local days: distinct `users`, and whether calls without a user are among the rest."""

    users: int = 0
    has_others: bool = False


def judge(metric: Metric, totals: Totals, *, is_known: bool = True) -> Reading:
    """Place one window's totals against the definition.

    Nothing to divide by is NO_DATA, never 0; too few events are LEARNING. A count of nothing is 0, but only where
    nothing means none (`is_known`) and, for money, only when no call's price is unknown.
    """
    return beyond(_judged(metric, totals, is_known=is_known), totals)


def beyond(reading: Reading, totals: Totals) -> Reading:
    """The reading with what the totals that it was computed from leave out."""
    return reading if totals.untold is None else replace(reading, untold=totals.untold)


def unripe(reading: Reading) -> Reading:
    """A reading of feedback that had no time yet: its sample size and no value."""
    if not reading.sample_size:
        return reading
    return Reading(State.LEARNING, sample_size=reading.sample_size, untold=reading.untold)


def _judged(metric: Metric, totals: Totals, *, is_known: bool) -> Reading:
    match metric.kind:
        case Kind.COUNT:
            return _count(metric, totals, is_known)
        case Kind.RATE | Kind.RATIO:
            return _rate(metric, totals)
        case Kind.MEAN:
            return _mean(metric, totals)
        case Kind.QUANTILE:
            return _quantile(metric, totals)
    return NOT_INSTRUMENTED


def judge_users(users: Users, *, is_known: bool = True) -> Reading:
    """Distinct users; unknown when all calls come without a user id."""
    if not is_known or (users.users == 0 and users.has_others):
        return NO_DATA
    return Reading(State.OK, float(users.users), None, users.users)


def judge_per_user(metric: Metric, totals: Totals, users: Users) -> Reading:
    """A sum divided by the distinct users of its window."""
    total = _count(metric, totals, is_known=True)
    if total.value is None or users.users == 0:
        return NO_DATA
    return Reading(State.OK, total.value / users.users, None, users.users)


def judge_events(count: int, *, is_known: bool = True) -> Reading:
    """A number of events that go by their own time."""
    return Reading(State.OK, float(count), None, count) if is_known else NO_DATA


def mean_of(readings: Iterable[Reading]) -> Reading:
    """The mean of the readings that have a value; where none has, why."""
    readings = list(readings)
    known = [reading for reading in readings if reading.value is not None]
    if not known:
        return NOT_INSTRUMENTED if NOT_INSTRUMENTED in readings else NO_DATA
    mean = math.fsum(reading.value or 0.0 for reading in known) / len(known)
    return Reading(State.OK, mean, None, sum(reading.sample_size for reading in known))


def merged(parts: Iterable[Totals]) -> Totals:
    """The totals of several windows together."""
    whole = Totals()
    untold: int | None = None
    for part in parts:
        add_counters(whole.counters, part.counters)
        for name, counts in part.histograms.items():
            add(whole.histograms.setdefault(name, {}), counts)
        if part.untold is not None:
            untold = (untold or 0) + part.untold
    return replace(whole, untold=untold)


def remainder(whole: Totals, parts: Iterable[Totals]) -> Totals:
    """What a whole has besides its parts; what is counted by the minute is unknown of it."""
    known = merged(parts)
    counters = {
        counter: left
        for counter, total in whole.counters.items()
        if counter not in OF_MINUTES and (left := total - known.counters.get(counter, 0)) > 0
    }
    histograms = {}
    for name, counts in whole.histograms.items():
        inside = known.histograms.get(name, {})
        rest = {place: left for place, count in counts.items() if (left := count - inside.get(place, 0)) > 0}
        if rest:
            histograms[name] = rest
    return Totals(counters, histograms)


def compare(
    metric: Metric, kind: str, window: Window, now: tuple[Reading, Totals], then: tuple[Reading, Totals]
) -> Comparison:
    """Now minus then. A rate's difference has Newcombe's interval, a mean's the normal one, others none."""
    (reading, totals), (before, totals_before) = now, then
    if reading.value is None or before.value is None:
        return Comparison(kind, window, before.value, None, None, before.sample_size, before.untold)
    interval = None
    if metric.kind is Kind.RATE:
        interval = _pair(newcombe(sample_of(metric, totals_before), sample_of(metric, totals)))
    elif metric.kind is Kind.MEAN and reading.interval and before.interval:
        half = math.hypot(reading.interval[1] - reading.value, before.interval[1] - before.value)
        interval = (reading.value - before.value - half, reading.value - before.value + half)
    difference = reading.value - before.value
    return Comparison(kind, window, before.value, difference, interval, before.sample_size, before.untold)


def _count(metric: Metric, totals: Totals, is_known: bool) -> Reading:
    size = _sum(totals.counters, metric.of)
    is_unknown = bool(metric.known_by) and not _sum(totals.counters, metric.known_by) and _has(totals, Counter.CALLS)
    if is_unknown or not (is_known or totals.counters):
        return NO_DATA
    return Reading(State.OK, _sum(totals.counters, metric.parts) * metric.scale, None, size)


def sample_of(metric: Metric, totals: Totals) -> Sample:
    """What a rate counts of its totals: k of n."""
    n = _sum(totals.counters, metric.of)
    # A bucket's calls and its feedback are rolled one after the other: for a moment there may be more k than n.
    k = min(n, _sum(totals.counters, metric.parts))
    return Sample(n - k if metric.is_complement else k, n)


def _rate(metric: Metric, totals: Totals) -> Reading:
    sample = sample_of(metric, totals)
    size = int(sample.n)
    if size == 0:
        return NO_DATA
    if size < metric.minimum_sample:
        return Reading(State.LEARNING, sample_size=size)
    interval = _pair(wilson(sample.k, sample.n)) if metric.kind is Kind.RATE else None
    return Reading(State.OK, sample.k / sample.n, interval, size)


def _mean(metric: Metric, totals: Totals) -> Reading:
    n = _sum(totals.counters, metric.of)
    if n == 0 or (metric.known_by and not _sum(totals.counters, metric.known_by)):
        return NO_DATA
    if n < metric.minimum_sample:
        return Reading(State.LEARNING, sample_size=n)
    mean = _sum(totals.counters, metric.parts) * metric.scale / n
    half = Z95 * _deviation(_counts(metric, totals)) * _unit(metric) / math.sqrt(n)
    return Reading(State.OK, mean, (max(0.0, mean - half), mean + half) if half else None, n)


def _quantile(metric: Metric, totals: Totals) -> Reading:
    """A quantile; its interval are the order statistics 1.96 standard errors of the rank around it."""
    counts = _counts(metric, totals)
    histogram = Histogram(counts.get(ZERO_BIN, 0), {known: n for known, n in counts.items() if known != ZERO_BIN})
    if histogram.n == 0:
        return NO_DATA
    if histogram.n < metric.minimum_sample:
        return Reading(State.LEARNING, sample_size=histogram.n)
    half = Z95 * math.sqrt(metric.share * (1 - metric.share) / histogram.n)
    low, value, high = (
        (histogram.quantile(min(1.0, max(0.0, share))) or 0.0) * _unit(metric)
        for share in (metric.share - half, metric.share, metric.share + half)
    )
    return Reading(State.OK, value, (low, high), histogram.n)


def _deviation(counts: Mapping[int, int]) -> float:
    """Standard deviation of the values in a histogram; 0 when fewer than two were counted."""
    n = sum(counts.values())
    if n < 2:
        return 0.0
    values = [(0.0 if known == ZERO_BIN else value_of(known), count) for known, count in counts.items()]
    mean = math.fsum(value * count for value, count in values) / n
    return math.sqrt(math.fsum(count * (value - mean) ** 2 for value, count in values) / (n - 1))


def _counts(metric: Metric, totals: Totals) -> Counts:
    return totals.histograms.get(metric.distribution, {}) if metric.distribution else {}


def _unit(metric: Metric) -> float:
    """What one unit of the distribution's column is in the metric's unit: only money is stored in another one."""
    return metric.scale if metric.distribution and metric.distribution.endswith("_nano") else 1.0


def _sum(counters: Mapping[int, int], wanted: Iterable[int]) -> int:
    return sum(counters.get(counter, 0) for counter in wanted)


def _has(totals: Totals, counter: Counter) -> bool:
    return totals.counters.get(counter, 0) > 0


def _pair(interval: Interval) -> tuple[float, float]:
    return interval.low, interval.high
