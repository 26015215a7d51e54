"""Error pages: a page for people, problem+json for clients of the API."""

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

TITLES = {400: "Bad request", 403: "Forbidden", 404: "Not found", 500: "Something broke on our side"}


def _answer(request: HttpRequest, status: int) -> HttpResponse:
    if request.path_info.startswith("/api/"):
        problem = {
            "type": "about:blank",
            "title": TITLES[status],
            "status": status,
            "detail": TITLES[status],
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
    """500: the request failed by a defect of ours; the log has the reason."""
    return _answer(request, 500)
