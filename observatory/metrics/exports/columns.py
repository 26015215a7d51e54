"""What an export of each kind of record shows: the names of the contract, and how a stored value becomes a cell. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from ingest.dimensions import ABSENT, OTHER, Cache, Component, CostSource, Dimension, ErrorClass, FeedbackKind, Flag
from observatory.metrics.exports.forms import Cell, dollars, json_text

Show = Callable[..., Cell]
DIMENSIONS = {dimension: dimension.name.lower() for dimension in Dimension} | {
    Dimension.MODEL: "served_model",
    Dimension.REQUESTED_MODEL: "model",
}
"""The dimensions by the names that apps send them under."""


@dataclass(frozen=True)
class Column:
    """One column: its name, the expression that reads it, and how it is shown unless as it is."""

    name: str
    sql: str
    show: Show | None = None
    dimension: Dimension | None = None
    also: tuple[str, ...] = ()
    """Further expressions, shown together with the first."""


@dataclass(frozen=True)
class Kind:
    """A kind of record. `texts` stand behind the other columns when they are asked for; `joined` is where they are read."""

    table: str
    columns: Sequence[Column]
    texts: Sequence[Column]
    joined: str = ""

    def shown(self, *, has_texts: bool) -> tuple[Column, ...]:
        """The columns of an export."""
        return (*self.columns, *(self.texts if has_texts else ()))


def named(dimension: Dimension, number: int, names: Mapping[tuple[int, int], str]) -> str | None:
    """A dictionary number's value."""
    if number == ABSENT:
        return None
    return "other" if number == OTHER else names.get((dimension, number))


def _plain(*names: str) -> list[Column]:
    return [Column(name, f"r.{name}") for name in names]


def _dimensions(*wanted: Dimension) -> list[Column]:
    return [Column(DIMENSIONS[one], f"r.{one.column}", dimension=one) for one in wanted or Dimension]


def _word(kind: type[IntEnum]) -> Show:
    words = {int(one): one.name.lower() for one in kind}
    return words.get


def _error(number: int) -> str | None:
    return ErrorClass(number).name.lower() if number else None


def _short(number: float | None) -> float | None:
    """What was stored in single precision, without the digits that reading it back makes up."""
    return None if number is None else float(f"{number:.7g}")


def _status(number: int) -> str:
    return "error" if number else "ok"


def _flags(bits: int) -> list[str]:
    return [flag.name.lower() for flag in Flag if bits & flag]


def _text(name: str, messages: Flag, cut: Flag) -> Column:
    """A text, or the list of messages that it was unless it had to be cut."""

    def show(stored: str | None, flags: int) -> Cell:
        is_list = flags & messages and not flags & cut
        return json_text(stored) if is_list else stored

    return Column(name, f"p.{name}", show, also=("r.flags",))


def _json(name: str, table: str) -> Column:
    return Column(name, f"{table}.{name}", json_text)


INTERACTIONS = Kind(
    "interaction",
    (
        *_plain("id", "occurred_at", "received_at", "claimed_at"),
        *_dimensions(),
        Column("status", "r.status", _status),
        Column("error_class", "r.error_class", _error),
        *_plain("latency_ms", "time_to_first_token_ms", "input_tokens", "output_tokens", "cached_input_tokens"),
        *_plain("cache_write_tokens", "reasoning_tokens", "prompt_chars", "output_chars"),
        *_plain("retrieval_latency_ms"),
        Column("retrieval_score", "r.retrieval_score", _short),
        *_plain("retrieval_documents"),
        Column("cost_usd", "r.cost_nano", dollars),
        Column("cost_source", "r.cost_source", _word(CostSource)),
        Column("cache", "r.cache", _word(Cache)),
        *_plain("user_id", "session_id", "trace_id", "span_id", "parent_id"),
        Column("flags", "r.flags", _flags),
    ),
    (
        _text("prompt", Flag.PROMPT_IS_MESSAGES, Flag.PROMPT_CUT),
        _text("output", Flag.OUTPUT_IS_MESSAGES, Flag.OUTPUT_CUT),
        Column("error_message", "p.error_message"),
        *(_json(name, "p") for name in ("retrieval", "metadata", "cut")),
        *(Column(name, f"encode(p.{name}, 'hex')") for name in ("prompt_hash", "output_hash", "error_hash")),
    ),
    "LEFT JOIN payload p ON p.project_id = r.project_id AND p.occurred_at = r.occurred_at AND p.id = r.id",
)
FEEDBACK = Kind(
    "feedback",
    (
        *_plain("id", "occurred_at", "received_at"),
        Column("kind", "r.kind", _word(FeedbackKind)),
        *_dimensions(Dimension.FEATURE),
        *_plain("value"),
        Column("edit_ratio", "r.edit_ratio", _short),
        *_plain("name", "label", "interaction_id", "interaction_at"),
        *_plain("user_id", "session_id", "trace_id", "span_id"),
        Column("flags", "r.flags", _flags),
    ),
    (Column("comment", "r.comment"), Column("final_text", "r.final_text"), _json("metadata", "r")),
)
COSTS = Kind(
    "cost",
    (
        *_plain("id", "occurred_at", "received_at"),
        Column("component", "r.component", _word(Component)),
        Column("amount_usd", "r.amount_nano", dollars),
        *_plain("interaction_id"),
        *_dimensions(),
        *_plain("period_from", "period_to"),
        Column("flags", "r.flags", _flags),
    ),
    (Column("description", "r.description"), _json("metadata", "r")),
)
KINDS: Mapping[str, Kind] = {"interactions": INTERACTIONS, "feedback": FEEDBACK, "costs": COSTS}
