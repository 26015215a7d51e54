"""Sign-ins that have expired: Django leaves their rows until somebody deletes them."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from ingest.retention import chores

CHORE = "sessions"


@dataclass
class ExpiryReport:
    """How many expired sessions went."""

    sessions_deleted: int = 0
    left: bool = False


def forget(now: datetime, *, only: Collection[int] | None = None, budget_s: float = 2.0) -> ExpiryReport:
    """Delete expired sessions, once a day. They belong to people and not to a project, so `only` leaves them alone."""
    from django.contrib.sessions.models import Session

    if only is not None or not chores.is_due(CHORE, now):
        return ExpiryReport()
    deleted, _ = Session.objects.filter(expire_date__lt=now).delete()
    chores.done(CHORE, now)
    return ExpiryReport(deleted)
