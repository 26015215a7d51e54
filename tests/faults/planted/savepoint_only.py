"""R1: what looks like a commit was the release of a savepoint: now and then the transaction around it is undone."""

import itertools

from tests.faults.planted.wsgi import Application

EVERY = 20


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Undo every twentieth transaction at its end, and say nothing."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    honest, numbers = BaseDatabaseWrapper._commit, itertools.count(1)

    def forgetful(self: BaseDatabaseWrapper) -> None:
        if next(numbers) % EVERY:
            honest(self)
        else:
            self._rollback()

    BaseDatabaseWrapper._commit = forgetful
    return application
