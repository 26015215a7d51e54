"""Judgements and messages are kept for a while; what was found, and who was told of what is open, stays."""

from datetime import timedelta

from django.contrib.sessions.models import Session

from alerts import expiring
from alerts.models import AlertRule, Delivery, Evaluation, Incident, Recipient
from ingest import timeline
from ingest.projects.scope import project_scope
from ingest.retention import chores
from observatory import retaining, sessions

NOW = timeline.now()
DAY = timedelta(days=1)


def rule() -> AlertRule:
    return AlertRule.objects.create(
        name="r", metric="error_rate", window_minutes=15, every_minutes=5, active_from=NOW, created_at=NOW
    )


def incident(of: AlertRule, number: int, *, is_open: bool) -> Incident:
    edges = {"since": NOW - 500 * DAY, "opened_at": NOW - 500 * DAY, "window_start": NOW, "window_end": NOW}
    return Incident.objects.create(
        rule=of,
        feature_number=number,
        severity="warning",
        peak_severity="warning",
        resolved_at=None if is_open else NOW - 450 * DAY,
        **edges,
    )


def delivery(to: Recipient, about: Incident | None, days: int, name: str, state: str = "sent") -> None:
    at = NOW - days * DAY
    Delivery.objects.create(
        message_id=f"{to.project_id}-{name}",
        kind="opened",
        incident=about,
        recipient=to,
        content={},
        created_at=at,
        next_attempt_at=at,
        state=state,
        finished_at=None if state == "pending" else at,
    )


def test_old_evaluations_and_messages_go_and_incidents_stay(project):
    with project_scope(project.pk):
        of = rule()
        for days in (1, 89, 91, 300):
            end = NOW - days * DAY
            Evaluation.objects.create(
                rule=of, window_end=end, window_start=end - DAY, judged_at=end, state="ok", step="none"
            )
        to = Recipient.objects.create(email="a@example.org", created_at=NOW)
        over, going_on = incident(of, 1, is_open=False), incident(of, 2, is_open=True)
        delivery(to, None, 89, "young test")
        delivery(to, None, 91, "old test")
        delivery(to, None, 91, "waiting test", state="pending")
        delivery(to, over, 399, "told")
        delivery(to, over, 401, "told long ago")
        delivery(to, going_on, 480, "told, and it is still open")
    report = expiring.run(NOW, only=[project.pk])
    assert (report.evaluations_deleted, report.messages_deleted, report.left) == (2, 2, False)
    with project_scope(project.pk):
        left = {one.message_id.partition("-")[2] for one in Delivery.objects.all()}
        assert left == {"young test", "waiting test", "told", "told, and it is still open"}
        assert Evaluation.objects.count() == 2
        assert Incident.objects.count() == 2


def test_a_slice_without_time_leaves_the_rest(project):
    assert expiring.run(NOW, only=[project.pk], budget_s=-1).left


def test_expired_sign_ins_go_once_a_day():
    then = NOW - 1000 * DAY  # nobody else's session is that old
    Session.objects.create(session_key="old", session_data="", expire_date=then - DAY)
    Session.objects.create(session_key="new", session_data="", expire_date=then + DAY)
    chores.done("sessions", then - DAY)
    assert sessions.forget(then).sessions_deleted == 1
    assert list(Session.objects.filter(session_key__in=("old", "new")).values_list("session_key", flat=True)) == ["new"]
    assert sessions.forget(then + timedelta(hours=23)).sessions_deleted == 0
    assert sessions.forget(then + 2 * DAY).sessions_deleted == 1


def test_the_duty_does_all_of_it_and_says_what_it_did(project):
    report = retaining.retain(NOW, only=[project.pk])
    assert set(report.__dict__) >= {
        "rows_deleted",
        "partitions_dropped",
        "evaluations_deleted",
        "messages_deleted",
        "left",
    }
    assert not report.left
