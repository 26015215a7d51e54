"""How near the busiest minutes came to what providers allow: each limit, and what has traffic without a limit."""

from collections.abc import Sequence

from dashboards import asks, formatting, judged, present, samples
from dashboards.charts.data import Limit as Line
from dashboards.components import Breakdown, Empty, Field, Heading, Row, State, Tile
from dashboards.view import View
from observatory.metrics.definitions import METRICS
from observatory.metrics.derived.headroom import Headroom, busiest, read
from observatory.metrics.provider_limits import Limit, Peak, Peaks, Use

USE = "provider_limit_use"
TITLE = "Headroom against provider limits"
MOST_MODELS = 8
NO_LIMIT = "no limit"
HEADINGS = (
    Heading("Provider or model"),
    Heading("Used", numeric=True, definition=METRICS[USE].doc),
    Heading("Calls in a minute", numeric=True, definition=METRICS["peak_requests_per_minute"].doc),
    Heading("Tokens in a minute", numeric=True, definition=METRICS["peak_tokens_per_minute"].doc),
)


def ask(view: View) -> Headroom:
    """Limits and peaks over the page's window; of the whole project."""
    return read(view.choice.window, now=view.now)


def tile(view: View, room: Headroom) -> Tile:
    """The most used limit; where none was entered, how to enter one."""
    title, doc = f"Use of provider limits, {present.window_words(view, view.choice.window)}", METRICS[USE].doc
    if not room.limits:
        line = "Enter what your providers allow, with the command below."
        return Tile(title, formatting.DASH, USE, State.NO_DATA, "No limit entered", (line,), doc)
    if not room.uses:
        return Tile(title, formatting.DASH, USE, State.NO_DATA, "", ("no call to a provider with a limit",), doc)
    first = room.uses[0]
    lines = (f"the most of {_counted(len(room.uses), 'limit')}: {_name(first.limit)}", _peak_words(first))
    return Tile(title, formatting.rate(first.share), USE, judged.state_of(view.rule_states, USE, None), "", lines, doc)


def _peak_words(use: Use) -> str:
    """The busiest minute of what a limit uses most: '3,000 of 40,000 tokens in its busiest minute'."""
    pairs = (
        (use.peak.calls, use.limit.requests_per_minute, "calls"),
        (use.peak.tokens, use.limit.tokens_per_minute, "tokens"),
    )
    used, most, what = max((pair for pair in pairs if pair[1]), key=lambda pair: pair[0] / (pair[1] or 1))
    return f"{formatting.count(used)} of {formatting.count(most)} {what} in the busiest minute"


def table(view: View, room: Headroom) -> Breakdown:
    """Limits first, the most used on top; then what has no limit: providers, and the models with most tokens."""
    lines = judged.limits_of(view.rule_states, USE, None)
    rows = [_limited(view, use, lines) for use in room.uses]
    limited = {(use.limit.provider, use.limit.model) for use in room.uses}
    unused = NO_LIMIT if room.limits else formatting.DASH
    rows += [
        _unlimited(view, *key, peak, unused)
        for key, peak in busiest(room.peaks, MOST_MODELS)
        if not _is_limited(key, limited)
    ]
    note = f"busiest minutes, {present.window_words(view, view.choice.window)}, the whole project"
    words = " ".join(f"{one.severity.capitalize()} from {formatting.rate(one.value, 0)}." for one in lines)
    missing = None if room.limits else _how_to_enter(view, room.peaks)
    idle = [_name(one) for one in room.limits if one not in [use.limit for use in room.uses]]
    words = f"{words} Without a call: {', '.join(idle)}." if idle else words
    return Breakdown("headroom", TITLE, HEADINGS, tuple(rows), note, words.strip(), missing=missing)


def _is_limited(key: tuple[str, str], limited: set[tuple[str, str]]) -> bool:
    """Whether a provider's or a model's peak stands beside a limit already."""
    provider, model = key
    return key in limited if provider else any(of == model for _, of in limited if of)


def _limited(view: View, use: Use, lines: Sequence[Line]) -> Row:
    limit = use.limit
    return Row(
        (
            _named(view, limit.provider, limit.model),
            Field(formatting.rate(use.share), state=judged.beyond(lines, use.share)),
            Field(_of(use.peak.calls, limit.requests_per_minute)),
            Field(_of(use.peak.tokens, limit.tokens_per_minute)),
        )
    )


def _of(used: int, most: int | None) -> str:
    """'3 of 50'; '3' where there is no limit."""
    return formatting.count(used) + (f" of {formatting.count(most)}" if most else "")


def _unlimited(view: View, provider: str, model: str, peak: Peak, unused: str) -> Row:
    calls, tokens = Field(formatting.count(peak.calls)), Field(formatting.count(peak.tokens))
    return Row((_named(view, provider, model), Field(unused), calls, tokens))


def _named(view: View, provider: str, model: str) -> Field:
    """A model leads to this page of it alone."""
    name = " · ".join(filter(None, (provider, model)))
    return Field(name, view.url(view.path, model=model) if model in view.models else "")


def _name(limit: Limit) -> str:
    return " · ".join(filter(None, (limit.provider, limit.model)))


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _how_to_enter(view: View, peaks: Peaks) -> Empty:
    """The command that enters a limit, for the provider with most traffic."""
    providers = [provider for (provider, _), _ in busiest(peaks) if provider]
    provider = samples.harmless(providers[0], "PROVIDER") if providers else "openai"
    code = f"manage.py provider_limit {view.project.slug} {provider} \\\n  --requests-per-minute 500 --tokens-per-minute 200000"
    detail = (
        "--model NAME is for a limit of one model. Run it where Observatory runs; figures are those of your contract."
    )
    text = "No provider limit has been entered, so nothing can be said of headroom."
    return Empty("not instrumented", text, detail, code, None if providers else asks.PROVIDER.link)
