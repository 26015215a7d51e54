"""What a rule's two numbers mean for one feature: limits in the metric's own unit. Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from alerts.severity import Certainty, Sample, Side, State, Thresholds, held_state, state_of
from alerts.transitions import Standing, Transition, advance


class Measure(StrEnum):
    """How a rule's numbers become limits."""

    VALUE = "value"
    BUDGET = "budget"
    BASELINE_POINTS = "baseline_points"
    BASELINE_CHANGE = "baseline_change"
    PREVIOUS_CHANGE = "previous_change"

    @property
    def compares(self) -> str:
        """What the reading is compared with: `baseline`, `previous`, or nothing that has to be read."""
        return {"baseline_points": "baseline", "baseline_change": "baseline", "previous_change": "previous"}.get(
            self.value, ""
        )


@dataclass(frozen=True)
class Terms:
    """The part of a rule that decides.

    With measure `value` the two limits are in the metric's unit; with `budget` they are multiples of the feature
    type's budget; with the others positive distances (0.05 is five points, or five per cent). None is no limit.
    """

    side: Side
    warning: float | None
    critical: float | None
    minimum_sample: int = 0
    measure: Measure = Measure.VALUE
    certainty: Certainty = Certainty.VALUE


@dataclass(frozen=True)
class Facts:
    """What was read for one feature and one window, in the metric's unit.

    `reference` is the baseline, the window before or the feature type's budget; `difference_low` and `_high` are the
    95 % interval of value − reference where the reference was itself estimated.
    """

    value: float | None
    sample_size: int
    low: float | None = None
    high: float | None = None
    reference: float | None = None
    difference_low: float | None = None
    difference_high: float | None = None


@dataclass(frozen=True)
class Judgement:
    """The state of one window, against which limits, and what it changes."""

    state: State
    thresholds: Thresholds
    transition: Transition


def thresholds_of(terms: Terms, reference: float | None) -> Thresholds:
    """The limits in the metric's unit; without the reference that they need there are none."""

    def limit(number: float | None) -> float | None:
        if number is None or terms.measure is Measure.VALUE:
            return number
        if reference is None or reference <= 0:
            return None
        sign = 1 if terms.side is Side.ABOVE else -1
        match terms.measure:
            case Measure.BUDGET:
                return number * reference
            case Measure.BASELINE_POINTS:
                return reference + sign * number
            case _:
                return reference * (1 + sign * number)

    return Thresholds(
        terms.side, limit(terms.warning), limit(terms.critical), terms.minimum_sample, terms.certainty, reference
    )


def judge(terms: Terms, facts: Facts, standing: Standing, *, had_outage: bool) -> Judgement:
    """Judge one closed window. A comparison whose other side is not known yet is LEARNING."""
    thresholds = thresholds_of(terms, facts.reference)
    sample = _sample_of(facts)
    if terms.measure is Measure.BUDGET:
        # A budget is a fixed number and never where a feature usually stands: it does not shape the margin.
        thresholds = replace(thresholds, reference=None)
    state = state_of(sample, thresholds, had_outage=had_outage)
    if state is State.PAUSED and terms.measure.compares:
        state = State.LEARNING
    return Judgement(state, thresholds, advance(standing, state, held_state(sample, thresholds)))


def _sample_of(facts: Facts) -> Sample:
    """The reading with the interval that decides: that of the difference, laid around the reference, if any."""
    if facts.reference is None or facts.difference_low is None or facts.difference_high is None:
        return Sample(facts.value, facts.sample_size, facts.low, facts.high)
    return Sample(
        facts.value, facts.sample_size, facts.reference + facts.difference_low, facts.reference + facts.difference_high
    )
