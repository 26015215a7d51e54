"""Error pages: a page for people, problem+json for clients of the API."""

import sys

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from ingest.database import Unavailable, is_away

TITLES = {
    400: "Bad request",
    403: "Forbidden",
    404: "Not found",
    500: "Something broke on our side",
    503: "Not available",
}
DETAILS = {404: "Nothing is at this address: /api/docs/ names those of the API, none of which ends in a slash."}


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        problem = {
            "type": "about:blank",
            "title": TITLES[status],
            "status": status,
            "detail": DETAILS.get(status, TITLES[status]),
            "errors": [],
        }
        return JsonResponse(problem, status=status, content_type="application/problem+json")
    return render(request, f"{status}.html", {"title": TITLES[status]}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    return _answer(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403."""
    return _answer(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: no such page, or none that this person may see."""
    return _answer(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """500: the request failed by a defect of ours, and the log has the reason; 503 when the database does not answer."""
    return _away(request) if is_away(sys.exc_info()[1]) else _answer(request, 500)


def _away(request: HttpRequest) -> HttpResponse:
    """Nothing here may ask the database: no session, no person, no messages."""
    if request.path_info.startswith("/api/"):
        answer = _answer(request, 503)
    else:
        answer = HttpResponse(render_to_string("503.html"), status=503)
    answer["Retry-After"] = str(Unavailable.retry_after)
    return answer
