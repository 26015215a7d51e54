"""What the API says of incidents: limits, value and reference in the metric's unit; unknown is null."""

from typing import TypedDict


class RuleShape(TypedDict):
    """The rule that was broken; `bad_side` is above or below."""

    id: int
    name: str
    bad_side: str


# `from` is a word of the language, so this one cannot be a class.
Spanned = TypedDict("Spanned", {"from": str, "to": str})


class IncidentShape(Spanned):
    """An incident; `from` and `to` are its last judged window, `interval` the 95 % interval of `value`."""

    id: int
    state: str
    severity: str
    peak_severity: str
    rule: RuleShape
    metric: str
    unit: str | None
    feature: str | None
    value: float | None
    interval: tuple[float, float] | None
    sample_size: int
    warning_at: float | None
    critical_at: float | None
    reference: float | None
    since: str
    opened_at: str
    acknowledged_at: str | None
    acknowledged_by: str | None
    resolved_at: str | None
    resolved_by: str | None
    url: str


class EventShape(TypedDict):
    """One thing that happened to an incident."""

    kind: str
    at: str
    window_end: str | None
    severity: str
    previous: str | None
    value: float | None
    sample_size: int
    by: str | None
    note: str | None


class SingleIncidentShape(IncidentShape):
    """An incident with everything that happened to it, in order."""

    events: list[EventShape]


class IncidentsPage(TypedDict):
    """A page of incidents; `next` is the cursor of the page after it, null on the last."""

    items: list[IncidentShape]
    next: str | None
