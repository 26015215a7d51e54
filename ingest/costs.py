"""Costs as rows: one each, or one a local day for an amount that belongs to a period. Pure."""

from collections.abc import Sequence
from datetime import datetime

from ingest.arrays import microseconds
from ingest.contract import Cost
from ingest.dimensions import Component, RecordKind
from ingest.identity import key_of
from ingest.normalise import (
    Columns,
    Entry,
    Numbers,
    Receipt,
    Values,
    beyond_dictionary,
    effective,
    metadata_of,
    numbered,
)
from ingest.pricing import nano_of, split
from ingest.timeline import day_window, days, local_day


def period_parts(start: datetime, end: datetime, zone: str) -> list[tuple[int, int]]:
    """The local days that a period touches: when each part begins and how long it is, in microseconds."""
    parts = []
    for day in days(local_day(start, zone), local_day(end, zone)):
        window = day_window(day, zone)
        first, last = microseconds(max(start, window.start)), microseconds(min(end, window.end))
        if first < last:
            parts.append((first, last - first))
    return parts


def cost_columns(entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    """All columns of `cost`; `row_key` names each row's item, since an item of a period has several rows."""
    items: list[Cost] = [entry.item for entry in entries]
    alone = effective((item.occurred_at for item in items), microseconds(receipt.received_at))
    dimensions = numbered(values, numbers)
    beyond = beyond_dictionary(items, dimensions)
    rows, first_at = [], []
    for position, (entry, item) in enumerate(zip(entries, items, strict=True)):
        parts = [(alone[position], 1)]
        if item.period_from and item.period_to:
            parts = period_parts(item.period_from, item.period_to, receipt.time_zone)
        shares = split(nano_of(item.amount_usd), [length for _, length in parts])
        metadata = metadata_of(entry, beyond.get(position))
        first_at.append(parts[0][0])
        for (occurred_at, _), share in zip(parts, shares, strict=True):
            rows.append((position, occurred_at, share, metadata))
    positions, occurred, amounts, metadatas = zip(*rows, strict=True)
    columns: Columns = {"occurred_at": occurred, "amount_nano": amounts, "metadata": metadatas}
    columns["row_key"] = [entries[position].key for position in positions]
    columns["id"] = [entries[position].id for position in positions]
    columns |= {name: [values[position] for position in positions] for name, values in dimensions.items()}
    columns["first_at"] = first_at
    return columns | _details([items[position] for position in positions])


def _details(items: Sequence[Cost]) -> Columns:
    return {
        "component": [Component[item.component.upper()] for item in items],
        "interaction_id": [item.interaction_id for item in items],
        "interaction_key": [
            key_of(RecordKind.INTERACTION, item.interaction_id) if item.interaction_id else None for item in items
        ],
        "period_from": [microseconds(item.period_from) if item.period_from else None for item in items],
        "period_to": [microseconds(item.period_to) if item.period_to else None for item in items],
        "description": [item.description for item in items],
    }
