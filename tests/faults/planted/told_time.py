"""No bug but a clock: the web takes the time that a request's header says for now."""

import threading
from collections.abc import Iterable
from datetime import datetime

from tests.faults.planted.wsgi import Application, Environ, Start

HEADER = "X-Told-Time"
_FIELD = "HTTP_X_TOLD_TIME"


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Answer each request as if it came at the time that it says."""
    from ingest import timeline

    honest, told = timeline.now, threading.local()
    timeline.now = lambda: getattr(told, "now", None) or honest()

    def timed(environ: Environ, start: Start) -> Iterable[bytes]:
        told.now = datetime.fromisoformat(environ[_FIELD]) if _FIELD in environ else None
        try:
            return application(environ, start)
        finally:
            told.now = None

    return timed
