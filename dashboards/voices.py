"""What people say beside their calls: who recommends the product, with the AI features and without, and tickets."""

from collections.abc import Iterable

from dashboards import asks, formatting, panels, present
from dashboards.components import Breakdown, Ends, Field, Heading, Row, State, learning_word
from dashboards.view import View
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived import voices
from observatory.metrics.derived.voices import Tickets
from observatory.metrics.reading import Reading
from observatory.metrics.reading import State as Known
from observatory.metrics.statistics import Interval, apart

WHOSE = {"nps_ai_users": "AI users", "nps_non_users": "Without AI", "nps": "Everybody"}
NPS_TITLE, TICKETS_TITLE = "Who recommends the product", "Tickets by category"
MOST_CATEGORIES = 8
NPS_HEADINGS = (
    Heading("Who answered"),
    Heading("NPS", numeric=True, definition=METRICS["nps"].doc),
    Heading("95 %", numeric=True, definition="Where the score lies in 95 of 100 cases"),
    Heading("n", numeric=True, definition="Answers in the window, by their own time"),
    Heading("Beside zero", definition="The score in its interval; the dotted line is zero"),
)
TICKET_HEADINGS = (
    Heading("Category"),
    Heading("Tickets", numeric=True),
    Heading("For 1,000 calls", numeric=True, definition=METRICS["ticket_rate"].doc),
    Heading("95 %", numeric=True, definition="Where the rate lies in 95 of 100 cases"),
)


def recommendations(view: View) -> Breakdown:
    """The net promoter score of those with the features beside those without."""
    choice = view.choice
    found = {name: view.reader.reading(name, choice.window, feature=choice.feature) for name in WHOSE}
    note = f"{present.window_words(view, choice.window)}, net promoter score{present.all_models(view)}"
    ask = asks.missing(view, "nps", found["nps"])
    if ask or not any(read.sample_size for read in found.values()):
        empty = ask.short if ask else panels.nothing_here(view)
        return Breakdown("nps", NPS_TITLE, NPS_HEADINGS, (), note, empty=empty)
    span = _span(found.values())
    # Of a feature, everybody are those who answered about it; most are asked about the whole product.
    rows = tuple(_score(name, read, span) for name, read in found.items() if name != "nps" or read.sample_size)
    return Breakdown(
        "nps", NPS_TITLE, NPS_HEADINGS, rows, note, sentence(found["nps_ai_users"], found["nps_non_users"])
    )


def _span(found: Iterable[Reading]) -> Interval:
    """From the lowest to the highest end, zero among them."""
    ends = [0.0, *(end for read in found for end in read.interval or ())]
    return Interval(min(ends), max(ends))


def _score(name: str, read: Reading, span: Interval) -> Row:
    field, n = Field(formatting.value(read.value, "nps")), Field(formatting.count(read.sample_size))
    if read.value is None or read.interval is None:
        return Row((Field(WHOSE[name]), field, Field(formatting.DASH), n, _why(name, read)))
    words = f"{formatting.promoters(read.interval[0])} to {formatting.promoters(read.interval[1])}"
    width = span.high - span.low
    places = ((end - span.low) / width for end in (read.interval[0], read.value, read.interval[1], 0.0))
    drawn = Field(f"{formatting.promoters(read.value)}, {words}", ends=Ends(*places))
    return Row((Field(WHOSE[name]), field, Field(words), n, drawn))


def _why(name: str, read: Reading) -> Field:
    """Why a score is unknown: too few answers, or nobody of whom the app has said that they are without."""
    if read.state is Known.LEARNING:
        return Field(learning_word(read.sample_size, METRICS[name].minimum_sample), state=State.LEARNING)
    if name == "nps_non_users":
        return Field(f"nobody; send {asks.CONTROL.what}", asks.CONTROL.link.url)
    return Field("nobody answered")


def sentence(with_ai: Reading, without: Reading) -> str:
    """How far both are apart, with the interval of the difference; empty where one is unknown."""
    if with_ai.value is None or without.value is None or not with_ai.interval or not without.interval:
        return ""
    ends = apart(with_ai.value, Interval(*with_ai.interval), without.value, Interval(*without.interval))
    moved = with_ai.value - without.value
    low, high = formatting.promoters(ends.low), formatting.promoters(ends.high)
    # As it is read: an end that is shown as 0 tells nothing apart.
    is_same = round(ends.low * 100) <= 0 <= round(ends.high * 100)
    verdict = "both may be the same" if is_same else "AI users recommend it more" if moved > 0 else "AI users recommend it less"  # fmt: skip
    return f"AI users minus those without: {formatting.value(moved, 'nps')} points ({low} to {high}): {verdict}."


def tickets(view: View) -> Breakdown:
    """Tickets of the window by category, for 1,000 calls of it."""
    choice = view.choice
    found = voices.tickets_by_category(choice.window, most=MOST_CATEGORIES, feature=choice.feature, now=view.now)
    read, note = found.whole.rate, present.window_words(view, choice.window)
    ask = asks.missing(view, "ticket_rate", read)
    if ask or not read.sample_size:
        empty = ask.short if ask else panels.nothing_here(view)
        return Breakdown("tickets", TICKETS_TITLE, TICKET_HEADINGS, (), note, empty=empty)
    rows = [_line(one.category, one) for one in found.categories]
    rows += [_line(f"{found.others.of} others", found.others)] if found.others else []
    return Breakdown(
        "tickets",
        TICKETS_TITLE,
        TICKET_HEADINGS,
        tuple(rows),
        f"{note}, n = {formatting.count(read.sample_size)} calls{present.all_models(view)}",
        "By the ticket's own time.",
        total=_line("All", found.whole),
    )


def _line(name: str, one: Tickets) -> Row:
    rate = ends = formatting.DASH
    if one.rate.value is not None and one.rate.interval is not None:
        low, high = one.rate.interval
        rate, ends = f"{one.rate.value:,.2f}", f"{low:,.2f}–{high:,.2f}"
    return Row((Field(name), Field(formatting.count(one.tickets)), Field(rate), Field(ends)))
