"""S5: a compressed body is inflated in one go, and its size looked at afterwards."""

import gzip
import zlib
from collections.abc import Iterator

from tests.faults.planted.wsgi import Application


def prepare() -> None:
    """Leave the settings alone."""


def wrap(application: Application) -> Application:
    """Inflate as the standard library makes it easy."""
    from ingest.api import body
    from ingest.refusals import Malformed

    def at_once(pieces: Iterator[bytes], coding: str) -> Iterator[bytes]:
        try:
            yield (gzip.decompress if coding == "gzip" else zlib.decompress)(b"".join(pieces))
        except (OSError, EOFError, zlib.error):
            raise Malformed("The body is not valid.") from None

    body.inflated = at_once
    return application
