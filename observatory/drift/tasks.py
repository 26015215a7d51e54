"""The drift runs' periodic task."""

from celery import shared_task

from ingest.duties import Duty
from ingest.periodic import perform


@shared_task(ignore_result=True)
def drift() -> None:
    """Fold what is new into one slice of the watched series."""
    from observatory.drift import runs

    perform(Duty.DRIFT, runs.run)
