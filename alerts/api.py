"""GET /api/v1/incidents and /api/v1/incidents/{id}: what happened, for machines. Read scope."""

from collections.abc import Mapping
from typing import ClassVar

import msgspec
from django.conf import settings
from django.http import Http404, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from alerts import incidents
from alerts.messages import links
from alerts.messages.wording import rfc3339
from alerts.models import Incident, IncidentEvent
from alerts.shapes import EventShape, IncidentShape, IncidentsPage, SingleIncidentShape
from ingest.api import numbered
from ingest.api.documented import CURSOR, LIMIT, Documented
from ingest.api.entrance import asked
from ingest.api.pages import BadQuery, only
from ingest.api.views import OnlyJson
from ingest.projects.access import KeyHolder, project_scope
from ingest.projects.models import Project
from observatory.metrics.definitions import METRICS


class ReadView(APIView):
    """A view of one project's record for keys with the read scope."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"

    @property
    def project_id(self) -> int:
        """Whose key it is."""
        holder = self.request.auth
        assert isinstance(holder, KeyHolder)  # noqa: S101 (HasScope let nobody else through)
        return holder.project_id


class Incidents(ReadView):
    """Incidents, the newest first, page by page."""

    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented(
            "List incidents",
            {"state": "open or resolved; both unless told", "limit": LIMIT, "cursor": CURSOR},
            IncidentsPage,
        )
    }

    def get(self, request: Request) -> HttpResponse:
        """Answer one page. A parameter that cannot be is a 400 that says what can."""
        only(request, "state", "limit", "cursor")
        limit, before = numbered.limit(request), numbered.before(request)
        state = request.query_params.get("state", "")
        if state not in ("", "open", "resolved"):
            raise BadQuery("state is open or resolved")
        return _json(asked(self.project_id, lambda: _page(self.project_id, state, before, limit)))


class SingleIncident(ReadView):
    """One incident with everything that happened to it."""

    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read one incident", answer=SingleIncidentShape)
    }

    def get(self, request: Request, number: int) -> HttpResponse:
        """Answer it, or 404 when this project has no such incident."""
        found = asked(self.project_id, lambda: _single(self.project_id, number))
        if found is None:
            raise Http404(f"There is no incident {number}.")
        return _json(found)


def as_json(incident: Incident, slug: str) -> IncidentShape:
    """An incident as the API shows it."""
    rule = incident.rule
    known = METRICS.get(rule.metric)
    return {
        "id": incident.pk,
        "state": "resolved" if incident.resolved_at else "open",
        "severity": incident.severity,
        "peak_severity": incident.peak_severity,
        "rule": {"id": rule.pk, "name": rule.name, "bad_side": rule.side},
        "metric": rule.metric,
        "unit": str(known.unit) if known else None,
        "feature": incident.feature or None,
        "value": incident.value,
        "interval": None if incident.low is None or incident.high is None else (incident.low, incident.high),
        "sample_size": incident.sample_size,
        "warning_at": incident.warning_at,
        "critical_at": incident.critical_at,
        "reference": incident.reference,
        "from": rfc3339(incident.window_start),
        "to": rfc3339(incident.window_end),
        "since": rfc3339(incident.since),
        "opened_at": rfc3339(incident.opened_at),
        "acknowledged_at": rfc3339(incident.acknowledged_at) if incident.acknowledged_at else None,
        "acknowledged_by": incident.acknowledged_by or None,
        "resolved_at": rfc3339(incident.resolved_at) if incident.resolved_at else None,
        "resolved_by": incident.resolved_by or None,
        "url": links.incident_page(slug, incident.pk, settings.PUBLIC_URL),
    }


def _page(project_id: int, state: str, before: int | None, limit: int) -> IncidentsPage:
    with project_scope(project_id):
        slug = Project.objects.values_list("slug", flat=True).get(pk=project_id)
        rows = incidents.all_incidents()
        if state:
            rows = rows.filter(resolved_at__isnull=state == "open")
        if before is not None:
            rows = rows.filter(pk__lt=before)
        found = list(rows[: limit + 1])
        has_more = len(found) > limit
        items = [as_json(incident, slug) for incident in found[:limit]]
        return {"items": items, "next": numbered.cursor(found[limit - 1].pk) if has_more else None}


def _single(project_id: int, number: int) -> SingleIncidentShape | None:
    if number > numbered.LARGEST_ID:
        return None
    with project_scope(project_id):
        incident = incidents.all_incidents().filter(pk=number).first()
        if incident is None:
            return None
        slug = Project.objects.values_list("slug", flat=True).get(pk=project_id)
        return {**as_json(incident, slug), "events": [_event(event) for event in incidents.events_of(incident)]}


def _event(event: IncidentEvent) -> EventShape:
    return {
        "kind": event.kind,
        "at": rfc3339(event.at),
        "window_end": rfc3339(event.window_end) if event.window_end else None,
        "severity": event.severity,
        "previous": event.previous or None,
        "value": event.value,
        "sample_size": event.sample_size,
        "by": event.by or None,
        "note": event.note or None,
    }


def _json(content: IncidentsPage | SingleIncidentShape) -> HttpResponse:
    return HttpResponse(msgspec.json.encode(content), content_type="application/json")
