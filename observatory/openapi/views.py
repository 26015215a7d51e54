"""GET /api/schema: the description itself. Open to everyone: it says what the source says, and nothing of a project."""

from functools import cache
from hashlib import sha256

import msgspec
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.views.decorators.http import require_safe


@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    """The OpenAPI document as JSON."""
    content, tag = _written()
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    return HttpResponse(content, content_type="application/json", headers={"ETag": tag, "Cache-Control": "max-age=300"})


schema.access_rule = "public"  # type: ignore[attr-defined]  # read by the test that no view is without a rule


@cache
def _written() -> tuple[bytes, str]:
    from observatory.openapi.document import document  # drf-spectacular, which nobody needs before the first request

    content = msgspec.json.encode(document())
    return content, f'"{sha256(content).hexdigest()[:16]}"'
