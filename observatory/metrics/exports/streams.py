"""An export on its way to its reader, a page at a time.

Between two pages nothing of the database is held: each page is read in a scope, a transaction and a place to work of its
own, and all three are given back before its bytes go out. A reader who is slow, or for ever, holds a thread and a desk.
A failure is tried again for a while; what fails all the same ends in a line that no reader takes for a row, and in
silence: the server ends every answer in good order, but who says nothing for long is hung up on (`observatory.stalled`).
"""

import time
import zlib
from collections.abc import Iterator, Sequence
from typing import Protocol

import structlog
from django.conf import settings
from django.db import connection
from django.http import StreamingHttpResponse

from ingest.api.entrance import asked, working
from ingest.database import Unavailable, steadfast
from ingest.driver import patience
from ingest.projects.access import project_scope
from observatory import stalled
from observatory.metrics.exports.desks import Desks
from observatory.metrics.exports.forms import Form, Row

WAITS_S = (0.0, 0.5, 2.0, 4.0, 6.0)
"""Before each try of a page: a database that is started anew is back before the last."""

QUIET_S = 15.0
"""After so long without a row one of the bytes held back goes out: who says nothing is hung up on."""

HELD = 64
LINGER_S = stalled.PATIENCE_S + 3 * stalled.EVERY_S
"""How long a broken export keeps silent. A reader that is still busy with what came before is not hung up on."""

BROKEN = "the server could not read on; what stands before this line is whole, what follows is missing"
GZIP_LEVEL, GZIP_WINDOW = 4, 31
log = structlog.get_logger(__name__)
desks = Desks()


class Source(Protocol):
    """Rows, a page at a time; a page that failed may be asked for again."""

    @property
    def names(self) -> Sequence[str]:
        """The names of the columns."""

    def page(self) -> list[Row] | None:
        """The next rows, in the project's scope; None when there are no more."""


class Export:
    """The bytes of one export. Whoever iterates it closes it: that frees its desk."""

    def __init__(self, project_id: int, source: Source, form: Form, *, is_packed: bool) -> None:
        self._project_id, self._source, self._form = project_id, source, form
        desks.take(project_id)
        self._is_open = True
        try:
            # Read before the answer begins: what is refused or cannot be read at all is a problem like any other.
            self._first = asked(project_id, self._read)
        except BaseException:
            self.close()
            raise
        finally:
            give_back()
        self._pieces: Iterator[bytes] = _packed(self._written()) if is_packed else _plain(self._written())

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return next(self._pieces)
        except StopIteration:
            self.close()
            raise

    def close(self) -> None:
        """Free the desk. It may be closed twice."""
        if self._is_open:
            self._is_open = False
            self._pieces = iter(())
            desks.leave(self._project_id)

    def _written(self) -> Iterator[bytes | None]:
        """The pieces; None at the end of an export that is whole."""
        held, spoke_at = self._form.head(self._source.names), time.monotonic()
        page, self._first = self._first, None
        try:
            while page is not None:
                if page:
                    held += self._form.rows(self._source.names, page)
                    yield held[:-HELD]
                    held, spoke_at = held[-HELD:], time.monotonic()
                elif time.monotonic() - spoke_at > QUIET_S:
                    yield held[:1]
                    held, spoke_at = held[1:], time.monotonic()
                page = self._next()
        except Exception as error:
            log.exception("export_broken_off", project=self._project_id, error=type(error).__name__)
            yield held + self._form.broken_off(BROKEN)
            self.close()
            time.sleep(LINGER_S)
            return
        yield held
        yield None

    def _next(self) -> list[Row] | None:
        """The next page, tried again while the database is away or all places to work are taken. Raises Unavailable."""
        for number, wait in enumerate(WAITS_S, 1):
            time.sleep(wait)
            try:
                with patience.at_most(settings.REQUEST_PATIENCE_S), working(self._project_id):
                    return steadfast(self._read)
            except Unavailable:
                if number == len(WAITS_S):
                    raise
            finally:
                give_back()
        return None

    def _read(self) -> list[Row] | None:
        with project_scope(self._project_id):
            return self._source.page()


def answer(project_id: int, source: Source, form: Form, name: str, *, is_packed: bool) -> StreamingHttpResponse:
    """The answer that carries an export, as a file of this name. Raises Busy, Crowded, Unavailable, and what the source does."""
    export = Export(project_id, source, form, is_packed=is_packed)
    response = StreamingHttpResponse(export, content_type=form.media_type)
    response["Content-Disposition"] = f'attachment; filename="{name}.{form.name}"'
    response["Cache-Control"] = "no-store"
    response["Vary"] = "Accept-Encoding"
    # A proxy that gathers an answer before it passes it on would take all of it into its own memory.
    response["X-Accel-Buffering"] = "no"
    if is_packed:
        response["Content-Encoding"] = "gzip"
    return response


def wants_gzip(accepted: str) -> bool:
    """Whether a reader asks for gzip by its `Accept-Encoding`."""
    for part in accepted.lower().split(","):
        coding, _, weight = part.partition(";")
        if coding.strip() in {"gzip", "x-gzip"}:
            return weight.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _plain(pieces: Iterator[bytes | None]) -> Iterator[bytes]:
    for piece in pieces:
        if piece:
            yield piece


def _packed(pieces: Iterator[bytes | None]) -> Iterator[bytes]:
    """The same as gzip, each piece readable as soon as it comes. One that is broken off lacks the end that gzip has."""
    packer = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    for piece in pieces:
        if piece is None:
            yield packer.flush(zlib.Z_FINISH)
        elif piece:
            yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)


def give_back() -> None:
    """Give the database connection back: the reader of what was read may take its time."""
    if not connection.in_atomic_block:
        connection.close()
