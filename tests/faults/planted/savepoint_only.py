"""R1: what looks like a commit was the release of a savepoint: now and then the transaction around it is undone."""

import itertools
from typing import Any

from tests.faults.planted.wsgi import Application

EVERY = 20


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Undo every twentieth transaction at its end, and say nothing."""
    from django.db.backends.base.base import BaseDatabaseWrapper

    wrapper: Any = BaseDatabaseWrapper  # what is replaced below is not public
    honest, numbers = wrapper._commit, itertools.count(1)

    def forgetful(self: Any) -> None:
        if next(numbers) % EVERY:
            honest(self)
        else:
            self._rollback()

    wrapper._commit = forgetful
    return application
