"""Records as API answers show them: the names and units of the contract, unknown as null."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ingest.attached import Attached
from ingest.dimensions import ABSENT, OTHER, Cache, Component, CostSource, Dimension, ErrorClass, FeedbackKind, Flag
from ingest.models import Cost, DimensionValue, Feedback, Interaction, Payload
from ingest.normalise import COPIED, NAMES
from ingest.pricing import NANO

SHOWN = {
    dimension: dimension.name.lower()
    for dimension in Dimension
    if dimension not in {Dimension.MODEL, Dimension.REQUESTED_MODEL}
} | {Dimension.MODEL: "served_model", Dimension.REQUESTED_MODEL: "model"}
SAID = ("value", "edit_ratio", "name", "label", "user_id", "comment", "final_text")
Names = Mapping[tuple[int, int], str]


def names_for(interactions: Sequence[Interaction]) -> Names:
    """The dictionary values that these rows carry, by (dimension, number)."""
    numbers = {number for interaction in interactions for number in interaction.numbers.values()}
    rows = DimensionValue.objects.filter(number__in=numbers).values_list("dimension", "number", "value")
    return {(dimension, number): value for dimension, number, value in rows}


def instant(at: datetime | None) -> str | None:
    """RFC 3339 in UTC."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def usd(nano: int | None) -> str | None:
    """Nano-dollars as a decimal text in dollars, exact."""
    return None if nano is None else format((Decimal(nano) / NANO).normalize(), "f")


def interaction(row: Interaction, payload: Payload | None, names: Names) -> dict[str, Any]:
    """One interaction as it is stored."""
    shown: dict[str, Any] = {
        "id": row.id,
        "occurred_at": instant(row.occurred_at),
        "received_at": instant(row.received_at),
        "claimed_at": instant(row.claimed_at),
        "status": "error" if row.status else "ok",
        "error_class": ErrorClass(row.error_class).name.lower() if row.error_class else None,
        "cache": Cache(row.cache).name.lower(),
        "cost_usd": usd(row.cost_nano),
        "cost_source": CostSource(row.cost_source).name.lower(),
        "flags": _flags(row.flags),
    }
    shown |= {name: getattr(row, name) for name in (*COPIED, *NAMES)}
    shown |= {name: _value(names, dimension, row) for dimension, name in SHOWN.items()}
    return shown | _texts(row, payload)


def belonging(found: Attached) -> dict[str, Any]:
    """What an interaction cost with all records that name it, these records, and what was said of it."""
    return {
        "total_cost_usd": usd(found.total_nano),
        "costs": [_cost(row) for row in found.costs],
        "feedback": [_feedback(row) for row in found.feedback],
    }


def _cost(row: Cost) -> dict[str, Any]:
    return {
        "id": row.id,
        "component": Component(row.component).name.lower(),
        "amount_usd": usd(row.amount_nano),
        "received_at": instant(row.received_at),
        "description": row.description,
        "flags": _flags(row.flags),
    }


def _feedback(row: Feedback) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in SAID}
    return {
        "id": row.id,
        "kind": FeedbackKind(row.kind).name.lower(),
        "occurred_at": instant(row.occurred_at),
        "received_at": instant(row.received_at),
        **shown,
        "flags": _flags(row.flags),
    }


def _flags(bits: int) -> list[str]:
    return [flag.name.lower() for flag in Flag if bits & flag]


def _value(names: Names, dimension: Dimension, row: Interaction) -> str | None:
    number = getattr(row, dimension.column)
    if number == ABSENT:
        return None
    return "other" if number == OTHER else names.get((dimension, number))


def _texts(row: Interaction, payload: Payload | None) -> dict[str, Any]:
    """The texts exactly as stored; chat messages as the list they were, unless they had to be cut."""
    if payload is None:
        return dict.fromkeys(("prompt", "output", "error_message", "retrieval", "metadata", "cut", "text_hash"))
    shown: dict[str, Any] = {"error_message": payload.error_message, "text_hash": payload.text_hash or None}
    for name, is_messages, is_cut in (
        ("prompt", Flag.PROMPT_IS_MESSAGES, Flag.PROMPT_CUT),
        ("output", Flag.OUTPUT_IS_MESSAGES, Flag.OUTPUT_CUT),
    ):
        stored = getattr(payload, name)
        whole = row.flags & is_messages and not row.flags & is_cut
        shown[name] = json.loads(stored) if whole else stored
    for name in ("retrieval", "metadata", "cut"):
        stored = getattr(payload, name)
        shown[name] = json.loads(stored) if stored else None
    return shown
