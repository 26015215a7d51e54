"""How many forms are read at once: their bodies may come slowly, and no key says whose they are."""

import threading
from collections import Counter
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from ingest.api.addresses import client_of

AT_ONCE, EACH_AT_ONCE = 24, 8


class FewForms:
    """Refuse a form while its sender's address, or everybody together, has that many under way."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self._guard = threading.Lock()
        self._under_way: Counter[str] = Counter()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method in {"GET", "HEAD"}:
            return self.get_response(request)
        address = client_of(request.META)
        with self._guard:
            if self._under_way[address] >= EACH_AT_ONCE or self._under_way.total() >= AT_ONCE:
                return HttpResponse("Too many forms at once. Try again.", status=429, headers={"Retry-After": "1"})
            self._under_way[address] += 1
        try:
            return self.get_response(request)
        finally:
            with self._guard:
                self._under_way[address] -= 1
                self._under_way += Counter()  # forgets who has none
