"""Cost: what does it cost, per call, per user and per outcome, who causes it, where is it heading?"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial

from django.db import transaction
from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboards import caches, formatting, heading, judged, panels, per_call, present, spenders, unit_costs
from dashboards.charts.bars import cost_bars
from dashboards.charts.data import Group
from dashboards.components import Link, Panel, Tile
from dashboards.pages.board import Board, Made, PanelMaker, TileMaker, respond
from dashboards.panels import Drawn, series_panel
from dashboards.per_call import COMPONENTS
from dashboards.present import Asked
from dashboards.shown_month import shown_month
from dashboards.view import View, project_page
from observatory.metrics import forecasts
from observatory.metrics.definitions import METRICS
from observatory.metrics.forecasting.growth import DEFAULT, Multiplier
from observatory.metrics.forecasts import CostForecast

COLUMNS = ("calls", "cost_total", "cost_per_call", "cost_per_outcome", "input_tokens_mean", "unpriced_calls")
TODAY = "Cost today so far"


class Asking:
    """What several parts of the page need: asked for by the first of them, so that a failure stays with its parts."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.month = cache(partial(shown_month, view))
        self.forecast = cache(partial(forecasts.current, view.now, reader=view.reader))
        self.users = cache(lambda: spenders.ask(view, self.month()))
        self.tiers = cache(lambda: unit_costs.shares(view, self.month()))
        self.caches = cache(partial(caches.ask, view))

    def whole_usd(self) -> float | None:
        """The cost of everything in the month."""
        return self.view.reader.reading("cost_total", self.month().window, feature=self.view.choice.feature).value

    def multiplier(self) -> Multiplier:
        """What the forecast was fitted with; without a forecast, what one plans with."""
        known = self.forecast_if_any()
        return known.multiplier if known else DEFAULT

    def forecast_if_any(self) -> CostForecast | None:
        """For what can do without: the forecast's own panel tells of its failure, and logs it."""
        try:
            with transaction.atomic():
                return self.forecast()
        except Exception:
            return None


def components_panel(view: View) -> Panel:
    """Daily cost, stacked by component."""
    choice, grain = view.choice, "1d"
    groups = []
    for component, name in COMPONENTS.items():
        points = present.chart_points(
            view.reader.series(f"cost_{component}", choice.window, grain, feature=choice.feature, where=choice.where)
        )
        if any(point.value for point in points):
            groups.append(Group(name, points))
    marks = panels.marks(view, panels.drawn(view, grain))
    chart = cost_bars(panels.frame(view, grain=grain), groups, marks=marks) if groups else None
    note = f"daily, USD, in the project's time zone{panels.whole_days(view, grain)}"
    return panels.panel(view, "components", "Cost by component", chart, note)


def today_tile(view: View) -> Tile:
    """What today cost so far, and this week."""
    choice = view.choice
    found = present.tile(view, Asked("cost_total", TODAY, present.today(view), compare=None, id="cost_today"))
    week = view.reader.reading("cost_total", present.this_week(view), feature=choice.feature, where=choice.where)
    return replace(found, lines=(f"this week so far {formatting.amount(week.value)}", *found.lines))


def _where_to(asking: Asking) -> list[PanelMaker]:
    """The month against its plan, and what it is made of."""
    view = asking.view
    return [
        PanelMaker("forecast", heading.TITLE, lambda: heading.forecast_panel(view, asking.forecast())),
        PanelMaker("components", "Cost by component", partial(components_panel, view)),
    ]


def _per_user(asking: Asking) -> list[PanelMaker]:
    """What a user costs: who causes it, who is dear, what more of them would cost, what they bring."""
    view, month, titles = asking.view, asking.month, spenders.TITLES | unit_costs.TITLES

    def maker(name: str, make: Callable[[], Made]) -> PanelMaker:
        return PanelMaker(name, titles[name], make)

    return [
        maker(spenders.CURVE, lambda: spenders.curve_panel(view, month(), asking.users())),
        maker(spenders.DEAR, lambda: spenders.costs_table(view, month(), asking.users(), asking.whole_usd())),
        maker(spenders.DEAREST, lambda: spenders.dearest_table(view, month(), asking.users())),
        maker(unit_costs.SCALE, lambda: unit_costs.scale_table(view, asking.multiplier())),
        maker(unit_costs.TIERS, lambda: unit_costs.tiers_table(view, month(), asking.tiers())),
        PanelMaker(caches.SAVED, caches.TITLE, lambda: caches.table(view, asking.caches())),
    ]


def _per_call(asking: Asking) -> list[PanelMaker]:
    """What a day and a call cost."""
    view = asking.view

    def line(metric: str, title: str, compare: str = "baseline") -> PanelMaker:
        return PanelMaker(metric, title, partial(series_panel, view, Drawn(metric, compare=compare)))

    return [
        PanelMaker("cost_anomaly", METRICS["cost_anomaly"].title, lambda: heading.expected_panel(view, asking.forecast_if_any())),
        line("cost_per_call", "Cost per call", "previous"),
        PanelMaker(per_call.BY_COMPONENT, per_call.TITLE, partial(per_call.table, view)),
        line("input_tokens_mean", "Prompt tokens per call"),
        line("unpriced_calls", "Unpriced calls", "previous"),
    ]  # fmt: skip


def _tiles(asking: Asking) -> list[Asked | TileMaker]:
    view, month = asking.view, asking.month
    titles = {name: METRICS[name].title for name in (unit_costs.PER_USER, unit_costs.OUTCOME, unit_costs.SHARE)}
    return [
        Asked("cost_total"),
        TileMaker("cost_today", TODAY, partial(today_tile, view)),
        TileMaker(per_call.MEAN, METRICS[per_call.MEAN].title, partial(per_call.tile, view)),
        TileMaker(unit_costs.PER_USER, titles[unit_costs.PER_USER], lambda: unit_costs.per_user_tile(view, month())),
        TileMaker(unit_costs.OUTCOME, titles[unit_costs.OUTCOME], partial(unit_costs.outcome_tile, view)),
        TileMaker(
            unit_costs.SHARE,
            titles[unit_costs.SHARE],
            lambda: unit_costs.revenue_tile(view, month(), asking.tiers()),
        ),
        TileMaker(spenders.MULTIPLE, "Dearest user", lambda: spenders.tile(view, month(), asking.users())),
        TileMaker(caches.SAVED, caches.TITLE, lambda: caches.tile(view, asking.caches())),
        TileMaker(unit_costs.GROWTH, "Growth of prompts", partial(unit_costs.growth_tile, view)),
        Asked("unpriced_calls"),
    ]


@require_safe
@project_page
def cost(view: View) -> HttpResponse:
    """The Cost dashboard."""
    asking = Asking(view)
    scenarios = PanelMaker("scenarios", heading.SCENARIOS, lambda: heading.scenarios_table(view, asking.forecast()))
    unpriced = Link("The interactions without a price", view.url("interactions/", cost="unpriced"))
    return respond(
        view,
        Board(
            "Cost",
            "cost/",
            _tiles(asking),
            [*_where_to(asking), *_per_user(asking), *_per_call(asking)],
            COLUMNS,
            (unpriced,),
            judged.WATCHED["cost"],
            (scenarios,),
        ),
    )
