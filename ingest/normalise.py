"""From items of the contract to the columns of the record: times, money, dimensions, texts. Pure.

Everything works on whole columns: a batch becomes `{column: values}`, which storage sends as arrays. Instants are
microseconds since 2000 (`arrays.microseconds`), money is integer nano-dollars.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec
from msgspec.structs import astuple, replace

from ingest import text
from ingest.arrays import MICROSECONDS_A_DAY, POSTGRES_EPOCH, microseconds
from ingest.contract import DIMENSION_FIELDS, Interaction, Item
from ingest.dimensions import ABSENT, OTHER, Cache, CostSource, Dimension, ErrorClass, Flag, RecordKind
from ingest.pricing import PriceBook, is_amount, nano_of
from ingest.redaction.policy import Kept

IMPLAUSIBLE = timedelta(minutes=5) // timedelta(microseconds=1)
MINUTE = 60_000_000
QUARTER = 15 * MINUTE
LATEST = microseconds(datetime(9999, 12, 31, tzinfo=UTC))
IDS = {"id", "interaction_id", "trace_id", "span_id", "parent_id", "session_id", "user_id"}
COPIED = (
    "latency_ms",
    "time_to_first_token_ms",
    "input_tokens",
    "output_tokens",
    "cached_input_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
NAMES = ("user_id", "session_id", "trace_id", "span_id", "parent_id")

Columns = dict[str, Sequence[Any]]
Values = dict[Dimension, Sequence[str | None]]
Numbers = Mapping[tuple[Dimension, str], int]
_ERRORS: dict[str | None, int] = {None: ErrorClass.NONE} | {one.name.lower(): one for one in ErrorClass}
_CACHES: dict[str | None, int] = {None: Cache.NONE} | {one.name.lower(): one for one in Cache}
_COLUMN = {dimension: dimension.column for dimension in Dimension}
_FIELDS = {dimension: attrgetter(name) for dimension, name in DIMENSION_FIELDS.items()}
NOTHING_KEPT = Kept()
_SAFE_LENGTH = text.LONGEST // 4


class Entry(msgspec.Struct):
    """One item on its way into the record; `note` goes to its sender, what `is_late` to a table of its own.

    `kept` is what the project's text policy leaves of texts beside the item.
    """

    position: int
    record: RecordKind
    item: Any
    extras: dict[str, Any] | None
    content: bytes
    is_repaired: bool = False
    id: str = ""
    key: bytes = b""
    note: str | None = None
    is_late: bool = False
    kept: Kept | None = None


@dataclass(frozen=True)
class Receipt:
    """For whom and when a request was taken, and what its project decided about such items.

    `is_from_browser`: it came with a key that everybody can read in a page's source.
    """

    project_id: int
    time_zone: str
    received_at: datetime
    text_policy: str = "full"
    raw_horizon: datetime | None = None
    raw_days: int = 400
    is_from_browser: bool = False


def repaired(item: Item) -> Item:
    """The item with every text as the database can hold it; the very same object when nothing had to be done."""
    changes: dict[str, Any] = {}
    for name in item.__struct_fields__:
        value = getattr(item, name)
        if isinstance(value, str | list | dict):
            better = text.repair_id(value) if name in IDS and isinstance(value, str) else text.repair_deep(value)
            if better != value:
                changes[name] = better
    return replace(item, **changes) if changes else item


def effective(claimed: Iterable[datetime | None], received: int) -> list[int]:
    """When each item counts: the client's time, or the receipt's when there is none or it lies ahead."""
    latest = received + IMPLAUSIBLE
    instants = [received if at is None else microseconds(at) for at in claimed]
    return [at if at <= latest else received for at in instants]


def dimension_values(items: Sequence[Any]) -> Values:
    """Dimension → the value of each item. The model is the served one, or else the requested."""
    values: Values = {dimension: list(map(field, items)) for dimension, field in _FIELDS.items()}
    requested = values[Dimension.REQUESTED_MODEL]
    if any(requested):
        served = values[Dimension.MODEL]
        values[Dimension.MODEL] = [own or asked for own, asked in zip(served, requested, strict=True)]
    return values


def feature_values(items: Sequence[Any]) -> Values:
    """The same for kinds that know only a feature."""
    return {Dimension.FEATURE: [item.feature for item in items]}


def numbered(values: Values, numbers: Numbers) -> Columns:
    """The dictionary numbers of each item, by the dimension's column."""
    columns: Columns = {}
    for dimension, column in values.items():
        known: dict[str | None, int] = {value: numbers[dimension, value] for value in set(column) if value}
        columns[_COLUMN[dimension]] = (
            [known.get(value, ABSENT) for value in column] if known else [ABSENT] * len(column)
        )
    return columns


def beyond_dictionary(items: Sequence[Any], columns: Columns) -> dict[int, dict[str, str]]:
    """Position → the values that only got the number `OTHER`: their text is kept with the payload."""
    beyond: dict[int, dict[str, str]] = {}
    for dimension, name in DIMENSION_FIELDS.items():
        numbers = columns.get(_COLUMN[dimension], ())
        if OTHER in numbers:
            for position, number in enumerate(numbers):
                value = getattr(items[position], name)
                if number == OTHER and value:
                    beyond.setdefault(position, {})[name] = value
    return beyond


def interaction_columns(
    entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers, book: PriceBook
) -> Columns:
    """All columns of `interaction` and `payload`, and `minutes`, `quarters`, `clusters` for the dirty marks."""
    items: list[Interaction] = [entry.item for entry in entries]
    # Some items have a `type` behind the fields they share: what not every item has is cut off.
    sent: Columns = dict(zip(Interaction.__struct_fields__, zip(*map(astuple, items), strict=False), strict=False))
    received = microseconds(receipt.received_at)
    columns: Columns = {name: sent[name] for name in COPIED}
    columns |= {name: [value or None for value in sent[name]] for name in NAMES}
    columns["occurred_at"] = effective(sent["occurred_at"], received)
    columns |= _claims(sent["occurred_at"], columns["occurred_at"], received)
    columns |= _outcome(sent)
    columns |= numbered(values, numbers)
    columns |= _money(sent, columns["occurred_at"], book)
    columns |= _payload(entries, sent, columns)
    columns |= _marks(columns)
    return columns


def _claims(claimed: Sequence[datetime | None], counted: Sequence[int], received: int) -> Columns:
    """The client's time where it was too far ahead to be believed."""
    ahead: list[int | None] = [None] * len(counted)
    for position, at in enumerate(claimed):
        if at is not None and counted[position] == received and microseconds(at) != received:
            ahead[position] = min(microseconds(at), LATEST)
    return {"claimed_at": ahead}


def _outcome(sent: Columns) -> Columns:
    """Status 1 is an error; an error class alone says so too, an error without a class is `OTHER`."""
    failed = [
        int(status == "error" or bool(error)) for status, error in zip(sent["status"], sent["error_class"], strict=True)
    ]
    classes = [
        _ERRORS[error] if error or not has_failed else ErrorClass.OTHER
        for error, has_failed in zip(sent["error_class"], failed, strict=True)
    ]
    return {"status": failed, "error_class": classes, "cache": [_CACHES[cache] for cache in sent["cache"]]}


def _money(sent: Columns, occurred: Sequence[int], book: PriceBook) -> Columns:
    """What each interaction cost and who says so; unknown is None, never 0."""
    days: dict[int, date] = {}
    amounts: list[int | None] = []
    sources: list[int] = []
    names = ("cost_usd", "input_tokens", "output_tokens", "cached_input_tokens", "cache_write_tokens")
    call = ("cache", "provider", "served_model", "model")
    for at, usd, tokens_in, tokens_out, cached, write, cache, provider, served, requested in zip(
        occurred, *(sent[name] for name in names + call), strict=True
    ):
        if usd is not None:
            amount = nano_of(usd)
            if is_amount(amount, tokens_in, tokens_out, is_from_cache=_CACHES[cache] != Cache.NONE):
                amounts.append(amount)
                sources.append(CostSource.CLIENT)
                continue
        if tokens_in is None and tokens_out is None:
            amounts.append(None)
            sources.append(CostSource.NONE)
            continue
        number = at // MICROSECONDS_A_DAY
        day = days.get(number) or days.setdefault(number, (POSTGRES_EPOCH + timedelta(days=number)).date())
        rates, source = book.rates(provider or "", served or "", requested or "", day)
        amounts.append(rates.cost_nano(tokens_in or 0, tokens_out or 0, cached or 0, write or 0) if rates else None)
        sources.append(source)
    return {"cost_nano": amounts, "cost_source": sources}


def _payload(entries: Sequence[Entry], sent: Columns, columns: Columns) -> Columns:
    """The texts, their lengths, and the flags that say what happened to them."""
    cuts: dict[int, dict[str, text.Cut]] = {}
    flags = [Flag.TEXT_REPAIRED * entry.is_repaired | (entry.kept.flags if entry.kept else 0) for entry in entries]
    for position, claimed in enumerate(columns["claimed_at"]):
        if claimed is not None:
            flags[position] |= Flag.CLOCK_IMPLAUSIBLE
    made: Columns = {"flags": flags}
    for name, is_cut, is_messages in (
        ("prompt", Flag.PROMPT_CUT, Flag.PROMPT_IS_MESSAGES),
        ("output", Flag.OUTPUT_CUT, Flag.OUTPUT_IS_MESSAGES),
        ("error_message", 0, 0),
    ):
        if sent[name].count(None) == len(flags):
            made[name] = made[f"{name}_chars"] = sent[name]
            continue
        made[name], made[f"{name}_chars"] = _texts(sent[name], name, cuts)
        for position, value in enumerate(sent[name]):
            if value.__class__ is list:
                flags[position] |= is_messages
            if cuts and name in cuts.get(position, ()):
                flags[position] |= is_cut
    del made["error_message_chars"]
    for position, cut in cuts.items():
        if kept := entries[position].kept:
            cut |= {name: kept.cuts[name] for name in cut.keys() & kept.cuts.keys()}
    made["cut"] = [text.as_json(cuts[position]) if position in cuts else None for position in range(len(flags))]
    return made | _kept(entries, made) | _retrieval(sent["retrieval"]) | _metadata(entries, columns)


def _kept(entries: Sequence[Entry], made: Columns) -> Columns:
    """What is stored instead of texts that are not, and the lengths that these and masked ones had."""
    found: Columns = dict.fromkeys(("prompt_hash", "output_hash", "error_hash", "word_marks", "descriptors"), ())
    kept = [entry.kept or NOTHING_KEPT for entry in entries]
    if any(one.characters for one in kept):
        for name in ("prompt", "output"):
            found[f"{name}_chars"] = [
                one.characters.get(name, length) for one, length in zip(kept, made[f"{name}_chars"], strict=True)
            ]
    if not any(one.hashes for one in kept):
        return found
    for column, name in (("prompt_hash", "prompt"), ("output_hash", "output"), ("error_hash", "error_message")):
        found[column] = [one.hashes.get(name) for one in kept]
    found["word_marks"] = [one.word_marks for one in kept]
    found["descriptors"] = [one.descriptors for one in kept]
    return found


def _texts(
    column: Sequence[str | list[Any] | None], name: str, cuts: dict[int, dict[str, text.Cut]]
) -> tuple[list[str | None], list[int | None]]:
    """Each text as it is stored, and how many characters were sent."""
    stored: list[str | None] = []
    lengths: list[int | None] = []
    for position, sent in enumerate(column):
        kept = None if sent is None else text.as_text(sent)
        lengths.append(None if kept is None else len(kept))
        if kept is not None and len(kept) > _SAFE_LENGTH:
            kept, cut = text.cut(kept)
            if cut:
                cuts.setdefault(position, {})[name] = cut
        stored.append(kept)
    return stored, lengths


def _retrieval(column: Sequence[dict[str, Any] | None]) -> Columns:
    names = ("retrieval", "retrieval_score", "retrieval_documents", "retrieval_latency_ms")
    if not any(column):
        return {name: [None] * len(column) for name in names}
    return dict(zip(names, zip(*map(_retrieved, column), strict=True), strict=True))


def _retrieved(sent: dict[str, Any] | None) -> tuple[str | None, float | None, int | None, float | None]:
    """The text, the mean score, the number of documents and the latency of one retrieval."""
    if sent is None:
        return None, None, None, None
    documents = sent.get("documents") or []
    scores = [document["score"] for document in documents if document.get("score") is not None]
    mean = sum(scores) / len(scores) if scores else None
    return text.as_json(sent), _single(mean), min(len(documents), 32_767), sent.get("latency_ms")


def _single(number: float | None) -> float | None:
    """A number that PostgreSQL's four-byte `real` can hold: what is closer to zero than that is zero."""
    return 0.0 if number is not None and abs(number) < 1e-37 else number


def _metadata(entries: Sequence[Entry], columns: Columns) -> Columns:
    beyond = beyond_dictionary([entry.item for entry in entries], columns)
    made = [metadata_of(entry, beyond.get(position)) for position, entry in enumerate(entries)]
    return {"metadata": made}


def metadata_of(entry: Entry, beyond: dict[str, str] | None = None) -> str | None:
    """The metadata as JSON text: as sent, then unknown fields, then values beyond the dictionary."""
    if not (entry.item.metadata or entry.extras or beyond):
        return None
    kept = dict(entry.item.metadata or {})
    for name, value in {**(entry.extras or {}), **(beyond or {})}.items():
        kept[text.free(name, kept, " (field)")] = value
    return text.as_json(kept)


def _marks(columns: Columns) -> Columns:
    """Which minutes and which users have to be counted again."""
    occurred = columns["occurred_at"]
    clusters = [user or session or "" for user, session in zip(columns["user_id"], columns["session_id"], strict=True)]
    users = sorted({(at - at % QUARTER, cluster) for at, cluster in zip(occurred, clusters, strict=True)})
    return {
        "minutes": sorted({at - at % MINUTE for at in occurred}),
        "quarters": [quarter for quarter, _ in users],
        "clusters": [cluster for _, cluster in users],
    }
