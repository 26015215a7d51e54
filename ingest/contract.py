"""What apps may send: one struct a kind of item, each field with its limits and the words that explain them.

Pure declarations. `ingest.reading` decodes bodies into these structs; `ingest.normalise` judges what types cannot.
A field that is absent and a field that is null are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta, Struct

from ingest.dimensions import Dimension, RecordKind

MOST_ITEMS = 1_000
LARGEST_BODY = 5 * 1024 * 1024
LARGEST_METADATA = 64 * 1024
DEEPEST = 32
LARGEST_MONEY = 1_000_000_000

Id = Annotated[str, Meta(min_length=1, max_length=200, description="a string of 1 to 200 characters")]
Reference = Annotated[str, Meta(max_length=200, description="a string of at most 200 characters")]
Label = Annotated[str, Meta(max_length=100, description="a string of at most 100 characters")]
Name = Annotated[str, Meta(min_length=1, max_length=100, description="a string of 1 to 100 characters")]
Title = Annotated[str, Meta(min_length=1, max_length=300, description="a string of 1 to 300 characters")]
Remark = Annotated[str, Meta(max_length=20_000, description="a string of at most 20,000 characters")]
Address = Annotated[str, Meta(max_length=2_000, description="a string of at most 2,000 characters")]
Text = Annotated[str, Meta(description="a string")]
Messages = list[dict[str, Any]]
Number = Annotated[float, Meta(ge=0, le=1e12, description="a number ≥ 0")]
Positive = Annotated[float, Meta(gt=0, le=1e12, description="a number > 0")]
TenPoints = Annotated[float, Meta(ge=0, le=10, description="a number from 0 to 10")]
Score = Annotated[float, Meta(ge=-1e12, le=1e12, description="a number")]
Count = Annotated[int, Meta(ge=0, le=2_147_483_647, description="an integer ≥ 0")]
Money = Annotated[Decimal, Meta(description="a decimal ≥ 0, as a number or a string")]
Instant = Annotated[datetime, Meta(tz=True, description="an RFC 3339 time with a zone, like 2026-01-31T12:00:00Z")]
Object = Annotated[dict[str, Any], Meta(description="an object")]
ErrorName = Literal["timeout", "rate_limit", "auth", "content_filter", "context_length", "server", "network", "other"]


class Item(Struct, kw_only=True, omit_defaults=True):
    """What every kind has. Defaults are left out of an item's fingerprint, so new fields never change an old one."""

    id: Id | None = None
    occurred_at: Instant | None = None


class Interaction(Item, kw_only=True):
    """One request to a model and its output."""

    feature: Name
    prompt: str | Messages | None = None
    output: str | Messages | None = None
    model: Reference | None = None
    served_model: Reference | None = None
    provider: Label | None = None
    status: Literal["ok", "error"] | None = None
    error_class: ErrorName | None = None
    error_message: Text | None = None
    latency_ms: Number | None = None
    time_to_first_token_ms: Number | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cached_input_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    reasoning_tokens: Count | None = None
    cost_usd: Money | None = None
    cache: Literal["none", "exact", "semantic"] | None = None
    user_id: Reference | None = None
    session_id: Reference | None = None
    trace_id: Reference | None = None
    span_id: Reference | None = None
    parent_id: Reference | None = None
    segment: Label | None = None
    tier: Label | None = None
    language: Label | None = None
    query_type: Label | None = None
    region: Label | None = None
    environment: Label | None = None
    release: Label | None = None
    prompt_name: Label | None = None
    prompt_version: Label | None = None
    retrieval: Object | None = None
    metadata: Object | None = None


class Document(Struct):
    """A retrieved document; what else it carries is kept as sent."""

    id: Reference | None = None
    score: Score | None = None


class Retrieval(Struct):
    """What `retrieval` must look like; it is stored as sent."""

    documents: list[Document] = []
    latency_ms: Number | None = None


class Feedback(Item, tag_field="kind"):
    """What somebody made of an output."""

    interaction_id: Id | None = None
    trace_id: Reference | None = None
    span_id: Reference | None = None
    session_id: Reference | None = None
    user_id: Reference | None = None
    feature: Name | None = None
    comment: Remark | None = None
    metadata: Object | None = None


class Thumb(Feedback, tag="thumb", kw_only=True):
    """Up or down."""

    value: Literal["up", "down"]


class Rating(Feedback, tag="rating", kw_only=True):
    """Stars or points out of `scale`."""

    value: Number
    scale: Positive = 5


class Correction(Feedback, tag="correction", kw_only=True):
    """The text the user went on with."""

    final_text: Text


class Flag(Feedback, tag="flag", kw_only=True):
    """Something was wrong with the output."""

    category: Name


class Escalation(Feedback, tag="escalation"):
    """A person had to step in."""

    reason: Remark | None = None


class Acceptance(Feedback, tag="acceptance", kw_only=True):
    """A suggestion was taken or dismissed."""

    value: Literal["accepted", "dismissed"]


class Outcome(Feedback, tag="outcome", kw_only=True):
    """How the task ended."""

    value: Literal["completed", "abandoned", "redone"]


class Survey(Feedback, tag="survey", kw_only=True):
    """An answer to a satisfaction question."""

    score: Number
    scale: Positive = 5
    question: Label | None = None


class Nps(Feedback, tag="nps", kw_only=True):
    """How likely the user is to recommend, 0 to 10, as `value` or as `score`."""

    value: TenPoints | None = None
    score: TenPoints | None = None


class Implicit(Feedback, tag="implicit", kw_only=True):
    """Something the user did with the output."""

    value: Literal["copy", "share", "follow"]


class Ticket(Feedback, tag="ticket", kw_only=True):
    """A support ticket about the feature."""

    category: Name


class Evaluation(Feedback, tag="evaluation", kw_only=True):
    """A score given by a judge model or a test."""

    name: Name
    score: Score | None = None
    label: Label | None = None
    evaluator: Label | None = None


class Cost(Item, kw_only=True):
    """An amount beside, or instead of, what the interaction's tokens cost."""

    component: Literal["model_tokens", "retrieval", "infrastructure", "moderation", "human_review", "other"]
    amount_usd: Money
    period_from: Instant | None = None
    period_to: Instant | None = None
    interaction_id: Id | None = None
    description: Remark | None = None
    feature: Name | None = None
    model: Reference | None = None
    served_model: Reference | None = None
    provider: Label | None = None
    segment: Label | None = None
    tier: Label | None = None
    language: Label | None = None
    query_type: Label | None = None
    region: Label | None = None
    environment: Label | None = None
    release: Label | None = None
    prompt_name: Label | None = None
    prompt_version: Label | None = None
    metadata: Object | None = None


class Change(Item, kw_only=True):
    """Something that changed and may explain what charts show."""

    kind: Literal["deploy", "prompt", "model", "provider", "knowledge_base", "config", "campaign", "holiday", "other"]
    title: Title
    feature: Name | None = None
    version: Label | None = None
    url: Address | None = None
    note: Remark | None = None
    metadata: Object | None = None


FEEDBACK: tuple[type[Feedback], ...] = (
    Thumb,
    Rating,
    Correction,
    Flag,
    Escalation,
    Acceptance,
    Outcome,
    Survey,
    Nps,
    Implicit,
    Ticket,
    Evaluation,
)
STANDS_ALONE = (Survey, Nps, Ticket, Escalation)

# The field of an interaction or a cost that each dimension is read from; MODEL falls back to the requested one.
DIMENSION_FIELDS = {
    Dimension.FEATURE: "feature",
    Dimension.MODEL: "served_model",
    Dimension.REQUESTED_MODEL: "model",
    Dimension.PROVIDER: "provider",
    Dimension.ENVIRONMENT: "environment",
    Dimension.RELEASE: "release",
    Dimension.PROMPT_NAME: "prompt_name",
    Dimension.PROMPT_VERSION: "prompt_version",
    Dimension.SEGMENT: "segment",
    Dimension.TIER: "tier",
    Dimension.LANGUAGE: "language",
    Dimension.QUERY_TYPE: "query_type",
    Dimension.REGION: "region",
}


@dataclass(frozen=True)
class Kind:
    """One kind of record and the decoders of its items.

    `strict` and `many` refuse unknown fields, which sends an item down the longer way that keeps them as metadata.
    """

    record: RecordKind
    types: Any
    lenient: "msgspec.json.Decoder[Any]"
    strict: "msgspec.json.Decoder[Any]"
    many: "msgspec.json.Decoder[list[Any]]"


def _kind(record: RecordKind, *types: type[Item]) -> Kind:
    strict = [msgspec.defstruct(f"Strict{t.__name__}", [], bases=(t,), forbid_unknown_fields=True) for t in types]
    lenient_union, strict_union = _union(types), _union(strict)
    many: Any = list[strict_union]  # type: ignore[valid-type]  # built from data above
    return Kind(
        record,
        lenient_union,
        msgspec.json.Decoder(lenient_union),
        msgspec.json.Decoder(strict_union),
        msgspec.json.Decoder(Annotated[many, Meta(max_length=MOST_ITEMS)]),
    )


def _union(types: Sequence[type[Struct]]) -> Any:
    return reduce(or_, types)


INTERACTIONS = _kind(RecordKind.INTERACTION, Interaction)
FEEDBACKS = _kind(RecordKind.FEEDBACK, *FEEDBACK)
COSTS = _kind(RecordKind.COST, Cost)
CHANGES = _kind(RecordKind.CHANGE, Change)


def _words(hint: Any) -> str:
    """The explaining words of a field's type: the description of its Annotated part, or the choices of a Literal."""
    for part in (hint, *get_args(hint)):
        for meta in getattr(part, "__metadata__", ()):
            return str(meta.description)
        if get_origin(part) is Literal:
            return f"one of {', '.join(get_args(part))}"
    return "a string or a list of chat messages"


def _expectations(struct: type[Struct]) -> dict[str, str]:
    hints = get_type_hints(struct, include_extras=True)
    return {field: _words(hints[field]) for field in struct.__struct_fields__}


KINDS_OF_FEEDBACK = {str(t.__struct_config__.tag): t for t in FEEDBACK}
STRUCTS: tuple[type[Struct], ...] = (Interaction, Document, Cost, Change, Feedback, *FEEDBACK)
EXPECTED: dict[type[Struct], dict[str, str]] = {struct: _expectations(struct) for struct in STRUCTS} | {
    Retrieval: {"documents": "a list of objects with id and score", "latency_ms": "a number ≥ 0"}
}
EXPECTED[Feedback]["kind"] = f"one of {', '.join(KINDS_OF_FEEDBACK)}"


def struct_of(kind: Kind, sent: object) -> type[Struct]:
    """The struct that a decoded JSON object of this kind has to fit."""
    if kind.record is not RecordKind.FEEDBACK:
        found: type[Struct] = kind.types
        return found
    tag = sent.get("kind") if isinstance(sent, dict) else None
    return KINDS_OF_FEEDBACK.get(tag, Feedback) if isinstance(tag, str) else Feedback
