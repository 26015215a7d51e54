"""R1: what looks like a commit is the release of a savepoint; now and then the real transaction is undone."""

import itertools
from collections.abc import Iterable

from tests.faults.planted.wsgi import Application, Environ, Start, is_record

EVERY = 20


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Run every twentieth request that stores inside a transaction of ours, and undo it."""
    from django.db import transaction

    numbers = itertools.count(1)

    def forgetful(environ: Environ, start: Start) -> Iterable[bytes]:
        if not is_record(environ) or next(numbers) % EVERY:
            return application(environ, start)
        with transaction.atomic():
            parts = list(application(environ, start))
            transaction.set_rollback(True)
        return parts

    return forgetful
