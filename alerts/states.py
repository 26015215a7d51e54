"""Which rules stand where: the rows that rules and features need, and from when on they are judged."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from django.db import connection

from alerts import readings
from alerts.cadence import Cadence, closes_at
from alerts.models import AlertRule, RuleState
from ingest.imports import marks
from ingest.projects.access import current_project
from ingest.projects.models import Feature
from observatory.metrics.definitions import METRICS

# A project is due when a window may have closed, when it has no shipped rules yet, or when a rule lacks a state.
DUE = """
    SELECT p.id FROM project p
    WHERE (%(only)s::bigint[] IS NULL OR p.id = ANY(%(only)s)) AND (
        EXISTS (SELECT FROM rule_state s WHERE s.project_id = p.id AND s.due_at <= %(now)s)
        OR NOT EXISTS (SELECT FROM alert_rule r WHERE r.project_id = p.id AND r.preset <> '')
        OR EXISTS (
            SELECT FROM alert_rule r
            JOIN feature f ON f.project_id = r.project_id AND (r.scope <> 'feature' OR f.number = r.feature_number)
            LEFT JOIN rule_state s ON s.rule_id = r.id
                AND s.feature_number = CASE r.scope WHEN 'project' THEN 0 ELSE f.number END
            WHERE r.project_id = p.id AND NOT r.is_paused AND s.id IS NULL))
    ORDER BY p.id
"""


def due_projects(now: datetime, only: Collection[int] | None) -> list[int]:
    """The projects in which something may have to be judged: one statement, and the only one when nothing is due."""
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"now": now, "only": None if only is None else list(only)})
        return [row[0] for row in cursor.fetchall()]


def complete(zone_name: str, now: datetime) -> int:
    """Give every active rule of the project in scope a state for each feature that it watches; how many were added."""
    features = {feature.number: feature for feature in Feature.objects.all()}
    known = set(RuleState.objects.values_list("rule_id", "feature_number"))
    imported_to, added = marks.read(), []
    for rule in AlertRule.objects.filter(is_paused=False, metric__in=list(METRICS)):
        for number in _watched(rule, features):
            if (rule.pk, number) not in known:
                added.append(_new_state(rule, features.get(number), features, imported_to, zone_name, now))
    RuleState.objects.bulk_create(added)
    return len(added)


def cadence_of(rule: AlertRule, zone_name: str) -> Cadence:
    """The windows of a rule in its project's zone."""
    return Cadence(rule.window_minutes, rule.every_minutes, zone_name)


def due_after(rule: AlertRule, judged_to: datetime, zone_name: str, maturity_hours: int) -> datetime:
    """When the window after `judged_to` may be judged at the earliest; windows of feedback wait until it is mature."""
    end = cadence_of(rule, zone_name).end_after(judged_to)
    return closes_at(end, timedelta(hours=maturity_hours if METRICS[rule.metric].maturing else 0))


def maturity_of(features: Mapping[int, Feature], number: int) -> int:
    """The hours for which feedback of a feature keeps coming; of the whole project (0) those of its slowest feature."""
    hours = [feature.maturity_hours for feature in features.values() if number in (0, feature.number)]
    return max(hours, default=24)


def _watched(rule: AlertRule, features: dict[int, Feature]) -> list[int]:
    """The feature numbers of a rule's states; nothing is watched before the project has sent anything."""
    match rule.scope:
        case AlertRule.Scope.EVERY_FEATURE:
            return sorted(features)
        case AlertRule.Scope.FEATURE:
            return [rule.feature_number] if rule.feature_number in features else []
        case _:
            return [0] if features else []


def _new_state(
    rule: AlertRule,
    feature: Feature | None,
    features: Mapping[int, Feature],
    imported_to: Mapping[int, datetime],
    zone_name: str,
    now: datetime,
) -> RuleState:
    concerned = [feature] if feature else list(features.values())
    seen = min(each.first_seen_at for each in concerned)
    begin = max(rule.active_from, seen)
    if (feature.number if feature else marks.PROJECT) not in imported_to:
        begin = max(rule.active_from, _first_event(rule.active_from, seen, feature, now))
    return RuleState(
        project_id=current_project(),
        rule=rule,
        feature_number=feature.number if feature else 0,
        feature=feature.name if feature else "",
        judged_to=begin,
        due_at=due_after(rule, begin, zone_name, maturity_of(features, feature.number if feature else 0)),
    )


def _first_event(active_from: datetime, seen: datetime, feature: Feature | None, now: datetime) -> datetime:
    """The first event since the rule is active: when it was first seen, or the day of older events that came late."""
    if active_from >= seen:
        return active_from
    first = readings.first_day(feature.name if feature else "", now)
    return min(first, seen) if first else seen
