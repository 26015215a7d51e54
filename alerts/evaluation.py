"""Judging closed windows: each once, in order, on complete data; transition and messages in one transaction."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import connection

from alerts import incidents, presets, readings, rules, states
from alerts.cadence import GRACE, closes_at
from alerts.incidents import Judged, standing_of
from alerts.limits import Facts, Judgement, Measure, judge
from alerts.models import AlertRule, Evaluation, RuleState
from alerts.readings import Wanted
from alerts.transitions import Step
from ingest.projects.access import project_scope
from ingest.projects.models import Feature, Project
from ingest.timeline import Window
from observatory.metrics.definitions import METRICS

POSTPONED = timedelta(seconds=60)
LONGEST_SILENCE_S = 30
"""Three missing liveness rows: shorter than that, a web process was only late."""

SILENCE = """
    SELECT EXISTS (
        SELECT FROM (
            SELECT at - lag(at) OVER (ORDER BY at) AS silence
            FROM (SELECT at FROM liveness WHERE at > %(start)s AND at < %(end)s
                  UNION ALL VALUES (%(start)s::timestamptz), (%(end)s::timestamptz)) AS lived) AS gaps
        WHERE silence > make_interval(secs => %(longest)s))
"""

log = structlog.get_logger(__name__)


@dataclass
class EvaluationReport:
    """How many windows were judged, incidents opened and resolved; `left`: the budget ended before the work did."""

    judged: int = 0
    opened: int = 0
    resolved: int = 0
    left: bool = False


@dataclass(frozen=True)
class Group:
    """All states of a project whose next window is this one: judged together, on one reading."""

    window: Window
    state_ids: tuple[int, ...]


def evaluate(now: datetime, *, only: Collection[int] | None = None, budget_s: float = 2.0) -> EvaluationReport:
    """Judge what has closed by `now`, the oldest windows first, for at most `budget_s` seconds.

    When nothing is due this is one statement. A project that fails is logged and never stops the others.
    """
    report, deadline = EvaluationReport(), time.monotonic() + budget_s
    for project_id in states.due_projects(now, only):
        try:
            _evaluate_project(project_id, now, deadline, report)
        except Exception:
            if not connection.is_usable():
                raise
            log.exception("evaluation_failed", project=project_id)
        if report.left:
            break
    return report


def _evaluate_project(project_id: int, now: datetime, deadline: float, report: EvaluationReport) -> None:
    zone_name = Project.objects.values_list("time_zone", flat=True).get(pk=project_id)
    with project_scope(project_id):
        presets.install(project_id, now)
        states.complete(zone_name, now)
    while True:
        with project_scope(project_id):
            group = _next_group(zone_name, now)
        if group is None:
            return
        if time.monotonic() > deadline:
            report.left = True
            return
        _judge_group(project_id, group, zone_name, now, report)


def _next_group(zone_name: str, now: datetime) -> Group | None:
    """The oldest window that has closed on complete data, with every state that it is the next one of."""
    waiting = RuleState.objects.filter(due_at__lte=now, rule__is_paused=False).select_related("rule")
    reach = readings.Reach(now) if waiting else None
    groups: dict[Window, list[int]] = {}
    for state in waiting:
        cadence = states.cadence_of(state.rule, zone_name)
        window = cadence.window(cadence.end_after(state.judged_to))
        is_maturing = METRICS[state.rule.metric].maturing
        has_closed = closes_at(window.end) <= now
        if reach and has_closed and reach.covers(window.end, state.feature, is_maturing=is_maturing):
            groups.setdefault(window, []).append(state.pk)
    if not groups:
        return None
    oldest = min(groups, key=lambda window: (window.end, window.start))
    return Group(oldest, tuple(groups[oldest]))


def _judge_group(project_id: int, group: Group, zone_name: str, now: datetime, report: EvaluationReport) -> None:
    """Judge a group in one transaction; when that fails, each state by itself, and postpone those that fail alone."""
    try:
        _judge_states(project_id, group, zone_name, now, report)
        return
    except Exception:
        if not connection.is_usable():
            raise
        log.exception("window_failed", project=project_id, window_end=group.window.end.isoformat())
    if len(group.state_ids) == 1:
        with project_scope(project_id):
            RuleState.objects.filter(pk__in=group.state_ids).update(due_at=now + POSTPONED)
        return
    for state_id in group.state_ids:
        _judge_group(project_id, Group(group.window, (state_id,)), zone_name, now, report)


def _judge_states(project_id: int, group: Group, zone_name: str, now: datetime, report: EvaluationReport) -> None:
    """Read once, judge every state of the group, and write evaluations, standings, incidents and messages together."""
    with project_scope(project_id):
        locked = _lock(group, zone_name)
        features = {feature.number: feature for feature in Feature.objects.all()}
        facts = _facts_of(locked, features, group.window, now)
        is_thin = any(_is_thin(facts[state.pk], state.rule) for state in locked)
        had_outage = is_thin and _was_silent(group.window)
        steps = []
        for state in locked:
            steps.append(_judge(state, facts[state.pk], group.window, had_outage, now))
            hours = states.maturity_of(features, state.feature_number)
            state.due_at = states.due_after(state.rule, group.window.end, zone_name, hours)
            state.save()
    report.judged += len(steps)
    report.opened += steps.count(Step.OPENED)
    report.resolved += steps.count(Step.RESOLVED)


def _lock(group: Group, zone_name: str) -> list[RuleState]:
    """The states of a group, locked, without those that another runner or a person has moved on meanwhile."""
    rows = (
        RuleState.objects.select_for_update(of=("self",))
        .select_related("rule")
        .filter(pk__in=group.state_ids)
        .order_by("pk")
    )

    def is_next(state: RuleState) -> bool:
        return states.cadence_of(state.rule, zone_name).end_after(state.judged_to) == group.window.end

    return [state for state in rows if not state.rule.is_paused and is_next(state)]


def _facts_of(
    locked: Sequence[RuleState], features: Mapping[int, Feature], window: Window, now: datetime
) -> dict[int, Facts]:
    """State id → what was read for it, with the budget of the feature's type where the rule compares with that."""
    wanted = {state.pk: Wanted(state.rule.metric, state.feature, Measure(state.rule.measure)) for state in locked}
    read = readings.take(set(wanted.values()), window, now)
    facts = {}
    for state in locked:
        one = read[wanted[state.pk]]
        if state.rule.measure == Measure.BUDGET:
            feature = features.get(state.feature_number)
            budget = readings.budget_of(feature.type if feature else "", state.rule.metric)
            one = Facts(one.value, one.sample_size, one.low, one.high, budget)
        facts[state.pk] = one
    return facts


def _judge(state: RuleState, facts: Facts, window: Window, had_outage: bool, now: datetime) -> Step:
    rule = state.rule
    judgement = judge(rules.terms_of(rule), facts, standing_of(state), had_outage=had_outage)
    step = judgement.transition.step
    limits = judgement.thresholds
    evaluation = Evaluation.objects.create(
        rule=rule,
        feature_number=state.feature_number,
        window_end=window.end,
        window_start=window.start,
        judged_at=now,
        state=judgement.state,
        step=step,
        value=facts.value,
        low=facts.low,
        high=facts.high,
        sample_size=facts.sample_size,
        warning_at=limits.warning,
        critical_at=limits.critical,
    )
    _advance(state, judgement, facts, window.end)
    incidents.follow(Judged(rule, state, evaluation, judgement))
    return step


def _advance(state: RuleState, judgement: Judgement, facts: Facts, window_end: datetime) -> None:
    """Put the judged window into the state row. While an incident holds, the state shown is the incident's."""
    incidents.keep(state, judgement.transition.standing)
    held = state.incident_severity if judgement.state.is_verdict else ""
    shown = held or judgement.state.value
    if shown != state.state or state.since is None:
        state.state, state.since = shown, window_end
    state.judged_to = window_end
    state.value, state.low, state.high = facts.value, facts.low, facts.high
    state.sample_size, state.reference = facts.sample_size, facts.reference
    state.warning_at, state.critical_at = judgement.thresholds.warning, judgement.thresholds.critical


def _is_thin(facts: Facts, rule: AlertRule) -> bool:
    return facts.value is None or facts.sample_size < rule.minimum_sample


def _was_silent(window: Window) -> bool:
    """Whether our own web was down during a window or while its last events would have arrived."""
    with connection.cursor() as cursor:
        cursor.execute(SILENCE, {"start": window.start, "end": window.end + GRACE, "longest": LONGEST_SILENCE_S})
        return bool(cursor.fetchone()[0])
