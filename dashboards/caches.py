"""What caches answer and save: the app's own, of equal and of similar questions, and the provider's, of prompts."""

from dataclasses import dataclass

from dashboards import asks, formatting, not_sent, present, samples
from dashboards.components import Breakdown, Empty, Field, Heading, Row, State, Tile
from dashboards.view import View
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived.savings import together
from observatory.metrics.reading import Reading
from observatory.metrics.reading import State as Known

SAVED = "cache_savings"
TITLE = "Saved by caches"
UNPRICED = "no price is known of what they answered"
NOTHING = "No call that a cache answered has been received."


@dataclass(frozen=True)
class Cache:
    """A kind of cache: the metrics of how much it answers and what that saves, and the field that tells of it."""

    name: str
    hits: str
    savings: str
    of: str
    field: str


CACHES = (
    Cache("Equal questions", "cache_exact_hit_rate", "cache_exact_savings", "calls", 'cache "exact"'),
    Cache("Similar questions", "cache_semantic_hit_rate", "cache_semantic_savings", "calls", 'cache "semantic"'),
    Cache("Beginnings of prompts", "cached_input_share", "prompt_cache_savings", "input tokens", "cached_input_tokens"),
)


@dataclass(frozen=True)
class Held:
    """A cache over the page's window; both None where no call ever came from it."""

    cache: Cache
    hits: Reading | None
    saved: Reading | None


def ask(view: View) -> list[Held]:
    """Every kind of cache over the page's window. One that was heard of once and is silent now answers nothing: 0."""
    return [_held(view, cache) for cache in CACHES]


def _held(view: View, cache: Cache) -> Held:
    choice = view.choice
    hits = view.reader.reading(cache.hits, choice.window, feature=choice.feature, where=choice.where)
    if hits.state is Known.NOT_INSTRUMENTED:
        return Held(cache, None, None)
    saved = view.reader.reading(cache.savings, choice.window, feature=choice.feature, where=choice.where)
    return Held(cache, hits, saved)


def tile(view: View, found: list[Held]) -> Tile:
    """What all caches together saved."""
    title = f"{TITLE}, {present.window_words(view, view.choice.window)}"
    doc = " ".join(METRICS[one.savings].doc for one in CACHES)
    heard = [one for one in found if one.saved is not None]
    if not heard:
        return not_sent.tile(SAVED, title, asks.CACHES, doc)
    whole = together(one.saved for one in heard if one.saved)
    if whole.value is None:
        return Tile(title, formatting.DASH, SAVED, State.NO_DATA, "", (UNPRICED,), doc)
    lines = tuple(f"{one.cache.name.lower()}: {_told(one)}" for one in heard)
    return Tile(title, formatting.amount(whole.value), SAVED, None, "", lines, doc)


def table(view: View, found: list[Held]) -> Breakdown:
    """One row a kind of cache."""
    headings = (
        Heading("Cache of"),
        Heading("Answered", numeric=True, definition="Of all calls; of prompts, of all input tokens."),
        Heading("Saved", numeric=True, definition="Against the mean of the calls that no cache answered, by feature and model; of prompts, by the price of input."),
        Heading("n", numeric=True, definition="Calls, or input tokens."),
    )  # fmt: skip
    note = present.window_words(view, view.choice.window)
    if not any(one.hits for one in found):
        code = samples.interaction('"cache": "exact"')
        return Breakdown(SAVED, TITLE, headings, note=note, missing=not_sent.empty(NOTHING, asks.CACHES, code))
    unsent = ", ".join(one.cache.field for one in found if one.hits is None)
    missing = Empty("not instrumented", f"Not sent yet: {unsent}.", link=asks.CACHES.link) if unsent else None
    return Breakdown(SAVED, TITLE, headings, tuple(_row(one) for one in found), note, missing=missing)


def _row(one: Held) -> Row:
    name = Field(one.cache.name)
    if one.hits is None or one.saved is None:
        return Row((name, Field("not sent"), Field(formatting.DASH), Field(formatting.DASH)))
    return Row((name, Field(_answered(one)), Field(formatting.amount(one.saved.value)), Field(formatting.count(one.hits.sample_size))))  # fmt: skip


def _told(one: Held) -> str:
    """How much it answers; of one that is not in the sum, that too."""
    is_out = one.saved is not None and one.saved.value is None
    return f"{_answered(one)}, not in the sum: no price is known" if is_out else _answered(one)


def _answered(one: Held) -> str:
    """'4.8 % of calls'; of too few calls nothing can be said."""
    if one.hits is None or one.hits.value is None:
        return formatting.DASH
    return f"{formatting.rate(one.hits.value)} of {one.cache.of}"
