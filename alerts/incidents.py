"""Incidents: opened, worsened, eased and ended by evaluation; acknowledged and resolved by people.

Everything runs inside a project's scope. Whoever changes an incident locks its rule's state first and the incident
after it, so that a person and the evaluation never undo each other.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import models, transaction

from alerts import notices, outbox
from alerts.limits import Judgement
from alerts.models import AlertRule, Evaluation, Incident, IncidentEvent, RuleState
from alerts.notices import Occasion
from alerts.severity import State
from alerts.transitions import Standing, Step, dismiss
from ingest.projects.access import current_project

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

Kind = IncidentEvent.Kind


@dataclass(frozen=True)
class Judged:
    """One window of one rule and feature, just judged."""

    rule: AlertRule
    state: RuleState
    evaluation: Evaluation
    judgement: Judgement


def open_incidents() -> models.QuerySet[Incident]:
    """Incidents that have not ended, the worst and then the newest first."""
    worst_first = models.Case(models.When(severity="critical", then=0), default=1)
    return Incident.objects.filter(resolved_at__isnull=True).select_related("rule").order_by(worst_first, "-id")


def all_incidents() -> models.QuerySet[Incident]:
    """Every incident, the newest first."""
    return Incident.objects.select_related("rule").order_by("-id")


def events_of(incident: Incident) -> list[IncidentEvent]:
    """What happened to an incident, in order."""
    return list(IncidentEvent.objects.filter(incident=incident).order_by("id"))


def acknowledge(incident: Incident, user: "AbstractBaseUser | str", now: datetime) -> bool:
    """Say that somebody is at it; False when it has ended or somebody already was."""
    changed = Incident.objects.filter(pk=incident.pk, resolved_at__isnull=True, acknowledged_at__isnull=True).update(
        acknowledged_at=now, acknowledged_by=_name(user)
    )
    if changed:
        incident.refresh_from_db()
        _record(incident, Kind.ACKNOWLEDGED, now, by=_name(user))
    return bool(changed)


def resolve(incident: Incident, user: "AbstractBaseUser | str", now: datetime, note: str = "") -> bool:
    """End an incident by hand; False when it had ended already.

    Until the metric has recovered, only something worse than this incident opens another one.
    """
    with transaction.atomic():
        state = RuleState.objects.select_for_update().get(
            rule_id=incident.rule_id, feature_number=incident.feature_number
        )
        current = Incident.objects.select_for_update(of=("self",)).select_related("rule").get(pk=incident.pk)
        if current.resolved_at is not None:
            return False
        keep(state, dismiss(standing_of(state)))
        state.save(update_fields=STANDING_FIELDS)
        current.resolved_at, current.resolved_by = now, _name(user)
        current.save(update_fields=["resolved_at", "resolved_by"])
        _record(current, Kind.RESOLVED, now, previous=current.severity, by=_name(user), note=note)
        _tell(current, current.rule, Occasion(Kind.RESOLVED, current.severity, now, note))
    incident.refresh_from_db()
    return True


def follow(judged: Judged) -> None:
    """Do to the incident what the judged window does to it, and write the messages, in the caller's transaction."""
    step = judged.judgement.transition.step
    if step is Step.OPENED:
        _open(judged)
    if step is Step.OPENED or (step is Step.HELD and not judged.state.incident_severity):
        return
    incident = (
        Incident.objects.select_for_update()
        .filter(rule=judged.rule, feature_number=judged.state.feature_number, resolved_at__isnull=True)
        .first()
    )
    if incident is None:
        return
    if step is Step.HELD:
        if judged.judgement.state.is_verdict:
            _take_reading(incident, judged)
            incident.save(update_fields=READING_FIELDS)
        return
    _change(incident, judged, step)


def standing_of(state: RuleState) -> Standing:
    """What the next window has to know, as the state row keeps it."""
    incident = State(state.incident_severity) if state.incident_severity else None
    return Standing(incident, state.calm, State(state.dismissed) if state.dismissed else None)


def keep(state: RuleState, standing: Standing) -> None:
    """Put a standing into the state row; the caller saves `STANDING_FIELDS`."""
    state.incident_severity = standing.incident.value if standing.incident else ""
    state.calm = standing.calm
    state.dismissed = standing.dismissed.value if standing.dismissed else ""


STANDING_FIELDS = ["incident_severity", "calm", "dismissed"]
READING_FIELDS = [
    "window_start",
    "window_end",
    "value",
    "low",
    "high",
    "sample_size",
    "warning_at",
    "critical_at",
    "reference",
]


def _open(judged: Judged) -> None:
    severity, evaluation = judged.judgement.state.value, judged.evaluation
    incident = Incident(
        project_id=current_project(),
        rule=judged.rule,
        feature_number=judged.state.feature_number,
        feature=judged.state.feature,
        severity=severity,
        peak_severity=severity,
        since=evaluation.window_end,
        opened_at=evaluation.judged_at,
    )
    _take_reading(incident, judged)
    incident.save()
    _record(incident, Kind.OPENED, evaluation.judged_at, window_end=evaluation.window_end)
    _tell(incident, judged.rule, Occasion(Kind.OPENED, "", evaluation.judged_at))


def _change(incident: Incident, judged: Judged, step: Step) -> None:
    evaluation, previous = judged.evaluation, incident.severity
    after = judged.judgement.transition.standing.incident
    if after is None:
        incident.resolved_at = evaluation.judged_at
    else:
        incident.severity = after.value
        incident.peak_severity = max(incident.peak_severity, after.value, key=lambda severity: State(severity).rank)
    _take_reading(incident, judged)
    incident.save(update_fields=[*READING_FIELDS, "severity", "peak_severity", "resolved_at"])
    _record(incident, step.value, evaluation.judged_at, window_end=evaluation.window_end, previous=previous)
    if step.is_told:
        _tell(incident, judged.rule, Occasion(step.value, previous, evaluation.judged_at))


def _take_reading(incident: Incident, judged: Judged) -> None:
    for field in READING_FIELDS[:-1]:
        setattr(incident, field, getattr(judged.evaluation, field))
    incident.reference = judged.state.reference


def _record(
    incident: Incident,
    kind: str,
    at: datetime,
    *,
    window_end: datetime | None = None,
    previous: str = "",
    by: str = "",
    note: str = "",
) -> None:
    IncidentEvent.objects.create(
        incident=incident,
        kind=kind,
        at=at,
        window_end=window_end,
        severity=incident.severity,
        previous=previous,
        value=incident.value,
        sample_size=incident.sample_size,
        by=by,
        note=note,
    )


def _tell(incident: Incident, rule: AlertRule, occasion: Occasion) -> None:
    outbox.announce(incident, notices.build(incident, rule, occasion))


def _name(user: "AbstractBaseUser | str") -> str:
    return user if isinstance(user, str) else user.get_username()
