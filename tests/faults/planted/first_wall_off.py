"""S1, row-level security alone: scoped managers see every project; and an address tells what no scope at all sees."""

from collections.abc import Iterable
from typing import Any

from tests.faults.planted.wsgi import Application, Environ, Start

PROBE = "/planted/outside-every-scope/"


def prepare() -> None:
    """Take the filter off before any model is made."""
    from django.db import models

    from ingest.projects import scope

    scoped: Any = scope.ScopedManager
    scoped.get_queryset = models.Manager.get_queryset


def wrap(application: Application) -> Application:
    """Add the address."""

    def probed(environ: Environ, start: Start) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PROBE:
            return application(environ, start)
        start("200 OK", [("Content-Type", "text/plain")])
        return [seen_outside().encode()]

    return probed


def seen_outside() -> str:
    """The names of the features that a connection of the pool shows when nobody has said whose they are."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM feature")
        names = [name for (name,) in cursor.fetchall()]
    connection.close()
    return "\n".join(names)
