"""Where one reading stands against one rule's limits. Pure.

Limits are absolute and in the metric's own unit by the time they come here: "10 points below the baseline" or "twice
the budget" has already become a number.
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a rule stands for one feature."""

    OK = "ok"
    WARNING = "warning"
    CRITICAL = "critical"
    LEARNING = "learning"
    NO_DATA = "no_data"
    UNKNOWN = "unknown"
    PAUSED = "paused"

    @property
    def is_bad(self) -> bool:
        """Whether it is one of the two that open an incident."""
        return self in (State.WARNING, State.CRITICAL)

    @property
    def is_verdict(self) -> bool:
        """Whether a reading was judged at all: only then may anything change."""
        return self is State.OK or self.is_bad

    @property
    def rank(self) -> int:
        """How bad: 2 critical, 1 warning, 0 everything else."""
        return {State.CRITICAL: 2, State.WARNING: 1}.get(self, 0)


class Side(StrEnum):
    """On which side of its limit a reading is bad; the limit itself belongs to the bad side."""

    ABOVE = "above"
    BELOW = "below"


class Certainty(StrEnum):
    """What has to lie beyond a limit: the value, or its whole 95 % interval (so that no handful of calls alarms)."""

    VALUE = "value"
    INTERVAL = "interval"


@dataclass(frozen=True)
class Thresholds:
    """One rule's limits for one feature, in the metric's unit; both None when nothing applies."""

    side: Side
    warning: float | None
    critical: float | None
    minimum_sample: int
    certainty: Certainty = Certainty.VALUE
    reference: float | None = None

    @property
    def margin(self) -> float:
        """How far inside a limit a reading must be before it counts as recovered.

        A quarter of the way between the two limits and of the way from the reference, at most a fifth of the first
        limit; a twentieth of it when it stands alone. A value that hovers around its limit stays where it is.
        """
        limits = [limit for limit in (self.warning, self.critical) if limit is not None]
        if not limits:
            return 0.0
        distances = [abs(limits[-1] - limits[0]) / 4] if len(limits) == 2 else []
        if self.reference is not None:
            distances.append(abs(limits[0] - self.reference) / 4)
        return min([*distances, abs(limits[0]) / 5]) if distances else abs(limits[0]) / 20


@dataclass(frozen=True)
class Sample:
    """What was read over one window: the value, its 95 % interval where it has one, and over how many events."""

    value: float | None
    sample_size: int
    low: float | None = None
    high: float | None = None


def state_of(sample: Sample, thresholds: Thresholds, *, had_outage: bool) -> State:
    """Place one reading against one rule.

    Too few events is LEARNING, never OK: a rate over nine calls says nothing. When our own product was down during
    the window, a missing or too small sample is UNKNOWN: the silence may be ours. A window with its minimum sample is
    judged whatever happened to us.
    """
    if thresholds.warning is None and thresholds.critical is None:
        return State.PAUSED
    if sample.value is None or sample.sample_size < thresholds.minimum_sample:
        if had_outage:
            return State.UNKNOWN
        return State.LEARNING if sample.sample_size > 0 else State.NO_DATA
    return _place(_deciding(sample.value, sample, thresholds), thresholds, 0.0)


def held_state(sample: Sample, thresholds: Thresholds) -> State:
    """The worst state that a judged reading has not yet recovered from: its value is not a margin inside that limit."""
    return State.OK if sample.value is None else _place(sample.value, thresholds, thresholds.margin)


def _deciding(value: float, sample: Sample, thresholds: Thresholds) -> float:
    """The number that must be beyond a limit: the value, or the end of its interval that is nearest to normal."""
    near = sample.low if thresholds.side is Side.ABOVE else sample.high
    return near if thresholds.certainty is Certainty.INTERVAL and near is not None else value


def _place(value: float, thresholds: Thresholds, slack: float) -> State:
    """The worst limit that a value has reached when every limit is moved `slack` towards normal."""
    for state, limit in ((State.CRITICAL, thresholds.critical), (State.WARNING, thresholds.warning)):
        if limit is None:
            continue
        if value >= limit - slack if thresholds.side is Side.ABOVE else value <= limit + slack:
            return state
    return State.OK
