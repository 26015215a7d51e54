"""Costs as rows: one each, or one a local day for an amount that belongs to a period. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

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
from ingest.refusals import TooLarge
from ingest.retention.horizons import oldest
from ingest.timeline import day_window, days, local_day

MOST_ROWS = 50_000
INSTANT = timedelta(microseconds=1)


def period_parts(start: datetime, end: datetime, zone: str) -> list[tuple[int, int]]:
    """The local days that a period touches: when each part begins and how long it is, in microseconds."""
    parts = []
    for day in days(local_day(start, zone), local_day(end, zone)):
        window = day_window(day, zone)
        first, last = microseconds(max(start, window.start)), microseconds(min(end, window.end))
        if first < last:
            parts.append((first, last - first))
    return parts


def _spread(item: Cost, reach: datetime, zone: str) -> list[tuple[int, int]]:
    """When each part of a period begins and what it costs, in nano-dollars; nothing for a cost without a period.

    What lies before the raw horizon is frozen: its share is in no chart.
    """
    if item.period_from is None or item.period_to is None:
        return []
    start = min(max(item.period_from, reach), item.period_to - INSTANT)
    parts = period_parts(start, item.period_to, zone)
    before = microseconds(start) - microseconds(item.period_from)
    shares = split(nano_of(item.amount_usd), [before, *(length for _, length in parts)])
    return [(at, share) for (at, _), share in zip(parts, shares[1:], strict=True)]


def cost_columns(entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    """All columns of `cost`; `row_key` names each row's item, since an item of a period has several rows."""
    items: list[Cost] = [entry.item for entry in entries]
    alone = effective((item.occurred_at for item in items), microseconds(receipt.received_at))
    dimensions = numbered(values, numbers)
    beyond = beyond_dictionary(items, dimensions)
    reach = oldest(receipt.raw_horizon, receipt.raw_days, receipt.received_at)
    rows, first_at = [], []
    for position, (entry, item) in enumerate(zip(entries, items, strict=True)):
        metadata = metadata_of(entry, beyond.get(position))
        placed = _spread(item, reach, receipt.time_zone) or [(alone[position], nano_of(item.amount_usd))]
        first_at.append(placed[0][0])
        rows += [(position, at, share, metadata) for at, share in placed]
    if len(rows) > MOST_ROWS:
        raise TooLarge(f"The periods of these costs have more than {MOST_ROWS:,} days together: send fewer at once.")
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
