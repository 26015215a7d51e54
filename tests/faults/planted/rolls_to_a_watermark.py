"""R5: how far it is rolled up is the time of the newest mark: what was marked earlier and committed later is left out."""

from datetime import UTC, datetime
from typing import Any

from tests.faults.planted.wsgi import Application

OLDER = "DELETE FROM dirty_bucket WHERE project_id = %s AND marked_at <= %s"
NEWEST = "SELECT max(marked_at) FROM dirty_bucket WHERE project_id = %s"


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Leave the web alone: it counts nothing."""
    return application


def roll() -> None:
    """Have this process look at newer marks only."""
    from django.db import connection

    from observatory.metrics import store

    honest = store.due_marks
    seen: dict[int, datetime] = {}

    def newer(*arguments: Any, **options: Any) -> Any:
        project = store.current_project()
        with connection.cursor() as cursor:
            cursor.execute(NEWEST, [project])
            (newest,) = cursor.fetchone()
            cursor.execute(OLDER, [project, seen.get(project, datetime(2000, 1, 1, tzinfo=UTC))])
        marks = honest(*arguments, **options)
        seen[project] = max(filter(None, (seen.get(project), newest)), default=datetime(2000, 1, 1, tzinfo=UTC))
        return marks

    store.due_marks = newer
