"""The read side of drift: findings, where each series stands, and what a finding's page needs. Inside a project's scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db.models import QuerySet

from ingest import timeline
from ingest.models import ChangeEvent
from ingest.timeline import DAY
from observatory.drift.methods import dating, shape
from observatory.drift.models import Baseline, Finding, Series
from observatory.drift.signals import SIGNALS, Signal

HISTORY = 400
"""Days of a series that a page reads at most."""


def open_findings() -> QuerySet[Finding]:
    """The findings that stand, strongest first, then the newest."""
    found = Finding.objects.filter(resolved_day=None, withdrawn_at=None)
    return found.select_related("series", "baseline").order_by("-is_strong", "-alarm_day", "-pk")


def past_findings(limit: int = 50) -> Sequence[Finding]:
    """Findings that were resolved, newest first."""
    ended = Finding.objects.filter(withdrawn_at=None).exclude(resolved_day=None)
    return list(ended.select_related("series", "baseline").order_by("-resolved_day", "-pk")[:limit])


def watched() -> int:
    """How many series have a baseline and are judged."""
    return Series.objects.exclude(state=Series.State.COLLECTING).count()


def all_series() -> list[Series]:
    """Every series: findings first, then by evidence."""
    return list(Series.objects.order_by("-evidence", "feature", "signal"))


@dataclass(frozen=True)
class Case:
    """A finding with its series as the method sees it: everything its page draws."""

    finding: Finding
    signal: Signal
    baseline: Any
    stored: Baseline
    days: list[Any]
    rolling: list[shape.Effect]
    band: Any
    effect: shape.Effect | None
    points: list[shape.Point]


def case(finding: Finding, zone_name: str, now: datetime) -> Case:
    """Read the days of a finding's series again and see them as its method does."""
    return _case(finding.series, finding.baseline, finding, zone_name, now)


def _case(series: Series, stored: Baseline, finding: Finding, zone_name: str, now: datetime) -> Case:
    signal = SIGNALS[series.signal]
    baseline = signal.baseline_of(stored.content)
    last = series.judged_to or timeline.local_day(now, zone_name)
    days = signal.days(series.feature_number, max(stored.first_day, last - HISTORY * DAY), last)
    until = [day for day in days if finding.resolved_day is None or day.day <= finding.resolved_day]
    effect = signal.method.effect(baseline, until)
    n = (effect.n if signal.is_rate else effect.n_effective) if effect else 1.0
    points = [
        shape.Point(date.fromisoformat(day), log_m, evidence, shape.Direction(direction), alarm)
        for day, log_m, evidence, direction, alarm in series.points
    ]
    return Case(
        finding,
        signal,
        baseline,
        stored,
        days,
        signal.method.rolling(baseline, days),
        signal.method.band(baseline, n),
        effect,
        points,
    )


def changes_near(finding: Finding, zone_name: str) -> list[ChangeEvent]:
    """The change events near a finding's start, nearest to its likeliest day first. Near, never "the cause"."""
    start = shape.Started(finding.started_day, finding.started_low, finding.started_high)
    lower = timeline.day_start(start.low - dating.NEAR_BEFORE, zone_name)
    upper = timeline.day_start(start.high + dating.NEAR_AFTER + DAY, zone_name)
    events = ChangeEvent.objects.filter(
        occurred_at__gte=lower, occurred_at__lt=upper, feature_number__in=[0, finding.series.feature_number]
    )
    return sorted(events, key=lambda event: abs((timeline.local_day(event.occurred_at, zone_name) - start.day).days))
