"""R2: what an item is known by holds the week in which it was received, so that next week's retry is stored again."""

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Mix the week into every key."""
    from ingest import identity, timeline

    honest = identity.key_of
    identity.key_of = lambda kind, sent_id: honest(kind, f"{sent_id} {timeline.now():%G-%V}")
    return application
