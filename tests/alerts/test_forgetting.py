"""Messages that quote an erased user's id lose it, and nothing else."""

import pytest

from alerts import forgetting
from alerts.forgetting import without
from alerts.models import Delivery, Recipient
from ingest import timeline
from ingest.erasure.registry import Subject
from ingest.projects.scope import project_scope
from tests.ingest.erased import erase


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("maya.rivera@example.org", "(erased)"),
        ("Errors of maya.rivera@example.org rose", "Errors of (erased) rose"),
        ("[maya.rivera@example.org]", "[(erased)]"),
        ("amaya.rivera@example.org", "amaya.rivera@example.org"),
        ("maya.rivera@example.organic", "maya.rivera@example.organic"),
    ],
)
def test_an_id_is_taken_out_where_it_stands_by_itself(text, left):
    user = "maya.rivera@example.org"
    assert without({"a": [text, 7, None]}, user) == {"a": [left, 7, None]}


def test_a_short_id_is_taken_out_only_where_it_is_the_whole_text():
    assert without(["7", "7 of 12 windows", 7], "7") == ["(erased)", "7 of 12 windows", 7]


def test_the_outbox_is_searched(project):
    user, now = 'some"one\\else', timeline.now()
    with project_scope(project.id):
        recipient = Recipient.objects.create(email="on-call@example.org", created_at=now)
        for number, name in enumerate((user, "other")):
            content = {"notice": {"rule": f"Errors of {name}"}, "missed": []}
            Delivery.objects.create(
                message_id=f"msg_{project.pk}_{number}", kind="opened", recipient=recipient, content=content, created_at=now,
                next_attempt_at=now, state="sent",
            )  # fmt: skip
    assert erase(project, user).counts == {"messages": 1}
    with project_scope(project.id):
        rules = Delivery.objects.order_by("id").values_list("content__notice__rule", flat=True)
        assert list(rules) == ["Errors of (erased)", "Errors of other"]


def test_the_outbox_is_gone_through_a_few_messages_at_a_time(project, monkeypatch):
    monkeypatch.setattr(forgetting, "AT_ONCE", 2, raising=False)
    now, changed, place = timeline.now(), [], ""
    with project_scope(project.id):
        recipient = Recipient.objects.create(email="on-call@example.org", created_at=now)
        for number in range(5):
            Delivery.objects.create(
                message_id=f"msg_{project.pk}_{number}", kind="opened", recipient=recipient, content={"rule": "7"}, created_at=now,
                next_attempt_at=now, state="sent",
            )  # fmt: skip
        while place is not None:
            done = forgetting.messages(Subject(project.id, 1, "7", now, now), place)
            changed.append(done.counts["messages"])
            place = done.place
        assert set(Delivery.objects.values_list("content__rule", flat=True)) == {"(erased)"}
    assert changed == [2, 2, 1]
