"""What apps may send: one struct a kind of item, each field with its limits and the words that explain them.

Pure declarations. `ingest.kinds` makes the decoders, `ingest.reading` decodes bodies, `ingest.judging` judges what types
cannot. A field that is absent and a field that is null are the same.
"""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from ingest.dimensions import Dimension

MOST_ITEMS = 1_000
LARGEST_BODY = 5 * 1024 * 1024
LARGEST_INFLATED = 20 * 1024 * 1024
MOST_VALUES = 100_000
MOST_DIGITS = 640
LARGEST_METADATA = 64 * 1024
DEEPEST = 32
LARGEST_MONEY = 1_000_000_000
LARGEST_FIGURE = 1_000_000_000_000

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
Flagged = Annotated[bool, Meta(description="true or false")]
Month = Annotated[
    str,
    Meta(pattern=r"\A20[0-9][0-9]-(?:0[1-9]|1[0-2])\Z", description="a month from 2000-01 to 2099-12, like 2026-01"),
]
ERROR_WORDS = (
    "timeout, rate_limit, auth, content_filter, context_length, server, network, other; or an HTTP status, or the name of an error"
    " of at most 200 characters, from which one of these is told"
)
ErrorWord = (
    Annotated[str, Meta(max_length=200, description=ERROR_WORDS)]
    | Annotated[int, Meta(ge=-2_147_483_648, le=2_147_483_647, description=ERROR_WORDS)]
)


class Item(Struct, kw_only=True, omit_defaults=True):
    """What every kind has. Defaults are left out of an item's fingerprint, so new fields never change an old one."""

    id: Id | None = None


class Event(Item, kw_only=True):
    """What happened at a time."""

    occurred_at: Instant | None = None


class Interaction(Event, kw_only=True):
    """One request to a model and its output."""

    feature: Name
    prompt: str | Messages | None = None
    output: str | Messages | None = None
    model: Reference | None = None
    served_model: Reference | None = None
    provider: Label | None = None
    status: Literal["ok", "error"] | None = None
    error_class: ErrorWord | None = None
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


class Feedback(Event, tag_field="kind"):
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


class Cost(Event, kw_only=True):
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


class Change(Event, kw_only=True):
    """Something that changed and may explain what charts show."""

    kind: Literal["deploy", "prompt", "model", "provider", "knowledge_base", "config", "campaign", "holiday", "other"]
    title: Title
    feature: Name | None = None
    version: Label | None = None
    url: Address | None = None
    note: Remark | None = None
    metadata: Object | None = None


class User(Event, kw_only=True):
    """What became of a user: they got the feature, left it, came back, or were there at all."""

    user_id: Id
    event: Literal["activated", "opted_out", "opted_in", "seen"]
    feature: Name | None = None
    segment: Label | None = None
    tier: Label | None = None
    is_control: Flagged | None = None
    metadata: Object | None = None


class Figure(Item, kw_only=True):
    """What only the business knows about a month, of one tier or of all; the last one sent stands."""

    month: Month
    name: Literal["revenue_usd", "active_users", "forecast_cost_usd", "forecast_users"]
    value: Money
    tier: Label | None = None
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
# What keys of browsers do not post, since everybody can read them: a handful of these calls somebody out of bed, and what a
# judge says is said by a server.
NOT_FROM_BROWSERS = (Escalation, Ticket, Evaluation)
# What feedback may name the thing by that it is about; of several the first counts that an interaction has.
REFERENCES = ("interaction_id", "span_id", "trace_id", "session_id")

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
