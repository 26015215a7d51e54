"""How many requests this process has answered, by the class of their status."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping

from django.http import HttpRequest, HttpResponse

_guard = threading.Lock()
_answered: Counter[str] = Counter({f"{digit}xx": 0 for digit in range(2, 6)})


class Counted:
    """Count each answer as it begins."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        with _guard:
            _answered[f"{response.status_code // 100}xx"] += 1
        return response


def answered() -> Mapping[str, int]:
    """Class of status → answers since the process began."""
    with _guard:
        return dict(_answered)
