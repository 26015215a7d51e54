"""The parts of Engagement that take the users one by one: how many of the product's there are, and who stays.

Each comes after its page.
"""

from functools import partial

from dashboards import asks, cohorts, parts, present
from dashboards.charts.data import Table
from dashboards.cohorts import COUNTS, WORDS, Period, Stays
from dashboards.components import NavItem
from dashboards.panels import Drawn, nothing_here, series_panel
from dashboards.parts import Part, Tiles
from dashboards.present import Asked
from dashboards.view import View
from ingest.timeline import DAY, local_day
from observatory.metrics import series
from observatory.metrics.people_reader import CohortTable

TITLES = {
    "adoption_rate": "Adoption, 30 d",
    "mau_share_change_8w": "Adoption over 8 weeks",
    "opt_out_rate": "Opt-out rate",
    "nps_ai_users": "NPS of AI users",
    "satisfaction": "Satisfaction",
}
CHOSEN = "cohorts"


def tiles(view: View) -> Part:
    """Adoption, opt-outs and what users say of the product, as a second row of tiles."""
    return Part("people", "Users", partial(_tiles, view), parts.TILES, titles=tuple(TITLES.values()))


def _tiles(view: View) -> Tiles:
    month = present.last(view, 30 * DAY)
    alone = {"mau_share_change_8w": None}
    asked = [Asked(name, title, month, alone.get(name, "previous")) for name, title in TITLES.items()]
    return Tiles("people", tuple(present.tile(view, one) for one in asked))


def adoption(view: View) -> Part:
    """The share of the product's users day by day."""
    make = partial(series_panel, view, Drawn("adoption_rate", "Adoption, 30 days up to each day", compare="previous"))

    def table() -> Table | None:
        chart = make().chart
        return chart.table if chart else None

    return Part("adoption_rate", "Adoption, 30 days up to each day", make, table=table)


def stays(view: View) -> Part:
    """Retention and cohorts."""
    asked = view.request.GET.get(CHOSEN, "")
    kept = ((CHOSEN, asked),) if asked in COUNTS else ()
    return Part(
        "stays", "Who stays", partial(_stays, view), parts.STAYS, "tall", table=partial(_table, view), kept=kept
    )


def _found(view: View) -> CohortTable:
    """By what the address chooses; else by weeks while they hold every cohort, also those of users who called later or never."""
    asked = view.request.GET.get(CHOSEN, "")
    if asked in COUNTS:
        return _by(view, asked)
    first = view.reader.first_day()
    zone = view.project.time_zone
    period = cohorts.period_for(local_day(first.start, zone) if first else None, local_day(view.now, zone))
    found = _by(view, period)
    return _by(view, "month") if period == "week" and found.earlier else found


def _by(view: View, period: Period) -> CohortTable:
    return series.cohorts(period=period, count=COUNTS[period], feature=view.choice.feature, now=view.now)


def _stays(view: View) -> Stays:
    found = _found(view)
    period = found.period
    first = view.reader.first_day(view.choice.feature)
    first_day = local_day(first.start, view.project.time_zone) if first else None
    came = cohorts.rows(cohorts.shown(found), period)
    return Stays(
        id="stays",
        title="Who stays",
        note=f"users by when they came{present.all_models(view)}",
        kept=tuple(cohorts.kept(one, first_day, asks.CONTROL.link) for one in found.retention),
        headings=cohorts.headings(len(came), period),
        rows=came,
        choices=tuple(
            NavItem(WORDS[one], f"{view.url(view.path, **{CHOSEN: one})}#panel-stays", one == period) for one in COUNTS
        ),
        footnotes=cohorts.footnotes(found, first_day),
        empty=None if came else nothing_here(view),
        csv_url=view.url(view.path, csv="stays", **{CHOSEN: period}),
    )


def _table(view: View) -> Table:
    return cohorts.table(_found(view))
