"""What Quality shows of those who send it: ratings and how they are spread, evaluators' scores, retrieval; and, of
everybody, what stands out.
"""

from collections.abc import Iterable, Sequence
from functools import partial

from dashboards import comparing, formatting, lists, panels, present, rates
from dashboards.asks import ASKS, Ask
from dashboards.charts.bars import bars_pair
from dashboards.charts.data import Bin
from dashboards.components import Breakdown, Panel, not_enough
from dashboards.pages.board import PanelMaker
from dashboards.panels import Drawn, series_panel
from dashboards.view import View
from observatory.metrics import distributions
from observatory.metrics.definitions import METRICS
from observatory.metrics.layout import FLAG_COUNTERS
from observatory.metrics.reading import State

FINE_BINS = 300
"""So many that single ratings are told apart."""
RATINGS, SPREAD = "Rating", "How ratings are spread"
SENT_BY_SOME = {
    "rating_mean": RATINGS,
    "evaluation_score": "Evaluation score",
    "retrieval_score_mean": "Retrieval score",
    "no_result_rate": "Retrievals without a result",
}
"""Metrics that many projects have no data for: drawn where there are some, else named with what to send."""


def sent(view: View) -> list[str]:
    """Those of SENT_BY_SOME that have data: of the kind at all, or, of retrieval, lately or in the window."""
    choice = view.choice
    read = view.reader.readings(list(SENT_BY_SOME), choice.window, feature=choice.feature, where=choice.where)
    return [name for name, one in read.items() if one.state not in {State.NOT_INSTRUMENTED, State.NO_DATA}]


def charts(view: View, names: Sequence[str]) -> list[PanelMaker]:
    """A chart of each, and of ratings how they are spread."""
    makers = [
        PanelMaker(
            name, SENT_BY_SOME[name], partial(series_panel, view, Drawn(name, SENT_BY_SOME[name], rolling_days=7))
        )
        for name in names
    ]
    if "rating_mean" in names:
        makers.insert(1, PanelMaker("ratings", SPREAD, partial(spread_panel, view)))
    return makers


def not_sent(names: Iterable[str]) -> dict[str, Ask]:
    """Title → what to send, of those that have no data; one line for each thing to send."""
    found = {ASKS[name]: SENT_BY_SOME[name] for name in reversed(SENT_BY_SOME) if name not in names}
    return {title: ask for ask, title in reversed(found.items())}


def spread_panel(view: View) -> Panel:
    """Ratings of the window by stars, beside those of the window before or of the first 28 days."""
    choice = view.choice
    now = view.reader.distribution(
        "rating_mean", choice.window, feature=choice.feature, where=choice.where, bins=FINE_BINS
    )
    kind = choice.compare if choice.compare in comparing.EARLIER else "previous"
    window = comparing.earlier(choice.window, kind, "1d", view.project.time_zone)
    before = view.reader.distribution("rating_mean", window, feature=choice.feature, where=choice.where, bins=FINE_BINS)
    note = f"of {distributions.STARS}; other scales are brought to it; n = {formatting.count(before.n)} and {formatting.count(now.n)}"
    need = METRICS["rating_mean"].minimum_sample
    if now.n < need:
        empty = not_enough(now.n, need, "ratings", link=panels.wider_range(view)) if now.n else None
        return panels.panel(view, "ratings", SPREAD, None, note, empty)
    bins = by_stars(now.bins, before.bins)
    named = f"{comparing.EARLIER[kind]}" if before.n else f"{comparing.EARLIER[kind]}: none"
    chart = bars_pair("Rating", bins, named, present.window_words(view, choice.window), panels.frame(view))
    return panels.panel(view, "ratings", SPREAD, chart, note)


def by_stars(now: Iterable[distributions.Bin], before: Iterable[distributions.Bin]) -> list[Bin]:
    """Shares of each whole number of stars; a rating between two counts for the upper one."""
    current, reference = distributions.shares_by_star(now), distributions.shares_by_star(before)
    return [Bin(str(star), reference[star - 1], current[star - 1]) for star in range(1, distributions.STARS + 1)]


def tables(view: View) -> tuple[PanelMaker, ...]:
    """What stands out, one click from the answers, and what people flagged."""
    return (
        PanelMaker("flags", "Flags by category", partial(_flags, view)),
        PanelMaker("outliers", "Unusual answers", partial(_outliers, view)),
    )


def _outliers(view: View) -> Breakdown:
    names = {"any": "outlier_rate", **{mark: f"outlier_{mark}_rate" for mark in lists.MARK_WORDS}}
    words = {"any": "Unusual in any way", **lists.MARK_WORDS}
    rows = {words[mark]: (name, view.url("interactions/", mark=mark, compare=None)) for mark, name in names.items()}
    return rates.table(
        view,
        "outliers",
        "Unusual answers",
        rows,
        footnote="Beyond the usual p99.9 of their feature, or odd in themselves.",
    )


def _flags(view: View) -> Breakdown:
    rows = {
        "Flagged in any way": ("flag_rate", ""),
        **{word.capitalize(): (f"flag_{word}_rate", "") for word in FLAG_COUNTERS},
    }
    return rates.table(view, "flags", "Flags by category", rows)
