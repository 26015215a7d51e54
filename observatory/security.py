"""Response headers and the split between the key-authenticated API and the session-authenticated pages."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

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


class ApiWithoutSession:
    """Mark API requests as free of CSRF checks: they carry a key and never a cookie's authority."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path_info.startswith("/api/"):
            request._dont_enforce_csrf_checks = True  # type: ignore[attr-defined]  # Django's own switch for this
        return self.get_response(request)
