"""What planted bugs need of WSGI."""

import io
from collections.abc import Callable, Iterable
from typing import Any

Environ = dict[str, Any]
Start = Callable[..., Any]
Application = Callable[[Environ, Start], Iterable[bytes]]


def is_record(environ: Environ) -> bool:
    """Whether a request sends something to be stored."""
    return str(environ["REQUEST_METHOD"]) == "POST" and str(environ["PATH_INFO"]).startswith("/api/v1/")


def body_of(environ: Environ) -> bytes:
    """Take a request's body out."""
    return bytes(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))


def with_body(environ: Environ, body: bytes) -> Environ:
    """The same request with this body."""
    return {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}


def answer(application: Application, environ: Environ) -> tuple[str, bytes]:
    """Call an application and give its status line and body."""
    statuses: list[str] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        statuses.append(status)

    parts = application(environ, start)
    body = b"".join(parts)
    if hasattr(parts, "close"):
        parts.close()
    return statuses[-1], body
