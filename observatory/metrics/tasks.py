"""The roller's periodic task."""

from celery import shared_task

from ingest.duties import Duty
from ingest.periodic import perform


@shared_task(ignore_result=True)
def roll() -> None:
    """Count again one slice of what is dirty."""
    from observatory.metrics import pacing

    perform(Duty.ROLL, pacing.roll_in_time)
