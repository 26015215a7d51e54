"""What a call costs: on average, in the middle, and component by component."""

from dataclasses import replace

from dashboards import formatting, panels, present
from dashboards.components import Breakdown, Field, Heading, Row, Tile
from dashboards.view import View
from observatory.metrics.definitions import METRICS
from observatory.metrics.reading import Reading

COMPONENTS = {
    "model_tokens": "model tokens",
    "retrieval": "retrieval",
    "infrastructure": "infrastructure",
    "moderation": "moderation",
    "human_review": "human review",
    "other": "other",
}
"""Component, as metrics name it → as people read it."""

BY_COMPONENT, TITLE = "per_call", "Cost per call by component"
TOTAL, MEAN, MEDIAN = "cost_total", "cost_per_call", "cost_per_call_p50"
HEADINGS = (
    Heading("Component"),
    Heading("Cost", numeric=True, definition=METRICS[TOTAL].doc),
    Heading("Per call, mean", numeric=True, definition=METRICS[MEAN].doc),
    Heading("Median", numeric=True, definition=f"{METRICS[MEDIAN].doc} Of cost records only sums are known."),
)


def tile(view: View) -> Tile:
    """The mean, and beside it the median of what calls cost themselves."""
    choice, found = view.choice, present.tile(view, present.Asked(MEAN))
    read = view.reader.reading(MEDIAN, choice.window, feature=choice.feature, where=choice.where)
    if read.value is None:
        return found
    line = f"median of model cost {formatting.amount(read.value)}"
    return replace(found, lines=(*found.lines, line), definition=f"{found.definition} {METRICS[MEDIAN].doc}")


def table(view: View) -> Breakdown:
    """One row a component that anything was paid for; their means add up to the whole."""
    choice = view.choice
    names = [name for component in COMPONENTS for name in (f"cost_{component}", f"{MEAN}_{component}")]
    found = view.reader.readings(
        [TOTAL, MEAN, MEDIAN, *names], choice.window, feature=choice.feature, where=choice.where
    )
    note = present.window_words(view, choice.window)
    if not found[MEAN].sample_size:
        return Breakdown(BY_COMPONENT, TITLE, HEADINGS, (), note, empty=panels.nothing_here(view))
    paid = [component for component in COMPONENTS if found[f"cost_{component}"].value]
    rows = tuple(
        _row(
            COMPONENTS[one].capitalize(),
            found[f"cost_{one}"],
            found[f"{MEAN}_{one}"],
            found[MEDIAN] if one == "model_tokens" else None,
        )
        for one in paid
    )
    nothing = ", ".join(words for one, words in COMPONENTS.items() if one not in paid)
    return Breakdown(
        BY_COMPONENT,
        TITLE,
        HEADINGS,
        rows,
        f"{note}, n = {formatting.count(found[MEAN].sample_size)} calls with a price",
        f"Nothing was paid for {nothing}." if nothing else "",
        _row("All", found[TOTAL], found[MEAN]),
    )


def _row(name: str, total: Reading, mean: Reading, median: Reading | None = None) -> Row:
    amounts = (total.value, mean.value, median.value if median else None)
    return Row((Field(name), *(Field(formatting.amount(one)) for one in amounts)))
