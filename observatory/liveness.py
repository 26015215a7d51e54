"""The web's sign of life: a row every ten seconds, so that an outage of ours is not read as silence of the app.

It uses a short connection of its own, outside the pool: a pool that is full is overload, not an outage.
"""

import atexit
import logging
import threading
from datetime import datetime, timedelta

import psycopg
from django.db import DEFAULT_DB_ALIAS, connections

from ingest import timeline
from ingest.driver.connections import PatientConnection

log = logging.getLogger(__name__)

PERIOD_S = 10.0
KEPT = timedelta(days=14)
FORGET_EVERY = timedelta(hours=1)
PATIENCE_S = 8.0  # for each question: a server that is gone must not hold the next sign of life

_stop = threading.Event()
_starting = threading.Lock()
_thread: threading.Thread | None = None
started_at: datetime | None = None


def start() -> threading.Thread:
    """Begin to write signs of life in this process, once; the thread never holds up the process's end."""
    global _thread, started_at
    with _starting:
        if _thread is None or not _thread.is_alive():
            _stop.clear()
            started_at = timeline.now()
            _thread = threading.Thread(target=_live, name="liveness", daemon=True)
            _thread.start()
            atexit.register(_stop.set)
        return _thread


def stop() -> None:
    """End the thread of this process and wait for it, at most for a second."""
    _stop.set()
    if _thread is not None:
        _thread.join(1)


def write(at: datetime, *, forget_before: datetime | None = None) -> None:
    """Write one sign of life and, if asked, forget older ones. Raises psycopg.Error."""
    parameters = {**connections[DEFAULT_DB_ALIAS].get_connection_params(), "patience_s": PATIENCE_S}
    with PatientConnection.connect(**parameters, autocommit=True) as own:
        own.execute("INSERT INTO liveness (at) VALUES (%s) ON CONFLICT DO NOTHING", [at])
        if forget_before:
            own.execute("DELETE FROM liveness WHERE at < %s", [forget_before])


def _live() -> None:
    forgot_at: datetime | None = None
    while True:
        now = timeline.now()
        is_due = forgot_at is None or now - forgot_at >= FORGET_EVERY
        try:
            write(now, forget_before=now - KEPT if is_due else None)
            forgot_at = now if is_due else forgot_at
        except psycopg.Error as error:
            log.warning("no sign of life could be written: %s", error)
        if _stop.wait(PERIOD_S):
            return
