"""The shapes of what the record's API answers, beside `records.Answer`: unknown is null, instants are RFC 3339 in UTC."""

from typing import Any, NotRequired, TypedDict

from ingest.records import Result


class ErrorShape(TypedDict, total=False):
    """What is wrong with one item or parameter: `path` is a JSON path inside the item."""

    index: int
    path: str
    expected: str
    got: str


class ProblemShape(TypedDict):
    """Why a request was refused (RFC 9457); `errors` names each item that is to blame.

    Of a query `parameter` is the one to blame, and `allowed` what it can be, or in words which rule it keeps.
    """

    type: str
    title: str
    status: int
    detail: str
    errors: list[ErrorShape]
    parameter: NotRequired[str]
    allowed: NotRequired[list[str]]


class BrowserAnswer(TypedDict):
    """What a key of browsers is told: which items have the right form (`accepted` or `invalid`), nothing of the record."""

    accepted: int
    invalid: int
    results: list[Result]


class StoredInteraction(TypedDict):
    """An interaction as it is stored: what was sent, and what was made of it."""

    id: str
    occurred_at: str
    received_at: str
    claimed_at: str | None
    feature: str | None
    model: str | None
    served_model: str | None
    provider: str | None
    status: str
    error_class: str | None
    error_message: str | None
    prompt: str | list[Any] | None
    output: str | list[Any] | None
    latency_ms: float | None
    time_to_first_token_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cached_input_tokens: int | None
    cache_write_tokens: int | None
    reasoning_tokens: int | None
    cost_usd: str | None
    cost_source: str
    cache: str
    user_id: str | None
    session_id: str | None
    trace_id: str | None
    span_id: str | None
    parent_id: str | None
    segment: str | None
    tier: str | None
    language: str | None
    query_type: str | None
    region: str | None
    environment: str | None
    release: str | None
    prompt_name: str | None
    prompt_version: str | None
    retrieval: dict[str, Any] | None
    metadata: dict[str, Any] | None
    cut: dict[str, Any] | None
    text_hash: dict[str, str] | None
    flags: list[str]


class LinkedCost(TypedDict):
    """A cost record that names the interaction."""

    id: str
    component: str
    amount_usd: str
    received_at: str
    description: str | None
    flags: list[str]


class LinkedFeedback(TypedDict):
    """A feedback event about the interaction; `value` and `label` are as they are counted (a rating of 4 of 5 is 0.8 and `4/5`)."""

    id: str
    kind: str
    occurred_at: str
    received_at: str
    value: float | None
    edit_ratio: float | None
    name: str
    label: str | None
    user_id: str | None
    comment: str | None
    final_text: str | None
    flags: list[str]


class WholeInteraction(StoredInteraction):
    """An interaction with what belongs to it: the first 200 cost records and feedback events, and the cost with all records.

    A cost record of `model_tokens` stands for `cost_usd`; the others are added. `total_cost_usd` is null where nothing says what it cost.
    """

    total_cost_usd: str | None
    costs: list[LinkedCost]
    feedback: list[LinkedFeedback]


class InteractionsPage(TypedDict):
    """A page of interactions; `next` is the cursor of the page after it, null on the last."""

    items: list[StoredInteraction]
    next: str | None


class SearchedPage(InteractionsPage, total=False):
    """The same; a search also says up to when what was received is found."""

    complete_to: str | None


class ReceiptShape(TypedDict):
    """An erasure: `state` is waiting, running or done; `erased` counts rows by kind."""

    receipt: int
    user: str
    state: str
    erased_before: str
    requested_by: str
    started_at: str | None
    finished_at: str | None
    erased: dict[str, int]
    anonymous_sums_kept_before: str | None


class ReceiptsPage(TypedDict):
    """The receipts of one user, the newest first."""

    items: list[ReceiptShape]
    next: str | None
