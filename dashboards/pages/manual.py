"""The manual of the HTTP API, written from its own description. Open to everyone; the key in its examples is the reader's."""

from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboards import manual
from dashboards.components import Link
from dashboards.view import public_page
from ingest.projects import access


@require_safe
def page(request: HttpRequest) -> HttpResponse:
    """Every address, what goes in and what comes out. Signed in, with the way to the keys of one's projects."""
    projects = access.projects_of(request.user) if request.user.is_authenticated else []
    keys = [Link(project.name, f"/{project.slug}/settings/keys/") for project in projects]
    return render(request, "manual.html", {**_content(), "keys": keys})


api_manual = public_page(page)


@cache
def _content() -> dict[str, Any]:
    from observatory.openapi.document import document  # drf-spectacular, which no other page needs

    told = document()
    return {
        "chapters": manual.chapters(told),
        "shapes": manual.shapes(told),
        "address": f"{settings.PUBLIC_URL}/api/v1/",
        "version": told["info"]["version"],
    }
