"""DELETE /users/{id}: an erasure is asked for here, and worked off by a job; GET shows the receipts."""

from collections.abc import Mapping
from typing import Any, ClassVar

import msgspec
from django.http import Http404, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import timeline
from ingest.api.answers import ReceiptShape, ReceiptsPage
from ingest.api.documented import Documented
from ingest.api.entrance import asked
from ingest.api.views import OnlyJson, holder_of
from ingest.erasure import receipts
from ingest.text import repair_id


class OneUser(APIView):
    """What is known of one user, with the scope admin: nothing but when it was erased."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "admin"
    documented: ClassVar[Mapping[str, Documented]] = {
        "DELETE": Documented("Erase a user", answer=ReceiptShape, status=202),
        "GET": Documented("Read the receipts of a user's erasures", answer=ReceiptsPage),
    }

    def delete(self, request: Request, id: str) -> HttpResponse:
        """Ask for the user's erasure: 202 with the receipt, which says `done` when it is."""
        holder, now = holder_of(request), timeline.now()
        by = f"key {holder.public}"
        erasure = asked(holder.project_id, lambda: receipts.request(holder.project_id, repair_id(id), by=by, now=now))
        return _answer(erasure.as_json(), status=202)

    def get(self, request: Request, id: str) -> HttpResponse:
        """The receipts of the user's erasures, the newest first."""
        project_id = holder_of(request).project_id
        found = asked(project_id, lambda: receipts.receipts(project_id, repair_id(id)))
        if not found:
            raise Http404("No user with this id was erased.")
        return _answer({"items": [erasure.as_json() for erasure in found], "next": None})


def _answer(body: dict[str, Any], status: int = 200) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(body), status=status, content_type="application/json")
