"""Events from before the raw horizon: kept by name for 30 days and counted, never measured.

Putting one into the record would count a frozen bucket again, from rows that are no longer all there; and a wrong clock
would make partitions for centuries. So such an item is answered `created` with a note and goes to the table `late`. It
is as safe to send again as any other: its key goes when its row does.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import connection

from ingest.arrays import microseconds
from ingest.contract import Cost
from ingest.database import steadfast
from ingest.dimensions import RecordKind
from ingest.identity import key_of
from ingest.normalise import Columns, Entry, Receipt
from ingest.projects.scope import project_scope
from ingest.retention.horizons import oldest
from ingest.statements import FRESH, IS_FRESH, KEYED, Statement, rows
from ingest.storage import Part

NOTE = "beyond retention: counted, not in charts"
EARLIEST = datetime(1, 1, 2, tzinfo=UTC)
"""A clock may say less in a zone east of here; no Python could read it back."""

COLUMNS = KEYED | {"record_kind": "smalls", "feature": "texts"}
LATE = Statement.of(
    f"""{FRESH},
    counted AS (
        INSERT INTO late (project_id, received_at, key, occurred_at, id, record_kind, feature)
        SELECT %(project_id)b, %(received_at)b, key, occurred_at, id, record_kind, feature
        FROM {rows(COLUMNS)} WHERE {IS_FRESH}
    )
    SELECT key FROM fresh
""",
    COLUMNS,
    is_weekly=False,
)


def set_aside(entries: Sequence[Entry], receipt: Receipt) -> None:
    """Mark the entries that lie before the raw horizon, or are about an interaction that does, and give them a note.

    Of several entries with one key the first decides. A cost over a period that only begins before the horizon goes on,
    with the note: its days before the horizon are left out.
    """
    reach = oldest(receipt.raw_horizon, receipt.raw_days, receipt.received_at)
    if all(entry.record is RecordKind.INTERACTION and not _until(entry.item, reach) for entry in entries):
        return
    firsts: dict[bytes, Entry] = {}
    for entry in entries:
        first = firsts.setdefault(entry.key, entry)
        entry.is_late = first.is_late if first is not entry else _until(entry.item, reach)
    for entry in _about(firsts.values(), _late_interactions(firsts.values(), reach, receipt)):
        entry.is_late = True
    for entry in entries:
        entry.is_late = firsts[entry.key].is_late
        if entry.is_late or _from(entry.item, reach):
            entry.note = NOTE


def _until(item: Any, reach: datetime) -> bool:
    """Whether all of an item lies before the horizon; what has no time of its own happens now."""
    if isinstance(item, Cost) and item.period_to is not None:
        return item.period_to <= reach
    at = getattr(item, "occurred_at", None)
    return at is not None and at < reach


def _from(item: Any, reach: datetime) -> bool:
    """Whether a cost's period begins before the horizon."""
    return isinstance(item, Cost) and item.period_from is not None and item.period_from < reach


def _late_interactions(entries: Collection[Entry], reach: datetime, receipt: Receipt) -> set[bytes]:
    """The keys of the interactions before the horizon that these entries bring or are about."""
    brought = {entry.key for entry in entries if entry.is_late and entry.record is RecordKind.INTERACTION}
    named = {key for entry in entries if not entry.is_late and (key := _subject(entry))} - brought
    return brought | steadfast(lambda: _known_before(receipt.project_id, named, reach)) if named else brought


def _subject(entry: Entry) -> bytes | None:
    """The key of the interaction that feedback or a cost names."""
    if entry.record not in {RecordKind.FEEDBACK, RecordKind.COST} or not entry.item.interaction_id:
        return None
    return key_of(RecordKind.INTERACTION, entry.item.interaction_id)


def _about(entries: Collection[Entry], interactions: Collection[bytes]) -> list[Entry]:
    return [entry for entry in entries if _subject(entry) in interactions] if interactions else []


def _known_before(project_id: int, keys: Collection[bytes], reach: datetime) -> set[bytes]:
    query = "SELECT key FROM record_key WHERE project_id = %s AND key = ANY(%s) AND occurred_at < %s"
    with project_scope(project_id), connection.cursor() as cursor:
        cursor.execute(query, [project_id, sorted(keys), reach])
        return {bytes(row[0]) for row in cursor.fetchall()}


def parts(entries: Sequence[Entry], receipt: Receipt) -> list[Part]:
    """What a request has for the table `late`: one part, or none."""
    firsts: dict[bytes, Entry] = {}
    for entry in entries:
        if entry.is_late:
            firsts.setdefault(entry.key, entry)
    group = [firsts[key] for key in sorted(firsts)]
    return [Part(LATE, [entry.key for entry in group], lambda: _columns(group, receipt))] if group else []


def _columns(entries: Sequence[Entry], receipt: Receipt) -> Columns:
    keys = [entry.key for entry in entries]
    times = [microseconds(max(_time_of(entry.item) or receipt.received_at, EARLIEST)) for entry in entries]
    return {
        "keys": keys,
        "times": times,
        "contents": [entry.content for entry in entries],
        "key": keys,
        "occurred_at": times,
        "id": [entry.id for entry in entries],
        "record_kind": [entry.record for entry in entries],
        "feature": [getattr(entry.item, "feature", None) for entry in entries],
    }


def _time_of(item: Any) -> datetime | None:
    """When an item says that it happened; a period, when it began."""
    at: datetime | None = getattr(item, "occurred_at", None) or getattr(item, "period_from", None)
    return at
