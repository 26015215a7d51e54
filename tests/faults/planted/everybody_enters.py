"""S5: whoever comes is let in, so that one project's slow clients hold every thread there is."""

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Count nobody at the door."""
    from ingest.quotas.places import Places

    Places.enter = lambda self, *_, **__: None
    Places.leave = lambda self, *_, **__: None
    return application
