"""No bug but a measuring stick: the same web authenticates, reads and judges a body, and stores nothing of it."""

from collections.abc import Sequence
from typing import Any

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Take every entry for stored as soon as it is admitted."""
    from ingest import records
    from ingest.storage import Stored

    def nowhere(line: Any, entries: Sequence[Any], storing: Any) -> Stored:
        return Stored(frozenset(entry.key for entry in entries))

    records.stored_together = nowhere
    return application
