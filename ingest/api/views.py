"""The endpoints that apps post to, and the reading of single interactions."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, ClassVar

import msgspec
from django.http import Http404, HttpResponse
from rest_framework.exceptions import NotAuthenticated
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import lookup, records, timeline
from ingest.api import pages, shapes
from ingest.api.body import json_body
from ingest.api.problems import problem
from ingest.database import steadfast
from ingest.normalise import Receipt
from ingest.projects.access import KeyHolder, project_scope
from ingest.records import Answer, Way

_JSON = msgspec.json.Encoder()


class OnlyJson(BaseContentNegotiation):
    """Answer JSON whatever the client says it accepts: a stored event is worth more than a header."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """No parser: bodies are read by the view."""
        return None

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> tuple[Any, str]:
        """The first renderer."""
        return renderers[0], renderers[0].media_type


class Intake(APIView):
    """Take items of one kind."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str | tuple[str, ...]] = "ingest"
    way: Way

    def post(self, request: Request) -> HttpResponse:
        """Store a body's items and say what became of each."""
        holder = holder_of(request)
        body = json_body(request)
        return answered(records.take(self.way, body, receipt_for(holder)))


class Interactions(Intake):
    """POST /interactions with the scope ingest; GET, a page of them, with the scope read."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}
    way = records.INTERACTIONS

    def get(self, request: Request) -> HttpResponse:
        """One page, newest first."""
        return shown(request, lambda: pages.interactions(request))


class OneInteraction(APIView):
    """GET /interactions/{id}."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"

    def get(self, request: Request, id: str) -> HttpResponse:
        """One interaction, prompt and output exactly as stored."""
        return shown(request, lambda: _one(id))


class Feedback(Intake):
    """POST /feedback, with the scope ingest or, for keys that browsers hold, feedback alone."""

    scope = ("ingest", "feedback")
    way = records.FEEDBACK


class Costs(Intake):
    """POST /costs."""

    way = records.COSTS


class Changes(Intake):
    """POST /changes."""

    way = records.CHANGES


def shown(request: Request, read: Callable[[], dict[str, Any]]) -> HttpResponse:
    """What `read` finds in the key's project."""
    project_id = holder_of(request).project_id

    def inside() -> dict[str, Any]:
        with project_scope(project_id):
            return read()

    return HttpResponse(_JSON.encode(steadfast(inside)), content_type="application/json")


def _one(id: str) -> dict[str, Any]:
    found = lookup.interaction(id)
    if found is None:
        raise Http404("No interaction has this id.")
    names = shapes.names_for([found.interaction])
    return shapes.interaction(found.interaction, found.payload, names)


def receipt_for(holder: KeyHolder) -> Receipt:
    """Take a request of this key now."""
    return Receipt(
        holder.project_id,
        holder.time_zone,
        timeline.now(),
        holder.text_policy,
        holder.raw_horizon,
        holder.raw_days,
    )


def holder_of(request: Request) -> KeyHolder:
    """Whose key the request carries: HasScope lets nobody through without one."""
    holder = request.auth
    if not isinstance(holder, KeyHolder):
        raise NotAuthenticated
    return holder


def answered(answer: Answer) -> HttpResponse:
    """200 when everything is in the record, 207 when something is not, 400 when nothing could be used."""
    if answer.invalid == len(answer.results):
        errors = [{"index": result.index, **asdict(result.error)} for result in answer.results if result.error]
        return problem(400, "No item of the body can be stored.", title="Nothing usable", errors=errors)
    status = 207 if answer.invalid or answer.conflicts else 200
    return HttpResponse(_JSON.encode(answer), status=status, content_type="application/json")
