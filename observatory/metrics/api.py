"""GET /metrics and GET /metrics/{name}: the definitions, and the numbers with what they mean."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar, cast

import msgspec
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.views import APIView

from ingest import timeline
from ingest.api.documented import Documented
from ingest.api.entrance import asked as answered
from ingest.api.views import holder_of
from ingest.projects.access import project_scope
from ingest.timeline import Window
from observatory.metrics import asking, declared, series
from observatory.metrics.definitions import METRICS, Metric
from observatory.metrics.reading import Answer, Comparison, Point
from observatory.metrics.rounding import exact, exact_ends
from observatory.metrics.shapes import (
    ComparisonShape,
    DefinitionShape,
    DefinitionsShape,
    GroupedShape,
    MetricShape,
    PointShape,
    Span,
    reading_shape,
    seam_shape,
)
from observatory.metrics.shelf import FILTERS, metric_of
from observatory.metrics.windows import BadWindow

PARAMETERS = {
    **asking.TIMES,
    "window": "for example 7d, or today, week, month; the metric's own unless told",
    "grain": "auto, 1m, 15m, 1h or 1d",
    "group_by": "a dimension: feature, model, tier …",
    "compare": "previous, weekday, baseline (the first 28 days) or baseline:NAME (a pinned one)",
    **FILTERS,
}

_JSON = msgspec.json.Encoder()


class Definitions(APIView):
    """The definitions: what is measured, in which unit, and how it is meant."""

    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {
        "GET": Documented("List metrics", answer=DefinitionsShape, refusals=(400,))
    }

    def get(self, request: Request) -> HttpResponse:
        """Every metric: name, dimension, unit, direction, window, formula, whether it adds up, what an empty window says."""
        try:
            asking.only(request.query_params, ())
        except BadWindow as error:
            return asking.refusal(error)
        definitions: DefinitionsShape = {"metrics": [described(metric) for metric in METRICS.values()]}
        return _json(definitions)


class Numbers(APIView):
    """A number with its interval, sample size and how far it is complete; with series, groups and a comparison."""

    scope: ClassVar[str] = "read"
    documented: ClassVar[Mapping[str, Documented]] = {"GET": Documented("Read a metric", PARAMETERS, GroupedShape)}

    def get(self, request: Request, name: str) -> HttpResponse:
        """One metric over a window, with its series, groups and comparison."""
        holder, now = holder_of(request), timeline.now()
        try:
            metric = metric_of(name)
            asked = asking.only(request.query_params, PARAMETERS)
            window = asking.window(asked, metric.window, now, holder.time_zone)
            answer = answered(holder.project_id, lambda: _answer(holder.project_id, name, window, asked, now))
        except (series.UnknownValue, BadWindow) as error:
            return asking.refusal(error)
        return _json(shaped(metric, answer, asked.get("group_by")))


def described(metric: Metric) -> DefinitionShape:
    """A definition as the API shows it."""
    return {
        "name": metric.name,
        "dimension": metric.area,
        "title": metric.title,
        "unit": metric.unit,
        "direction": metric.direction,
        "kind": metric.kind,
        "window": metric.window,
        "minimum_sample": metric.minimum_sample,
        "maturing": metric.maturing,
        "filtered_by": metric.filtered_by,
        "numerator": declared.numerator_of(metric),
        "denominator": declared.denominator_of(metric),
        "formula": declared.formula_of(metric),
        "additive": metric.is_additive,
        "empty": metric.when_empty,
        "needs": [source.what for source in metric.sources],
        "doc": metric.doc,
        "docs": declared.docs_of(metric),
    }


def shaped(metric: Metric, answer: Answer, group_by: str | None) -> GroupedShape:
    """An answer as the API shows it."""
    shape: MetricShape = {
        "metric": metric.name,
        "unit": metric.unit,
        "direction": metric.direction,
        **_times(answer.window),
        "grain": answer.grain,
        "complete_to": answer.complete_to,
        "mature_to": answer.mature_to,
        **reading_shape(metric.unit, answer.reading),
        "comparison": _comparison(metric, answer.comparison) if answer.comparison else None,
        "series": [_point(metric, point) for point in answer.series],
        "seams": [seam_shape(seam) for seam in answer.seams],
    }
    shown = cast("GroupedShape", shape)
    if answer.untold is not None:
        shown["untold"] = answer.untold
    if group_by:
        shown["groups"] = [
            {group_by: value, **reading_shape(metric.unit, reading)} for value, reading in answer.groups.items()
        ]
    return shown


def _answer(project_id: int, name: str, window: Window, asked: Mapping[str, str], now: datetime) -> Answer:
    wanted = {key: asked[key] for key in ("grain", "group_by", "compare") if key in asked}
    where = {key: asked[key] for key in FILTERS if key in asked}
    with project_scope(project_id):
        return series.read(name, window, **wanted, where=where, now=now)


def _times(window: Window) -> Span:
    return {"from": window.start, "to": window.end}


def _point(metric: Metric, point: Point) -> PointShape:
    return {
        **_times(point.window),
        **reading_shape(metric.unit, point.reading),
        "complete": point.complete,
        "mature": point.mature,
        "seam": point.seam,
    }


def _comparison(metric: Metric, comparison: Comparison) -> ComparisonShape:
    shape: ComparisonShape = {
        "kind": comparison.kind,
        "from": comparison.window.start,
        "to": comparison.window.end,
        "value": exact(metric.unit, comparison.value),
        "difference": exact(metric.unit, comparison.difference),
        "interval": exact_ends(metric.unit, comparison.interval),
        "sample_size": comparison.sample_size,
    }
    if comparison.untold is not None:
        shape["untold"] = comparison.untold
    return shape


def _json(body: Mapping[str, object]) -> HttpResponse:
    return HttpResponse(_JSON.encode(body), content_type="application/json")
