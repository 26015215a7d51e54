"""The bytes of a request's body, under a limit, however they travel."""

from typing import Any

from rest_framework.request import Request

from ingest.contract import LARGEST_BODY
from ingest.refusals import Malformed, TooLarge

CHUNK = 256 * 1024


class Unsupported(Malformed):
    """A body in a form that is not read here."""

    status = 415
    title = "Unsupported media type"


def json_body(request: Request) -> bytes:
    """Read a JSON body of at most 5 MiB. Raises Unsupported, TooLarge, or Malformed when less came than announced."""
    environ = request.META
    content_type = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if content_type and content_type != "application/json" and not content_type.endswith("+json"):
        raise Unsupported(f"Send application/json, not {content_type[:100]}.")
    encoding = environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise Unsupported(f"Send the body without Content-Encoding; {encoding[:100]} is not read.")
    return read_body(environ, LARGEST_BODY)


def read_body(environ: dict[str, Any], limit: int) -> bytes:
    """Read the whole body from the server's stream, never more than `limit` bytes.

    A body in chunks has no length: the stream's own end is trusted where the server says that it has one. (Django
    takes such a body for an empty one.)
    """
    announced = _length(environ)
    if announced is None and not environ.get("wsgi.input_terminated"):
        return b""
    if announced is not None and announced > limit:
        raise TooLarge(f"The body has {announced:,} bytes; at most {limit:,} are taken.")
    found, left = [], limit + 1 if announced is None else announced
    while left > 0:
        piece = environ["wsgi.input"].read(min(left, CHUNK))
        if not piece:
            break
        found.append(piece)
        left -= len(piece)
    body = b"".join(found)
    if len(body) > limit:
        raise TooLarge(f"The body has more than {limit:,} bytes.")
    if announced is not None and left > 0:
        raise Malformed("The body ended before its announced length.")
    return body


def _length(environ: dict[str, Any]) -> int | None:
    try:
        return max(0, int(environ["CONTENT_LENGTH"]))
    except (KeyError, ValueError):
        return None
