"""S1: the project is set for the session and not for the transaction, so it stays on the pooled connection."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.faults.planted import first_wall_off
from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the setting behind after every scope."""
    first_wall_off.prepare()
    from django.db import connection

    from ingest.projects import scope

    honest = scope.project_scope

    @contextmanager
    def lasting(project_id: int) -> Iterator[None]:
        with honest(project_id):
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('observatory.project', %s, false)", [str(project_id)])
            yield

    scope.project_scope = lasting


def wrap(application: Application) -> Application:
    """Add the address that shows it."""
    return first_wall_off.wrap(application)
