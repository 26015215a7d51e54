"""GET /export/…: numbers and records as CSV or JSON Lines."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import dictionary, timeline
from ingest.api.documented import Documented
from ingest.api.entrance import asked as answered
from ingest.api.views import OnlyJson, holder_of
from ingest.dimensions import Dimension
from ingest.projects.access import KeyHolder, current_project, project_scope
from ingest.projects.models import Project
from ingest.timeline import Window
from observatory.metrics import asking
from observatory.metrics.definitions import METRICS
from observatory.metrics.exports import streams
from observatory.metrics.exports.columns import KINDS
from observatory.metrics.exports.desks import Busy
from observatory.metrics.exports.forms import CSV, FORMS, LINES
from observatory.metrics.exports.numbers import WITH_SERIES, Numbers
from observatory.metrics.exports.records import Records
from observatory.metrics.exports.streams import Source
from observatory.metrics.shelf import FILTERS, UnknownValue, no_value
from observatory.metrics.windows import BadWindow

WINDOW = "7d"
OF_NUMBERS = {
    "metrics": "names of metrics with commas between; it has to be said",
    **asking.TIMES,
    "window": f"for example 7d, or today, week, month; {WINDOW} unless told",
    "grain": "auto, 1m, 15m, 1h or 1d",
    "group_by": "a dimension: feature, model, tier …; one series for each value",
    **FILTERS,
}
OF_RECORDS = {
    **asking.TIMES,
    "window": OF_NUMBERS["window"],
    "feature": "only this feature",
    "text": "1 to have the texts too, as far as the project's policy keeps them",
}
WORDS = {CSV.name: "CSV", LINES.name: "JSON Lines"}


class Exporting(APIView, ABC):
    """One export: a source of rows, in the form that the address ends with."""

    content_negotiation_class = OnlyJson
    scope: ClassVar[str] = "read"
    parameters: ClassVar[Mapping[str, str]]
    form: str = CSV.name
    what: str = ""

    @property
    def documented(self) -> Mapping[str, Documented]:
        """What the API's description says of it."""
        form = FORMS[self.form]
        summary = f"Export {self.what} as {WORDS[form.name]}"
        return {
            "GET": Documented(summary, self.parameters, media_type=form.media_type.partition(";")[0], refusals=(404,))
        }

    def get(self, request: Request) -> HttpResponseBase:
        """The rows in order of time, streamed; gzip where `Accept-Encoding` asks for it."""
        holder, now = holder_of(request), timeline.now()
        try:
            asked = asking.only(request.query_params, self.parameters)
            window = asking.window(asked, WINDOW, now, holder.time_zone)
            source = self.source(holder, asked, window, now)
            slug = answered(holder.project_id, lambda: _slug(holder.project_id))
            name = f"{slug}-{self.what}-{window.start:%Y%m%dT%H%M%SZ}-{window.end:%Y%m%dT%H%M%SZ}"
            is_packed = streams.wants_gzip(request.META.get("HTTP_ACCEPT_ENCODING", ""))
            return streams.answer(holder.project_id, source, FORMS[self.form], name, is_packed=is_packed)
        except (UnknownValue, BadWindow) as error:
            return asking.refusal(error)
        except Busy as error:
            raise Throttled(error.retry_after, str(error)) from error

    def head(self, request: Request) -> HttpResponse:
        """Only what kind of answer it would be: reading rows for nobody would be a waste."""
        return HttpResponse(content_type=FORMS[self.form].media_type)

    @abstractmethod
    def source(self, holder: KeyHolder, asked: Mapping[str, str], window: Window, now: datetime) -> Source:
        """Where the rows come from. Raises BadWindow and UnknownValue."""


class ExportNumbers(Exporting):
    """Metrics in long form: one row a metric, point and group, with its interval, sample size and whether it is complete."""

    parameters = OF_NUMBERS

    def source(self, holder: KeyHolder, asked: Mapping[str, str], window: Window, now: datetime) -> Source:
        """The series of the metrics named."""
        names = [name.strip() for name in asked.get("metrics", "").split(",") if name.strip()]
        if not names:
            text = "metrics names one metric or more with commas between, for example calls,error_rate,cost_total"
            raise BadWindow(text, "metrics", WITH_SERIES)
        if unknown := [name for name in names if name not in METRICS]:
            text = f"no metric {unknown[0][:100]!r}; there are {', '.join(WITH_SERIES)}"
            raise UnknownValue(text, "metrics", WITH_SERIES)
        where = {name: asked[name] for name in FILTERS if name in asked}
        return Numbers(
            list(dict.fromkeys(names)), window, now, asked.get("grain", "auto"), asked.get("group_by"), where
        )


class ExportRecords(Exporting):
    """Stored records, one row each, with names in the place of dictionary numbers; unknown is empty or null."""

    parameters = OF_RECORDS

    def source(self, holder: KeyHolder, asked: Mapping[str, str], window: Window, now: datetime) -> Source:
        """The records of the window."""
        if asked.get("text", "0") not in {"0", "1"}:
            raise BadWindow("text is 0 or 1", "text", ["0", "1"])
        name = asked.get("feature")
        feature = answered(holder.project_id, lambda: _feature(holder.project_id, name)) if name else None
        return Records(KINDS[self.what], window, feature, has_texts=asked.get("text") == "1")


def addresses() -> list[tuple[str, Callable[..., Any]]]:
    """Every export's address with its view."""
    found: list[tuple[str, Callable[..., Any]]] = []
    for form in FORMS:
        found.append((f"metrics.{form}", ExportNumbers.as_view(form=form, what="metrics")))
        found += [(f"{what}.{form}", ExportRecords.as_view(form=form, what=what)) for what in KINDS]
    return found


def _feature(project_id: int, name: str) -> int:
    """The number of a feature. Raises UnknownValue."""
    with project_scope(project_id):
        number = dictionary.number_of(Dimension.FEATURE, name)
        if number is None:
            raise no_value(Dimension.FEATURE, name, dictionary.values(Dimension.FEATURE).values())
        return number


def _slug(project_id: int) -> str:
    with project_scope(project_id):
        return Project.objects.values_list("slug", flat=True).get(pk=current_project())
