"""The web process: granian serving `observatory.wsgi`, its worker tied to it (`python -m observatory.embedded.web`)."""

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from ingest.quotas.places import THREADS
from observatory.embedded.listening import listening, web_workers
from observatory.embedded.processes import die_with_parent
from observatory.env import BadSetting

if TYPE_CHECKING:
    from django.core.handlers.wsgi import WSGIHandler

STOP_SECONDS = 5


def _loader(parent: int) -> Callable[[], "WSGIHandler"]:
    """Give what granian's worker runs first: granian's own death must end it too."""

    def load() -> "WSGIHandler":
        die_with_parent(parent, signal.SIGKILL)
        try:
            from observatory.wsgi import application
        except (BadSetting, ImproperlyConfigured) as error:
            sys.exit(str(error))
        return application

    return load


def main() -> None:
    """Serve until a signal comes."""
    host, port = listening()
    server = Server(
        "observatory.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=web_workers(),
        blocking_threads=THREADS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        websockets=False,
        log_level=LogLevels.error,
        workers_kill_timeout=STOP_SECONDS,
    )
    server.serve(target_loader=_loader(os.getpid()), wrap_loader=False)


if __name__ == "__main__":
    try:
        main()
    except BadSetting as error:
        sys.exit(str(error))
