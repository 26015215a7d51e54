"""The timetable: which duty looks at its tables when, and on which queue.

A task is a bounded slice of work found in tables; its message only says "look now" and may be lost, doubled or late.
This module and beat, which runs it, know tasks by name only and load neither Django's apps nor any task.
"""

import logging
import os
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "observatory.settings")
os.environ.setdefault("OBSERVATORY_ROLE", "jobs")

from celery import Celery, signals
from django.conf import settings

from ingest.timeline import EPOCH
from observatory import broker
from observatory.env import here

TASKS = {
    "roll": "observatory.metrics.tasks.roll",
    "drift": "observatory.drift.tasks.drift",
    "evaluate": "alerts.tasks.evaluate",
    "dispatch": "alerts.tasks.dispatch",
    "partitions": "ingest.tasks.partitions",
    "retain": "observatory.tasks.retain",
    "erase": "ingest.tasks.erase",
    "read": "ingest.tasks.read",
}
TICK_S, SLICE_S, SWEEP_S, HOUR_S = 3.0, 10.0, 30.0, 3600.0
# A sweep lives ten times longer than a tick: it is heard even when every tick expires behind long slices.
PERIODS_S = {
    "roll": (TICK_S, SWEEP_S),
    "evaluate": (TICK_S, SWEEP_S),
    "dispatch": (TICK_S, SWEEP_S),
    "drift": (SWEEP_S,),
    "partitions": (HOUR_S,),
    "retain": (SLICE_S,),
    "erase": (SWEEP_S,),
    "read": (TICK_S, SWEEP_S),
}


def timetable() -> dict[str, dict[str, Any]]:
    """Beat's entries: each duty's task at once and then every so many seconds; a message expires with its period."""
    return {
        f"{duty} every {period:g} s": {
            "task": TASKS[duty],
            "schedule": period,
            "options": {"expires": period},
            "last_run_at": EPOCH,
        }
        for duty, periods in PERIODS_S.items()
        for period in periods
    }


app = Celery("observatory", set_as_current=True, fixups=[])
app.conf.update(
    **broker.configuration(settings.BROKER_URL),
    beat_schedule=timetable(),
    beat_scheduler="observatory.beat:Scheduler",
    task_routes={task: {"queue": queue} for queue, task in TASKS.items()},
    task_default_queue="roll",
    task_create_missing_queues=False,
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    enable_utc=True,
    timezone="UTC",
)


@signals.setup_logging.connect
def keep_our_logging(**_: object) -> None:
    """Leave the product's log format alone: Celery sets none up while somebody listens here."""
    for chatty in ("celery.beat", "celery.worker.consumer.connection", "kombu", "pgmq"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


@signals.task_success.connect
@signals.after_task_publish.connect
def show_life(**_: object) -> None:
    """Touch the file that a container's health check watches: by work done, not by a timer beside it."""
    alive = here.text("OBSERVATORY_ALIVE_FILE", "")
    if alive:
        Path(alive).touch()
