"""The web process: granian serving `observatory.wsgi`, its worker tied to it.

python -m observatory.embedded.web
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from granian.constants import HTTPModes, Interfaces
from granian.http import HTTP1Settings
from granian.log import LogLevels
from granian.server import Server

from observatory.embedded.processes import die_with_parent
from observatory.env import BadSetting, here

if TYPE_CHECKING:
    from django.core.handlers.wsgi import WSGIHandler

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
THREADS = 8  # as many as the pool has connections
STOP_SECONDS = 5


def address(public_url: str, wish: str) -> str:
    """Choose where to listen: as wished, else on this machine only while the product is published as localhost."""
    if wish:
        return wish
    return "127.0.0.1" if (urlsplit(public_url).hostname or "localhost") in LOOPBACK else "0.0.0.0"  # noqa: S104 (published)


def listening() -> tuple[str, int]:
    """Read the address and port to listen on. Raises BadSetting."""
    port = here.integer("PORT", 8000, minimum=1)
    if port > 65535:
        raise BadSetting(f"PORT={port} is not a port")
    return address(here.text("OBSERVATORY_PUBLIC_URL", ""), here.text("OBSERVATORY_BIND", "")), port


def _loader(parent: int) -> Callable[[], "WSGIHandler"]:
    """Give what granian's worker runs first: granian's own death must end it too."""

    def load() -> "WSGIHandler":
        die_with_parent(parent, signal.SIGKILL)
        from observatory.wsgi import application

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
        workers=here.integer("OBSERVATORY_WEB_WORKERS", 1, minimum=1),
        blocking_threads=THREADS,
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(header_read_timeout=10_000),
        websockets=False,
        log_level=LogLevels.warning,
        workers_kill_timeout=STOP_SECONDS,
    )
    server.serve(target_loader=_loader(os.getpid()), wrap_loader=False)


if __name__ == "__main__":
    try:
        main()
    except BadSetting as error:
        sys.exit(str(error))
