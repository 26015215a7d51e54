"""The record's periodic tasks."""

from celery import shared_task

from ingest.duties import Duty
from ingest.periodic import perform


@shared_task(ignore_result=True)
def partitions() -> None:
    """Make the partitions of the coming weeks."""
    from ingest import partitions as weeks

    perform(Duty.PARTITIONS, weeks.ensure)


@shared_task(ignore_result=True)
def erase() -> None:
    """Work off one slice of the erasures that are due."""
    from ingest.erasure import run

    perform(Duty.ERASE, run.run)


@shared_task(ignore_result=True)
def read() -> None:
    """Read one slice of what came in."""
    from ingest.digest import reader

    perform(Duty.READ, reader.read_beside_rolls)
