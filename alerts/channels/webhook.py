"""Signed POSTs in the Standard Webhooks form."""

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from django.conf import settings
from standardwebhooks import Webhook as Signer

from alerts import outgoing
from alerts.channels.shape import Outcome, Outgoing, Result
from alerts.messages import payload
from ingest import timeline

GONE = 410


def send(message: Outgoing) -> Outcome:
    """POST the payload. Only a 2xx is success: a redirect is a failure, and 410 means never again."""
    try:
        body = body_of(message)
        headers = headers_of(message, body, timeline.now())
        answer = outgoing.post(message.url, body, headers, allowed=settings.ALLOWED_WEBHOOK_NETWORKS)
    except (outgoing.OutgoingError, ValueError) as error:
        return Outcome(Result.FAILED, str(error))
    return judged(answer, timeline.now())


def body_of(message: Outgoing) -> bytes:
    """The same bytes at every attempt."""
    notice = message.notice
    content = payload.of_incident(notice, message.envelope) if notice else payload.of_plain(message.plain)
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(message: Outgoing, body: bytes, moment: datetime) -> dict[str, str]:
    """The id that stays the same, the time of this attempt, and the signature over both and the body."""
    identity = message.envelope.message_id
    return {
        "Content-Type": "application/json",
        "User-Agent": f"Observatory/{settings.VERSION}",
        "webhook-id": identity,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Signer(message.secret).sign(identity, moment.astimezone(UTC), body.decode()),
    }


def judged(answer: outgoing.Answer, moment: datetime) -> Outcome:
    """Place an answer."""
    if 200 <= answer.status < 300:
        return Outcome(Result.SENT, str(answer.status))
    detail = f"{answer.status} {answer.text[:200]}".strip()
    if answer.status == GONE:
        return Outcome(Result.GONE, detail)
    if 300 <= answer.status < 400:
        detail = f"{answer.status}: redirects are not followed"
    return Outcome(Result.FAILED, detail, retry_after(answer.headers.get("retry-after", ""), moment))


def retry_after(header: str, moment: datetime) -> float | None:
    """The seconds of a Retry-After header, which is a number or a date; None for anything else."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, (parsedate_to_datetime(text).astimezone(UTC) - moment).total_seconds())
    except (ValueError, OverflowError):
        return None
