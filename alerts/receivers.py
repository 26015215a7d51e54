"""Who is told: e-mail addresses and webhooks of the project in scope, made, switched and tried by people."""

import base64
import secrets
from datetime import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from alerts import outbox, outgoing
from alerts.models import Delivery, Recipient, Webhook

FORM = "whsec_"
SECRET_BYTES = 32


class ReceiverError(ValueError):
    """A receiver that cannot be; the text says why."""


def add_recipient(email: str, now: datetime, *, label: str = "", minimum_severity: str = "warning") -> Recipient:
    """Tell an e-mail address from now on. Raises ReceiverError for what is no address, or one that is there already."""
    try:
        validate_email(email)
    except ValidationError as error:
        raise ReceiverError(f"{email[:100]!r} is no e-mail address") from error
    if Recipient.objects.filter(email=email).exists():
        raise ReceiverError(f"{email} is a recipient already")
    return Recipient.objects.create(email=email, label=label, minimum_severity=minimum_severity, created_at=now)


def add_webhook(url: str, now: datetime, *, label: str = "", minimum_severity: str = "warning") -> Webhook:
    """Tell a URL from now on, signed with a fresh secret. Raises ReceiverError where nothing would ever be sent."""
    try:
        outgoing.check(url, settings.ALLOWED_WEBHOOK_NETWORKS)
    except outgoing.AddressRefused as error:
        raise ReceiverError(str(error)) from error
    return Webhook.objects.create(
        url=url, label=label, secret=new_secret(), minimum_severity=minimum_severity, created_at=now
    )


def switch(receiver: Recipient | Webhook, *, on: bool) -> None:
    """Switch a receiver on or off; what waits for one that is switched off is dropped."""
    with transaction.atomic():
        receiver.is_active = on
        fields = ["is_active"]
        if isinstance(receiver, Webhook):
            receiver.disabled_at, receiver.disabled_reason = None, ""
            fields += ["disabled_at", "disabled_reason"]
        receiver.save(update_fields=fields)
        if not on:
            outbox.drop_waiting(receiver)


def send_test(receiver: Recipient | Webhook) -> Delivery:
    """Send a trial message through the outbox, like every other; its delivery tells how it went."""
    return outbox.write_test(receiver)


def deliveries_to(receiver: Recipient | Webhook, limit: int = 20) -> list[Delivery]:
    """The newest messages to a receiver, the newest first."""
    rows = (
        Delivery.objects.filter(recipient=receiver)
        if isinstance(receiver, Recipient)
        else Delivery.objects.filter(webhook=receiver)
    )
    return list(rows.order_by("-id")[:limit])


def new_secret() -> str:
    """A signing secret in the Standard Webhooks form: 32 random bytes."""
    return FORM + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
