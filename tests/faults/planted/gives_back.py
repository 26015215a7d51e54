"""No bug but a broom: what the web has freed goes back to the system when a request asks for it, to measure from there."""

import ctypes
import gc
from collections.abc import Iterable

from tests.faults.planted.wsgi import Application, Environ, Start

SWEEP = "/planted/sweep/"


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Add the address."""

    def sweeping(environ: Environ, start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] != SWEEP:
            return application(environ, start)
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        start("204 No Content", [])
        return []

    return sweeping
