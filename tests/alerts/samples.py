"""One transition of each kind, as facts."""

from dataclasses import replace
from datetime import UTC, datetime

from alerts.messages.notice import Envelope, Missed, Notice


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


OPENED = Notice(
    kind="opened",
    project="Support assistant",
    slug="support-assistant",
    zone="UTC",
    incident_id=311,
    rule="Thumbs-up rate below its baseline",
    metric="thumbs_up_rate",
    title="Thumbs up",
    unit="ratio",
    counted="ratings",
    side="below",
    feature="write-draft",
    severity="warning",
    previous="",
    peak_severity="warning",
    value=0.692,
    low=0.667,
    high=0.716,
    sample_size=1_402,
    minimum_sample=100,
    reference=0.752,
    reference_kind="baseline",
    warning_at=0.702,
    critical_at=0.652,
    certainty="interval",
    is_maturing=True,
    window_start=at("2026-08-04T00:00"),
    window_end=at("2026-08-11T00:00"),
    since=at("2026-08-11T00:00"),
    opened_at=at("2026-08-12T00:01:05"),
    judged_at=at("2026-08-12T00:01:05"),
    trend=(0.751, 0.748, 0.733, 0.715, 0.692),
)
WORSENED = replace(
    OPENED,
    kind="worsened",
    severity="critical",
    previous="warning",
    peak_severity="critical",
    value=0.641,
    low=0.615,
    high=0.666,
    window_start=at("2026-08-07T00:00"),
    window_end=at("2026-08-14T00:00"),
    judged_at=at("2026-08-15T00:01:05"),
    trend=(*OPENED.trend, 0.671, 0.655, 0.641),
)
RESOLVED = replace(
    WORSENED,
    kind="resolved",
    previous="critical",
    value=0.744,
    low=0.72,
    high=0.766,
    resolved_at=at("2026-08-30T00:01:05"),
    judged_at=at("2026-08-30T00:01:05"),
    trend=(*WORSENED.trend, 0.70, 0.73, 0.744),
)
LATENCY = replace(
    OPENED,
    metric="latency_p95",
    title="Latency p95",
    unit="ms",
    counted="calls",
    side="above",
    rule="Latency p95 against the budget of the feature's type",
    value=9_240.0,
    low=8_100.0,
    high=10_800.0,
    sample_size=412,
    minimum_sample=50,
    reference=8_000.0,
    reference_kind="budget",
    warning_at=8_000.0,
    critical_at=16_000.0,
    certainty="value",
    is_maturing=False,
    window_start=at("2026-08-11T13:45"),
    window_end=at("2026-08-11T14:00"),
    trend=(),
)
ENVELOPE = Envelope(20417, "msg_0123456789abcdef", "https://observatory.example.com", "support-ai-oncall@example.com")
LATER = replace(ENVELOPE, missed=(Missed("opened", "warning", "2026-08-12T00:01:05Z"),))
