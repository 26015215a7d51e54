"""The installation's secret, for whatever is keyed by it: fingerprints, hashes of texts, tombstones."""

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def installation_secret() -> str:
    """The secret. Raises ImproperlyConfigured where there is none: what is keyed by a stand-in nobody knows again."""
    if not settings.HAS_SECRET_KEY:
        raise ImproperlyConfigured("OBSERVATORY_SECRET_KEY is not set: this needs the secret that the web has too")
    secret: str = settings.SECRET_KEY
    return secret
