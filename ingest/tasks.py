"""The record's periodic task."""

from celery import shared_task

from ingest.duties import Duty
from ingest.periodic import perform


@shared_task(ignore_result=True)
def partitions() -> None:
    """Make the partitions of the coming weeks."""
    from ingest import partitions as weeks

    perform(Duty.PARTITIONS, weeks.ensure)
