"""Filling fields of an interaction that is in the record: what comes late, such as a streamed output or its tokens.

The row is locked while it is decided what is still absent, so two requests at once never lose a field. The fingerprint
of what was first sent stays: that item, sent again, is a duplicate as before.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection
from msgspec.structs import asdict

from ingest import dictionary, failures, kinds, prices, redacting
from ingest.contract import Interaction
from ingest.database import steadfast
from ingest.digest import unread
from ingest.dimensions import COLUMNS, OTHER, Dimension, Facts, FeedbackKind, RecordKind
from ingest.erasure import tombstones
from ingest.identity import key_of
from ingest.judging import judge
from ingest.normalise import Entry, Receipt, dimension_values, interaction_columns, repaired
from ingest.patches import IN_PAYLOAD, Changes, Fate, Patch, Stored, changes, merged
from ingest.projects.models import Project
from ingest.projects.scope import current_project, project_scope
from ingest.reading import read
from ingest.refusals import JSON_WORDS, Malformed, Problem, Unusable
from ingest.retention.horizons import oldest
from ingest.text import is_holdable, repair_deep

FIRST_IS_KEPT = "nothing, or the value that is set already: the first is kept"
TIME_IS_OVER = "nothing: the time that the project keeps texts for is over"
ROWS = {
    "interaction": "SELECT * FROM interaction WHERE project_id = %s AND occurred_at = %s AND id = %s FOR UPDATE",
    "payload": "SELECT * FROM payload WHERE project_id = %s AND occurred_at = %s AND id = %s FOR UPDATE",
}
# What copies the interaction's dimensions and user follows it.
FOLLOW = f"""
    WITH i AS MATERIALIZED (
        SELECT coalesce(user_id, session_id, '') AS cluster, {", ".join(COLUMNS)} FROM interaction
        WHERE project_id = %(project)s AND occurred_at = %(at)s AND id = %(id)s
    ),
    said AS (
        UPDATE verdict v SET cluster = i.cluster, {", ".join(f"{name} = i.{name}" for name in COLUMNS)} FROM i
        WHERE v.project_id = %(project)s AND v.interaction_at = %(at)s AND v.interaction_id = %(id)s
        RETURNING 1
    ),
    spent AS (
        UPDATE cost c SET cluster = i.cluster, {", ".join(f"{name} = i.{name}" for name in COLUMNS)} FROM i
        WHERE c.project_id = %(project)s AND c.occurred_at = %(at)s AND c.interaction_id = %(id)s
    )
    INSERT INTO dirty_bucket (project_id, bucket, facts)
    SELECT %(project)s, date_trunc('minute', %(at)s), {Facts.FEEDBACK:d} WHERE EXISTS (SELECT FROM said)
"""
MARK = f"""
    WITH buckets AS (
        INSERT INTO dirty_bucket (project_id, bucket, facts)
        VALUES (%(project)s, date_trunc('minute', %(at)s), {Facts.INTERACTIONS:d})
    )
    INSERT INTO dirty_user (project_id, quarter, cluster)
    SELECT %(project)s, date_bin('15 minutes', %(at)s, '2000-01-01T00:00:00Z'), cluster
    FROM unnest(%(clusters)s::text[]) AS t (cluster)
"""
# The roller compares corrections with an output that has come after them, as if they had come now.
COMPARE_AGAIN = f"""
    INSERT INTO orphan (project_id, interaction_key, record_kind, occurred_at, id, received_at, settled_at)
    SELECT %(project)s, %(key)s, {RecordKind.FEEDBACK:d}, occurred_at, id, %(now)s, %(now)s FROM feedback
    WHERE project_id = %(project)s AND interaction_id = %(id)s AND kind = {FeedbackKind.CORRECTION:d}
    ON CONFLICT DO NOTHING
"""


class Unknown(Exception):
    """No interaction has this id."""


class Frozen(Malformed):
    """An interaction from before the raw horizon: what was counted of it stays."""

    status = 410
    title = "Beyond retention"


class FieldResult(msgspec.Struct, omit_defaults=True):
    """What became of one field: filled, unchanged or conflict."""

    field: str
    status: str
    error: Problem | None = None


class PatchAnswer(msgspec.Struct):
    """What became of each field that was sent, in the shape of what other requests answer for items."""

    id: str
    filled: int
    unchanged: int
    conflicts: int
    results: list[FieldResult]


def patch(id: str, body: bytes, receipt: Receipt) -> PatchAnswer:
    """Fill what is absent of the interaction with this id. When this returns, it is committed.

    Raises Malformed when the body is not one object, Unusable when it cannot be stored, Unknown, and Frozen.
    """
    entry = _entry(id, body, receipt)
    sent = asdict(entry.item) | (entry.extras or {})
    failure = failures.CLASSES[failures.named(entry.item, entry.extras)]
    _let_in(entry, receipt)
    word = entry.extras.pop("error_class", None) if entry.extras else None
    values = dimension_values([entry.item])
    # A feature is always set: no other one shall enter the dictionary for being in conflict with it.
    wanted: dict[Dimension, set[str]] = {
        dimension: {value for value in column if value}
        for dimension, column in values.items()
        if dimension is not Dimension.FEATURE
    }
    numbers = steadfast(lambda: dictionary.numbers(receipt.project_id, wanted, now=receipt.received_at))
    book = steadfast(lambda: prices.book(receipt.project_id))
    values = {**values, Dimension.FEATURE: [None]}
    ready = Patch(entry, interaction_columns([entry], receipt, values, numbers, book), failure, word)

    def fill() -> Changes:
        with project_scope(receipt.project_id):
            stored = _locked(id, receipt)
            found = changes(stored, ready, book)
            _judge(stored, ready, found, receipt)
            _write(stored, found, receipt.received_at)
            return found

    return _answer(id, sent, entry.item.metadata or {}, steadfast(fill))


def _entry(id: str, body: bytes, receipt: Receipt) -> Entry:
    """What was sent, repaired and judged by itself."""
    batch = read(body, kinds.PATCHES)
    if batch.count != 1:
        raise Malformed("Send one JSON object with the fields to be filled.")
    if batch.problems:
        problem = batch.problems[0]
        raise Unusable(problem.path, problem.expected, problem.got)
    part, extras = batch.items[0], batch.extras.get(0)
    sent = Interaction(**{name: getattr(part, name) for name in Interaction.__struct_fields__})
    sent.feature = sent.feature or ""
    item: Any = sent
    is_repaired = False
    if not batch.is_clean:
        item, better = repaired(sent), repair_deep(extras)
        is_repaired, extras = item is not sent or better != extras, better
    if item.id not in {None, id}:
        raise Unusable("$.id", "the id in the address, or none", "another one")
    if not extras and all(value in (None, "") for name, value in asdict(item).items() if name != "id"):
        raise Malformed("Nothing is to be filled: send the fields that have come.")
    # How tokens fit together is judged when those that are stored are known.
    alone = msgspec.structs.replace(item, cached_input_tokens=None, cache_write_tokens=None, reasoning_tokens=None)
    _refuse(judge(alone, extras, receipt.received_at))
    if item.error_class is not None:
        item, extras = failures.classified(item, extras)
    return Entry(0, RecordKind.INTERACTION, item, extras, b"", is_repaired, id, key_of(RecordKind.INTERACTION, id))


def _let_in(entry: Entry, receipt: Receipt) -> None:
    """Carry out the project's text policy."""
    redacting.redact([entry], receipt.project_id, receipt.text_policy)


def _refuse(problem: Problem | None) -> None:
    if problem:
        raise Unusable(problem.path, problem.expected, problem.got)


def _locked(id: str, receipt: Receipt) -> Stored:
    """The interaction, which nobody else changes until this transaction ends. Raises Unknown or Frozen."""
    if not is_holdable(id):
        raise Unknown
    with connection.cursor() as cursor:
        key = key_of(RecordKind.INTERACTION, id)
        cursor.execute(
            "SELECT occurred_at FROM record_key WHERE project_id = %s AND key = %s", [current_project(), key]
        )
        known = cursor.fetchone()
    if known is None:
        raise Unknown
    reach = oldest(receipt.raw_horizon, receipt.raw_days, receipt.received_at)
    if known[0] < reach:
        raise Frozen(f"This interaction is from before {reach:%Y-%m-%dT%H:%M:%SZ}: what was counted of it stays.")
    interaction = _row("interaction", known[0], id)
    if interaction is None:
        raise Unknown
    payload = _row("payload", known[0], id) if known[0] >= _text_reach(receipt) else None
    return Stored(interaction, payload, _values(interaction))


def _text_reach(receipt: Receipt) -> datetime:
    """Before which instant texts have gone, or are about to: what is filled there would only go again."""
    kept = Project.objects.values_list("text_horizon", "text_days").get(pk=receipt.project_id)
    return oldest(*kept, receipt.received_at)


def _row(table: str, at: datetime, id: str) -> dict[str, Any] | None:
    with connection.cursor() as cursor:
        cursor.execute(ROWS[table], [current_project(), at, id])
        row = cursor.fetchone()
        return None if row is None else dict(zip((column.name for column in cursor.description), row, strict=True))


def _values(interaction: Mapping[str, Any]) -> dict[Dimension, str]:
    """The names of an interaction's dimensions, as far as the dictionary knows them."""
    wanted = {
        dimension: interaction[dimension.column] for dimension in Dimension if interaction[dimension.column] > OTHER
    }
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT v.dimension, v.value FROM unnest(%s::smallint[], %s::smallint[]) AS w (dimension, number)"
            " JOIN dimension_value v ON v.project_id = %s AND v.dimension = w.dimension AND v.number = w.number",
            [[int(dimension) for dimension in wanted], list(wanted.values()), current_project()],
        )
        return {Dimension(dimension): value for dimension, value in cursor.fetchall()}


def _judge(stored: Stored, patch: Patch, found: Changes, receipt: Receipt) -> None:
    """What the fields cannot be together, and whose they cannot be. Raises Unusable."""
    _refuse(judge(merged(stored, patch, found), None, receipt.received_at))
    if patch.item.user_id and found.is_filled("user_id"):
        erased = tombstones.erased_users(receipt.project_id)
        _refuse(tombstones.problem_of(patch.item.user_id, stored.occurred_at, receipt, erased))


def _write(stored: Stored, found: Changes, now: datetime) -> None:
    """Write the new values, and have everything counted, read and compared again that depends on them."""
    at, id = stored.occurred_at, stored.interaction["id"]
    place = {"project": current_project(), "at": at, "id": id}
    for table, columns in (("interaction", found.interaction), ("payload", found.payload)):
        if columns:
            _update(table, columns, place)
    if found.interaction:
        row = {**stored.interaction, **found.interaction}
        clusters = sorted({stored.cluster, row["user_id"] or row["session_id"] or ""})
        with connection.cursor() as cursor:
            if found.interaction.keys() & {*COLUMNS, "user_id", "session_id"}:
                cursor.execute(FOLLOW, place)
            cursor.execute(MARK, {**place, "clusters": clusters})
    if found.interaction or found.payload:
        unread.enqueue(now, [(at, id)])
    if found.is_filled("output"):
        with connection.cursor() as cursor:
            cursor.execute(COMPARE_AGAIN, {**place, "key": key_of(RecordKind.INTERACTION, id), "now": now})


def _update(table: str, columns: Mapping[str, Any], place: Mapping[str, Any]) -> None:
    """Set columns of one row; their names come from this program."""
    names = ", ".join(f"{name} = %({name})s" for name in columns)
    query = f"UPDATE {table} SET {names} WHERE project_id = %(project)s AND occurred_at = %(at)s AND id = %(id)s"
    with connection.cursor() as cursor:
        cursor.execute(query, {**columns, **place})


def _answer(id: str, sent: Mapping[str, Any], metadata: Mapping[str, Any], found: Changes) -> PatchAnswer:
    of_texts = FIRST_IS_KEPT if found.has_texts else TIME_IS_OVER
    results = [
        _result(name, fate, sent.get(name), of_texts if name in IN_PAYLOAD else FIRST_IS_KEPT)
        for name, fate in found.fates.items()
    ]
    for name, fate in found.metadata.items():
        path = f"metadata.{name}" if name in metadata else name
        results.append(_result(path, fate, metadata.get(name, sent.get(name)), of_texts))
    fates = [*found.fates.values(), *found.metadata.values()]
    counts = {fate: fates.count(fate) for fate in Fate}
    return PatchAnswer(id, counts[Fate.FILLED], counts[Fate.UNCHANGED], counts[Fate.CONFLICT], results)


def _result(name: str, fate: Fate, sent: Any, expected: str) -> FieldResult:
    """What became of one field; of one that is in conflict also what would have been none."""
    if fate is not Fate.CONFLICT:
        return FieldResult(name, fate)
    got = f"another {JSON_WORDS.get(type(sent).__name__, 'value')}"
    return FieldResult(name, fate, Problem(f"$.{name}", expected, got))
