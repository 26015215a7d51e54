"""Judging closed windows: each once, in order, on complete data; transition and messages in one transaction."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
from ingest.imports import marks
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
class Bench:
    """What one slice judges a project with: everything that holds for all its windows."""

    project_id: int
    zone_name: str
    now: datetime
    features: Mapping[int, Feature]
    source: readings.Source


@dataclass(frozen=True)
class Group:
    """All states of a project whose next window is this one: judged together, on one reading. Their rows are locked."""

    window: Window
    states: Sequence[RuleState]


def evaluate(now: datetime, *, only: Collection[int] | None = None, budget_s: float = 2.0) -> EvaluationReport:
    """Judge what has closed by `now`, the oldest windows first, for about `budget_s` seconds shared by the projects.

    When nothing is due this is one statement. A project that fails is logged and never stops the others; one that has
    windows gets at least one of them judged.
    """
    report, deadline = EvaluationReport(), time.monotonic() + budget_s
    due = states.due_projects(now, only)
    for done, project_id in enumerate(_in_turn(due, now)):
        moment = time.monotonic()
        if done and moment > deadline:
            report.left = True
            break
        try:
            _evaluate_project(project_id, now, moment + (deadline - moment) / (len(due) - done), report)
        except Exception:
            if not connection.is_usable():
                raise
            log.exception("evaluation_failed", project=project_id)
    return report


def _in_turn(due: list[int], now: datetime) -> list[int]:
    """The projects, beginning with another one at each slice: when the budget ends early it is nobody's fate."""
    first = int(now.timestamp()) % len(due) if due else 0
    return due[first:] + due[:first]


def _evaluate_project(project_id: int, now: datetime, deadline: float, report: EvaluationReport) -> None:
    with project_scope(project_id):
        project = Project.objects.get(pk=project_id)
        presets.install(project_id, now)
        states.complete(project.time_zone, now)
        features = {feature.number: feature for feature in Feature.objects.all()}
        bench = Bench(project_id, project.time_zone, now, features, readings.Source(now))
    while _judge_next(bench, report):
        if time.monotonic() > deadline:
            report.left = True
            return


def _judge_next(bench: Bench, report: EvaluationReport) -> bool:
    """Judge the oldest window in one transaction; False when none has closed.

    When that fails, each of its states is judged by itself, and those that fail alone are postponed.
    """
    group = None
    try:
        with project_scope(bench.project_id):
            group = _next_group(bench)
            steps = _judge_group(bench, group) if group else []
        _count(steps, report)
        return group is not None
    except Exception:
        if group is None or not connection.is_usable():
            raise
        log.exception("window_failed", project=bench.project_id, window_end=group.window.end.isoformat())
    for state in group.states:
        _judge_alone(bench, state.pk, report)
    return True


def _judge_alone(bench: Bench, state_id: int, report: EvaluationReport) -> None:
    try:
        with project_scope(bench.project_id):
            group = _next_group(bench, state_id)
            steps = _judge_group(bench, group) if group else []
        _count(steps, report)
    except Exception:
        if not connection.is_usable():
            raise
        log.exception("state_failed", project=bench.project_id, state=state_id)
        with project_scope(bench.project_id):
            RuleState.objects.filter(pk=state_id).update(due_at=bench.now + POSTPONED)


def _next_group(bench: Bench, state_id: int | None = None) -> Group | None:
    """The oldest window that has closed on complete data, with every state that it is the next one of, locked."""
    waiting = RuleState.objects.filter(due_at__lte=bench.now, rule__is_paused=False, rule__metric__in=list(METRICS))
    if state_id is not None:
        waiting = waiting.filter(pk=state_id)
    groups: dict[Window, list[RuleState]] = {}
    for state in waiting.select_for_update(of=("self",)).select_related("rule").order_by("pk"):
        cadence = states.cadence_of(state.rule, bench.zone_name)
        window = cadence.window(cadence.end_after(state.judged_to))
        if closes_at(window.end) <= bench.now and bench.source.covers(window, state.rule.metric, state.feature):
            groups.setdefault(window, []).append(state)
    if not groups:
        return None
    oldest = min(groups, key=lambda window: (window.end, window.start))
    return Group(oldest, groups[oldest])


def _judge_group(bench: Bench, group: Group) -> list[Step]:
    """Read once, judge every state of the group, and write evaluations, standings, incidents and messages together."""
    facts = _facts_of(bench, group)
    is_thin = any(_is_thin(facts[state.pk], state.rule) for state in group.states)
    had_outage = is_thin and _was_silent(group.window)
    judged = [_judge(bench, state, facts[state.pk], group.window, had_outage) for state in group.states]
    Evaluation.objects.bulk_create([one.evaluation for one in judged])
    for one in judged:
        one.state.save()
        incidents.follow(one)
    return [one.judgement.transition.step for one in judged]


def _count(steps: Sequence[Step], report: EvaluationReport) -> None:
    report.judged += len(steps)
    report.opened += steps.count(Step.OPENED)
    report.resolved += steps.count(Step.RESOLVED)


def _facts_of(bench: Bench, group: Group) -> dict[int, Facts]:
    """State id → what was read for it, with the budget of the feature's type where the rule compares with that."""
    wanted = {state.pk: Wanted(state.rule.metric, state.feature, Measure(state.rule.measure)) for state in group.states}
    read = bench.source.take(set(wanted.values()), group.window)
    imported_to = marks.read()  # after what was read: an import leaves its mark before its rows
    facts = {}
    for state in group.states:
        one = read[wanted[state.pk]]
        if state.rule.measure == Measure.BUDGET:
            feature = bench.features.get(state.feature_number)
            one = replace(one, reference=readings.budget_of(feature.type if feature else "", state.rule.metric))
        is_history = _is_history(bench, state, one, group.window, imported_to.get(state.feature_number))
        facts[state.pk] = replace(one, value=None) if is_history else one
    return facts


def _is_history(bench: Bench, state: RuleState, facts: Facts, window: Window, end: datetime | None) -> bool:
    """Whether a window may hold imported events, or is empty because nothing has come after them; `end`: the newest."""
    if end is None:
        return False
    return window.start <= end or (not facts.value and not bench.source.lives(state.feature, Window(end, window.end)))


def _judge(bench: Bench, state: RuleState, facts: Facts, window: Window, had_outage: bool) -> Judged:
    """Judge one state and put the window into it; nothing is written yet."""
    rule = state.rule
    judgement = judge(rules.terms_of(rule), facts, standing_of(state), had_outage=had_outage)
    limits = judgement.thresholds
    evaluation = Evaluation(
        project_id=bench.project_id,
        rule=rule,
        feature_number=state.feature_number,
        window_end=window.end,
        window_start=window.start,
        judged_at=bench.now,
        state=judgement.state,
        step=judgement.transition.step,
        value=facts.value,
        low=facts.low,
        high=facts.high,
        sample_size=facts.sample_size,
        warning_at=limits.warning,
        critical_at=limits.critical,
    )
    _advance(state, judgement, facts, window.end)
    hours = states.maturity_of(bench.features, state.feature_number)
    state.due_at = states.due_after(rule, window.end, bench.zone_name, hours)
    return Judged(rule, state, evaluation, judgement)


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
