"""R3: texts are repaired, and what stands inside of objects and lists is not: PostgreSQL refuses what it cannot hold."""

from typing import Any

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Repair plain texts alone."""
    from ingest import records, text

    honest = text.repair_deep

    def shallow(value: Any) -> Any:
        return honest(value) if isinstance(value, str) else value

    text.repair_deep = records.repair_deep = shallow
    return application
