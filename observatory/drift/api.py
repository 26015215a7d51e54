"""GET /api/v1/findings and /api/v1/findings/{id}: what drift found, for machines. Read scope."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, ClassVar, TypedDict
from urllib.parse import quote

from django.conf import settings
from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest.api import numbered
from ingest.api.documented import Documented
from ingest.api.pages import only
from ingest.api.shapes import instant
from ingest.api.views import OnlyJson, shown
from ingest.projects.access import current_project
from ingest.projects.models import Project
from observatory.drift.models import Finding
from observatory.drift.signals import SIGNALS


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
            numbered.PARAMETERS,
            FindingsPage,
        )
    }

    def get(self, request: Request) -> HttpResponse:
        """Answer one page. A parameter that cannot be is a 400 that says what can."""
        only(request, *numbered.PARAMETERS)
        return shown(request, lambda: _page(request))


class SingleFinding(APIView):
    """One finding, as the list shows it."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("Read one finding of drift", answer=FindingShape)
    }

    def get(self, request: Request, number: int) -> HttpResponse:
        """Answer it, or 404 when this project has no such finding."""
        return shown(request, lambda: _single(number))


def _page(request: Request) -> FindingsPage:
    state = numbered.state(request)
    rows, slug = _findings(), _slug()
    if state:
        rows = rows.filter(withdrawn_at=None, resolved_day__isnull=state == "open")
    items, following = numbered.page(request, rows, lambda finding: as_json(finding, slug))
    return {"items": items, "next": following}


def _single(number: int) -> FindingShape:
    finding = _findings().filter(pk=number).first() if number <= numbered.LARGEST_ID else None
    if finding is None:
        raise Http404(f"There is no finding {number}.")
    return as_json(finding, _slug())


def _findings() -> QuerySet[Finding]:
    return Finding.objects.select_related("series", "baseline").order_by("-pk")


def _slug() -> str:
    return Project.objects.values_list("slug", flat=True).get(pk=current_project())


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
