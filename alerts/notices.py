"""Collecting the facts of a message from the database."""

from dataclasses import dataclass
from datetime import datetime

from alerts.limits import Measure
from alerts.messages.notice import Notice
from alerts.models import AlertRule, Evaluation, Incident
from ingest.projects.models import Project
from observatory.metrics.definitions import METRICS, Metric

TREND_WINDOWS = 24
COUNTED = {
    "thumbs_up_rate": "ratings",
    "rating_mean": "ratings",
    "escalations_24h": "escalations",
    "task_completion_rate": "outcomes",
    "adoption_rate": "users",
    "mau_share_change_8w": "users",
    "opt_out_rate": "users",
    "nps": "answers",
    "satisfaction": "answers",
    "evaluation_score": "scores",
}
REFERENCES = {
    Measure.BUDGET: "budget",
    Measure.BASELINE_POINTS: "baseline",
    Measure.BASELINE_CHANGE: "baseline",
    Measure.PREVIOUS_CHANGE: "previous",
}


@dataclass(frozen=True)
class Occasion:
    """What a message is about: opened, worsened or resolved, the severity before, and when it was judged or done."""

    kind: str
    previous: str
    at: datetime
    note: str = ""


def build(incident: Incident, rule: AlertRule, occasion: Occasion) -> Notice:
    """The notice of one occasion, from the incident as it stands after it."""
    project = Project.objects.get(pk=incident.project_id)
    metric = METRICS[rule.metric]
    return Notice(
        kind=occasion.kind,
        project=project.name,
        slug=project.slug,
        zone=project.time_zone,
        incident_id=incident.pk,
        rule=rule.name,
        metric=rule.metric,
        title=metric.title,
        unit=str(metric.unit),
        counted=counted_of(metric),
        side=rule.side,
        feature=incident.feature,
        severity=incident.severity,
        previous=occasion.previous,
        peak_severity=incident.peak_severity,
        value=incident.value,
        low=incident.low,
        high=incident.high,
        sample_size=incident.sample_size,
        minimum_sample=rule.minimum_sample,
        reference=incident.reference,
        reference_kind=REFERENCES.get(Measure(rule.measure), ""),
        warning_at=incident.warning_at,
        critical_at=incident.critical_at,
        certainty=rule.certainty,
        is_maturing=metric.maturing,
        window_start=incident.window_start,
        window_end=incident.window_end,
        since=incident.since,
        opened_at=incident.opened_at,
        judged_at=occasion.at,
        acknowledged_at=incident.acknowledged_at,
        acknowledged_by=incident.acknowledged_by,
        resolved_at=incident.resolved_at,
        resolved_by=incident.resolved_by,
        note=occasion.note,
        trend=_trend(incident),
    )


def counted_of(metric: Metric) -> str:
    """What a metric's sample consists of, in the plural."""
    if metric.name in COUNTED:
        return COUNTED[metric.name]
    return "users" if metric.unit == "users" else "calls"


def _trend(incident: Incident) -> tuple[float, ...]:
    """The values of the last windows up to the incident's, the oldest first."""
    judged = Evaluation.objects.filter(
        rule_id=incident.rule_id,
        feature_number=incident.feature_number,
        window_end__lte=incident.window_end,
        value__isnull=False,
    )
    newest = judged.order_by("-window_end").values_list("value", flat=True)[:TREND_WINDOWS]
    return tuple(value for value in reversed(newest) if value is not None)
