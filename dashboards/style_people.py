"""The style page's examples of who stays, of a value in its interval, and of tiles that are still to come."""

from datetime import date

from dashboards import cohorts
from dashboards import components as c
from dashboards.asks import ASKS
from dashboards.parts import Tiles
from ingest.timeline import DAY
from observatory.metrics.people_reader import CohortTable
from observatory.metrics.retention import Cohort, Retention

_FIRST = date(2026, 3, 1)
_SIZES = ((412, 390, 180, 160, 151, 149, 98), (388, 371, 150, 141, 133, 80), (12, 12, 6, 5, 2), (402, 380, 131, 70), (431, 409, 77), (120, 113))  # fmt: skip


def stays() -> cohorts.Stays:
    """Six months, one of them too small, beside retention that is known, learning and too young."""
    months = [date(2026, 3 + number, 1) for number in range(len(_SIZES))]
    of = tuple(
        Cohort(month, month + 27 * DAY, n, tuple(active)) for month, (n, *active) in zip(months, _SIZES, strict=True)
    )
    table = CohortTable("month", of, (), is_complete=True)
    last = date(2026, 8, 27)
    kept = (Retention(30, last, 402, 131, 240, 84), Retention(60, last, 12, 6, 0, 0), Retention(90, last, 0, 0, 0, 0))
    return cohorts.Stays(
        id="stays",
        title="Who stays",
        note="users by when they came",
        kept=tuple(cohorts.kept(one, date(2026, 6, 20), ASKS["nps"].link) for one in kept),
        headings=cohorts.headings(len(of), "month"),
        rows=cohorts.rows(cohorts.shown(table), "month"),
        choices=(c.NavItem("by month", "/engagement", current=True), c.NavItem("by week", "/engagement?cohorts=week")),
        footnotes=cohorts.footnotes(table, _FIRST),
        csv_url="/style/stays.csv",
    )


def scores() -> c.Breakdown:
    """Two scores in their intervals, and one that is not known yet."""
    headings = (c.Heading("Who answered"), c.Heading("NPS", numeric=True), c.Heading("Beside zero"))
    learning = c.Field(c.learning_word(12, 20), state=c.State.LEARNING)
    rows = (
        c.Row((c.Field("AI users"), c.Field("+24"), c.Field(ends=c.Ends(0.44, 0.72, 1.0, 0.24)))),
        c.Row((c.Field("Without AI"), c.Field("+3"), c.Field(ends=c.Ends(0.0, 0.3, 0.6, 0.24)))),
        c.Row((c.Field("Everybody"), c.Field("—"), learning)),
    )
    return c.Breakdown("scores", "Who recommends the product", headings, rows, "28 d")


def context() -> dict[str, object]:
    """What style.html shows of them."""
    asks = {"Rating": ASKS["rating_mean"], "Retrieval score": ASKS["retrieval_score_mean"]}
    return {
        "stays": stays(), "scores": scores(), "asks": asks,
        "waiting": Tiles("people", titles=("Adoption, 30 d", "Opt-out rate"), load_url="/style/slow"),
    }  # fmt: skip
