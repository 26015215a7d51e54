"""What the API takes and says of pinned baselines."""

from datetime import datetime
from typing import TypedDict

import msgspec

from observatory.metrics.baselines.against import Against
from observatory.metrics.baselines.comparing import Compared
from observatory.metrics.baselines.store import Baseline
from observatory.metrics.definitions import METRICS
from observatory.metrics.rounding import exact, exact_ends
from observatory.metrics.shapes import Span


class Pin(msgspec.Struct, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """A window to be pinned: local days from `from` up to `to`, which is not among them; of a feature, or of all."""

    name: str
    start: str
    end: str
    feature: str | None = None
    note: str = ""


EXAMPLE = {
    "name": "before v2",
    "feature": "write-draft",
    "from": "2026-01-05",
    "to": "2026-02-02",
    "note": "last month of v1",
}


class BaselineShape(Span):
    """A pinned window: `settling` until it is over, mature and counted, then `frozen` for ever."""

    name: str
    feature: str | None
    note: str
    state: str
    pinned_at: datetime
    pinned_by: str
    frozen_at: datetime | None


class BaselinesPage(TypedDict):
    """Every baseline of the project, the last pinned first."""

    items: list[BaselineShape]
    next: str | None


class EvidenceShape(TypedDict):
    """A test with its statistic and, where there is one, its p-value."""

    test: str
    statistic: float | None
    p_value: float | None


class ComparedShape(TypedDict):
    """One metric: the effect (now minus before) with its 95 % interval, the verdict, sample sizes, then the evidence."""

    metric: str
    unit: str
    direction: str
    per: str | None
    before: float | None
    now: float | None
    difference: float | None
    interval: tuple[float, float] | None
    relative: float | None
    verdict: str
    sample_size_before: int
    sample_size_now: int
    design_effect_before: float
    design_effect_now: float
    evidence: list[EvidenceShape]
    warnings: list[str]


class AgainstShape(Span):
    """Every metric over a window against a baseline; maturing ones up to `mature_to`."""

    baseline: BaselineShape
    mature_to: datetime
    warnings: list[str]
    metrics: list[ComparedShape]


def baseline_shape(baseline: Baseline, features: dict[int, str]) -> BaselineShape:
    """A baseline as the API shows it."""
    number = baseline.feature
    return {
        "name": baseline.name,
        "feature": None if number is None else features.get(number, f"#{number}"),
        "note": baseline.note,
        "from": baseline.window.start,
        "to": baseline.window.end,
        "state": baseline.state,
        "pinned_at": baseline.pinned_at,
        "pinned_by": baseline.pinned_by,
        "frozen_at": baseline.frozen_at,
    }


def against_shape(found: Against, features: dict[int, str]) -> AgainstShape:
    """A comparison as the API shows it."""
    return {
        "baseline": baseline_shape(found.baseline, features),
        "from": found.window.start,
        "to": found.window.end,
        "mature_to": found.mature_to,
        "warnings": list(found.warnings),
        "metrics": [_compared(one) for one in found.metrics],
    }


def _compared(one: Compared) -> ComparedShape:
    metric = METRICS[one.metric]
    interval = one.interval
    return {
        "metric": one.metric,
        "unit": metric.unit,
        "direction": metric.direction,
        "per": one.per or None,
        "before": exact(metric.unit, one.before),
        "now": exact(metric.unit, one.now),
        "difference": exact(metric.unit, one.difference),
        "interval": exact_ends(metric.unit, (interval.low, interval.high)) if interval else None,
        "relative": one.relative,
        "verdict": one.verdict,
        "sample_size_before": one.n_before,
        "sample_size_now": one.n_now,
        "design_effect_before": one.design_effects[0],
        "design_effect_now": one.design_effects[1],
        "evidence": [{"test": e.test, "statistic": e.statistic, "p_value": e.p_value} for e in one.evidence],
        "warnings": list(one.warnings),
    }
