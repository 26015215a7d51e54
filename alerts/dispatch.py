"""Sending what the outbox holds: lease, send, mark.

A lease is committed before anything is sent and the mark after it, so a sender that dies in between costs a second
message with the same id and never a lost one. Messages to one receiver about one incident keep their order; one that
fails while a later one waits is folded into it, so that a receiver comes back to the latest state and a list of what
it missed. Everything here keeps the real clock.
"""

import queue
import secrets
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q

from alerts import outbox
from alerts.channels import CHANNELS
from alerts.channels.shape import Outcome, Outgoing, Result, missed_of
from alerts.messages.notice import Envelope
from alerts.messages.wording import rfc3339
from alerts.models import Delivery, Webhook
from alerts.retries import wait_after
from ingest import timeline
from ingest.projects.access import current_project, project_scope

LEASE = timedelta(seconds=60)
PATIENCE_S = 12.0
"""How long one slice waits for its slowest receiver; what has not ended then has failed."""
AT_ONCE = 16

DUE = """
    SELECT DISTINCT project_id FROM delivery
    WHERE state = 'pending' AND next_attempt_at <= %(moment)s AND (leased_until IS NULL OR leased_until < %(moment)s)
      AND (%(only)s::bigint[] IS NULL OR project_id = ANY(%(only)s))
    ORDER BY 1
"""

CLAIM = """
    UPDATE delivery SET lease = %(lease)s, leased_until = %(until)s, attempts = attempts + 1
    WHERE id IN (
        SELECT d.id FROM delivery d
        WHERE d.project_id = %(project)s AND d.state = 'pending' AND d.next_attempt_at <= %(moment)s
          AND (d.leased_until IS NULL OR d.leased_until < %(moment)s)
          AND NOT EXISTS (
              SELECT FROM delivery older
              WHERE older.project_id = d.project_id AND older.state = 'pending' AND older.id < d.id
                AND older.incident_id = d.incident_id
                AND older.recipient_id IS NOT DISTINCT FROM d.recipient_id
                AND older.webhook_id IS NOT DISTINCT FROM d.webhook_id)
        ORDER BY d.next_attempt_at, d.id LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
    RETURNING id
"""

log = structlog.get_logger(__name__)
_luck = secrets.SystemRandom()


@dataclass
class DispatchReport:
    """How many messages arrived and how many attempts failed; `left`: the budget ended before what was due."""

    sent: int = 0
    failed: int = 0
    left: bool = False


@dataclass(frozen=True)
class Leased:
    """A message that is ours to send until its lease runs out."""

    lease: str
    message: Outgoing


def send_due(*, only: Collection[int] | None = None, budget_s: float = 2.0) -> DispatchReport:
    """Send what is due, all receivers of a round at once, for about `budget_s` seconds (one that hangs adds some)."""
    report, deadline = DispatchReport(), time.monotonic() + budget_s
    while True:
        leased = _lease(only)
        if not leased:
            return report
        for one, outcome in _send_all(leased):
            _mark(one, outcome, report)
        if time.monotonic() > deadline:
            report.left = bool(_due_projects(only))
            return report


def _due_projects(only: Collection[int] | None) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(DUE, {"moment": timeline.now(), "only": None if only is None else list(only)})
        return [row[0] for row in cursor.fetchall()]


def _lease(only: Collection[int] | None) -> list[Leased]:
    """Claim one round: a fair share of every project that has something due."""
    projects = _due_projects(only)
    share = max(1, AT_ONCE // len(projects)) if projects else 0
    return [one for project_id in projects for one in _lease_of(project_id, share)]


def _lease_of(project_id: int, limit: int) -> list[Leased]:
    lease, moment = secrets.token_hex(16), timeline.now()
    with project_scope(project_id):
        with connection.cursor() as cursor:
            cursor.execute(
                CLAIM,
                {
                    "lease": lease,
                    "until": moment + LEASE,
                    "moment": moment,
                    "limit": limit,
                    "project": current_project(),
                },
            )
            ids = [row[0] for row in cursor.fetchall()]
        rows = Delivery.objects.filter(pk__in=ids).select_related("recipient", "webhook").order_by("id")
        return [Leased(lease, _outgoing(row)) for row in rows]


def _outgoing(row: Delivery) -> Outgoing:
    """Everything that a channel needs of a claimed row."""
    hook, recipient = row.webhook, row.recipient
    envelope = Envelope(
        row.pk,
        row.message_id,
        settings.PUBLIC_URL,
        recipient.email if recipient else "",
        recipient.minimum_severity if recipient else "",
        missed_of(row.content),
    )
    return Outgoing(
        "webhook" if hook else "email",
        row.pk,
        row.project_id,
        row.incident_id,
        envelope,
        row.content,
        url=hook.url if hook else "",
        secret=hook.secret if hook else "",
    )


def _send_all(leased: list[Leased]) -> list[tuple[Leased, Outcome]]:
    """Send all of a round at once, so that one that hangs delays none; whoever takes too long has failed."""
    answers: queue.SimpleQueue[tuple[int, Outcome]] = queue.SimpleQueue()

    def run(number: int, message: Outgoing) -> None:
        answers.put((number, _attempt(message)))

    for number, one in enumerate(leased):
        # A daemon: a name server that never answers must not keep the worker from stopping.
        threading.Thread(
            target=run, args=(number, one.message), daemon=True, name=f"delivery-{one.message.delivery_id}"
        ).start()
    outcomes: dict[int, Outcome] = {}
    until = time.monotonic() + PATIENCE_S
    while len(outcomes) < len(leased):
        try:
            number, outcome = answers.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        outcomes[number] = outcome
    late = Outcome(Result.FAILED, f"not done within {PATIENCE_S:g} s")
    return [(one, outcomes.get(number, late)) for number, one in enumerate(leased)]


def _attempt(message: Outgoing) -> Outcome:
    """One attempt; a message that cannot even be written is a failure like any other and stops nobody."""
    try:
        return CHANNELS[message.channel](message)
    except Exception as error:
        log.exception("delivery_broken", delivery=message.delivery_id)
        return Outcome(Result.FAILED, f"{type(error).__name__}: {error}")


def _mark(one: Leased, outcome: Outcome, report: DispatchReport) -> None:
    """Write down how it went, unless the lease has passed to another sender."""
    message, moment = one.message, timeline.now()
    with project_scope(message.project_id):
        row = (
            Delivery.objects.select_for_update()
            .filter(pk=message.delivery_id, lease=one.lease, state=Delivery.State.PENDING)
            .first()
        )
        if row is None:
            return
        row.lease, row.leased_until, row.last_error = (
            "",
            None,
            "" if outcome.result is Result.SENT else outcome.detail[:500],
        )
        if outcome.result is Result.SENT:
            row.state, row.finished_at = Delivery.State.SENT, moment
            report.sent += 1
        else:
            report.failed += 1
            _fail(row, outcome, moment)
        row.save(update_fields=["lease", "leased_until", "last_error", "state", "finished_at", "next_attempt_at"])


def _fail(row: Delivery, outcome: Outcome, moment: datetime) -> None:
    log.warning("delivery_failed", delivery=row.pk, project=row.project_id, attempts=row.attempts, why=outcome.detail)
    if outcome.result is Result.GONE and row.webhook_id:
        row.state, row.finished_at = Delivery.State.DROPPED, moment
        _switch_off(row.webhook_id, outcome.detail, moment)
        return
    wait = wait_after(row.attempts, _luck.uniform(-1, 1), outcome.retry_after_s)
    later = _later(row)
    if later is not None:
        _fold(row, later, moment, wait)
    elif wait is not None:
        row.next_attempt_at = moment + wait
    else:
        row.state, row.finished_at = Delivery.State.FAILED, moment
        log.error("delivery_given_up", delivery=row.pk, project=row.project_id, attempts=row.attempts)


def _later(row: Delivery) -> Delivery | None:
    """The next message to the same receiver about the same incident, which waits behind this one."""
    if row.incident_id is None:
        return None
    waiting = Delivery.objects.select_for_update().filter(
        state=Delivery.State.PENDING, incident_id=row.incident_id, pk__gt=row.pk
    )
    receiver = Q(recipient_id=row.recipient_id, webhook_id=row.webhook_id)
    return waiting.filter(receiver).order_by("id").first()


def _fold(row: Delivery, later: Delivery, moment: datetime, wait: timedelta | None) -> None:
    """Let the later message carry this one. It takes over wait and attempts, or begins anew when none is left."""
    told: dict[str, Any] = row.content["notice"]
    missed = {"kind": row.kind, "severity": told["severity"], "at": rfc3339(datetime.fromisoformat(told["judged_at"]))}
    later.content = {**later.content, "missed": [*row.content["missed"], missed]}
    if wait is not None:
        later.next_attempt_at, later.attempts = max(later.next_attempt_at, moment + wait), row.attempts
    later.save(update_fields=["content", "next_attempt_at", "attempts"])
    row.state, row.finished_at = Delivery.State.FOLDED, moment


def _switch_off(webhook_id: int, reason: str, moment: datetime) -> None:
    """A receiver that said 410 gets nothing more, and the people of its project are told so."""
    with transaction.atomic():
        webhook = Webhook.objects.select_for_update().get(pk=webhook_id)
        if not webhook.is_active:
            return
        webhook.is_active, webhook.disabled_at, webhook.disabled_reason = False, moment, reason[:300]
        webhook.save(update_fields=["is_active", "disabled_at", "disabled_reason"])
        outbox.drop_waiting(webhook)
        outbox.tell_of_disabled(webhook)
        log.error("webhook_switched_off", webhook=webhook_id, project=webhook.project_id, why=reason)
