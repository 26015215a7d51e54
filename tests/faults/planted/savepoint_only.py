"""R1: what looks like a commit was the release of a savepoint: now and then what was stored is undone."""

import itertools
from collections.abc import Sequence
from typing import Any

from tests.faults.planted.wsgi import Application

EVERY = 20


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Undo every twentieth statement that stores, and say nothing."""
    from django.db import transaction

    from ingest import storage

    honest, numbers = storage._rows, itertools.count(1)

    def forgetful(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
        if next(numbers) % EVERY:
            return honest(sql, parameters)
        with transaction.atomic():
            rows = honest(sql, parameters)
            transaction.set_rollback(True)
        return rows

    storage._rows = forgetful
    return application
