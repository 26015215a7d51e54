"""What types cannot say about an item: whether its values fit together and can be counted. Pure."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec

from ingest.contract import (
    DEEPEST,
    FEEDBACK,
    LARGEST_FIGURE,
    LARGEST_METADATA,
    LARGEST_MONEY,
    NOT_FROM_BROWSERS,
    REFERENCES,
    STANDS_ALONE,
    Change,
    Cost,
    Feedback,
    Figure,
    Interaction,
    Item,
    Nps,
    Rating,
    Retrieval,
    Survey,
    User,
)
from ingest.refusals import Problem, echo, explain
from ingest.text import as_bytes, as_json, is_deeper, repair_deep

AHEAD = timedelta(days=30)
LONGEST_PERIOD = timedelta(days=3_660)
INCLUDING_CACHED = "input_tokens that include cached_input_tokens and cache_write_tokens"
_OF_BROWSERS = ", ".join(str(one.__struct_config__.tag) for one in FEEDBACK if one not in NOT_FROM_BROWSERS)
FROM_BROWSERS = (
    f"with a browser's key one of {_OF_BROWSERS}: the other kinds are posted by a server, with an ingest key"
)


def judge(item: Item, extras: dict[str, Any] | None, now: datetime, *, is_from_browser: bool = False) -> Problem | None:
    """Find the first thing that keeps an item, as it was sent, from being stored; None when it can be."""
    if is_from_browser and isinstance(item, NOT_FROM_BROWSERS):
        return Problem("$.kind", FROM_BROWSERS, repr(item.__struct_config__.tag))
    if isinstance(item, Interaction):
        return _feature(item) or _interaction(item) or _tokens(item, extras) or _metadata(item.metadata, extras)
    if isinstance(item, Cost):
        return _feature(item) or _cost(item, now) or _metadata(item.metadata, extras)
    if isinstance(item, Feedback):
        return _feature(item) or _feedback(item) or _metadata(item.metadata, extras)
    if isinstance(item, Change | User):
        return _feature(item) or _metadata(item.metadata, extras)
    return _figure(item) or _metadata(item.metadata, extras) if isinstance(item, Figure) else None


def _feature(item: Interaction | Cost | Feedback | Change | User) -> Problem | None:
    is_blank = item.feature is not None and item.feature.isspace()
    return Problem("$.feature", "a name", "nothing but blanks") if is_blank else None


def _interaction(item: Interaction) -> Problem | None:
    if item.status == "ok" and item.error_class:
        return Problem("$.error_class", "no error class beside the status ok", repr(item.error_class))
    if item.cost_usd is not None and not is_money(item.cost_usd):
        return _no_money("$.cost_usd", item.cost_usd)
    for name, messages in (("prompt", item.prompt), ("output", item.output)):
        if not isinstance(messages, str) and is_deeper(messages, DEEPEST - 1):
            return _too_deep(f"$.{name}")
    return None if item.retrieval is None else _retrieval(item.retrieval)


def _tokens(item: Interaction, extras: dict[str, Any] | None) -> Problem | None:
    """What shows that counts which include others were sent without them: they would be priced too low, or twice."""
    if item.reasoning_tokens and item.output_tokens is not None and item.reasoning_tokens > item.output_tokens:
        got = f"{item.output_tokens}, with {item.reasoning_tokens} of reasoning"
        return Problem("$.output_tokens", "output_tokens that include reasoning_tokens", got)
    inside = (item.cached_input_tokens or 0) + (item.cache_write_tokens or 0)
    if not inside:
        return None
    if item.input_tokens is None:
        return Problem("$.input_tokens", "input_tokens, which includes the cached ones", "nothing")
    if inside > item.input_tokens:
        return Problem("$.input_tokens", INCLUDING_CACHED, f"{item.input_tokens}, with {inside} cached")
    total = (extras or {}).get("total_tokens", (item.metadata or {}).get("total_tokens"))
    if item.output_tokens is not None and total == item.input_tokens + inside + item.output_tokens:
        return Problem(
            "$.input_tokens", INCLUDING_CACHED, f"{item.input_tokens} beside {inside} cached, {total} in all"
        )
    return None


def _retrieval(retrieval: dict[str, Any]) -> Problem | None:
    if is_deeper(retrieval, DEEPEST - 1):
        return _too_deep("$.retrieval")
    as_stored = repair_deep(retrieval)  # no key that is half a surrogate pair can be looked at
    try:
        msgspec.convert(as_stored, Retrieval)
    except msgspec.ValidationError as error:
        found = explain(error, Retrieval, as_stored)
        return Problem(found.path.replace("$", "$.retrieval", 1), found.expected, found.got)
    return None


def _feedback(item: Feedback) -> Problem | None:
    if not isinstance(item, STANDS_ALONE) and not any(getattr(item, name) for name in REFERENCES):
        return Problem("$.interaction_id", f"what this is about: {', '.join(REFERENCES)}, one of them", "nothing")
    if isinstance(item, Rating) and item.value > item.scale:
        return Problem("$.value", f"a number from 0 to the scale, {item.scale:g}", f"{item.value:g}")
    if isinstance(item, Survey) and item.score > item.scale:
        return Problem("$.score", f"a number from 0 to the scale, {item.scale:g}", f"{item.score:g}")
    if isinstance(item, Nps) and item.value is None and item.score is None:
        return Problem("$.score", "a number from 0 to 10", "nothing")
    return None


def _cost(item: Cost, now: datetime) -> Problem | None:
    if not is_money(item.amount_usd):
        return _no_money("$.amount_usd", item.amount_usd)
    if item.period_from is None and item.period_to is None:
        return None
    if item.period_from is None or item.period_to is None:
        missing = "$.period_from" if item.period_from is None else "$.period_to"
        return Problem(missing, "both ends of the period", "nothing")
    if item.occurred_at is not None or item.interaction_id is not None:
        other = "$.occurred_at" if item.occurred_at is not None else "$.interaction_id"
        return Problem(other, "a period, a time or an interaction: one of them", "two of them")
    if item.period_from >= item.period_to:
        return Problem("$.period_to", "a time after period_from", item.period_to.isoformat())
    if item.period_to > now + AHEAD:
        return Problem("$.period_to", "a time at most 30 days ahead", item.period_to.isoformat())
    if item.period_to - item.period_from > LONGEST_PERIOD:
        return Problem("$.period_from", "a time at most ten years before period_to", item.period_from.isoformat())
    return None


def _figure(item: Figure) -> Problem | None:
    if not item.value.is_finite() or not 0 <= item.value <= LARGEST_FIGURE:
        return Problem("$.value", f"a decimal from 0 to {LARGEST_FIGURE}", echo(item.value))
    return None


def _metadata(metadata: dict[str, Any] | None, extras: dict[str, Any] | None) -> Problem | None:
    if not metadata and not extras:
        return None
    if is_deeper(metadata, DEEPEST - 1):
        return _too_deep("$.metadata")
    if is_deeper(extras, DEEPEST - 1):
        return _too_deep("$")
    size = sum(len(as_bytes(as_json(part))) for part in (metadata, extras) if part)
    if size > LARGEST_METADATA:
        return Problem("$.metadata", "at most 64 KiB, together with unknown fields", f"{size} bytes")
    return None


def is_money(amount: Decimal) -> bool:
    """Whether an amount can be counted: finite, not negative, at most a thousand million dollars."""
    return amount.is_finite() and 0 <= amount <= LARGEST_MONEY


def _no_money(path: str, amount: Decimal) -> Problem:
    return Problem(path, f"a decimal from 0 to {LARGEST_MONEY}", echo(amount))


def _too_deep(path: str) -> Problem:
    return Problem(path, f"at most {DEEPEST} levels of nesting", "more")
