"""Pages take turns with the API at the places to work; forms are few, since no key says whose they are."""

import threading
from collections import Counter
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError

from ingest.api.addresses import client_of
from ingest.api.entrance import working

Handler = Callable[[HttpRequest], HttpResponse]
FORMS_AT_ONCE, FORMS_OF_EACH = 24, 8
ALL_PAGES = 0
"""What pages stand in line as: one more project."""
NEVER_WAIT = {"/healthz", "/readyz"}


class FewForms:
    """Refuse a form while its sender's address, or everybody together, has that many under way. Its body is read here."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._guard = threading.Lock()
        self._under_way: Counter[str] = Counter()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return self.get_response(request)
        address = client_of(request.META)
        with self._guard:
            if self._under_way[address] >= FORMS_OF_EACH or self._under_way.total() >= FORMS_AT_ONCE:
                return HttpResponse("Too many forms at once. Try again.", status=429, headers={"Retry-After": "1"})
            self._under_way[address] += 1
        try:
            return self._read(request)
        finally:
            with self._guard:
                self._under_way[address] -= 1
                self._under_way += Counter()  # forgets who has none

    def _read(self, request: HttpRequest) -> HttpResponse:
        try:
            request.body  # noqa: B018  # a slow one must not hold a place to work
        except UnreadablePostError:
            return HttpResponse("The form did not arrive whole.", status=400)
        return self.get_response(request)


class PagesInTurn:
    """Let a page wait for a place to work, as requests of the API do. Raises Unavailable when none comes free."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info in NEVER_WAIT:
            return self.get_response(request)
        with working(ALL_PAGES):
            return self.get_response(request)
