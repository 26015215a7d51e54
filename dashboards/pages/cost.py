"""Cost: what does it cost, per call and per user, and what has no price?"""

from functools import partial

from django.http import HttpResponse

from dashboards import heading, judged, panels, present
from dashboards.charts.bars import cost_bars
from dashboards.charts.data import Group
from dashboards.components import Link, Panel
from dashboards.pages.board import Board, PanelMaker, respond
from dashboards.panels import Drawn, series_panel
from dashboards.present import Asked
from dashboards.view import View, project_page
from ingest.timeline import DAY
from observatory.metrics import forecasts
from observatory.metrics.definitions import METRICS

COMPONENTS = {
    "cost_model_tokens": "model tokens",
    "cost_retrieval": "retrieval",
    "cost_infrastructure": "infrastructure",
    "cost_moderation": "moderation",
    "cost_human_review": "human review",
    "cost_other": "other",
}


def components_panel(view: View) -> Panel:
    """Daily cost, stacked by component."""
    choice = view.choice
    groups = []
    for metric, name in COMPONENTS.items():
        points = present.chart_points(
            view.reader.series(metric, choice.window, "1d", feature=choice.feature, where=choice.where)
        )
        if any(point.value for point in points):
            groups.append(Group(name, points))
    chart = cost_bars(panels.frame(view, grain="1d"), groups, marks=panels.marks(view)) if groups else None
    return panels.panel(view, "components", "Cost by component", chart, "daily, USD, in the project's time zone")


@project_page
def cost(view: View) -> HttpResponse:
    """The Cost dashboard."""
    forecast = forecasts.current(view.now, reader=view.reader)
    scenarios = heading.scenarios_table(view, forecast)
    makers = [
        PanelMaker("forecast", heading.TITLE, partial(heading.forecast_panel, view, forecast)),
        PanelMaker("components", "Cost by component", partial(components_panel, view)),
        PanelMaker(
            "cost_anomaly", METRICS["cost_anomaly"].title, partial(heading.expected_panel, view, forecast.known_days)
        ),
        PanelMaker(
            "cost_per_call", "Cost per call", partial(series_panel, view, Drawn("cost_per_call", compare="previous"))
        ),
        PanelMaker(
            "input_tokens_mean", "Prompt tokens per call", partial(series_panel, view, Drawn("input_tokens_mean"))
        ),
        PanelMaker(
            "unpriced_calls", "Unpriced calls", partial(series_panel, view, Drawn("unpriced_calls", compare="previous"))
        ),
    ]
    tiles = [
        Asked("cost_total"),
        Asked("cost_total", "Cost today so far", present.today(view), compare=None, id="cost_today"),
        Asked("cost_per_call"),
        Asked("cost_per_mau", window=present.last(view, 28 * DAY)),
        Asked("unpriced_calls"),
    ]
    unpriced = Link("The interactions without a price", view.url("interactions/", cost="unpriced"))
    return respond(
        view,
        Board(
            "Cost",
            "cost/",
            tiles,
            makers,
            ("calls", "cost_total", "cost_per_call", "input_tokens_mean", "unpriced_calls"),
            (unpriced,),
            judged.WATCHED["cost"],
            (scenarios,) if scenarios else (),
        ),
    )
