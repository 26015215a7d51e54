"""GET /api/v1/findings: what drift found, for machines. Read scope."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar, TypedDict
from urllib.parse import quote

import msgspec
from django.conf import settings
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.api import numbered
from ingest.api.documented import CURSOR, LIMIT, Documented
from ingest.api.entrance import asking
from ingest.api.pages import BadQuery, only
from ingest.api.shapes import instant
from ingest.api.views import OnlyJson, holder_of
from ingest.database import steadfast
from ingest.projects.access import project_scope
from ingest.projects.models import Project
from observatory.drift.models import Finding
from observatory.drift.signals import SIGNALS

STATES = ("open", "resolved")


class EffectShape(TypedDict):
    """The last days of a finding against its baseline; `change` is a difference of rates or a relative change of means."""

    first_day: str
    last_day: str
    sample_size: int
    value: float
    interval: tuple[float, float]
    baseline_value: float
    change: float
    change_interval: tuple[float, float]


class FindingShape(TypedDict):
    """A finding; `state` is open, resolved, or withdrawn where late data took it back. Days are the project's own."""

    id: int
    state: str
    signal: str
    metric: str
    feature: str
    direction: str
    is_strong: bool
    started_day: str
    started_between: tuple[str, str]
    alarm_day: str
    opened_at: str
    resolved_day: str | None
    resolved_by: str | None
    withdrawn_at: str | None
    baseline: tuple[str, str]
    effect: EffectShape | None
    url: str


class FindingsPage(TypedDict):
    """A page of findings; `next` is the cursor of the page after it, null on the last."""

    items: list[FindingShape]
    next: str | None


class Findings(APIView):
    """Findings of drift, the newest first, page by page."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented(
            "List findings of drift",
            {"state": "open or resolved; all unless told", "limit": LIMIT, "cursor": CURSOR},
            FindingsPage,
        )
    }

    def get(self, request: Request) -> HttpResponse:
        """Answer one page. A parameter that cannot be is a 400 that says what can."""
        only(request, "state", "limit", "cursor")
        limit, before = numbered.limit(request), numbered.before(request)
        state = request.query_params.get("state", "")
        if state and state not in STATES:
            raise BadQuery(f"state is {' or '.join(STATES)}")
        project_id = holder_of(request).project_id
        with asking(project_id):
            page = steadfast(lambda: _page(project_id, state, before, limit))
        return HttpResponse(msgspec.json.encode(page), content_type="application/json")


def _page(project_id: int, state: str, before: int | None, limit: int) -> FindingsPage:
    with project_scope(project_id):
        slug = Project.objects.values_list("slug", flat=True).get(pk=project_id)
        rows = Finding.objects.select_related("series", "baseline").order_by("-pk")
        if state:
            rows = rows.filter(withdrawn_at=None, resolved_day__isnull=state == "open")
        if before is not None:
            rows = rows.filter(pk__lt=before)
        found = list(rows[: limit + 1])
    has_more = len(found) > limit
    items = [as_json(finding, slug) for finding in found[:limit]]
    return {"items": items, "next": numbered.cursor(found[limit - 1].pk) if has_more else None}


def as_json(finding: Finding, slug: str) -> FindingShape:
    """A finding as the API shows it."""
    return {
        "id": finding.pk,
        "state": "open" if finding.is_open else "withdrawn" if finding.withdrawn_at else "resolved",
        "signal": finding.series.signal,
        "metric": SIGNALS[finding.series.signal].metric,
        "feature": finding.series.feature,
        "direction": finding.direction,
        "is_strong": finding.is_strong,
        "started_day": finding.started_day.isoformat(),
        "started_between": (finding.started_low.isoformat(), finding.started_high.isoformat()),
        "alarm_day": finding.alarm_day.isoformat(),
        "opened_at": _rfc3339(finding.opened_at),
        "resolved_day": _day(finding.resolved_day),
        "resolved_by": finding.resolved_by or None,
        "withdrawn_at": instant(finding.withdrawn_at),
        "baseline": (finding.baseline.first_day.isoformat(), finding.baseline.last_day.isoformat()),
        "effect": _effect(finding.effect),
        "url": f"{settings.PUBLIC_URL}/{quote(slug)}/drift/{finding.pk}/",
    }


def _effect(stored: dict[str, Any] | None) -> EffectShape | None:
    if not stored:
        return None
    return {
        "first_day": stored["first_day"],
        "last_day": stored["last_day"],
        "sample_size": stored["n"],
        "value": stored["value"],
        "interval": _ends(stored["interval"]),
        "baseline_value": stored["baseline_value"],
        "change": stored["change"],
        "change_interval": _ends(stored["change_interval"]),
    }


def _ends(interval: Mapping[str, float]) -> tuple[float, float]:
    return interval["low"], interval["high"]


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _rfc3339(at: datetime) -> str:
    return instant(at) or ""
