"""Engagement: do people still use it?"""

from functools import partial

from django.http import HttpResponse
from django.views.decorators.http import require_safe

from dashboards import beside, judged, people, present, voices
from dashboards.pages.board import Board, PanelMaker, respond
from dashboards.panels import Drawn, series_panel
from dashboards.present import Asked
from dashboards.view import View, project_page
from ingest.timeline import DAY


@require_safe
@project_page
def engagement(view: View) -> HttpResponse:
    """The Engagement dashboard."""
    week, month = present.last(view, 7 * DAY), present.last(view, 30 * DAY)
    makers = [
        PanelMaker("dau", "Daily active users", partial(series_panel, view, Drawn("dau", compare="previous"))),
        PanelMaker("calls", "Calls", partial(series_panel, view, Drawn("calls", compare="previous"))),
        PanelMaker(
            "feedback_coverage",
            "Feedback coverage",
            partial(series_panel, view, Drawn("feedback_coverage", rolling_days=7)),
        ),
    ]
    tiles = [
        Asked("dau", "Daily users, mean of 7 d", week),
        Asked("wau", window=week),
        Asked("mau", "Monthly users, 30 d", month),
        Asked("ticket_rate", "Tickets for 1,000 calls, 30 d", month),
        Asked("task_completion_rate", window=week),
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
            small=(
                PanelMaker("nps", voices.NPS_TITLE, partial(voices.recommendations, view)),
                PanelMaker("tickets", voices.TICKETS_TITLE, partial(voices.tickets, view)),
            ),
            more=(people.tiles(view),),
            late=(people.adoption(view), beside.part(view)),
            wide=(people.stays(view),),
        ),
    )
