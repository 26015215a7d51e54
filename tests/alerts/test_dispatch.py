"""Lease, send, mark: what reaches receivers, and what happens when they fail."""

import json
from datetime import timedelta

import pytest
from standardwebhooks import Webhook as Verifier

from tests.alerts.conftest import START

MINUTE = timedelta(minutes=1)


@pytest.fixture
def webhook(project, hook):
    from alerts import receivers
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        return receivers.add_webhook(hook.url, START, label="pager")


@pytest.fixture
def recipient(project):
    from alerts import receivers
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        return receivers.add_recipient("oncall@example.com", START)


@pytest.fixture
def trouble(rule, judge, numbers):
    """Judge one more window of an error rate, at this value."""
    rule()
    steps = iter(range(1, 100))

    def judge_at(value):
        numbers.set("error_rate", value)
        return judge(START + 5 * next(steps) * MINUTE + MINUTE)

    return judge_at


def deliveries(project):
    from alerts.models import Delivery
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        return list(Delivery.objects.order_by("id"))


def make_due(project):
    """Let every wait and every lease be over, as time would."""
    from alerts.models import Delivery
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        Delivery.objects.filter(state="pending").update(next_attempt_at=START, leased_until=None)


def test_a_webhook_is_signed_in_the_standard_form(project, trouble, webhook, hook, send):
    trouble(0.06)
    assert (send().sent, len(hook.received)) == (1, 1)
    request = hook.received[0]
    body = Verifier(webhook.secret).verify(request.body, request.headers)
    assert body["type"] == "incident.opened"
    assert request.headers["webhook-id"] == deliveries(project)[0].message_id
    assert request.headers["content-type"] == "application/json"
    from standardwebhooks import WebhookVerificationError

    with pytest.raises(WebhookVerificationError):
        Verifier(webhook.secret).verify(request.body.replace(b"critical", b"warning "), request.headers)


def test_a_mail_arrives_at_a_real_server(project, trouble, recipient, mails, send):
    trouble(0.03)
    assert send().sent == 1
    (mail,) = mails.mails
    assert mail["Subject"] == "[Warning] write-draft: error rate 3.0 %, limit 2.0 %"
    assert mails.recipients == ["oncall@example.com"]
    assert mail.get_body(("plain",)).get_content().startswith("WARNING - ")
    assert "Error rate of write-draft rose to" in mail.get_body(("html",)).get_content()
    assert mail["References"].startswith("<incident-")


def test_people_are_told_when_it_opens_gets_worse_and_ends_and_not_in_between(trouble, recipient, mails, send):
    for value in (0.0, 0.03, 0.03, 0.06, 0.06, 0.03, 0.03, 0.0, 0.0, 0.0):
        trouble(value)
        send()
    words = [mail["Subject"].split("]")[0] for mail in mails.mails]
    assert words == ["[Warning", "[Critical", "[Resolved"]


def test_a_receiver_of_critical_incidents_hears_of_nothing_less(project, trouble, recipient, mails, send):
    from alerts.models import Recipient
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        Recipient.objects.update(minimum_severity="critical")
    for value in (0.03, 0.06, 0.0, 0.0):
        trouble(value)
        send()
    assert [mail["Subject"].split("]")[0] for mail in mails.mails] == ["[Critical", "[Resolved"]


@pytest.mark.parametrize("status", [500, 503, 404, 400, 429])
def test_a_failure_is_tried_again_with_the_same_id_and_body(project, trouble, webhook, hook, send, status):
    hook.answers = [(status, {})]
    trouble(0.06)
    assert send().failed == 1
    (row,) = deliveries(project)
    assert (row.state, row.attempts) == ("pending", 1)
    assert 3.9 < (row.next_attempt_at - row.created_at).total_seconds() < 8
    assert str(status) in row.last_error
    assert send().sent == 0, "not before its time"
    make_due(project)
    assert send().sent == 1
    first, second = hook.received
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert deliveries(project)[0].state == "sent"


def test_a_redirect_is_a_failure(project, trouble, webhook, hook, send):
    hook.answers = [(301, {"Location": "/elsewhere"})]
    trouble(0.06)
    assert send().failed == 1
    assert [request.path for request in hook.received] == ["/hook"]
    assert "redirect" in deliveries(project)[0].last_error


def test_retry_after_is_honoured(project, trouble, webhook, hook, send):
    hook.answers = [(503, {"Retry-After": "900"})]
    trouble(0.06)
    send()
    (row,) = deliveries(project)
    assert 890 < (row.next_attempt_at - row.created_at).total_seconds() < 910


def test_a_webhook_that_is_gone_is_switched_off_and_people_hear_of_it(
    project, trouble, webhook, hook, mails, recipient, send
):
    hook.answers = [(410, {})]
    trouble(0.06)
    send()
    webhook.refresh_from_db()
    assert (webhook.is_active, webhook.disabled_reason) == (False, "410")
    assert webhook.disabled_at is not None
    subjects = [mail["Subject"] for mail in mails.mails]
    assert [subject for subject in subjects if "switched off" in subject] == [
        f"A webhook of {project.name} was switched off"
    ]
    assert [row.state for row in deliveries(project) if row.webhook_id] == ["dropped"]
    trouble(0.0)
    trouble(0.0)
    send()
    assert len(hook.received) == 1


def test_a_receiver_that_hangs_delays_nobody_else(project, trouble, webhook, hook, mails, recipient, send, monkeypatch):
    import time

    from alerts import outgoing

    monkeypatch.setattr(outgoing.post, "__kwdefaults__", {**outgoing.post.__kwdefaults__, "deadline_s": 1.0})
    hook.hang_s = 5.0
    trouble(0.06)
    began = time.monotonic()
    report = send()
    assert time.monotonic() - began < 3
    assert (report.sent, report.failed) == (1, 1)
    assert len(mails.mails) == 1


@pytest.mark.parametrize("answer", ["421 try later", "451 busy", "550 no such user"])
def test_a_mail_that_is_refused_is_tried_again_with_the_same_message_id(
    project, trouble, recipient, mails, send, answer
):
    mails.answers = [answer]
    trouble(0.06)
    assert send().failed == 1
    number = deliveries(project)[0].pk
    make_due(project)
    assert send().sent == 1
    assert mails.mails[0]["Message-ID"].startswith(f"<delivery-{number}@")


def test_a_mail_server_that_is_down_loses_nothing(project, trouble, recipient, mails, send, monkeypatch):
    from django.conf import settings

    from observatory.env import Mail

    up = settings.MAIL
    monkeypatch.setattr(settings, "MAIL", Mail("smtp", "127.0.0.1", 9))
    trouble(0.06)
    assert send().failed == 1
    monkeypatch.setattr(settings, "MAIL", up)
    make_due(project)
    assert send().sent == 1


def test_messages_about_one_incident_keep_their_order(project, trouble, webhook, hook, send):
    for value in (0.03, 0.06, 0.0, 0.0):
        trouble(value)
    assert send().sent == 3
    assert [json.loads(request.body)["type"] for request in hook.received] == [
        "incident.opened",
        "incident.worsened",
        "incident.resolved",
    ]


def test_a_receiver_that_was_down_gets_the_latest_state_and_what_it_missed(project, trouble, webhook, hook, send):
    hook.answers = [(500, {}), (500, {}), (500, {})]
    trouble(0.03)
    send()
    trouble(0.06)
    trouble(0.0)
    trouble(0.0)
    make_due(project)
    send()
    make_due(project)
    send()
    make_due(project)
    send()
    assert [row.state for row in deliveries(project)] == ["folded", "folded", "sent"]
    last = json.loads(hook.received[-1].body)
    assert last["type"] == "incident.resolved"
    assert [(item["kind"], item["severity"]) for item in last["data"]["missed"]] == [
        ("opened", "warning"),
        ("worsened", "critical"),
    ]
    assert len({request.headers["webhook-id"] for request in hook.received}) == 3


def test_after_fourteen_attempts_it_is_given_up_loudly(project, trouble, webhook, hook, send):
    hook.answers = [(500, {})] * 20
    trouble(0.06)
    for _ in range(14):
        make_due(project)
        send()
    (row,) = deliveries(project)
    assert (row.state, row.attempts, len(hook.received)) == ("failed", 14, 14)
    make_due(project)
    assert send().failed == 0


def test_a_message_that_cannot_be_written_stops_nobody(
    project, trouble, webhook, hook, mails, recipient, send, monkeypatch
):
    from alerts.channels import email

    def broken(*_):
        raise KeyError("a poisoned row")

    monkeypatch.setattr(email, "compose", broken)
    trouble(0.06)
    report = send()
    assert (report.sent, report.failed) == (1, 1)
    assert any("poisoned" in row.last_error for row in deliveries(project))


def test_what_waits_for_a_receiver_that_is_switched_off_is_dropped(project, trouble, webhook, hook, send):
    from alerts import receivers
    from ingest.projects.scope import project_scope

    trouble(0.06)
    with project_scope(project.id):
        receivers.switch(webhook, on=False)
    assert send().sent == 0
    assert [row.state for row in deliveries(project)] == ["dropped"]


def test_a_leased_message_is_nobody_elses(project, trouble, webhook, hook, send):
    from alerts import dispatch

    trouble(0.06)
    (leased,) = dispatch._lease([project.id])
    assert send().sent == 0
    assert leased.message.delivery_id == deliveries(project)[0].pk
    make_due(project)
    assert send().sent == 1


def test_a_trial_goes_through_outbox_and_channel(project, webhook, hook, recipient, mails, send):
    from alerts import receivers
    from ingest.projects.scope import project_scope

    with project_scope(project.id):
        rows = [receivers.send_test(webhook), receivers.send_test(recipient)]
    assert [row.state for row in rows] == ["pending", "pending"]
    assert send().sent == 2
    body = Verifier(webhook.secret).verify(hook.received[0].body, hook.received[0].headers)
    assert body["type"] == "test"
    assert mails.mails[0]["Subject"] == f"Trial message of {project.name}"


def test_one_project_never_reads_anothers_outbox_state(project, make_project, trouble, webhook, hook, send):
    from alerts import dispatch

    trouble(0.06)
    other = make_project()
    assert dispatch.send_due(only=[other.id]).sent == 0
    assert hook.received == []
