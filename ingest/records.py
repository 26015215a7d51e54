"""Taking a body of items into the record: read, judge, normalise, commit, and say what became of each item."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec
from django.conf import settings

from ingest import changes, contract, costs, dictionary, edits, identity, prices, statements
from ingest.contract import Kind
from ingest.database import steadfast
from ingest.judging import judge
from ingest.normalise import (
    Columns,
    Entry,
    Numbers,
    Receipt,
    Values,
    dimension_values,
    feature_values,
    interaction_columns,
    repaired,
)
from ingest.partitions import REACH_BACK
from ingest.reading import Batch, read
from ingest.refusals import Problem
from ingest.statements import Statement
from ingest.storage import Stored, store
from ingest.text import repair_deep


class Result(msgspec.Struct, omit_defaults=True):
    """What became of one item; `retry_safe` is told only when it is not."""

    index: int
    status: str
    id: str | None = None
    retry_safe: bool = True
    error: Problem | None = None


class Answer(msgspec.Struct):
    """What became of a request, in the shape that clients rely on."""

    created: int
    duplicates: int
    conflicts: int
    invalid: int
    results: list[Result]


@dataclass(frozen=True)
class Way:
    """How items of one kind become rows."""

    kind: Kind
    statement: Statement
    values: Callable[[Sequence[Any]], Values]
    columns: Callable[[Sequence[Entry], Receipt, Values, Numbers], Columns]


def _interactions(entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    book = steadfast(lambda: prices.book(receipt.project_id))
    return interaction_columns(entries, receipt, values, numbers, book)


INTERACTIONS = Way(contract.INTERACTIONS, statements.INTERACTIONS, dimension_values, _interactions)
FEEDBACK = Way(contract.FEEDBACKS, statements.FEEDBACK, feature_values, edits.columns_with_edits)
COSTS = Way(contract.COSTS, statements.COSTS, dimension_values, costs.cost_columns)
CHANGES = Way(contract.CHANGES, statements.CHANGES, feature_values, changes.change_columns)


def take(way: Way, body: bytes, receipt: Receipt) -> Answer:
    """Store what can be stored of a body. When this returns, it is committed.

    Raises Malformed or TooLarge when nothing of the body can be used, Unavailable when the commit cannot be made.
    """
    batch = read(body, way.kind)
    entries = _entries(batch, way.kind, receipt)
    stored = _store(way, _first_of_each_key(entries), receipt) if entries else Stored(frozenset())
    return _answer(batch, entries, stored)


def _entries(batch: Batch, kind: Kind, receipt: Receipt) -> list[Entry]:
    """The items that can be stored, each with its id, key and fingerprint; the others become problems of the batch."""
    content_key = _content_key(receipt.project_id)
    oldest = receipt.received_at - REACH_BACK
    entries = []
    for position, sent in batch.items.items():
        extras = batch.extras.get(position)
        content = identity.fingerprint(content_key, sent, extras)
        item, is_repaired = sent, False
        if not batch.is_clean:
            item, better = repaired(sent), repair_deep(extras)
            is_repaired, extras = item is not sent or better != extras, better
        problem = judge(item, extras, oldest, receipt.received_at)
        if problem:
            batch.problems[position] = problem
            continue
        own_id = item.id or identity.new_id(receipt.received_at)
        key = identity.key_of(kind.record, own_id)
        entries.append(Entry(position, item, extras, content, is_repaired, own_id, key))
    return entries


def _first_of_each_key(entries: Sequence[Entry]) -> list[Entry]:
    """The entries to be stored, sorted by key: whoever else stores the same keys waits in the same order."""
    firsts: dict[bytes, Entry] = {}
    for entry in entries:
        firsts.setdefault(entry.key, entry)
    return [firsts[key] for key in sorted(firsts)]


def _store(way: Way, entries: Sequence[Entry], receipt: Receipt) -> Stored:
    values = way.values([entry.item for entry in entries])
    wanted = {dimension: {value for value in set(column) if value} for dimension, column in values.items()}
    numbers = steadfast(lambda: dictionary.numbers(receipt.project_id, wanted, now=receipt.received_at))
    columns = way.columns(entries, receipt, values, numbers)
    keys = [entry.key for entry in entries]
    common = {
        "keys": keys,
        "times": columns.get("first_at", columns["occurred_at"]),
        "contents": [entry.content for entry in entries],
        "key": columns.get("row_key", keys),
        "id": columns.get("id") or [entry.id for entry in entries],
    }
    return store(receipt.project_id, way.statement, {**columns, **common}, receipt.received_at)


def _answer(batch: Batch, entries: Sequence[Entry], stored: Stored) -> Answer:
    """Judge each item by the fingerprint that its key has in the record."""
    results = {position: Result(position, "invalid", error=problem) for position, problem in batch.problems.items()}
    contents: dict[bytes, bytes] = dict(stored.known)
    for entry in entries:
        status = "created"
        if entry.key in contents:
            status = "duplicate" if contents[entry.key] == entry.content else "conflict"
        contents.setdefault(entry.key, entry.content)
        is_own = entry.item.id is None  # an id of ours cannot have been there, but for a second try of this request
        results[entry.position] = Result(entry.position, "created" if is_own else status, entry.id, not is_own)
    told = [results[position] for position in sorted(results)]
    counts = Counter(result.status for result in told)
    return Answer(counts["created"], counts["duplicate"], counts["conflict"], counts["invalid"], told)


@lru_cache(maxsize=1024)
def _content_key(project_id: int) -> bytes:
    return identity.content_key(settings.SECRET_KEY, project_id)
