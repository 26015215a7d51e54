"""One error shape for every API answer: problem+json (RFC 9457), with `errors[]` where items or fields are to blame."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog
from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework import exceptions

from ingest.api.authentication import FORMS
from ingest.database import Unavailable, is_away
from ingest.quotas.headers import EXCEEDED, OverQuota
from ingest.quotas.places import Crowded
from ingest.refusals import Malformed

log = structlog.get_logger(__name__)
TYPE = "application/problem+json"
TITLES = {
    400: "Bad request",
    401: "No valid key",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    413: "Content too large",
    415: "Unsupported media type",
    429: "Too many requests",
    500: "Internal error",
    503: "Not available",
}


def problem(
    status: int,
    detail: str,
    *,
    title: str = "",
    errors: Sequence[Any] = (),
    headers: dict[str, str] | None = None,
    more: Mapping[str, Any] | None = None,
) -> HttpResponse:
    """Build one problem answer. `errors` are objects with index, path, expected and got; `more` are further members."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": title or TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "errors": list(errors),
        **(more or {}),
    }
    return HttpResponse(msgspec.json.encode(body), status=status, content_type=TYPE, headers=headers)


def handler(error: Exception, context: dict[str, Any]) -> HttpResponseBase | None:
    """Answer what a view raised; None leaves a defect of ours to Django's own 500."""
    if isinstance(error, Malformed):
        return problem(error.status, str(error), title=error.title, headers=dict(error.headers), more=error.more)
    if is_away(error):
        detail = "The database does not take anything right now. Send the same again: ids make that safe."
        return problem(503, detail, headers={"Retry-After": str(Unavailable.retry_after)})
    if isinstance(error, OverQuota):
        return _over_quota(error)
    if isinstance(error, Crowded):
        return problem(429, str(error), headers={"Retry-After": str(error.retry_after)})
    if isinstance(error, Http404):
        return problem(404, str(error) or "There is nothing here.")
    if isinstance(error, exceptions.NotAuthenticated):
        return problem(401, f"Send a key of the project. {FORMS}.", headers=_headers(error))
    if isinstance(error, exceptions.APIException):
        return problem(error.status_code, str(error.detail), headers=_headers(error))
    return None


def _over_quota(error: OverQuota) -> HttpResponse:
    if not error.violated:
        return problem(429, str(error), headers=error.headers)
    more = {"type": EXCEEDED, "violated-policies": error.violated}
    return problem(429, str(error), title="Quota exceeded", headers=error.headers, more=more)


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return headers
