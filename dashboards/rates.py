"""Several rates of the same calls under each other: of all of them, then of each kind."""

from collections.abc import Mapping

from dashboards import formatting, panels, present
from dashboards.components import Breakdown, Field, Heading, Row
from dashboards.view import View
from observatory.metrics.definitions import METRICS

NUMBERS = (
    Heading("Share", numeric=True),
    Heading("95 %", numeric=True, definition="Where the share lies in 95 of 100 cases"),
    Heading("Count", numeric=True),
)


def table(
    view: View,
    id: str,
    title: str,
    rows: Mapping[str, tuple[str, str]],
    *,
    of: str = "Answers",
    footnote: str = "",
) -> Breakdown:
    """One row a rate: words → its metric and where it leads to, the first being that of all. `of`: what they are rates of."""
    choice = view.choice
    names = [name for name, _ in rows.values()]
    found = view.reader.readings(names, choice.window, feature=choice.feature, where=choice.where)
    headings, note = (Heading(of), *NUMBERS), present.window_words(view, choice.window)
    whole = found[names[0]]
    if whole.value is None:
        empty = panels.empty_for(view, whole, METRICS[names[0]], (), "in this window")
        return Breakdown(id, title, headings, (), note, empty=empty)
    shown = []
    for words, (name, url) in rows.items():
        one = found[name]
        if one.value is None:
            continue
        ends = formatting.interval(*one.interval, "ratio") if one.interval else formatting.DASH
        numbers = (formatting.rate(one.value), ends, formatting.count(one.counted))
        shown.append(Row((Field(words, url if one.value else ""), *(Field(number) for number in numbers))))
    return Breakdown(id, title, headings, tuple(shown), f"{note}, n = {formatting.count(whole.sample_size)}", footnote)
