"""The facts of one message, as they were at the transition: kept as JSON by the outbox, made into every form."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any

TIMES = ("window_start", "window_end", "since", "opened_at", "judged_at", "acknowledged_at", "resolved_at")


@dataclass(frozen=True)
class Missed:
    """An earlier message about the same incident that could not be delivered."""

    kind: str
    severity: str
    at: str


@dataclass(frozen=True)
class Notice:
    """One transition of an incident.

    Values, limits and reference are in the metric's `unit`; `reference_kind` is baseline, previous, budget or empty.
    `trend` holds the values of the windows up to this one, the oldest first.
    `kind` is opened, worsened or resolved; `previous` is the severity before, empty when it opened.
    """

    kind: str
    project: str
    slug: str
    zone: str
    incident_id: int
    rule: str
    metric: str
    title: str
    unit: str
    counted: str
    side: str
    feature: str
    severity: str
    previous: str
    peak_severity: str
    value: float | None
    low: float | None
    high: float | None
    sample_size: int
    minimum_sample: int
    reference: float | None
    reference_kind: str
    warning_at: float | None
    critical_at: float | None
    certainty: str
    is_maturing: bool
    window_start: datetime
    window_end: datetime
    since: datetime
    opened_at: datetime
    judged_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    resolved_by: str = ""
    note: str = ""
    trend: tuple[float, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """As the outbox keeps it: times as RFC 3339."""
        content = asdict(self)
        for name in TIMES:
            content[name] = content[name].isoformat() if content[name] else None
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Notice":
        """Read what `as_json` wrote; fields of another version are left out."""
        known = {field.name for field in fields(cls)}
        values = {name: value for name, value in content.items() if name in known}
        for name in TIMES:
            values[name] = datetime.fromisoformat(values[name]) if values.get(name) else None
        values["trend"] = tuple(values.get("trend", ()))
        return cls(**values)


@dataclass(frozen=True)
class Plain:
    """A message about a receiver itself: a trial that a person asked for, or an address that was switched off."""

    kind: str
    project: str
    slug: str
    title: str
    text: str
    at: str


@dataclass(frozen=True)
class Envelope:
    """Who gets a message, which delivery it is, and what could not be delivered before."""

    delivery_id: int
    message_id: str
    public_url: str
    address: str = ""
    minimum_severity: str = "warning"
    missed: tuple[Missed, ...] = ()
