"""Health: is it up, how fast, what fails."""

from functools import partial

from django.http import HttpResponse

from dashboards import judged, panels, present
from dashboards.charts.data import Group, Limit
from dashboards.charts.groups import latency
from dashboards.components import Link, Panel
from dashboards.pages.board import Board, PanelMaker, respond
from dashboards.panels import Drawn, series_panel
from dashboards.present import Asked
from dashboards.view import View, project_page
from observatory.metrics.definitions import METRICS

PERCENTILES = {"latency_p50": "p50", "latency_p95": "p95", "latency_p99": "p99"}


def latency_panel(view: View) -> Panel:
    """Three percentiles of one histogram, beside the budget of the chosen feature's type."""
    choice = view.choice
    grain, points = panels.readable(view, METRICS["latency_p95"], choice.grain)
    found = {
        metric: points
        if metric == "latency_p95"
        else view.reader.series(metric, choice.window, grain, feature=choice.feature, where=choice.where)
        for metric in PERCENTILES
    }
    note = f"p50, p95, p99, {panels.words_of_grain(grain)}"
    if not any(point.reading.value is not None for series in found.values() for point in series):
        read = view.reader.reading("latency_p50", choice.window, feature=choice.feature, where=choice.where)
        empty = panels.empty_for(view, read, METRICS["latency_p50"], found["latency_p50"], panels.A_BUCKET[grain])
        return panels.panel(view, "latency", "Latency", None, note, empty)
    groups = [Group(name, present.chart_points(found[metric])) for metric, name in PERCENTILES.items()]
    budget = judged.budget(choice.feature)
    limits = [Limit(budget[1], "warning", "p95 budget")] if budget else []
    chart = latency(panels.frame(view, grain=grain), groups, limits, panels.marks(view))
    return panels.panel(view, "latency", "Latency", chart, note)


@project_page
def health(view: View) -> HttpResponse:
    """The Health dashboard."""
    view = view.with_range("24h" if present.is_busy(view) else "7d")
    makers = [
        PanelMaker("error_rate", "Error rate", partial(series_panel, view, Drawn("error_rate"))),
        PanelMaker("latency", "Latency", partial(latency_panel, view)),
        PanelMaker("calls", "Calls", partial(series_panel, view, Drawn("calls", compare="previous"))),
        PanelMaker("availability", "Availability", partial(series_panel, view, Drawn("availability"))),
    ]
    tiles = [Asked(name) for name in ("availability", "error_rate", "latency_p95", "timeout_rate", "calls")]
    failed = Link("The failed interactions of this window", view.url("interactions/", status="error"))
    return respond(
        view,
        Board(
            "Health",
            "health/",
            tiles,
            makers,
            ("calls", "availability", "error_rate", "latency_p50", "latency_p95"),
            (failed,),
            judged.WATCHED["health"],
        ),
    )
