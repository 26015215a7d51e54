"""What became of users, as rows of `user_event`."""

from collections.abc import Sequence

from ingest.arrays import microseconds
from ingest.contract import User
from ingest.dimensions import Dimension, UserEvent
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
from ingest.statements import FRESH, IS_FRESH, KEYED, Statement, columns, rows

LIVED = {
    "event": "smalls",
    "feature_id": "smalls",
    "segment_id": "smalls",
    "tier_id": "smalls",
    "is_control": "smalls",
    "user_id": "texts",
    "metadata": "texts",
}
STATEMENT = Statement.of(
    f"""{FRESH},
    happened AS (
        INSERT INTO user_event (project_id, received_at, occurred_at, id, {columns(LIVED)})
        SELECT %(project_id)b, %(received_at)b, occurred_at, id, event, feature_id, segment_id, tier_id, is_control = 1, user_id, metadata
        FROM {rows(KEYED | LIVED)} WHERE {IS_FRESH}
    )
    SELECT key FROM fresh
""",
    KEYED,
    LIVED,
    is_weekly=False,
)


def user_values(items: Sequence[User]) -> Values:
    """The dimensions that users are told apart by."""
    return {
        Dimension.FEATURE: [item.feature for item in items],
        Dimension.SEGMENT: [item.segment for item in items],
        Dimension.TIER: [item.tier for item in items],
    }


def user_columns(entries: Sequence[Entry], receipt: Receipt, values: Values, numbers: Numbers) -> Columns:
    """All columns of `user_event`; what was not said of a user is absent, never false."""
    items: list[User] = [entry.item for entry in entries]
    dimensions = numbered(values, numbers)
    beyond = beyond_dictionary(items, dimensions)
    return dimensions | {
        "occurred_at": effective((item.occurred_at for item in items), microseconds(receipt.received_at)),
        "event": [UserEvent[item.event.upper()] for item in items],
        "is_control": [None if item.is_control is None else int(item.is_control) for item in items],
        "user_id": [item.user_id for item in items],
        "metadata": [metadata_of(entry, beyond.get(position)) for position, entry in enumerate(entries)],
    }
