"""The body of a request while it comes in, and the patience to hear a refused sender out.

Most clients look for an answer only when they have written all that they have. Whoever is refused before that sees a
broken connection in the place of what is wrong; so the rest is read and forgotten, up to a bound.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase

from ingest.api.body import CHUNK, announced_length
from ingest.contract import LARGEST_BODY

REFUSED_AT_ONCE = 4
"""So many refused senders are heard out at once: a crowd of slow strangers must not hold the threads of the others."""


class Incoming:
    """A body's stream that knows how much of it was read, and how much there is where that was announced.

    `grow` is told how much of an unannounced body has come by now.
    """

    def __init__(self, environ: Mapping[str, Any], grow: Callable[[int], None] = lambda _: None) -> None:
        self._grow = grow
        self._stream = environ["wsgi.input"]
        self.announced = announced_length(environ)
        self._ends = self.announced is not None or bool(environ.get("wsgi.input_terminated"))
        self._is_held_back = "100-continue" in environ.get("HTTP_EXPECT", "").lower()
        self.bytes = 0

    def read(self, size: int) -> bytes:
        """Up to so many bytes; nothing at the end. Raises what `grow` raises."""
        piece = self._next(size)
        if self.announced is None:
            self._grow(self.bytes)
        return piece

    def is_drained(self, most: int) -> bool:
        """Whether there is nothing to drain: all has come, there is more than `most`, or its sender waits for our word."""
        end = most if self.announced is None else self.announced
        return not self._ends or (self._is_held_back and not self.bytes) or end > most or self.bytes >= end

    def drain(self, most: int) -> None:
        """Read the rest and forget it, unless there is more of it than `most`, or its sender waits for our word."""
        while not self.is_drained(most) and self._next(self._piece()):
            pass

    def _piece(self) -> int:
        return CHUNK if self.announced is None else min(CHUNK, self.announced - self.bytes)

    def _next(self, size: int) -> bytes:
        piece: bytes = self._stream.read(size)
        self.bytes += len(piece)
        return piece


class HeardOut:
    """Read the rest of a body that the API refuses before it has read it: an unknown key, a full quota, no such address.

    The answer goes out first: whoever announced a body and waits with it need not send it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._places = threading.Semaphore(REFUSED_AT_ONCE)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_refused = response.status_code >= 400 and request.path_info.startswith("/api/")
        if not is_refused or request.method in {"GET", "HEAD"}:
            return response
        stream = request.META["wsgi.input"]
        incoming = stream if isinstance(stream, Incoming) else Incoming(request.META)
        if incoming.is_drained(LARGEST_BODY):
            return response
        heard_out = StreamingHttpResponse(self._and_drain(response.content, incoming), status=response.status_code)
        heard_out.headers = response.headers
        heard_out["Content-Length"] = str(len(response.content))
        return heard_out

    def _and_drain(self, content: bytes, incoming: Incoming) -> Iterator[bytes]:
        yield content
        connection.close()  # a slow stranger must not keep one of the few to the database
        if self._places.acquire(blocking=False):
            try:
                incoming.drain(LARGEST_BODY)
            finally:
                self._places.release()
