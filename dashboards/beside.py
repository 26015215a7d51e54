"""AI users beside those without: how satisfied they are, and what they write tickets about."""

from functools import partial
from itertools import islice

from dashboards import asks, formatting, panels, present
from dashboards.components import Breakdown, Field, Heading, Row, State, learning_word
from dashboards.parts import Part
from dashboards.view import View
from observatory.metrics.definitions import METRICS, Metric
from observatory.metrics.derived.voices import people_tickets_by_category
from observatory.metrics.reading import Reading
from observatory.metrics.reading import State as Known

NAME, TITLE, TABLE = "beside", "AI users beside those without", "components/late_table.html"
SATISFIED = ("satisfaction_ai_users", "satisfaction_non_users")
TICKETS = ("ticket_rate_ai_users", "ticket_rate_non_users")
MOST_CATEGORIES = 6
HEADINGS = (
    Heading("What"),
    Heading("AI users", numeric=True, definition="Who called an AI feature within 30 days before."),
    Heading("95 %", numeric=True),
    Heading("n", numeric=True, definition="Answers; of tickets, the users with a call in the window's days."),
    Heading("Without AI", numeric=True, definition="Whom the app reports as being without (is_control)."),
    Heading("95 %", numeric=True),
    Heading("n", numeric=True, definition="Answers; of tickets, the users reported so in the window's days."),
)


def part(view: View) -> Part:
    """The table; it takes people one by one, so it comes after the page."""
    return Part(NAME, TITLE, partial(table, view), TABLE)


def table(view: View) -> Breakdown:
    """Satisfaction and tickets of both, tickets by category too."""
    choice, note = view.choice, present.window_words(view, view.choice.window)
    read = {name: view.reader.reading(name, choice.window, feature=choice.feature) for name in (*SATISFIED, *TICKETS)}
    unsent = [ask for name in (SATISFIED[0], TICKETS[0]) if (ask := asks.missing(view, name, read[name]))]
    if not any(one.sample_size for one in read.values()):
        return Breakdown(
            NAME, TITLE, HEADINGS, (), note, empty=unsent[0].short if unsent else panels.nothing_here(view)
        )
    rows = [
        _row(METRICS["satisfaction"].title, METRICS[SATISFIED[0]], *(read[name] for name in SATISFIED)),
        _row("Tickets for 1,000 people", METRICS[TICKETS[0]], *(read[name] for name in TICKETS)),
        *_categories(view),
    ]
    nobody = not read[TICKETS[1]].sample_size and not read[SATISFIED[1]].sample_size
    missing = asks.CONTROL.short if nobody else unsent[0].short if unsent else None
    return Breakdown(NAME, TITLE, HEADINGS, tuple(rows), note, METRICS[TICKETS[1]].doc, missing=missing)


def _categories(view: View) -> list[Row]:
    """The categories with most tickets of either, for 1,000 people."""
    choice, metric = view.choice, METRICS[TICKETS[0]]
    found = people_tickets_by_category(choice.window, feature=choice.feature, now=view.now)
    return [_row(f"Tickets: {name}", metric, *both) for name, both in islice(found.categories.items(), MOST_CATEGORIES)]


def _row(words: str, metric: Metric, with_ai: Reading, without: Reading) -> Row:
    return Row((Field(words), *_fields(with_ai, metric), *_fields(without, metric)))


def _fields(read: Reading, metric: Metric) -> tuple[Field, Field, Field]:
    if read.state is Known.LEARNING:
        word = learning_word(read.sample_size, metric.minimum_sample)
        return Field(word, state=State.LEARNING), Field(formatting.DASH), Field(formatting.count(read.sample_size))
    ends = formatting.interval(*read.interval, metric.unit) if read.interval else formatting.DASH
    return Field(formatting.value(read.value, metric.unit)), Field(ends), Field(formatting.count(read.sample_size))
