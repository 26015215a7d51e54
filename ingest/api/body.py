"""The bytes of a request's body, under limits, however they travel."""

import io
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.db import connection
from rest_framework.request import Request

from ingest.api.inflating import inflated
from ingest.contract import LARGEST_BODY, LARGEST_INFLATED
from ingest.database import Unavailable
from ingest.refusals import Malformed, TooLarge

CHUNK = 1024 * 1024
LINES = {
    f"application/{name}"
    for name in ("x-ndjson", "ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines", "json-lines")
}
TURN_WITHIN_S = 4.0


class Limits(NamedTuple):
    """The most bytes that a body may have: as it travels, and inflated."""

    travelling: int
    inflated: int


USUAL = Limits(LARGEST_BODY, LARGEST_INFLATED)
_one_large = threading.Lock()
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate"}


class Unsupported(Malformed):
    """A body in a form that is not read here."""

    status = 415
    title = "Unsupported media type"


@dataclass(frozen=True)
class Body:
    """A body as it travelled, all of it there; `are_lines` says that its sender means objects one a line."""

    pieces: Sequence[bytes]
    are_lines: bool
    coding: str | None
    most_inflated: int = LARGEST_INFLATED

    @contextmanager
    def opened(self) -> Iterator[bytes]:
        """The plain bytes, at most 20 MiB. Raises TooLarge, or Malformed when the compression cannot be undone.

        Of bodies beyond 5 MiB one is open at a time in a process: each may take a hundred mebibytes and more while it is
        worked on (docs/decisions/0042), however small it was on its way. Raises Unavailable when its turn does not come
        soon.
        """
        if self.coding is None:
            yield b"".join(self.pieces)
            return
        with ExitStack() as turn:
            yield _collected(inflated(iter(self.pieces), self.coding), self.most_inflated, turn)


def json_body(request: Request, limits: Limits = USUAL) -> Body:
    """Read a JSON body within limits, as it travels, and open it not yet: that costs memory, and may have to wait.

    Raises Unsupported, TooLarge, or Malformed when less came than was announced.
    """
    environ = request.META
    are_lines = _are_lines(environ.get("CONTENT_TYPE", ""))
    coding = _coding(environ.get("HTTP_CONTENT_ENCODING", ""))
    return Body(list(_pieces(environ, limits.travelling)), are_lines, coding, limits.inflated)


def _are_lines(content_type: str) -> bool:
    """Whether a content type means objects one a line and not one document. Raises Unsupported for what is no JSON."""
    name = content_type.partition(";")[0].strip().lower()
    if name in LINES:
        return True
    if name and name != "application/json" and not name.endswith("+json"):
        what = "send `Content-Type: application/json`, or application/x-ndjson for objects one a line"
        raise Unsupported(f"The request says `Content-Type: {name[:100]}`: {what}.")
    return False


def _coding(header: str) -> str | None:
    """What the body is compressed with, if anything. Raises Unsupported."""
    names = [name for part in header.lower().split(",") if (name := part.strip()) not in {"", "identity"}]
    if not names:
        return None
    if len(names) > 1 or names[0] not in CODINGS:
        error = Unsupported(f"Send the body plain, or in gzip or deflate, once; {', '.join(names)[:100]} is not read.")
        error.headers = {"Accept-Encoding": "gzip, deflate"}
        raise error
    return CODINGS[names[0]]


def _pieces(environ: dict[str, Any], limit: int) -> Iterator[bytes]:
    """The body as it comes from the server's stream. Raises TooLarge, or Malformed when it ends too soon.

    A body in chunks has no length: the stream's own end is trusted where the server says that it has one. (Django
    takes such a body for an empty one.)
    """
    announced = announced_length(environ)
    if announced is None and not environ.get("wsgi.input_terminated"):
        return
    refuse_beyond(limit, announced)
    left = limit + 1 if announced is None else announced
    while left > 0:
        piece = environ["wsgi.input"].read(min(left, CHUNK))
        if not piece:
            break
        left -= len(piece)
        if not left and announced is None:
            raise TooLarge(f"The body has more than {limit:,} bytes.")
        yield piece
    if announced is not None and left > 0:
        raise Malformed("The body ended before its announced length.")


def _collected(pieces: Iterator[bytes], most: int, turn: ExitStack) -> bytes:
    """The pieces as one; beyond 5 MiB in its turn. Raises TooLarge as soon as they are more than `most` bytes."""
    whole = io.BytesIO()  # which gives what it holds without a second copy
    has_turn = False
    for piece in pieces:
        whole.write(piece)
        if whole.tell() > most:
            raise TooLarge(f"The body has more than {most:,} bytes when inflated.")
        if whole.tell() > LARGEST_BODY and not has_turn:
            if not _one_large.acquire(timeout=TURN_WITHIN_S):
                raise Unavailable
            turn.callback(_one_large.release)
            turn.callback(_give_up_connection)
            has_turn = True
    return whole.getvalue()


def _give_up_connection() -> None:
    """End this thread's connection: libpq keeps a buffer for the largest message that it ever sent, as long as it lives."""
    if connection.connection is not None and not connection.in_atomic_block:
        connection.connection.close()
        connection.close()  # the pool makes another


def refuse_beyond(limit: int, announced: int | None) -> None:
    """Raise TooLarge for a body whose announced length is beyond a limit."""
    if announced is not None and announced > limit:
        raise TooLarge(f"The body has {announced:,} bytes; at most {limit:,} are taken.")


def announced_length(environ: Mapping[str, Any]) -> int | None:
    """The length that a request's header names; None for a body in chunks."""
    try:
        return max(0, int(environ["CONTENT_LENGTH"]))
    except (KeyError, ValueError):
        return None
