"""GET /api/v1/incidents and /api/v1/incidents/{id}: what happened, for machines. Read scope."""

from collections.abc import Mapping
from typing import ClassVar

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
from ingest.api.documented import Documented
from ingest.api.pages import only
from ingest.api.views import OnlyJson, shown
from ingest.projects.access import current_project
from ingest.projects.models import Project
from observatory.metrics.definitions import METRICS


class Incidents(APIView):
    """Incidents, the newest first, page by page."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented(
            "List incidents",
            numbered.PARAMETERS,
            IncidentsPage,
        )
    }

    def get(self, request: Request) -> HttpResponse:
        """Answer one page. A parameter that cannot be is a 400 that says what can."""
        only(request, *numbered.PARAMETERS)
        return shown(request, lambda: _page(request))


class SingleIncident(APIView):
    """One incident with everything that happened to it."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read one incident", answer=SingleIncidentShape)
    }

    def get(self, request: Request, number: int) -> HttpResponse:
        """Answer it, or 404 when this project has no such incident."""
        return shown(request, lambda: _single(number))


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


def _page(request: Request) -> IncidentsPage:
    state, slug, rows = numbered.state(request), _slug(), incidents.all_incidents()
    if state:
        rows = rows.filter(resolved_at__isnull=state == "open")
    items, following = numbered.page(request, rows, lambda incident: as_json(incident, slug))
    return {"items": items, "next": following}


def _single(number: int) -> SingleIncidentShape:
    incident = incidents.all_incidents().filter(pk=number).first() if number <= numbered.LARGEST_ID else None
    if incident is None:
        raise Http404(f"There is no incident {number}.")
    return {**as_json(incident, _slug()), "events": [_event(event) for event in incidents.events_of(incident)]}


def _slug() -> str:
    return Project.objects.values_list("slug", flat=True).get(pk=current_project())


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
