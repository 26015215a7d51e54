"""Quality: are the answers still good?"""

from collections.abc import Mapping
from functools import partial

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboards import judged, judgements, panels, present
from dashboards.charts.data import Group
from dashboards.charts.groups import lines_by_group
from dashboards.components import Empty, Link, Panel, not_enough
from dashboards.pages import pinned
from dashboards.pages.board import Board, PanelMaker, respond
from dashboards.panels import Drawn, series_panel
from dashboards.present import Asked
from dashboards.view import View, project_page
from ingest.timeline import DAY
from observatory.metrics.definitions import METRICS
from observatory.metrics.reading import Reading

COMPARED = ("thumbs_up_rate", "correction_rate", "rejection_rate", "task_completion_rate", "flag_rate", "error_rate")


def by_model_panel(view: View, metric: str, title: str) -> Panel:
    """One line a model, each point the seven days up to it."""
    choice = view.choice
    found = view.reader.breakdown([metric], choice.window, by="model", feature=choice.feature)
    busiest = sorted(found, key=lambda name: -found[name][metric].sample_size)[:6]
    groups = [
        Group(
            name,
            present.chart_points(
                view.reader.series(
                    metric, choice.window, "1d", feature=choice.feature, where={"model": name}, rolling_days=7
                )
            ),
        )
        for name in busiest
    ]
    groups = [group for group in groups if any(point.value is not None for point in group.points)]
    chart = lines_by_group(panels.frame(view, grain="1d"), title, METRICS[metric].unit, groups) if groups else None
    note = f"7 days rolling{panels.whole_days(view, '1d')}"
    note += f", the {len(groups)} with most ratings of {len(found)}" if groups else ""
    empty = None if chart else _too_few(view, metric, found)
    return panels.panel(view, "by_model", title, chart, note, empty)


def _too_few(view: View, metric: str, found: Mapping[str, Mapping[str, Reading]]) -> Empty:
    most = max((readings[metric].sample_size for readings in found.values()), default=0)
    if not most:
        return panels.nothing_here(view)
    need = METRICS[metric].minimum_sample
    return not_enough(most, need, "ratings of one model", "Too few for a line a model.", panels.wider_range(view))


@require_safe
@project_page
def quality(view: View) -> HttpResponse:
    """The Quality dashboard."""
    week = present.last(view, 7 * DAY)
    makers = [
        PanelMaker(
            "thumbs_up_rate", "Thumbs-up rate", partial(series_panel, view, Drawn("thumbs_up_rate", rolling_days=7))
        ),
        PanelMaker(
            "correction_rate", "Correction rate", partial(series_panel, view, Drawn("correction_rate", rolling_days=7))
        ),
        PanelMaker(
            "by_model",
            "Thumbs-up rate by model",
            partial(by_model_panel, view, "thumbs_up_rate", "Thumbs-up rate by model"),
        ),
        PanelMaker(
            "task_completion_rate",
            "Task completion",
            partial(series_panel, view, Drawn("task_completion_rate", rolling_days=7)),
        ),
    ]
    sent = judgements.sent(view)
    makers += judgements.charts(view, sent)
    tiles = [
        Asked(name, window=week, compare="baseline")
        for name in ("thumbs_up_rate", "correction_rate", "rejection_rate", "flag_rate", "task_completion_rate")
    ]
    tiles += [
        Asked("edit_ratio", "Edit ratio, mean of 7 d", week, "baseline"),
        Asked("escalations_24h", "Escalations, 24 h", present.last(view, DAY)),
    ]
    evidence = (Link("The interactions with a thumb down", view.url("interactions/", thumb="down")),)
    return respond(
        view,
        Board(
            "Quality",
            "quality/",
            tiles,
            makers,
            ("calls", "thumbs_up_rate", "correction_rate", "rejection_rate", "task_completion_rate"),
            evidence,
            judged.WATCHED["quality"],
            [PanelMaker("pinned", "Against the pinned baseline", partial(pinned.table, view, COMPARED, week))],
            small=judgements.tables(view),
            not_sent=judgements.not_sent(sent),
        ),
    )
