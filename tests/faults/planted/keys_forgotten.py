"""R2: an item is not known again, so sending it again stores it again."""

import secrets

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Give every item a key by chance."""
    from ingest import identity

    identity.key_of = lambda kind, sent_id: secrets.token_bytes(16)
    return application
