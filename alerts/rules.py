"""Making and changing rules. Everything here runs inside a project's scope."""

import math
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction

from alerts import incidents
from alerts.limits import Measure, Terms
from alerts.models import AlertRule, RuleState
from alerts.severity import Certainty, Side, State
from ingest.projects.access import current_project
from ingest.projects.models import Feature
from observatory.metrics.definitions import METRICS
from observatory.metrics.metric import FilteredBy

DAY_MINUTES = 24 * 60
LONGEST_WINDOW = 90 * DAY_MINUTES
PAUSED_BY_HAND = "paused by hand"


class RuleError(ValueError):
    """A rule that cannot be, with the field that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class Windows:
    """How long the windows are and how often one ends; every 0 minutes is once a local day, in whole local days."""

    length_minutes: int
    every_minutes: int


def create(
    *,
    name: str,
    metric: str,
    terms: Terms,
    windows: Windows,
    now: datetime,
    feature: str = "",
    scope: str = "",
    active_from: datetime | None = None,
) -> AlertRule:
    """Make an active rule. `scope` is told by `feature` unless it is given; `active_from` is now unless it is given.

    Raises RuleError naming the field that is wrong.
    """
    if metric not in METRICS:
        raise RuleError("metric", f"there is no metric {metric!r}")
    check_terms(terms)
    check_windows(windows)
    scope = scope or (AlertRule.Scope.FEATURE if feature else AlertRule.Scope.PROJECT)
    if scope != AlertRule.Scope.PROJECT and METRICS[metric].filtered_by is FilteredBy.PROJECT:
        raise RuleError("feature", f"{metric} is the whole project's: no feature has one of its own")
    rule = built(name, metric, terms, windows, scope, now)
    rule.feature_number = _number_of(feature) if scope == AlertRule.Scope.FEATURE else 0
    rule.active_from = active_from or now
    rule.save()
    return rule


def built(name: str, metric: str, terms: Terms, windows: Windows, scope: str, now: datetime) -> AlertRule:
    """An unsaved, active rule of the project in scope."""
    return AlertRule(
        project_id=current_project(),
        name=name,
        metric=metric,
        scope=scope,
        side=terms.side,
        measure=terms.measure,
        certainty=terms.certainty,
        warning=terms.warning,
        critical=terms.critical,
        minimum_sample=terms.minimum_sample,
        window_minutes=windows.length_minutes,
        every_minutes=windows.every_minutes,
        active_from=now,
        created_at=now,
    )


def terms_of(rule: AlertRule) -> Terms:
    """The part of a rule that decides."""
    measure, certainty = Measure(rule.measure), Certainty(rule.certainty)
    return Terms(Side(rule.side), rule.warning, rule.critical, rule.minimum_sample, measure, certainty)


def change_limits(rule: AlertRule, *, warning: float | None, critical: float | None, minimum_sample: int) -> None:
    """Set other limits; the next window is judged by them. Raises RuleError."""
    terms = replace(terms_of(rule), warning=warning, critical=critical, minimum_sample=minimum_sample)
    check_terms(terms)
    rule.warning, rule.critical, rule.minimum_sample = warning, critical, minimum_sample
    rule.save(update_fields=["warning", "critical", "minimum_sample"])


def pause(rule: AlertRule, now: datetime, *, by: str, reason: str = PAUSED_BY_HAND) -> None:
    """Stop judging. Open incidents of the rule end with it: nobody watches them any more."""
    with transaction.atomic():
        rule.is_paused, rule.paused_reason = True, reason
        rule.save(update_fields=["is_paused", "paused_reason"])
        for incident in incidents.open_incidents().filter(rule=rule):
            incidents.resolve(incident, by, now, note="the rule was paused")
        RuleState.objects.filter(rule=rule).update(
            state=State.PAUSED, since=now, due_at=None, incident_severity="", calm=0, dismissed=""
        )


def resume(rule: AlertRule, now: datetime) -> None:
    """Judge again, from now on: what passed while the rule was paused stays unjudged.

    Raises RuleError for a rule whose metric does not exist.
    """
    if rule.metric not in METRICS:
        raise RuleError("is_paused", rule.paused_reason or "its metric does not exist yet")
    with transaction.atomic():
        rule.is_paused, rule.paused_reason, rule.active_from = False, "", now
        rule.save(update_fields=["is_paused", "paused_reason", "active_from"])
        RuleState.objects.filter(rule=rule).update(state=State.LEARNING, since=now, judged_to=now, due_at=now)


def check_terms(terms: Terms) -> None:
    """Raise RuleError when there is no limit at all, one cannot be, or critical is less bad than warning.

    Values on the lower side grow worse downwards; distances and multiples always grow worse upwards.
    """
    limits = [limit for limit in (terms.warning, terms.critical) if limit is not None]
    if not limits:
        raise RuleError("warning", "a rule needs a limit")
    if not all(math.isfinite(limit) for limit in limits):
        raise RuleError("warning", "a limit is a finite number")
    if terms.measure is not Measure.VALUE and min(limits) <= 0:
        raise RuleError("warning", "a distance from a baseline, or a multiple of a budget, is more than 0")
    if terms.minimum_sample < 0:
        raise RuleError("minimum_sample", "a sample is 0 or more")
    if terms.warning is None or terms.critical is None:
        return
    falls = terms.side is Side.BELOW and terms.measure is Measure.VALUE
    if (terms.critical > terms.warning) if falls else (terms.critical < terms.warning):
        raise RuleError("critical", "critical has to be worse than warning")


def check_windows(windows: Windows) -> None:
    """Raise RuleError for windows that cannot be: whole minutes up to 90 days; days when judged daily."""
    if not 1 <= windows.length_minutes <= LONGEST_WINDOW:
        raise RuleError("window_minutes", "a window is between a minute and 90 days long")
    if windows.every_minutes == 0 and windows.length_minutes % DAY_MINUTES:
        raise RuleError("window_minutes", "what is judged once a day looks at whole days")
    if not 0 <= windows.every_minutes <= windows.length_minutes:
        raise RuleError("every_minutes", "windows may overlap but leave no gap")


def _number_of(feature: str) -> int:
    number = Feature.objects.filter(name=feature).values_list("number", flat=True).first()
    if number is None:
        raise RuleError("feature", f"there is no feature {feature!r}")
    return number
