"""What the rules say about a number: states, limits and budgets as pages mark them."""

from collections.abc import Collection, Iterable
from datetime import datetime

from alerts.models import Incident, RuleState
from dashboards import formatting
from dashboards.charts.data import Limit
from dashboards.components import State, worst
from ingest.projects.models import Feature
from ingest.timeline import DAY, MINUTE, day_start, local_day
from observatory.metrics.definitions import LATENCY_BUDGETS_MS, METRICS

SHOWN = {"ok", "warning", "critical"}
NOT_YET = (State.LEARNING, "Not judged yet")
TOO_FEW = (State.LEARNING, "Too few to judge")
NOTHING_TO_JUDGE = (State.NO_DATA, "Nothing to judge")
NOT_WATCHED = (State.NO_DATA, "Not watched")
WATCHED: dict[str, tuple[str, ...]] = {
    "health": (
        "error_rate",
        "timeout_rate",
        "rate_limited_rate",
        "latency_p50",
        "latency_p95",
        "availability",
        "provider_limit_use",
    ),
    "quality": (
        "thumbs_up_rate",
        "correction_rate",
        "rejection_rate",
        "task_completion_rate",
        "flag_rate",
        "escalations_24h",
    ),
    "cost": (
        "cost_total",
        "cost_anomaly",
        "cost_per_call",
        "cost_per_mau",
        "input_tokens_mean",
        "unpriced_calls",
        "highest_tier_cost_share",
    ),
    "engagement": ("dau", "wau", "mau", "feedback_coverage", "mau_share_change_8w", "ticket_rate"),
}
"""Whose rules and incidents colour a dashboard: its card on the overview, its notices and its table of features."""


def standing(one: RuleState) -> str:
    """The state of a rule as pages show it: its open incident's, whatever was or was not seen since; else its own."""
    return one.incident_severity or one.state


def _worst(states: Iterable[RuleState]) -> State | None:
    """The worst that says something; None when no rule watches or none has judged yet."""
    found = [State(word) for word in map(standing, states) if word in SHOWN]
    return worst(found) if found else None


def state_of(states: Iterable[RuleState], metric: str, feature: str | None) -> State | None:
    """The worst state of the rules on a metric: of one feature, or of the project with all its features."""
    return _worst(one for one in states if one.rule.metric == metric and feature in {None, one.feature})


def silence(states: Iterable[RuleState], metrics: Collection[str]) -> tuple[State, str]:
    """Why no rule on these metrics has a verdict, as a state and its word.

    Some had events, but fewer than they need; or some have not judged a first window; or all looked and found
    nothing; or there are none that are not paused.
    """
    watching = [one for one in states if one.rule.metric in metrics and one.state != "paused"]
    if not watching:
        return NOT_WATCHED
    if any(one.state == "learning" and one.since for one in watching):
        return TOO_FEW
    return NOTHING_TO_JUDGE if all(one.since for one in watching) else NOT_YET


def states_by_feature(states: Iterable[RuleState], metrics: Collection[str]) -> dict[str, State]:
    """The worst state of each feature's rules on these metrics; learning where none has had enough to judge yet."""
    found: dict[str, list[RuleState]] = {}
    for one in states:
        if one.feature and one.rule.metric in metrics:
            found.setdefault(one.feature, []).append(one)
    return {feature: _worst(of) or State.LEARNING for feature, of in found.items()}


def limits_of(states: Iterable[RuleState], metric: str, feature: str | None) -> list[Limit]:
    """The lines of the one rule that judges this metric here; none when several differ."""
    on_metric = [one for one in states if one.rule.metric == metric]
    here = [one for one in on_metric if one.feature == (feature or "")]
    if not here and not feature:
        here = on_metric
    found = {
        (one.warning_at, one.critical_at) for one in here if one.warning_at is not None or one.critical_at is not None
    }
    if len(found) != 1:
        return []
    return lines(*found.pop())


def lines(warning: float | None, critical: float | None) -> list[Limit]:
    """The limits that there are, as a chart draws them."""
    drawn = [] if warning is None else [Limit(warning, "warning")]
    return drawn if critical is None else [*drawn, Limit(critical, "critical")]


def budget(feature: str | None) -> tuple[float, float] | None:
    """The p50 and p95 latency budgets of a feature's type in milliseconds; None without a feature or a budget."""
    kind = Feature.objects.filter(name=feature).values_list("type", flat=True).first() if feature else None
    return LATENCY_BUDGETS_MS.get(kind) if kind else None


def title_of(incident: Incident) -> str:
    """'Thumbs-up rate 67.3 % on write-draft'."""
    metric = METRICS.get(incident.rule.metric)
    shown = f"{metric.title} {formatting.value(incident.value, metric.unit)}" if metric else incident.rule.name
    return f"{shown} on {incident.feature}" if incident.feature else shown


def bad_from(incident: Incident, zone_name: str) -> datetime:
    """The start of the first bad window; of one of whole days the last of its days, which is where charts draw it."""
    if incident.rule.every_minutes:
        return incident.since - incident.rule.window_minutes * MINUTE
    return day_start(local_day(incident.since, zone_name) - DAY, zone_name)


def beyond(limits: Iterable[Limit], value: float | None) -> State | None:
    """The worst of the limits that a value reaches from below; None for one that reaches none."""
    reached = [State(limit.severity) for limit in limits if value is not None and value >= limit.value]
    return worst(reached) if reached else None
