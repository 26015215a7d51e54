"""The periodic tasks of judging and telling."""

from celery import shared_task

from ingest.duties import Duty
from ingest.periodic import perform


@shared_task(ignore_result=True)
def evaluate() -> None:
    """Judge one slice of the windows that have closed."""
    from alerts import evaluation

    perform(Duty.EVALUATE, evaluation.evaluate)


@shared_task(ignore_result=True)
def dispatch() -> None:
    """Send one slice of the deliveries that are due; they keep real time, whatever is judged."""
    from alerts import dispatch as outbox

    perform(Duty.DISPATCH, lambda _: outbox.send_due())
