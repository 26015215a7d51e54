"""The drift duty: fold every series of every project over its closed days and keep what it says.

Everything here can be run again at any time: points are refolded from the accepted baseline, findings have a key.
"""

import hashlib
import math
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from ingest import timeline
from ingest.projects.access import every_project, project_scope
from ingest.projects.models import Feature, Project
from ingest.timeline import DAY, HOUR
from ingest.turns import Turns
from observatory.drift.methods import shape
from observatory.drift.methods.week import first_window
from observatory.drift.models import Baseline, Finding, Series
from observatory.drift.signals import SIGNALS, Signal
from observatory.metrics import users

SETTLED = timedelta(minutes=10)
"""A baseline is accepted when its days have not changed for this long: a history that is still arriving is none."""

REFRESH = timedelta(minutes=5)
"""How often a series is read again between two days: late feedback moves its last points."""


@dataclass
class DriftReport:
    """What one run did; `failed` series are tried again at the next, `left`: the budget ended before the work did."""

    series: int = 0
    opened: int = 0
    resolved: int = 0
    failed: int = 0
    left: bool = False


@dataclass(frozen=True)
class _Due:
    """A series to be read, and when it last was."""

    project: Project
    feature: Feature
    signal: Signal
    read_at: datetime

    @property
    def key(self) -> tuple[int, int, str]:
        """Which series it is."""
        return self.project.pk, self.feature.number, self.signal.name


_turns = Turns[_Due]("drift of the series", key=attrgetter("key"), since=attrgetter("read_at"))


def run(
    now: datetime, *, only: Collection[int] | None = None, budget_s: float | None = 2.0, is_settled: bool = False
) -> DriftReport:
    """Fold what is due, the series that waited longest first; one that fails never stops the others.

    `is_settled` takes the record as complete, so that a first baseline is accepted at once.
    """
    report, deadline = DriftReport(), math.inf if budget_s is None else time.monotonic() + budget_s
    due = [one for project in every_project() if only is None or project.pk in only for one in _due_in(project)]

    def fold(one: _Due) -> None:
        with project_scope(one.project.pk):
            _fold(one, now, report, is_settled)

    taken = _turns.take(sorted(due, key=attrgetter("key")), fold, now, deadline)
    report.failed, report.left = taken.failed, taken.left
    return report


def _due_in(project: Project) -> list[_Due]:
    with project_scope(project.pk):
        read = {
            (one.feature_number, one.signal): one.updated_at
            for one in Series.objects.only("feature_number", "signal", "updated_at")
        }
        features = list(Feature.objects.all())
    return [
        _Due(project, feature, signal, read.get((feature.number, signal.name), timeline.EPOCH))
        for feature in features
        for signal in SIGNALS.values()
    ]


def last_closed_day(now: datetime, feature: Feature, zone_name: str) -> date:
    """The newest local day whose feedback is mature: it ended `maturity_hours` before now."""
    return timeline.local_day(now - feature.maturity_hours * HOUR, zone_name) - DAY


def _fold(due: _Due, now: datetime, report: DriftReport, is_settled: bool) -> None:
    feature, signal = due.feature, due.signal
    last = last_closed_day(now, feature, due.project.time_zone)
    known = Series.objects.filter(feature_number=feature.number, signal=signal.name).first()
    if known and not is_settled and known.judged_to == last and now - known.updated_at < REFRESH:
        return
    series = known or Series.objects.create(
        feature_number=feature.number, feature=feature.name, signal=signal.name, updated_at=now
    )
    days = signal.days(feature.number, users.first_day(feature.number) or last, last)
    report.series += 1
    baseline = series.baselines.filter(is_current=True).first() or _accept(series, signal, days, now, is_settled)
    if baseline is not None:
        _judge(_Look(series, signal, baseline, signal.baseline_of(baseline.content), days, now), report)
    series.judged_to, series.updated_at = last, now
    series.save()


def _accept(series: Series, signal: Signal, days: Sequence[Any], now: datetime, is_settled: bool) -> Baseline | None:
    """Accept the first baseline once its days are there and have stopped changing; else say what is missing."""
    chosen = first_window(days, signal.method.collecting)
    if isinstance(chosen, shape.Collecting):
        series.lacking = msgspec.to_builtins(chosen)
        return None
    digest = hashlib.blake2b(msgspec.json.encode(chosen), digest_size=16).hexdigest()
    if series.seen != digest:
        series.seen, series.seen_at = digest, now
    if not is_settled and (series.seen_at is None or now - series.seen_at < SETTLED):
        series.lacking = {"missing": "settled days", "have": 0, "need": len(chosen)}
        return None
    series.lacking = None
    fitted = signal.method.fit(chosen)
    return Baseline.objects.create(
        series=series, content=fitted.to_dict(), first_day=fitted.first_day, last_day=fitted.last_day, accepted_at=now
    )


@dataclass(frozen=True)
class _Look:
    """One series looked at once: its days against its baseline."""

    series: Series
    signal: Signal
    stored: Baseline
    baseline: Any
    days: Sequence[Any]
    now: datetime


def _judge(look: _Look, report: DriftReport) -> None:
    series = look.series
    evidence = look.signal.method.fold(look.baseline, look.days, look.signal.sides)
    series.points = [[p.day.isoformat(), p.log_m, p.evidence, p.direction.value, p.is_alarm] for p in evidence.points]
    series.evidence = evidence.points[-1].evidence if evidence.points else 0.0
    counts: dict[str, int] = {}
    kept = []
    for found in evidence.findings:
        ordinal = counts.get(found.direction, 0)
        counts[found.direction] = ordinal + 1
        kept.append(_keep(look, found, ordinal, report))
    stale = Finding.objects.filter(baseline=look.stored, withdrawn_at=None).exclude(pk__in=kept)
    stale.update(withdrawn_at=look.now)
    is_open = Finding.objects.filter(series=series, resolved_day=None, withdrawn_at=None).exists()
    series.state = Series.State.FINDING if is_open else Series.State.WATCHING


def _keep(look: _Look, found: shape.Finding, ordinal: int, report: DriftReport) -> int:
    """Store one finding as it is seen today; its key does not depend on what is seen."""
    fields = _seen(look, found)
    known = Finding.objects.filter(baseline=look.stored, direction=found.direction.value, ordinal=ordinal).first()
    if known is None:
        report.opened += 1
        made = Finding(
            project_id=look.series.project_id,
            baseline=look.stored,
            direction=found.direction.value,
            ordinal=ordinal,
            opened_at=look.now,
            **fields,
        )
        made.save()
        return int(made.pk)
    if known.resolved_by:
        fields.pop("resolved_day")
    report.resolved += known.resolved_day is None and found.resolved_day is not None
    for name, value in fields.items():
        setattr(known, name, value)
    known.save()
    return int(known.pk)


def _seen(look: _Look, found: shape.Finding) -> dict[str, Any]:
    """What today's days say of a finding: when it began, how far the last 7 days are from normal."""
    until = [day for day in look.days if found.resolved_day is None or day.day <= found.resolved_day]
    started = look.signal.method.started(look.baseline, look.days, found)
    effect = look.signal.method.effect(look.baseline, until)
    return {
        "series": look.series,
        "alpha": found.alpha,
        "watched_from": found.watched_from,
        "alarm_day": found.alarm_day,
        "resolved_day": found.resolved_day,
        "started_day": started.day,
        "started_low": started.low,
        "started_high": started.high,
        "effect": msgspec.to_builtins(effect),
        "is_strong": bool(effect and effect.is_strong(found.direction, look.signal.strong)),
        "withdrawn_at": None,
    }
