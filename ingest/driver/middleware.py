"""Each request's patience with the database, whatever it asks for."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from ingest.driver import patience


class DatabasePatience:
    """Let one request wait `REQUEST_PATIENCE_S` for the database in all, pages and health checks included."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with patience.at_most(settings.REQUEST_PATIENCE_S):
            return self.get_response(request)
