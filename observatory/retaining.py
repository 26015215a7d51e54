"""The daily duty that keeps things no longer than they are kept: each floor forgets what is its own.

The order is the law of the raw horizon: it moves (metrics), then rows go (ingest), then what nobody else needs.
Steps are named, not imported: this is wiring and stands on no floor.
"""

import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime

from django.utils.module_loading import import_string

STEPS = (
    "observatory.metrics.freezing.advance",
    "ingest.retention.duty.run",
    "observatory.metrics.expiring.run",
    "alerts.expiring.run",
    "observatory.sessions.forget",
)


@dataclass
class Report:
    """What one slice did, all floors together; `left`: the time ended before the work did."""

    horizons_moved: int = 0
    waiting_for_rollups: int = 0
    rows_deleted: int = 0
    partitions_dropped: int = 0
    rollups_deleted: int = 0
    evaluations_deleted: int = 0
    messages_deleted: int = 0
    sessions_deleted: int = 0
    failed: int = 0
    left: bool = False


def retain(
    now: datetime, *, only: Collection[int] | None = None, budget_s: float = 2.0, steps: Sequence[str] = STEPS
) -> Report:
    """One slice of the duty: every step in turn with what is left of the time; most have nothing to do most of the day."""
    report, deadline = Report(), time.monotonic() + budget_s
    for step in steps:
        done = asdict(import_string(step)(now, only=only, budget_s=max(0.1, deadline - time.monotonic())))
        for field in fields(Report):
            mine, more = getattr(report, field.name), done.get(field.name, 0)
            setattr(report, field.name, mine or more if field.name == "left" else mine + more)
    return report
