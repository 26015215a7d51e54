"""The periodic task that belongs to no floor."""

from celery import shared_task

from ingest.duties import Duty
from ingest.periodic import perform


@shared_task(ignore_result=True)
def retain() -> None:
    """Forget one slice of what is no longer kept."""
    from observatory import retaining

    perform(Duty.RETAIN, retaining.retain)
