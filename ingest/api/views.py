"""The endpoints that apps post to, and the reading of single interactions."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, ClassVar

import msgspec
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import NotAuthenticated
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import attached, lookup, records, timeline
from ingest.api import browsers, pages, shapes
from ingest.api.answers import BrowserAnswer, SearchedPage, WholeInteraction
from ingest.api.body import json_body
from ingest.api.documented import Documented
from ingest.api.entrance import asking, entered
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
    """Take items of one kind, or of several."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str | tuple[str, ...]] = "ingest"
    way: Way | tuple[Way, ...]

    def post(self, request: Request) -> HttpResponse:
        """Store a body's items and say what became of each."""
        holder = holder_of(request)
        with entered(request, holder) as entrance:
            sent = json_body(request, entrance.limits)
            with entrance.at_work(), sent.opened() as content:
                answer = records.take(
                    self.way, content, receipt_for(holder), are_lines=sent.are_lines, count=entrance.count
                )
                return browsers.told(answer) if entrance.is_browser else answered(answer)


class Interactions(Intake):
    """POST /interactions with the scope ingest; GET, a page of them, with the scope read."""

    scopes: ClassVar[dict[str, str]] = {"GET": "read"}
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("List interactions, or search them", pages.PARAMETERS, SearchedPage, refusals=(404,))
    }
    way = records.INTERACTIONS

    def get(self, request: Request) -> HttpResponse:
        """One page, newest first."""
        return shown(request, lambda: pages.interactions(request))

    head = get  # which Django would hang on each view; that then holds itself, and its request, until somebody collects


class OneInteraction(APIView):
    """GET /interactions/{id}."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read one interaction", answer=WholeInteraction)
    }

    def get(self, request: Request, id: str) -> HttpResponse:
        """One interaction, prompt and output exactly as stored, with its costs and what was said of it."""
        return shown(request, lambda: _one(id))


class Feedback(Intake):
    """POST /feedback, with the scope ingest or, for keys that browsers hold, feedback alone."""

    scope = ("ingest", "feedback")
    documented: ClassVar[Mapping[str, Documented]] = {"POST": Documented(answer=(Answer, BrowserAnswer))}
    way = records.FEEDBACK

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer a browser's preflight, which carries no key."""
        if request.method == "OPTIONS" and "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.META:
            return browsers.preflight()
        return super().dispatch(request, *args, **kwargs)

    def check_permissions(self, request: Request) -> None:
        """Let a browser's key through from the project's own pages only. Raises PermissionDenied."""
        super().check_permissions(request)
        holder = holder_of(request)
        if browsers.is_browser_key(holder):
            self.headers |= browsers.headers_for(holder, request.META)


class Costs(Intake):
    """POST /costs."""

    way = records.COSTS


class Changes(Intake):
    """POST /changes."""

    way = records.CHANGES


class Users(Intake):
    """POST /users."""

    way = records.USERS


class Figures(Intake):
    """POST /figures."""

    way = records.FIGURES


class Batch(Intake):
    """POST /batch: any mix, each item with its `type`."""

    way = records.BATCH


def shown(request: Request, read: Callable[[], Mapping[str, Any]]) -> HttpResponse:
    """What `read` finds in the key's project."""
    project_id = holder_of(request).project_id

    def inside() -> Mapping[str, Any]:
        with project_scope(project_id):
            return read()

    with asking(project_id):
        return HttpResponse(_JSON.encode(steadfast(inside)), content_type="application/json")


def _one(id: str) -> dict[str, Any]:
    found = lookup.interaction(id)
    if found is None:
        raise Http404("No interaction has this id.")
    names = shapes.names_for([found.interaction])
    own = shapes.interaction(found.interaction, found.payload, names)
    return own | shapes.belonging(attached.to(found.interaction))


def receipt_for(holder: KeyHolder) -> Receipt:
    """Take a request of this key now."""
    return Receipt(
        holder.project_id,
        holder.time_zone,
        timeline.now(),
        holder.text_policy,
        holder.raw_horizon,
        holder.raw_days,
        is_from_browser=browsers.is_browser_key(holder),
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
