"""Health: is it up, how fast, what fails."""

from collections.abc import Mapping
from functools import cache, partial

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboards import asks, formatting, headroom, judged, not_sent, panels, present, rates
from dashboards.charts.data import Group, Limit
from dashboards.charts.groups import latency
from dashboards.components import Breakdown, Empty, Link, Panel, State, Tile
from dashboards.pages.board import Board, PanelMaker, TileMaker, respond
from dashboards.panels import Drawn, series_panel
from dashboards.present import Asked
from dashboards.view import View, project_page
from observatory.metrics.definitions import METRICS
from observatory.metrics.reading import State as Known

FIRST_WAIT = "Time to the first token"
BUSIEST = "peak_requests_per_minute"
PERCENTILES = {"latency_p50": "p50", "latency_p95": "p95", "latency_p99": "p99"}
FIRST_TOKEN = {"ttft_p50": "p50", "ttft_p95": "p95"}
RETRIEVAL, ERRORS = "retrieval_latency_p95", "Errors by class"
ERROR_CLASSES = {
    "timeout_rate": "Timeout",
    "rate_limited_rate": "Rate limit",
    "auth_error_rate": "Authentication",
    "content_filter_error_rate": "Content filter",
    "context_length_error_rate": "Context length",
    "server_error_rate": "Server",
    "network_error_rate": "Network",
    "other_error_rate": "Other or not told",
}
COLUMNS = ("calls", "availability", "uptime", "error_rate", "latency_p50", "latency_p95", "ttft_p95")


def _percentiles(view: View, wanted: Mapping[str, str]) -> tuple[str, dict[str, panels.Points]]:
    """The series of some percentiles of one histogram, in the grain in which its p95 can be read."""
    choice, widest = view.choice, list(wanted)[1]
    grain, points = panels.readable(view, METRICS[widest], choice.grain)
    found = {
        metric: points
        if metric == widest
        else view.reader.series(metric, choice.window, grain, feature=choice.feature, where=choice.where)
        for metric in wanted
    }
    return grain, found


def _has_values(found: Mapping[str, panels.Points]) -> bool:
    return any(point.reading.value is not None for series in found.values() for point in series)


def latency_panel(view: View) -> Panel:
    """Three percentiles of one histogram, beside the budget of the chosen feature's type."""
    choice = view.choice
    grain, found = _percentiles(view, PERCENTILES)
    note = f"p50, p95, p99, {panels.words_of_grain(grain)}{panels.whole_days(view, grain)}"
    if not _has_values(found):
        read = view.reader.reading("latency_p50", choice.window, feature=choice.feature, where=choice.where)
        empty = panels.empty_for(view, read, METRICS["latency_p50"], found["latency_p50"], panels.A_BUCKET[grain])
        return panels.panel(view, "latency", "Latency", None, note, empty)
    groups = [Group(name, present.chart_points(found[metric])) for metric, name in PERCENTILES.items()]
    budget = judged.budget(choice.feature)
    limits = [Limit(budget[1], "warning", "p95 budget")] if budget else []
    chart = latency(panels.frame(view, grain=grain), groups, limits, panels.marks(view, panels.drawn(view, grain)))
    return panels.panel(view, "latency", "Latency", chart, note)


def first_token_panel(view: View) -> Panel:
    """How long people wait until something appears."""
    metric = METRICS["ttft_p50"]
    grain, found = _percentiles(view, FIRST_TOKEN)
    note = f"p50, p95, {panels.words_of_grain(grain)}{panels.whole_days(view, grain)}"
    if not _has_values(found):
        empty = _no_first_token(view, found["ttft_p50"], panels.A_BUCKET[grain])
        return panels.panel(view, "first_token", FIRST_WAIT, None, note, empty, metric.doc)
    groups = [Group(name, present.chart_points(found[percentile])) for percentile, name in FIRST_TOKEN.items()]
    chart = latency(panels.frame(view, grain=grain), groups, (), panels.marks(view, panels.drawn(view, grain)))
    return panels.panel(view, "first_token", FIRST_WAIT, chart, note, None, metric.doc)


def _no_first_token(view: View, points: panels.Points, per: str) -> Empty | None:
    choice, metric = view.choice, METRICS["ttft_p50"]
    read = view.reader.reading(metric.name, choice.window, feature=choice.feature, where=choice.where)
    if read.state is Known.NOT_INSTRUMENTED:
        return not_sent.empty("No time to the first token has been received.", asks.FIRST_TOKEN)
    return panels.empty_for(view, read, metric, points, per)


def first_token_tile(view: View) -> Tile:
    """The wait that nineteen of twenty answers do not exceed."""
    return _tile(view, "ttft_p95", asks.FIRST_TOKEN)


def _tile(view: View, name: str, ask: asks.Ask) -> Tile:
    """A metric's tile; where nothing that it needs was ever sent, how to send it."""
    found, choice = present.tile(view, Asked(name)), view.choice
    read = view.reader.reading(name, choice.window, feature=choice.feature, where=choice.where)
    if read.state is Known.NOT_INSTRUMENTED:
        return not_sent.tile(name, found.title, ask, found.definition)
    return found


def errors_table(view: View) -> Breakdown:
    """The failed calls class by class; all of them lead to the list of them."""
    failed = view.url("interactions/", status="error", compare=None)
    rows = {"Failed in any way": ("error_rate", failed), **{words: (name, "") for name, words in ERROR_CLASSES.items()}}
    return rates.table(view, "errors", ERRORS, rows, of="Calls", footnote="A call that failed has one class.")


def retrieval(view: View) -> tuple[list[PanelMaker], dict[str, asks.Ask]]:
    """How long retrieval takes, where it is sent; else what to send."""
    metric, choice = METRICS[RETRIEVAL], view.choice
    read = view.reader.reading(RETRIEVAL, choice.window, feature=choice.feature, where=choice.where)
    if read.state in {Known.NOT_INSTRUMENTED, Known.NO_DATA}:
        return [], {metric.title: asks.ASKS[RETRIEVAL]}
    return [PanelMaker(RETRIEVAL, metric.title, partial(series_panel, view, Drawn(RETRIEVAL)))], {}


def uptime_tile(view: View) -> Tile:
    """How many minutes with traffic were down."""
    metric, choice = METRICS["uptime"], view.choice
    found = view.reader.readings(("minutes_down", "uptime"), choice.window, feature=choice.feature, where=choice.where)
    down, up = found["minutes_down"], found["uptime"]
    title = f"Minutes down, {present.window_words(view, choice.window)}"
    if up.value is None:
        return Tile(title, formatting.DASH, "uptime", State.NO_DATA, "", (), metric.doc)
    lines = (
        f"uptime {formatting.rate(up.value)}",
        f"of {formatting.count(up.sample_size)} minute{'' if up.sample_size == 1 else 's'} with traffic",
    )
    state = judged.state_of(view.rule_states, "uptime", choice.feature)
    return Tile(title, formatting.count(down.value), "uptime", state, "", lines, metric.doc)


def busiest_tile(view: View) -> Tile:
    """The most calls in one minute, and the most tokens."""
    choice, metric = view.choice, METRICS["peak_requests_per_minute"]
    calls, tokens = (
        view.reader.reading(name, choice.window, feature=choice.feature, where=choice.where)
        for name in ("peak_requests_per_minute", "peak_tokens_per_minute")
    )
    title = f"Busiest minute, {present.window_words(view, choice.window)}"
    if not calls.value:
        return Tile(title, formatting.DASH, BUSIEST, State.NO_DATA, "", (), metric.doc)
    value = f"{formatting.count(calls.value)} call{'' if calls.value == 1 else 's'}"
    lines = (f"most tokens in a minute: {formatting.count(tokens.value)}",)
    return Tile(title, value, BUSIEST, None, "", lines, f"{metric.doc} Not always the same minute.")


def cache_tile(view: View) -> Tile:
    """How much the app's own caches answer."""
    return _tile(view, "cache_hit_rate", asks.OWN_CACHE)


@require_safe
@project_page
def health(view: View) -> HttpResponse:
    """The Health dashboard."""
    view = view.with_range("24h" if present.is_busy(view) else "7d")
    room = cache(partial(headroom.ask, view))
    makers = [
        PanelMaker("error_rate", "Error rate", partial(series_panel, view, Drawn("error_rate"))),
        PanelMaker("latency", "Latency", partial(latency_panel, view)),
        PanelMaker("availability", "Availability", partial(series_panel, view, Drawn("availability"))),
        PanelMaker("first_token", FIRST_WAIT, partial(first_token_panel, view)),
        PanelMaker("calls", "Calls", partial(series_panel, view, Drawn("calls", compare="previous"))),
        PanelMaker(
            BUSIEST,
            "Busiest minutes",
            partial(series_panel, view, Drawn(BUSIEST, "Busiest minutes, calls", compare="previous")),
        ),
    ]
    of_retrieval, not_sent_yet = retrieval(view)
    makers[4:4] = of_retrieval
    limits = PanelMaker("headroom", headroom.TITLE, lambda: headroom.table(view, room()))
    tiles: list[Asked | TileMaker] = [
        *(Asked(name) for name in ("availability", "error_rate", "latency_p95", "timeout_rate", "calls")),
        TileMaker("uptime", "Minutes down", partial(uptime_tile, view)),
        TileMaker("ttft_p95", FIRST_WAIT, partial(first_token_tile, view)),
        TileMaker(BUSIEST, "Busiest minute", partial(busiest_tile, view)),
        TileMaker(headroom.USE, METRICS[headroom.USE].title, lambda: headroom.tile(view, room())),
        TileMaker("cache_hit_rate", METRICS["cache_hit_rate"].title, partial(cache_tile, view)),
    ]
    failed = Link("The failed interactions of this window", view.url("interactions/", status="error"))
    return respond(
        view,
        Board(
            "Health",
            "health/",
            tiles,
            makers,
            COLUMNS,
            (failed,),
            judged.WATCHED["health"],
            (limits,),
            small=(PanelMaker("errors", ERRORS, partial(errors_table, view)),),
            not_sent=not_sent_yet,
        ),
    )
