"""After a restore: silence about the past, and about the gap, and a voice again for what is bad from then on."""

from datetime import timedelta

from alerts import outbox
from alerts import quiet as past
from alerts.limits import Terms
from alerts.models import Delivery, Evaluation, Incident, Recipient, RuleState
from alerts.rules import Windows
from alerts.severity import Side
from ingest import timeline
from ingest.projects.scope import project_scope
from tests.alerts.conftest import START

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BACKUP = START + 10 * DAY
RESTORED = BACKUP + 3 * DAY + timedelta(minutes=7)


def states(project):
    with project_scope(project.id):
        return {state.rule.name: state for state in RuleState.objects.select_related("rule")}


def test_windows_of_the_gap_are_never_judged_and_bad_ones_after_it_are_told(project, rule, numbers, judge):
    rule(at=BACKUP - HOUR)
    numbers.set("error_rate", 0.0)
    judge(BACKUP)
    with project_scope(project.id):
        Recipient.objects.create(email="on-call@example.org", created_at=START)
        judged = Evaluation.objects.count()
    numbers.set("error_rate", lambda window: 0.5)  # whatever is read of the gap would be an alarm
    assert past.forget_the_past(RESTORED, only=[project.id]).moved == 1
    judge(RESTORED + timedelta(minutes=15))
    with project_scope(project.id):
        assert (Evaluation.objects.count(), Incident.objects.count()) == (judged, 0)
    judge(RESTORED + timedelta(minutes=25))
    with project_scope(project.id):
        first = Evaluation.objects.order_by("window_end")[judged]
        assert first.window_start >= RESTORED
        assert Delivery.objects.filter(state="pending", kind="opened").count() == 1


def test_long_windows_are_judged_at_their_first_end_after_it(project, rule, numbers, judge):
    terms = Terms(Side.ABOVE, 0.02, 0.05, 50)
    for name, days in (("day", 1), ("week", 7)):
        rule(terms=terms, windows=Windows(days * 1440, 0), name=name, at=BACKUP - HOUR)
    numbers.set("error_rate", 0.0)
    judge(BACKUP)
    past.forget_the_past(RESTORED, only=[project.id])
    midnight = timeline.floor(RESTORED, DAY) + DAY
    due = {name: state.due_at for name, state in states(project).items()}
    assert due == {"day": midnight + DAY + timedelta(minutes=1), "week": midnight + timedelta(minutes=1)}


def test_what_waits_is_dropped_once_and_an_open_incident_ends_with_a_message(project, rule, numbers, judge):
    rule(at=BACKUP - HOUR)
    with project_scope(project.id):
        recipient = Recipient.objects.create(email="on-call@example.org", created_at=START)
    numbers.set("error_rate", 0.5)
    judge(BACKUP)
    with project_scope(project.id):
        outbox.write_test(recipient)
        assert Delivery.objects.filter(state="pending").count() == 2
    at = timeline.now() + timedelta(seconds=1)
    assert past.forget_the_past(at, only=[project.id]).dropped == 2
    assert past.forget_the_past(at, only=[project.id]) == past.Quieted()
    numbers.set("error_rate", 0.0)
    judge(at + HOUR)
    with project_scope(project.id):
        assert [each.kind for each in Delivery.objects.filter(state="pending")] == ["resolved"]


def test_a_paused_rule_stays_paused(project, rule, numbers, judge):
    rule(at=BACKUP - HOUR)
    judge(BACKUP)
    with project_scope(project.id):
        RuleState.objects.update(due_at=None)
    past.forget_the_past(RESTORED, only=[project.id])
    assert states(project)["a rule"].due_at is None
