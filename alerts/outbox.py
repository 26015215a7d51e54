"""Writing messages to the outbox, in the transaction of what they tell. Sending is another duty's work.

Rows are stamped by the real clock, whatever instant is being judged.
"""

import uuid
from collections.abc import Iterable
from typing import Any

from alerts.messages.notice import Notice, Plain
from alerts.messages.wording import rfc3339
from alerts.models import Delivery, Incident, Recipient, Webhook
from alerts.severity import State
from ingest import timeline
from ingest.projects.access import current_project
from ingest.projects.models import Project


def announce(incident: Incident, notice: Notice) -> int:
    """Write one delivery for each receiver that wants incidents this bad; how many."""
    receivers: list[Recipient | Webhook] = [
        *Recipient.objects.filter(is_active=True),
        *Webhook.objects.filter(is_active=True),
    ]
    peak = State(incident.peak_severity).rank
    told = [receiver for receiver in receivers if State(receiver.minimum_severity).rank <= peak]
    content = {"notice": notice.as_json(), "missed": []}
    return _write(told, notice.kind, content, incident)


def write_test(receiver: Recipient | Webhook) -> Delivery:
    """Write a trial message to one receiver: it takes the way of every other message."""
    project = Project.objects.get(pk=current_project())
    text = (
        f"This is a trial from Observatory, asked for on the settings page of {project.name}. "
        "Messages about incidents will come the same way."
    )
    plain = Plain("test", project.name, project.slug, f"Trial message of {project.name}", text, rfc3339(timeline.now()))
    _write([receiver], Delivery.Kind.TEST, _plain_content(plain))
    return Delivery.objects.filter(kind=Delivery.Kind.TEST).latest("id")


def tell_of_disabled(webhook: Webhook) -> int:
    """Tell the project's people that an endpoint was switched off."""
    project = Project.objects.get(pk=current_project())
    text = (
        f"The webhook “{webhook.label or webhook.url}” answered {webhook.disabled_reason}, so it gets nothing more "
        "and what waited for it was dropped. Switch it on again on the settings page when it is back."
    )
    title = f"A webhook of {project.name} was switched off"
    plain = Plain("disabled", project.name, project.slug, title, text, rfc3339(timeline.now()))
    return _write(Recipient.objects.filter(is_active=True), Delivery.Kind.DISABLED, _plain_content(plain))


def drop_waiting(receiver: Recipient | Webhook) -> int:
    """Give up what still waits for a receiver that was switched off."""
    waiting = Delivery.objects.filter(state=Delivery.State.PENDING, **_address(receiver))
    return waiting.update(state=Delivery.State.DROPPED, finished_at=timeline.now(), leased_until=None, lease="")


def _plain_content(plain: Plain) -> dict[str, Any]:
    return {"plain": plain.__dict__, "missed": []}


def _write(
    receivers: Iterable[Recipient | Webhook], kind: str, content: dict[str, Any], incident: Incident | None = None
) -> int:
    moment = timeline.now()
    rows = [
        Delivery(
            project_id=current_project(),
            message_id=f"msg_{uuid.uuid4().hex}",
            kind=kind,
            incident=incident,
            content=content,
            created_at=moment,
            next_attempt_at=moment,
            **_address(receiver),
        )
        for receiver in receivers
    ]
    return len(Delivery.objects.bulk_create(rows))


def _address(receiver: Recipient | Webhook) -> dict[str, Any]:
    return {"recipient": receiver} if isinstance(receiver, Recipient) else {"webhook": receiver}
