"""R2: requests claim their keys in the order in which they were sent, so that two that overlap wait in a circle."""

from typing import Any

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Undo the sorting."""
    from ingest import records

    honest = records._first_of_each_key

    def as_sent(entries: Any, way: Any) -> Any:
        return sorted(honest(entries, way), key=lambda entry: entry.position)

    records._first_of_each_key = as_sent
    return application
