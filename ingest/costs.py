"""Costs as rows: one each, or one a local day for an amount that belongs to a period. Pure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from ingest.arrays import microseconds
from ingest.contract import Cost, Item
from ingest.dimensions import Component, Flag, RecordKind
from ingest.identity import key_of
from ingest.judging import AHEAD
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

MOST_DAYS = 50_000
INSTANT = timedelta(microseconds=1)


def weigh(items: Iterable[Item], receipt: Receipt) -> None:
    """Raise TooLarge for a body whose costs have periods of too many days together: each of them is a row.

    What is refused by itself, and what lies before the raw horizon, weighs nothing.
    """
    reach = oldest(receipt.raw_horizon, receipt.raw_days, receipt.received_at)
    total = 0
    for item in items:
        if isinstance(item, Cost) and item.period_from and item.period_to:
            start = max(item.period_from, reach)
            if start < item.period_to <= receipt.received_at + AHEAD:
                first, last = (local_day(at, receipt.time_zone) for at in (start, item.period_to))
                total += (last - first).days + 1
    if total > MOST_DAYS:
        raise TooLarge(f"The periods of these costs have {total:,} days together; at most {MOST_DAYS:,} are taken.")


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
    """All columns of `cost`; `row_key` names each row's item, since an item of a period has several rows.

    The texts of a period stand in the first of them: they are as long as the sender likes, and it as many as days.
    """
    items: list[Cost] = [entry.item for entry in entries]
    alone = effective((item.occurred_at for item in items), microseconds(receipt.received_at))
    dimensions = numbered(values, numbers)
    beyond = beyond_dictionary(items, dimensions)
    reach = oldest(receipt.raw_horizon, receipt.raw_days, receipt.received_at)
    rows, first_at = [], []
    for position, (entry, item) in enumerate(zip(entries, items, strict=True)):
        placed = _spread(item, reach, receipt.time_zone) or [(alone[position], nano_of(item.amount_usd))]
        first_at.append(placed[0][0])
        texts = (item.description, metadata_of(entry, beyond.get(position)))
        rows += [
            (position, at, share, *(texts if day == 0 else (None, None))) for day, (at, share) in enumerate(placed)
        ]
    positions, occurred, amounts, descriptions, metadatas = zip(*rows, strict=True)
    columns: Columns = {"occurred_at": occurred, "amount_nano": amounts}
    columns |= {"description": descriptions, "metadata": metadatas}
    columns["row_key"] = [entries[position].key for position in positions]
    columns["id"] = [entries[position].id for position in positions]
    columns |= {name: [values[position] for position in positions] for name, values in dimensions.items()}
    columns["flags"] = [Flag.TEXT_REPAIRED * entries[position].is_repaired for position in positions]
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
    }
