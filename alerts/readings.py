"""The one place where alerting asks for numbers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from alerts.limits import Facts, Measure
from ingest import dimensions, timeline
from ingest.timeline import Window
from observatory.metrics import reads, user_rows
from observatory.metrics.definitions import LATENCY_BUDGETS_MS, METRICS, Kind
from observatory.metrics.derived import reach
from observatory.metrics.reading import Comparison, Reading
from observatory.metrics.series import Reader, UnknownValue

BUDGETED = ("latency_p50", "latency_p95")
NOTHING = Facts(None, 0)
LEAST_REFERENCE = 100
"""Fewer events are no baseline (statistics: at least 100 trials)."""


@dataclass(frozen=True)
class Wanted:
    """One number to read: a metric, for one feature (empty: the whole project), and how it will be measured."""

    metric: str
    feature: str
    measure: Measure


class Source:
    """The numbers of the project in scope as they stand at `now`, for one slice of judging."""

    def __init__(self, now: datetime) -> None:
        self._reader = Reader(now)
        self._ends: dict[tuple[str, bool], datetime] = {}
        self._users_to: dict[Window, datetime] = {}

    def covers(self, window: Window, metric: str, feature: str) -> bool:
        """Whether what came before a window's end is counted in a metric of a feature (empty: of the whole project).

        Users are counted minutes after the rest. What comes late is not waited for: somebody may always be late. But what
        is held against days before it rests on these: what had come of them by then is counted first.
        """
        is_maturing = METRICS[metric].maturing
        key = (feature if is_maturing else "", is_maturing)
        if key not in self._ends:
            self._ends[key] = self._end_of(*key)
        if window.end > self._ends[key] or (reach.is_of_users(METRICS[metric]) and not self._has_users_of(window)):
            return False
        history = reach.rests_on(METRICS[metric], window, self._reader.zone)
        return history == window or reads.first_waiting(dimensions.Facts.INTERACTIONS, history, window.end) is None

    def take(self, wanted: Collection[Wanted], window: Window) -> dict[Wanted, Facts]:
        """Read everything that is wanted of one window. What has never been seen is nothing, not an error."""
        facts = dict[Wanted, Facts]()
        together = [one for one in wanted if _can_be_grouped(one)]
        if len({one.feature for one in together}) > 1:
            by_feature = self._reader.breakdown(sorted({one.metric for one in together}), window, by="feature")
            for one in together:
                reading = by_feature.get(one.feature, {}).get(one.metric)
                if reading:
                    facts[one] = _plain(reading)
                elif METRICS[one.metric].kind not in (Kind.COUNT, Kind.EVENTS):
                    facts[one] = NOTHING
        return facts | {one: self._facts_of(one, window) for one in wanted if one not in facts}

    def lives(self, feature: str, window: Window) -> bool:
        """Whether a feature (empty: the project) has called since the first whole quarter of an hour of a window."""
        start = timeline.ceil(window.start, timeline.QUARTER)
        if start >= window.end:
            return False
        return bool(self._facts_of(Wanted("calls", feature, Measure.VALUE), Window(start, window.end)).value)

    def _has_users_of(self, window: Window) -> bool:
        if window not in self._users_to:
            self._users_to[window] = user_rows.complete_to(window) or self._reader.now
        return window.end <= self._users_to[window]

    def _end_of(self, feature: str, is_maturing: bool) -> datetime:
        try:
            coverage = self._reader.coverage(feature or None)
        except UnknownValue:
            coverage = self._reader.coverage()
        return min(coverage.mature_to if is_maturing else coverage.complete_to, self._reader.now)

    def _facts_of(self, one: Wanted, window: Window) -> Facts:
        """One number by itself. A count of nothing is 0; what is divided by nothing is nothing."""
        feature = one.feature or None
        try:
            if not one.measure.compares:
                return _plain(self._reader.reading(one.metric, window, feature=feature))
            answer = self._reader.read(one.metric, window, feature=feature, compare=one.measure.compares)
        except UnknownValue:
            return NOTHING
        return _compared(answer.reading, answer.comparison, window)


def first_day(feature: str, now: datetime) -> datetime | None:
    """The beginning of the local day of a feature's first interaction (empty: of the project's); None without one."""
    try:
        day = Reader(now).first_day(feature or None)
    except UnknownValue:
        return None
    return day.start if day else None


def budget_of(feature_type: str, metric: str) -> float | None:
    """The latency budget of a feature's type in ms; None where there is none."""
    budgets = LATENCY_BUDGETS_MS.get(feature_type)
    return budgets[BUDGETED.index(metric)] if budgets and metric in BUDGETED else None


def _can_be_grouped(one: Wanted) -> bool:
    """Whether it may be read for all features at once; what matures may not: each feature has its own maturity."""
    return bool(one.feature) and not one.measure.compares and not METRICS[one.metric].maturing


def _plain(reading: Reading) -> Facts:
    low, high = reading.interval or (None, None)
    return Facts(reading.value, reading.sample_size, low, high)


def _compared(reading: Reading, comparison: Comparison | None, window: Window) -> Facts:
    """A reading beside what it is compared with: a whole window before its own, over enough events."""
    plain = _plain(reading)
    if comparison is None or comparison.value is None:
        return plain
    if window.start < comparison.window.end or comparison.sample_size < LEAST_REFERENCE:
        return plain
    low, high = comparison.interval or (None, None)
    return Facts(plain.value, plain.sample_size, plain.low, plain.high, comparison.value, low, high)
