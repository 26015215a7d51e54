"""Health: is it up, how fast, what fails."""

from functools import partial

from django.http import HttpResponse

from dashboards import judged, present
from dashboards.charts.data import Group, Limit
from dashboards.charts.groups import latency
from dashboards.components import Link, Panel
from dashboards.pages.board import Board, PanelMaker, respond
from dashboards.present import Asked, Drawn, series_panel
from dashboards.view import View, project_page

PERCENTILES = {"latency_p50": "p50", "latency_p95": "p95", "latency_p99": "p99"}


def latency_panel(view: View) -> Panel:
    """Three percentiles of one histogram, beside the budget of the chosen feature's type."""
    choice = view.choice
    groups, known = [], False
    for metric, name in PERCENTILES.items():
        points = present.chart_points(
            view.reader.series(metric, choice.window, choice.grain, feature=choice.feature, model=choice.model)
        )
        known = known or any(point.value is not None for point in points)
        groups.append(Group(name, points))
    budget = judged.budget(choice.feature)
    limits = [Limit(budget[1], "warning", "p95 budget")] if budget else []
    chart = latency(present.frame(view), groups, limits, present.marks(view)) if known else None
    return present.panel(view, "latency", "Latency", chart, f"p50, p95, p99, {present.words_of_grain(choice.grain)}")


@project_page
def health(view: View) -> HttpResponse:
    """The Health dashboard."""
    view = view.with_range("24h")
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
            ("error_rate", "timeout_rate", "rate_limited_rate", "latency_p50", "latency_p95", "availability"),
        ),
    )
