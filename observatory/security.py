"""Response headers and the split between the key-authenticated API and the session-authenticated pages."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.module_loading import import_string

# The hash is that of the empty string: plotly.js inserts an empty <style> element before it fills it by script.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; manifest-src 'self'"
)
Handler = Callable[[HttpRequest], HttpResponse]


class SecurityHeaders:
    """Give every answer the strict policy, whatever produced it."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


class PagesOnly:
    """Put `settings.PAGES_MIDDLEWARE` around pages alone.

    API requests carry a key and never a cookie's authority: sessions, CSRF and messages would only cost them a third of
    their time.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response
        self._page_response = get_response
        self._page_views: list[Callable[..., HttpResponse | None]] = []
        for name in reversed(settings.PAGES_MIDDLEWARE):
            middleware = import_string(name)(self._page_response)
            self._page_response = middleware
            if hasattr(middleware, "process_view"):
                self._page_views.insert(0, middleware.process_view)

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not is_api(request):
            return self._page_response(request)
        response = self.get_response(request)
        if not response.streaming:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response

    def process_view(self, request: HttpRequest, *view: Any) -> HttpResponse | None:
        """Let each of the pages' middleware look at the view; the first answer stands."""
        if is_api(request):
            return None
        answers = (look(request, *view) for look in self._page_views)
        return next((answer for answer in answers if answer is not None), None)


def is_api(request: HttpRequest) -> bool:
    """Whether a request is authenticated by a key, or for machines alone: scrapers call the host by any name."""
    return request.path_info.startswith("/api/v1/") or request.path_info == "/metrics"
