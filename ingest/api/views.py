"""The endpoints that apps post to, and the reading of single interactions."""

from dataclasses import asdict
from typing import Any, ClassVar

import msgspec
from django.http import HttpResponse
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import records, timeline
from ingest.api.body import json_body
from ingest.api.problems import problem
from ingest.normalise import Receipt
from ingest.projects.access import KeyHolder
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
    scope: ClassVar[str] = "ingest"
    way: Way

    def post(self, request: Request) -> HttpResponse:
        """Store a body's items and say what became of each."""
        holder = request.auth
        assert isinstance(holder, KeyHolder)  # noqa: S101 (HasScope let nobody else through)
        body = json_body(request)
        receipt = Receipt(holder.project_id, holder.time_zone, timeline.now())
        return answered(records.take(self.way, body, receipt))


class Interactions(Intake):
    """POST /interactions."""

    way = records.INTERACTIONS


class Feedback(Intake):
    """POST /feedback."""

    way = records.FEEDBACK


class Costs(Intake):
    """POST /costs."""

    way = records.COSTS


class Changes(Intake):
    """POST /changes."""

    way = records.CHANGES


def answered(answer: Answer) -> HttpResponse:
    """200 when everything is in the record, 207 when something is not, 400 when nothing could be used."""
    if answer.invalid == len(answer.results):
        errors = [
            {"index": result.index, **asdict(result.error)} for result in answer.results if result.error
        ]
        return problem(400, "No item of the body can be stored.", title="Nothing usable", errors=errors)
    status = 207 if answer.invalid or answer.conflicts else 200
    return HttpResponse(_JSON.encode(answer), status=status, content_type="application/json")
