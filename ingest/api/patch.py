"""One interaction: read with the scope read, filled with the scope ingest."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import ClassVar

import msgspec
from django.http import Http404, HttpResponse
from rest_framework.request import Request

from ingest import kinds, patching, records
from ingest.api import views
from ingest.api.body import json_body
from ingest.api.documented import Documented
from ingest.api.entrance import entered
from ingest.api.problems import problem
from ingest.patching import PatchAnswer
from ingest.refusals import Unusable

_JSON = msgspec.json.Encoder()


class OneInteraction(views.OneInteraction):
    """GET and PATCH /interactions/{id}."""

    scopes: ClassVar[dict[str, str]] = {"PATCH": "ingest"}
    way = replace(records.INTERACTIONS, kind=kinds.PATCHES)
    documented: ClassVar[Mapping[str, Documented]] = {
        **views.OneInteraction.documented,
        "PATCH": Documented("Fill fields of an interaction that are still absent", answer=PatchAnswer),
    }

    def patch(self, request: Request, id: str) -> HttpResponse:
        """Fill what is absent: 200, or 207 when a field is set to another value already, which is kept."""
        holder = views.holder_of(request)
        with entered(request, holder) as entrance:
            sent = json_body(request, entrance.limits)
            with entrance.at_work(), sent.opened() as body:
                entrance.count(1)
                try:
                    answer = patching.patch(id, body, views.receipt_for(holder))
                except patching.Unknown:
                    raise Http404("No interaction has this id.") from None
                except Unusable as refused:
                    errors = [{"index": 0, **asdict(refused.problem)}]
                    return problem(400, "Nothing of the body was stored.", title="Nothing usable", errors=errors)
                status = 207 if answer.conflicts else 200
                return HttpResponse(_JSON.encode(answer), status=status, content_type="application/json")
