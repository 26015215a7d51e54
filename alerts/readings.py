"""The one place where alerting asks for numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from observatory.metrics.series import UnknownValue

from alerts.limits import Facts, Measure
from ingest.timeline import Window
from observatory.metrics import series
from observatory.metrics.definitions import LATENCY_BUDGETS_MS
from observatory.metrics.reading import Comparison, Reading

BUDGETED = ("latency_p50", "latency_p95")
NOTHING = Facts(None, 0)


@dataclass(frozen=True)
class Wanted:
    """One number to read: a metric, for one feature (empty: the whole project), and how it will be measured."""

    metric: str
    feature: str
    measure: Measure


@dataclass(frozen=True)
class Reach:
    """How far the project's numbers may be judged."""

    complete_to: datetime
    mature_to: datetime

    def covers(self, end: datetime, *, is_maturing: bool) -> bool:
        """Whether nothing that belongs before `end` is still missing."""
        return end <= (self.mature_to if is_maturing else self.complete_to)


def reach(now: datetime) -> Reach:
    """How far the project in scope is rolled up, never beyond `now`."""
    coverage = series.coverage(now)
    return Reach(min(coverage.complete_to, now), min(coverage.mature_to, now))


def take(wanted: Iterable[Wanted], window: Window, now: datetime) -> dict[Wanted, Facts]:
    """Read everything that is wanted of one window. What has never been seen is nothing, not an error."""
    alone = [one for one in wanted if one.measure.compares or not one.feature]
    facts = {one: _facts_of(one, window, now) for one in alone}
    rest = [one for one in wanted if one not in facts]
    if len({one.feature for one in rest}) == 1:
        return facts | {one: _facts_of(one, window, now) for one in rest}
    if rest:
        by_feature = series.breakdown(sorted({one.metric for one in rest}), window, by="feature", now=now)
        for one in rest:
            reading = by_feature.get(one.feature, {}).get(one.metric)
            facts[one] = _plain(reading) if reading else NOTHING
    return facts


def budget_of(feature_type: str, metric: str) -> float | None:
    """The latency budget of a feature's type in ms; None where there is none."""
    budgets = LATENCY_BUDGETS_MS.get(feature_type)
    return budgets[BUDGETED.index(metric)] if budgets and metric in BUDGETED else None


def _facts_of(one: Wanted, window: Window, now: datetime) -> Facts:
    feature = one.feature or None
    try:
        if not one.measure.compares:
            return _plain(series.reading(one.metric, window, feature=feature, now=now))
        answer = series.read(one.metric, window, feature=feature, compare=one.measure.compares, now=now)
    except UnknownValue:
        return NOTHING
    return _compared(answer.reading, answer.comparison, window)


def _plain(reading: Reading) -> Facts:
    low, high = reading.interval or (None, None)
    return Facts(reading.value, reading.sample_size, low, high)


def _compared(reading: Reading, comparison: Comparison | None, window: Window) -> Facts:
    """A reading beside what it is compared with; a window that begins inside the other one is compared with nothing."""
    plain = _plain(reading)
    if comparison is None or comparison.value is None or window.start < comparison.window.end:
        return plain
    low, high = comparison.interval or (None, None)
    return Facts(plain.value, plain.sample_size, plain.low, plain.high, comparison.value, low, high)
