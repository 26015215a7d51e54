"""Engagement: do people still use it?"""

from functools import partial

from django.http import HttpResponse

from dashboards import judged, present
from dashboards.pages.board import Board, PanelMaker, respond
from dashboards.panels import Drawn, series_panel
from dashboards.present import Asked
from dashboards.view import View, project_page
from ingest.timeline import DAY


@project_page
def engagement(view: View) -> HttpResponse:
    """The Engagement dashboard."""
    makers = [
        PanelMaker("dau", "Daily active users", partial(series_panel, view, Drawn("dau", compare="previous"))),
        PanelMaker("calls", "Calls", partial(series_panel, view, Drawn("calls", compare="previous"))),
        PanelMaker(
            "feedback_coverage",
            "Feedback coverage",
            partial(series_panel, view, Drawn("feedback_coverage", rolling_days=7)),
        ),
        PanelMaker(
            "rejection_rate", "Rejection rate", partial(series_panel, view, Drawn("rejection_rate", rolling_days=7))
        ),
    ]
    tiles = [
        Asked("dau", "Daily users, mean of 7 d", present.last(view, 7 * DAY)),
        Asked("wau", window=present.last(view, 7 * DAY)),
        Asked("mau", "Monthly users, 30 d", present.last(view, 30 * DAY)),
        Asked("feedback_coverage", window=present.last(view, 7 * DAY)),
        Asked("task_completion_rate", window=present.last(view, 7 * DAY)),
    ]
    return respond(
        view,
        Board(
            "Engagement",
            "engagement/",
            tiles,
            makers,
            ("calls", "mau", "feedback_coverage", "task_completion_rate"),
            (),
            judged.WATCHED["engagement"],
        ),
    )
