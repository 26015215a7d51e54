"""The id of a request: the client's own, or one of ours; on every answer, and in every log line written meanwhile."""

import re
import secrets
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

HEADER = "X-Request-ID"
_SAFE = re.compile(r"[A-Za-z0-9._~:/+=@-]{1,200}")


def chosen(sent: str) -> str:
    """What a client sent where it is short and safe to repeat, else a new id."""
    return sent if _SAFE.fullmatch(sent) else secrets.token_hex(16)


class RequestIds:
    """Give each request its id."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request_id = chosen(request.META.get("HTTP_X_REQUEST_ID", ""))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self.get_response(request)
        response.headers[HEADER] = request_id
        return response
