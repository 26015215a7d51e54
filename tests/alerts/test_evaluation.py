"""Each closed window is judged once, in order, on complete data."""

from datetime import timedelta

import pytest

from alerts.limits import Measure, Terms
from alerts.rules import Windows
from alerts.severity import Side
from tests.alerts.conftest import DAY, START

MINUTE = timedelta(minutes=1)
CLOSED = MINUTE


def evaluations(project, rule):
    from alerts.models import Evaluation
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        return list(Evaluation.objects.filter(rule=rule).order_by("feature_number", "window_end"))


def incidents_of(project):
    from alerts.models import Incident
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        return list(Incident.objects.order_by("id"))


def states_of(project, rule):
    from alerts.models import RuleState
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        return list(RuleState.objects.filter(rule=rule).order_by("feature_number"))


def test_a_window_is_judged_when_it_has_closed_and_never_before(project, rule, judge, numbers):
    made = rule()
    numbers.set("error_rate", 0.0)
    assert judge(START + 5 * MINUTE + CLOSED - timedelta(microseconds=1)).judged == 0
    assert judge(START + 5 * MINUTE + CLOSED).judged == 1
    assert judge(START + 5 * MINUTE + CLOSED).judged == 0
    assert [row.window_end for row in evaluations(project, made)] == [START + 5 * MINUTE]


def test_the_open_window_is_never_read(rule, judge, numbers):
    rule()
    numbers.set("error_rate", 1.0)
    now = START + 47 * MINUTE
    judge(now)
    assert numbers.asked
    assert max(window.end for window in numbers.asked) <= now - CLOSED


def test_a_window_waits_until_its_data_are_complete(rule, judge, numbers):
    rule()
    numbers.set("error_rate", 0.0)
    numbers.complete_to = START + 12 * MINUTE
    assert judge(START + 60 * MINUTE).judged == 2
    numbers.complete_to = START + 15 * MINUTE
    assert judge(START + 60 * MINUTE).judged == 1


def test_a_window_of_feedback_waits_until_it_is_mature(project, rule, judge, numbers):
    made = rule("thumbs_up_rate", Terms(Side.BELOW, 0.70, 0.65, 100), Windows(7 * 1440, 0))
    numbers.set("thumbs_up_rate", 0.75)
    numbers.mature_to = START + 2 * DAY
    assert judge(START + DAY + 2 * MINUTE).judged == 0, "a day of feedback is still to come"
    assert judge(START + 5 * DAY).judged == 2
    assert [row.window_end for row in evaluations(project, made)] == [START + DAY, START + 2 * DAY]


def test_after_an_outage_of_ours_the_missed_windows_are_judged_in_order(project, rule, judge, numbers):
    made = rule()
    numbers.set("error_rate", lambda window: 0.06 if window.end == START + 40 * MINUTE else 0.0)
    judge(START + 5 * MINUTE + CLOSED)
    report = judge(START + 125 * MINUTE + CLOSED)
    ends = [row.window_end for row in evaluations(project, made)]
    assert ends == [START + 5 * step * MINUTE for step in range(1, 26)]
    assert (report.judged, report.opened, report.resolved) == (24, 1, 1)
    assert [window.end for window in numbers.asked] == sorted(window.end for window in numbers.asked)


def test_nothing_before_the_rule_is_active_is_judged(project, rule, judge, numbers):
    made = rule(at=START + DAY)
    numbers.set("error_rate", 1.0)
    assert judge(START + DAY).judged == 0
    assert judge(START + DAY + 6 * MINUTE).judged == 1
    assert evaluations(project, made)[0].window_end == START + DAY + 5 * MINUTE


def test_nothing_before_a_features_first_event_is_judged(project, rule, feature, judge, numbers):
    made = rule(feature="", scope="every_feature")
    feature("summarise", 3, first_seen_at=START + 32 * MINUTE)
    numbers.set("error_rate", 0.0, feature="summarise")
    judge(START + 41 * MINUTE)
    ends = [row.window_end for row in evaluations(project, made) if row.feature_number == 3]
    assert ends == [START + 35 * MINUTE, START + 40 * MINUTE]


def test_history_raises_nothing_from_the_shipped_rules(project, feature, judge, numbers):
    for metric in ("error_rate", "timeout_rate", "rate_limited_rate", "latency_p50", "latency_p95"):
        numbers.set(metric, 1e9)
    judge(START)
    judge(START + MINUTE)
    assert incidents_of(project) == []


def test_every_feature_has_its_own_standing(project, rule, feature, judge, numbers):
    feature("summarise", 3)
    made = rule(feature="", scope="every_feature")
    numbers.set("error_rate", 0.06)
    numbers.set("error_rate", 0.0, feature="summarise")
    assert judge(START + 6 * MINUTE).judged == 2
    assert {state.feature: state.state for state in states_of(project, made)} == {
        "write-draft": "critical",
        "summarise": "ok",
    }
    assert [incident.feature for incident in incidents_of(project)] == ["write-draft"]
    assert len(numbers.asked) == 1, "one window is read once for all features"


def test_a_budget_is_that_of_the_features_type(project, rule, feature, judge, numbers):
    feature("complete-line", 3, type="inline")
    feature("nightly", 4, type="async_job")
    made = rule("latency_p95", Terms(Side.ABOVE, 1.0, 2.0, 50, Measure.BUDGET), feature="", scope="every_feature")
    for name in ("write-draft", "complete-line", "nightly"):
        numbers.set("latency_p95", 2_000.0, feature=name)
    judge(START + 6 * MINUTE)
    assert {state.feature: state.state for state in states_of(project, made)} == {
        "write-draft": "ok",
        "complete-line": "warning",
        "nightly": "paused",
    }
    assert [(i.feature, i.warning_at, i.critical_at) for i in incidents_of(project)] == [
        ("complete-line", 1_500.0, 3_000.0)
    ]


@pytest.mark.parametrize(
    ("case", "sample", "value", "gap", "state"),
    [
        (1, 0, None, False, "no_data"),
        (2, 9, 0.0, False, "learning"),
        (3, 0, None, True, "unknown"),
        (4, 9, 0.0, True, "unknown"),
        (5, 400, 0.0, True, "ok"),
        (6, 400, 0.06, True, "critical"),
    ],
)
def test_a_gap_in_our_own_life_turns_only_a_missing_or_small_sample_into_unknown(
    project, rule, judge, numbers, alive, case, sample, value, gap, state
):
    begin = START - case * DAY  # liveness has no project: every case has its own time
    made = rule(at=begin)
    numbers.set("error_rate", value, sample=sample)
    alive(begin - 12 * MINUTE, begin + (0 if gap else 10) * MINUTE)
    judge(begin + 6 * MINUTE)
    assert [row.state for row in evaluations(project, made)] == [state]


def test_an_incident_is_opened_worsened_and_ended_by_itself(project, rule, judge, numbers):
    rule()
    values = [0.0, 0.03, 0.03, 0.06, 0.03, 0.03, 0.0, 0.0, 0.0]
    numbers.set("error_rate", lambda window: values[int((window.end - START) / (5 * MINUTE)) - 1])
    report = judge(START + 46 * MINUTE)
    assert (report.judged, report.opened, report.resolved) == (9, 1, 1)
    (incident,) = incidents_of(project)
    assert (incident.severity, incident.peak_severity, incident.since) == ("warning", "critical", START + 10 * MINUTE)
    assert incident.resolved_at == START + 46 * MINUTE
    assert incident.resolved_by == ""
    from alerts import incidents
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        assert [event.kind for event in incidents.events_of(incident)] == ["opened", "worsened", "eased", "resolved"]


def test_a_slice_ends_with_its_budget_and_the_next_goes_on(project, rule, judge, numbers):
    made = rule()
    numbers.set("error_rate", 0.0)
    slices = []
    while len(slices) < 20:
        slices.append(judge(START + 61 * MINUTE, budget_s=0.0))
        if not slices[-1].left:
            break
    assert all(report.judged == 1 for report in slices[:-1]), "no slice is without progress"
    assert sum(report.judged for report in slices) == 12
    assert len(evaluations(project, made)) == 12


def test_a_project_with_much_to_catch_up_leaves_time_for_the_others(project, make_project, rule, numbers):
    from alerts import evaluation
    from alerts.models import AlertRule
    from ingest.projects.scope import project_scope

    rule()
    others = [make_project().id for _ in range(3)]
    numbers.set("error_rate", 0.0)
    report = evaluation.evaluate(START + 3 * DAY, only=[project.id, *others], budget_s=1.0)
    assert report.left
    for other in others:
        with project_scope(other):
            assert AlertRule.objects.exclude(preset="").exists()


def test_when_nothing_is_due_one_statement_is_all(rule, judge, numbers, project):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    rule()
    judge(START + 6 * MINUTE)
    with CaptureQueriesContext(connection) as asked:
        assert judge(START + 7 * MINUTE).judged == 0
    assert len(asked) == 1


def test_a_project_that_fails_does_not_stop_the_others(project, rule, numbers, make_project, monkeypatch):
    from alerts import evaluation, states
    from ingest.projects.access import current_project

    rule()
    other = make_project()
    numbers.set("error_rate", 0.0)
    whole = states.complete

    def complete(zone_name, now):
        if current_project() == min(project.id, other.id):
            raise RuntimeError("a poisoned row")
        return whole(zone_name, now)

    monkeypatch.setattr(states, "complete", complete)
    evaluation.evaluate(START + 6 * MINUTE, only=[project.id, other.id])
    from alerts.models import AlertRule
    from ingest.projects.scope import project_scope

    with project_scope(max(project.id, other.id)):
        assert AlertRule.objects.exclude(preset="").exists()


def test_a_rule_that_cannot_be_read_is_postponed_and_costs_its_neighbours_nothing(project, rule, judge, numbers):
    broken, sound = rule("latency_p99", name="broken"), rule(name="sound")
    numbers.set("error_rate", 0.0)

    whole = numbers.take

    def take(wanted, window):
        if any(one.metric == "latency_p99" for one in wanted):
            raise ArithmeticError("cannot be read")
        return whole(wanted, window)

    numbers.take = take
    judge(START + 11 * MINUTE)
    assert [len(evaluations(project, made)) for made in (broken, sound)] == [0, 2]
    numbers.take = whole
    numbers.set("latency_p99", 1.0)
    judge(START + 13 * MINUTE)
    assert [row.window_end for row in evaluations(project, broken)] == [START + 5 * MINUTE, START + 10 * MINUTE]


def test_transition_and_messages_are_one_transaction(project, rule, judge, numbers, monkeypatch):
    from alerts import outbox
    from alerts.models import Evaluation, Recipient
    from ingest.projects.scope import project_scope

    made = rule()
    numbers.set("error_rate", 0.06)
    with project_scope(project.id):
        Recipient.objects.create(email="oncall@example.com", created_at=START)

    def announce(*_):
        raise OSError("killed between the transition and its messages")

    with monkeypatch.context() as patch:
        patch.setattr(outbox, "announce", announce)
        judge(START + 6 * MINUTE)
    assert incidents_of(project) == []
    assert evaluations(project, made) == []
    judge(START + 8 * MINUTE)
    assert len(incidents_of(project)) == 1
    with project_scope(project.id):
        assert Evaluation.objects.filter(rule=made).count() == 1
    assert states_of(project, made)[0].incident_severity == "critical"


def test_a_window_cannot_be_judged_twice(project, rule, judge, numbers):
    from django.db import IntegrityError

    from alerts.models import Evaluation
    from ingest.projects.scope import project_scope

    made = rule()
    numbers.set("error_rate", 0.0)
    judge(START + 6 * MINUTE)
    (row,) = evaluations(project, made)
    with pytest.raises(IntegrityError), project_scope(project.id):
        Evaluation.objects.create(
            rule=made, feature_number=row.feature_number, window_end=row.window_end, window_start=row.window_start,
            judged_at=row.judged_at, state="ok", step="held",
        )  # fmt: skip


def test_sixty_days_of_a_daily_rule_end_with_one_open_incident(project, rule, judge, numbers):
    """The demo's rule: 5 and 10 points below days 1 to 28, active from day 29, judged after everything is rolled up."""
    base, weights = 0.75, [0.0] * 44 + [step / 8 for step in range(1, 9)] + [1.0] * 8

    def rolling(window):
        day = round((window.end - START) / DAY)
        return base - 0.10 * sum(weights[max(0, day - 7) : day]) / 7

    numbers.set("thumbs_up_rate", rolling, sample=735)
    made = rule(
        "thumbs_up_rate", Terms(Side.BELOW, base - 0.05, base - 0.10, 100), Windows(7 * 1440, 0),
        at=START + 60 * DAY, active_from=START + 28 * DAY,
    )  # fmt: skip
    numbers.mature_to = START + 59 * DAY
    report = judge(START + 60 * DAY + 2 * MINUTE, budget_s=20)
    assert [row.window_end for row in evaluations(project, made)] == [START + day * DAY for day in range(29, 60)]
    assert (report.opened, report.resolved, report.left) == (1, 0, False)
    (incident,) = incidents_of(project)
    assert incident.resolved_at is None
    assert incident.since > START + 44 * DAY
