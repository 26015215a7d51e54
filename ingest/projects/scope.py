"""The scope of one project: both walls stand while it is open, and nothing is visible outside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from django.db import connection, models, transaction


class NoProjectScope(Exception):
    """Somebody touched a project's data without saying whose it is."""


M = TypeVar("M", bound=models.Model)
_current: ContextVar[int | None] = ContextVar("observatory_project", default=None)


def current_project() -> int:
    """The id of the project in scope. Raises NoProjectScope outside `project_scope`."""
    project_id = _current.get()
    if project_id is None:
        raise NoProjectScope("open ingest.projects.access.project_scope(project_id) first")
    return project_id


def setting(project: str) -> str:
    """SQL that sets the project, an expression, for the transaction it stands in."""
    return f"set_config('observatory.project', {project}, true)"


@contextmanager
def project_scope(project_id: int) -> Iterator[None]:
    """Open one transaction in which exactly this project's rows are visible.

    A scope inside a scope of the same project joins it; inside another project's it is refused.
    """
    outer = _current.get()
    if outer is not None:
        if outer != project_id:
            raise NoProjectScope(f"project {outer} is in scope, {project_id} cannot be opened inside it")
        yield
        return
    token = _current.set(project_id)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"SELECT {setting('%s')}", [str(project_id)])
            yield
    finally:
        _current.reset(token)


class ScopedManager(models.Manager[M]):
    """A manager that sees the project in scope and nothing else."""

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(project_id=current_project())

    def create(self, **fields: Any) -> M:
        """Create a row of the project in scope."""
        return super().create(project_id=current_project(), **fields)
