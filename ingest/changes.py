"""Change events as rows of `change_event`. Pure."""

from collections.abc import Sequence

from ingest.arrays import microseconds
from ingest.contract import Change
from ingest.dimensions import Dimension
from ingest.normalise import Columns, Entry, Numbers, Receipt, Values, effective, metadata_of, numbered


def change_columns(entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    """All columns of `change_event`; feature number 0 means all features."""
    items: list[Change] = [entry.item for entry in entries]
    return {
        "occurred_at": effective((item.occurred_at for item in items), microseconds(receipt.received_at)),
        "kind": [item.kind for item in items],
        "title": [item.title for item in items],
        "feature_number": numbered(values, numbers)[Dimension.FEATURE.column],
        "version": [item.version or "" for item in items],
        "url": [item.url or "" for item in items],
        "note": [item.note or "" for item in items],
        "metadata": [metadata_of(entry) or "" for entry in entries],
    }
