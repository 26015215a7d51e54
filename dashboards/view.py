"""The one way into a project's pages: who asks, which project, which filters; all inside the project's scope."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec
from zoneinfo import ZoneInfo

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from alerts import incidents
from alerts.models import Incident, RuleState
from dashboards import filters
from dashboards.filters import Choice
from ingest import dictionary, timeline
from ingest.dimensions import Dimension
from ingest.projects import access
from ingest.projects.models import Membership, Project
from observatory.metrics.baselines import store
from observatory.metrics.baselines.store import Baseline
from observatory.metrics.reading import Coverage
from observatory.metrics.series import Reader

P = ParamSpec("P")
Handler = Callable[..., HttpResponse]


@dataclass(frozen=True)
class View:
    """One request to one project's page. Everything a page needs hangs here; nothing else is global."""

    request: HttpRequest
    project: Project
    role: str
    now: datetime
    default_range: str = "28d"

    @cached_property
    def zone(self) -> ZoneInfo:
        """The project's time zone."""
        return timeline.zone(self.project.time_zone)

    @cached_property
    def feature_names(self) -> dict[int, str]:
        """The names of the project's features, by number."""
        return dictionary.values(Dimension.FEATURE)

    @cached_property
    def features(self) -> list[str]:
        """The names of the project's features."""
        return sorted(self.feature_names.values())

    @cached_property
    def open_incidents(self) -> list[Incident]:
        """The incidents that have not ended, the worst and then the newest first."""
        return list(incidents.open_incidents())

    @cached_property
    def rule_states(self) -> list[RuleState]:
        """Where every rule that is not paused stands."""
        return list(RuleState.objects.filter(rule__is_paused=False).select_related("rule"))

    @cached_property
    def models(self) -> list[str]:
        """The names of the models that have answered."""
        return sorted(dictionary.values(Dimension.MODEL).values())

    @cached_property
    def _pinned(self) -> list[Baseline]:
        return [one for one in store.every() if one.frozen_at is not None]

    def pinned(self, feature: str | None) -> list[Baseline]:
        """The frozen baselines of a feature, or of all, the last pinned first."""
        number = dictionary.number_of(Dimension.FEATURE, feature) if feature and self._pinned else None
        return [one for one in self._pinned if one.feature == number]

    def baselines(self, feature: str | None) -> list[str]:
        """Their names."""
        return [one.name for one in self.pinned(feature)]

    @cached_property
    def choice(self) -> Choice:
        """The filters of the address."""
        return filters.read(
            self.request.GET.dict(),
            now=self.now,
            zone_name=self.project.time_zone,
            features=self.features,
            models=self.models,
            default=self.default_range,
            pinned=self.baselines,
        )

    @cached_property
    def reader(self) -> Reader:
        """The numbers of this request; what its questions share is read once."""
        return Reader(self.now)

    @cached_property
    def coverage(self) -> Coverage:
        """How far the project's numbers reach."""
        return self.reader.coverage()

    @property
    def path(self) -> str:
        """This page's place inside the project: 'quality/'."""
        return self.request.path.removeprefix(f"/{self.project.slug}/")

    @property
    def may_write(self) -> bool:
        """Whether this person may change things."""
        return self.role in {Membership.Role.OWNER, Membership.Role.EDITOR}

    def url(self, path: str = "", **parameters: str | None) -> str:
        """An address of this project's pages, with the current filters when any parameter is given."""
        address = f"/{self.project.slug}/{path}"
        return address + (self.choice.query(**parameters) if parameters else "")

    def with_range(self, default: str) -> "View":
        """The same request with another default range."""
        return replace(self, default_range=default)

    def render(self, template: str, context: dict[str, Any], status: int = 200) -> HttpResponse:
        """Render a page of this project inside its frame."""
        from dashboards import shell

        frame = {
            "view": self,
            "zone": self.zone,
            "now": self.now,
            "shell": shell.frame(self),
            "strip": shell.strip(self),
        }
        return render(self.request, template, {**frame, **context}, status=status)


def project_page(view: Callable[Concatenate[View, P], HttpResponse]) -> Handler:
    """Let only members in, open the project's scope around the view, and refuse writes to viewers."""

    @login_required
    @wraps(view)
    def inner(request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        try:
            project = access.project_for(request.user, slug)
        except Project.DoesNotExist:
            raise Http404("no such project for this person") from None
        asked = View(request, project, access.role_in(request.user, project), timeline.now())
        if request.method not in {"GET", "HEAD"} and not asked.may_write:
            raise PermissionDenied("viewers read")
        with access.project_scope(project.id):
            return view(asked, *args, **kwargs)

    inner.access_rule = "member"  # type: ignore[attr-defined]  # read by the test that no view is without a rule
    return inner


def public_page(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Mark a view as open to everyone: it shows nothing of any project."""
    view.access_rule = "public"  # type: ignore[attr-defined]  # read by the test that no view is without a rule
    return view
