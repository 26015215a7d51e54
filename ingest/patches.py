"""What a PATCH fills: the fields of an interaction that are still absent; of a field that is set the first value stays.

Pure. Whether a field is set is read from the row as it is stored, so what nobody said counts as absent: an estimated
token count, a detected language, a price of ours. The status is `ok` and the cache `none` until something else is said,
and an error is `other` until its class is.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec.structs import asdict

from ingest.contract import DIMENSION_FIELDS, Interaction
from ingest.dimensions import ABSENT, Cache, CostSource, Dimension, ErrorClass, Flag
from ingest.normalise import COPIED, NAMES, Columns, Entry, beyond_dictionary, metadata_of
from ingest.pricing import Call, PriceBook, is_amount, nano_of
from ingest.text import as_json, free

ESTIMATES = {"input_tokens": Flag.INPUT_TOKENS_ESTIMATED, "output_tokens": Flag.OUTPUT_TOKENS_ESTIMATED}
# Field of a text → its columns beside the numbers, and what the flags say of it.
TEXTS = {
    "prompt": (("prompt", "prompt_hash"), Flag.PROMPT_CUT | Flag.PROMPT_IS_MESSAGES),
    "output": (("output", "output_hash", "word_marks"), Flag.OUTPUT_CUT | Flag.OUTPUT_IS_MESSAGES),
    "error_message": (("error_message", "error_hash"), 0),
}
DIMENSIONS = {name: dimension for dimension, name in DIMENSION_FIELDS.items()}
RETRIEVED = ("retrieval_score", "retrieval_documents", "retrieval_latency_ms")
PRICED = {
    "cost_usd", "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens", "model", "served_model", "provider",
}  # fmt: skip
IN_PAYLOAD = {*TEXTS, "retrieval", "metadata"}


class Fate(StrEnum):
    """What becomes of one field."""

    FILLED = "filled"
    UNCHANGED = "unchanged"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Stored:
    """An interaction as it is stored: its rows as column → value, and the values of its dimensions.

    The payload is None when the time of its texts is over. A value beyond the dictionary is found in the metadata.
    """

    interaction: Mapping[str, Any]
    payload: Mapping[str, Any] | None
    values: Mapping[Dimension, str]

    @property
    def occurred_at(self) -> datetime:
        """When it counts."""
        at: datetime = self.interaction["occurred_at"]
        return at

    @property
    def metadata(self) -> dict[str, Any]:
        """Its metadata, with unknown fields and values beyond the dictionary."""
        kept = self.payload["metadata"] if self.payload else None
        found: dict[str, Any] = json.loads(kept) if kept else {}
        return found

    @property
    def cluster(self) -> str:
        """Whom it counts for."""
        return self.interaction["user_id"] or self.interaction["session_id"] or ""

    def has(self, flag: int) -> bool:
        """Whether a flag is set."""
        return bool(self.interaction["flags"] & flag)

    def value(self, name: str) -> str | None:
        """The value of a dimension by its field; None when nobody said it."""
        dimension = DIMENSIONS[name]
        if self.interaction[dimension.column] == ABSENT:
            return None
        return self.values.get(dimension) or str(self.metadata.get(name, ""))


@dataclass(frozen=True)
class Patch:
    """What was sent, as the project's text policy leaves it, with the columns that it would have alone.

    Of the item an absent feature is an empty text.
    """

    entry: Entry
    columns: Columns
    failure: ErrorClass = ErrorClass.OTHER
    """What class all that was sent tells."""
    word: Any = None
    """What was sent as `error_class`, where it is no class."""

    @property
    def item(self) -> Interaction:
        """The fields that the contract knows."""
        item: Interaction = self.entry.item
        return item

    @property
    def metadata(self) -> dict[str, Any]:
        """The metadata with the unknown fields."""
        kept = metadata_of(self.entry)
        found: dict[str, Any] = json.loads(kept) if kept else {}
        return found

    @property
    def hashed(self) -> Collection[str]:
        """The texts of which the policy left only hashes."""
        return self.entry.kept.hashes if self.entry.kept else ()

    def column(self, name: str) -> Any:
        """The value that a column would have."""
        found = self.columns[name]
        return found[0] if found else None


@dataclass
class Changes:
    """New values of columns, by table, and the fate of each field, metadata apart by its keys.

    `has_texts`: the time that texts are kept for is not over.
    """

    has_texts: bool
    fates: dict[str, Fate] = field(default_factory=dict)
    metadata: dict[str, Fate] = field(default_factory=dict)
    interaction: dict[str, Any] = field(default_factory=dict)
    payload: dict[str, Any] = field(default_factory=dict)

    def is_filled(self, name: str) -> bool:
        """Whether a field gets a value."""
        return self.fates.get(name) is Fate.FILLED


def changes(stored: Stored, patch: Patch, book: PriceBook) -> Changes:
    """Decide what becomes of each field, and what the rows become."""
    found = Changes(has_texts=stored.payload is not None)
    for name, value in asdict(patch.item).items():
        if (value not in (None, "") or name in patch.hashed) and name not in {"id", "metadata"}:
            found.fates[name] = fate(stored, patch, name, value)
    had = stored.metadata
    for name, value in patch.metadata.items():
        found.metadata[name] = _fate(found.has_texts and name not in had, had.get(name) == value)
    _fill_numbers(found, patch)
    _fill_failure(found, stored, patch)
    _fill_dimensions(found, stored, patch)
    _fill_texts(found, stored, patch)
    _fill_metadata(found, stored, patch)
    _fill_price(found, stored, patch, book)
    _raise_flags(found, stored, patch)
    return found


def merged(stored: Stored, patch: Patch, found: Changes) -> Interaction:
    """The interaction as it would be, as far as its fields have to fit together: tokens, metadata, status and class."""
    names = [name for name in COPIED if name.endswith("_tokens")]
    is_counted = any(map(found.is_filled, names))
    tokens: dict[str, Any] = {name: _tokens(stored, patch, found, name) for name in names if is_counted}
    metadata = {name: value for name, value in patch.metadata.items() if found.metadata[name] is Fate.FILLED}
    status, error_class = patch.item.status, patch.item.error_class
    return Interaction(
        feature="-", metadata={**stored.metadata, **metadata}, status=status, error_class=error_class, **tokens
    )


def fate(stored: Stored, patch: Patch, name: str, value: Any) -> Fate:
    """What becomes of a field that was sent."""
    row = stored.interaction
    if name in (*COPIED, *NAMES):
        kept = None if stored.has(ESTIMATES.get(name, 0)) else row[name]
        return _fate(kept is None, kept == value)
    if name in DIMENSIONS:
        return _fate_of_dimension(stored, name, value)
    if name in IN_PAYLOAD:
        return _fate_of_text(stored, patch, name)
    if name == "occurred_at":
        return _fate(False, value == (row["claimed_at"] or row["occurred_at"]))
    if name == "cost_usd":
        has_amount = row["cost_source"] == CostSource.CLIENT and row["cost_nano"] > 0
        return _fate(not has_amount, row["cost_nano"] == nano_of(value))
    if name == "error_class":
        kept = row["error_class"]
        return _fate(kept in {ErrorClass.NONE, ErrorClass.OTHER}, kept == patch.column("error_class"))
    unsaid = {"status": 0, "cache": Cache.NONE}[name]
    sent = int(value == "error") if name == "status" else patch.column("cache")
    return _fate(row[name] == unsaid, row[name] == sent)


def _fate(is_absent: bool, is_same: bool) -> Fate:
    if is_same:
        return Fate.UNCHANGED
    return Fate.FILLED if is_absent else Fate.CONFLICT


def _fate_of_dimension(stored: Stored, name: str, value: str) -> Fate:
    """Where no served model was said, the requested one stands in for it; beyond the dictionary it then has no name."""
    kept = stored.value(name)
    if name == "language" and stored.has(Flag.LANGUAGE_DETECTED):
        kept = None
    if name == "served_model" and kept != value and kept in {"", stored.value("model")}:
        kept = None
    return _fate(kept is None, kept == value)


def _fate_of_text(stored: Stored, patch: Patch, name: str) -> Fate:
    """A text that is no longer kept was there if its length is; no other takes its place."""
    if stored.payload is None:
        length = stored.interaction.get(f"{name}_chars")
        return _fate(False, length is not None and length == patch.column(f"{name}_chars"))
    if name == "retrieval":
        kept = stored.payload["retrieval"]
        return _fate(kept is None, _as_value(kept) == _as_value(patch.column("retrieval")))
    text, hashed = TEXTS[name][0][:2]
    kept, mark = stored.payload[text], stored.payload[hashed]
    is_absent = kept is None and mark is None and stored.interaction.get(f"{name}_chars") is None
    if kept is None:
        is_same = mark is not None and bytes(mark) == patch.column(hashed)
    else:
        is_same = kept == patch.column(text) or _is_same_json(kept, patch, name)
    return _fate(is_absent, is_same)


def _is_same_json(kept: str, patch: Patch, name: str) -> bool:
    """Whether chat messages are the same but for the order of their fields."""
    sent = getattr(patch.item, name)
    return isinstance(sent, list) and kept.startswith("[") and _as_value(kept) == sent


def _as_value(text: str | None) -> Any:
    try:
        return None if text is None else json.loads(text)
    except ValueError:  # cut
        return None


def _fill_numbers(found: Changes, patch: Patch) -> None:
    for name in (*COPIED, *NAMES):
        if found.is_filled(name):
            found.interaction[name] = patch.column(name)
    if found.is_filled("cache"):
        found.interaction["cache"] = int(patch.column("cache"))


def _fill_failure(found: Changes, stored: Stored, patch: Patch) -> None:
    """A class that is sent, or else the one that is told by what is sent, where none has been told yet."""
    is_news = found.is_filled("status") or found.is_filled("error_class")
    if is_news:
        found.interaction["status"] = 1
    if patch.item.error_class is None:
        is_told = found.is_filled("error_message") and stored.interaction["error_class"] == ErrorClass.OTHER
        is_news |= is_told
    else:
        is_news = found.is_filled("error_class")
    if is_news:
        found.interaction["error_class"] = int(patch.failure)


def _fill_dimensions(found: Changes, stored: Stored, patch: Patch) -> None:
    """The dimension MODEL is the served one, or else the requested."""
    for name, dimension in DIMENSIONS.items():
        if found.is_filled(name):
            found.interaction[dimension.column] = patch.column(dimension.column)
    model = Dimension.MODEL.column
    if found.is_filled("model") and stored.interaction[model] == ABSENT:
        found.interaction[model] = patch.column(model)


def _fill_texts(found: Changes, stored: Stored, patch: Patch) -> None:
    for name, (columns, _) in TEXTS.items():
        if found.is_filled(name):
            found.payload |= {column: patch.column(column) for column in columns}
            if name != "error_message":
                found.interaction[f"{name}_chars"] = patch.column(f"{name}_chars")
    if found.is_filled("retrieval"):
        found.payload["retrieval"] = patch.column("retrieval")
        found.interaction |= {column: patch.column(column) for column in RETRIEVED}
    filled = {name for name in TEXTS if found.is_filled(name)}
    for column in ("cut", "descriptors"):
        more = {name: value for name, value in (_as_value(patch.column(column)) or {}).items() if name in filled}
        if more and stored.payload:
            found.payload[column] = as_json({**(_as_value(stored.payload[column]) or {}), **more})


def _fill_metadata(found: Changes, stored: Stored, patch: Patch) -> None:
    more = {name: value for name, value in patch.metadata.items() if found.metadata[name] is Fate.FILLED}
    beyond = beyond_dictionary([patch.item], patch.columns).get(0, {})
    if patch.word is not None:
        beyond["error_class"] = patch.word
    for name, value in beyond.items():
        if found.is_filled(name):
            more[free(name, {**stored.metadata, **more}, " (field)")] = value
    if more and stored.payload:
        found.payload["metadata"] = as_json({**stored.metadata, **more})


def _fill_price(found: Changes, stored: Stored, patch: Patch, book: PriceBook) -> None:
    """The client's amount, or else the price of what is known now; estimated tokens of no model have none."""
    tokens = {name: _tokens(stored, patch, found, name) for name in COPIED if name in PRICED}
    if _is_paid(stored, patch, found, tokens):
        if found.is_filled("cost_usd"):
            found.interaction |= {"cost_nano": _sent_nano(patch), "cost_source": int(CostSource.CLIENT)}
    elif any(map(found.is_filled, PRICED)):
        if found.is_filled("cost_usd"):
            found.fates["cost_usd"] = Fate.UNCHANGED
        names = {name: _name(stored, patch, found, name) for name in ("provider", "served_model", "model")}
        if names["served_model"] or names["model"]:
            tokens = {name: stored.interaction[name] if count is None else count for name, count in tokens.items()}
        day = stored.occurred_at.astimezone(UTC).date()
        amount, source = book.price(Call(names["provider"], names["served_model"], names["model"], day, **tokens))
        found.interaction |= {"cost_nano": amount, "cost_source": int(source)}


def _is_paid(stored: Stored, patch: Patch, found: Changes, tokens: Mapping[str, int | None]) -> bool:
    """Whether the client says, or has said, what the call cost."""
    row = {**stored.interaction, **found.interaction}
    if found.is_filled("cost_usd"):
        row |= {"cost_nano": _sent_nano(patch), "cost_source": CostSource.CLIENT}
    if row["cost_source"] != CostSource.CLIENT:
        return False
    counts = tokens["input_tokens"], tokens["output_tokens"]
    return is_amount(row["cost_nano"], *counts, is_from_cache=row["cache"] != Cache.NONE)


def _sent_nano(patch: Patch) -> int:
    return nano_of(patch.item.cost_usd or Decimal(0))


def _name(stored: Stored, patch: Patch, found: Changes, name: str) -> str:
    return (getattr(patch.item, name) if found.is_filled(name) else stored.value(name)) or ""


def _tokens(stored: Stored, patch: Patch, found: Changes, name: str) -> int | None:
    """A count as somebody said it."""
    if found.is_filled(name):
        sent: int | None = getattr(patch.item, name)
        return sent
    kept: int | None = stored.interaction[name]
    return None if stored.has(ESTIMATES.get(name, 0)) else kept


def _raise_flags(found: Changes, stored: Stored, patch: Patch) -> None:
    """What was estimated or detected and is said now is no longer so; what was done to new texts is said of them."""
    flags = stored.interaction["flags"]
    for name, flag in (*ESTIMATES.items(), ("language", Flag.LANGUAGE_DETECTED)):
        flags &= ~(flag if found.is_filled(name) else 0)
    if found.interaction or found.payload:
        flags |= patch.column("flags") & Flag.TEXT_REPAIRED
    if found.payload:
        ours = sum(own for name, (_, own) in TEXTS.items() if found.is_filled(name))
        flags |= patch.column("flags") & (ours | Flag.TEXT_MASKED | Flag.TEXT_HASHED)
    if flags != stored.interaction["flags"]:
        found.interaction["flags"] = flags
