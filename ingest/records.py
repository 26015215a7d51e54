"""Taking a body of items into the record: a line of small steps, each a function that can be read alone.

    read      bytes → items of the contract, and a problem for each that is none        ingest.reading
    admit     judge and fingerprint as sent, repair, id, key and class of the error → entries
    part      for each kind: numbers of the dictionary, columns → parts of one transaction
    store     all parts commit, or none                                                  ingest.storage
    tell      what became of each item, in the order of the body

What else decides about an entry stands between `admit` and `part`: it takes entries and gives those that go on. To
refuse one it puts a problem into `batch.problems` at the entry's position; to tell its sender something, it sets
`entry.note`. Every entry that was admitted and not refused is answered, whether or not it went on.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import msgspec

from ingest import (
    changes,
    costs,
    dictionary,
    edits,
    failures,
    figures,
    identity,
    kinds,
    late,
    people,
    prices,
    redacting,
    statements,
)
from ingest.database import steadfast
from ingest.dimensions import Dimension, RecordKind
from ingest.erasure import tombstones
from ingest.judging import judge
from ingest.kinds import Kind
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
from ingest.reading import Batch, read
from ingest.refusals import Problem
from ingest.secret import installation_secret
from ingest.statements import Statement
from ingest.storage import Part, Stored, store
from ingest.text import repair_deep
from ingest.together import stored_together


class Result(msgspec.Struct, omit_defaults=True):
    """What became of one item; `retry_safe` is told only when it is not."""

    index: int
    status: str
    id: str | None = None
    retry_safe: bool = True
    note: str | None = None
    error: Problem | None = None


REPAIRED = "repaired: NUL and lone surrogates are stored as U+FFFD"
"""What is noted of an item in which something could not be stored as it was."""

TAKEN = Problem("$.id", "an id that nothing else has", "the id of an item with other content")
"""What is wrong with an item that is in conflict with the record."""


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


INTERACTIONS = Way(kinds.INTERACTIONS, statements.INTERACTIONS, dimension_values, _interactions)
FEEDBACK = Way(kinds.FEEDBACKS, statements.FEEDBACK, feature_values, edits.columns_with_edits)
COSTS = Way(kinds.COSTS, statements.COSTS, dimension_values, costs.cost_columns)
CHANGES = Way(kinds.CHANGES, statements.CHANGES, feature_values, changes.change_columns)
USERS = Way(kinds.USERS, people.STATEMENT, people.user_values, people.user_columns)
FIGURES = Way(kinds.FIGURES, figures.STATEMENT, figures.no_values, figures.figure_columns)
# In the order in which they are stored: what is said about an interaction of the same request finds it.
BATCH = (INTERACTIONS, FEEDBACK, COSTS, CHANGES, USERS, FIGURES)


def take(
    way: Way | tuple[Way, ...],
    body: bytes,
    receipt: Receipt,
    *,
    are_lines: bool = False,
    count: Callable[[int], None] = lambda items: None,
) -> Answer:
    """Store what can be stored of a body. When this returns, it is committed.

    Of several ways each item takes the one that its `type` names. `are_lines` says that the body is objects one a line.
    Raises Malformed or TooLarge when nothing of the body can be used, Unavailable when the commit cannot be made.
    """
    ways, wanted = ((way,), way.kind) if isinstance(way, Way) else (way, kinds.BY_WORD)
    batch = read(body, wanted, are_lines=are_lines)
    costs.weigh(batch.items.values(), receipt)
    count(batch.count)
    entries = admitted(batch, receipt)
    going_on = tombstones.refuse(batch, entries, receipt)
    late.set_aside(going_on, receipt)
    redacting.redact(going_on, receipt.project_id, receipt.text_policy)
    line = (
        len(ways),
        ways[0].kind.record,
        receipt.project_id,
        receipt.time_zone,
        receipt.text_policy,
        receipt.raw_horizon,
        receipt.is_from_browser,
    )
    stored = stored_together(
        line, going_on, lambda group: store(receipt.project_id, parts(ways, group, receipt), receipt.received_at)
    )
    return told(batch, entries, stored)


def admitted(batch: Batch, receipt: Receipt) -> list[Entry]:
    """The items that can be stored, each with its id, key and fingerprint; the others become problems of the batch."""
    content_key = _content_key(receipt.project_id)
    entries = []
    for position, sent in batch.items.items():
        extras = batch.extras.get(position)
        problem = judge(sent, extras, receipt.received_at, is_from_browser=receipt.is_from_browser)
        if problem:
            batch.problems[position] = problem
            continue
        content = identity.fingerprint(content_key, sent, extras)
        item: Any = sent
        is_repaired = False
        if not batch.is_clean:
            item, better = repaired(sent), repair_deep(extras)
            is_repaired, extras = item is not sent or better != extras, better
        own_id = item.id or identity.new_id(receipt.received_at)
        record = batch.kinds[position]
        if record is RecordKind.INTERACTION and (item.status == "error" or item.error_class is not None):
            item, extras = failures.classified(item, extras)
        key = identity.key_of(record, own_id)
        entries.append(Entry(position, record, item, extras, content, is_repaired, own_id, key))
    return entries


def parts(ways: Sequence[Way], entries: Sequence[Entry], receipt: Receipt) -> list[Part]:
    """What the entries of each way store, in the order of the ways, so that what is said about a thing finds it."""
    groups = [(way, _first_of_each_key(entries, way)) for way in ways]
    values = [way.values([entry.item for entry in group]) for way, group in groups]
    numbers = _numbers(values, receipt)
    return [
        Part(way.statement, [entry.key for entry in group], partial(_columns, way, group, receipt, own, numbers))
        for (way, group), own in zip(groups, values, strict=True)
        if group
    ] + late.parts(entries, receipt)


def _first_of_each_key(entries: Sequence[Entry], way: Way) -> list[Entry]:
    """The way's entries to be stored, sorted by key: whoever else stores the same keys waits in the same order."""
    firsts: dict[bytes, Entry] = {}
    for entry in entries:
        if entry.record is way.kind.record and not entry.is_late:
            firsts.setdefault(entry.key, entry)
    return [firsts[key] for key in sorted(firsts)]


def _numbers(values: Sequence[Values], receipt: Receipt) -> Numbers:
    """The dictionary's numbers of all values of a request; new ones enter it, before the request's own transaction.

    What comes from browsers never enters it: there is room for so many values, and they stay for ever.
    """
    wanted: dict[Dimension, set[str]] = {}
    for own in values:
        for dimension, column in own.items():
            wanted.setdefault(dimension, set()).update(value for value in set(column) if value)
    if receipt.is_from_browser:
        return steadfast(lambda: dictionary.known(receipt.project_id, wanted))
    return steadfast(lambda: dictionary.numbers(receipt.project_id, wanted, now=receipt.received_at))


def _columns(way: Way, entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    """All columns of a way's statement, with those that claim the keys."""
    columns = way.columns(entries, receipt, values, numbers)
    keys = [entry.key for entry in entries]
    return columns | {
        "keys": keys,
        "times": columns.get("first_at") or columns["occurred_at"],
        "contents": [entry.content for entry in entries],
        "key": columns.get("row_key") or keys,
        "id": columns.get("id") or [entry.id for entry in entries],
    }


def told(batch: Batch, entries: Sequence[Entry], stored: Stored) -> Answer:
    """Judge each item by the fingerprint that its key has in the record."""
    results = {position: Result(position, "invalid", error=problem) for position, problem in batch.problems.items()}
    contents: dict[bytes, bytes] = dict(stored.known)
    for entry in entries:
        if entry.position in results:
            continue
        note = entry.note if not entry.is_repaired else f"{entry.note}; {REPAIRED}" if entry.note else REPAIRED
        status = "created"
        if entry.key in contents:
            status = "duplicate" if contents[entry.key] == entry.content else "conflict"
        contents.setdefault(entry.key, entry.content)
        if entry.item.id is None:  # an id of ours cannot have been there, but for a second try of this request
            results[entry.position] = Result(entry.position, "created", entry.id, False, note)
        else:
            error = TAKEN if status == "conflict" else None
            results[entry.position] = Result(entry.position, status, entry.id, note=note, error=error)
    in_order = [results[position] for position in sorted(results)]
    counts = Counter(result.status for result in in_order)
    return Answer(counts["created"], counts["duplicate"], counts["conflict"], counts["invalid"], in_order)


@lru_cache(maxsize=1024)
def _content_key(project_id: int) -> bytes:
    return identity.content_key(installation_secret(), project_id)
