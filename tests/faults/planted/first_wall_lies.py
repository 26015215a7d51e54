"""S1, row-level security alone: statements that name their project name the wrong one, and managers filter by it."""

import os

from tests.faults.planted.wsgi import Application

TWINS = "OBSERVATORY_PLANTED_TWINS"


def prepare() -> None:
    """Exchange the twins in what Python says, not in what PostgreSQL is told."""
    from ingest.projects import scope

    one, other = map(int, os.environ[TWINS].split(","))
    honest = scope.current_project

    def lie() -> int:
        return {one: other, other: one}.get(honest(), honest())

    scope.current_project = lie


def wrap(application: Application) -> Application:
    """Serve it as it is."""
    return application
